"""Robots as a whole: momentum, inertia and balance about their center of mass."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rigid_body import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, dedented
from warpgen.synthesis.writing.trim import trim


@DOMAIN.algorithm(
    source="Orin, Goswami & Lee 2013 (centroidal dynamics); Featherstone 2008, ch. 2; Pratt et al. 2006 (capture point)",
    names={
        "centroidal_state": "centroidal_momentum|whole_body_momentum|balance_state|robot_momentum",
        "link_poses": "link_xform|link_tf",
        "link_twists": "link_vel",
        "link_mass": "link_masses",
        "link_com": "local_com",
        "center": "com|robot_com",
        "linear": "lin_mom",
        "angular": "ang_mom",
        "world_inertia": "inertia_w|i_world|rotated_inertia",
        "robot": "articulation",
        "NUM_LINKS": "LINKS|NUM_BODIES|LINK_COUNT",
    },
    element="robot",
    weight=5,
)
def centroidal_state(d: Draft) -> None:
    """Computes the momentum and inertia of robots about their centers of mass from those of their links."""
    result = d.option("result", "momentum", "average velocity", "capture point", "inertia", "energy")
    d.calls({
        "momentum": "centroidal_momentum|whole_body_momentum|robot_momentum",
        "average velocity": "average_velocity|centroidal_velocity|average_spatial_velocity",
        "capture point": "capture_points|instantaneous_capture_point|compute_capture_points",
        "inertia": "centroidal_inertia|locked_inertia|whole_body_inertia",
        "energy": "robot_kinetic_energy|whole_body_energy|kinetic_energy",
    }[result])  # fmt: skip
    d.says({
        "momentum": "Computes the centroidal momentum of robots from their link velocities.",
        "average velocity": "Computes the center-of-mass velocity and average angular velocity of robots.",
        "capture point": "Computes capture points: where robots need to step to come to rest.",
        "inertia": "Computes the centroidal inertia of robots from their links.",
        "energy": "Computes robot kinetic energy, both summed over links and for an equivalent rigid body.",
    }[result])  # fmt: skip
    tensor = d.option("inertia", "matrix", "diagonal", "principal")
    twist_at = d.option("twists", "center", "origin")
    layout = d.option("layout", "grid", "offsets", weights=(0.7, 0.3))
    frame = d.option("frame", "world", "base")
    robots, links = d.pick(12, 16), d.pick(4, 5, 6)
    many = robots * links
    shape: Any = (robots, links) if layout == "grid" else many
    if layout == "offsets":
        frame = "world"  # a robot without links has no first one
    if frame == "base" and result in ("momentum", "average velocity", "inertia"):
        d.says({
            "momentum": "Computes the centroidal momentum of robots, expressed in the frame of the first link.",
            "average velocity": "Computes the center-of-mass velocity and average angular velocity of robots, in the frame of the first link.",
            "inertia": "Computes the centroidal inertia of robots, expressed in the frame of the first link.",
        }[result])  # fmt: skip
    if layout == "grid":
        d.module(f"NUM_LINKS = wp.constant({links})")
    else:
        d.forward_only()  # means over links of any number
    if layout == "offsets":
        d.input(
            "first_link",
            "int",
            robots + 1,
            high=many,
            kind="offsets",
            about="First link index per robot, followed by the total number of links",
        )
    d.input("link_poses", "transform", shape, -1.0, 1.0, kind="transform", about="World-space link poses")
    d.input(
        "link_twists",
        "spatial_vector",
        shape,
        -1.0,
        1.0,
        about="Link twists: linear [m/s], then angular velocity [rad/s]",
    )
    d.input("link_mass", "float", shape, 0.5, 3.0, about="Link masses [kg]")
    d.input("link_com", "vec3", shape, -0.2, 0.2, about="Centers of mass in link space [m]")
    if tensor == "matrix":
        d.input(
            "inertias",
            "mat33",
            shape,
            0.15,
            0.3,
            kind="spd",
            about="Inertia tensors about the centers of mass [kg m^2]",
        )
    elif tensor == "diagonal":
        d.input(
            "inertias",
            "vec3",
            shape,
            0.15,
            0.3,
            about="Principal inertias along the link axes [kg m^2]",
        )
    else:
        d.input("inertias", "vec3", shape, 0.15, 0.3, about="Principal inertias [kg m^2]")
        d.input(
            "inertia_frames",
            "quat",
            shape,
            kind="unit",
            about="Rotations from principal axes to link frames",
        )
    out = {
        "momentum": ("momenta", "spatial_vector", "Linear and angular momentum about the center of mass"),
        "average velocity": (
            "mean_twists",
            "spatial_vector",
            "Center-of-mass velocity, then average angular velocity",
        ),
        "capture point": ("capture", "vec2", "Capture point [m]"),
        "inertia": ("composite", "mat33", "Composite inertia about the center of mass [kg m^2]"),
        "energy": ("energies", "vec2", "Kinetic energy of the links, and of the equivalent rigid body [J]"),
    }[result]
    if result == "capture point":
        d.param("gravity", "float", 9.81, about="Gravity [m/s^2]")
        d.param("com_height", "float", 0.7, 1.0, about="Center-of-mass height above the feet [m]")
    d.output(out[0], out[1], robots, about=out[2])
    at = "robot, k" if layout == "grid" else "k"
    loop = "for k in range(NUM_LINKS):" if layout == "grid" else "for k in range(first, last):"
    inertia = {
        "matrix": f"""
            turn = wp.quat_to_matrix(wp.transform_get_rotation(pose))
            world_inertia = turn * inertias[{at}] * wp.transpose(turn)
        """,
        "diagonal": f"""
            turn = wp.quat_to_matrix(wp.transform_get_rotation(pose))
            world_inertia = turn * wp.diag(inertias[{at}]) * wp.transpose(turn)
        """,
        "principal": f"""
            turn = wp.quat_to_matrix(wp.transform_get_rotation(pose) * inertia_frames[{at}])
            world_inertia = turn * wp.diag(inertias[{at}]) * wp.transpose(turn)
        """,
    }[tensor]
    velocity = "vel = wp.spatial_top(twist)"
    if twist_at == "origin":
        velocity = (
            "# Twists are given at the link origins: shift to the centers of mass\n"
            f"vel = wp.spatial_top(twist) + wp.cross(omega, wp.quat_rotate(wp.transform_get_rotation(pose), link_com[{at}]))"
        )
    into_base = {
        "momentum": "momenta[robot] = wp.spatial_vector(wp.quat_rotate_inv(base, linear), wp.quat_rotate_inv(base, angular))",
        "average velocity": "mean_twists[robot] = wp.spatial_vector(wp.quat_rotate_inv(base, velocity), wp.quat_rotate_inv(base, spin))",
        "inertia": "base_turn = wp.quat_to_matrix(base)\ncomposite[robot] = wp.transpose(base_turn) * composed * base_turn",
    }
    in_world = {
        "momentum": "momenta[robot] = wp.spatial_vector(linear, angular)",
        "average velocity": "mean_twists[robot] = wp.spatial_vector(velocity, spin)",
        "inertia": "composite[robot] = composed",
        "capture point": """
            # Linear inverted pendulum: x + v sqrt(height / g)
            fall_time = wp.sqrt(com_height / gravity)
            capture[robot] = wp.vec2(center[0] + fall_time * velocity[0], center[1] + fall_time * velocity[1])
        """,
        "energy": """
            # As a single rigid body, the robot keeps its momentum but loses joint motion
            as_one = 0.5 * wp.dot(linear, velocity) + 0.5 * wp.dot(angular, spin)
            energies[robot] = wp.vec2(kinetic, as_one)
        """,
    }
    local = frame == "base" and result in into_base
    store = (
        f"# Express in the frame of the first link\nbase = wp.transform_get_rotation(link_poses[robot, 0])\n{into_base[result]}"
        if local
        else dedented(in_world[result])
    )
    mean = result in ("average velocity", "energy")
    d.launch(robots)
    d.code(
        """
        robot = wp.tid()
        $span
        # --- $first ---
        total_mass = float(0.0)
        weighted = wp.vec3(0.0, 0.0, 0.0)
        linear = wp.vec3(0.0, 0.0, 0.0)
        $loop
            pose = link_poses[$at]
            twist = link_twists[$at]
            $turning
            $velocity
            total_mass += link_mass[$at]
            weighted += link_mass[$at] * wp.transform_point(pose, link_com[$at])
            linear += link_mass[$at] * vel
        center = weighted / total_mass
        velocity = linear / total_mass
        $second
        $solve
        $store
        """,
        loop=loop,
        at=at,
        first={
            "inertia": "Center of mass",
            "momentum": "Center of mass and linear momentum",
        }.get(result, "Center of mass and its velocity"),
        turning="omega = wp.spatial_bottom(twist)" if twist_at == "origin" else "",
        span=""
        if layout == "grid"
        else "first = first_link[robot]\nlast = first_link[robot + 1]\n"
        "# Skip robots without links, since they have no center of mass\nif first == last:\n    return",
        velocity=velocity,
        second=_second(loop, at, dedented(inertia), velocity, result),
        solve="# Locked velocity: the rigid-body velocity with the same momentum\nspin = wp.inverse(composed) * angular"
        if mean
        else "",
        store=store,
    )
    trim(d)
    momentum = "l = sum R I R^T w + m s x v with s = c_i - c"
    tensors = "I_c = sum R I R^T + m (|s|^2 1 - s s^T)"
    d.explain({
        "momentum": f"The angular momentum is {momentum}, summed over links i.",
        "average velocity": f"The average angular velocity is that of a rigid body with inertia {tensors} and angular momentum {momentum}.",
        "capture point": "The robot is modeled as a linear inverted pendulum with constant height; z is up.",
        "inertia": f"The inertia is {tensors} with s = c_i - c, summed over links i.",
        "energy": f"The equivalent rigid body has inertia {tensors} and angular momentum {momentum}.",
    }[result])  # fmt: skip

    def reference(v: Values) -> dict[str, Any]:
        made: dict[str, Any] = {
            name: [] for name in ("momenta", "mean_twists", "capture", "composite", "energies")
        }
        for r in range(robots):
            ids: Any = (r, slice(None)) if layout == "grid" else slice(v.first_link[r], v.first_link[r + 1])
            q, m, off = v.link_poses[ids], v.link_mass[ids], v.link_com[ids]
            tw = np.zeros((len(m), 6)) if result == "inertia" else v.link_twists[ids]
            base = _matrices(
                v.link_poses[(r, 0) if layout == "grid" else min(v.first_link[r], many - 1)][None, 3:]
            )[0]  # the first of all stands in where frames are those of the world
            turn = _matrices(q[:, 3:])
            body = np.ones((len(m), 3)) if result == "capture point" else v.inertias[ids]
            if body.ndim == 2:
                body = np.einsum("ki,ij->kij", body, np.eye(3))
            if tensor == "principal" and result != "capture point":
                p = _matrices(v.inertia_frames[ids])
                body = p @ body @ p.swapaxes(1, 2)
            world = turn @ body @ turn.swapaxes(1, 2)
            arm = np.einsum("kij,kj->ki", turn, off)
            x, w = q[:, :3] + arm, tw[:, 3:]
            vel = tw[:, :3] + (np.cross(w, arm) if twist_at == "origin" else 0.0)
            if not len(m):
                for rows in made.values():
                    rows.append(np.zeros(np.shape(v[out[0]])[1:]))
                continue
            mass = m.sum()
            c, lin = m @ x / mass, m @ vel
            s = x - c
            ang = np.einsum("kij,kj->i", world, w) + (m[:, None] * np.cross(s, vel)).sum(0)
            whole = world.sum(0) + sum(
                (mm * (ss @ ss * np.eye(3) - np.outer(ss, ss)) for mm, ss in zip(m, s, strict=True)),
                np.zeros((3, 3)),
            )
            if result == "inertia":
                made["composite"].append(base.T @ whole @ base if local else whole)
                continue
            spin = np.linalg.solve(whole, ang)
            to = base.T if local else np.eye(3)
            made["momenta"].append([*(to @ lin), *(to @ ang)])
            made["mean_twists"].append([*(to @ lin / mass), *(to @ spin)])
            made["capture"].append(
                (c + np.sqrt(v.com_height / v.gravity) * lin / mass)[:2] if result == "capture point" else c
            )
            kinetic = 0.5 * (m * (vel**2).sum(1)).sum() + 0.5 * np.einsum("ki,kij,kj", w, world, w)
            made["energies"].append([kinetic, 0.5 * lin @ lin / mass + 0.5 * ang @ spin])
        return {out[0]: np.array(made[out[0]])}

    d.check(reference, 5e-3)


def _second(loop: str, at: str, inertia: str, velocity: str, result: str) -> str:
    """The pass over the links that needs the center of mass; "" where nothing of it is wanted."""
    if result == "capture point":
        return ""
    about = {"inertia": "Inertia", "momentum": "Angular momentum"}.get(result, "Inertia and angular momentum")
    lines = [f"# --- {about} about the center of mass ---"]
    lines += {"inertia": [], "energy": ["kinetic = float(0.0)"]}.get(result, [])
    if result != "inertia":
        lines.append("angular = wp.vec3(0.0, 0.0, 0.0)")
    composite = result in ("inertia", "average velocity", "energy")
    if composite:
        lines.append("composed = wp.mat33(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)")
    lines.append(loop)
    inner = [f"pose = link_poses[{at}]"]
    if result != "inertia":
        inner += [f"twist = link_twists[{at}]", "omega = wp.spatial_bottom(twist)", velocity.split("\n")[-1]]
    inner += [*inertia.split("\n"), f"arm = wp.transform_point(pose, link_com[{at}]) - center"]
    if result != "inertia":
        inner.append(f"angular += world_inertia * omega + link_mass[{at}] * wp.cross(arm, vel)")
    if composite:
        inner += [
            "# Parallel axis theorem: m [s]^T [s] with the cross product matrix of s",
            "lever = wp.skew(arm)",
            f"composed += world_inertia + link_mass[{at}] * wp.transpose(lever) * lever",
        ]
    if result == "energy":
        inner.append(
            f"kinetic += 0.5 * link_mass[{at}] * wp.length_sq(vel) + 0.5 * wp.dot(omega, world_inertia * omega)"
        )
    return "\n".join(lines) + "\n" + textwrap.indent("\n".join(inner), "    ")


def _matrices(q: Any) -> Any:
    x, y, z, w = q.T
    rows = [[1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]]  # fmt: skip
    return np.moveaxis(np.array(rows), 2, 0)
