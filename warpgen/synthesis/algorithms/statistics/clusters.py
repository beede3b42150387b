"""Clusters, classifiers and regressions."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.statistics import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Lloyd 1982; Arthur & Vassilvitskii 2007; Bezdek 1981 (fuzzy c-means)",
    names={
        "assign_clusters": "kmeans_assign|nearest_centroid|assign_points",
        "x": "points|data|samples",
        "centers": "centroids|means|codebook",
        "labels": "assignment|cluster_ids|owner",
        "nearest": "best|closest|winner",
        "best": "min_dist|best_dist|d_min",
        "c": "k|cluster|j",
    },
    adjoint="no",
)
def assign_clusters(d: Draft) -> None:
    """Assigns each point to its nearest cluster center."""
    dim = d.option("dim", 2, 3, "many")
    metric = d.option("metric", "euclidean", "manhattan", "cosine")
    extra = d.option("extra", "labels", "sums", "distance", "inertia")
    fuzzy = extra == "distance" and d.flag("second", 0.4)
    if extra == "sums" and metric == "manhattan":
        metric = "euclidean"  # medians, not means, are nearest then
    # What is the same for all centers may be left out where the distance itself is not asked for
    whole = metric == "cosine" or (extra in ("distance", "inertia") and not fuzzy)
    expanded = metric == "euclidean" and d.flag("expanded", 0.3) and not whole
    if extra == "sums":
        d.calls("cluster_sums|accumulate_clusters|sum_by_cluster")
    directions = extra == "sums" and metric == "cosine"  # their mean is that of unit vectors
    if extra == "inertia":
        d.calls(
            "cluster_inertia|kmeans_inertia|sum_of_squares"
            if metric == "euclidean"
            else "clustering_cost|sum_of_distances|total_distance"
        )
    elif extra != "sums" and metric != "euclidean":
        d.calls("assign_clusters|nearest_centroid|assign_points")
    by = {"euclidean": "", "manhattan": "Manhattan ", "cosine": "cosine "}[metric]
    if metric != "euclidean":
        d.says(f"Assigns each point to its nearest cluster center by {by}distance.")
    n, k, size = d.pick(64, 96, 128), d.pick(4, 5, 8), d.pick(4, 5, 6)
    many = dim == "many"
    type = "float" if many else f"vec{dim}"
    shape = (n, size) if many else (n,)
    d.input("x", type, shape, -1.0, 1.0, about="samples")
    d.input("centers", type, (k, size) if many else (k,), -1.0, 1.0, about="cluster centers, one per row")
    if extra == "sums":
        d.output(
            "sums",
            type,
            (k, size) if many else (k,),
            about=f"sum of the {'directions of the ' * directions}samples per cluster",
        )
        d.output("counts", "int", k, about="per-cluster sample count")
    elif extra == "inertia":
        squared = "squared " if metric == "euclidean" else by
        d.output("inertia" if metric == "euclidean" else "cost", "float", 1, about=f"sum of the {squared}distances to the nearest centers")  # fmt: skip
    else:
        d.output("labels", "int", n, about="nearest-center index per sample")
        squared = "squared " if metric == "euclidean" else by
        if fuzzy:
            d.output("margin", "float", n, about=f"{squared}distance gap to the second-nearest center")  # fmt: skip
            d.says(f"Assigns each point to its nearest cluster center and computes the {squared}distance margin to the second nearest.")  # fmt: skip
        elif extra == "distance":
            d.output("distances", "float", n, about=f"{squared}distance to the nearest center")
            d.says(f"Finds the nearest cluster center for each point and its {squared}distance.")
    if many:
        start = (
            "dist = float(0.0)"
            if metric != "cosine" and not expanded
            else "dot = float(0.0)\nsquare = float(0.0)"
        )
        step = {
            "euclidean": "diff = x[i, a] - centers[c, a]\ndist += diff * diff",
            "manhattan": "dist += wp.abs(x[i, a] - centers[c, a])",
            "cosine": "dot += x[i, a] * centers[c, a]\nsquare += centers[c, a] * centers[c, a]",
        }[metric]
        after = ""
        if expanded:
            step = "dot += x[i, a] * centers[c, a]\nsquare += centers[c, a] * centers[c, a]"
            after = "# Drop |x|^2, since it is the same for all centers\ndist = square - 2.0 * dot"
        elif metric == "cosine":
            after = "dist = 1.0 - dot / wp.sqrt(square * own)"
        measure = (
            f"{start}\nfor a in range(x.shape[1]):\n    {step.replace(chr(10), chr(10) + '    ')}\n{after}"
        )
        load = ""
        if metric == "cosine":
            load = "own = float(0.0)\nfor a in range(x.shape[1]):\n    own += x[i, a] * x[i, a]"
    else:
        load = "p = x[i]"
        if metric == "cosine":
            load += "\np_length = wp.length(p)"
        measure = {
            "euclidean": "dist = wp.length_sq(p - centers[c])",
            "manhattan": "diff = p - centers[c]\ndist = "
            + " + ".join(f"wp.abs(diff[{a}])" for a in range(int(dim))),  # type: ignore[call-overload]
            "cosine": "dist = 1.0 - wp.dot(p, centers[c]) / (p_length * wp.length(centers[c]))",
        }[metric]
        if expanded:
            measure = (
                "# Drop |p|^2, since it is the same for all centers\n"
                "dist = wp.dot(centers[c], centers[c]) - 2.0 * wp.dot(p, centers[c])"
            )
    if fuzzy:
        select = (
            "if dist < best:\n"
            "    second = best\n"
            "    best = dist\n"
            "    nearest = c\n"
            "elif dist < second:\n"
            "    second = dist"
        )
    else:
        select = "if dist < best:\n    best = dist\n    nearest = c"
    if extra == "sums":
        each = "x[i, a] / wp.sqrt(own)" if directions else "x[i, a]"
        add = (
            f"wp.atomic_add(sums, nearest, {'wp.normalize(p)' if directions else 'p'})"
            if not many
            else f"for a in range(x.shape[1]):\n    wp.atomic_add(sums, nearest, a, {each})"
        )
        end = f"# Accumulate cluster sums; the host divides by the counts\nwp.atomic_add(counts, nearest, 1)\n{add}"
        d.says(
            "Accumulates per-cluster sums of unit vectors and counts using cosine distance."
            if directions
            else "Accumulates per-cluster point sums and counts using the nearest center."
        )
    elif extra == "inertia":
        end = f"wp.atomic_add({'inertia' if metric == 'euclidean' else 'cost'}, 0, best)"
        d.says(f"Computes the sum of {squared}distances from points to their nearest cluster centers.")
        select = "if dist < best:\n    best = dist"
    else:
        end = "labels[i] = nearest"
        if extra == "distance":
            end += "\nmargin[i] = second - best" if fuzzy else "\ndistances[i] = best"
    if expanded:  # what is left of a squared distance is none
        measure, select = (re.sub(r"\bdist\b", "score", text) for text in (measure, select))
    if extra == "inertia" and not fuzzy:
        begin = "best = float(1.0e10)"
    else:
        begin = "nearest = int(-1)\nbest = float(1.0e10)" + ("\nsecond = float(1.0e10)" if fuzzy else "")
    d.launch(n)
    d.code(
        "i = wp.tid()\n$load\n$begin\nfor c in range(centers.shape[0]):\n    $measure\n    $select\n$end",
        load=load,
        begin=begin,
        measure=measure,
        select=select,
        end=end,
    )

    def reference(v: Values) -> dict[str, Any]:
        gap = v.x[:, None] - v.centers[None]
        if metric == "manhattan":
            dist = np.abs(gap).sum(-1)
        elif metric == "cosine":
            lengths = np.linalg.norm(v.x, axis=1)[:, None] * np.linalg.norm(v.centers, axis=1)
            dist = 1 - v.x @ v.centers.T / lengths
        else:
            dist = (gap**2).sum(-1) - ((v.x**2).sum(-1, keepdims=True) if expanded else 0)
        label, ordered = dist.argmin(axis=1), np.sort(dist, axis=1)
        if extra == "sums":
            hot = np.eye(k)[label]
            y = v.x / np.linalg.norm(v.x, axis=1, keepdims=True) if directions else v.x
            return {"sums": hot.T @ y, "counts": hot.sum(axis=0).astype(int)}
        if extra == "inertia":
            return {"inertia" if metric == "euclidean" else "cost": ordered[:, 0].sum(keepdims=True)}
        found = {"labels": label}
        if extra == "distance":
            found |= {"margin": ordered[:, 1] - ordered[:, 0]} if fuzzy else {"distances": ordered[:, 0]}
        return found

    d.check(reference, 5e-4)


@DOMAIN.algorithm(
    source="Dempster, Laird & Rubin 1977; Bishop 2006, section 9.2; Rasmussen & Williams 2006",
    names={
        "mixture_responsibilities": "gmm_e_step|gmm_responsibilities|expectation_step",
        "x": "points|data|samples",
        "means": "mu|centers|centroids",
        "log_pi": "log_weights|log_prior|log_mix",
        "resp": "gamma|posterior|responsibilities",
        "peak": "m|max_log|top",
        "mass": "z|denom|norm",
        "c": "k|comp|j",
    },
    double=True,
    adjoint="no",
    weight=2,
)
def mixture_responsibilities(d: Draft) -> None:
    """Computes Gaussian mixture responsibilities for each point (the E-step of EM)."""
    dim = d.option("dim", 1, 2, 3)
    shape = d.option("covariance", "spherical", "diagonal", "full")
    out = d.option("out", "responsibilities", "likelihood", "both", "hard")
    stable = d.option("sum", "two loops", "streaming")
    if out in ("likelihood", "hard"):
        d.calls({
            "likelihood": "mixture_log_likelihood|gmm_log_likelihood|gmm_logpdf",
            "hard": "assign_gaussians|gmm_labels|most_likely_component",
        }[out])  # fmt: skip
    n, k = d.pick(48, 64, 96), d.pick(3, 4, 5)
    if dim == 1 and shape == "full":
        shape = "diagonal"
    type = "float" if dim == 1 else f"vec{dim}"
    d.input("x", type, n, -2.0, 2.0, about="samples")
    d.input("means", type, k, -1.5, 1.5, about="component means")
    if shape == "spherical":
        d.input("variance", "float", k, 0.3, 1.5, about="component variances")
    elif shape == "diagonal":
        d.input("variance", type, k, 0.3, 1.5, about="per-axis variance for each component")
    else:
        about = "component precision matrices"
        d.input("precision", f"mat{dim}{dim}", k, 0.5, 3.0, kind="spd", about=about)
    d.input(
        "log_pi",
        "float",
        k,
        -2.0,
        -0.5,
        about="component log-weights, up to a constant",
    )
    if out in ("responsibilities", "both"):
        d.output("resp", "float", (n, k), about="responsibilities, indexed by sample and component")
    if out in ("likelihood", "both"):
        d.output("log_likelihood", "float", n, about="per-sample log-likelihood")
    if out == "hard":
        d.output("labels", "int", n, about="most likely component index")
    half = 0.5 * dim * np.log(2 * np.pi)
    if dim == 1:
        quad = "e * e / variance[c]"
        det = "0.5 * wp.log(variance[c])"
    elif shape == "spherical":
        quad, det = "wp.dot(e, e) / variance[c]", f"{'' if dim == 2 else '1.5 * '}wp.log(variance[c])"
    elif shape == "diagonal":
        quad = "wp.dot(e, wp.cw_div(e, variance[c]))"
        det = " + ".join(f"wp.log(variance[c][{a}])" for a in range(dim))
        det = f"0.5 * ({det})"
    else:
        quad, det = "wp.dot(e, precision[c] * e)", "0.5 * wp.log(wp.determinant(precision[c]))"
    sign = "+" if shape == "full" and dim > 1 else "-"
    types = {
        "x": "float" if dim == 1 else f"wp.vec{dim}",
        "v": "float" if shape == "spherical" or dim == 1 else f"wp.vec{dim}",
    }
    spread = (
        f"precision: wp.array(dtype=wp.mat{dim}{dim})"
        if shape == "full" and dim > 1
        else f"variance: wp.array(dtype={types['v']})"
    )
    name = "precision" if shape == "full" and dim > 1 else "variance"
    d.function(
        '''
        @wp.func
        def log_joint(
            c: int, xi: $t, means: wp.array(dtype=$t), $spread, log_pi: wp.array(dtype=float)
        ) -> float:
            """Returns log(weight * density) for a component at a point$less."""
            e = xi - means[c]
            return log_pi[c] - 0.5 * $quad $sign $det$half
        ''',
        t=types["x"],
        spread=spread,
        quad=quad,
        sign=sign,
        det=det,
        less="" if out in ("likelihood", "both") else ", up to a constant",
        half=f" - {'' if dim == 2 else f'{dim / 2} * '}wp.log(2.0 * wp.pi)"
        if out in ("likelihood", "both")
        else "",
    )
    call = f"log_joint(c, xi, means, {name}, log_pi)"
    norm = ""
    if out in ("likelihood", "both"):
        norm = "weight_sum = float(0.0)\nfor c in range(means.shape[0]):\n    weight_sum += wp.exp(log_pi[c])"
    if out == "hard":
        body = f"""
        best = float(-1.0e10)
        winner = int(-1)
        for c in range(means.shape[0]):
            lp = {call}
            if lp > best:
                best = lp
                winner = c
        labels[i] = winner
        """
        d.says("Assigns each point to its most likely Gaussian mixture component.")
    else:
        keep = "resp[i, c] = lp" if out != "likelihood" else ""
        if stable == "two loops" and keep:
            body = f"""
            peak = float(-1.0e10)
            for c in range(means.shape[0]):
                lp = {call}
                {keep}
                peak = wp.max(peak, lp)
            # log-sum-exp: subtract the maximum to avoid underflow
            mass = float(0.0)
            for c in range(means.shape[0]):
                mass += wp.exp(resp[i, c] - peak)
            """
        else:
            body = f"""
            peak = float(-1.0e10)
            mass = float(0.0)
            for c in range(means.shape[0]):
                lp = {call}
                $keep
                # Rescale the running sum when the maximum changes
                if lp > peak:
                    mass = mass * wp.exp(peak - lp) + 1.0
                    peak = lp
                else:
                    mass += wp.exp(lp - peak)
            """
        tail = ""
        if keep:
            tail += "for c in range(means.shape[0]):\n    resp[i, c] = wp.exp(resp[i, c] - peak) / mass\n"
        if out == "both":
            d.says("Computes Gaussian mixture responsibilities and log-likelihoods for each point.")  # fmt: skip
        if out in ("likelihood", "both"):
            tail += "# Normalize the weights\nlog_likelihood[i] = peak + wp.log(mass / weight_sum)\n"
        if out == "likelihood":
            d.says("Computes the Gaussian mixture log-likelihood for each point.")
    d.launch(n)
    d.code(
        "i = wp.tid()\nxi = x[i]\n$norm\n$body\n$tail",
        norm=norm,
        body=body,
        keep="" if out == "hard" else keep,
        tail="" if out == "hard" else tail.rstrip(),
    )

    def reference(v: Values) -> dict[str, Any]:
        e = v.x.reshape(n, 1, dim) - v.means.reshape(1, k, dim)
        if shape == "full" and dim > 1:
            p = v.precision
        else:
            p = np.array([np.eye(dim) / np.broadcast_to(s, dim) for s in v.variance])
        quad = np.einsum("nka,kab,nkb->nk", e, p, e)
        lp = v.log_pi - np.log(np.exp(v.log_pi).sum()) - 0.5 * quad + 0.5 * np.linalg.slogdet(p)[1] - half
        if out == "hard":
            return {"labels": lp.argmax(axis=1)}
        like = np.logaddexp.reduce(lp, axis=1)
        found = {"resp": np.exp(lp - like[:, None])} if out != "likelihood" else {}
        return found | ({"log_likelihood": like} if out != "responsibilities" else {})

    d.check(reference, 5e-4)
