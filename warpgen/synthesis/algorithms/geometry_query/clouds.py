"""Point clouds as surfaces."""

from __future__ import annotations

import numpy as np

from warpgen.synthesis.algorithms.geometry_query import DOMAIN
from warpgen.synthesis.algorithms.geometry_query.neighbours import NAMES, cloud, query_loop
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Hoppe et al. 1992, Surface reconstruction from unorganized points; Pauly et al. 2002",
    names=NAMES
    | {
        "C": "cov|covariance|scatter",
    },
    adjoint="no",
    weight=4,
)
def estimate_normals(d: Draft) -> None:
    """Estimates point cloud normals by principal component analysis of neighborhoods."""
    result = d.option("result", "normal", "covariance", "variation")
    passes = d.option("passes", "two", "one")
    weighted = d.flag("weighted")
    facing = d.option("facing", "eye", "up", "outwards") if result == "normal" else ""
    loop = d.option("loop", "for", "while")
    d.calls(
        {
            "normal": "estimate_normals|pca_normals|point_cloud_normals",
            "covariance": "cloud_covariance|neighborhood_covariance|point_covariances",
            "variation": "surface_variation|point_cloud_curvature|pca_variation",
        }[result]
    )
    n = d.pick(96, 128)
    cloud(d, n, 1.0)
    d.param("radius", "float", 0.8, 0.95, about="Search radius")
    if facing == "eye":
        d.param("eye", "vec3", 2.0, 4.0, about="Viewpoint used to orient the normals")
    d.output(
        *{
            "normal": ("normals", "vec3", n, "Unit normals"),
            "covariance": ("cov", "mat33", n, "Covariance matrices"),
            "variation": ("variation", "float", n, "Surface variation, from 0 (planar) to 1/3"),
        }[result]
    )
    by = "distance-weighted " if weighted else ""
    way = {"eye": "towards the viewpoint", "up": "upwards", "outwards": "away from the origin"}.get(
        facing, ""
    )
    d.says(
        {
            "normal": "Estimates point cloud normals using principal component analysis of "
            f"{by}neighborhoods, oriented {way}.",
            "covariance": f"Computes the {by}covariance matrix for each point neighborhood.",
            "variation": "Computes the surface variation (smallest eigenvalue / trace) for "
            f"{by}neighborhoods.",
        }[result]
    )
    away = "e" if passes == "one" else "x[index] - p"
    w = "1.0 - d2 / (radius * radius)" if weighted else "1.0"
    total = "weight" if weighted else "num_near"
    if passes == "two":
        again = query_loop(loop)
        gather = "$first_loop\nmean = mean / weight\nC = wp.mat33()\n$second_loop\nC = C / weight"
        first = "$near\nw = $w\nmean += w * x[index]\nweight += w"
        second = (
            "$near\ne = x[index] - mean\nw = $w\nC += w * wp.outer(e, e)"
            if weighted
            else "$near\ne = x[index] - mean\nC += wp.outer(e, e)"
        )
    else:
        again = ""
        gather = """
            C = wp.mat33()
            $first_loop
            mean = mean / weight
            # C = E[e e^T] - E[e] E[e]^T, using offsets from the point to reduce cancellation error
            C = C / weight - wp.outer(mean, mean)
            """
        first = "e = x[index] - p\n$near\nw = $w\nmean += w * e\nC += w * wp.outer(e, e)\nweight += w"
        second = ""
    values = {
        "covariance": "cov[tid] = C",
        "normal": """
            Q, lam = wp.eig3(C)
            # eigenvalues are unsorted
            least = int(wp.argmin(lam))
            n = wp.vec3(Q[0, least], Q[1, least], Q[2, least])
            $flip
            normals[tid] = n
            """,
        "variation": """
            _, lam = wp.eig3(C)
            variation[tid] = wp.min(lam) / wp.max(lam[0] + lam[1] + lam[2], 1.0e-8)
            """,
    }
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        p = x[tid]
        mean = wp.vec3()
        $total = float(0.0)
        $gather
        $value
        """,
        total=total,
        gather=gather.replace("weight", total),
        first_loop=query_loop(loop).replace("$inner", "$first"),
        second_loop=again.replace("$inner", "$second"),
        first=first
        if weighted
        else first.replace("\nw = $w", "").replace("w * ", "").replace("weight += w", f"{total} += 1.0"),
        second=second,
        near=f"d2 = wp.length_sq({away})\nif d2 > radius * radius:\n    continue"
        if weighted
        else f"if wp.length({away}) > radius:\n    continue",
        w=w,
        reach="radius",
        value=values[result],
        flip=f"# eigenvectors have arbitrary sign, so orient the normal {way}\nif $side < 0.0:\n    n = -n",
        side={"eye": "wp.dot(n, eye - p)", "up": "n[2]", "outwards": "wp.dot(n, p)"}.get(facing, ""),
    )

    def agrees(v: Values, after: Values) -> None:
        far = np.linalg.norm(v.x[None] - v.x[:, None], axis=-1)
        wt = np.where(far <= v.radius, np.maximum(1.0 - (far / v.radius) ** 2, 0.0) if weighted else 1.0, 0.0)
        mean = wt @ v.x / wt.sum(axis=1, keepdims=True)
        e = v.x[None] - mean[:, None]
        cov = np.einsum("nm,nma,nmb->nab", wt, e, e) / wt.sum(axis=1)[:, None, None]
        lam, q = np.linalg.eigh(cov)
        if result == "covariance":
            mostly_close(after.cov, cov, 2e-3)
        elif result == "variation":
            mostly_close(after.variation, lam[:, 0] / np.maximum(lam.sum(axis=1), 1e-8), 2e-3)
        else:
            sure = lam[:, 1] - lam[:, 0] > 2e-3
            cos = (q[:, :, 0] * after.normals).sum(axis=1)
            assert np.mean(np.abs(np.abs(cos[sure]) - 1.0) < 1e-2) > 0.95
            way = {
                "eye": lambda: np.asarray(v.eye) - v.x,
                "up": lambda: np.eye(3)[2],
                "outwards": lambda: v.x,
            }
            assert np.all((after.normals * way[facing]()).sum(axis=1) > -1e-4)
            np.testing.assert_allclose(np.linalg.norm(after.normals, axis=1), 1.0, atol=1e-3)

    d.holds(agrees)
