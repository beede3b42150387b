"""Graphs of poses: what measured relative poses say of the estimate."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.robotics import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.trim import trim

_ROBUST = {
    "none": "",
    "huber": """
        # Huber: quadratic up to the threshold, linear beyond
        root = wp.sqrt(chi2 + 1.0e-9)
        weight = wp.min(robust_scale / root, 1.0)
        rho = wp.where(root <= robust_scale, chi2, 2.0 * robust_scale * root - robust_scale * robust_scale)
        """,
    "cauchy": """
        # Cauchy: strongly suppresses far outliers
        ratio = chi2 / (robust_scale * robust_scale)
        weight = 1.0 / (1.0 + ratio)
        rho = robust_scale * robust_scale * wp.log(1.0 + ratio)
        """,
    "geman": """
        # Geman-McClure: the cost saturates
        scale2 = robust_scale * robust_scale
        weight = scale2 * scale2 / ((scale2 + chi2) * (scale2 + chi2))
        rho = scale2 * chi2 / (scale2 + chi2)
        """,
    "switch": """
        # Dynamic covariance scaling (Agarwal et al. 2013): disables wrong loop closures
        switch = wp.min(2.0 * robust_scale / (robust_scale + chi2), 1.0)
        weight = switch * switch
        rho = weight * chi2 + robust_scale * (1.0 - switch) * (1.0 - switch)
        """,
}


@DOMAIN.algorithm(
    source="Grisetti et al. 2010, A tutorial on graph-based SLAM; Agarwal et al. 2013; Barfoot 2017, ch. 7 and 9",
    names={
        "poses": "estimates|nodes|states",
        "measured": "measurements|relative_poses|observed",
        "edge": "tid|i",
        "error": "residual|e_vec",
        "chi2": "chi_sq|squared_error",
        "weight": "w|robust_weight|irls_weight",
        "rho": "robust_cost|loss|rho_e",
    },
    element="edge",
    weight=4,
)
def pose_graph_terms(d: Draft) -> None:
    """Computes the errors of relative pose measurements in a graph of poses, weighted robustly."""
    space = d.option("space", "space", "plane")
    robust = d.option("robust", *_ROBUST)
    information = d.option("information", "two weights", "diagonal", "full")
    log = d.option("rotation error", "logarithm", "vector part")
    result = d.option("result", "cost", "error", "weight", "total")
    loose = d.flag("self edges", 0.35)
    gate = d.flag("gate", 0.35)
    switchable = d.option("kinds", "all", "loops", "disabled")
    flat = space == "plane"
    if robust == "none" and result == "weight":
        result = "cost"
    d.calls({
        "cost": "edge_costs|relative_pose_cost|pose_graph_costs",
        "error": "edge_errors|pose_graph_residuals|relative_pose_errors",
        "weight": "edge_weights|robust_edge_weights|irls_weights",
        "total": "pose_graph_cost|total_edge_cost|graph_objective",
    }[result])  # fmt: skip
    how, sturdy = ("information-", "") if robust == "none" else ("robustly ", "robust ")
    d.says({
        "cost": f"Computes {sturdy}costs of relative pose measurements in a pose graph.",
        "error": f"Computes {how}weighted errors of relative pose measurements in a pose graph.",
        "weight": "Computes robust weights of relative pose measurements in a pose graph.",
        "total": f"Accumulates {sturdy}costs of relative pose measurements in a pose graph.",
    }[result])  # fmt: skip
    if result in ("error", "weight") and switchable == "loops":
        switchable = "all"  # what is trusted less is the cost
    n, m = d.pick(48, 64), d.pick(12, 16)
    if flat:
        d.input("poses", "vec3", m, -0.6, 0.6, about="Pose estimates (x, y, heading)")
        d.input(
            "measured",
            "vec3",
            n,
            -0.6,
            0.6,
            about="Measured poses of the second node relative to the first",
        )
    else:
        d.input("poses", "transform", m, -1.0, 1.0, "transform", about="Pose estimates")
        d.input(
            "measured",
            "transform",
            n,
            -1.0,
            1.0,
            "transform",
            about="Measured poses of the second node relative to the first",
        )
    d.input("edges", "vec2i", n, 0, m, about="Node index pairs of the edges")
    if information == "full":
        d.input(
            "information",
            "mat33" if flat else "spatial_matrix",
            n,
            0.5,
            3.0,
            "spd",
            about="Information matrices (inverse covariances)",
        )
    elif information == "diagonal":
        d.input("pos_info", "vec2" if flat else "vec3", n, 0.5, 3.0, about="Inverse position variances")
        d.input("rot_info", "float" if flat else "vec3", n, 0.5, 3.0, about="Inverse rotation variances")
    else:
        d.param("position_weight", "float", 0.5, 2.0, about="Inverse position variance [1/m^2]")
        d.param("rotation_weight", "float", 0.5, 2.0, about="Inverse rotation variance [1/rad^2]")
    if robust != "none":
        d.param(
            "robust_scale",
            "float",
            *((0.8, 1.6) if flat else (1.5, 3.0)),
            about=f"{'Squared error' if robust == 'switch' else 'Error'} threshold of the robust kernel",
        )
    if switchable == "loops":
        d.param("loop_gain", "float", 0.3, 0.8, about="Loop closure weight relative to odometry")
    elif switchable == "disabled":
        d.mask("enabled", "int", n, about="0 for previously rejected edges")
    if gate:
        low, high = (1.5, 2.5) if flat else (3.0, 5.0)
        d.param("gate", "float", low, high, about="Gating threshold on the error")
    kind = "vec3" if flat else "spatial_vector"
    name, type, about = {
        "cost": ("cost", "float", f"{'Robust cost' if sturdy else 'Cost'} per edge"),
        "error": ("errors", kind, "Weighted error per edge"),
        "weight": ("weights", "float", "Edge weights for the next iteration"),
        "total": ("total_cost", "float", "Total cost"),
    }[result]
    d.output(name, type, 1 if result == "total" else n, about=about)
    if flat:
        d.function(
            '''
            @wp.func
            def relative_error(a: wp.vec3, b: wp.vec3, z: wp.vec3) -> wp.vec3:
                """Return the relative pose error in the measurement frame$how."""
                c = wp.cos(a[2])
                s = wp.sin(a[2])
                dx = b[0] - a[0]
                dy = b[1] - a[1]
                # Transform into the frame of the first node, then into the measurement frame
                local = wp.vec2(c * dx + s * dy, -s * dx + c * dy) - wp.vec2(z[0], z[1])
                cz = wp.cos(z[2])
                sz = wp.sin(z[2])
                angle = b[2] - a[2] - z[2]
                $turn
                return wp.vec3(cz * local[0] + sz * local[1], -sz * local[0] + cz * local[1], angle)
            ''',
            how="" if log == "logarithm" else ", with 2 sin(angle / 2) as the angle error",
            turn="# Wrap the heading difference to [-pi, pi]\nangle = wp.atan2(wp.sin(angle), wp.cos(angle))"
            if log == "logarithm"
            else "# Twice the sine of the half angle, taking the shorter rotation\nangle = 2.0 * wp.sin(0.5 * wp.atan2(wp.sin(angle), wp.cos(angle)))",
        )
    else:
        d.function(
            '''
            @wp.func
            def relative_error(a: wp.transform, b: wp.transform, z: wp.transform) -> wp.spatial_vector:
                """Return the translation and $how from the measured to the estimated relative pose."""
                relative = wp.transform_multiply(wp.transform_inverse(a), b)
                left = wp.transform_multiply(wp.transform_inverse(z), relative)
                p = wp.transform_get_translation(left)
                q = wp.transform_get_rotation(left)
                axis = wp.vec3(q[0], q[1], q[2])
                # Take the shorter rotation, since q and -q are equivalent
                sign = wp.where(q[3] < 0.0, -1.0, 1.0)
                $turn
                return wp.spatial_vector(p, turn)
            ''',
            how="rotation vector" if log == "logarithm" else "twice the vector part of the rotation",
            turn="sine = wp.sqrt(wp.dot(axis, axis) + 1.0e-12)\nangle = 2.0 * wp.atan2(sine, sign * q[3])\nturn = (sign * angle / sine) * axis"
            if log == "logarithm"
            else "turn = 2.0 * sign * axis",
        )
    weigh = {
        "full": """
            weighted = information[edge] * error
            # Squared Mahalanobis distance
            chi2 = wp.dot(error, weighted)
            """,
        "diagonal": """
            $position
            $angular
            chi2 = wp.dot(error, weighted)
            """,
        "two weights": """
            # Separate weights for meters and radians
            $angular
            chi2 = wp.dot(error, weighted)
            """,
    }[information]
    if flat:
        angular = {
            "diagonal": "weighted = wp.cw_mul(wp.vec3(s[0], s[1], rot_info[edge]), error)",
            "two weights": "weighted = wp.cw_mul(wp.vec3(position_weight, position_weight, rotation_weight), error)",
        }.get(information, "")
    else:
        angular = {
            "diagonal": "weighted = wp.cw_mul(wp.spatial_vector(pos_info[edge], rot_info[edge]), error)",
            "two weights": "shift = position_weight * wp.spatial_top(error)\nturn = rotation_weight * wp.spatial_bottom(error)\nweighted = wp.spatial_vector(shift, turn)",
        }.get(information, "")
    zero = f"wp.{kind}()" if result == "error" else "0.0"
    dropped = "return" if result == "total" else f"{name}[edge] = {zero}\nreturn"
    cost = "rho" if robust != "none" else "chi2"
    d.launch(n)
    d.code(
        """
        edge = wp.tid()
        $skip
        a = edges[edge][0]
        b = edges[edge][1]
        $itself
        error = relative_error(poses[a], poses[b], measured[edge])
        $weigh
        $gate
        $loops
        $robust
        $store
        """,
        dropped=dropped,
        skip="# Skip edges rejected by an earlier consistency check\nif enabled[edge] == 0:\n    $dropped\n"
        if switchable == "disabled"
        else "",
        itself="""
            # Skip self-edges
            if a == b:
                $dropped

            """
        if loose
        else "",
        weigh=weigh,
        angular=angular,
        position="s = pos_info[edge]" if flat else "",
        gate="# Gate out gross outliers, which even a robust kernel would not suppress\nif chi2 > gate * gate:\n    $dropped\n"
        if gate
        else "",
        loops="""
            # Edges between non-consecutive nodes are loop closures, which can be false
            if wp.abs(b - a) > 1:
                chi2 *= loop_gain
            """
        if switchable == "loops"
        else "",
        robust=_ROBUST[robust],
        store={
            "cost": f"cost[edge] = 0.5 * {cost}",
            "error": "errors[edge] = " + ("weight * weighted" if robust != "none" else "weighted"),
            "weight": "weights[edge] = weight",
            "total": f"wp.atomic_add(total_cost, 0, 0.5 * {cost})",
        }[result],
    )
    if result == "weight":
        d.text = "\n".join(line for line in d.text.split("\n") if "rho = " not in line) + (
            "\n" if not d.text.endswith("\n") else ""
        )
    trim(d)
    kept = (
        "; robust kernels\nlimit the effect of false loop closures on the graph." if robust != "none" else "."
    )
    d.explain(
        f"The error of an edge is the difference between measured and estimated relative pose{kept}"
        + (" Squared errors beyond the squared gate are ignored." if gate else "")
        + (" Loop closure errors are scaled by the loop gain." if switchable == "loops" else "")
    )

    def reference(v: Values) -> dict[str, Any]:
        a, b = v.edges.T
        if flat:
            pa, pb, z = v.poses[a], v.poses[b], v.measured
            p = _turned(z[:, 2], _turned(pa[:, 2], pb[:, :2] - pa[:, :2]) - z[:, :2])
            t = pb[:, 2] - pa[:, 2] - z[:, 2]
            t = (t + np.pi) % (2 * np.pi) - np.pi
            t = t if log == "logarithm" else 2 * np.sin(t / 2)
            e = np.hstack([p, t[:, None]])
        else:
            e = _space_error(v.poses[a], v.poses[b], v.measured, log)
        size = e.shape[1]
        if information == "full":
            w = np.einsum("nij,nj->ni", v.information, e)
        elif information == "diagonal":
            w = e * (
                np.hstack([v.pos_info, v.rot_info[:, None]]) if flat else np.hstack([v.pos_info, v.rot_info])
            )
        else:
            w = e * np.where(np.arange(size) < (2 if flat else 3), v.position_weight, v.rotation_weight)
        chi = (e * w).sum(1)
        seen = chi <= v.gate**2 if gate else np.ones(n, bool)
        if switchable == "disabled":
            seen &= v.enabled != 0
        if loose:
            seen &= a != b
        if switchable == "loops":
            chi = chi * np.where(np.abs(b - a) > 1, v.loop_gain, 1.0)
        k = v.get("robust_scale", 1.0)
        root, s = np.sqrt(chi), np.minimum(2 * k / (k + chi), 1)
        rho, gain = {
            "none": (chi, 1 + 0 * chi),
            "huber": (np.where(root <= k, chi, 2 * k * root - k * k), np.minimum(k / root, 1)),
            "cauchy": (k * k * np.log1p(chi / k**2), 1 / (1 + chi / k**2)),
            "geman": (k * k * chi / (k * k + chi), (k * k / (k * k + chi)) ** 2),
            "switch": (s * s * chi + k * (1 - s) ** 2, s * s),
        }[robust]
        cost = np.where(seen, rho / 2, 0.0)
        return {name: {
            "cost": cost, "total": np.array([cost.sum()]), "weight": np.where(seen, gain, 0.0),
            "error": np.where(seen[:, None], gain[:, None] * w, 0.0),
        }[result]}  # fmt: skip

    d.check(reference, 3e-3)


def _turned(t: Any, x: Any) -> Any:
    c, s = np.cos(t), np.sin(t)
    return np.stack([c * x[:, 0] + s * x[:, 1], c * x[:, 1] - s * x[:, 0]], axis=-1)


def _times(p: Any, q: Any) -> Any:
    """Products of quaternions (x, y, z, w)."""
    v = p[:, 3:] * q[:, :3] + q[:, 3:] * p[:, :3] + np.cross(p[:, :3], q[:, :3])
    return np.hstack([v, p[:, 3:] * q[:, 3:] - (p[:, :3] * q[:, :3]).sum(1, keepdims=True)])


def _space_error(a: Any, b: Any, z: Any, log: str) -> Any:
    def back(q: Any) -> Any:
        return q * np.array([-1.0, -1.0, -1.0, 1.0])

    def turned(q: Any, p: Any) -> Any:
        return _times(_times(q, np.hstack([p, np.zeros((len(p), 1))])), back(q))[:, :3]

    qa, qz = back(a[:, 3:]), back(z[:, 3:])
    p = turned(qz, turned(qa, b[:, :3] - a[:, :3]) - z[:, :3])
    q = _times(qz, _times(qa, b[:, 3:]))
    q = np.where(q[:, 3:] < 0, -q, q)
    turn = 2 * q[:, :3]
    if log == "logarithm":
        sine = np.linalg.norm(q[:, :3], axis=1, keepdims=True)
        turn = 2 * np.arctan2(sine, q[:, 3:]) * q[:, :3] / sine
    return np.hstack([p, turn])
