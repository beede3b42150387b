"""Sets of points aligned with one another, a block of threads for each pair of sets."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.geometry import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Kabsch 1976; Umeyama 1991; Arun, Huang & Blostein 1987; Horn 1987; Chetverikov et al. 2002 (trimming)",
    names={
        "pair_weights": "w_in|confidence",
        "cross": "h_mat|covariance|cross_cov",
        "turn": "rotation|r_mat|rot",
        "shift": "translation|t_vec|offset",
        "set_id": "block|problem",
        "p_centered": "p_local|p_rel",
        "q_centered": "q_local|q_rel",
        "POINTS": "N|NUM_POINTS",
    },
    adjoint="no",
    weight=8,
)
def aligned_sets(d: Draft) -> None:
    """Computes the best-fit rigid motions between sets of points (Kabsch)."""
    scaled = d.flag("with scale", 0.4)
    weights = d.option("weights", "equal", "given", "robust")
    result = d.option("result", "transform", "aligned", "deviation", "matrix", "quaternion")
    trimmed = d.flag("far pairs left out", 0.3) and weights != "robust"
    fit = "similarity transform" if scaled else "rigid transform"
    way = d.option("covariance", "targets by sources", "sources by targets")
    d.calls(
        {
            "transform": "kabsch_tiled|rigid_registration|fit_rigid_motions",
            "aligned": "superpose_points|align_points|aligned_sets",
            "deviation": "alignment_rmsd|superposition_rmsd|registration_error",
            "matrix": "alignment_matrices|registration_matrices|fit_motions",
            "quaternion": "kabsch_rotations|fit_rotations_tiled|alignment_rotations",
        }[result]
    )
    pairs, count = d.pick(3, 4), d.pick(8, 12, 16)
    d.module(f"POINTS = wp.constant({count})")
    sources, targets = d.pick(
        ("sources", "targets"), ("moving", "fixed"), ("points_a", "points_b"), ("p_in", "q_in")
    )
    mean_p, mean_q = d.pick(("p_mean", "q_mean"), ("src_center", "dst_center"), ("centroid_p", "centroid_q"))
    plain = weights == "equal" and not trimmed
    d.input(sources, "vec3", (pairs, count), -1.0, 1.0, about="points to align")
    d.input(targets, "vec3", (pairs, count), -1.0, 1.0, about="target points")
    if weights == "given":
        d.input("pair_weights", "float", (pairs, count), 0.2, 1.0, about="per-pair weights")
    elif weights == "robust":
        d.param("scale_length", "float", 0.6, 1.2, about="Cauchy weight scale")
    if trimmed:
        d.param(
            "max_distance",
            "float",
            1.5,
            2.0,
            about="maximum pair distance; at least some pairs must be closer",
        )
    if result == "transform":
        d.output("transforms", "transform", pairs, about="rigid transforms")
        scaled = False
    elif result == "aligned":
        d.output("aligned", "vec3", (pairs, count), about="aligned source points")
        d.says(f"Aligns point sets with their targets using the best-fit {fit}.")
    elif result == "deviation":
        d.output("deviations", "float", pairs, about="RMSD per point set")
        d.says(f"Computes the RMSD between point sets and their targets after applying the best-fit {fit}.")
    elif result == "matrix":
        d.output("matrices", "mat44", pairs, about="4x4 homogeneous matrices")
        d.says(f"Computes the best-fit {fit} between point sets and their targets as 4x4 matrices.")
    else:
        d.output("rotations", "quat", pairs, about="best-fit rotations")
        d.says("Computes the best-fit rotations between point sets and their targets (Kabsch).")
        scaled = False
    how = {"equal": "", "given": ", with pair weights", "robust": ", with Cauchy weights"}[weights]
    how += ", ignoring distant pairs" if trimmed else ""
    d.says(
        (
            d.sentence
            or "Computes the best-fit rigid transforms between point sets and their targets (Kabsch)."
        )[:-1]
        + f"{how}."
    )
    w, head = ("", "") if plain else ("w * ", ", w: float")
    d.function(f'''
        @wp.func
        def covariance_term(p: wp.vec3, q: wp.vec3{head}) -> wp.mat33:
            """Cross-covariance contribution of a point pair."""
            return {w}{"wp.outer(q, p)" if way == "targets by sources" else "wp.outer(p, q)"}
    ''')
    if not plain:
        d.function("@wp.func\ndef weighted(p: wp.vec3, w: float) -> wp.vec3:\n    return w * p")
    prepare = {
        "equal": "",
        "given": "w = wp.tile_load(pair_weights[set_id], shape=POINTS)",
        "robust": "w = wp.tile_map(cauchy, p, q, scale_length)",
    }[weights]
    if weights == "robust":
        d.function('''
            @wp.func
            def cauchy(p: wp.vec3, q: wp.vec3, scale: float) -> float:
                """Cauchy weight for a point pair, small for likely outliers."""
                return 1.0 / (1.0 + wp.length_sq(p - q) / (scale * scale))
        ''')
    if trimmed:
        given = "w: float, " if weights == "given" else ""
        d.function(f"""
            @wp.func
            def near_weight({given}p: wp.vec3, q: wp.vec3, max_distance: float) -> float:
                return wp.where(wp.length(p - q) > max_distance, 0.0, {"w" if weights == "given" else "1.0"})
        """)
        if weights == "given":
            prepare = (
                prepare.replace("w = ", "w_all = ")
                + "\nw = wp.tile_map(near_weight, w_all, p, q, max_distance)"
            )
        else:
            prepare = "w = wp.tile_map(near_weight, p, q, max_distance)"
    given_w, total = ("", "float(POINTS)") if plain else (", w", "total_weight")
    product = "u * wp.transpose(v)" if way == "targets by sources" else "v * wp.transpose(u)"
    turn = (
        "# svd3() returns rotations (the last singular value may be negative), so we skip the reflection "
        "check\n"
        f"turn = wp.mat33({product})"
    )
    d.function(
        f"@wp.func\ndef squared(p: wp.vec3{head}) -> float:\n    return {w}wp.dot(p, p)"
    ) if scaled else None
    scale = (
        "# Umeyama scale: sum of singular values / source scatter\n"
        f"spread = wp.tile_sum(wp.tile_map(squared, p_centered{given_w}))[0]\n"
        "scale = float(sigma[0] + sigma[1] + sigma[2]) / spread"
        if scaled
        else ""
    )
    turned = "scale * (turn * {})" if scaled else "turn * {}"
    shift = f"shift = {mean_q} - {turned.format(mean_p)}"
    if result in ("aligned", "deviation"):
        d.function(f"""
            @wp.func
            def moved(p: wp.vec3, turn: wp.mat33, shift: wp.vec3{", scale: float" if scaled else ""}) -> wp.vec3:
                return {turned.format("p")} + shift
        """)
    moved = f"wp.tile_map(moved, p, turn, shift{', scale' if scaled else ''})"
    if result == "deviation":
        d.function(
            f"@wp.func\ndef squared_gap(a: wp.vec3, b: wp.vec3{head}) -> float:\n    return {w}wp.length_sq(a - b)"
        )
    end = {
        "transform": f"{shift}\ntransforms[set_id] = wp.transform(shift, wp.quat_from_matrix(turn))",
        "aligned": f"{shift}\nwp.tile_store(aligned[set_id], {moved})",
        "deviation": f"{shift}\nresidual = wp.tile_sum(wp.tile_map(squared_gap, {moved}, q{given_w}))[0]\n"
        f"deviations[set_id] = wp.sqrt(residual / {total})",
        "matrix": f"{shift}\n"
        + ("a = scale * turn\n" if scaled else "")
        + "matrices[set_id] = wp.mat44(\n"
        + "".join(
            f"    {m}[{r}, 0], {m}[{r}, 1], {m}[{r}, 2], shift[{r}],\n"
            for r in range(3)
            for m in ["a" if scaled else "turn"]
        )
        + "    0.0, 0.0, 0.0, 1.0,\n)",
        "quaternion": "rotations[set_id] = wp.quat_from_matrix(turn)",
    }[result]
    d.launch(pairs, tiled=True)
    d.code(
        """
        set_id = wp.tid()
        p = wp.tile_load($sources[set_id], shape=POINTS)
        q = wp.tile_load($targets[set_id], shape=POINTS)
        $prepare
        $means
        p_centered = p - wp.tile_full(shape=POINTS, value=$mean_p, dtype=wp.vec3)
        q_centered = q - wp.tile_full(shape=POINTS, value=$mean_q, dtype=wp.vec3)
        cross = wp.tile_sum(wp.tile_map(covariance_term, p_centered, q_centered$given_w))[0]
        # Use double precision, since the float32 svd3() is inaccurate
        u, sigma, v = wp.svd3(wp.mat33d(cross))
        $turn
        $scale
        $end
        """,
        prepare=prepare,
        sources=sources,
        targets=targets,
        mean_p=mean_p,
        mean_q=mean_q,
        means="\n".join(
            f"{mean} = wp.tile_sum({of})[0] / {total}" for mean, of in ((mean_p, "p"), (mean_q, "q"))
        )
        if plain
        else "total_weight = wp.tile_sum(w)[0]\n"
        + "\n".join(
            f"{mean} = wp.tile_sum(wp.tile_map(weighted, {of}, w))[0] / total_weight"
            for mean, of in ((mean_p, "p"), (mean_q, "q"))
        ),
        given_w=given_w,
        turn=turn,
        scale=scale,
        end=end,
    )
    d.explain(
        f"R = {'U V^T' if way == 'targets by sources' else 'V U^T'} from the SVD of "
        f"sum {'' if plain else 'w '}{'q p^T' if way == 'targets by sources' else 'p q^T'}, about the "
        f"{'' if plain else 'weighted '}means"
        + ("." if result == "quaternion" else f"; then t = q_m - {'s ' if scaled else ''}R p_m.")
    )

    def moved_by(after: Values, k: int, p: Any) -> Any:
        """The points of set k under the motion that was found."""
        if result == "aligned":
            return after.aligned[k]
        if result == "matrix":
            return p @ after.matrices[k, :3, :3].T + after.matrices[k, :3, 3]
        x, y, z, w = (after.transforms if result == "transform" else after.rotations)[k][-4:]
        # v + 2 w (u x v) + 2 u x (u x v) for the quaternion (u, w).
        u = np.array([x, y, z])
        turned = p + 2 * w * np.cross(u, p) + 2 * np.cross(u, np.cross(u, p))
        return turned + (after.transforms[k][:3] if result == "transform" else 0.0)

    def nearest(before: Values, after: Values) -> None:
        for k in range(pairs):
            p, q = before[sources][k], before[targets][k]
            far = np.linalg.norm(p - q, axis=1)
            w = before.pair_weights[k] if weights == "given" else np.ones(count)
            w = 1 / (1 + (far / before.scale_length) ** 2) if weights == "robust" else w
            w = w * (far <= before.max_distance) if trimmed else w
            p_arm, q_arm = p - w @ p / w.sum(), q - w @ q / w.sum()
            cross = (w[:, None] * q_arm).T @ p_arm
            s_ = np.linalg.svd(cross)[1] * [1.0, 1.0, np.sign(np.linalg.det(cross))]
            spread = w @ (p_arm**2).sum(1)
            c = s_.sum() / spread if scaled else 1.0
            # The least sum of squares follows from the singular values alone.
            least = w @ (q_arm**2).sum(1) - 2 * c * s_.sum() + c * c * spread
            if result == "deviation":
                np.testing.assert_allclose(after.deviations[k], np.sqrt(least / w.sum()), rtol=5e-3)
                continue
            at = moved_by(after, k, p)
            arm = at - w @ at / w.sum()
            np.testing.assert_allclose(w @ ((q_arm - arm) ** 2).sum(1), least, rtol=5e-3)
            if result != "quaternion":
                np.testing.assert_allclose(w @ at, w @ q, atol=5e-3 * count)
            motion = np.linalg.lstsq(p_arm, arm, rcond=None)[0].T
            np.testing.assert_allclose(motion.T @ motion, c * c * np.eye(3), atol=5e-3)
            assert np.linalg.det(motion) > 0

    d.holds(nearest)
