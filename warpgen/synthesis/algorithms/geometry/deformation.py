"""Shapes that move: skinning, registration, and local fits of rotations."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.geometry import DOMAIN
from warpgen.synthesis.algorithms.geometry.distances import rotations
from warpgen.synthesis.writing.draft import Draft, Values

NAMES = {
    "rest": "rest_positions|bind_pose|x0",
    "bones": "joints|transforms|bone_transforms",
    "weights": "skin_weights|bone_weights",
    "skinned": "deformed|x_out|positions",
    "A": "cov|M|Apq",
    "R": "rot|rotation|R_i",
}


@DOMAIN.algorithm(
    source="Magnenat-Thalmann et al. 1988 (linear blend); Kavan et al. 2007 (dual quaternions)",
    names=NAMES,
    double=True,
    weight=5,
)
def skin_vertices(d: Draft) -> None:
    """Skins mesh vertices with bone transforms."""
    blend = d.option("blend", "transforms", "rotation and translation", "dual quaternions", "nlerp")
    bound = d.option("bound", "four", "rows", "all")
    d.calls(
        {
            "dual quaternions": "skin_vertices|dual_quaternion_skinning|skin_mesh|deform_vertices",
            "nlerp": "skin_vertices|skinning|skin_mesh|deform_vertices",
        }.get(blend, "skin_vertices|linear_blend_skinning|skinning|skin_mesh|deform_vertices")
    )
    if blend in ("dual quaternions", "nlerp") and bound == "all":
        bound = "rows"
    normals = d.flag("normals") if blend == "transforms" else False
    bind = d.flag("bind pose") if blend in ("transforms", "dual quaternions") else False
    n, bones = d.pick(48, 64, 96), d.pick(5, 6, 8)
    d.input("rest", "vec3", n, -1.0, 1.0, about="Rest positions")
    if normals:
        d.input("rest_normals", "vec3", n, kind="unit", about="Rest normals")
    if blend in ("transforms", "dual quaternions", "nlerp"):
        d.input("bones", "transform", bones, -0.5, 0.5, "transform", about="Bone transforms")
    else:
        d.input("rotations", "mat33", bones, kind="rotation", about="Bone rotations")
        d.input("translations", "vec3", bones, -0.5, 0.5, about="Bone translations")
    if bind:
        d.input("inverse_bind", "transform", bones, -0.5, 0.5, "transform", about="Inverse bind poses")
    each = 4 if bound == "four" else bones if bound == "all" else 3
    shares = "Bone weights, not necessarily normalized"
    if bound == "four":
        d.input("bone_ids", "vec4i", n, 0, bones, about="Bone indices per vertex")
        d.input("weights", "vec4", n, 0.05, 1.0, about=shares)
        begin = "ids = bone_ids[tid]\nws = weights[tid]\ntotal_weight = ws[0] + ws[1] + ws[2] + ws[3]"
        head = "for k in range(4):\n    b = ids[k]\n    w = ws[k] / total_weight\n    $step"
    elif bound == "rows":
        d.input("bone_ids", "int", (n, 3), 0, bones, about="Bone indices per vertex")
        d.input("weights", "float", (n, 3), 0.05, 1.0, about=shares)
        begin = "total_weight = weights[tid, 0] + weights[tid, 1] + weights[tid, 2]"
        head = (
            "for k in range(3):\n    b = bone_ids[tid, k]\n    w = weights[tid, k] / total_weight\n    $step"
        )
    else:
        d.input("weights", "float", (n, bones), 0.05, 1.0, about=shares)
        d.function("""
            @wp.func
            def sum_weights(weights: wp.array2d(dtype=float), vertex: int) -> float:
                total = float(0.0)
                for b in range(weights.shape[1]):
                    total += weights[vertex, b]
                return total
        """)
        begin = "total_weight = sum_weights(weights, tid)"
        if normals:  # Warp's adjoint of the length of a sum over a dynamic loop is wrong
            d.forward_only()
        head = "for b in range(bones.shape[0]):\n    w = weights[tid, b] / total_weight\n    $step"
        if blend == "rotation and translation":
            head = head.replace("bones.shape", "rotations.shape")
    d.output("skinned", "vec3", n, about="Skinned positions")
    if normals:
        d.output("normals_out", "vec3", n, about="Skinned unit normals")
    bone = "wp.transform_multiply(bones[b], inverse_bind[b])" if bind else "bones[b]"
    if blend == "transforms":
        first = "posed = wp.vec3()" + ("\nturned = wp.vec3()" if normals else "")
        step = f"X = {bone}\nposed += w * wp.transform_point(X, p)"
        step += "\nturned += w * wp.transform_vector(X, rest_normals[tid])" if normals else ""
        last = "skinned[tid] = posed"
    elif blend == "rotation and translation":
        first, step, last = (
            "posed = wp.vec3()",
            "posed += w * (rotations[b] * p + translations[b])",
            "skinned[tid] = posed",
        )
    elif blend == "nlerp":
        first = "q = wp.quat(0.0, 0.0, 0.0, 0.0)\nt = wp.vec3()"
        step = """
            r = wp.transform_get_rotation(bones[b])
            # q and -q represent the same rotation: flip into the same hemisphere
            s = wp.where(wp.dot(q, r) < 0.0, -w, w)
            q = q + s * r
            t += w * wp.transform_get_translation(bones[b])
            """
        last = "skinned[tid] = wp.quat_rotate(wp.normalize(q), p) + t"
    else:
        first = "real = wp.quat(0.0, 0.0, 0.0, 0.0)\ndual = wp.quat(0.0, 0.0, 0.0, 0.0)"
        step = f"""
            X = {bone}
            r = wp.transform_get_rotation(X)
            t = wp.transform_get_translation(X)
            # q and -q represent the same rotation: flip into the same hemisphere
            s = wp.where(wp.dot(real, r) < 0.0, -w, w)
            real = real + s * r
            # dual part: q_d = 0.5 * (t, 0) * q
            dual = dual + 0.5 * s * (wp.quat(t[0], t[1], t[2], 0.0) * r)
            """
        last = """
            inv_norm = 1.0 / wp.length(real)
            q0 = real * inv_norm
            shift = 2.0 * (dual * inv_norm) * wp.quat_inverse(q0)
            skinned[tid] = wp.quat_rotate(q0, p) + wp.vec3(shift[0], shift[1], shift[2])
            """
    d.says(
        {
            "dual quaternions": "Skins vertices using dual quaternion blending.",
            "nlerp": "Skins vertices by blending bone rotations (quaternion nlerp) and translations.",
        }.get(blend, f"Skins vertices{' and normals' if normals else ''} using linear blend skinning.")
    )
    d.launch(n)
    d.code(
        "tid = wp.tid()\np = rest[tid]\n$begin\n$first\n$head\n$last\n$normals",
        begin=begin,
        first=first,
        head=head,
        step=step,
        last=last,
        normals="normals_out[tid] = wp.normalize(turned)" if normals else "",
    )

    def reference(v: Values) -> dict[str, Any]:
        w = v.weights / v.weights.sum(axis=1, keepdims=True)
        ids = np.tile(np.arange(bones), (n, 1)) if bound == "all" else v.bone_ids
        if blend == "rotation and translation":
            m = np.concatenate([v.rotations, v.translations[:, :, None]], axis=2)
        else:
            m = np.concatenate([rotations(v.bones[:, 3:]), v.bones[:, :3, None]], axis=2)
        if bind:
            inner = np.concatenate([rotations(v.inverse_bind[:, 3:]), v.inverse_bind[:, :3, None]], axis=2)
            inner = np.concatenate([inner, np.tile([[[0.0, 0.0, 0.0, 1.0]]], (bones, 1, 1))], axis=1)
            m = m @ inner
        if blend in ("dual quaternions", "nlerp"):
            quats = np.stack([_quaternion(x[:, :3]) for x in m])
            q, t0, dual = np.zeros((n, 4)), np.zeros((n, 3)), np.zeros((n, 4))
            for k in range(each):
                r, t = quats[ids[:, k]], m[ids[:, k], :, 3]
                if not bind:
                    r = v.bones[ids[:, k], 3:]
                side = np.where((q * r).sum(1) < 0.0, -w[:, k], w[:, k])[:, None]
                q = q + side * r
                t0 = t0 + w[:, k, None] * t
                half = np.column_stack([t[:, 0], t[:, 1], t[:, 2], np.zeros(n)])
                dual = dual + 0.5 * side * _times(half, r)
            size = np.linalg.norm(q, axis=1, keepdims=True)
            if blend == "dual quaternions":
                t0 = 2.0 * _times(dual / size, q / size * np.array([-1.0, -1.0, -1.0, 1.0]))[:, :3]
            return {"skinned": np.einsum("nij,nj->ni", rotations(q / size), v.rest) + t0}
        blended = np.einsum("nk,nkij->nij", w, m[ids])
        made = {"skinned": np.einsum("nij,nj->ni", blended, np.column_stack([v.rest, np.ones(n)]))}
        if normals:
            turned = np.einsum("nij,nj->ni", blended[:, :, :3], v.rest_normals)
            made["normals_out"] = turned / np.linalg.norm(turned, axis=1, keepdims=True)
        return made

    if blend in ("dual quaternions", "nlerp"):

        def agrees(before: Values, after: Values) -> None:
            # rotations that are nearly opposite may go either way, with bone quaternions known up to sign
            expected = reference(before)["skinned"]
            near = np.linalg.norm(after.skinned - expected, axis=1) < 5e-3
            assert near.mean() > (0.95 if not bind else 0.9), f"{near.mean():.3f} agree"

        d.holds(agrees)
    else:
        d.check(reference, 2e-3)


def _times(a: Any, b: Any) -> Any:
    """Products of quaternions (x, y, z, w)."""
    v = a[:, 3:] * b[:, :3] + b[:, 3:] * a[:, :3] + np.cross(a[:, :3], b[:, :3])
    return np.column_stack([v, a[:, 3] * b[:, 3] - (a[:, :3] * b[:, :3]).sum(1)])


def _quaternion(r: Any) -> Any:
    """The quaternion of a rotation: the eigenvector of Davenport's matrix."""
    z = np.array([r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]])
    k = np.block([[r + r.T - np.trace(r) * np.eye(3), z[:, None]], [z[None], np.array([[np.trace(r)]])]])
    return np.linalg.eigh(k)[1][:, -1]


@DOMAIN.algorithm(
    source="Sorkine & Alexa 2007, As-rigid-as-possible surface modeling; Higham 1986; Mueller et al. 2016",
    names={
        "fit_rotations": "arap_local_step|local_step|edge_rotations",
        "rest": "rest_positions|x0|rest_points",
        "weights": "edge_weights|cot_weights",
        "A": NAMES["A"],
        "R": NAMES["R"],
    },
    adjoint="no",
    weight=4,
)
def fit_rotations(d: Draft) -> None:
    """Fits per-vertex rotations to deformed edges (as-rigid-as-possible local step)."""
    store = d.option("neighbours", "rows", "compressed")
    weights = d.option("weights", "uniform", "per edge") if store == "rows" else "uniform"
    result = d.option("result", "rotation", "energy", "quaternion")
    method = d.option("method", "svd", "quaternion")
    if result == "energy":
        d.calls("arap_energy|rigidity_energy|deformation_energy")
    n = d.pick(32, 48, 64)
    degree = d.pick(5, 6)
    d.input("rest", "vec3", n, -1.0, 1.0, about="Rest positions")
    d.input("u", "vec3", n, -0.15, 0.15, about="Displacements")
    if store == "rows":
        d.input("neighbors", "int", (n, degree), 0, n, about="Vertex neighbor indices")
        if weights == "per edge":
            d.input("weights", "float", (n, degree), 0.3, 1.0, about="Edge weights")
        loop = f"for k in range({degree}):\n    j = neighbors[i, k]\n    $step"
    else:
        total = n * degree
        d.input(
            "offsets", "int", n + 1, 0, total, "offsets", about="Start offset of each vertex's neighbor list"
        )
        d.input("neighbors", "int", total, 0, n, about="Concatenated vertex neighbor indices")
        loop = "for k in range(offsets[i], offsets[i + 1]):\n    j = neighbors[k]\n    $step"
    d.output(
        *{
            "rotation": ("R", "mat33", n, "Per-vertex rotations"),
            "energy": ("energy", "float", n, "Per-vertex energies"),
            "quaternion": ("q", "quat", n, "Per-vertex rotations"),
        }[result]
    )
    d.module("REGULARIZATION = wp.constant(0.01)  # small compared to squared edge lengths")
    d.explain("""
        The rotation R maximizes tr(R^T `A`) with `A` = sum w_ij e'_ij e_ij^T + lambda I over rest edges e and
        deformed edges e'; a small lambda keeps R close to the identity where it is undetermined.
    """.replace("w_ij ", "w_ij " if weights == "per edge" else ""))  # fmt: skip
    w = "weights[i, k] * " if weights == "per edge" else ""
    d.says(
        {
            "rotation": "Fits per-vertex rotations to deformed edges (as-rigid-as-possible local step).",
            "energy": "Computes the per-vertex as-rigid-as-possible energy.",
            "quaternion": "Fits per-vertex rotations to deformed edges and stores them as quaternions.",
        }[result]
    )
    fit = {
        "svd": """
            # svd3() returns rotations (a singular value may be negative), so we skip the reflection check;
            # use double precision because the float32 version can be off by a degree
            U, sigma, V = wp.svd3(wp.mat33d(A))
            rot = wp.mat33(U * wp.transpose(V))
            """,
        "quaternion": """
            # align the rotation's columns with the columns of `A`
            a0 = A * wp.vec3(1.0, 0.0, 0.0)
            a1 = A * wp.vec3(0.0, 1.0, 0.0)
            a2 = A * wp.vec3(0.0, 0.0, 1.0)
            turn = wp.quat_identity()
            for _ in range(20):
                r0 = wp.quat_rotate(turn, wp.vec3(1.0, 0.0, 0.0))
                r1 = wp.quat_rotate(turn, wp.vec3(0.0, 1.0, 0.0))
                r2 = wp.quat_rotate(turn, wp.vec3(0.0, 0.0, 1.0))
                # omega = sum(r_i x a_i) / |sum(r_i . a_i)| (Mueller et al. 2016)
                torque = wp.cross(r0, a0) + wp.cross(r1, a1) + wp.cross(r2, a2)
                omega = torque / (wp.abs(wp.dot(r0, a0) + wp.dot(r1, a1) + wp.dot(r2, a2)) + 1.0e-9)
                angle = wp.length(omega)
                if angle < 1.0e-6:
                    break
                turn = wp.normalize(wp.quat_from_axis_angle(omega / angle, angle) * turn)
            """,
    }[method]
    if result == "energy":
        last = "misfit = float(0.0)\n$again\nenergy[i] = misfit"
        if method == "quaternion":
            last = "rot = wp.quat_to_matrix(turn)\n" + last
    else:
        quat = "turn" if method == "quaternion" else "wp.quat_from_matrix(rot)"
        rot = "wp.quat_to_matrix(turn)" if method == "quaternion" else "rot"
        last = {"rotation": f"R[i] = {rot}", "quaternion": f"q[i] = {quat}"}[result]
    d.launch(n)
    d.code(
        """
        i = wp.tid()
        # regularize, since collinear neighbors leave the rotation undetermined
        A = REGULARIZATION * wp.identity(n=3, dtype=float)
        $loop
        $fit
        $last
        """,
        loop=loop,
        step=f"""
        e0 = rest[i] - rest[j]
        e1 = e0 + u[i] - u[j]
        A += {w}wp.outer(e1, e0)
        """,
        fit=fit,
        last=last,
        again=loop.replace("$step", "$term"),
        term=f"e0 = rest[i] - rest[j]\nmisfit += {w}wp.length_sq(e0 + u[i] - u[j] - rot * e0)",
    )

    def agrees(v: Values, after: Values) -> None:
        many = np.diff(v.offsets) if store == "compressed" else np.full(n, degree)
        at, ids = np.repeat(np.arange(n), many), np.ravel(v.neighbors)
        w = np.ravel(v.weights) if weights == "per edge" else np.ones(len(ids))
        e0, e1 = v.rest[at] - v.rest[ids], (v.rest + v.u)[at] - (v.rest + v.u)[ids]
        s = np.tile(0.01 * np.eye(3), (n, 1, 1))  # the transpose of the kernel's
        np.add.at(s, at, np.einsum("e,ei,ej->eij", w, e0, e1))
        u, sigma, vt = np.linalg.svd(s)
        sign = np.sign(np.linalg.det(np.swapaxes(vt, 1, 2) @ np.swapaxes(u, 1, 2)))
        r = np.einsum("nki,nk,njk->nij", vt, np.column_stack([np.ones(n), np.ones(n), sign]), u)
        misfit = np.zeros(n)
        np.add.at(misfit, at, w * ((e1 - np.einsum("eij,ej->ei", r[at], e0)) ** 2).sum(-1))
        if result == "energy":
            near = np.abs(after.energy - misfit) < 1e-2 * (1.0 + misfit)
        else:
            # rotations are unique where the two least singular values differ
            sure = (sigma[:, 2] > 0.05) & (sign > 0.0)
            made = rotations(after.q) if result == "quaternion" else after.R
            np.testing.assert_allclose(np.linalg.det(made)[sure], 1.0, atol=1e-2)
            near = np.abs(made - r).max(axis=(1, 2))[sure] < 2e-2
        assert near.mean() > 0.95, f"{near.mean():.3f} agree"

    d.holds(agrees)
