"""Traversal and shortest paths, one level or one round of relaxations at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.graph import DOMAIN
from warpgen.synthesis.library import adjacency
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = adjacency.NAMES | {
    "dist": "distance|cost|dist_to",
    "dist_new": "relaxed|after|improved",
    "width": "bottleneck|path_width|widths",
    "width_new": "relaxed|after|improved",
    "reliability": "path_prob|probability|reliabilities",
    "reliability_new": "relaxed|after|improved",
    "best_offer": "offered|best_candidate|proposed",
    "level": "depth|hops|bfs_level",
    "level_before": "level_in|old_level|depth_in",
    "current": "depth_now|iteration|wave",
    "frontier": "queue|worklist|current_set",
    "in_frontier": "active|frontier_flags|on_frontier",
    "changed": "any_change|modified|updated",
    "best": "best_value|best_so_far|found",
    "parent": "predecessor|pred|previous",
}


@DOMAIN.algorithm(
    source="Merrill, Garland & Grimshaw 2012; Harish & Narayanan 2007 (level-synchronous search)",
    names=_NAMES
    | {"bfs_level": "expand_frontier|bfs_step|advance_level|visit_neighbors", "slot": "at|tail|pos"},
    adjoint="either",
    weight=4,
)
def bfs_level(d: Draft) -> None:
    """Expands one level of a breadth-first search."""
    layout = d.option("layout", *adjacency.LAYOUTS)
    way = d.option("way", "push", "pull", "queue", "edges")
    flag = d.flag("changed", 0.4)
    distance = d.option("visited", "level", "mask")
    n, m = d.pick(48, 64, 80), d.pick(200, 260)
    edges = way == "edges"
    if way in ("queue", "pull"):
        distance = "level"
    if edges:
        layout = "arrays"
        d.input("sources", "int", m, 0, n, about="Source node per edge")
        d.input("dests", "int", m, 0, n, about="Target node per edge")
        g = adjacency.Lists("arrays", n, m, 5)
    else:
        g = adjacency.declare(d, layout, n, m)
    if way == "queue":
        # the frontier holds a third of the nodes, each once
        size = n // 3
        d.input("frontier", "int", n, kind="permutation", about="Node indices of the current frontier")
        d.param("frontier_size", "int", size, about="Number of frontier nodes")
        d.inout("visited", "int", n, 0, 1.2, about="Visited flags")
        d.output("next_frontier", "int", n, about="Node indices of the next frontier")
        d.inout("next_size", "int", 1, value=0.0, about="Size of the next frontier")
        body = "# atomic_max returns the old value, so only the first thread enqueues the node\nif wp.atomic_max(visited, v, 1) == 0:\n"
        body += "    slot = wp.atomic_add(next_size, 0, 1)\n    next_frontier[slot] = v"
        d.launch(n)
        d.code(
            "tid = wp.tid()\nif tid >= frontier_size:\n    return\nu = frontier[tid]\n$walk",
            walk=g.walk(body),
        )
        d.says("Expands a BFS frontier queue, adding each unvisited neighbor once.")
    elif distance == "mask":
        d.module("UNVISITED = wp.constant(0)\nFRONTIER = wp.constant(1)")
        d.input(
            "state", "int", n, 0, 3, about="Node states: 0 unvisited, 1 in the frontier, 2 visited earlier"
        )
        d.output("marked", "int", n, about="Flags, nonzero for nodes in the next frontier")
        mark = "if state[v] == UNVISITED:\n    # benign race, all threads write the same value\n    marked[v] = 1"
        if flag:
            d.output("changed", "int", 1, about="Set to nonzero if anything changed")
            mark += "\n    changed[0] = 1"
        if edges:
            d.launch(m)
            d.code(
                "edge = wp.tid()\nif state[sources[edge]] != FRONTIER:\n    return\nv = dests[edge]\n$mark",
                mark=mark,
            )
        else:
            d.launch(n)
            d.code("u = wp.tid()\nif state[u] != FRONTIER:\n    return\n$walk", walk=g.walk(mark))
        d.says("Flags all unvisited neighbors of the frontier as the next frontier.")
    else:
        far, current = -1, d.pick(2, 3, 4)  # the latter is the last level so far
        d.module(f"UNREACHED = wp.constant({far})")
        if way == "pull":
            d.input(
                "level_before",
                "int",
                n,
                far,
                current + 1,
                about="BFS levels from the previous round, -1 if not reached",
            )
        d.param("current", "int", current, about="Current level")
        if way == "pull":
            d.output("level", "int", n, about="BFS levels after this round")
        else:
            d.inout("level", "int", n, far, current + 1, about="BFS levels, -1 if not reached")
        if flag:
            d.inout("changed", "int", 1, value=0.0, about="Set to nonzero if anything changed")

        if way == "pull":
            hit = "if level_before[v] == current:\n    # early exit, we only need one neighbor in the frontier\n"
            hit += "    found = current + 1\n    break"
            d.launch(n)
            d.code(
                """
                u = wp.tid()
                found = int(level_before[u])
                if found == UNREACHED:
                    $walk
                level[u] = found
                """,
                walk=g.walk(hit),
            )
            if flag:
                d.code("if found != level_before[u]:\n    changed[0] = 1")
            d.says(
                "Expands one BFS level bottom-up: each unreached node looks for a neighbor in the frontier."
            )
            d.explain(
                "The adjacency lists contain incoming edges; for an undirected graph these are simply the neighbors."
            )
        else:
            put = "if level[v] == UNREACHED:\n    # benign race, all threads write the same value\n    level[v] = current + 1"
            if flag:
                put = "if wp.atomic_cas(level, v, UNREACHED, current + 1) == UNREACHED:\n    changed[0] = 1"
            if edges:
                d.launch(m)
                d.code(
                    "edge = wp.tid()\nif level[sources[edge]] != current:\n    return\nv = dests[edge]\n$put",
                    put=put,
                )
            else:
                d.launch(n)
                d.code("u = wp.tid()\nif level[u] != current:\n    return\n$walk", walk=g.walk(put))

    def ends(v: Values) -> tuple[Any, Any]:
        if edges:
            return v.sources, v.dests
        a, b, _ = g.ends(v)
        return a, b

    if way == "queue":

        def holds(before: Values, after: Values) -> None:
            a, b = ends(before)
            live = np.isin(a, before.frontier[:size]) & (before.visited[b] == 0)
            wanted = np.unique(b[live])
            number = int(after.next_size[0])
            np.testing.assert_array_equal(np.sort(after.next_frontier[:number]), wanted)
            assert (after.visited[wanted] == 1).all()

        d.holds(holds)
        return

    def reference(v: Values) -> dict[str, Any]:
        a, b = ends(v)
        if distance == "mask":
            hit = np.unique(b[(v.state[a] == 1) & (v.state[b] == 0)])
            made = np.zeros(n, int)
            made[hit] = 1
            return {"marked": made} | ({"changed": np.array([int(len(hit) > 0)])} if flag else {})
        old = v.level_before if way == "pull" else v.level
        new = old.copy()
        if way == "pull":
            near = np.unique(a[old[b] == v.current])
            near = near[old[near] == far]
            new[near] = v.current + 1
        else:
            near = np.unique(b[old[a] == v.current])
            new[near] = np.where(old[near] == far, v.current + 1, old[near])
        return {"level": new} | ({"changed": np.array([int((new != old).any())])} if flag else {})

    d.check(reference)


@DOMAIN.algorithm(
    source="Bellman 1958; Ford 1956; Meyer & Sanders 2003 (light edges of delta-stepping)",
    names=_NAMES,
    adjoint="no",
)
def relax_edges(d: Draft) -> None:
    """Computes one Bellman-Ford iteration."""
    layout = d.option("layout", *adjacency.LAYOUTS)
    way = d.option("way", "pull", "push", "edges")
    extra = d.option("extra", "none", "parent", "changed", "frontier", "light")
    bound = d.flag("bounded", 0.3)
    semiring = d.option("semiring", "shortest", "widest", "most reliable")
    d.calls(
        {
            "shortest": "relax_edges|bellman_ford_step|sssp_relax|update_distances",
            "widest": "relax_edges|widest_path_step|bottleneck_step",
            "most reliable": "relax_edges|reliable_path_step|relax_reliability",
        }[semiring]
    )
    n, m = d.pick(48, 64, 80), d.pick(200, 280)
    if way != "pull" and extra == "parent":
        extra = "changed"
    if way == "pull" and extra == "frontier":
        extra = "light"
    if semiring != "shortest" and extra == "light":
        extra = "none"
    if way != "pull" or semiring != "shortest":
        bound = False
    value, about = {
        "shortest": ("dist", "Shortest distances so far"),
        "widest": ("width", "Widths of the widest paths so far"),
        "most reliable": ("reliability", "Reliabilities of the most reliable paths so far"),
    }[semiring]
    target, most = f"{value}_new" if way == "pull" else "best_offer", 3.0 if semiring == "shortest" else 1.0
    worst = 1.0e6 if semiring == "shortest" else 0.0
    if way == "edges":
        d.input("sources", "int", m, 0, n, about="Source node per edge")
        d.input("dests", "int", m, 0, n, about="Target node per edge")
        of_edges = "Edge probabilities" if semiring == "most reliable" else "Edge weights"
        d.input("weights", "float", m, 0.1, 1.0, about=of_edges)
        g = adjacency.Lists("arrays", n, m, 5)
        weight = "weights[edge]"
    else:
        g = adjacency.declare(d, layout, n, m, 0.1, 1.0)
        weight = g.weight
    d.input(value, "float", n, 0.0, most, about=about)
    if extra == "frontier":
        d.mask(
            "in_frontier",
            "int",
            n,
            rare=True,
            about="Frontier flags, nonzero for nodes changed in the last round",
        )
    if extra == "light":
        d.param("delta", "float", 0.3, 0.7, about="Maximum light edge weight")
    if bound:
        d.param("limit", "float", 0.8, 2.0, about="Distance limit, nodes beyond it are not expanded")
    # two arrays, so that the round does not depend on the order of threads
    if way == "pull":
        d.output(target, "float", n, about=about.replace("so far", "after this round"))
    else:
        large = "a large value" if worst else "zero"
        about = f"Best value offered to each node in this round, initialized to {large}"
        d.inout(target, "float", n, value=worst, about=about)
    if extra == "parent":
        d.output("parent", "int", n, about="Predecessor on an improved path, -1 if there is none")
    if extra == "changed":
        d.output("changed", "int", 1, about="Set to nonzero if anything changed")
    far = f"{value}[v]" if way == "pull" else f"{value}[u]"
    path = {
        "shortest": f"{far} + {weight}",
        "widest": f"wp.min({far}, {weight})",
        "most reliable": f"{far} * {weight}",
    }[semiring]
    better = "<" if semiring == "shortest" else ">"
    atomic = "wp.atomic_min" if semiring == "shortest" else "wp.atomic_max"
    light = f"if {weight} > delta:\n    $leave\n" if extra == "light" else ""
    if way == "pull":
        take = "best = candidate\n    via = v" if extra == "parent" else "best = candidate"
        cut = "if dist[v] > limit:\n    continue\n" if bound else ""
        body = cut + light.replace("$leave", "continue")
        body += f"candidate = {path}\nif candidate {better} best:\n    {take}"
        if extra != "parent" and not bound and extra == "none":
            fold = "wp.min" if semiring == "shortest" else "wp.max"
            body = f"best = {fold}(best, {path})"
        d.launch(n)
        d.code(
            """
            u = wp.tid()
            best = float($value[u])
            $via
            $walk
            $target[u] = best
            $parent
            """,
            value=value,
            target=target,
            via="# -1 if no better path is found\nvia = int(-1)" if extra == "parent" else "",
            walk=g.walk(body),
            parent="parent[u] = via"
            if extra == "parent"
            else f"if best {better} {value}[u]:\n    # benign race, all threads write 1\n    changed[0] = 1"
            if extra == "changed"
            else "",
        )
    else:
        leave = "return" if way == "edges" else "continue"
        push = light.replace("$leave", leave) + f"candidate = {path}\n"
        push += f"{atomic}({target}, v, candidate)"
        if extra == "changed":
            push += f"\nif candidate {better} {value}[v]:\n    changed[0] = 1"
        stop = (
            "# skip nodes unchanged in the last round\nif in_frontier[u] == 0:\n    return"
            if extra == "frontier"
            else ""
        )
        d.launch(m if way == "edges" else n)
        if way == "edges":
            d.code("edge = wp.tid()\nu = sources[edge]\n$stop\nv = dests[edge]\n$push", stop=stop, push=push)
        else:
            d.code("u = wp.tid()\n$stop\n$walk", stop=stop, walk=g.walk(push))
    what = {
        "shortest": "shortest paths (Bellman-Ford)",
        "widest": "widest paths (maximum bottleneck)",
        "most reliable": "most reliable paths (maximum product)",
    }[semiring]
    how = {"light": " over light edges", "frontier": ", starting from changed nodes"}.get(extra, "")
    how += ", limited to nodes within a distance bound" * bound
    if way == "pull":
        d.says(f"Computes one iteration of {what}{how}.")
    else:
        offered = {
            "shortest": "shortest distances (Bellman-Ford)",
            "widest": "largest path widths (maximum bottleneck)",
            "most reliable": "highest path reliabilities (maximum product)",
        }[semiring]
        d.says(f"Computes the {offered} offered to nodes by their neighbors using atomics{how}.")

    def reference(v: Values) -> dict[str, Any]:
        if way == "edges":
            a, b, w = v.sources, v.dests, v.weights
        else:
            a, b, w = g.ends(v)
            if way == "pull":
                a, b = b, a
        live = np.ones(len(a), bool)
        if extra == "frontier":
            live &= v.in_frontier[a] != 0
        if extra == "light":
            live &= w <= v.delta
        if bound:
            live &= v[value][a] <= v.limit
        a, b, w = a[live], b[live], w[live]
        sign = 1.0 if semiring == "shortest" else -1.0
        cost = {
            "shortest": v[value][a] + w,
            "widest": np.minimum(v[value][a], w),
            "most reliable": v[value][a] * w,
        }[semiring]
        start = v[value]
        new = sign * (start if way == "pull" else np.full(n, worst))
        np.minimum.at(new, b, sign * cost)
        made = {target: sign * new}
        if extra == "changed":
            made["changed"] = np.array([int((sign * cost < sign * start[b]).any())])
        if extra == "parent":
            parent = np.full(n, -1)
            for at in range(n):
                mine = b == at
                if mine.any() and (sign * cost[mine]).min() < sign * start[at]:
                    parent[at] = a[mine][np.argmin(sign * cost[mine])]
            made["parent"] = parent
        return made

    d.check(reference)
