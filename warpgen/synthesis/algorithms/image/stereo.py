"""Dense stereo: costs of disparities along paths."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.image import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

_PARAMS = '''
@wp.struct
class SGMParams:
    """Semi-global matching parameters."""

'''

# Where path number `path` starts, and the step from pixel to pixel along it.
_PATHS = {
    "right": ("rows", (0, 1)),
    "left": ("rows", (0, -1)),
    "down": ("columns", (1, 0)),
    "up": ("columns", (-1, 0)),
    "down right": ("border", (1, 1)),
    "up right": ("border", (-1, 1)),
}


@DOMAIN.algorithm(
    source="Hirschmueller 2008, Stereo processing by semiglobal matching, eq. 13; Hernandez-Juarez et al. 2016",
    names={
        "aggregate_path_costs": "sgm_aggregate|aggregate_costs|scanline_optimization|semi_global_path",
        "path": "scanline|line|path_index",
        "disparity": "disp|d",
        "matching_cost": "cost_volume|raw_cost|costs",
        "path_cost": "L_r|aggregated|path_costs",
        "lowest": "min_prev|best_previous|min_cost",
        "view": "pair|batch|image_index",
    },
    adjoint="no",
    weight=4,
)
def aggregate_path_costs(d: Draft) -> None:
    """Aggregates stereo matching costs along one path direction (semi-global matching)."""
    direction = d.option("direction", *_PATHS)
    penalty = d.option("penalty", "constant", "adaptive", "second order")
    batched = d.flag("batch")
    sum_up = d.flag("sum")
    winner = d.flag("winner", 0.4)
    mask = d.flag("mask", 0.4)
    rows, cols, levels, views = d.pick(8, 10), d.pick(10, 12), d.pick(6, 8), d.pick(2, 3)
    lead: tuple[int, ...] = (views,) if batched else ()
    b = "view, " if batched else ""
    o = len(lead)
    volume = (*lead, rows, cols, levels)
    d.input(
        "matching_cost",
        "float",
        volume,
        0.0,
        24.0,
        about="Matching cost volume, indexed by pixel and disparity",
    )
    if penalty == "adaptive":
        d.input(
            "reference_image",
            "float",
            (*lead, rows, cols),
            0.0,
            1.0,
            about="Grayscale reference image",
        )
    if mask:
        about = "Validity mask, 0 for pixels without a matching cost"
        d.mask("valid", "int", (*lead, rows, cols), about=about)
    fields = {"p1": fill(1.0, 3.0), "p2": fill(8.0, 12.0)}
    if penalty == "adaptive":
        fields |= {"p2_min": fill(3.5, 5.0), "gradient_scale": fill(2.0, 5.0)}
    fields["max_cost"] = fill(18.0, 22.0)
    params = piece(_PARAMS + "".join(f"    {name}: float\n" for name in fields))
    d.struct("params", params, fields, about="Semi-global matching parameters")
    d.output(
        "path_cost",
        "float",
        volume,
        about="Path cost at each pixel and disparity" + (", not written for invalid pixels" if mask else ""),
    )
    if sum_up:
        d.inout("total_cost", "float", volume, 0.0, 10.0, about="Total cost over all path directions so far")
    if winner:
        d.output(
            "best_disparity",
            "int",
            (*lead, rows, cols),
            about=f"Disparity with the lowest {'total' if sum_up else 'path'} cost"
            + (", -1 if invalid" if mask else ""),
        )
    way = {
        "right": "from left to right",
        "left": "from right to left",
        "down": "from top to bottom",
        "up": "from bottom to top",
        "down right": "diagonally down and right",
        "up right": "diagonally up and right",
    }[direction]
    more = ["accumulates them over directions"] * sum_up + [
        f"selects the disparity with the lowest {'total' if sum_up else 'path'} cost"
    ] * winner
    also = {0: "", 1: f" and {' '.join(more)}", 2: f", {' and '.join(more)}"}[len(more)]
    d.says(f"Aggregates stereo matching costs along paths {way}{also}.")
    d.forward_only()
    starts, (dr, dc) = _PATHS[direction]
    paths = {"rows": rows, "columns": cols, "border": rows + cols - 1}[starts]
    begin = {
        "rows": f"row = int(path)\ncol = int({'0' if dc > 0 else 'width - 1'})",
        "columns": f"row = int({'0' if dr > 0 else 'height - 1'})\ncol = int(path)",
        "border": f"""
            # Diagonal paths start at the left and {"top" if dr > 0 else "bottom"} borders
            row = int({"path" if dr > 0 else "height - 1 - path"})
            col = int(0)
            if path >= height:
                row = {"0" if dr > 0 else "height - 1"}
                col = path - height + 1
            """,
    }[starts]
    d.function(
        f'''
        @wp.func
        def smoothed_cost(
            path_cost: wp.array{o + 3}d(dtype=float),
            $view
            prev_row: int,
            prev_col: int,
            disparity: int,
            lowest: float,
            p1: float,
            p2: float,
        ) -> float:
            """Return the minimum path cost from the previous pixel, relative to that pixel's lowest cost."""
            num_disparities = path_cost.shape[{o + 2}]
            # Same disparity, or an arbitrary jump with penalty P2
            best = wp.min(path_cost[{b}prev_row, prev_col, disparity], lowest + p2)
            # Slanted surfaces: a one-step change costs P1
            if disparity > 0:
                best = wp.min(best, path_cost[{b}prev_row, prev_col, disparity - 1] + p1)
            if disparity < num_disparities - 1:
                best = wp.min(best, path_cost[{b}prev_row, prev_col, disparity + 1] + p1)
            $more
            # Subtract the minimum to keep path costs bounded
            return best - lowest
        ''',
        view="view: int," if batched else "",
        more=f"""
            # Two-step changes are cheaper than arbitrary jumps
            if disparity > 1:
                best = wp.min(best, path_cost[{b}prev_row, prev_col, disparity - 2] + 0.5 * (p1 + p2))
            if disparity < num_disparities - 2:
                best = wp.min(best, path_cost[{b}prev_row, prev_col, disparity + 2] + 0.5 * (p1 + p2))
            """
        if penalty == "second order"
        else "",
    )
    inside = {
        "right": "col < width",
        "left": "col >= 0",
        "down": "row < height",
        "up": "row >= 0",
        "down right": "row < height and col < width",
        "up right": "row >= 0 and col < width",
    }[direction]
    sizes = [
        f"{name} = matching_cost.shape[{o + axis}]"
        for axis, name in enumerate(("height", "width"))
        if name in begin + inside
    ]
    d.launch(*lead, paths)
    d.code(
        f"""
        {"view, path" if batched else "path"} = wp.tid()
        $sizes
        num_disparities = matching_cost.shape[{o + 2}]
        $begin

        # First pixel of the path
        prev_row = int(-1)
        prev_col = int(-1)
        lowest = float(0.0)
        while $inside:
            $invalid
            $penalty
            next_lowest = float(1.0e10)
            $track
            for disparity in range(num_disparities):
                # Truncate the cost, since occluded pixels have no match
                cost = wp.min(matching_cost[{b}row, col, disparity], params.max_cost)
                if prev_row >= 0:
                    cost += smoothed_cost(
                        path_cost, {b}prev_row, prev_col, disparity, lowest, params.p1, $p2
                    )
                path_cost[{b}row, col, disparity] = cost
                $sum
                if cost < next_lowest:
                    next_lowest = cost
                    $better
                $best_total
            lowest = next_lowest
            $winner
            prev_row = row
            prev_col = col
            $advance
        """,
        sizes="\n".join(sizes),
        begin=begin,
        invalid=f"""
            # Invalid pixels break the path, so restart after them
            if valid[{b}row, col] == 0:
                $lost
                prev_row = -1
                $advance
                continue
            """
        if mask
        else "",
        lost=f"best_disparity[{b}row, col] = -1" if winner else "",
        penalty=f"""
            p2 = float(params.p2)
            if prev_row >= 0:
                # Reduce the penalty across intensity edges, where depth discontinuities are likely
                contrast = wp.abs(reference_image[{b}row, col] - reference_image[{b}prev_row, prev_col])
                p2 = wp.max(params.p2 / (1.0 + params.gradient_scale * contrast), params.p2_min)
            """
        if penalty == "adaptive"
        else "",
        inside=inside,
        p2="p2" if penalty == "adaptive" else "params.p2",
        track=("arg_lowest = int(-1)" + "\nleast_total = float(1.0e10)" * sum_up) if winner else "",
        better="arg_lowest = disparity" if winner and not sum_up else "",
        best_total="if total < least_total:\n    least_total = total\n    arg_lowest = disparity"
        if winner and sum_up
        else "",
        winner=f"best_disparity[{b}row, col] = arg_lowest" if winner else "",
        sum=f"total = total_cost[{b}row, col, disparity] + cost\ntotal_cost[{b}row, col, disparity] = total"
        if sum_up and winner
        else f"total_cost[{b}row, col, disparity] += cost"
        if sum_up
        else "",
        advance="\n".join(
            f"{name} {'+' if step > 0 else '-'}= 1" for name, step in (("row", dr), ("col", dc)) if step
        ),
    )
    second = "L(p - r, d +- 2) + (P1 + P2) / 2, " if penalty == "second order" else ""
    d.explain(f"""
        L(p, d) = C(p, d) + min(L(p - r, d), L(p - r, d +- 1) + P1, {second}min_k L(p - r, k) + P2) - min_k L(p - r, k),
        where r is the path direction. One thread per path, from border to border.
    """)

    def agrees(v: Values, after: Values) -> None:
        full = (views if batched else 1, rows, cols, levels)
        cost = np.minimum(v.matching_cost.reshape(full), v["params.max_cost"])
        good = v.valid.reshape(full[:3]) != 0 if mask else np.ones(full[:3], bool)
        image = v.reference_image.reshape(full[:3]) if penalty == "adaptive" else np.zeros(full[:3])
        made = _aggregated(v, cost, good, image, (dr, dc), penalty)
        np.testing.assert_allclose(after.path_cost.reshape(full), made, atol=2e-3)
        if sum_up:
            np.testing.assert_allclose(
                after.total_cost.reshape(full), v.total_cost.reshape(full) + made, atol=2e-3
            )
        if winner:
            total = v.total_cost.reshape(full) + made if sum_up else made
            best = np.where(good, total.argmin(-1), -1)
            assert np.mean(np.reshape(after.best_disparity, full[:3]) == best) > 0.95

    d.holds(agrees)


def _aggregated(v: Values, cost: Any, good: Any, image: Any, step: tuple[int, int], penalty: str) -> Any:
    """Path costs of all views, pixel by pixel in the order of the paths."""
    views, rows, cols, levels = cost.shape
    made = np.zeros_like(cost)
    far = np.abs(np.arange(levels)[:, None] - np.arange(levels)[None])
    for i in range(rows) if step[0] >= 0 else reversed(range(rows)):
        for j in range(cols) if step[1] >= 0 else reversed(range(cols)):
            a, b = i - step[0], j - step[1]
            for view in range(views):
                if not good[view, i, j]:
                    continue
                made[view, i, j] = cost[view, i, j]
                if not (0 <= a < rows and 0 <= b < cols and good[view, a, b]):
                    continue
                p1, p2 = v["params.p1"], v["params.p2"]
                if penalty == "adaptive":
                    contrast = abs(image[view, i, j] - image[view, a, b])
                    p2 = max(p2 / (1.0 + v["params.gradient_scale"] * contrast), v["params.p2_min"])
                price = np.select([far == 0, far == 1], [0.0, p1], p2)
                if penalty == "second order":
                    price = np.where(far == 2, 0.5 * (p1 + p2), price)
                before = made[view, a, b]
                made[view, i, j] += (np.minimum(before[None] + price, before.min() + p2)).min(
                    1
                ) - before.min()
    return made
