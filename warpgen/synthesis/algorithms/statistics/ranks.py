"""Ranks and counts of pairs."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.statistics import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Wilcoxon 1945; Mann & Whitney 1947; Kendall 1938; Fawcett 2006 (ROC)",
    names={
        "x": "values|scores|samples",
        "y": "y_values|paired|second_values",
        "others": "y|controls|reference_group",
        "below": "less|smaller|num_below",
        "ties": "equal|same|tied",
        "ranks": "rank_of|mean_ranks|rank_values",
    },
    adjoint="either",
    element="",
)
def rank_statistics(d: Draft) -> None:
    """Ranks samples by pairwise counting, with ties sharing their mean rank."""
    what = d.option("what", "ranks", "mann whitney", "kendall", "roc", "auc")
    type = d.option("type", "float", "int")
    form = d.option("form", "branches", "arithmetic")
    if what != "roc":
        type = "int"  # floats would never tie
    ragged = d.flag("valid", 0.3)
    d.calls({
        "ranks": "rank_samples|mean_ranks|average_ranks",
        "mann whitney": "mann_whitney_counts|rank_sum_terms|u_statistic_terms",
        "kendall": "kendall_terms|kendall_pairs|count_concordance",
        "roc": "roc_points|roc_counts|roc_curve",
        "auc": "count_ordered_pairs|auc_pairs|auc_counts",
    }[what])  # fmt: skip
    n, m = d.pick(32, 48, 64), d.pick(24, 40)
    high = 12 if type == "int" else 1.0
    about = {"mann whitney": "samples in the first group", "kendall": "first value of each pair"}
    d.input(
        "x", type, n, 0, high, about=about.get(what, "samples" if what == "ranks" else "per-sample score")
    )
    if what == "mann whitney":
        d.input("others", type, m, 0, high, about="samples in the second group")
    elif what == "kendall":
        d.input("y", type, n, 0, high, about="second value of each pair")
    elif what in ("roc", "auc"):
        d.input("label", "int", n, 0, 2, about="1 for positives, 0 for negatives")
    if what == "roc":
        d.input("thresholds", type, m, 0, high, kind="ascending", about="classification thresholds")
    ragged = ragged and what in ("ranks", "mann whitney")
    other = "others" if what == "mann whitney" else "x"
    size = f"{other}.shape[0]"
    if ragged:
        d.mask("valid", "int", m if what == "mann whitney" else n, about="mask, zero for missing values")
    skip = "if valid[j] == 0:\n    continue" if ragged else ""

    def count(a: str, b: str) -> str:
        if form == "branches":
            return f"if {a} < {b}:\n    below += 1\nelif {a} == {b}:\n    ties += 1"
        return f"below += wp.where({a} < {b}, 1, 0)\nties += wp.where({a} == {b}, 1, 0)"

    threads = m if what == "roc" else n
    if what in ("ranks", "mann whitney"):
        if what == "ranks":
            d.output("ranks", "float", n, about="ranks from 1" + ", 0 for missing values" * ragged)
        else:
            d.output("u", "float", n, about="per-sample U count, with ties counted as one half")
        end = (
            "ranks[i] = float(below) + 0.5 * float(ties + 1)"
            if what == "ranks"
            else "# Count ties as one half\nu[i] = float(below) + 0.5 * float(ties)"
        )
        d.code(
            (
                "i = wp.tid()\n"
                "$own\n"
                "xi = x[i]\n"
                "below = int(0)\n"
                "ties = int(0)\n"
                f"for j in range({size}):\n"
                "    $skip\n"
                "    $count\n"
                "$end"
            ),
            own="if valid[i] == 0:\n    ranks[i] = 0.0\n    return" if ragged and what == "ranks" else "",
            skip=skip,
            count=count(f"{other}[j]", "xi"),
            end=end,
        )
        if what == "mann whitney":
            d.says(
                "Counts samples of the other group below each sample, with ties as one half "
                "(Mann-Whitney U terms)."
            )
    elif what == "kendall":
        d.output("concordance", "int", n, about="concordant minus discordant pairs with later samples")
        if form == "branches":
            body = (
                "# Concordant if both differences have the same sign\n"
                "a = x[j] - x[i]\n"
                "b = y[j] - y[i]\n"
                "if a == 0 or b == 0:\n"
                "    continue\n"
                "if (a > 0) == (b > 0):\n"
                "    balance += 1\n"
                "else:\n"
                "    balance -= 1"
            )
        else:
            body = (
                "a = wp.where(x[j] > x[i], 1, 0) - wp.where(x[j] < x[i], 1, 0)\n"
                "b = wp.where(y[j] > y[i], 1, 0) - wp.where(y[j] < y[i], 1, 0)\n"
                "balance += a * b"
            )
        d.code(
            (
                "i = wp.tid()\n"
                "balance = int(0)\n"
                "for j in range(i + 1, x.shape[0]):\n"
                "    $body\n"
                "concordance[i] = balance"
            ),
            body=body,
        )
        d.says(
            "Counts concordant minus discordant pairs with later samples for each sample "
            "(Kendall's tau terms)."
        )
    elif what == "roc":
        d.output("true_positives", "int", m, about="true positive count per threshold")
        d.output("false_positives", "int", m, about="false positive count per threshold")
        d.code("""
            i = wp.tid()
            threshold = thresholds[i]
            tp = int(0)
            fp = int(0)
            for j in range(x.shape[0]):
                if x[j] < threshold:
                    continue
                if label[j] == 1:
                    tp += 1
                else:
                    fp += 1
            true_positives[i] = tp
            false_positives[i] = fp
        """)
        d.says("Counts true and false positives at each threshold of a ROC curve.")
    else:
        d.output("wins", "float", 1, about="number of correctly ordered pairs, with ties counted as one half")
        d.code(
            """
            i = wp.tid()
            # Compare each positive with all negatives
            if label[i] == 0:
                return
            below = int(0)
            ties = int(0)
            for j in range(x.shape[0]):
                if label[j] == 1:
                    continue
                $count
            wp.atomic_add(wins, 0, float(below) + 0.5 * float(ties))
            """,
            count=count("x[j]", "x[i]"),
        )
        d.says("Counts correctly ordered positive-negative pairs (AUC numerator), with ties as one half.")
    d.launch(threads)

    def reference(v: Values) -> dict[str, Any]:
        x = v.x
        if what in ("ranks", "mann whitney"):
            o = v[other][v.valid != 0] if ragged else v[other]
            half = (o[None] < x[:, None]).sum(1) + 0.5 * (o[None] == x[:, None]).sum(1)
            if what == "mann whitney":
                return {"u": half}
            return {"ranks": np.where(v.valid != 0, half + 0.5, 0.0) if ragged else half + 0.5}
        if what == "kendall":
            s = np.sign(x[None] - x[:, None]) * np.sign(v.y[None] - v.y[:, None])
            return {"concordance": np.triu(s, 1).sum(axis=1).astype(np.int64)}
        if what == "roc":
            hit = x[None] >= v.thresholds[:, None]
            return {
                "true_positives": (hit & (v.label == 1)).sum(1),
                "false_positives": (hit & (v.label == 0)).sum(1),
            }
        p, q = x[v.label == 1], x[v.label == 0]
        return {"wins": np.array([(q[None] < p[:, None]).sum() + 0.5 * (q[None] == p[:, None]).sum()])}

    d.check(reference)
