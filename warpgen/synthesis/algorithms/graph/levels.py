"""Nodes in the order in which their neighbours let them go."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.graph import DOMAIN
from warpgen.synthesis.library import adjacency
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = adjacency.NAMES | {
    "degree": "deg|remaining|num_neighbors",
    "s": "total|incoming|dep_sum",
}


@DOMAIN.algorithm(
    source="Batagelj & Zaversnik 2003 (k-core); Kahn 1962 (topological order); Brandes 2001 (dependencies)",
    names=_NAMES
    | {
        "alive": "active|in_core|present",
        "pending": "in_degree|indegree|num_parents",
        "k": "core_order|min_degree|threshold",
    },
    adjoint="no",
)
def peel_nodes(d: Draft) -> None:
    """Removes low-degree nodes (k-core decomposition)."""
    task = d.option("task", "core", "topological", "degree", "dependencies")
    layout = d.option("layout", *adjacency.LAYOUTS)
    record = d.flag("record")
    counter = d.flag("counter", 0.4)
    d.calls(
        {
            "core": "peel_nodes|kcore_peel|remove_low_degree|peel_step",
            "topological": "topological_step|kahn_step|topological_level",
            "degree": "count_incoming|count_degrees|degree_count",
            "dependencies": "accumulate_dependencies|brandes_step|betweenness_step",
        }[task]
    )
    n, m = d.pick(40, 56, 64), d.pick(140, 180)
    g = adjacency.declare(d, layout, n, m)
    if task == "core":
        d.mask("alive", "int", n, about="Alive flags, 0 for removed nodes")
        d.param("k", "int", 1, 4, about="Minimum degree within the core")
        d.output("kept", "int", n, about="Alive flags after this round")
        if record:
            d.output("core", "int", n, about="Core number of removed nodes")
        if counter:
            d.inout("num_removed", "int", 1, value=0.0, about="Number of removed nodes")
        gone = ["core[u] = k - 1"] * record + ["wp.atomic_add(num_removed, 0, 1)"] * counter
        keep = ["if degree >= k:\n    kept[u] = 1", "else:"]
        d.launch(n)
        d.code(
            """
            u = wp.tid()
            kept[u] = 0
            if alive[u] == 0:
                return
            # removals take effect in the next round
            degree = int(0)
            $walk
            $end
            """,
            walk=g.walk("degree += alive[v]"),
            end="\n".join([*keep, *("    " + line for line in gone)]) if gone else keep[0],
        )
    elif task == "topological":
        d.input("order", "int", n, -1, 4, about="Level per node, -1 if not reached")
        d.param("current", "int", 0, 4, about="Current level")
        d.inout("pending", "int", n, 1, 4, about="Number of unprocessed predecessors")
        if record:
            d.output("ready", "int", n, about="Ready flags, nonzero for nodes that became ready")
        if counter:
            d.inout("num_ready", "int", 1, value=0.0, about="Number of nodes that became ready")
        last = (
            "# the old value is 1 only for the last predecessor\nif wp.atomic_sub(pending, v, 1) == 1:\n    "
        )
        last += "\n    ".join(["ready[v] = 1"] * record + ["wp.atomic_add(num_ready, 0, 1)"] * counter)
        if not (record or counter):
            last = "wp.atomic_sub(pending, v, 1)"
        d.launch(n)
        d.code("u = wp.tid()\nif order[u] != current:\n    return\n$walk", walk=g.walk(last))
        d.says("Processes one level of a topological sort (Kahn's algorithm).")
    elif task == "degree":
        d.inout("in_degree", "int", n, value=0.0, about="Number of incoming edges")
        if record:
            d.output("out_degree", "int", n, about="Number of outgoing edges")
        if counter:
            d.inout("num_loops", "int", 1, value=0.0, about="Number of self-loops")
        body = "wp.atomic_add(in_degree, v, 1)"
        if counter:
            body += "\nif v == u:\n    wp.atomic_add(num_loops, 0, 1)"
        counted = record and layout == "padded"
        if counted:
            body += "\nlinks += 1"
        d.launch(n)
        d.code(
            "u = wp.tid()\n$start\n$walk\n$end",
            start="links = int(0)" if counted else "",
            walk=g.walk(body),
            end=f"out_degree[u] = {'links' if counted else g.degree}" if record else "",
        )
        d.says(f"Computes the in-degree {'and out-degree ' if record else ''}of each node.")
    else:
        d.input("level", "int", n, 0, 5, about="BFS levels")
        d.input("num_paths", "int", n, 1, 5, about="Number of shortest paths per node")
        d.input("delta", "float", n, 0.0, 2.0, about="Accumulated dependencies of deeper levels")
        d.param("current", "int", 0, 4, about="Current level")
        whose = "" if record else " for nodes at this level"
        d.output("dependency", "float", n, about=f"Accumulated dependencies{whose}")
        d.launch(n)
        body = "# only edges to the next level lie on shortest paths\nif level[v] == current + 1:\n"
        body += "    s += float(num_paths[u]) / float(num_paths[v]) * (1.0 + delta[v])"
        d.code(
            """
            u = wp.tid()
            if level[u] != current:
                $keep
                return
            s = float(0.0)
            $walk
            dependency[u] = s
            """,
            keep="dependency[u] = delta[u]" if record else "",
            walk=g.walk(body),
        )
        d.says("Accumulates betweenness dependencies for one level of nodes (Brandes).")

    def reference(v: Values) -> dict[str, Any]:
        a, b, _ = g.ends(v)
        if task == "core":
            gone = (v.alive != 0) & (np.bincount(a, v.alive[b], n) < v.k)
            made = {"kept": np.where(gone, 0, v.alive)}
            made["core"] = np.where(gone, v.k - 1, 0)
            made["num_removed"] = np.array([gone.sum()])
        elif task == "topological":
            left = v.pending - np.bincount(b[v.order[a] == v.current], minlength=n)
            ready = (v.pending > 0) & (left <= 0)
            made = {"pending": left, "ready": ready.astype(int), "num_ready": np.array([ready.sum()])}
        elif task == "degree":
            made = {"in_degree": np.bincount(b, minlength=n), "out_degree": np.bincount(a, minlength=n)}
            made["num_loops"] = np.array([(a == b).sum()])
        else:
            down = (v["level"][a] == v.current) & (v["level"][b] == v.current + 1)
            a, b = a[down], b[down]
            s = np.bincount(a, v.num_paths[a] / v.num_paths[b] * (1 + v.delta[b]), n)
            made = {"dependency": np.where(v["level"] == v.current, s, v.delta if record else 0.0)}
        return {p.name: made[p.name] for p in d.parameters if p.name in made}

    d.check(reference)
