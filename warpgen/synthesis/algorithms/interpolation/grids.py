"""Values between the nodes of regular grids, and between scattered points."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.interpolation import DOMAIN
from warpgen.synthesis.library import indexing
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Press et al. 2007, Numerical Recipes, ch. 3.6; Keys 1981",
    names={
        "sample_grid": "interpolate_grid|grid_lookup|sample_field|gather_field",
        "field": "grid|values|data",
        "sampled": "interpolated|values_out|result",
        "slopes": "gradients|grad_out|gradient",
        "origin": "lower|grid_origin|bounds_lo",
        "inv_dx": "inv_cell|inv_h|inv_spacing",
    },
    double=True,
    weight=6,
)
def sample_grid(d: Draft) -> None:
    """Interpolates a regular grid at query positions."""
    ndim = d.option("dimension", 2, 3)
    order = d.option("order", "linear", "smooth", "cubic")
    edges = (
        d.option("edges", "clamp", "wrap", "zero")
        if order != "cubic"
        else d.option("cubic edges", "clamp", "wrap")
    )
    space = d.option("positions", "cells", "world")
    kind = d.option("kind", "float", "vec3") if order == "linear" else "float"
    gradient = (
        d.flag("gradient", 0.3) if order == "linear" and edges == "clamp" and kind == "float" else False
    )
    if gradient:
        d.calls("grid_gradient|sample_gradient|interpolate_gradient")
    sides = tuple(d.pick(*((8, 10, 12) if ndim == 2 else (5, 6, 7))) for _ in range(ndim))
    m = d.pick(48, 64, 96)
    axes, letters = "xyz"[:ndim], "ijk"[:ndim]
    label = {"linear": "linear", "smooth": "smoothstep", "cubic": "cubic (Catmull-Rom)"}[order]
    if gradient:
        d.says("Computes the gradient of a linearly interpolated field on a regular grid.")
    else:
        within = " inside the grid" if edges == "clamp" and order != "cubic" else ""
        beyond = {"clamp": "" if within else ", clamped at the border", "zero": ", zero outside"}.get(
            edges, ""
        )
        d.says(
            f"Interpolates a {'periodic ' if edges == 'wrap' else ''}field on a regular grid at query positions{within}"
            f" using {label} weights{beyond}."
        )
    d.input("field", kind, sides, -1.0, 1.0, about="Node values")
    low, high = (0.05, min(sides) - 1.05) if edges == "clamp" else (-1.5, min(sides) + 0.4)
    if order == "cubic" and edges == "clamp":
        low, high = (0.05, min(sides) - 1.05)
    if space == "world":
        d.param("origin", f"vec{ndim}", -0.02, 0.0, about="Grid origin")
        d.param("inv_dx", "float", 4.0, about="Inverse grid spacing")
        low, high = low / 4.0, (high - 0.1) / 4.0
    d.input(
        "x",
        f"vec{ndim}",
        m,
        low,
        high,
        about="Query positions" + (" in grid coordinates" if space == "cells" else ""),
    )
    if gradient:
        d.output("slopes", f"vec{ndim}", m, about="Gradients")
    else:
        d.output("sampled", kind, m, about="Interpolated values")
    lines = ["tid = wp.tid()", "p = (x[tid] - origin) * inv_dx" if space == "world" else "p = x[tid]"]
    cell = "floor" if edges != "clamp" or order == "cubic" else "clamp"
    for axis, c in enumerate(letters):
        if cell == "clamp":
            lines.append(f"{c} = wp.clamp(int(p[{axis}]), 0, field.shape[{axis}] - 2)")
        else:
            lines.append(f"{c} = int(wp.floor(p[{axis}]))")
    for axis, c in enumerate(letters):
        lines.append(f"f{axes[axis]} = p[{axis}] - float({c})")
    if order == "smooth":
        lines.append("# smoothstep weights: zero slope at the nodes")
        lines += [f"f{c} = f{c} * f{c} * (3.0 - 2.0 * f{c})" for c in axes]
    helper = d.use(indexing.WRAP) if edges == "wrap" else d.use(indexing.CLAMP) if order == "cubic" else ""

    def node(offsets: tuple[int, ...]) -> str:
        parts = [f"{c} + {o}" if o else c for c, o in zip(letters, offsets, strict=True)]
        if edges == "zero":
            return f"node(field, {', '.join(parts)})"
        if helper:
            parts = [f"{c}{o}" for c, o in zip(letters, offsets, strict=True)]
        return f"field[{', '.join(parts)}]"

    if edges == "zero":
        arguments = ", ".join(f"{c}: int" for c in letters)
        test = " or ".join(
            [f"{c} < 0" for c in letters] + [f"{c} >= field.shape[{a}]" for a, c in enumerate(letters)]
        )
        typed, zero = ("float", "0.0") if kind == "float" else ("wp.vec3", "wp.vec3(0.0, 0.0, 0.0)")
        d.function(f"""
            @wp.func
            def node(field: wp.array{ndim}d(dtype={typed}), {arguments}) -> {typed}:
                if {test}:
                    return {zero}
                return field[{", ".join(letters)}]
        """)
    if order == "cubic":
        d.function("""
            @wp.func
            def catmull_rom(a: float, b: float, c: float, d: float, t: float) -> float:
                k2 = 2.0 * a - 5.0 * b + 4.0 * c - d
                k3 = 3.0 * (b - c) + d - a
                return b + 0.5 * t * (c - a + t * (k2 + t * k3))
        """)
        arrays = f"field: wp.array{ndim}d(dtype=float)"
        n = f"field.shape[{ndim - 1}]"
        last = letters[-1]
        before = ", ".join(letters[:-1])
        d.function(f"""
            @wp.func
            def along_{axes[-1]}({arrays}, {", ".join(f"{c}: int" for c in letters)}, t: float) -> float:
                return catmull_rom(
                    field[{before}, {helper}({last} - 1, {n})],
                    field[{before}, {helper}({last}, {n})],
                    field[{before}, {helper}({last} + 1, {n})],
                    field[{before}, {helper}({last} + 2, {n})],
                    t,
                )
        """)
        row = f"along_{axes[-1]}(field, {{}}, {last}, f{axes[-1]})"
        names = "abcd"
        if ndim == 2:
            for step, name in zip((-1, 0, 1, 2), names, strict=True):
                plain = f"i {'+' if step > 0 else '-'} {abs(step)}" if step else "i"
                lines.append(f"{name} = {row.format(f'{helper}({plain}, field.shape[0])')}")
            lines.append("sampled[tid] = catmull_rom(a, b, c, d, fx)")
        else:
            lines += ["v = wp.vec4()", "for r in range(4):", f"    ii = {helper}(i + r - 1, field.shape[0])"]
            for step, name in zip((-1, 0, 1, 2), names, strict=True):
                plain = f"j {'+' if step > 0 else '-'} {abs(step)}" if step else "j"
                lines.append(f"    {name} = {row.format(f'ii, {helper}({plain}, field.shape[1])')}")
            lines += [
                "    v[r] = catmull_rom(a, b, c, d, fy)",
                "sampled[tid] = catmull_rom(v[0], v[1], v[2], v[3], fx)",
            ]
    else:
        corners = list(itertools.product((0, 1), repeat=ndim))
        names_ = {o: "c" + "".join(map(str, o)) for o in corners}
        if helper:
            for a, c in enumerate(letters):
                lines += [
                    f"{c}0 = {helper}({c}, field.shape[{a}])",
                    f"{c}1 = {helper}({c} + 1, field.shape[{a}])",
                ]
        lines += [f"{name} = {node(o)}" for o, name in names_.items()]
        if gradient:
            for axis in range(ndim):
                pairs = [o for o in corners if not o[axis]]
                diff = []
                for o in pairs:
                    up = tuple(1 if a == axis else c for a, c in enumerate(o))
                    weight = " * ".join(
                        f"f{axes[a]}" if c else f"(1.0 - f{axes[a]})" for a, c in enumerate(o) if a != axis
                    )
                    diff.append(f"{weight} * ({names_[up]} - {names_[o]})")
                text = " + ".join(diff)
                if len(text) > 90:
                    text = "(\n    " + "\n    + ".join(diff) + "\n)"
                lines.append(f"g{axes[axis]} = {text}")
            scale = "inv_dx * " if space == "world" else ""
            lines.append(f"slopes[tid] = {scale}wp.vec{ndim}({', '.join(f'g{c}' for c in axes)})")
        else:
            level = names_
            for axis in range(ndim - 1, 0, -1):
                fresh: dict[tuple[int, ...], str] = {}
                for o in itertools.product((0, 1), repeat=axis):
                    name = "c" + "".join(map(str, o))
                    lines.append(f"{name} = wp.lerp({level[(*o, 0)]}, {level[(*o, 1)]}, f{axes[axis]})")
                    fresh[o] = name
                level = fresh
            lines.append("sampled[tid] = wp.lerp(c0, c1, fx)")
    d.launch(m)
    d.code("\n".join(lines))
    d.explain(
        {
            "clamp": "Indices are clamped to the grid bounds."
            if order == "cubic"
            else "Query positions must be inside the grid.",
            "wrap": "The field is periodic, so indices wrap around.",
            "zero": "Out-of-bounds nodes are zero, so values fade to zero within one cell of the border.",
        }[edges]
    )

    def reference(v: Values) -> dict[str, Any]:
        p = (v.x - v.origin) * v.inv_dx if space == "world" else v.x
        field = v.field.reshape((*sides, -1))
        value: Any = 0.0
        base = np.floor(p).astype(int)
        if cell == "clamp":
            base = np.clip(p.astype(int), 0, np.array(sides) - 2)
        f = p - base
        if order == "smooth":
            f = f * f * (3 - 2 * f)
        reach = (-1, 0, 1, 2) if order == "cubic" else (0, 1)
        slope = [np.zeros(m) for _ in range(ndim)]
        for o in itertools.product(reach, repeat=ndim):
            t = abs(f - np.array(o))
            if order == "cubic":
                w = np.where(t <= 1, (1.5 * t - 2.5) * t**2 + 1, ((2.5 - 0.5 * t) * t - 4) * t + 2)
            else:
                w = 1 - t
            at = base + np.array(o)
            inside = ((at >= 0) & (at < np.array(sides))).all(1)
            at = at % np.array(sides) if edges == "wrap" else np.clip(at, 0, np.array(sides) - 1)
            node_ = field[tuple(at.T)]
            if edges == "zero":
                node_ = node_ * inside[:, None]
            value = value + w.prod(1)[:, None] * node_
            for axis in range(ndim):
                rest = np.delete(w, axis, 1).prod(1)
                slope[axis] = slope[axis] + (2 * o[axis] - 1) * rest * node_[:, 0]
        if gradient:
            return {"slopes": np.stack(slope, -1) * (v.inv_dx if space == "world" else 1.0)}
        return {"sampled": value.reshape(m) if kind == "float" else value}

    d.check(reference, 5e-4)


_RADIAL: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "gaussian": ("wp.exp(-eps * eps * r2)", lambda r2, e: np.exp(-(e**2) * r2)),
    "multiquadric": ("wp.sqrt(1.0 + eps * eps * r2)", lambda r2, e: np.sqrt(1 + e**2 * r2)),
    "inverse": ("1.0 / (1.0 + eps * eps * r2)", lambda r2, e: 1 / (1 + e**2 * r2)),
    "wendland": ("", lambda r2, e: np.clip(1 - e * np.sqrt(r2), 0, None) ** 4 * (4 * e * np.sqrt(r2) + 1)),
}


_CALLED = {
    "gaussian": "Gaussian",
    "multiquadric": "multiquadric",
    "inverse": "inverse quadratic",
    "wendland": "Wendland",
}


@DOMAIN.algorithm(
    source="Shepard 1968; Hardy 1971; Wendland 1995",
    names={
        "scattered_interpolation": "interpolate_scattered|scatter_interp|scattered_interp",
        "values": "data|samples",
        "x": "queries|positions|targets",
        "result": "interpolated|field_out|estimate",
        "r2": "dist2|dist_sq",
        "eps": "epsilon|shape_param",
    },
    double=True,
    adjoint="no",
)
def scattered_interpolation(d: Draft) -> None:
    """Interpolates scattered data at query positions."""
    method = d.option("method", "shepard", "modified", *_RADIAL, "nearest")
    ndim = d.option("dimension", 2, 3)
    kind = d.option("kind", "float", "vec3")
    poly = d.flag("linear part", 0.4) if method in _RADIAL and kind == "float" else False
    n, m = d.pick(12, 16, 24), d.pick(48, 64, 96)
    d.says(
        {
            "shepard": "Interpolates scattered data using inverse distance weighting (Shepard).",
            "modified": "Interpolates scattered data using Franke-Little weights, zero if no data point is in range.",
            "nearest": "Interpolates scattered data using nearest-neighbor lookup.",
        }.get(
            method,
            f"Evaluates a radial basis function interpolant ({_CALLED.get(method)}{' with a linear term' if poly else ''}).",
        )
    )
    d.input("centers", f"vec{ndim}", n, -1.0, 1.0, about="Data point positions")
    if method in _RADIAL:
        d.input("weights", kind, n, -1.0, 1.0, about="Basis function weights")
    else:
        d.input("values", kind, n, -1.0, 1.0, about="Data point values")
    if poly:
        d.param("slope", f"vec{ndim}", -1.0, 1.0, about="Linear term coefficients")
        d.param("offset", "float", -1.0, 1.0, about="Constant term")
    d.input("x", f"vec{ndim}", m, -1.0, 1.0, about="Query positions")
    if method == "shepard":
        d.param("power", "float", 2.0, 3.0, about="Distance exponent")
    elif method == "modified":
        d.param("radius", "float", 1.0, 1.8, about="Support radius")
    elif method in _RADIAL:
        d.param(
            "eps",
            "float",
            *((0.3, 0.6) if method == "wendland" else (0.8, 2.0)),
            about="Shape parameter [1/length]",
        )
    d.output("result", kind, m, about="Interpolated values")
    zero = "float(0.0)" if kind == "float" else "wp.vec3()"
    lines = ["tid = wp.tid()", "p = x[tid]"]
    head = [
        "for k in range(centers.shape[0]):",
        "    to_p = p - centers[k]",
        "    r2 = wp.dot(to_p, to_p)",
    ]
    if method == "nearest":
        lines += [
            "nearest = int(-1)",
            "least = float(1.0e10)",
            *head,
            "    if r2 < least:",
            "        least = r2",
            "        nearest = k",
            "result[tid] = values[nearest]",
        ]
    elif method in ("shepard", "modified"):
        lines += [f"acc = {zero}", "norm = float(0.0)", *head]
        if method == "shepard":
            lines += [
                "    if r2 < 1.0e-12:",
                "        # query coincides with a data point (infinite weight)",
                "        result[tid] = values[k]",
                "        return",
                "    w = wp.pow(r2, -0.5 * power)",
            ]
        else:
            lines += [
                "    r = wp.sqrt(r2)",
                "    if r >= radius:",
                "        continue",
                "    w = (radius - r) / (radius * wp.max(r, 1.0e-6))",
                "    w = w * w",
            ]
        lines += ["    acc += w * values[k]", "    norm += w"]
        lines += (
            ["result[tid] = acc / norm"]
            if method == "shepard"
            else [
                "# zero if no data point is in range",
                "if norm > 0.0:",
                "    result[tid] = acc / norm",
                "else:",
                f"    result[tid] = {'0.0' if kind == 'float' else 'wp.vec3()'}",
            ]
        )
    else:
        start = "wp.dot(slope, p) + offset" if poly else ("float(0.0)" if kind == "float" else "wp.vec3()")
        lines += [f"acc = {start}", *head]
        if method == "wendland":
            lines += [
                "    s = eps * wp.sqrt(r2)",
                "    if s < 1.0:",
                "        u = 1.0 - s",
                "        u = u * u",
                "        acc += u * u * (4.0 * s + 1.0) * weights[k]",
            ]
        else:
            lines += [f"    phi = {_RADIAL[method][0]}", "    acc += phi * weights[k]"]
        lines += ["result[tid] = acc"]
    d.launch(m)
    d.code("\n".join(lines))

    def reference(v: Values) -> dict[str, Any]:
        r2 = ((v.x[:, None] - v.centers) ** 2).sum(-1)
        if method == "nearest":
            return {"result": v["values"][r2.argmin(1)]}
        if method in _RADIAL:
            value = _RADIAL[method][1](r2, v.eps) @ v.weights.reshape(n, -1)
            if poly:
                value = value + (v.x @ v.slope + v.offset)[:, None]
        else:
            r = np.maximum(np.sqrt(r2), 1e-6)
            w = r**-v.power if method == "shepard" else (np.clip(v.radius - r, 0, None) / (v.radius * r)) ** 2
            norm = w.sum(1, keepdims=True)
            value = np.where(norm > 0, w @ v["values"].reshape(n, -1) / np.where(norm > 0, norm, 1), 0.0)
        return {"result": value.reshape(m) if kind == "float" else value}

    d.check(reference, 1e-3)
