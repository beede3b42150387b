"""Points near points, by a hash grid."""

from __future__ import annotations

import numpy as np

from warpgen.synthesis.algorithms.geometry_query import DOMAIN
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values

NAMES = {
    "grid": "hash_grid|grid_id",
    "x": "points|positions|cloud",
    "p": "xi|query|center",
    "radius": "r|h|search_radius",
    "index": "j|other|neighbor",
    "neighbor_count": "counts|num_neighbors|degree",
    "normals": "normal_out|n_out|estimated_normals",
    "idx": "ids|indices|neighbors_out",
}


def query_loop(kind: str) -> str:
    """A loop over the points within `$reach`, as a `for` or as a `while`."""
    return {
        "for": "for index in wp.hash_grid_query(grid, p, $reach):\n    $inner",
        "while": """
            query = wp.hash_grid_query(grid, p, $reach)
            index = int(0)
            while wp.hash_grid_query_next(query, index):
                $inner
            """,
    }[kind]


def cloud(d: Draft, n: int, width: float = 0.5) -> None:
    """Declare points and a grid over them."""
    d.handle("grid", "hash_grid", (8, 8, 8), of="x", value=width, about="Hash grid id")
    d.input("x", "vec3", n, -1.0, 1.0, about="Point positions")


@DOMAIN.algorithm(
    source="Green 2010, Particle simulation using CUDA; Hoppe et al. 1992 (means of neighbours)",
    names=NAMES,
    adjoint="no",
)
def radius_search(d: Draft) -> None:
    """Queries the neighbors of each point within a radius using a hash grid."""
    result = d.option("result", "count", "nearest", "list", "mean", "density", "any", "farthest")
    loop = d.option("loop", "for", "while")
    queries = d.option("queries", "own points", "others", "sorted")
    d.calls(
        {
            "count": "count_neighbors|neighbor_counts|radius_count",
            "nearest": "nearest_in_radius|nearest_neighbor|find_nearest",
            "list": "radius_search|fixed_radius_neighbors|neighbor_search|radius_query",
            "mean": "neighbor_mean|mean_of_neighbors|average_neighbors",
            "density": "number_density|estimate_density|point_density",
            "any": "mark_outliers|find_isolated|radius_outliers",
            "farthest": "neighborhood_extent|farthest_neighbor|farthest_distance",
        }[result]
    )
    n, m, room = d.pick(64, 96, 128), d.pick(48, 64), 4
    cloud(d, n)
    own = queries != "others"
    if not own:
        d.input("targets", "vec3", m, -1.0, 1.0, about="Query positions")
    d.param("radius", "float", 0.35, 0.5, about="Search radius")
    threads = n if own else m
    if result == "list":
        d.output("idx", "int", (threads, room), about="Neighbor indices, unused slots are left unchanged")
        d.output(
            "neighbor_count", "int", threads, about="Number of neighbors, may exceed the number of slots"
        )
    else:
        d.output(
            *{
                "nearest": ("idx", "int", threads, "Nearest neighbor index, -1 for none"),
                "mean": (
                    "mean",
                    "vec3",
                    threads,
                    "Mean neighbor position, or the query point if it has no neighbors",
                ),
                "density": ("density", "float", threads, "Number density per point"),
                "any": ("alone", "int", threads, "1 if the point has no neighbors"),
                "farthest": ("extent", "float", threads, "Distance to the farthest neighbor, 0 for none"),
            }.get(result, ("neighbor_count", "int", threads, "Number of neighbors"))
        )
    those = "other points within a radius of each point" if own else "points within a radius of each query"
    d.says(
        {
            "count": "Counts neighbors within a radius.",
            "nearest": "Finds the nearest neighbor within a radius, or -1 if there is none.",
            "list": f"Collects up to {room} {those}, along with the total count.",
            "mean": "Computes the mean position of all neighbors within a radius, or the query position if "
            "there are none.",
            "density": f"Estimates the number density of {those}.",
            "any": "Marks query points without neighbors within a radius (outliers).",
            "farthest": "Computes the distance to the farthest neighbor within a radius.",
        }[result]
    )
    begin, step, last = {
        "count": ("found = int(0)", "found += 1", "neighbor_count[i] = found"),
        "nearest": (
            "best = float(radius)\nnearest = int(-1)",
            "if dist < best:\n    best = dist\n    nearest = index",
            "idx[i] = nearest",
        ),
        "list": (
            "found = int(0)",
            "if found < idx.shape[1]:\n    idx[i, found] = index\nfound += 1",
            "neighbor_count[i] = found",
        ),
        "mean": (
            "center_sum = wp.vec3()\nfound = int(0)",
            "center_sum += x[index]\nfound += 1",
            "if found > 0:\n    mean[i] = center_sum / float(found)\nelse:\n    mean[i] = p",
        ),
        "density": (
            "found = int(0)",
            "found += 1",
            "density[i] = float(found) / (4.0 / 3.0 * wp.pi * radius * radius * radius)",
        ),
        "any": ("", "alone[i] = 0\nreturn", "alone[i] = 1"),
        "farthest": ("far = float(0.0)", "far = wp.max(far, dist)", "extent[i] = far"),
    }[result]
    head = {
        "own points": "i = wp.tid()\np = x[i]",
        "others": "i = wp.tid()\np = targets[i]",
        "sorted": """
            # process points in grid order for better memory coherence
            i = wp.hash_grid_point_id(grid, wp.tid())
            p = x[i]
            """,
    }[queries]
    named = result in ("nearest", "farthest")
    tests = [
        *(["if index == i:\n    continue"] if own else []),
        *(["dist = wp.length(x[index] - p)"] if named else []),
        *(
            [f"if {'dist' if named else 'wp.length(x[index] - p)'} > radius:\n    continue"]
            if result != "nearest"
            else []
        ),
    ]
    d.launch(threads)
    d.code(
        "$head\n$begin\n$loop\n$last",
        head=head,
        begin=begin,
        loop=query_loop(loop),
        reach="radius",
        inner="$tests\n$step",
        tests="\n".join(tests),
        step=step,
        last=last,
    )

    def agrees(v: Values, after: Values) -> None:
        q = v.x if own else v.targets
        far = np.linalg.norm(v.x[None] - q[:, None], axis=-1)
        near = far <= v.radius
        if own:
            near &= ~np.eye(n, dtype=bool)
        count = near.sum(axis=1)
        if result in ("count", "list"):
            mostly_close(after["neighbor_count"], count, 1e-4)
        if result == "list":
            for i in range(threads):
                row = after.idx[i, : min(int(after["neighbor_count"][i]), room)]
                assert len(set(row)) == len(row)
                assert np.all(far[i, row] <= v.radius + 1e-4)
        elif result == "nearest":
            expected = np.where(count > 0, np.where(near, far, np.inf).argmin(axis=1), -1)
            mostly_close(after.idx, expected, 1e-4)
        elif result == "mean":
            mean = near @ v.x / np.maximum(count, 1)[:, None]
            mostly_close(after.mean, np.where(count[:, None] > 0, mean, q), 1e-3)
        elif result == "density":
            mostly_close(after.density, count / (4.0 / 3.0 * np.pi * v.radius**3), 1e-3)
        elif result == "any":
            mostly_close(after.alone, count == 0, 1e-3)
        elif result == "farthest":
            mostly_close(after.extent, np.where(near, far, 0.0).max(axis=1), 1e-3)

    d.holds(agrees)


@DOMAIN.algorithm(
    source="Cover & Hart 1967; insertion as in Garcia, Debreuve & Barlaud 2008",
    names=NAMES
    | {"nearest_neighbours": "knn_search|k_nearest|find_knn|knn_kernel", "worst": "farthest|worst_slot"},
    adjoint="no",
    weight=5,
)
def nearest_neighbours(d: Draft) -> None:
    """Finds the k nearest neighbors of each point."""
    source = d.option("candidates", "grid", "all")
    k = d.pick(3, 4, 5, 6)
    result = d.option("result", "indices", "distances", "both", "mean distance")
    insert = d.option("insert", "shift", "replace worst")
    queries = d.option("queries", "own points", "others")
    if result == "mean distance":
        d.calls("mean_knn_distance|knn_spacing|mean_neighbor_distance")
    if insert == "replace worst" and result in ("indices", "both", "distances"):
        insert = "shift"
    n, m = d.pick(64, 96), d.pick(48, 64)
    if source == "grid":
        cloud(d, n)
        d.param("radius", "float", 0.45, about="Search radius")
    else:
        d.input("x", "vec3", n, -1.0, 1.0, about="Point positions")
    own = queries == "own points"
    if not own:
        d.input("targets", "vec3", m, -1.0, 1.0, about="Query positions")
    threads = n if own else m
    if result in ("indices", "both"):
        d.output("idx", "int", (threads, k), about="Neighbor indices, -1 for unused slots")
    if result in ("distances", "both"):
        unused = ", -1 for unused slots" if source == "grid" else ""
        d.output("dist", "float", (threads, k), about=f"Neighbor distances in ascending order{unused}")
    if result == "mean distance":
        none = ", 0 for none" if source == "grid" else ""
        d.output("spacing", "float", threads, about=f"Mean neighbor distance{none}")
        d.says(
            f"Computes the mean distance between each {'point' if own else 'query'} and its {k} nearest "
            "neighbors" + (" within a radius." if source == "grid" else ".")
        )
    else:
        what = {"indices": "", "distances": "distances of the ", "both": ""}[result]
        also = " and their distances" if result == "both" else ""
        d.says(
            f"Finds the {what}{k} nearest neighbors for each {'point' if own else 'query'}{also}"
            + (" within a radius." if source == "grid" else ".")
        )
    keep_index = result in ("indices", "both")
    d.module(f"K = wp.constant({k})\nknn_floats = wp.types.vector(length=K, dtype=float)")
    if keep_index:
        d.module("knn_ints = wp.types.vector(length=K, dtype=int)")
    if insert == "shift":
        add = """
            if d2 >= best[K - 1]:
                continue
            # insertion sort: shift farther entries
            slot = int(K - 1)
            while slot > 0 and best[slot - 1] > d2:
                best[slot] = best[slot - 1]
                $move
                slot -= 1
            best[slot] = d2
            $put
            """
    else:
        add = """
            # unsorted list: find the farthest entry and replace it
            worst = int(0)
            for s in range(1, K):
                if best[s] > best[worst]:
                    worst = s
            if d2 < best[worst]:
                best[worst] = d2
            """
    stores = []
    if keep_index:
        stores.append("idx[i, s] = which[s]")
    if result in ("distances", "both"):
        stores.append(
            "dist[i, s] = wp.where(best[s] < 1.0e10, wp.sqrt(best[s]), -1.0)"
            if source == "grid"
            else "dist[i, s] = wp.sqrt(best[s])"
        )
    if result == "mean distance" and source == "all":
        last = """
            distance_sum = float(0.0)
            for s in range(K):
                distance_sum += wp.sqrt(best[s])
            spacing[i] = distance_sum / float(K)
            """
    elif result == "mean distance":
        last = """
            distance_sum = float(0.0)
            found = int(0)
            for s in range(K):
                if best[s] < 1.0e10:
                    distance_sum += wp.sqrt(best[s])
                    found += 1
            spacing[i] = distance_sum / float(wp.max(found, 1))
            """
    else:
        last = "for s in range(K):\n    $stores"
    inner = ("if index == i:\n    continue\n" if own else "") + "d2 = wp.length_sq(x[index] - p)\n$add"
    if source == "grid":
        inner = inner.replace(
            "$add",
            "# grid cells extend beyond the radius, so check the actual distance\n"
            "if d2 > radius * radius:\n    continue\n$add",
        )
        loop = query_loop(d.option("loop", "for", "while"))
    else:
        loop = "for index in range(x.shape[0]):\n    $inner"
    d.launch(threads)
    d.code(
        """
        i = wp.tid()
        p = $point
        best = knn_floats(1.0e10)
        $which
        $loop
        $last
        """,
        point="x[i]" if own else "targets[i]",
        which="which = knn_ints(-1)" if keep_index else "",
        loop=loop,
        reach="radius",
        inner=inner,
        add=add,
        move="which[slot] = which[slot - 1]" if keep_index else "",
        put="which[slot] = index" if keep_index else "",
        last=last,
        stores="\n".join(stores),
    )

    def agrees(v: Values, after: Values) -> None:
        q = v.x if own else v.targets
        far = np.linalg.norm(v.x[None] - q[:, None], axis=-1)
        if own:
            np.fill_diagonal(far, np.inf)
        if source == "grid":
            far = np.where(far <= v.radius, far, np.inf)
        order = np.argsort(far, axis=1)[:, :k]
        least = np.take_along_axis(far, order, axis=1)
        there = np.isfinite(least)
        if result == "mean distance":
            mean = np.where(there, least, 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
            mostly_close(after.spacing, mean, 1e-3)
        if keep_index:
            mostly_close(after.idx, np.where(there, order, -1), 1e-4)
        if "dist" in after:
            mostly_close(after.dist, np.where(there, least, -1.0), 1e-3)

    d.holds(agrees)
