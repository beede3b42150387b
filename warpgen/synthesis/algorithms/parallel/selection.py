"""Selections from rows: the smallest elements, or the one of a rank."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.parallel import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "keys": "sort_keys|codes",
    "row": "r|line|query",
}


@DOMAIN.algorithm(
    source="Hoare 1961 (quickselect); Knuth 5.2.1 (insertion); wp.tile_sort",
    names=_NAMES
    | {
        "row_select": "top_k_rows|select_smallest|kth_smallest",
        "x": "scores|samples|cost",
        "k": "rank|order_k|nth",
        "pivot": "p|guess|splitter",
    },
    adjoint="no",
    weight=2,
)
def row_select(d: Draft) -> None:
    """Selects the smallest elements of each row."""
    form = d.option("form", "insertion", "quickselect", "rank count", "tile sort", "bisection")
    result = d.option("result", "values", "indices")
    sense = d.option("sense", "smallest", "largest")
    layout = d.option("layout", "rows", "columns")
    m, n = d.pick(24, 32, 40), 32 if form == "tile sort" else d.pick(15, 20, 25)
    few = d.pick(3, 4, 5)
    if form in ("quickselect", "bisection"):
        result = "values"
    d.calls(
        f"kth_{sense}|select_kth_{sense}|nth_{sense}"
        if form in ("quickselect", "bisection")
        else f"{sense}_indices|indices_of_{sense}|row_{sense}_indices"
        if result == "indices"
        else f"select_{sense}|{sense}_of_rows|{sense}_per_row"
    )
    if form == "tile sort":
        layout = "rows"

    def at(j: str) -> str:
        return f"x[row, {j}]" if layout == "rows" else f"x[{j}, row]"

    shape = (m, n) if layout == "rows" else (n, m)
    before, after = ("<", ">=") if sense == "smallest" else (">", "<=")
    count = f"x.shape[{1 if layout == 'rows' else 0}]"
    if form == "quickselect":
        d.inout("x", "float", shape, -1.0, 1.0)
    else:
        # Warp sorts no tiles of doubles, which floats are held to
        key, low, high = ("int", -500000000, 500000000) if form == "tile sort" else ("float", -1.0, 1.0)
        d.input("x", key, shape, low, high)
    if form in ("quickselect", "bisection"):
        d.param("k", "int", 1, n - 2, about="zero-based rank of the element to find")
        if form == "bisection":
            d.param("lowest", "float", -1.0, about="lower bound on all values")
            d.param("highest", "float", 1.0, about="upper bound on all values")
            d.param("steps", "int", 32, about="number of bisection steps")
        d.output("kth", "float", m, about=f"selected element per {layout[:-1]}")
    else:
        name, kind = (
            ("best", "int" if form == "tile sort" else "float") if result == "values" else ("which", "int")
        )
        if form == "insertion":
            d.inout(
                "best",
                "float",
                (m, few),
                value=10.0 if sense == "smallest" else -10.0,
                about=f"{sense} elements, initialized to a sentinel beyond all values",
            )
            if result == "indices":
                d.inout(
                    "which",
                    "int",
                    (m, few),
                    value=-1.0,
                    about=f"{'column' if layout == 'rows' else 'row'} indices of the selected elements",
                )
        else:
            d.output(name, kind, (m, few))
    if form == "insertion":
        shift = "best[row, slot] = best[row, slot - 1]"
        place = "best[row, slot] = v"
        if result == "indices":
            shift += "\nwhich[row, slot] = which[row, slot - 1]"
            place += "\nwhich[row, slot] = j"
        d.launch(m)
        d.code(
            f"""
            row = wp.tid()
            kept = best.shape[1]
            for j in range({count}):
                v = {at("j")}
                # Early out: not among the best so far
                if v {after} best[row, kept - 1]:
                    continue
                slot = kept - 1
                while slot > 0 and v {before} best[row, slot - 1]:
                    $shift
                    slot -= 1
                $place
            """,
            shift=shift,
            place=place,
        )
        also = " and their indices" if result == "indices" else ""
        d.says(f"Selects the {sense} elements in each row{also} in sorted order using insertion.")
    elif form == "rank count":
        store = "best[row, rank] = v" if result == "values" else "which[row, rank] = j"
        d.module(f"KEEP = wp.constant({few})")
        d.launch(m, n)
        d.code(
            f"""
            row, j = wp.tid()
            v = {at("j")}
            rank = int(0)
            for other in range({count}):
                u = {at("other")}
                # Break ties by index
                if u {before} v or (u == v and other < j):
                    rank += 1
            if rank < KEEP:
                {store}
            """
        )
        what = "indices of the " if result == "indices" else ""
        d.says(
            f"Selects the {what}{sense} elements in each row in sorted order by computing the rank of each element."
        )
    elif form == "tile sort":
        d.module(f"COLS = wp.constant({n})\nKEEP = wp.constant({few})")
        flip = "keys = keys * -1" if sense == "largest" else ""
        value = {"values": "-keys[j]" if sense == "largest" else "keys[j]", "indices": "order[j]"}[result]
        d.launch(m, tiled=True)
        d.code(
            f"""
            row = wp.tid()
            keys = wp.tile_load(x[row], shape=COLS, storage="shared")
            $flip
            order = wp.tile_arange(COLS, dtype=int, storage="shared")
            # $payload
            wp.tile_sort(keys, order)
            for j in range(KEEP):
                {name}[row, j] = {value}
            """,
            flip=flip,
            payload="Sort indices along with the keys"
            if result == "indices"
            else "wp.tile_sort requires a payload even if only the keys are needed",
        )
        what = "indices of the " if result == "indices" else ""
        d.says(f"Selects the {what}{sense} elements in each row using a tile sort.")
    elif form == "quickselect":
        d.launch(m)
        d.code(
            f"""
            row = wp.tid()
            lo = int(0)
            hi = {count} - 1
            while lo < hi:
                pivot = {at("k")}
                i = lo
                j = hi
                # Hoare partition: move both ends inward and swap misplaced elements
                while i <= j:
                    while {at("i")} {before} pivot:
                        i += 1
                    while pivot {before} {at("j")}:
                        j -= 1
                    if i <= j:
                        t = {at("i")}
                        {at("i")} = {at("j")}
                        {at("j")} = t
                        i += 1
                        j -= 1
                # Continue in the partition that contains the k-th element
                if j < k:
                    lo = i
                if k < i:
                    hi = j
            kth[row] = {at("k")}
            """
        )
        d.says(
            f"Finds the k-th {sense} element in each row using in-place quickselect, which reorders the row."
        )
    else:
        test = "v <= mid" if sense == "smallest" else "v > mid"
        turn = "count > k" if sense == "smallest" else "count <= k"
        d.launch(m)
        d.code(
            f"""
            row = wp.tid()
            # Shrink the bracket around the k-th value
            lo = lowest
            hi = highest
            for step in range(steps):
                mid = 0.5 * (lo + hi)
                count = int(0)
                for j in range({count}):
                    v = {at("j")}
                    if {test}:
                        count += 1
                if {turn}:
                    hi = mid
                else:
                    lo = mid
            kth[row] = hi
            """
        )
        d.says(f"Finds the k-th {sense} element in each row by bisection over the value range.")
    if layout == "columns":
        d.sentence = d.sentence.replace("each row", "each column")
        d.name = d.name.replace("rows", "columns").replace("row", "column")
        d.text = re.sub(r"\brow\b", "col", d.text)

    def reference(v: Values) -> dict[str, Any]:
        x = v.x if layout == "rows" else v.x.T
        order = np.argsort(x if sense == "smallest" else -x, axis=1, kind="stable")
        sorted_ = np.take_along_axis(x, order, axis=1)
        made = {"best": sorted_[:, :few], "which": order[:, :few]}
        if "k" in v:
            made["kth"] = sorted_[:, v.k]
        return {p.name: made[p.name] for p in d.parameters if p.name in made}

    d.check(reference)
