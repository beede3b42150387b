"""Small builtins in the places where people use them."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.language import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Warp manual, Scalar Math and Utility",
    names={
        "toggle_bits": "flip_cells|toggle_cells|parity_map",
        "words": "bitset|bits|occupancy",
        "cells": "cell_ids|indices|touched",
        "out": "result|y|values_out",
    },
    adjoint="no",
    weight=7,
)
def toggle_bits(d: Draft) -> None:
    """Toggles cell bits in a shared bitset; cells toggled twice are cleared again."""
    d.says("Toggles cell bits in a shared bitset; toggling twice restores the original state.")
    guard = d.option("skip", "sentinel", "changed", "range")
    spelled = d.option("spelled", "call", "operator")
    width = d.option("word", "uint32", "int")
    old = d.option("result", "set", "set and previous")
    batch = d.flag("worlds", 0.4)
    n, count = d.pick(48, 64), 6
    top = count * (32 if width == "uint32" else 31)
    at = "world, tid" if batch else "tid"
    shape: Any = (2, n) if batch else n
    words: Any = (2, count) if batch else count
    if guard == "changed":
        d.mask("changed", "bool", n, about="False for elements that stayed in their cell")
    d.input(
        "cells",
        "int",
        shape,
        -3 if guard == "sentinel" else 0,
        top + (8 if guard == "range" else 0),
        about="cell indices to toggle, negative indices are ignored"
        if guard == "sentinel"
        else "cell indices to toggle",
    )
    d.inout("words", width, words, value=0, about="one bit per cell")
    if old == "set and previous" and spelled == "call":
        d.output("was_set", "bool", shape, about="True if the bit was set before")
    bits = 32 if width == "uint32" else 31
    test = {
        "sentinel": "if cell < 0:\n    return",
        "changed": "if not changed[tid]:\n    return",
        "range": f"# Skip out-of-range cells\nif cell >= {bits} * words.shape[{1 if batch else 0}]:\n    return",
    }[guard]
    why = "" if width == "uint32" else "# Use 31 cells per signed word to avoid the sign bit\n"
    one = "wp.uint32(1) << wp.uint32(cell % 32)" if width == "uint32" else "1 << (cell % 31)"
    place = ("world, " if batch else "") + "word"
    if spelled == "call":
        keep = old == "set and previous"
        flip = f"{'before = ' if keep else ''}wp.atomic_xor(words, {place}, bit)"
        if keep:
            zero = "wp.uint32(0)" if width == "uint32" else "0"
            flip += f"\nwas_set[{at}] = (before & bit) != {zero}"
    else:
        flip = f"words[{place}] ^= bit"
    d.launch(*((2, n) if batch else (n,)))
    d.code(
        f"{at} = wp.tid()\ncell = cells[{at}]\n$test\n{why}word = cell // {bits}\nbit = {one}\n$flip",
        test=test,
        flip=flip,
    )

    def agree(before: Values, after: Values) -> None:
        cells = before.cells.reshape(-1, n)
        kept = (cells >= 0) & (cells < top)
        if guard == "changed":
            kept &= before.changed
        found = np.asarray(after.words).reshape(-1, count).astype(np.int64) & 0xFFFFFFFF
        for world, row in enumerate(cells):
            times = np.bincount(row[kept[world]], minlength=top)
            bits_ = found[world][:, None] >> np.arange(bits) & 1
            np.testing.assert_array_equal(bits_.ravel()[:top], times % 2)
            if "was_set" in after:
                seen = after.was_set.reshape(-1, n)[world][kept[world]]
                assert seen.sum() == (times // 2).sum(), "the previous state is wrong"

    d.holds(agree)


@DOMAIN.algorithm(
    source="Warp manual, Scalar Math; Linear Algebra; Arrays",
    names={
        "small_builtins": "builtin_tour|scalar_idioms|one_liners",
        "x": "values|samples|data",
        "m": "matrices|jacobians|blocks",
        "out": "result|y|values_out",
    },
    weight=11,
)
def small_builtins(d: Draft) -> None:
    """Computes a simple elementwise operation."""
    kind = d.option("kind", "phase", "ring", "count", "solve", "length", "whole", "sign", "edge", "quantile")
    guard = d.option("skip", "none", "range", weights=(0.65, 0.35))
    form = d.option("form", "array", "function")
    n = d.pick(32, 48, 64)
    if kind in ("phase", "count", "whole", "edge"):
        d.forward_only()  # they jump, or have no slope
    matrix = kind == "solve"
    d.says({
        "phase": "Wraps non-negative phases in cycles to [0, 1).",
        "ring": "Looks up ring buffer entries by age.",
        "count": "Counts the nonzero components of each vector.",
        "solve": "Solves small linear systems using QR decomposition.",
        "length": "Computes the deviation of the last sample in each row from the row mean.",
        "whole": "Splits values into integer and fractional parts.",
        "sign": "Copies the sign of one array to the magnitudes of another.",
        "edge": "Counts the thresholds passed by each sample.",
        "quantile": "Converts probabilities to standard normal quantiles.",
    }[kind])  # fmt: skip
    d.calls({
        "phase": "wrap_phases|phase_in_cycle",
        "ring": "read_ring|ring_by_age|oldest_last",
        "count": "count_nonzero|nonzero_components",
        "solve": "solve_qr|qr_solve",
        "length": "deviation_from_mean|last_deviations|distance_from_mean",
        "whole": "split_fractions|whole_and_fraction",
        "sign": "copy_signs|apply_signs",
        "edge": "count_thresholds|quantize_levels",
        "quantile": "normal_quantile|probit|inverse_normal",
    }[kind])  # fmt: skip
    if matrix:
        d.input("m", "mat33", n, 0.5, 2.0, kind="spd", about="system matrices")
        d.input("b", "vec3", n, -1.0, 1.0, about="right-hand sides")
    elif kind == "count":
        d.input("x", "vec3i", n, -1, 2, about="integer vectors")
    elif kind == "length":
        d.input("x", "float", (n, d.pick(6, 8)), -2.0, 2.0, about="samples, one row per element")
    else:
        told = {
            "phase": "non-negative phases [cycles]", "ring": "ring buffer", "whole": "values to split", "sign": "magnitudes",
            "edge": "samples", "quantile": "probabilities",
        }[kind]  # fmt: skip
        low, high = {"quantile": (0.05, 0.95), "phase": (0.0, 4.0)}.get(kind, (-2.0, 2.0))
        d.input("x", "float", n, low, high, about=told)
    if kind == "sign":
        d.input("signs", "float", n, -1.0, 1.0, about="values providing the signs")
    elif kind == "edge":
        d.input("thresholds", "float", 5, -1.5, 1.5, about="threshold levels")
    elif kind == "ring":
        d.param("newest", "int", 3, about="index of the newest entry")
    if guard == "range":
        d.param("count", "int", n - 8, about="number of elements to process")
    d.output(
        "out",
        {"solve": "vec3", "count": "int", "whole": "vec2"}.get(kind, "float"),
        n,
        about={
            "phase": "phases in [0, 1)",
            "ring": "entries by age, newest first",
            "count": "number of nonzero components",
            "solve": "solutions",
            "length": "deviation of the last sample of each row",
            "whole": "integer and fractional part",
            "sign": "magnitudes with copied signs",
            "edge": "number of thresholds passed",
            "quantile": "quantiles",
        }[kind],
    )
    lines, value = {
        "phase": ("", "wp.frac(x[tid])"),
        "ring": ("# Age 0 is the newest entry\nplace = (newest - tid + len(x)) % len(x)", "x[place]"),
        "count": ("v = x[tid]", "wp.nonzero(v[0]) + wp.nonzero(v[1]) + wp.nonzero(v[2])"),
        "solve": ("q, r = wp.qr3(m[tid])\n# R is upper triangular: back substitution\ny = wp.transpose(q) * b[tid]\n"
                  "z = y[2] / r[2, 2]\nw = (y[1] - r[1, 2] * z) / r[1, 1]", "wp.vec3((y[0] - r[0, 1] * w - r[0, 2] * z) / r[0, 0], w, z)"),
        "length": ("row = x[tid]", "row[len(row) - 1] - mean_of(row)"),
        "whole": ("v = x[tid]\nwhole = wp.trunc(v)", "wp.vec2(whole, v - whole)"),
        "sign": ("", "wp.copysign(x[tid], signs[tid])"),
        "edge": ("", "levels_passed(x[tid], thresholds)"),
        "quantile": ("# Standard normal quantile: sqrt(2) erfinv(2 p - 1)", "wp.sqrt(2.0) * wp.erfinv(2.0 * x[tid] - 1.0)"),
    }[kind]  # fmt: skip
    if kind == "length":
        d.function("""
            @wp.func
            def mean_of(x: wp.array(dtype=float)) -> float:
                acc = float(0.0)
                for i in range(len(x)):
                    acc += x[i]
                return acc / float(len(x))
        """)
    elif kind == "edge":
        d.function("""
            @wp.func
            def levels_passed(v: float, thresholds: wp.array(dtype=float)) -> float:
                passed = float(0.0)
                for k in range(len(thresholds)):
                    # step(z) is 1 for z < 0
                    passed += 1.0 - wp.step(v - thresholds[k])
                return passed
        """)
    test = {
        "none": "",
        "range": "if tid >= count:\n    return",
    }[guard]
    if form == "function" and kind in ("quantile", "count"):
        inner = value.replace("x[tid]", "v")
        inner_name, head = {"quantile": ("probit_of", "v: float"), "count": ("nonzeros", "v: wp.vec3i")}[kind]
        comment = f"    {lines}\n" if lines.startswith("#") else ""
        d.function(f"@wp.func\ndef {inner_name}({head}):\n{comment}    return {inner}")
        lines, value = "", f"{inner_name}(x[tid])"
    d.launch(n)
    d.code("tid = wp.tid()\n$test\n$lines\nout[tid] = $value", test=test, lines=lines, value=value)

    def reference(v: Values) -> dict[str, Any]:
        there: Any = np.ones(n, bool)
        if guard == "range":
            there = np.arange(n) < v.count
        if kind == "solve":
            made = np.linalg.solve(v.m, v.b[..., None])[..., 0]
        else:
            x = v.x
            made = {
                "phase": lambda: x % 1.0,
                "ring": lambda: x[(v.newest - np.arange(n)) % n],
                "count": lambda: (x != 0).sum(axis=1),
                "length": lambda: x[:, -1] - x.mean(axis=1),
                "whole": lambda: np.stack([np.trunc(x), x - np.trunc(x)], axis=1),
                "sign": lambda: np.copysign(x, v.signs),
                "edge": lambda: (x[:, None] >= v.thresholds).sum(axis=1).astype(float),
                "quantile": lambda: np.array([NormalDist().inv_cdf(float(p)) for p in x]),
            }[kind]()
        return {"out": made * (there[:, None] if made.ndim == 2 else there)}

    d.check(reference, 2e-3)
