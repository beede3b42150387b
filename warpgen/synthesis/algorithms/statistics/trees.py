"""Inference in decision trees."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.statistics import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Breiman et al. 1984; Friedman 2001 (boosting); Breiman 2001 (forests)",
    names={
        "x": "samples|data",
        "node": "cur|n|at",
        "feature": "split_feature|feat|axis",
        "threshold": "split_value|cut|thresh",
        "value": "leaf_value|leaf|prediction",
        "depth": "levels|max_depth|height",
        "leaf_class": "leaf_label|node_class|class_of_leaf",
        "y": "scores|predictions|outputs",
    },
    adjoint="no",
)
def tree_inference(d: Draft) -> None:
    """Evaluates decision trees for each sample."""
    layout = d.option("layout", "heap", "children", "struct of arrays")
    ensemble = d.option("ensemble", "one", "sum", "mean", "votes")
    missing = d.flag("missing", 0.3)
    early = d.flag("early leaves")
    per_tree = ensemble == "sum" and d.flag("atomic", 0.4)
    d.calls({
        "one": "decision_tree|predict_tree|traverse_tree",
        "sum": "boosted_trees|predict_boosted_trees|sum_of_trees",
        "mean": "forest_predict|random_forest|average_trees",
        "votes": "forest_votes|vote_trees|count_tree_votes",
    }[ensemble])  # fmt: skip
    n, width, depth, trees = d.pick(48, 64, 96), d.pick(4, 6, 8), d.pick(3, 4), d.pick(3, 5)
    inner = (1 << depth) - 1
    size = inner if layout == "heap" else 2 * inner + 1
    one = ensemble == "one"
    pre = () if one else (trees,)
    at = "[node]" if one else "[t, node]"
    d.input("x", "float", (n, width), -1.0, 1.0, about="features, one row per sample")
    low = -1 if early and layout != "heap" else 0
    d.input("feature", "int", (*pre, size), low, width, about="feature index per node")
    d.input("threshold", "float", (*pre, size), -0.6, 0.6, about="split threshold per node")
    if missing:
        d.mask("present", "int", (n, width), about="mask, zero for missing features")
    if layout == "heap":
        leaves: tuple[int, ...] = (*pre, inner + 1)
    else:
        leaves = (*pre, size)
    votes = ensemble == "votes"
    classes = 3
    values = "leaf_class" if votes else "value"
    about = "class vote per leaf" if votes else "leaf values"
    d.input(
        values,
        "int" if votes else "float",
        leaves,
        0 if votes else -1.0,
        classes if votes else 1.0,
        about=about,
    )
    d.param("depth", "int", depth, about="tree depth")
    if votes:
        d.output(
            "votes",
            "int",
            (n, classes),
            about="vote count per class, accumulated in place",
        )
    else:
        d.output("y", "float", n, about="predictions" + ", accumulated in place" * per_tree)
    test = f"x[i, feature{at}] < threshold{at}"
    if missing:
        test = f"present[i, f] == 0 or x[i, f] < threshold{at}"
    leaf = f"{values}{at.replace('node', 'node - first_leaf')}" if layout == "heap" else f"{values}{at}"
    go = {
        "heap": f"if {test}:\n    node = 2 * node + 1\nelse:\n    node = 2 * node + 2",
        "children": f"if {test}:\n    node = 2 * node + 1\nelse:\n    node = 2 * node + 2",
        "struct of arrays": f"node = wp.where({test}, 2 * node + 1, 2 * node + 2)",
    }[layout]
    stop = ""
    if low < 0:
        stop = f"# A node without a feature is a leaf\nif feature{at} < 0:\n    break"
    if missing:
        go = f"f = feature{at}\n# Missing features take the default (left) branch\n{go}"
    walk = "node = int(0)\nfor level in range(depth):\n    $stop\n    $go"
    if one:
        body, end = "$walk", f"y[i] = {leaf}"
        ids, dims = "i = wp.tid()", (n,)
    elif per_tree:
        body, end = "$walk", f"wp.atomic_add(y, i, {leaf})"
        ids, dims = "i, t = wp.tid()", (n, trees)  # type: ignore[assignment]
    elif votes:
        body, end = f"for t in range(feature.shape[0]):\n    $walk\n    votes[i, {leaf}] += 1", ""
        ids, dims = "i = wp.tid()", (n,)
    else:
        over = " / float(feature.shape[0])" if ensemble == "mean" else ""
        body = f"total = float(0.0)\nfor t in range(feature.shape[0]):\n    $walk\n    total += {leaf}"
        end = f"y[i] = total{over}"
        ids, dims = "i = wp.tid()", (n,)
    d.launch(*dims)
    first = (
        ("first_leaf = feature.shape[0]" if one else "first_leaf = feature.shape[1]")
        if layout == "heap"
        else ""
    )
    d.code("$ids\n$first\n$body\n$end", ids=ids, first=first, body=body, end=end, walk=walk, stop=stop, go=go)
    d.explain(
        "Children of node i are 2 i + 1 and 2 i + 2, as in a binary heap, so no child pointers are needed."
        + " Samples go left when the feature is missing." * missing
    )
    d.says(
        {
            "one": "Evaluates a decision tree for each sample.",
            "sum": "Evaluates a boosted tree ensemble by summing leaf values for each sample.",
            "mean": "Evaluates a random forest by averaging leaf values for each sample.",
            "votes": "Counts per-class random forest votes for each sample.",
        }[ensemble]
    )

    def reference(v: Values) -> dict[str, Any]:
        feature, cut, value = (a.reshape(-1, a.shape[-1]) for a in (v.feature, v.threshold, v[values]))
        found = []
        for t in range(len(feature)):
            node = np.zeros(n, int)
            for _ in range(depth):
                f = feature[t, node]
                row = np.arange(n)
                left = v.x[row, f] < cut[t, node]
                if missing:
                    left |= v.present[row, f] == 0
                node = np.where(f < 0, node, 2 * node + np.where(left, 1, 2))
            found.append(value[t, node - inner] if layout == "heap" else value[t, node])
        leaf_values = np.array(found)
        if votes:
            return {"votes": (leaf_values[..., None] == np.arange(classes)).sum(axis=0)}
        return {"y": leaf_values.mean(axis=0) if ensemble == "mean" else leaf_values.sum(axis=0)}

    d.check(reference)
