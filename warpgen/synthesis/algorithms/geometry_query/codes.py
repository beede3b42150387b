"""Codes that order cells along a curve, and the tree over them."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.geometry_query import DOMAIN
from warpgen.synthesis.algorithms.geometry_query.grids import NAMES
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.pieces import piece
from warpgen.synthesis.writing.trim import trim


def _spread(x: Any, gap: int) -> Any:
    """Bits of x moved apart by `gap` zeros."""
    return sum(((np.asarray(x, np.int64) >> k) & 1) << (k * (gap + 1)) for k in range(16))


EXPAND_3 = piece(
    """
@wp.func
def expand_bits(v: wp.uint32) -> wp.uint32:
    # insert two zero bits between neighboring bits, at most 10 of them
    v = (v * wp.uint32(0x00010001)) & wp.uint32(0xFF0000FF)
    v = (v * wp.uint32(0x00000101)) & wp.uint32(0x0F00F00F)
    v = (v * wp.uint32(0x00000011)) & wp.uint32(0xC30C30C3)
    v = (v * wp.uint32(0x00000005)) & wp.uint32(0x49249249)
    return v
""",
    numpy=lambda v: _spread(v, 2),
)

EXPAND_3_SHIFTS = piece(
    """
@wp.func
def part_by_two(v: wp.uint32) -> wp.uint32:
    v = v & wp.uint32(0x3FF)
    v = (v | (v << wp.uint32(16))) & wp.uint32(0x030000FF)
    v = (v | (v << wp.uint32(8))) & wp.uint32(0x0300F00F)
    v = (v | (v << wp.uint32(4))) & wp.uint32(0x030C30C3)
    v = (v | (v << wp.uint32(2))) & wp.uint32(0x09249249)
    return v
""",
    numpy=lambda v: _spread(v, 2),
)

EXPAND_2 = piece(
    """
@wp.func
def part_by_one(v: wp.uint32) -> wp.uint32:
    v = v & wp.uint32(0xFFFF)
    v = (v | (v << wp.uint32(8))) & wp.uint32(0x00FF00FF)
    v = (v | (v << wp.uint32(4))) & wp.uint32(0x0F0F0F0F)
    v = (v | (v << wp.uint32(2))) & wp.uint32(0x33333333)
    v = (v | (v << wp.uint32(1))) & wp.uint32(0x55555555)
    return v
""",
    numpy=lambda v: _spread(v, 1),
)


@DOMAIN.algorithm(
    source="Morton 1966; Karras 2012; Lauterbach et al. 2009, Fast BVH construction on GPUs",
    names=NAMES | {"morton_order": "compute_morton_codes|morton_encode|encode_cells|spatial_keys"},
    adjoint="no",
    weight=2,
)
def morton_order(d: Draft) -> None:
    """Computes Morton codes of quantized positions."""
    way = d.option("way", "multiplies", "shifts", "plane", "loop")
    source = d.option("source", "points", "boxes", "cells")
    bounds = d.option("bounds", "given", "unit")
    result = d.option("result", "code", "code and index", "parent")
    if result == "parent":
        d.calls("parent_codes|morton_parents|parent_morton_codes")
    of = {"points": "points", "boxes": "box centers", "cells": "cells"}[source]
    if bounds == "unit" and source != "cells":
        of += f" in the unit {'square' if way == 'plane' else 'cube'}"
    if result != "parent":
        d.says(
            f"Computes Morton codes for {of}" + (" and their original indices." if "index" in result else ".")
        )
    else:
        d.says(f"Computes parent-cell Morton codes for {of}.")
    n, bits = d.pick(64, 96, 128), d.pick(8, 10)
    dim = 2 if way == "plane" else 3
    levels = 2**bits
    if source == "cells":
        d.input("cells", f"vec{dim}i", n, 0, levels, about="Grid cell coordinates")
    elif source == "points":
        inside = f" in the unit {'square' if dim == 2 else 'cube'}" if bounds == "unit" else ""
        d.input("points", f"vec{dim}", n, 0.0, 1.0, about=f"Point positions{inside}")
    else:
        d.input("box_lower", f"vec{dim}", n, 0.0, 0.5, about="Box lower bounds")
        d.input("box_upper", f"vec{dim}", n, 0.5, 1.0, about="Box upper bounds")
    if bounds == "given" and source != "cells":
        d.param("lower", f"vec{dim}", -0.2, 0.2, about="Scene lower bound")
        d.param("upper", f"vec{dim}", 0.8, 1.2, about="Scene upper bound")
    d.output("codes", "uint32", n, about="Morton codes")
    if result == "code and index":
        d.output("ids", "int", n, about="Original point index for each code")
    zero = "0.0"
    if source != "cells":
        d.module(f"CELLS = wp.constant({levels}.0)  # per axis")
    quantise = f"""
        # clamp to the grid bounds, so points on the upper bound map to a valid cell
        scaled = wp.max(wp.min(q * CELLS, wp.vec{dim}(CELLS - 1.0)), wp.vec{dim}({zero}))
        """
    q = {"points": "points[tid]", "boxes": "0.5 * (box_lower[tid] + box_upper[tid])", "cells": ""}[source]
    names = "xyz"[:dim]
    if source == "cells":
        lines = "c = cells[tid]\n" + "\n".join(f"{a} = wp.uint32(c[{k}])" for k, a in enumerate(names))
    else:
        lines = f"q = wp.cw_div({q} - lower, upper - lower)" if bounds == "given" else f"q = {q}"
        lines += "\n$quantise\n" + "\n".join(f"{a} = wp.uint32(scaled[{k}])" for k, a in enumerate(names))
    if way == "loop":
        body = f"""
            code = wp.uint32(0)
            for b in range({bits}):
                bit = wp.uint32(b)
                code = code | (((x >> bit) & wp.uint32(1)) << wp.uint32(3 * b))
                code = code | (((y >> bit) & wp.uint32(1)) << wp.uint32(3 * b + 1))
                code = code | (((z >> bit) & wp.uint32(1)) << wp.uint32(3 * b + 2))
            """
        value = "code"
    else:
        f = d.use({"multiplies": EXPAND_3, "shifts": EXPAND_3_SHIFTS, "plane": EXPAND_2}[way])
        body = ""
        value = " | ".join(f"({f}({a}) << wp.uint32({k}))" if k else f"{f}({a})" for k, a in enumerate(names))
    store = {
        "code": f"codes[tid] = {value}",
        "code and index": f"codes[tid] = {value}\nids[tid] = tid",
        "parent": "# drop the last level's bits to get the parent cell\n"
        f"codes[tid] = {value if value == 'code' else f'({value})'} >> wp.uint32({dim})",
    }[result]
    d.launch(n)
    d.code("tid = wp.tid()\n$lines\n$body\n$store", lines=lines, quantise=quantise, body=body, store=store)

    def agrees(v: Values, after: Values) -> None:
        if source == "cells":
            cell = v.cells
        else:
            p = v.points if source == "points" else 0.5 * (v.box_lower + v.box_upper)
            if bounds == "given":
                p = (p - v.lower) / (np.asarray(v.upper) - v.lower)
            cell = np.clip(p * levels, 0.0, levels - 1.0).astype(np.int64)
        code = sum(_spread(cell[:, k], dim - 1) << k for k in range(dim))
        if result == "parent":
            code = code >> dim
        same = np.asarray(after.codes).astype(np.int64) == code
        assert same.mean() > 0.95, f"{same.mean():.3f} of the codes agree"
        if result == "code and index":
            np.testing.assert_array_equal(after.ids, np.arange(n))

    d.holds(agrees)


@DOMAIN.algorithm(
    source="Karras 2012, Maximizing parallelism in the construction of BVHs, fig. 4",
    names=NAMES
    | {
        "delta": "common_prefix|lcp|prefix_length",
    },
    adjoint="no",
    weight=3,
)
def radix_tree(d: Draft) -> None:
    """Builds the internal nodes of a binary radix tree over sorted keys."""
    result = d.option("result", "children", "range", "split", "prefix")
    prefix = d.option("prefix", "loop", "search")
    ties = d.option("ties", "index", "distinct")
    keys = d.option("keys", "int", "array of one more")
    d.calls(
        {
            "children": "radix_tree|build_radix_tree|karras_tree|lbvh_hierarchy|build_internal_nodes",
            "range": "node_ranges|radix_tree_ranges|find_key_ranges",
            "split": "find_splits|radix_tree_splits|split_positions",
            "prefix": "common_prefixes|prefix_lengths|radix_tree_prefixes",
        }[result]
    )
    n = d.pick(48, 64, 96)
    d.input(
        "codes",
        "int",
        n if keys == "int" else n + 1,
        0,
        1 << (9 if ties == "index" else 20),
        "ascending",
        about="Sorted Morton codes" + (", without duplicates" if ties == "distinct" else ""),
    )
    length = n if keys == "int" else n + 1
    outs = {
        "children": (
            ("left", "Left child index per node (leaves follow the internal nodes)"),
            ("right", "Right child index per node"),
        ),
        "range": (("first", "First key index per node"), ("last", "Last key index per node")),
        "split": (("splits", "Split index per node (last key of the left child)"),),
        "prefix": (("node_prefix", "Number of leading bits shared by all keys in each node"),),
    }[result]
    for name, about in outs:
        d.output(name, "int", length - 1, about=about)
    d.says(
        {
            "children": "Computes the children of each internal node in a binary radix tree (Karras 2012).",
            "range": "Computes the key range for each internal node in a binary radix tree.",
            "split": "Computes the split position for each internal node in a binary radix tree.",
            "prefix": "Computes the common prefix length for each internal node in a binary radix tree.",
        }[result]
    )
    count = (
        """
        x = a ^ b
        bits = int(0)
        while bits < 32 and (x >> (31 - bits)) == 0:
            bits += 1
        """
        if prefix == "loop"
        else """
        x = a ^ b
        bits = int(31)
        # binary search for the highest set bit
        width = int(16)
        while width > 0:
            if (x >> width) > 0:
                bits -= width
                x = x >> width
            width = width // 2
        """
    )
    equal = (
        """
        offset = int(0)
        # break ties between equal keys using their indices
        if a == b:
            a = i
            b = j
            offset = 32
        """
        if ties == "index"
        else "# keys are unique"
    )
    d.function(
        """
        @wp.func
        def delta(codes: wp.array(dtype=int), i: int, j: int) -> int:
            # return -1 for out-of-range indices to terminate all searches
            if j < 0 or j >= codes.shape[0]:
                return -1
            a = codes[i]
            b = codes[j]
            $equal
            $count
            return $prefix
        """,
        prefix="offset + bits" if ties == "index" else "bits",
        equal=equal,
        count=count,
    )
    store = {
        "range": "first[tid] = wp.min(tid, other)\nlast[tid] = wp.max(tid, other)",
        "prefix": "node_prefix[tid] = node_delta",
        "split": "splits[tid] = split",
        "children": """
            # leaves follow the internal nodes
            first_leaf = codes.shape[0] - 1
            left[tid] = wp.where(wp.min(tid, other) == split, first_leaf + split, split)
            right[tid] = wp.where(wp.max(tid, other) == split + 1, first_leaf + split + 1, split + 1)
            """,
    }[result]
    split = (
        """
        # binary search for the split: last key sharing a longer prefix with key tid than the node prefix
        s = int(0)
        t = length
        while t > 1:
            t = (t + 1) // 2
            if delta(codes, tid, tid + (s + t) * d) > node_delta:
                s += t
        split = tid + s * d + wp.min(d, 0)
        """
        if result in ("split", "children")
        else ""
    )
    d.launch(length - 1)
    d.code(
        """
        tid = wp.tid()
        # range direction (+1 or -1), toward the neighbor with the longer common prefix
        d = wp.where(delta(codes, tid, tid + 1) > delta(codes, tid, tid - 1), 1, -1)
        least = delta(codes, tid, tid - d)
        bound = int(2)
        while delta(codes, tid, tid + bound * d) > least:
            bound *= 2
        length = int(0)
        step = bound // 2
        while step >= 1:
            if delta(codes, tid, tid + (length + step) * d) > least:
                length += step
            step = step // 2
        other = tid + length * d
        node_delta = delta(codes, tid, other)
        $split
        $store
        """,
        split=split,
        store=store,
    )
    trim(d)

    def agrees(v: Values, after: Values) -> None:
        key = (
            (np.asarray(v.codes, np.int64) << 32) | np.arange(length)
            if ties == "index"
            else np.asarray(v.codes, np.int64)
        )
        if ties == "distinct" and len(np.unique(key)) < length:
            return  # the tree is only defined for keys that differ
        # top down: a range splits where its highest differing bit turns on
        node: dict[tuple[int, int], int] = {}
        found: dict[int, tuple[int, int, int]] = {}
        todo = [(0, length - 1, 0)]
        while todo:
            lo, hi, name = todo.pop()
            bit = int(key[lo] ^ key[hi]).bit_length() - 1
            cut = lo + int(np.searchsorted((key[lo : hi + 1] >> bit) & 1, 1)) - 1
            found[name] = (lo, hi, cut)
            node[lo, hi] = name
            if cut > lo:
                todo.append((lo, cut, cut))
            if cut + 1 < hi:
                todo.append((cut + 1, hi, cut + 1))
        lo, hi, cut = np.array([found[k] for k in range(length - 1)]).T
        if result == "range":
            np.testing.assert_array_equal(after.first, lo)
            np.testing.assert_array_equal(after.last, hi)
        elif result == "split":
            np.testing.assert_array_equal(after.splits, cut)
        elif result == "children":
            np.testing.assert_array_equal(after.left, np.where(lo == cut, cut + length - 1, cut))
            np.testing.assert_array_equal(after.right, np.where(hi == cut + 1, cut + length, cut + 1))
        else:
            both = key[lo] ^ key[hi]
            bits = np.array([int(x).bit_length() for x in both])
            np.testing.assert_array_equal(after.node_prefix, (64 if ties == "index" else 32) - bits)

    d.holds(agrees)
