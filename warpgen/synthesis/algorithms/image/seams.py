"""Seams: what an image loses least by."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.image import DOMAIN
from warpgen.synthesis.algorithms.image.pixels import NAMES
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Avidan & Shamir 2007; Rubinstein, Shamir & Avidan 2008 (forward energy)",
    names=NAMES
    | {
        "seam_cost_row": "seam_dp_row|accumulate_seam|cumulative_energy|seam_step",
        "energy": "cost|gradient_energy|e",
        "total": "cumulative|accum|dp",
        "parent": "came_from|backtrack",
        "best": "lowest|least|cheapest",
    },
    double=True,
    adjoint="either",
    weight=3,
)
def seam_cost_row(d: Draft) -> None:
    """Computes one row of the cumulative energy map for seam carving."""
    forward = d.option("cost", "energy", "forward")
    parent = d.flag("parent")
    style = d.option("style", "guards", "clamped", "loop")
    masked = d.flag("protected", 0.3)
    h, w = d.pick(6, 8, 10), d.pick(32, 48, 64)
    row = d.pick(1, 2, 4)
    ways = [*(["forward energy"] if forward == "forward" else []), *(["protected pixels"] if masked else [])]
    by = f" with {' and '.join(ways)}" if ways else ""
    d.says(f"Computes one row of the cumulative energy map for seam carving{by}.")
    if forward == "energy":
        d.input("energy", "float", (h, w), about="Per-pixel energy")
    else:
        d.input("src", "float", (h, w), about="Grayscale image")
    if masked:
        d.mask("protect", "int", (h, w), rare=True, about="Protection mask, nonzero for protected pixels")
    d.inout(
        "total",
        "float",
        (h, w),
        0.0,
        4.0,
        about="Cumulative seam cost, already computed up to the previous row",
    )
    if parent:
        d.output("parent", "int", (h, w), about="Predecessor column in the previous row, for backtracking")
    d.param("row", "int", row, about="Index of the row to process, at least 1")
    if masked:
        d.param("penalty", "float", 5.0, 10.0, about="Penalty for protected pixels")
    lines = ["tid = wp.tid()", "width = total.shape[1]"]
    if forward == "energy":
        if style == "guards":
            lines += [
                "best = total[row - 1, tid]",
                "step = int(0)",
                "if tid > 0 and total[row - 1, tid - 1] < best:",
                "    best = total[row - 1, tid - 1]",
                "    step = -1",
                "if tid < width - 1 and total[row - 1, tid + 1] < best:",
                "    best = total[row - 1, tid + 1]",
                "    step = 1",
            ]
        elif style == "clamped":
            lines += [
                "best = total[row - 1, tid]",
                "step = int(0)",
                "left = total[row - 1, wp.max(tid - 1, 0)]",
                "right = total[row - 1, wp.min(tid + 1, width - 1)]",
                "if left < best:",
                "    best = left",
                "    step = -1",
                "if right < best:",
                "    best = right",
                "    step = 1",
            ]
        else:
            lines += [
                "best = total[row - 1, tid]",
                "step = int(0)",
                "for s in range(-1, 2, 2):",
                "    k = tid + s",
                "    if k < 0 or k >= width:",
                "        continue",
                "    if total[row - 1, k] < best:",
                "        best = total[row - 1, k]",
                "        step = s",
            ]
        cost = "energy[row, tid]"
    else:
        lines += [
            "west = wp.max(tid - 1, 0)",
            "east = wp.min(tid + 1, width - 1)",
            "# forward energy: cost of edges introduced by removing the seam (Rubinstein et al. 2008)",
            "straight = wp.abs(src[row, east] - src[row, west])",
            "best = total[row - 1, tid] + straight",
            "step = int(0)",
        ]
        left = "total[row - 1, tid - 1] + straight + wp.abs(src[row - 1, tid] - src[row, west])"
        right = "total[row - 1, tid + 1] + straight + wp.abs(src[row - 1, tid] - src[row, east])"
        if style == "clamped":
            lines += [
                f"left = {left.replace('tid - 1', 'west')}",
                "if tid > 0 and left < best:",
                "    best = left",
                "    step = -1",
                f"right = {right.replace('tid + 1', 'east')}",
                "if tid < width - 1 and right < best:",
                "    best = right",
                "    step = 1",
            ]
        elif style == "guards":
            lines += [
                "if tid > 0:",
                f"    left = {left}",
                "    if left < best:",
                "        best = left",
                "        step = -1",
                "if tid < width - 1:",
                f"    right = {right}",
                "    if right < best:",
                "        best = right",
                "        step = 1",
            ]
        else:
            lines += [
                "for s in range(-1, 2, 2):",
                "    k = tid + s",
                "    if k < 0 or k >= width:",
                "        continue",
                "    turn = total[row - 1, k] + straight + wp.abs(src[row - 1, tid] - src[row, k])",
                "    if turn < best:",
                "        best = turn",
                "        step = s",
            ]
        cost = ""
    if not parent:
        lines = [line for line in lines if "step" not in line]
    if masked:
        lines += [
            "# steer seams around protected pixels",
            "if protect[row, tid] != 0:",
            "    best += penalty",
        ]
    lines.append(f"total[row, tid] = best{' + ' + cost if cost else ''}")
    if parent:
        lines.append("parent[row, tid] = tid + step")
    d.launch(w)
    d.code("\n".join(lines))
    d.explain(
        (
            "total(row, x) = cost(row, x) + min(total(row - 1, x - 1 .. x + 1)); rows must be processed in order."
            if forward == "energy"
            else "Takes the minimum over x - 1, x and x + 1 in the previous row, each plus the cost of the new edges for"
            " that step; rows must be processed in order."
        )
        + (" Protected pixels add a penalty." if masked else "")
    )

    def reference(v: Values) -> dict[str, Any]:
        before, inf = v.total[row - 1], np.inf
        options = np.stack([np.r_[inf, before[:-1]], before, np.r_[before[1:], inf]])
        if forward == "forward":
            x = np.pad(v.src, ((0, 0), (1, 1)), "edge")
            left, right, up = x[row, :-2], x[row, 2:], v.src[row - 1]
            options = options + abs(right - left) + np.stack([abs(up - left), 0 * up, abs(up - right)])
        # the middle wins ties, then the left
        order = options[[1, 0, 2]]
        best = order.min(0)
        new = v.total.copy()
        new[row] = best + (v.energy[row] if forward == "energy" else 0.0)
        if masked:
            new[row] += np.where(v.protect[row] == 1, v.penalty, 0.0)
        found: dict[str, Any] = {"total": new}
        if parent:
            found["parent"] = np.zeros((h, w))
            found["parent"][row] = np.arange(w) + np.array([0, -1, 1])[order.argmin(0)]
        return found

    d.check(reference)
