"""What a policy sees of a walking robot."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.neural import DOMAIN
from warpgen.synthesis.algorithms.neural import _robots as robots
from warpgen.synthesis.writing.draft import Draft, Values, fill


def _write(array: str, col: str, value: str, noise: bool) -> str:
    return f"write_obs({array}, world, {col}, {value}, {'noise[world, ' + col + '] * scales.noise, ' if noise else ''}scales.clip)"


@DOMAIN.algorithm(
    source="Rudin et al. 2022, Learning to walk in minutes; Zhou et al. 2019 (rotations in six numbers)",
    names={
        "build_observations": "compute_observations|assemble_obs|observe_robots",
        "root_pose": "base_pose|body_q|root_transform",
        "obs": "obs_buf|observations|policy_input",
        "scales": "obs_scales|cfg|norm",
        "actions": "last_actions|prev_actions|action_buf",
        "done": "reset_buf|is_reset|just_reset",
        "col": "at_col|idx|cursor",
        "world": "env|env_id|w",
        "noise": "obs_noise|noise_buf",
    },
    weight=5,
)
def build_observations(d: Draft) -> None:
    """Computes observation vectors for legged robots, one row per world."""
    rotation = d.option("rotation", "gravity", "quaternion", "six numbers")
    command = d.option("command", "velocity", "goal", "heading")
    terrain = d.option("terrain", "none", "heights", weights=(0.55, 0.45))
    contact = d.option("contact", "none", "flags", "forces")
    clock = d.option("clock", "none", "sine", "feet")
    joints = d.option("joints", "relative", "normalised")
    noisy = d.flag("noise", 0.4)
    history = d.option("history", "none", "stack")
    reset = d.option("reset", "none", "done", "lengths")
    worlds, dofs, feet = d.pick(12, 16), d.pick(6, 8), d.pick(2, 4)
    grid = d.pick(8, 10)
    size = 6 + {"gravity": 3, "quaternion": 4, "six numbers": 6}[rotation]
    size += {"velocity": 3, "goal": 3, "heading": 2}[command] + 3 * dofs
    size += (9 if terrain == "heights" else 0) + (0 if contact == "none" else feet)
    size += {"none": 0, "sine": 2, "feet": feet}[clock]
    many = (worlds, dofs)
    d.input("root_pose", "transform", worlds, 0.2, 0.6, kind="transform", about="world-frame base pose")
    d.input("root_vel", "spatial_vector", worlds, -1.0, 1.0,
            about="world-frame base linear and angular velocity")  # fmt: skip
    if command == "velocity":
        d.input("commands", "vec3", worlds, -1.0, 1.0, about="commanded forward, lateral and yaw velocity")
    elif command == "goal":
        d.input("goals", "vec3", worlds, -2.0, 2.0, about="world-frame goal positions")
    else:
        d.input("headings", "float", worlds, -3.0, 3.0, about="commanded heading [rad]")
    d.input("joint_pos", "float", many, -1.0, 1.0, about="joint angles [rad]")
    d.input("joint_vel", "float", many, -3.0, 3.0, about="joint velocities [rad/s]")
    if joints == "relative":
        d.input("default_pos", "float", dofs, -0.3, 0.3, about="default joint positions [rad]")
    else:
        d.input("joint_lower", "float", dofs, -1.6, -1.0, about="joint lower limits [rad]")
        d.input("joint_upper", "float", dofs, 1.0, 1.6, about="joint upper limits [rad]")
    d.input("actions", "float", many, -1.0, 1.0, about="previous actions")
    if contact == "flags":
        d.input("foot_contact", "bool", (worlds, feet), about="foot contact flags")
    elif contact == "forces":
        d.input("foot_force", "vec3", (worlds, feet), -5.0, 40.0, about="contact force at each foot [N]")
    if clock != "none":
        d.input("phase", "float", worlds, 0.0, 1.0, about="gait phase")
    if reset == "done":
        d.mask("done", "bool", worlds, rare=True, about="True for worlds that were just reset")
    elif reset == "lengths":
        d.input("episode_length", "int", worlds, 0, 3, about="steps since the last reset")
    if terrain == "heights":
        bounds = {
            "heights": fill(-0.1, 0.1, shape=(grid, grid)),
            "origin": fill(-1.2, -1.0),
            "spacing": fill(0.24, 0.28),
        }
        d.struct("terrain", robots.TERRAIN, bounds, about="terrain height field")
    if noisy:
        about = "uniform noise samples, not applied to exactly known entries"
        d.input("noise", "float", (worlds, size), -1.0, 1.0, about=about)
    ranges = {
        "lin_vel": (1.5, 2.5), "ang_vel": (0.2, 0.3), "joint_pos": (0.8, 1.2), "joint_vel": (0.05, 0.1),
        "height": (2.0, 4.0), "force": (0.01, 0.05), "clip": (1.5, 2.0), "noise": (0.02, 0.1),
    }  # fmt: skip
    unused = {"joint_pos"} if joints != "relative" else set()
    unused |= {"height"} if terrain == "none" else set()
    unused |= {"force"} if contact != "forces" else set()
    unused |= {"noise"} if not noisy else set()
    ranges = {name: ends for name, ends in ranges.items() if name not in unused}
    d.struct(
        "scales",
        robots.obs_scales(list(ranges)),
        {k: fill(*r) for k, r in ranges.items()},
        about="per-group observation scales",
    )
    stacked = history == "stack"
    d.module(f"NUM_DOFS = wp.constant({dofs})")
    if "feet" in (clock, "feet" if contact != "none" else ""):
        d.module(f"NUM_FEET = wp.constant({feet})")
    if stacked:
        d.module(f"NUM_OBS = wp.constant({size})")
        d.input("obs_last", "float", (worlds, size), -1.0, 1.0, about="previous observations")
        d.output("obs", "float", (worlds, 2 * size), about="current and previous observations, concatenated")
    else:
        d.output("obs", "float", (worlds, size), about="observations, one row per world")
    extra = "noise_value: float, " if noisy else ""
    d.function(
        f"""
        @wp.func
        def write_obs(obs: wp.array2d(dtype=float), world: int, col: int, raw: float, {extra}limit: float):
            \"\"\"{"Add noise to one observation, clip it and" if noisy else "Clip one observation and"} store it.\"\"\"
            obs[world, col] = wp.clamp({"raw + noise_value" if noisy else "raw"}, -limit, limit)
        """
    )
    d.function("""
        @wp.func
        def yaw_of(rot: wp.quat) -> float:
            \"\"\"Return the heading (yaw) of the local x axis.\"\"\"
            forward = wp.quat_rotate(rot, wp.vec3(1.0, 0.0, 0.0))
            return wp.atan2(forward[1], forward[0])
    """)
    if terrain == "heights":
        d.use(robots.TERRAIN_HEIGHT)

    def write(col: str, value: str, sensed: bool = True) -> str:
        text = _write("obs", col, value, noisy)
        return text if sensed else text.replace(f"noise[world, {col}] * scales.noise", "0.0")

    def three(name: str, scale: str) -> str:
        rows = "\n".join(
            write("col" if k == 0 else f"col + {k}", f"{name}[{k}]{' * scales.' + scale if scale else ''}")
            for k in range(3)
        )
        return f"{rows}\ncol += 3"

    tilt = {
        "gravity": "# --- Orientation ---\ngravity = wp.quat_rotate_inv(rot, wp.vec3(0.0, 0.0, -1.0))\n"
        + three("gravity", ""),
        "quaternion": (
            "# Canonicalize the sign, since q and -q are the same rotation\n"
            "side = wp.where(rot[3] < 0.0, -1.0, 1.0)\n"
            + "\n".join(write("col" if k == 0 else f"col + {k}", f"side * rot[{k}]") for k in range(4))
            + "\ncol += 4"
        ),
        "six numbers": (
            "# 6D rotation: two columns of the rotation matrix, which is continuous\n"
            "axis_x = wp.quat_rotate(rot, wp.vec3(1.0, 0.0, 0.0))\n"
            + three("axis_x", "")
            + "\naxis_y = wp.quat_rotate(rot, wp.vec3(0.0, 1.0, 0.0))\n"
            + three("axis_y", "")
        ),
    }[rotation]
    order = {
        "velocity": (
            "# --- Command ---\ncmd = commands[world]\n"
            + write("col", "cmd[0] * scales.lin_vel", False)
            + "\n"
            + write("col + 1", "cmd[1] * scales.lin_vel", False)
            + "\n"
            + write("col + 2", "cmd[2] * scales.ang_vel", False)
            + "\ncol += 3"
        ),
        "goal": (
            "# Goal direction in the yaw frame and distance\n"
            "to_goal = goals[world] - pos\n"
            "heading = yaw_of(rot)\n"
            "cos_yaw = wp.cos(heading)\n"
            "sin_yaw = wp.sin(heading)\n"
            "goal_x = cos_yaw * to_goal[0] + sin_yaw * to_goal[1]\n"
            "goal_y = cos_yaw * to_goal[1] - sin_yaw * to_goal[0]\n"
            "goal_dist = wp.sqrt(goal_x * goal_x + goal_y * goal_y + 1.0e-6)\n"
            + write("col", "goal_x / goal_dist")
            + "\n"
            + write("col + 1", "goal_y / goal_dist")
            + "\n"
            + write("col + 2", "goal_dist")
            + "\ncol += 3"
        ),
        "heading": (
            "# Use cos and sin, since the angle wraps at +-pi\n"
            + ("yaw = yaw_of(rot)\n" if terrain == "heights" else "")
            + f"heading_err = headings[world] - {'yaw' if terrain == 'heights' else 'yaw_of(rot)'}\n"
            + write("col", "wp.cos(heading_err)")
            + "\n"
            + write("col + 1", "wp.sin(heading_err)")
            + "\ncol += 2"
        ),
    }[command]
    q = (
        "(joint_pos[world, dof] - default_pos[dof]) * scales.joint_pos"
        if joints == "relative"
        else "2.0 * (joint_pos[world, dof] - lower) / (joint_upper[dof] - lower) - 1.0"
    )
    limit = (
        ""
        if joints == "relative"
        else "# Normalize joint positions to [-1, 1] using the limits\nlower = joint_lower[dof]"
    )
    fresh = {"done": "done[world]", "lengths": "episode_length[world] == 0", "none": ""}[reset]
    heights = ""
    if terrain == "heights":
        d.module("GRID_DX = wp.constant(0.4)  # [m]\nGRID_DY = wp.constant(0.3)  # [m]")
        yaw = "yaw = yaw_of(rot)\n" if command == "velocity" else ""
        turned = "" if command == "goal" else f"{yaw}cos_yaw = wp.cos(yaw)\nsin_yaw = wp.sin(yaw)\n"
        heights = turned.replace("\n", "\n        ")
        heights = f"""
        # Height scan on a 3 x 3 grid in the yaw frame
        {heights}for gx in range(3):
            for gy in range(3):
                local_x = GRID_DX * float(gx - 1)
                local_y = GRID_DY * float(gy - 1)
                sample_x = pos[0] + cos_yaw * local_x - sin_yaw * local_y
                sample_y = pos[1] + sin_yaw * local_x + cos_yaw * local_y
                clearance = pos[2] - terrain_height(terrain, sample_x, sample_y)
                {write("col", "clearance * scales.height")}
                col += 1
        """
    contacts = {
        "none": "",
        "flags": f"""
        # --- Contacts ---
        for foot in range(NUM_FEET):
            touching = wp.where(foot_contact[world, foot], 1.0, 0.0)
            {write("col", "touching")}
            col += 1
        """,
        "forces": f"""
        # --- Contacts: clamp to compressive forces ---
        for foot in range(NUM_FEET):
            push = wp.max(foot_force[world, foot][2], 0.0)
            {write("col", "wp.log(1.0 + push * scales.force)")}
            col += 1
        """,
    }[contact]
    clocks = {
        "none": "",
        "sine": f"""
        # --- Gait clock ---
        turn = 2.0 * wp.pi * phase[world]
        {write("col", "wp.sin(turn)", False)}
        {write("col + 1", "wp.cos(turn)", False)}
        """,
        "feet": f"""
        # Gait clock, with adjacent feet half a cycle apart
        for foot in range(NUM_FEET):
            turn = 2.0 * wp.pi * (phase[world] + 0.5 * float({"foot % 2" if feet > 2 else "foot"}))
            {write("col", "wp.sin(turn)", False)}
            col += 1
        """,
    }[clock]
    stack = ""
    if stacked:
        stack = f"""
        # --- History ---
        for k in range(NUM_OBS):
            {"# No history after a reset, so repeat the first observation" if fresh else ""}
            {"if is_fresh:" if fresh else ""}
            {"    obs[world, NUM_OBS + k] = obs[world, k]" if fresh else ""}
            {"else:" if fresh else ""}
            {"    " if fresh else ""}obs[world, NUM_OBS + k] = obs_last[world, k]
        """
        stack = "\n".join(line for line in stack.split("\n") if line.strip())
        if fresh:
            d.forward_only()  # it reads what it has just written
    action = "action" if fresh else "actions[world, dof]"
    d.launch(worlds)
    d.code(
        f"""
        world = wp.tid()
        pose = root_pose[world]
        $pos
        rot = wp.transform_get_rotation(pose)
        $fresh
        col = int(0)
        # --- Base velocity in the base frame ---
        v_base = wp.quat_rotate_inv(rot, wp.spatial_top(root_vel[world]))
        $lin
        w_base = wp.quat_rotate_inv(rot, wp.spatial_bottom(root_vel[world]))
        $ang
        $tilt
        $order
        # --- Joints ---
        for dof in range(NUM_DOFS):
            $limit
            {write("col", q)}
            {write("col + NUM_DOFS", "joint_vel[world, dof] * scales.joint_vel")}
            $action
            {write("col + 2 * NUM_DOFS", action, False)}
            col += 1
        $past_joints
        $heights
        $contacts
        $clocks
        $stack
        """,
        pos="pos = wp.transform_get_translation(pose)" if command == "goal" or terrain == "heights" else "",
        fresh=f"is_fresh = {fresh}" if fresh else "",
        lin=three("v_base", "lin_vel"),
        ang=three("w_base", "ang_vel"),
        tilt=tilt,
        order=order,
        limit=limit,
        past_joints="col += 2 * NUM_DOFS" if heights or contacts or clocks else "",
        action="# Zero on reset, so actions do not leak from the previous episode\naction = wp.where(is_fresh, 0.0, actions[world, dof])"
        if fresh
        else "",
        heights=heights,
        contacts=contacts,
        clocks=clocks,
        stack=stack,
    )
    if terrain == "none" and command == "velocity":
        d.functions = [f for f in d.functions if "def yaw_of" not in f]
    kept = " stacked with the previous step" if stacked else ""
    d.says(f"Computes {'noisy ' * noisy}observation vectors for legged robots{kept}, one row per world.")
    groups = ["joint velocities", "last actions"]
    groups += ["heights above the terrain"] if terrain == "heights" else []
    groups += {"none": [], "flags": ["foot contacts"], "forces": ["foot forces"]}[contact]
    groups += [] if clock == "none" else ["gait clock"]
    d.explain(
        "Layout: base linear velocity (3), base angular velocity (3), orientation, command, joint positions,\n"
        f"{', '.join(groups[:-1])} and {groups[-1]}. All entries are clipped, most after scaling."
    )

    def reference(v: Values) -> dict[str, Any]:
        s = {k: v[f"scales.{k}"] for k in ranges}
        at, q = v.root_pose[:, :3], v.root_pose[:, 3:]
        rows = [
            robots.into_body(q, v.root_vel[:, :3]) * s["lin_vel"],
            robots.into_body(q, v.root_vel[:, 3:]) * s["ang_vel"],
        ]
        back = q * np.array([-1.0, -1.0, -1.0, 1.0])
        axes = [robots.into_body(back, e) for e in np.eye(3)]
        rows += {
            "gravity": lambda: [robots.into_body(q, np.array([0.0, 0.0, -1.0]))],
            "quaternion": lambda: [q * np.where(q[:, 3:] < 0, -1.0, 1.0)],
            "six numbers": lambda: axes[:2],
        }[rotation]()
        yaw = np.arctan2(axes[0][:, 1], axes[0][:, 0])
        if command == "velocity":
            rows.append(v.commands * np.array([s["lin_vel"], s["lin_vel"], s["ang_vel"]]))
        elif command == "goal":
            gap = v.goals - at
            z = (gap[:, 0] + 1j * gap[:, 1]) * np.exp(-1j * yaw)
            far = np.sqrt(np.abs(z) ** 2 + 1e-6)
            rows.append(np.stack([z.real / far, z.imag / far, far], axis=1))
        else:
            rows.append(np.stack([np.cos(v.headings - yaw), np.sin(v.headings - yaw)], axis=1))
        exact = rows[-1:] if command == "velocity" else []
        new = np.zeros(worlds, bool)
        if reset != "none":
            new = v.done if reset == "done" else v.episode_length == 0
        if joints == "relative":
            rows.append((v.joint_pos - v.default_pos) * s["joint_pos"])
        else:
            low, high = v.joint_lower, v.joint_upper
            rows.append(2 * (v.joint_pos - low) / (high - low) - 1)
        rows += [v.joint_vel * s["joint_vel"], np.where(new[:, None], 0.0, v.actions)]
        exact.append(rows[-1])
        if terrain == "heights":
            for x in (-0.4, 0.0, 0.4):
                for y in (-0.3, 0.0, 0.3):
                    z = at[:, 0] + 1j * at[:, 1] + (x + 1j * y) * np.exp(1j * yaw)
                    g = (np.stack([z.real, z.imag], axis=1) - v["terrain.origin"]) / v["terrain.spacing"]
                    rows.append(
                        ((at[:, 2] - robots.ground_at(v["terrain.heights"], g)) * s["height"])[:, None]
                    )
        if contact == "flags":
            rows.append(v.foot_contact.astype(float))
        elif contact == "forces":
            rows.append(np.log(1 + np.maximum(v.foot_force[..., 2], 0) * s["force"]))
        if clock == "sine":
            rows.append(np.stack([np.sin(2 * np.pi * v.phase), np.cos(2 * np.pi * v.phase)], axis=1))
        elif clock == "feet":
            rows.append(np.sin(2 * np.pi * (v.phase[:, None] + 0.5 * (np.arange(feet) % 2))))
        exact += rows[-1:] if clock != "none" else []
        felt = np.concatenate([np.full(r.shape[1], not any(r is e for e in exact)) for r in rows])
        made = np.concatenate(rows, axis=1) + (v.noise * s["noise"] * felt if noisy else 0.0)
        made = np.clip(made, -s["clip"], s["clip"])
        if stacked:
            made = np.concatenate([made, np.where(new[:, None], made, v.obs_last)], axis=1)
        return {"obs": made}

    d.check(reference, 2e-3)
