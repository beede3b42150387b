"""Multigrid: fields between grids of different spacing."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.stencil import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Briggs, Henson & McCormick 2000, A Multigrid Tutorial, ch. 3",
    names={
        "restrict_residual": "restriction|restrict_grid|coarsen|fine_to_coarse",
        "fine": "fine_residual|fine_field",
        "coarse": "coarse_residual|coarse_field",
    },
    double=True,
    weight=3,
)
def restrict_residual(d: Draft) -> None:
    """Restricts a field to the next coarser grid."""
    ndim = d.option("dimension", 1, 2, 3)
    kind = d.option(
        "kind",
        "full weighting",
        "cell average",
        "half weighting",
        "injection",
        weights=(0.35, 0.3, 0.2, 0.15),
    )
    edges = d.option("edges", "interior", "return")
    scaled = d.flag("scaled", 0.3)
    cell = kind == "cell average"
    m = {1: d.pick(24, 32, 48), 2: d.pick(8, 10, 12), 3: d.pick(4, 5, 6)}[ndim]
    size = 2 * m if cell else 2 * m - 1
    how = "cell averaging" if cell else kind
    d.says(f"Restricts a field to the next coarser grid using {how}{' with scaling' if scaled else ''}.")
    d.input("fine", "float", (size,) * ndim, -1.0, 1.0, about="Values on the fine grid")
    if scaled:
        d.param(
            "factor",
            "float",
            1.0,
            4.0,
            about="Scale factor for the coarse right-hand side, 4 if both levels omit 1 / h^2",
        )
    d.output("coarse", "float", (m,) * ndim, about="Values on the coarse grid")
    letters = "ijk"[:ndim]
    inner = not cell and kind != "injection" and edges == "interior"
    lines = [f"{', '.join(('t' + c if inner else c) for c in letters)} = wp.tid()"]
    if inner:
        lines.append("# Skip the boundary, since it is Dirichlet on every level")
        lines += [f"{c} = t{c} + 1" for c in letters]
    guard = not cell and kind != "injection" and not inner
    if guard:
        tests = [f"{c} == 0 or {c} == coarse.shape[{a}] - 1" for a, c in enumerate(letters)]
        lines.append("# Zero residual at the boundary, since it is Dirichlet on every level")
        lines += [f"if {' or '.join(tests)}:", f"    coarse[{', '.join(letters)}] = 0.0", "    return"]
    fine = ["fi", "fj", "fk"][:ndim]
    lines += [f"{f} = 2 * {c}" for f, c in zip(fine, letters, strict=True)]

    def at(*o: int) -> str:
        parts = [f"{f} {'+' if s > 0 else '-'} {abs(s)}" if s else f for f, s in zip(fine, o, strict=True)]
        return f"fine[{', '.join(parts)}]"

    k = " * factor" if scaled else ""
    opening, closing = ("(", ")") if scaled else ("", "")
    own = ", ".join(letters)
    if cell:
        corners = [at(*o) for o in itertools.product((0, 1), repeat=ndim)]
        rows = [" + ".join(corners[r : r + 2]) for r in range(0, len(corners), 2)]
        if len(rows) == 1:
            lines.append(f"coarse[{own}] = {1 / 2**ndim} * ({rows[0]}){k}")
        else:
            lines += [
                "children = (\n    " + "\n    + ".join(rows) + "\n)",
                f"coarse[{own}] = children * {1 / 2**ndim}{k}",
            ]
    elif kind == "injection":
        lines.append(f"coarse[{own}] = {at(*(0,) * ndim)}{k}")
    elif kind == "half weighting":
        near = []
        for a in range(ndim):
            for s in (-1, 1):
                o = [0] * ndim
                o[a] = s
                near.append(at(*o))
        lines += [
            "beside = "
            + (
                " + ".join(near)
                if len(near) < 5
                else "(\n    " + "\n    + ".join(" + ".join(near[r : r + 2]) for r in range(0, 6, 2)) + "\n)"
            )
        ]
        lines.append(
            f"coarse[{own}] = {opening}0.5 * {at(*(0,) * ndim)} + {0.5 / (2 * ndim):.10g} * beside{closing}{k}"
            if ndim != 3
            else f"coarse[{own}] = {opening}0.5 * {at(0, 0, 0)} + beside / 12.0{closing}{k}"
        )
    elif ndim == 1:
        lines.append(f"coarse[i] = {opening}0.25 * ({at(-1)} + {at(1)}) + 0.5 * {at(0)}{closing}{k}")
    elif ndim == 2:
        lines += [
            f"edge = {at(-1, 0)} + {at(1, 0)} + {at(0, -1)} + {at(0, 1)}",
            f"corner = {at(-1, -1)} + {at(-1, 1)} + {at(1, -1)} + {at(1, 1)}",
            f"coarse[i, j] = (4.0 * {at(0, 0)} + 2.0 * edge + corner) / 16.0{k}",
        ]
    else:
        lines += [
            "stencil_sum = float(0.0)",
            "for a in range(-1, 2):",
            "    for b in range(-1, 2):",
            "        for c in range(-1, 2):",
            "            # (1, 2, 1) weights along each axis",
            "            w = float((2 - wp.abs(a)) * (2 - wp.abs(b)) * (2 - wp.abs(c)))",
            "            stencil_sum += w * fine[fi + a, fj + b, fk + c]",
            f"coarse[i, j, k] = stencil_sum / 64.0{k}",
        ]
    d.launch(*((m - 2 if inner else m,) * ndim))
    d.code("\n".join(lines))

    def reference(v: Values) -> dict[str, Any]:
        field = v.fine
        if cell:
            for axis in range(ndim):
                moved = np.moveaxis(field, axis, 0)
                field = np.moveaxis((moved[::2] + moved[1::2]) / 2, 0, axis)
        elif kind == "injection":
            field = field[(slice(None, None, 2),) * ndim]
        else:
            big = np.pad(field, 1)
            around = np.zeros_like(field)
            for o in itertools.product((-1, 0, 1), repeat=ndim):
                steps = sum(map(abs, o))
                if kind == "full weighting":
                    w = 0.5 ** (ndim + steps)
                else:
                    w = 0.5 if not steps else 0.25 / ndim if steps == 1 else 0.0
                around = around + w * big[tuple(slice(1 + s, 1 + s + size) for s in o)]
            field = np.array(around[(slice(None, None, 2),) * ndim])
            inside = np.zeros_like(field)
            inside[(slice(1, -1),) * ndim] = 1
            field = field * inside
        return {"coarse": field * (v.factor if scaled else 1.0)}

    d.check(reference)


@DOMAIN.algorithm(
    source="Briggs, Henson & McCormick 2000, A Multigrid Tutorial, ch. 3",
    names={
        "prolongate_correction": "prolongation|interpolate_correction|coarse_to_fine|add_correction",
        "coarse": "coarse_values|coarse_field",
        "fine": "fine_values|fine_field",
    },
    double=True,
    weight=2,
)
def prolongate_correction(d: Draft) -> None:
    """Prolongates a coarse grid correction to the fine grid."""
    ndim = d.option("dimension", 1, 2, 3)
    kind = d.option("kind", "vertices", "cells", "constant")
    add = d.option("result", "add", "store", "damped")
    style = d.option("style", "average", "branches") if kind == "vertices" and ndim < 3 else "average"
    if add == "store":
        d.calls("prolongate|prolongation|interpolate_to_fine|coarse_to_fine")
    m = {1: d.pick(17, 25, 33), 2: d.pick(6, 7, 9), 3: d.pick(4, 5)}[ndim]
    size = 2 * m - 1 if kind == "vertices" else 2 * m
    how = {
        "vertices": "using linear interpolation between nodes",
        "cells": "using linear interpolation between cell centers",
        "constant": "which is constant per coarse cell",
    }[kind]
    share = "damped " if add == "damped" else ""
    if add == "store":
        how = how.replace("which is constant", "as a constant")
        d.says(f"Prolongates a field to the next finer grid {how}.")
    elif kind == "constant":
        d.says(f"Adds a {share}coarse grid correction, {how}, to the solution on the fine grid.")
    else:
        d.says(f"Adds a {share}coarse grid correction to the solution on the fine grid {how}.")
    what = "Field" if add == "store" else "Correction"
    d.input("coarse", "float", (m,) * ndim, -1.0, 1.0, about=f"{what} on the coarse grid")
    if add == "damped":
        d.param("weight", "float", 0.5, 0.9, about="Damping factor applied to the correction")
    if add == "store":
        d.output("fine", "float", (size,) * ndim, about="Field on the fine grid")
    else:
        d.inout("fine", "float", (size,) * ndim, -1.0, 1.0, about="Fine-grid solution, corrected in place")
    letters = "ijk"[:ndim]
    lows = ["ci", "cj", "ck"][:ndim]
    highs = ["ni", "nj", "nk"][:ndim]
    own = ", ".join(letters)
    lines = [f"{own} = wp.tid()"]
    lines += [f"{low} = {c} // 2" for low, c in zip(lows, letters, strict=True)]

    def at(o: tuple[int, ...]) -> str:
        return f"coarse[{', '.join(h if s else w for w, h, s in zip(lows, highs, o, strict=True))}]"

    corners = [at(o) for o in itertools.product((0, 1), repeat=ndim)]
    if kind == "constant":
        value = f"coarse[{', '.join(lows)}]"
    elif kind == "vertices":
        if style == "branches" and ndim == 1:
            lines += [
                "# Odd nodes lie halfway between two coarse nodes",
                "e = coarse[ci] if i % 2 == 0 else 0.5 * (coarse[ci] + coarse[ci + 1])",
            ]
            value = "e"
        elif style == "branches":
            lines += [
                "if i % 2 == 1 and j % 2 == 1:",
                "    near = coarse[ci, cj] + coarse[ci + 1, cj]",
                "    e = 0.25 * (near + coarse[ci, cj + 1] + coarse[ci + 1, cj + 1])",
                "elif i % 2 == 1:",
                "    e = 0.5 * (coarse[ci, cj] + coarse[ci + 1, cj])",
                "elif j % 2 == 1:",
                "    e = 0.5 * (coarse[ci, cj] + coarse[ci, cj + 1])",
                "else:",
                "    e = coarse[ci, cj]",
            ]
            value = "e"
        else:
            lines.append("# Even-indexed nodes coincide with coarse nodes")
            lines += [f"{h} = ({c} + 1) // 2" for h, c in zip(highs, letters, strict=True)]
            rows = [" + ".join(corners[r : r + 2]) for r in range(0, len(corners), 2)]
            inner = rows[0] if len(rows) == 1 else "\n    " + "\n    + ".join(rows) + "\n"
            lines.append(f"e = {1 / 2**ndim} * ({inner})")
            value = "e"
    else:
        lines.append("# Fine cell centers are a quarter of the coarse spacing off, hence weights 3/4 and 1/4")
        for c, low, h, a in zip(letters, lows, highs, range(ndim), strict=True):
            lines.append(f"{h} = wp.clamp({low} + 2 * ({c} % 2) - 1, 0, coarse.shape[{a}] - 1)")
        terms = []
        for o in itertools.product((0, 1), repeat=ndim):
            terms.append((3 ** (ndim - sum(o)), at(o)))
        text = [f"{w}.0 * {c}" if w > 1 else c for w, c in terms]
        inner = " + ".join(text) if ndim == 1 else "\n    " + "\n    + ".join(text) + "\n"
        lines.append(f"e = ({inner}) / {4**ndim}.0")
        value = "e"
    lines.append(
        {
            "add": f"fine[{own}] += {value}",
            "store": f"fine[{own}] = {value}",
            "damped": f"fine[{own}] += weight * {value}",
        }[add]
    )
    d.launch(*((size,) * ndim))
    d.code("\n".join(lines))

    def reference(v: Values) -> dict[str, Any]:
        e = v.coarse
        for axis in range(ndim):
            a = np.moveaxis(e, axis, 0)
            if kind == "vertices":
                fine = np.zeros((2 * len(a) - 1, *a.shape[1:]))
                fine[::2], fine[1::2] = a, (a[:-1] + a[1:]) / 2
            else:
                fine = np.repeat(a, 2, axis=0)
                if kind == "cells":
                    low, high = np.concatenate([a[:1], a[:-1]]), np.concatenate([a[1:], a[-1:]])
                    fine[::2], fine[1::2] = 0.75 * a + 0.25 * low, 0.75 * a + 0.25 * high
            e = np.moveaxis(fine, 0, axis)
        if add == "store":
            return {"fine": e}
        return {"fine": v.fine + (v.weight if add == "damped" else 1.0) * e}

    d.check(reference)
