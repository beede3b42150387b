"""Orders of cells along curves, and codes of neighbours that differ in one bit."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.bitwise import DOMAIN
from warpgen.synthesis.library import words
from warpgen.synthesis.writing.draft import Draft, Values


def _interleaved(cells: Any, width: int) -> Any:
    """Morton codes of cells (n, dim), the first axis in the lowest bit."""
    b = words.bits(cells, width)  # n, dim, width
    return words.joined(np.swapaxes(b, 1, 2).reshape(len(b), -1)).astype(np.uint32)


@DOMAIN.algorithm(
    source="Morton 1966; Karras 2012, section 2; Giesen 2009",
    names={
        "morton_codes": "compute_morton_codes|z_order_codes|assign_codes|encode_morton",
        "x": "points|positions|centroids",
        "codes": "morton|z_codes",
        "code": "key|m|z",
        "lower": "lo|box_min|origin",
        "inv_extent": "scale|inv_size|rcp_extent",
        "p": "q|point",
    },
    adjoint="either",
    weight=5,
)
def morton_codes(d: Draft) -> None:
    """Computes Morton codes for points, clamped to a box."""
    dim = d.option("dim", 3, 2)
    source = d.option("source", "points", "boxes", "cells")
    form = d.option("form", "masks", "loop")
    box = d.option("box", "vectors", "unit")
    index = d.flag("index", 0.35)
    count = d.pick(64, 96, 128, 256)
    width = 10 if dim == 3 else d.pick(12, 16)
    axes = "xyz"[:dim]
    side = float(1 << width)
    if source == "cells":
        d.input("cells", f"vec{dim}i", count, 0, 1 << width, about="integer cell coordinates")
        load = "c = cells[tid]"
        names = [f"wp.uint32(c[{i}])" for i in range(dim)]
    else:
        vec = f"vec{dim}"
        if source == "points":
            d.input("x", vec, count, -0.1, 1.1)
            load = "p = x[tid]"
        else:
            d.input("lowers", vec, count, -1.0, 0.5, about="box lower bounds")
            d.input("uppers", vec, count, 0.5, 2.0, about="box upper bounds")
            load = "p = 0.5 * (lowers[tid] + uppers[tid])"
        if box == "vectors":
            d.param("lower", vec, -0.1, 0.1, about="domain lower bound")
            d.param("inv_extent", vec, 1.0, 1.2, about="inverse domain extent")
            load += "\np = wp.cw_mul(p - lower, inv_extent)"
        load += "\n# Clamp points outside of the domain to the boundary cells"
        for i, a in enumerate(axes):
            load += f"\n{a}i = wp.uint32(wp.clamp(p[{i}] * {side}, 0.0, {side - 1.0}))"
        names = [f"{a}i" for a in axes]
    if form == "masks":
        part = d.use(words.PART1BY1 if dim == 2 else words.PART1BY2)
        terms = [f"{part}({n})" for n in names]
        shifted = [terms[0], *(f"({t} << wp.uint32({i}))" for i, t in enumerate(terms[1:], 1))]
        body = "code = " + " | ".join(shifted)
    else:
        body = f"code = wp.uint32(0)\nfor bit in range({width}):\n    b = wp.uint32(bit)\n"
        for i, n in enumerate(names):
            place = f"wp.uint32({dim}) * b" + (f" + wp.uint32({i})" if i else "")
            body += f"    code = code | ((({n} >> b) & wp.uint32(1)) << ({place}))\n"
    if index:
        d.output("keys", "uint64", count)
        store = (
            "# Append the index to break ties between duplicate keys (Karras 2012)\n"
            "keys[tid] = (wp.uint64(code) << wp.uint64(32)) | wp.uint64(tid)"
        )
    else:
        d.output("codes", "uint32", count)
        store = "codes[tid] = code"
    d.launch(count)
    d.code("tid = wp.tid()\n$load\n$body\n$store", load=load, body=body.rstrip(), store=store)
    domain = "a box" if box == "vectors" else "the unit cube" if dim == 3 else "the unit square"
    noun = {
        "points": f"point, clamped to {domain}",
        "boxes": f"box using its center, clamped to {'a domain' if box == 'vectors' else domain}",
        "cells": "grid cell",
    }[source]
    d.says(
        f"Computes the Morton code for each {noun}{', with the index stored in the low 32 bits' if index else ''}."
    )
    d.explain(f"""
        Interleaves {width} bits per axis, with x in the lowest bit, so that points which are close in
        space mostly get similar codes.
    """)

    def reference(v: Values) -> dict[str, Any]:
        if source == "cells":
            cells = v.cells
        else:
            p = v.x if source == "points" else 0.5 * (v.lowers + v.uppers)
            p = p.astype(np.float32)
            if box == "vectors":
                p = (p - v.lower.astype(np.float32)) * v.inv_extent.astype(np.float32)
            cells = np.clip(p * np.float32(side), 0, side - 1).astype(np.int64)
        code = _interleaved(cells, width)
        if index:
            return {"keys": (code.astype(np.uint64) << np.uint64(32)) | np.arange(count, dtype=np.uint64)}
        return {"codes": code}

    d.check(reference)


@DOMAIN.algorithm(
    source="Morton 1966; Raman & Wise 2008, Converting to and from dilated integers",
    names={
        "codes": "keys|morton|z_codes",
        "cells": "coords|cell_coords",
        "levels": "levels_up|num_levels",
        "m": "code|key|c",
    },
    adjoint="either",
    weight=6,
)
def morton_cells(d: Draft) -> None:
    """Decodes Morton codes to cell coordinates."""
    dim = d.option("dim", 3, 2)
    form = d.option("form", "masks", "loop")
    what = d.option("what", "cells", "centers", "neighbor", "parent")
    store = d.option("store", "vector", "arrays")
    d.calls(
        {
            "cells": "morton_cells|decode_morton|morton_decode|cells_of_codes",
            "centers": "cell_centers|morton_centers|decode_centers",
            "neighbor": "morton_neighbors|neighbor_cells|adjacent_cells",
            "parent": "parent_cells|morton_parents|ancestor_cells",
        }[what]
    )
    count = d.pick(64, 96, 128, 256)
    width = 10 if dim == 3 else 12
    axes = "xyz"[:dim]
    d.input("codes", "uint32", count, 0, 1 << (dim * width))
    if form == "masks":
        compact = d.use(words.COMPACT1BY1 if dim == 2 else words.COMPACT1BY2)
        body = "\n".join(
            f"{a} = int({compact}({f'm >> wp.uint32({i})' if i else 'm'}))" for i, a in enumerate(axes)
        )
    else:

        def step(i: int) -> str:
            return f"wp.uint32({dim} * b + {i})" if i else f"wp.uint32({dim} * b)"

        body = "\n".join(f"{a} = int(0)" for a in axes) + f"\nfor b in range({width}):\n"
        for i, a in enumerate(axes):
            body += f"    {a} = {a} | (int((m >> {step(i)}) & wp.uint32(1)) << b)\n"
    load = "m = codes[tid]"
    if what == "parent":
        d.param("levels", "int", 1, 4, about="number of tree levels to go up")
        load += f"\n# One {'octree' if dim == 3 else 'quadtree'} level corresponds to {dim} bits"
        load += f"\nm = m >> wp.uint32({dim} * levels)"
        d.says("Decodes Morton codes to their ancestor cells, a given number of levels up the tree.")
    if what == "neighbor":
        axis = d.pick(*range(dim))
        mask = sum(1 << (dim * b + axis) for b in range(width))
        load += f"""
        # one step along {"xyz"[axis]} without decoding: set the other axes' bits to propagate the carry
        m = (((m | ~AXIS_MASK) + wp.uint32(1)) & AXIS_MASK) | (m & ~AXIS_MASK)"""
        load = load.replace("        ", "")
        d.module(f"AXIS_MASK = wp.constant(wp.uint32({mask:#010x}))")
        d.says(
            f"Decodes the neighboring cell in +{'xyz'[axis]} direction from Morton codes on a periodic grid."
        )
    if what == "centers":
        d.param("h", "float", 0.01, 0.1, about="cell size")
        values, kind = [f"(float({a}) + 0.5) * h" for a in axes], "float"
        d.says("Decodes Morton codes to cell centers.")
    else:
        values, kind = list(axes), "int"
    if store == "vector":
        type = f"vec{dim}" if kind == "float" else f"vec{dim}i"
        made = "centers" if what == "centers" else "cells"
        d.output(made, type, count, about="" if what == "centers" else "integer cell coordinates")
        ending = f"{made}[tid] = wp.{type}({', '.join(values)})"
    else:
        made = "center" if what == "centers" else "cell"
        for a in axes:
            d.output(f"{made}_{a}", kind, count)
        ending = "\n".join(f"{made}_{a}[tid] = {value}" for a, value in zip(axes, values, strict=True))
    d.launch(count)
    d.code("tid = wp.tid()\n$load\n$body\n$ending", load=load, body=body.rstrip(), ending=ending)

    def reference(v: Values) -> dict[str, Any]:
        m = v.codes.astype(np.int64)
        if what == "parent":
            m = m >> (dim * int(v.levels))
        b = words.bits(m, dim * width).reshape(count, width, dim)
        cells = words.joined(np.swapaxes(b, 1, 2)).astype(np.int64)
        if what == "neighbor":
            cells[:, axis] = (cells[:, axis] + 1) % (1 << width)
        places = (cells + 0.5) * v.h if what == "centers" else cells
        if store == "vector":
            return {made: places}
        return {f"{made}_{a}": places[:, i] for i, a in enumerate(axes)}

    d.check(reference)


@DOMAIN.algorithm(
    source="Hilbert 1891; Warren 2012, Hacker's Delight, chapter 16",
    names={
        "index": "h|distance|key",
        "order": "levels|bits|depth",
        "cells": "coords|places|xy",
        "s": "half|side|step",
    },
    adjoint="either",
    weight=2,
)
def hilbert_curve(d: Draft) -> None:
    """Converts between 2D cell coordinates and Hilbert curve indices."""
    way = d.option("way", "to index", "to cell")
    layout = d.option("layout", "vector", "two arrays")
    loop = d.option("loop", "while", "for")
    turn = d.option("turn", "inline", "function")
    launch = d.flag("grid", 0.3) and way == "to index"
    d.calls(
        {
            "to index": "hilbert_index|hilbert_encode|cells_to_hilbert|hilbert_order",
            "to cell": "hilbert_cells|hilbert_decode|hilbert_to_cells",
        }[way]
    )
    count = d.pick(64, 96, 128, 200)
    order = d.pick(4, 5, 6)
    d.says(
        "Computes the Hilbert curve index for each 2D cell."
        if way == "to index"
        else "Computes the 2D cell for each Hilbert curve index."
    )
    n = 1 << order
    flip = "n - 1" if way == "to index" else "s - 1"
    if turn == "function":
        d.function("""
            @wp.func
            def rotate_quadrant(n: int, x: int, y: int, rx: int, ry: int):
                if ry != 0:
                    return x, y
                if rx == 1:
                    return n - 1 - y, n - 1 - x
                return y, x
        """)
        turned = f"x, y = rotate_quadrant({flip[:1]}, x, y, rx, ry)"
    else:
        turned = f"""
        # Rotate and reflect the quadrant
        if ry == 0:
            if rx == 1:
                x = {flip} - x
                y = {flip} - y
            swap = x
            x = y
            y = swap
        """
    if way == "to index":
        if launch:
            d.output("index", "int", (n, n))
            load = "i, j = wp.tid()\nx = i\ny = j"
            put = "index[i, j] = h"
            d.param("order", "int", order, about="curve order (number of levels)")
        elif layout == "vector":
            d.input("cells", "vec2i", count, 0, n, about="integer cell coordinates")
            load = "tid = wp.tid()\ncell = cells[tid]\nx = cell[0]\ny = cell[1]"
        else:
            d.input("cell_x", "int", count, 0, n)
            d.input("cell_y", "int", count, 0, n)
            load = "tid = wp.tid()\nx = cell_x[tid]\ny = cell_y[tid]"
        if not launch:
            d.param("order", "int", order, about="curve order (number of levels)")
            d.output("index", "int", count)
            put = "index[tid] = h"
        inner = """
        rx = 1 if (x & s) != 0 else 0
        ry = 1 if (y & s) != 0 else 0
        h += s * s * ((3 * rx) ^ ry)
        $turned
        """
        if loop == "while":
            body = "s = n >> 1\nwhile s > 0:\n    $inner\n    s = s >> 1"
        else:
            body = "for level in range(order):\n    s = 1 << (order - 1 - level)\n    $inner"
        text = "$load\nn = 1 << order\nh = int(0)\n$body\n$put"
    else:
        d.input("index", "int", count, 0, n * n)
        d.param("order", "int", order, about="curve order (number of levels)")
        if layout == "vector":
            d.output("cells", "vec2i", count, about="integer cell coordinates")
            put = "cells[tid] = wp.vec2i(x, y)"
        else:
            d.output("cell_x", "int", count)
            d.output("cell_y", "int", count)
            put = "cell_x[tid] = x\ncell_y[tid] = y"
        load = "tid = wp.tid()\nt = index[tid]"
        inner = """
        rx = 1 & (t >> 1)
        ry = 1 & (t ^ rx)
        $turned
        x += s * rx
        y += s * ry
        t = t >> 2
        """
        body = (
            "s = int(1)\nwhile s < (1 << order):\n    $inner\n    s = s << 1"
            if loop == "while"
            else "for level in range(order):\n    s = 1 << level\n    $inner"
        )
        text = "$load\nx = int(0)\ny = int(0)\n$body\n$put"
    d.launch(*((n, n) if launch else (count,)))
    d.code(text, load=load, body=body, inner=inner, turned=turned, put=put)

    def curve(size: int) -> Any:
        """Cells along the curve, each level from four copies of the one below."""
        cells = np.zeros((1, 2), np.int64)
        half = 1
        while half < size:
            swapped, far = cells[:, ::-1], 2 * half - 1
            last = np.stack([far - cells[:, 1], half - 1 - cells[:, 0]], axis=1)
            cells = np.concatenate([swapped, cells + np.array([0, half]), cells + half, last])
            half *= 2
        return cells

    def reference(v: Values) -> dict[str, Any]:
        cells = curve(n)
        place = np.zeros((n, n), np.int64)
        place[cells[:, 0], cells[:, 1]] = np.arange(n * n)
        if launch:
            return {"index": place}
        if way == "to index":
            x, y = v.cells.T if layout == "vector" else (v.cell_x, v.cell_y)
            return {"index": place[x, y]}
        found = cells[v.index]
        if layout == "vector":
            return {"cells": found}
        return {"cell_x": found[:, 0], "cell_y": found[:, 1]}

    d.check(reference)
