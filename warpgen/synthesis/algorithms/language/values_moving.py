"""What moving and turning frames do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.language import DOMAIN
from warpgen.synthesis.algorithms.language.values import product
from warpgen.synthesis.writing.draft import Draft, Values

_Formulas = dict[str, Callable[[], Any]]


@DOMAIN.algorithm(
    source="Featherstone 2008, ch. 2; Diebel 2006",
    names={
        "moving_frames": "twist_kernel|spatial_motion|frame_rates",
        "twists": "velocities|body_qd|motions",
        "others": "second_twists|joint_axes|axes",
        "rotations": "orientations|quats",
        "offset": "arm|lever",
        "q": "rot|attitude|r",
    },
    adjoint="either",
    weight=3,
)
def moving_frames(d: Draft) -> None:
    """Computes the kinematics of moving frames."""
    kind = d.option("kind", "point", "bracket", "angles", "inverse", "step", "real part")
    d.calls({
        "point": "point_velocities|velocity_at_points|frame_point_velocity",
        "bracket": "twist_brackets|lie_bracket|cross_twists",
        "angles": "euler_angles|quat_to_euler",
        "inverse": "invert_rotations|conjugate_rotations|inverse_rotations",
        "step": "integrate_rotations|rotate_frames|advance_rotations",
        "real part": "complete_quaternions|rotations_from_imaginary|restore_real_part",
    }[kind])  # fmt: skip
    source = d.option("offset", "given", "per frame")
    apart = d.option("place", "inline", "function")
    wrapped = d.flag("negated")
    d.says({
        "point": "Computes the velocity of points attached to moving frames.",
        "bracket": "Computes twist cross products, as used for articulated-body accelerations.",
        "angles": "Converts rotations to x-y-z Euler angles.",
        "inverse": "Inverts unit quaternions by negating the vector part.",
        "step": f"Integrates rotations {'backward' if wrapped else 'forward'} using angular velocities and an explicit Euler step.",
        "real part": "Reconstructs the real part of unit quaternions from the imaginary part.",
    }[kind])  # fmt: skip
    n = d.pick(48, 64, 96)
    twisted, turned_ = kind in ("point", "bracket"), kind in ("angles", "inverse", "step")
    if twisted:
        d.input("twists", "spatial_vector", n, -1.0, 1.0, about="spatial velocities (angular, linear)")
    if turned_:
        d.input("rotations", "quat", n, kind="unit", about="rotations")
    if kind == "bracket":
        d.input("others", "spatial_vector", n, -1.0, 1.0, about="second operand of the cross product")
    extra = {"point": "offset", "step": "omega"}.get(kind, "")
    about = (
        "point offset from the frame origin" if extra == "offset" else "world-space angular velocity [rad/s]"
    )
    if extra and source == "given":
        d.param(extra, "vec3", -1.0, 1.0, about=about)
    elif extra:
        d.input(f"{extra}s", "vec3", n, -1.0, 1.0, about=about)
    if kind == "real part":
        d.input("imaginary", "vec3", n, -0.57, 0.57, about="imaginary parts (length below one)")
    if kind == "step":
        d.param("dt", "float", 0.01, 0.1, about="time step")
    type_ = {"point": "vec3", "bracket": "spatial_vector", "angles": "vec3"}.get(kind, "quat")
    out, function, about = {
        "point": ("point_vels", "velocity_of_point", "point velocities"),
        "bracket": ("brackets", "bracket_of", "cross products"),
        "angles": ("euler", "euler_angles_of", "extrinsic x-y-z Euler angles [rad]"),
        "inverse": ("inverses", "inverse_of", "inverse rotations"),
        "step": ("turned", "turn_on", "updated rotations"),
        "real part": ("completed", "complete", "unit quaternions"),
    }[kind]
    if kind == "step" and wrapped:
        function = "turn_back"
    d.output(out, type_, n, about=about)
    given = f"{extra}s[tid]" if source == "per frame" else extra
    minus = "-" if wrapped and kind == "step" else ""
    lines, value, heads, call = {
        "point": (
            "",
            "wp.velocity_at_point(v, offset)",
            "v: wp.spatial_vector, offset: wp.vec3",
            f"twists[tid], {given}",
        ),
        "bracket": (
            "",
            "wp.spatial_cross(v, w)",
            "v: wp.spatial_vector, w: wp.spatial_vector",
            "twists[tid], others[tid]",
        ),
        "angles": (
            "# Same axis sequence as quat_from_euler",
            "wp.quat_to_euler(q, 0, 1, 2)",
            "q: wp.quat",
            "rotations[tid]",
        ),
        "inverse": (
            "",
            "wp.quaternion(-q[0], -q[1], -q[2], q[3])"
            if wrapped
            else "wp.quaternion(-wp.vec3(q[0], q[1], q[2]), q[3])",
            "q: wp.quat",
            "rotations[tid]",
        ),
        "step": (
            f"# dq/dt = 0.5 * (w, 0) * q, with w in world space\nrate = wp.quaternion({minus}omega, 0.0) * q",
            "wp.normalize(q + 0.5 * dt * rate)",
            "q: wp.quat, omega: wp.vec3, dt: float",
            f"rotations[tid], {given}, dt",
        ),
        "real part": (
            "# Clamp since rounding may yield slightly negative values\nreal = wp.sqrt(wp.max(1.0 - wp.length_sq(v), 0.0))",
            "wp.quaternion(v, real)",
            "v: wp.vec3",
            "imaginary[tid]",
        ),
    }[kind]
    d.launch(n)
    if apart == "function" and kind not in ("point", "bracket", "angles"):  # which are a builtin each
        d.function(f"@wp.func\ndef {function}({heads}):\n    $lines\n    return {value}", lines=lines)
        d.code(f"tid = wp.tid()\n{out}[tid] = {function}({call})")
    else:
        locals_ = [head.split(":")[0].strip() for head in heads.split(",")]
        pairs = zip(locals_, call.split(", "), strict=True)
        reads = "\n".join(f"{name} = {text}" for name, text in pairs if name != text)
        d.code(f"tid = wp.tid()\n$reads\n$lines\n{out}[tid] = {value}", reads=reads, lines=lines)

    def agree(before: Values, after: Values) -> None:
        v, sign = before, -1.0 if wrapped and kind == "step" else 1.0
        if kind == "angles":
            e = after[out]
            parts = [np.zeros((n, 4)) for _ in range(3)]
            for k in range(3):
                parts[k][:, k] = np.sin(e[:, k] / 2)
                parts[k][:, 3] = np.cos(e[:, k] / 2)
            q = product(product(parts[2], parts[1]), parts[0])
            same = np.abs((q * v.rotations).sum(axis=1))
            assert (same > 1 - 1e-3).mean() > 0.97
            return
        zero = np.zeros((n, 1))
        first, last = (v.twists[:, :3], v.twists[:, 3:]) if twisted else (zero, zero)

        def bracket() -> Any:
            a, b = v.others[:, :3], v.others[:, 3:]
            return np.concatenate([np.cross(first, a), np.cross(last, a) + np.cross(first, b)], axis=1)

        def step() -> Any:
            omega = np.broadcast_to(v["omega" if source == "given" else "omegas"], (n, 3))
            q = v.rotations + 0.5 * v.dt * product(np.concatenate([sign * omega, zero], axis=1), v.rotations)
            return q / np.linalg.norm(q, axis=1, keepdims=True)

        def real() -> Any:
            w = np.sqrt(1 - (v.imaginary**2).sum(axis=1, keepdims=True))
            return np.concatenate([v.imaginary, w], axis=1)

        formulas: _Formulas = {
            "point": lambda: last + np.cross(first, v["offset" if source == "given" else "offsets"]),
            "bracket": bracket,
            "inverse": lambda: v.rotations * [-1, -1, -1, 1],
            "step": step,
            "real part": real,
        }
        np.testing.assert_allclose(after[out], formulas[kind](), atol=2e-3)

    d.holds(agree)
