"""Forests of parent pointers: union-find on many threads."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.graph import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_FIND = {
    "halving": '''
@wp.func
def find_root(parent: wp.array(dtype=int), node: int) -> int:
    """Return the root of a node with path halving."""
    current = int(node)
    while parent[current] != current:
        grandparent = parent[parent[current]]
        # Skip every other node on the way; racing writes only ever shorten paths
        parent[current] = grandparent
        current = grandparent
    return current
''',
    "compression": '''
@wp.func
def find_root(parent: wp.array(dtype=int), node: int) -> int:
    """Return the root of a node and point the whole path at it."""
    root = int(node)
    while parent[root] != root:
        root = parent[root]
    # Second pass: full path compression
    current = int(node)
    while parent[current] != root:
        next_node = parent[current]
        parent[current] = root
        current = next_node
    return root
''',
    "plain": '''
@wp.func
def find_root(parent: wp.array(dtype=int), node: int) -> int:
    """Return the root of a node without changing the forest."""
    current = int(node)
    while parent[current] != current:
        current = parent[current]
    return current
''',
}

_LINK = {
    "smaller index": (
        """
        # Link by index: of two roots always the larger one is hooked, so racing threads form no cycle
        child = wp.max(root_a, root_b)
        target = wp.min(root_a, root_b)
        """,
        "",
    ),
    "priority": (
        """
        # Link by random priority keeps the expected depth logarithmic; ties go to the smaller index
        child = wp.where(outranks(priority, root_a, root_b), root_b, root_a)
        target = wp.where(outranks(priority, root_a, root_b), root_a, root_b)
        """,
        '''
@wp.func
def outranks(priority: wp.array(dtype=int), a: int, b: int) -> bool:
    """True if root a stays a root when it is merged with root b."""
    if priority[a] == priority[b]:
        return a < b
    return priority[a] > priority[b]
''',
    ),
}


@DOMAIN.algorithm(
    source="Tarjan & van Leeuwen 1984; Anderson & Woll 1991; Jaiganesh & Burtscher 2018 (ECL-CC)",
    names={
        "union_edges": "merge_components|union_find|hook_edges|link_components",
        "parent": "parents|labels|component",
        "edge": "edge_index|e|edge_id",
        "edges": "edge_list|connections|pairs_in",
        "root_a": "ra|root_u|first_root",
        "root_b": "rb|root_v|second_root",
        "seen": "previous_parent|observed|old_parent",
    },
    adjoint="no",
    weight=6,
)
def union_edges(d: Draft) -> None:
    """Merges the trees of both ends of each edge in a forest of parent pointers."""
    find = d.option("find", *_FIND)
    link = d.option("link", *_LINK)
    layout = d.option("edges", "pairs", "two arrays", "grid")
    record = d.option("record", "nothing", "count", "tree edges")
    condition = d.option("condition", "all", "mask", "threshold")
    batched = d.flag("worlds", 0.3) if record != "tree edges" and find == "plain" else False
    n, m, worlds = d.pick(40, 48, 64), d.pick(36, 48, 60), d.pick(2, 3)
    rows, cols = d.pick(6, 8), d.pick(7, 9)
    if layout == "grid":
        batched = False
        n, m = rows * cols, 2 * rows * cols
    lead: tuple[int, ...] = (worlds,) if batched else ()
    w = "world, " if batched else ""
    if layout == "pairs":
        d.input(
            "edges",
            "vec2i",
            (*lead, m),
            -1 if condition == "all" else 0,
            n,
            about="Node indices, -1 for unused edges",
        )
        ends = f"a = edges[{w}edge][0]\nb = edges[{w}edge][1]"
    elif layout == "two arrays":
        d.input("sources", "int", (*lead, m), 0, n, about="First node of each edge")
        d.input("targets", "int", (*lead, m), 0, n, about="Second node of each edge")
        ends = f"a = sources[{w}edge]\nb = targets[{w}edge]"
    else:
        d.input("image", "float", (rows, cols), 0.0, 1.0, about="Pixel values; similar neighbors are merged")
        ends = f"""
            # Even threads take the neighbor to the right, odd ones the neighbor below
            a = edge // 2
            row = a // {cols}
            col = a % {cols}
            if edge % 2 == 0:
                if col == {cols - 1}:
                    return
                b = a + 1
            else:
                if row == {rows - 1}:
                    return
                b = a + {cols}
            """
        condition = "similar"
        d.param("tolerance", "float", 0.15, 0.3, about="Largest difference between pixels of one segment")
    if condition == "mask":
        d.input("edge_active", "bool", (*lead, m), about="False for edges to skip")
    elif condition == "threshold":
        d.input("edge_weights", "float", (*lead, m), 0.0, 1.0, about="Edge weights")
        d.param("max_weight", "float", 0.5, 0.8, about="Heavier edges do not connect")
    if link == "priority":
        d.input("priority", "int", n, 0, 1000, about="Random priority of each node")
    # each node points at one of no greater index: a forest whose trees are already deep
    d.inout(
        "parent",
        "int",
        (*lead, n),
        kind="ascending",
        low=0,
        high=n,
        about="Parent of each node, roots point at themselves",
    )
    if record == "count":
        d.inout("merge_count", "int", worlds if batched else 1, value=0.0, about="Number of merges")
    elif record == "tree edges":
        capacity = m // 2
        d.inout("tree_edge_count", "int", 1, value=0.0, about="Number of tree edges, may exceed the capacity")
        d.output("tree_edges", "int", capacity, about="Edges that merged two trees")
    if batched:
        # a batch of forests: the root finder takes a row
        d.function(
            _FIND["plain"]
            .replace("parent: wp.array(dtype=int), node", "parent: wp.array2d(dtype=int), world: int, node")
            .replace("parent[current]", "parent[world, current]")
        )
    else:
        d.function(_FIND[find])
    text, helper = _LINK[link]
    if helper:
        d.function(helper)
    call = "find_root(parent, world, {})" if batched else "find_root(parent, {})"
    sentinel = layout == "pairs" and condition == "all"
    d.launch(*lead, m)
    d.code(
        f"""
        {"world, edge" if batched else "edge"} = wp.tid()
        $condition
        $ends
        $unused
        $similar
        root_a = {call.format("a")}
        root_b = {call.format("b")}
        while root_a != root_b:
            $link
            # Succeeds only if nobody else has hooked this root in the meantime
            seen = wp.atomic_cas(parent, {w}child, child, target)
            if seen == child:
                $record
                return
            # Lost the race: continue from the new parents
            root_a = {call.format("seen")}
            root_b = {call.format("target")}
        """,
        condition={
            "mask": f"# Skip masked edges\nif not edge_active[{w}edge]:\n    return",
            "threshold": f"# Heavy edges do not connect\nif edge_weights[{w}edge] > max_weight:\n    return",
        }.get(condition, ""),
        ends=ends,
        unused="# Skip unused edges (index of -1) and self loops\nif a < 0 or b < 0 or a == b:\n    return"
        if sentinel
        else "# Self loops merge nothing\nif a == b:\n    return"
        if layout != "grid"
        else "",
        similar=f"""
            difference = image[a // {cols}, a % {cols}] - image[b // {cols}, b % {cols}]
            if wp.abs(difference) > tolerance:
                return
            """
        if layout == "grid"
        else "",
        link=text,
        record={
            "nothing": "",
            "count": f"wp.atomic_add(merge_count, {'world' if batched else '0'}, 1)",
            "tree edges": """
                tree_index = wp.atomic_add(tree_edge_count, 0, 1)
                # Keep counting beyond the capacity so that the caller can resize
                if tree_index < tree_edges.shape[0]:
                    tree_edges[tree_index] = edge
                """,
        }[record],
    )
    d.explain("""
        Roots are hooked with compare-and-swap, so that edges can be processed in any order and on any number
        of threads. The partition does not depend on the order, the shape of the trees does.
    """)
    d.forward_only()

    def agrees(v: Values, after: Values) -> None:
        live = np.ones((*lead, m), bool)
        if layout == "grid":
            at = np.arange(m) // 2
            other = np.where(np.arange(m) % 2 == 0, at + 1, at + cols)
            live = np.where(np.arange(m) % 2 == 0, at % cols < cols - 1, at // cols < rows - 1)
            flat = np.reshape(v.image, -1)
            other = np.where(live, other, 0)
            gap = np.abs(flat[at] - flat[other])
            if np.any(np.abs(gap[live] - v.tolerance) < 1e-5):
                return  # rounding decides
            live &= gap <= v.tolerance
            one, two = at, other
        elif layout == "pairs":
            one, two = np.asarray(v.edges)[..., 0], np.asarray(v.edges)[..., 1]
            live &= (one >= 0) & (two >= 0)
        else:
            one, two = np.asarray(v.sources), np.asarray(v.targets)
        if condition == "mask":
            live &= np.asarray(v.edge_active).astype(bool)
        elif condition == "threshold":
            live &= v.edge_weights <= v.max_weight
        for world in range(worlds if batched else 1):
            pick = (world,) if batched else ()
            before, found = np.asarray(v.parent)[pick], np.asarray(after.parent)[pick]
            assert np.all((found >= 0) & (found < n)), "a parent is no node"
            _same_partition(before, found, one[pick][live[pick]], two[pick][live[pick]])
            merged = len(set(_roots(before))) - len(set(_roots(found)))
            if record == "count":
                assert after.merge_count[world] == merged
        if record == "tree edges":
            assert after.tree_edge_count[0] == merged
            kept = np.asarray(after.tree_edges)[: min(merged, capacity)]
            assert len(set(kept)) == len(kept)
            assert np.all(live[kept])

    d.holds(agrees)


def _roots(parent: Any) -> Any:
    roots = parent.copy()
    for _ in range(len(parent)):
        roots = parent[roots]
    return roots


def _same_partition(before: Any, after: Any, one: Any, two: Any) -> None:
    """Assert that the trees after are those before, joined along the edges, and no others."""
    label = _roots(before)
    for a, b in zip(one, two, strict=True):
        label = np.where(label == label[a], label[b], label)
    roots = _roots(after)
    assert np.all(after[roots] == roots), "parents form a cycle"
    pairs = {(int(x), int(y)) for x, y in zip(label, roots, strict=True)}
    assert len(pairs) == len({x for x, _ in pairs}) == len({y for _, y in pairs}), "the partition is another"
