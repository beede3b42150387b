"""Shapes fitted to points among which many are wrong."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.geometry import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_SAMPLES = {"plane": 3, "sphere": 4, "line": 2, "circle": 3}


@DOMAIN.algorithm(
    source="Fischler & Bolles 1981; Torr & Zisserman 2000 (MSAC, MLESAC); Chum & Matas 2008 (randomised verification); Schnabel, Wahl & Klein 2007",
    names={
        "score_hypotheses": "ransac_hypotheses|ransac_score|evaluate_models|consensus_kernel",
        "points": "cloud|pts|data",
        "trial": "tid|hypothesis|h",
        "support": "consensus|score",
        "tolerance": "threshold|inlier_dist|max_residual",
        "residual": "err|deviation|dist",
        "sigma": "noise_std|std_dev",
    },
    adjoint="no",
    weight=7,
)
def score_hypotheses(d: Draft) -> None:
    """Fits a shape to a minimal sample of points in each trial and scores it by all points (RANSAC)."""
    shape = d.option("shape", *_SAMPLES)
    score = d.option("score", "count", "msac", "likelihood", "weighted")
    sampling = d.option("sampling", "given", "random", "local")
    bail = d.flag("early exit", 0.5)
    bail = bail and score in ("count", "weighted")
    prior = d.flag("prior", 0.5)
    normals = d.flag("normals", 0.5) and shape != "line"
    result = d.option("result", "score", "model", "best")
    valid = d.flag("mask", 0.5) and sampling == "given"  # samples are of the remaining points
    those = "all unclaimed points" if valid else "all points"
    if shape == "circle":
        normals = False
    facing_it = " with matching normals" if normals else ""
    how = {"count": "RANSAC", "msac": "MSAC", "likelihood": "MLESAC", "weighted": "RANSAC, weighted inliers"}[
        score
    ]
    unfit = {"plane": "steep planes", "line": "slanted lines"}.get(shape, f"large {shape}s")
    notes = [f"rejects {unfit}"] * prior + ["exits early for poor candidates"] * bail
    d.says(
        (
            f"Computes the best score of {shape} fits to minimal point samples, evaluated on "
            f"{those}{facing_it} ({how})"
            if result == "best"
            else f"Fits a {shape} to a minimal point sample in each trial and scores it using "
            f"{those}{facing_it} ({how})"
        )
        + (f"; {' and '.join(notes)}." if notes else ".")
    )
    d.calls(f"ransac_{shape}s|score_{shape}_hypotheses|evaluate_{shape}s|{shape}_consensus")
    flat = shape == "circle"
    vec = "vec2" if flat else "vec3"
    trials, n, k = d.pick(24, 32, 48), d.pick(32, 48), _SAMPLES[shape]
    d.input("points", vec, n, -1.0, 1.0, about="Point cloud positions")
    if normals:
        d.input("normals", "vec3", n, kind="unit", about="Point normals")
        d.param(
            "min_cosine",
            "float",
            0.3,
            0.6,
            about="Minimum cosine between the point normal and the shape normal",
        )
    if valid:
        d.mask("remaining", "bool", n, about="Mask of points not yet assigned to a shape")
    if sampling != "given":
        d.param("seed", "int", 1, 1000, about="Random seed")
    else:
        d.input(
            "sample",
            f"vec{k}i" if k > 2 else "vec2i",
            trials,
            0,
            n,
            about="Sample indices per trial",
        )
    if score == "weighted":
        d.input("weights", "float", n, 0.1, 1.0, about="Per-point weights, at most 1")
    thin = (0.2, 0.4) if shape == "line" else (0.1, 0.25)
    if score == "likelihood":
        half = (0.5 * thin[0], 0.5 * thin[1])
        d.param("sigma", "float", *half, about="Standard deviation of inlier distances")
        d.module(
            "# Ratio of the peak inlier density to the uniform outlier density\n"
            "PEAK_RATIO = wp.constant(15.0)"
        )
    else:
        d.param("tolerance", "float", *thin, about="Inlier distance threshold")
    if bail:
        # about what a middling model has: few points are near a line, and few of weighted or filtered ones count
        usual = (3.0 if shape == "line" else 7.0) * 0.6 ** sum((score == "weighted", valid, normals))
        least = round(usual, 1)
        d.param("required", "float", least, 1.5 * least, about="Minimum support needed to keep a trial")
    if prior:
        if shape in ("plane", "line"):
            d.param("min_upright", "float", 0.2, 0.5, about="Minimum cosine to the vertical")
        else:
            d.param("max_radius", "float", 0.8, 2.0, about="Maximum accepted radius")
    if result == "score":
        d.output("scores", "float", trials, about="Score per trial, 0 if no model was fitted")
    elif result == "model":
        d.output("scores", "float", trials, about="Score per trial, 0 if no model was fitted")
        kind, about = {
            "plane": ("vec4", "Plane unit normals and offsets"),
            "sphere": ("vec4", "Sphere centers and radii"),
            "line": ("spatial_vector", "Line directions and moments"),
            "circle": ("vec3", "Circle centers and radii"),
        }[shape]
        d.output("models", kind, trials, about=f"{about}, unchanged if no model was fitted")
    else:
        d.output("best_score", "float", 1, about="Best score over all trials")
    index = {
        "given": "sample[trial][{}]",
        "local": "",
        "random": "wp.randi(state, 0, points.shape[0])",
    }[sampling]
    draw = "\n".join(f"{p} = points[{index.format(i)}]" for i, p in enumerate("pqrs"[:k]))
    if sampling == "local":
        draw = (
            "state = wp.rand_init(seed, trial)\nfirst = wp.randi(state, 0, points.shape[0])\np = points[first]\n"
            "# Neighbors in scan order are more likely to belong to the same shape\n"
        ) + "\n".join(
            f"{p} = points[(first + wp.randi(state, 1, 9)) % points.shape[0]]" for p in "qrs"[: k - 1]
        )
    elif sampling == "random":
        draw = "state = wp.rand_init(seed, trial)\n" + draw
    fit = {
        "plane": """
            # Plane through three points
            normal = wp.cross(q - p, r - p)
            double_area = wp.length(normal)
            # Skip nearly collinear samples, since the plane is undefined
            if double_area < 1.0e-2:
                return

            normal /= double_area
            offset = -wp.dot(normal, p)
            """,
        "sphere": """
            # Differences of |x - c|^2 = r^2 are linear in the center
            system = wp.matrix_from_rows(q - p, r - p, s - p)
            # Skip nearly coplanar samples, since the radius would blow up
            if wp.abs(wp.determinant(system)) < MIN_DETERMINANT:
                return

            pp = wp.dot(p, p)
            right = 0.5 * wp.vec3(wp.dot(q, q) - pp, wp.dot(r, r) - pp, wp.dot(s, s) - pp)
            center = wp.inverse(system) * right
            radius = wp.length(p - center)
            """,
        "line": """
            # Line through two points
            along = q - p
            length = wp.length(along)
            # Skip duplicate or nearly coincident points
            if length < 1.0e-2:
                return

            along /= length
            """,
        "circle": """
            # Circle through three points using perpendicular bisectors
            a = q - p
            b = r - p
            det = 2.0 * (a[0] * b[1] - a[1] * b[0])
            # Skip nearly collinear samples, since the radius would blow up
            if wp.abs(det) < MIN_DETERMINANT:
                return

            a2 = wp.dot(a, a)
            b2 = wp.dot(b, b)
            offset = wp.vec2(b[1] * a2 - a[1] * b2, a[0] * b2 - b[0] * a2) / det
            center = p + offset
            radius = wp.length(offset)
            """,
    }[shape]
    model = (
        "models[trial] = "
        + {
            "plane": "wp.vec4(normal[0], normal[1], normal[2], offset)",
            "sphere": "wp.vec4(center[0], center[1], center[2], radius)",
            "line": "wp.spatial_vector(along, wp.cross(p, along))",
            "circle": "wp.vec3(center[0], center[1], radius)",
        }[shape]
    )
    if shape == "line":
        model = f"# Pluecker coordinates\n{model}"
    limit = {
        "plane": "# Reject planes too steep for a floor or table\nif wp.abs(normal[2]) < min_upright:\n"
        "    return\n",
        "line": "# Reject lines too slanted for a pole\nif wp.abs(along[2]) < min_upright:\n    return\n",
    }.get(shape, "# Reject shapes larger than any object of interest\nif radius > max_radius:\n    return\n")
    measure = {
        "plane": "residual = wp.abs(wp.dot(normal, x) + offset)",
        "sphere": "residual = wp.abs(wp.length(x - center) - radius)",
        "line": "residual = wp.length(wp.cross(x - p, along))",
        "circle": "residual = wp.abs(wp.length(x - center) - radius)",
    }[shape]
    facing = {
        "plane": "wp.abs(wp.dot(normals[i], normal))",
        "sphere": "wp.abs(wp.dot(normals[i], wp.normalize(x - center)))",
    }.get(shape, "")
    gain = {
        "count": "support += wp.where(residual < tolerance, 1.0, 0.0)",
        "weighted": "support += wp.where(residual < tolerance, weights[i], 0.0)",
        "msac": """
            # Weight inliers by their residual
            ratio = wp.min(residual / tolerance, 1.0)
            support += 1.0 - ratio * ratio
            """,
        "likelihood": """
            # MLESAC: log-likelihood ratio of Gaussian inliers + uniform outliers vs. outliers only
            z = residual / sigma
            support += wp.log(1.0 + PEAK_RATIO * wp.exp(-0.5 * z * z))
            """,
    }[score]
    if shape in ("sphere", "circle"):
        d.module("MIN_DETERMINANT = wp.constant(2.0e-2)")
    d.launch(trials)
    d.code(
        """
        trial = wp.tid()
        $none
        $draw
        $fit
        $limit
        support = float(0.0)
        for i in range(points.shape[0]):
            $valid
            x = points[i]
            $measure
            $normals
            $gain
            $bail
        $store
        """,
        none="" if result == "best" else "# Default score if the fit fails\nscores[trial] = 0.0",
        draw=draw,
        fit=fit,
        limit=limit if prior else "",
        valid="if not remaining[i]:\n    continue" if valid else "",
        measure=measure,
        normals=f"# Skip nearby points with a mismatched normal\nif {facing} < min_cosine:\n    continue"
        if normals
        else "",
        gain=gain,
        bail="# Early exit if the required support is out of reach even with all remaining points\n"
        "if support + float(points.shape[0] - 1 - i) < required:\n    return"
        if bail
        else "",
        store={
            "score": "scores[trial] = support",
            "model": f"scores[trial] = support\n{model}",
            "best": "wp.atomic_max(best_score, 0, support)",
        }[result],
    )
    d.explain(
        """
        A minimal sample defines the shape, and its support among $those indicates whether the sample
        contained outliers. Samples without a model$bail get a score of zero.
    """.replace("$bail", " and trials that exit early" if bail else "").replace("$those", those)
    )

    def scored(v: Values, at: Any) -> tuple[float, Any]:
        x = v.points[at]
        nothing = 0.0, np.zeros({"line": 6, "circle": 3}.get(shape, 4))
        if shape == "plane":
            normal = np.cross(x[1] - x[0], x[2] - x[0])
            area = np.linalg.norm(normal)
            if area < 1e-2:
                return nothing
            normal = normal / area
            model, far = np.append(normal, -normal @ x[0]), np.abs((v.points - x[0]) @ normal)
            out, face = (
                abs(normal[2]) < v.get("min_upright", 0),
                np.abs(v.get("normals", np.zeros((n, 3))) @ normal),
            )
        elif shape == "line":
            along = x[1] - x[0]
            if np.linalg.norm(along) < 1e-2:
                return nothing
            along = along / np.linalg.norm(along)
            far = np.linalg.norm(np.cross(v.points - x[0], along), axis=1)
            model = np.append(along, np.cross(x[0], along))
            out, face = abs(along[2]) < v.get("min_upright", 0), np.ones(n)
        else:
            a = x[1:] - x[0]
            if abs(np.linalg.det(a)) < (1e-2 if flat else 2e-2):
                return nothing
            c = np.linalg.solve(a, ((x[1:] ** 2).sum(1) - (x[0] ** 2).sum()) / 2)
            radius = np.linalg.norm(x[0] - c)
            far = np.abs(np.linalg.norm(v.points - c, axis=1) - radius)
            model = np.append(c, radius)
            out = radius > v.get("max_radius", np.inf)
            to = v.points - c
            face = (
                np.ones(n)
                if flat
                else np.abs((v.get("normals", to) * to).sum(1) / np.linalg.norm(to, axis=1))
            )
        if prior and out:
            return nothing
        use = v.remaining.copy() if valid else np.ones(n, bool)
        if normals:
            use &= face >= v.min_cosine
        gains = {
            "count": lambda: (far < v.tolerance) * 1.0,
            "weighted": lambda: (far < v.tolerance) * v.weights,
            "msac": lambda: 1 - np.minimum(far / v.tolerance, 1) ** 2,
            "likelihood": lambda: np.log(1 + 15 * np.exp(-((far / v.sigma) ** 2) / 2)),
        }[score]()
        total = 0.0
        for i in range(n):
            if use[i]:
                total += gains[i]
                if bail and total + n - 1 - i < v.required:
                    return nothing
        return total, model

    def agrees(v: Values, after: Values) -> None:
        if sampling != "given":
            # Which points were drawn is not known here: scores must be possible, and not all alike.
            found = np.asarray(after["best_score" if result == "best" else "scores"])
            assert found.min() >= 0 and found.max() <= n * np.log(16) and found.max() > 0
            return
        at = np.asarray(v["sample"])
        made = [scored(v, row) for row in at]
        scores = np.array([s for s, _ in made])
        if result == "best":
            assert abs(after.best_score[0] - scores.max()) <= 1e-2 * (1 + scores.max()) + (
                score in ("count", "weighted")
            )
            return
        near = np.abs(after.scores - scores) <= 1e-2 * (1 + scores)
        assert near.mean() > 0.85, f"{near.mean():.2f} of the scores agree"
        if result == "model":
            close = np.abs(after.models - np.array([m for _, m in made])).max(1) < 2e-2
            assert close.mean() > 0.85, f"{close.mean():.2f} of the models agree"

    d.holds(agrees)
