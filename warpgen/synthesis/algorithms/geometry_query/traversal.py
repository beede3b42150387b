"""Trees of boxes that are walked by hand."""

from __future__ import annotations

import numpy as np

from warpgen.synthesis.algorithms.geometry_query import DOMAIN
from warpgen.synthesis.algorithms.geometry_query.trees import NAMES
from warpgen.synthesis.library import intersections
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Karras 2012, Thinking parallel II: tree traversal on the GPU; Wald et al. 2007",
    names=NAMES
    | {
        "traverse_tree": "bvh_traversal|tree_traversal|walk_bvh|query_implicit_tree",
        "points": "queries|query_points|positions",
    },
    adjoint="no",
    weight=5,
)
def traverse_tree(d: Draft) -> None:
    """Traverses an implicit binary BVH and collects overlapping leaves per query."""
    walk = d.option("walk", "stack", "stackless")
    query = d.option("query", "point", "box", "ray")
    result = d.option("result", "count", "first", "sum")
    boxes = d.option("boxes", "corners", "centers")
    depth = d.pick(4, 5)
    inner, nodes = 2**depth - 1, 2 ** (depth + 1) - 1
    n = d.pick(48, 64)
    low, high = ("node_lower[node]", "node_upper[node]")
    if boxes == "corners":
        d.input("node_lower", "vec3", nodes, -1.2, -0.2, about="Node lower bounds")
        d.input("node_upper", "vec3", nodes, 0.2, 1.2, about="Node upper bounds")
    else:
        d.input("centers", "vec3", nodes, -0.3, 0.3, about="Node centers")
        d.input("half", "vec3", nodes, 0.3, 1.0, about="Node half extents")
        low, high = "centers[node] - half[node]", "centers[node] + half[node]"
    if query == "point":
        d.input("points", "vec3", n, -0.9, 0.9, about="Query points")
        fetch = "p = points[tid]"
        d.function(
            """
            @wp.func
            def contains(low: wp.vec3, high: wp.vec3, p: wp.vec3) -> bool:
                return (
                    p[0] >= low[0] and p[1] >= low[1] and p[2] >= low[2]
                    and p[0] <= high[0] and p[1] <= high[1] and p[2] <= high[2]
                )
            """
        )
        test = f"contains({low}, {high}, p)"
    elif query == "box":
        d.input("points", "vec3", n, -1.2, 1.2, about="Query points")
        d.param("reach", "float", 0.1, 0.3, about="Search distance")
        fetch = "p = points[tid]"
        d.function(
            """
            @wp.func
            def near_box(low: wp.vec3, high: wp.vec3, p: wp.vec3, reach: float) -> bool:
                away = p - wp.max(wp.min(p, high), low)
                return wp.dot(away, away) <= reach * reach
            """
        )
        test = f"near_box({low}, {high}, p, reach)"
    else:
        d.input("origins", "vec3", n, -2.5, 2.5, about="Ray origins")
        d.input("directions", "vec3", n, kind="unit", about="Ray directions")
        fetch = "ro = origins[tid]\nrd = directions[tid]"
        d.function(
            '''
            @wp.func
            def ray_meets(ro: wp.vec3, rd: wp.vec3, low: wp.vec3, high: wp.vec3) -> bool:
                """Slab test: return True if the ray hits the box or starts inside it."""
                t0 = wp.cw_div(low - ro, rd)
                t1 = wp.cw_div(high - ro, rd)
                near = wp.max(wp.min(t0, t1))
                far = wp.min(wp.max(t0, t1))
                return near <= far and far >= 0.0
            '''
        )
        test = f"ray_meets(ro, rd, {low}, {high})"
    if result == "sum":
        d.input("weight", "float", inner + 1, 0.5, 1.5, about="Leaf weights")
        d.output("sums", "float", n, about="Sum of reached leaf weights")
    else:
        found = "first_leaf" if result == "first" else "counts"
        d.output(
            found,
            "int",
            n,
            about=f"First leaf reached by each {'ray' if query == 'ray' else 'point'}, -1 for none"
            if result == "first"
            else "Number of reached leaves",
        )
    noun = "ray" if query == "ray" else "point"
    reaches = {"point": "lies in", "box": "is close to", "ray": "meets"}[query]
    d.says(
        {
            "count": f"Traverses an implicit binary BVH and counts the leaves that each {noun} {reaches}.",
            "first": f"Traverses an implicit binary BVH and returns the first leaf that each {noun} {reaches}.",
            "sum": "Traverses an implicit binary BVH and accumulates the weights of leaves that each "
            f"{noun} {reaches}.",
        }[result]
    )
    begin, leaf, last = {
        "count": ("reached = int(0)", "reached += 1", "counts[tid] = reached"),
        "first": ("leaf = int(-1)", "leaf = node - NUM_INNER\nbreak", "first_leaf[tid] = leaf"),
        "sum": ("total = float(0.0)", "total += weight[node - NUM_INNER]", "sums[tid] = total"),
    }[result]
    if walk == "stack":
        d.module(f"vec_stack = wp.types.vector(length={depth + 2}, dtype=int)")
        loop = """
            stack = vec_stack()
            # start at the root (node 0); nodes >= $inner are leaves
            top = int(1)
            while top > 0:
                top -= 1
                node = stack[top]
                if $misses:
                    continue
                if node >= $inner:
                    $leaf
                else:
                    $order
                    stack[top] = 2 * node + 2
                    stack[top + 1] = 2 * node + 1
                    top += 2
            """
    else:
        loop = """
            node = int(0)
            while node >= 0:
                if $test:
                    if node < $inner:
                        node = 2 * node + 1
                        continue
                    $leaf
                # stackless traversal: ascend while at a right child, then go to the sibling; stop at the root
                while node > 0 and node % 2 == 0:
                    node = (node - 1) // 2
                node = wp.where(node > 0, node + 1, -1)
            """
    d.module(f"NUM_INNER = wp.constant({inner})  # number of inner nodes, stored before the leaves")
    d.launch(n)
    d.code(
        "tid = wp.tid()\n$fetch\n$begin\n$loop\n$last",
        fetch=fetch,
        begin=begin,
        loop=loop,
        test=test,
        misses=f"not {test}",
        leaf=leaf,
        inner="NUM_INNER",
        order="# push the right child first so leaves are visited from left to right"
        if result == "first"
        else "",
        last=last,
    )
    misses = "is not near to" if query == "box" else "misses"
    d.explain(f"""
        The tree is stored in heap order: node k has children 2k+1 and 2k+2, and the leaves come after
        the {inner} inner nodes. A subtree is skipped if the {noun} {misses} its box.
    """)

    def agrees(v: Values, after: Values) -> None:
        if boxes == "corners":
            lo, hi = v.node_lower, v.node_upper
        else:
            lo, hi = v.centers - v.half, v.centers + v.half
        p = (v.origins if query == "ray" else v.points)[:, None]
        if query == "ray":
            hit = intersections.box(p, v.directions[:, None], lo, hi) >= 0.0
        else:
            hit = np.linalg.norm(p - np.clip(p, lo, hi), axis=-1) <= (v.reach if query == "box" else 0.0)
        for node in range(1, nodes):  # a node is reached if all above it are
            hit[:, node] &= hit[:, (node - 1) // 2]
        leaves = hit[:, inner:]
        if result == "sum":
            mostly_close(after.sums, leaves @ v.weight, 1e-3)
        elif result == "count":
            mostly_close(after.counts, leaves.sum(axis=1), 1e-3)
        else:
            mostly_close(after.first_leaf, np.where(leaves.any(axis=1), leaves.argmax(axis=1), -1), 1e-3)

    d.holds(agrees)
