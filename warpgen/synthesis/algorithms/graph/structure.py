"""Ranks and components of graphs, by rounds in which each node looks at its neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.graph import DOMAIN
from warpgen.synthesis.library import adjacency
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = adjacency.NAMES | {
    "rank": "score|pr|importance",
    "rank_new": "out|updated|next_values",
    "label": "component|comp|labels",
    "degree": "out_degree|deg|num_links",
    "s": "total|incoming|inflow",
}


@DOMAIN.algorithm(
    source="Page et al. 1999; Haveliwala 2002 (teleport vector)",
    names=_NAMES
    | {
        "pagerank_step": "rank_step|pagerank_iteration|power_iteration_step|update_rank",
        "damping": "alpha|d_factor|beta",
    },
    double=True,
    adjoint="either",
    weight=10,
)
def pagerank_step(d: Draft) -> None:
    """Computes one PageRank iteration."""
    layout = d.option("layout", *adjacency.LAYOUTS)
    way = d.option("way", "pull", "push", "edges")
    teleport = d.option("teleport", "uniform", "personal", "none")
    share = d.option("share", "degree", "weights", "inverse degree")
    if way == "edges":
        teleport = "none"  # it belongs to nodes, of which there may be more than edges
    dangling = d.flag("dangling", 0.3) and teleport != "none"
    n, m = d.pick(40, 56, 64), d.pick(160, 220)
    if layout == "padded":
        layout = "arrays" if way == "edges" else layout
    if layout == "padded":
        d.forward_only()  # Warp's adjoint of a loop that is left early is wrong
    if way == "push" and share != "weights":  # each node's list tells its degree
        share = "weights" if layout == "padded" else "degree"
    weighted = share == "weights"
    links = 3.6 if layout == "padded" else m / n  # of a node, on average
    sharing = 0.5 / links, 1.5 / links
    if way == "edges":
        d.input("sources", "int", m, 0, n, about="Source node per edge")
        d.input("dests", "int", m, 0, n, about="Target node per edge")
        if weighted:
            d.input(
                "weights", "float", m, *sharing, about="Fraction of the source rank passed along each link"
            )
        g = adjacency.Lists("arrays", n, m, 5)
        weight = "weights[edge]"
    else:
        g = adjacency.declare(d, layout, n, m, *(sharing if weighted else ()))
        weight = g.weight
    d.input("rank", "float", n, 0.0, 2.0 / n, about="PageRank values")
    own = share == "degree" and way == "push"
    if share == "degree" and not own:
        d.input("degree", "int", n, 2, 7, about="Number of outgoing links per node")
    elif share == "inverse degree":
        d.input("inv_degree", "float", n, 0.15, 0.5, about="Inverse out-degree per node")
    d.param("damping", "float", 0.7, 0.95, about="Damping factor")
    if teleport == "personal":
        d.input("teleport", "float", n, 0.0, 2.0 / n, about="Teleport probability per node")
    if dangling:
        d.param("leak", "float", 0.01, 0.1, about="Total rank of dangling nodes")
    d.output(
        "rank_new",
        "float",
        n,
        about="Updated PageRank values" + ", must be zero-initialized" * (way != "pull"),
    )
    base = {
        "uniform": "(1.0 - damping) / float($n)",
        "personal": "(1.0 - damping) * teleport[u]",
        "none": "",
    }[teleport]
    base = base.replace("$n", "rank.shape[0]")
    if not base:
        d.calls("propagate_ranks|spread_ranks|pass_ranks_on")
    lost = " + leak / float(rank.shape[0])" if dangling else ""
    giver = "v" if way == "pull" else "u"
    part = {
        "degree": f"rank[{giver}] / float(degree[{giver}])",
        "inverse degree": f"rank[{giver}] * inv_degree[{giver}]",
        "weights": f"{weight} * rank[{giver}]",
    }[share]
    if way == "pull":
        value = f"damping * (s{lost})" if lost else "damping * s"
        value = f"{base} + {value}" if base else value
        d.launch(n)
        d.code(
            """
            u = wp.tid()
            s = float(0.0)
            $walk
            rank_new[u] = $value
            """,
            walk=g.walk(f"s += {part}"),
            value=value,
        )
        if base:
            d.says("Updates PageRank values by gathering from incoming links.")
        else:
            d.says("Gathers damped ranks along incoming links, i.e. PageRank without the teleport term.")
        d.explain("The adjacency lists contain incoming links, not outgoing ones.")
    else:
        constant = base + (f"{' + damping * leak / float(rank.shape[0])' if lost else ''}")
        if lost and teleport == "uniform":
            constant = "(1.0 - damping + damping * leak) / float(rank.shape[0])"
        start = (
            f"\n# teleport term, added once per node\nwp.atomic_add(rank_new, u, {constant})" if base else ""
        )
        if way == "push":
            body = f"wp.atomic_add(rank_new, v, damping * {part})"
            if own:
                start += f"\ndegree = wp.max({g.degree}, 1)"
                part = part.replace("degree[u]", "degree")
            if not weighted:
                start += f"\nshare = damping * {part}"
                body = "wp.atomic_add(rank_new, v, share)"
            d.launch(n)
            d.code("u = wp.tid()$start\n$walk", start=start, walk=g.walk(body))
        else:
            d.launch(m)
            d.code(
                f"edge = wp.tid()\nu = sources[edge]\nwp.atomic_add(rank_new, dests[edge], damping * {part})"
            )
        d.says(
            "Computes one push-style PageRank iteration using atomics."
            if base
            else "Scatters damped ranks along links using atomics, i.e. PageRank without the teleport term."
        )

    def reference(v: Values) -> dict[str, Any]:
        if way == "edges":
            a, b, w = v.sources, v.dests, v.get("weights")
        else:
            a, b, w = g.ends(v)
            if way == "pull":
                a, b = b, a
        degree = np.bincount(a, minlength=n) if own else v.get("degree")
        parts = w if share == "weights" else v.inv_degree[a] if "inv_degree" in v else 1.0 / degree[a]
        made = np.bincount(b, parts * v.rank[a], n) + (v.leak / n if dangling else 0.0)
        start = v.teleport if teleport == "personal" else 1.0 / n if teleport == "uniform" else 0.0
        return {"rank_new": (1 - v.damping) * start + v.damping * made}

    d.check(reference)


@DOMAIN.algorithm(
    source="Shiloach & Vishkin 1982; Soman, Kishore & Narayanan 2010 (hooking and pointer jumping)",
    names=_NAMES
    | {
        "parent": "parents|up",
        "hook_target": "hook_to|smallest_label|lowest_neighbor",
        "a": "ru|root_u|pu",
        "b": "rv|root_v|pv",
        "high": "larger|hi_root|max_root",
        "low": "smaller|lo_root|min_root",
    },
    adjoint="no",
    weight=6,
)
def component_step(d: Draft) -> None:
    """Computes one label propagation step for connected components."""
    way = d.option("way", "propagate", "hook", "jump", "find", "min edge")
    layout = d.option("layout", *adjacency.LAYOUTS)
    flag = d.flag("changed")
    frozen = d.flag("barrier", 0.4) and way not in ("jump", "find")  # edges that do not join
    d.calls(
        {
            "propagate": "component_step|label_propagate|connected_components_step",
            "hook": "hook_components|hook_roots|component_hook",
            "jump": "pointer_jump|pointer_jumping|shorten_paths",
            "find": "find_roots|compress_paths|forest_roots",
            "min edge": "boruvka_step|lightest_edges|min_outgoing_edges",
        }[way]
    )
    n, m = d.pick(48, 64, 80), d.pick(60, 90)
    if way == "propagate":
        g = adjacency.declare(d, layout, n, m * 3)
        d.input("label", "int", n, 0, n, about="Component labels")
        if frozen:
            d.input("group", "int", n, 0, 3, about="Group index per node, labels do not cross groups")
        d.output("label_new", "int", n, about="Updated labels")
        if flag:
            d.output("changed", "int", 1, about="Set to nonzero if anything changed")
        test = "if group[v] != group[u]:\n    continue\n" if frozen else ""
        d.launch(n)
        d.code(
            """
            u = wp.tid()
            least = int(label[u])
            $walk
            label_new[u] = least
            $flag
            """,
            walk=g.walk(test + "least = wp.min(least, label[v])"),
            flag="if least != label[u]:\n    changed[0] = 1" if flag else "",
        )
    elif way in ("hook", "min edge"):
        d.input("sources", "int", m, 0, n, about="Source node per edge")
        d.input("dests", "int", m, 0, n, about="Target node per edge")
        if frozen:
            d.mask("cut", "int", m, about="Cut flags, nonzero for edges to ignore", rare=True)
        d.input("label", "int", n, 0, n, about="Component labels")
        skip = "# skip cut edges\nif cut[edge] != 0:\n    return" if frozen else ""
        if way == "hook":
            d.inout(
                "hook_target",
                "int",
                n,
                value=n,
                about="Smallest lower label next to each component, initialized to the number of nodes",
            )
            if flag:
                d.output("changed", "int", 1, about="Set to nonzero if anything changed")
            d.launch(m)
            d.code(
                """
                edge = wp.tid()
                $skip
                a = label[sources[edge]]
                b = label[dests[edge]]
                if a == b:
                    return
                # only hook larger roots under smaller ones to avoid cycles
                high = wp.max(a, b)
                low = wp.min(a, b)
                $hook
                """,
                skip=skip,
                hook="if wp.atomic_min(hook_target, high, low) > low:\n    changed[0] = 1"
                if flag
                else "wp.atomic_min(hook_target, high, low)",
            )
            d.says("Finds the smallest lower label to hook each component under.")
        else:
            d.input("weights", "float", m, 0.1, 1.0, about="Edge weights")
            d.inout(
                "lightest",
                "float",
                n,
                value=2.0,
                about="Minimum outgoing edge weight per component, initialized to a large value",
            )
            note = "\nwp.atomic_add(outgoing, a, 1)\nwp.atomic_add(outgoing, b, 1)" if flag else ""
            if flag:
                d.inout("outgoing", "int", n, value=0.0, about="Number of outgoing edges per component")
            d.launch(m)
            d.code(
                """
                edge = wp.tid()
                $skip
                a = label[sources[edge]]
                b = label[dests[edge]]
                # skip edges within the same component
                if a == b:
                    return
                weight = weights[edge]
                wp.atomic_min(lightest, a, weight)
                wp.atomic_min(lightest, b, weight)
                $note
                """,
                skip=skip,
                note=note.strip(),
            )
            all_ = ", and counts all outgoing edges" if flag else ""
            d.says(f"Computes the minimum outgoing edge weight per component{all_} (Boruvka's algorithm).")
    else:
        # rising pointers have no cycles but the roots
        d.input(
            "parent", "int", n, 0, n, kind="ascending", about="Parent pointers, roots point to themselves"
        )
        d.output("parent_new", "int", n, about="Updated parent pointers")
        if flag:
            d.output("changed", "int", 1, about="Set to nonzero if anything changed")
        note = "if parent_new[u] != parent[u]:\n    changed[0] = 1" if flag else ""
        d.launch(n)
        if way == "jump":
            d.code(
                """
                u = wp.tid()
                # pointer jumping: all nodes point to their root after log2(n) rounds
                parent_new[u] = parent[parent[u]]
                $note
                """,
                note=note,
            )
            d.says("Performs one pointer-jumping step on a forest.")
        else:
            d.code(
                """
                u = wp.tid()
                root = int(parent[u])
                while parent[root] != root:
                    root = parent[root]
                parent_new[u] = root
                $note
                """,
                note=note,
            )
            d.says("Finds the root for each node in a forest.")

    def reference(v: Values) -> dict[str, Any]:
        if way == "propagate":
            a, b, _ = g.ends(v)
            if frozen:
                a, b = a[v.group[a] == v.group[b]], b[v.group[a] == v.group[b]]
            new = v.label.copy()
            np.minimum.at(new, a, v.label[b])
            return {"label_new": new} | ({"changed": np.array([int((new != v.label).any())])} if flag else {})
        if way in ("hook", "min edge"):
            a, b = v.label[v.sources], v.label[v.dests]
            live = (a != b) & ((v.cut == 0) if frozen else True)
            a, b = a[live], b[live]
            if way == "hook":
                new = np.full(n, n)
                np.minimum.at(new, np.maximum(a, b), np.minimum(a, b))
                return {"hook_target": new} | ({"changed": np.array([int((new < n).any())])} if flag else {})
            light = np.full(n, 2.0)
            for end in (a, b):
                np.minimum.at(light, end, v.weights[live])
            made = {"lightest": light}
            if flag:
                made["outgoing"] = np.bincount(a, minlength=n) + np.bincount(b, minlength=n)
            return made
        new = v.parent[v.parent] if way == "jump" else v.parent.copy()
        if way == "find":
            while (v.parent[new] != new).any():
                new = v.parent[new]
        return {"parent_new": new} | ({"changed": np.array([int((new != v.parent).any())])} if flag else {})

    d.check(reference)
