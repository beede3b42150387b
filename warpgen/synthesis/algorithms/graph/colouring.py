"""Colourings, independent sets and matchings, by rounds in which local maxima of priority win."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.graph import DOMAIN
from warpgen.synthesis.library import adjacency
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = adjacency.NAMES | {
    "color": "colors|node_color|node_colors",
    "priority": "node_priority|random_key|rand_key",
    "matched": "is_matched|paired",
}


@DOMAIN.algorithm(
    source="Jones & Plassmann 1993; Luby 1986; Gebremedhin & Manne 2000 (speculative greedy colouring)",
    names=_NAMES
    | {
        "used": "taken|forbidden|mask",
        "first": "smallest|free_color|lowest_free",
    },
    adjoint="either",
    weight=5,
)
def independent_step(d: Draft) -> None:
    """Colors independent sets of nodes with locally maximal priority (Luby, Jones-Plassmann)."""
    task = d.option("task", "jones-plassmann", "luby", "greedy", "conflicts", "matching")
    layout = d.option("layout", *adjacency.LAYOUTS)
    ties = d.option("ties", "permutation", "hash of index", "index")
    count = d.flag("count", 0.4)
    if task == "luby" and ties == "index":
        ties = "permutation"  # Luby's priorities are random
    d.calls(
        {
            "jones-plassmann": "jones_plassmann_step|color_local_maxima|independent_step|color_independent",
            "luby": "luby_mis_step|luby_round|independent_step|mis_step",
            "greedy": "greedy_color_step|assign_colors|color_nodes",
            "conflicts": "find_conflicts|mark_conflicts|detect_conflicts",
            "matching": "propose_matches|propose_partners|matching_proposals",
        }[task]
    )
    n, m = d.pick(48, 64, 72), d.pick(120, 160)
    g = adjacency.declare(d, layout, n, m)
    if task in ("jones-plassmann", "luby", "matching"):
        if ties == "permutation":
            d.input("priority", "int", n, kind="permutation", about="Random node priorities")
        elif ties == "hash of index":
            d.input("priority", "int", n, 0, 8, about="Random node priorities")
    higher = {
        "permutation": "priority[v] > priority[u]",
        "hash of index": "(priority[v] > priority[u] or (priority[v] == priority[u] and v > u))",
        "index": "v > u",
    }[ties]

    def outranks(v: Values, a: Any, b: Any) -> Any:
        p = v.get("priority", np.arange(n))
        return (p[b] > p[a]) | ((p[b] == p[a]) & (b > a))

    if task == "jones-plassmann":
        d.input("color", "int", n, -1, 3, about="Node colors, -1 if uncolored")
        d.param("current", "int", 3, 6, about="Color to assign in this round")
        d.output("color_new", "int", n, about="Updated node colors")
        body = (
            "# skip if a neighbor has higher priority, so that adjacent nodes never join in the same round\n"
        )
        body += f"if color[v] < 0 and {higher}:\n    return"

        if count:
            d.inout("num_colored", "int", 1, value=0.0, about="Number of nodes colored in this round")
        d.says(
            "Assigns the current color to nodes with the highest priority among uncolored neighbors (Jones-Plassmann)."
        )
        d.launch(n)
        d.code(
            """
            u = wp.tid()
            color_new[u] = color[u]
            if color[u] >= 0:
                return
            $walk
            color_new[u] = current
            $count
            """,
            walk=g.walk(body),
            count="wp.atomic_add(num_colored, 0, 1)" if count else "",
        )
    elif task == "luby":
        about = "Node states: 0 undecided, 1 in the set, -1 adjacent to the set"
        d.input("state", "int", n, -1, 2, about=about)
        d.output("state_new", "int", n, about="Updated node states")
        if count:
            d.inout("num_joined", "int", 1, value=0.0, about="Number of nodes added to the set")
        body = "if state[v] == 1:\n    state_new[u] = -1\n    return\n"
        body += f"if state[v] == 0 and {higher}:\n    wins = False"

        d.launch(n)
        d.code(
            """
            u = wp.tid()
            state_new[u] = state[u]
            if state[u] != 0:
                return
            wins = bool(True)
            $walk
            if wins:
                state_new[u] = 1
                $count
            """,
            walk=g.walk(body),
            count="wp.atomic_add(num_joined, 0, 1)" if count else "",
        )
        d.says("Computes one round of Luby's maximal independent set algorithm.")
    elif task == "matching":
        d.mask("matched", "int", n, about="Nonzero for nodes that already have a partner", rare=True)
        d.output("proposal", "int", n, about="Proposed partner per node, -1 for none")
        body = "if v == u or matched[v] != 0:\n    continue\nif best < 0 or $better:\n    best = v"
        better = "priority[v] > priority[best]" if ties != "index" else "v > best"
        if ties == "hash of index":
            better += " or (priority[v] == priority[best] and v > best)"
        d.launch(n)
        d.code(
            """
            u = wp.tid()
            if matched[u] != 0:
                proposal[u] = -1
                return
            best = int(-1)
            $walk
            proposal[u] = best
            """,
            walk=g.walk(body.replace("$better", better)),
        )
        of = "highest index" if ties == "index" else "highest priority"
        d.says(f"Computes matching proposals: each node picks the unmatched neighbor with the {of}.")
    elif task == "greedy":
        d.input("color", "int", n, -1, 4, about="Node colors, -1 if uncolored")
        d.output("color_new", "int", n, about="Updated node colors")
        free = "first" if count else "first_free(used)"
        loop = "first = int(0)\nwhile (used & (1 << first)) != 0:\n    first += 1"
        if not count:
            d.function("""
                @wp.func
                def first_free(used: int) -> int:
                    first = int(0)
                    while (used >> first) & 1 == 1:
                        first += 1
                    return first
            """)
        d.launch(n)
        d.code(
            """
            u = wp.tid()
            # bitmask of colors used by neighbors
            used = int(0)
            $walk
            $loop
            color_new[u] = $free
            """,
            walk=g.walk("if v != u and color[v] >= 0:\n    used = used | (1 << color[v])"),
            loop=loop if count else "",
            free=free,
        )
        d.says("Assigns the smallest color not used by any neighbor.")
        d.explain(
            "Uses a 32-bit color mask, which limits the number of colors to 31. Adjacent nodes may still pick the same color."
        )
    else:
        d.input("color", "int", n, 0, 4, about="Node colors")
        d.output("recolor", "int", n, about="Recolor flags, nonzero for nodes to recolor")
        if count:
            d.inout("num_conflicts", "int", 1, value=0.0, about="Number of nodes to recolor")
        body = "# only recolor the node with the larger index, to avoid changing both\n"
        body += "if v < u and color[v] == color[u]:\n"
        body += (
            "    recolor[u] = 1\n"
            + ("    wp.atomic_add(num_conflicts, 0, 1)\n" if count else "")
            + "    return"
        )
        d.launch(n)
        d.code("u = wp.tid()\nrecolor[u] = 0\n$walk", walk=g.walk(body))
        d.says("Marks nodes with color conflicts for recoloring.")

    def reference(v: Values) -> dict[str, Any]:
        a, b, _ = g.ends(v)
        if task == "jones-plassmann":
            beaten = np.zeros(n, bool)
            beaten[a[(v.color[b] < 0) & outranks(v, a, b)]] = True
            now = (v.color < 0) & ~beaten
            made = {"color_new": np.where(now, v.current, v.color)}
            return made | ({"num_colored": np.array([now.sum()])} if count else {})
        if task == "luby":
            state = v.state.copy()
            near, beaten = np.zeros(n, bool), np.zeros(n, bool)
            near[a[v.state[b] == 1]] = True
            beaten[a[(v.state[b] == 0) & outranks(v, a, b)]] = True
            state[(v.state == 0) & near] = -1
            joined = (v.state == 0) & ~near & ~beaten
            state[joined] = 1
            return {"state_new": state} | ({"num_joined": np.array([joined.sum()])} if count else {})
        if task == "matching":
            p = v.get("priority", np.arange(n)) * n + np.arange(n)
            best = np.full(n, -1)
            for x, y in zip(a, b, strict=True):
                if v.matched[x] or v.matched[y]:
                    continue
                if x != y and (best[x] < 0 or p[y] > p[best[x]]):
                    best[x] = y
            return {"proposal": best}
        if task == "greedy":
            around = [set(v.color[b[(a == u) & (b != u)]]) for u in range(n)]
            return {"color_new": np.array([min(set(range(40)) - colors) for colors in around])}
        clash = np.zeros(n, int)
        clash[a[(b < a) & (v.color[b] == v.color[a])]] = 1
        return {"recolor": clash} | ({"num_conflicts": np.array([clash.sum()])} if count else {})

    d.check(reference)
