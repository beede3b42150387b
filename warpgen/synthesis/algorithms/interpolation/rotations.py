"""Rotations between key rotations."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.interpolation import DOMAIN
from warpgen.synthesis.library import brackets
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Shoemake 1985 (slerp); Shoemake 1987 (squad)",
    names={
        "interpolate_rotation": "sample_rotation|slerp_keys|rotation_track|animate_orientation",
        "keys": "rotations|key_rot|quats",
        "times": "key_times|t_keys|timestamps",
        "when": "query_times|at_times|sample_times",
        "turned": "orientations|rotation_out|q_out",
        "poses": "key_poses|keyframes|pose_keys",
        "pose": "sampled_poses|pose_out|transforms_out",
    },
    weight=9,
)
def interpolate_rotation(d: Draft) -> None:
    """Interpolates rotation keyframes at given times (slerp)."""
    method = d.option("method", "slerp", "nlerp", "builtin", "squad")
    search = d.option("keys", "timed", "uniform")
    found = d.option("search", *brackets.SEARCHES) if search == "timed" else brackets.BISECT
    ends = d.option("ends", "clamp", "loop") if search == "uniform" else "clamp"
    position = d.flag("transform", 0.3) if method in ("slerp", "nlerp") else False
    if position:
        d.calls("interpolate_pose|sample_pose|pose_track|animate_pose")
    elif method in ("nlerp", "squad"):
        d.calls(f"{method}_keys|sample_rotation|rotation_track|animate_orientation")
    n, m = d.pick(5, 6, 8), d.pick(48, 64, 96)
    if method == "squad":
        d.says("Interpolates rotation keyframes using spherical quadrangle interpolation (squad).")
    elif method == "nlerp":
        d.says("Interpolates rotation keyframes at given times (nlerp).")
    if position:
        d.says(f"Interpolates pose keyframes: positions linearly, rotations with {method}.")
    keys, made = ("poses", "pose") if position else ("keys", "turned")
    d.input(
        keys,
        "transform" if position else "quat",
        n,
        -1.0,
        1.0,
        kind="transform" if position else "unit",
        about="Pose keyframes" if position else "Rotation keyframes",
    )
    if method == "squad":
        d.input("inner", "quat", n, kind="unit", about="Inner quadrangle control rotations")
    if search == "uniform":
        d.param("key_interval", "float", 0.2, 0.5, about="Time interval between keyframes")
        latest = 4.0 if ends == "loop" else round(0.35 * n, 2)  # few after the last keyframe
        d.input("when", "float", m, 0.0, latest, about="Query times, must be non-negative")
    else:
        d.input("times", "float", n, 0.0, 10.0, kind="ascending", about="Keyframe times, in ascending order")
        d.input("when", "float", m, 0.0, 10.0, about="Query times")
    about = f"Interpolated {'poses' if position else 'rotations'}"
    d.output(made, "transform" if position else "quat", m, about=about)
    lines = ["tid = wp.tid()", f"n = {keys}.shape[0]"]
    if search == "uniform":
        lines += ["s = when[tid] / key_interval"]
        if ends == "loop":
            lines += ["k = int(s)", "alpha = s - float(k)", "k = k % n", "after = (k + 1) % n"]
        else:
            lines += ["k = wp.min(int(s), n - 2)", "alpha = wp.min(s - float(k), 1.0)"]
    else:
        lines += ["t = wp.clamp(when[tid], times[0], times[n - 1])"]
        lines.append(f"k = {d.use(found)}(times, t)")
        lines += ["alpha = (t - times[k]) / (times[k + 1] - times[k])"]
    nxt = "after" if ends == "loop" else "k + 1"
    if position:
        lines += ["a = wp.transform_get_rotation(poses[k])", f"b = wp.transform_get_rotation(poses[{nxt}])"]
    else:
        lines += ["a = keys[k]", f"b = keys[{nxt}]"]
    slerp = """
    @wp.func
    def slerp(a: wp.quat, b: wp.quat, t: float) -> wp.quat:
        # take the shorter arc, since q and -q represent the same rotation
        cosine = wp.dot(a, b)
        sign = wp.where(cosine < 0.0, -1.0, 1.0)
        cos_theta = wp.abs(cosine)
        if cos_theta > 0.9995:
            # fall back to linear interpolation for small angles to avoid division by zero
            return wp.normalize((1.0 - t) * a + sign * t * b)
        theta = wp.acos(cos_theta)
        return (wp.sin((1.0 - t) * theta) * a + sign * wp.sin(t * theta) * b) / wp.sin(theta)
    """
    if method == "slerp":
        d.function(slerp)
        value = "slerp(a, b, alpha)"
    elif method == "squad":
        d.function("""
            @wp.func
            def slerp(a: wp.quat, b: wp.quat, t: float) -> wp.quat:
                cosine = wp.dot(a, b)
                if cosine > 0.9995:
                    # fall back to linear interpolation for small angles to avoid division by zero
                    return wp.normalize((1.0 - t) * a + t * b)
                theta = wp.acos(cosine)
                return (wp.sin((1.0 - t) * theta) * a + wp.sin(t * theta) * b) / wp.sin(theta)
        """)
        lines += [
            "# blend the outer slerp toward the inner control rotations",
            "outer = slerp(a, b, alpha)",
            f"between = slerp(inner[k], inner[{nxt}], alpha)",
        ]
        value = "slerp(outer, between, 2.0 * alpha * (1.0 - alpha))"
    elif method == "nlerp":
        lines += ["if wp.dot(a, b) < 0.0:", "    # take the shorter arc", "    b = -b"]
        value = "wp.normalize((1.0 - alpha) * a + alpha * b)"
    else:
        value = "wp.quat_slerp(a, b, alpha)"
    if position:
        lines += [
            f"q = {value}",
            "start = wp.transform_get_translation(poses[k])",
            f"end = wp.transform_get_translation(poses[{nxt}])",
            "p = wp.lerp(start, end, alpha)",
            "pose[tid] = wp.transform(p, q)",
        ]
    else:
        lines.append(f"turned[tid] = {value}")
    if not any("n - " in line or "% n" in line for line in lines):
        lines.remove(f"n = {keys}.shape[0]")
    d.launch(m)
    d.code("\n".join(lines))
    if search == "timed":
        d.explain("Query times are clamped to the keyframe range.")
    elif ends == "loop":
        d.explain("Keyframe k is at time k * interval, and the animation loops after the last keyframe.")
    else:
        d.explain("Keyframe k is at time k * interval. The last keyframe is held.")

    if method == "squad":
        d.explain(
            "Keys and inner points must have consistent quaternion signs, since no shortest-arc check is done."
        )

    def holds(before: Values, after: Values) -> None:
        v = before
        rotations = v.poses[:, 3:] if position else v["keys"]
        if search == "uniform":
            s = v.when / v.key_interval
            k = s.astype(int)
            if ends == "loop":
                alpha, nxt = s - k, (k + 1) % n
                k = k % n
            else:
                k = np.minimum(k, n - 2)
                alpha, nxt = np.minimum(s - k, 1), k + 1
        else:
            t = np.clip(v.when, v.times[0], v.times[-1])
            k = np.clip(np.searchsorted(v.times, t, "right") - 1, 0, n - 2)
            nxt, alpha = k + 1, (t - v.times[k]) / (v.times[k + 1] - v.times[k])

        def arc(a: Any, b: Any, t: Any) -> Any:
            cosine = (a * b).sum(-1, keepdims=True)
            if method != "squad":
                b, cosine = np.where(cosine < 0, -b, b), abs(cosine)
            if method == "nlerp":
                q = (1 - t) * a + t * b
                return q / np.linalg.norm(q, axis=-1, keepdims=True)
            # turn a towards the part of b that is orthogonal to it
            theta = np.arccos(np.clip(cosine, -1, 1)) * t
            side = b - cosine * a
            side = side / np.maximum(np.linalg.norm(side, axis=-1, keepdims=True), 1e-12)
            return np.cos(theta) * a + np.sin(theta) * side

        x = alpha[:, None]
        q = arc(rotations[k], rotations[nxt], x)
        if method == "squad":
            q = arc(q, arc(v.inner[k], v.inner[nxt], x), 2 * x * (1 - x))
        got = after.pose[:, 3:] if position else after.turned
        np.testing.assert_allclose(abs((got * q).sum(-1)), 1.0, atol=1e-4)
        np.testing.assert_allclose(np.linalg.norm(got, axis=-1), 1.0, atol=1e-4)
        if position:
            p = (1 - x) * v.poses[k, :3] + x * v.poses[nxt, :3]
            np.testing.assert_allclose(after.pose[:, :3], p, atol=1e-4)

    d.holds(holds)
