"""Systems with three diagonals."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.linear_algebra import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_DIAGONALS = (("a", "b", "c"), ("lower", "diag", "upper"), ("sub", "main", "sup"), ("dl", "d", "du"))
_PARTS = {"a": "Sub-diagonals", "b": "Diagonals", "c": "Super-diagonals", "r": "Right-hand sides"}


@DOMAIN.algorithm(
    source="Thomas 1949; Golub & Van Loan 2013, section 4.3.6; Sherman & Morrison 1950 for the periodic case",
    names={
        "thomas_solve": "tridiag_solve|solve_tridiagonal|tdma|tridiagonal_lines",
        "rhs": "d|x|q",
        "cp": "c_prime|c_star|gam",
        "m": "denom|w|bet",
        "line": "tid|system|line_id",
        "i": "k|row",
        "n": "num|length|size",
    },
    adjoint="no",
    double=True,
)
def thomas_solve(d: Draft) -> None:
    """Solves batched tridiagonal systems using the Thomas algorithm."""
    layout = d.option("layout", "line first", "line last")
    entry = d.option("entry", "float", "vec3")
    matrix = d.option("matrix", "full", "diffusion", "shared")
    scratch = d.option("scratch", "array", "upper diagonal")
    backward = d.option("backward", "for", "while")
    n, count = d.pick(12, 16, 20, 24), d.pick(32, 48, 64)
    called = dict(zip("abc", d.pick(*_DIAGONALS), strict=True))
    first = layout == "line first"
    shape = (count, n) if first else (n, count)

    def at(name: str, i: str) -> str:
        return f"{name}[line, {i}]" if first else f"{name}[{i}, line]"

    def read(name: str, i: str) -> str:
        if matrix == "diffusion":
            return {"a": "-alpha", "b": "(1.0 + 2.0 * alpha)", "c": "-alpha"}[name]
        return at(called[name], i) if matrix == "full" else f"{called[name]}[{i}]"

    if matrix == "diffusion":
        scratch = "array"
        d.param("alpha", "float", 0.2, 2.0, about="Diffusion number, D dt / dx^2")
        d.says("Performs an implicit diffusion step per line using the Thomas algorithm.")
    else:
        if matrix == "shared":
            scratch = "array"
        extent: Any = shape if matrix == "full" else n
        d.input(called["a"], "float", extent, -1.0, 1.0, about="Sub-diagonal, entry 0 is unused")
        d.input(called["b"], "float", extent, 3.0, 5.0, about="Main diagonal")
        above = "Super-diagonal"
        if scratch == "array":
            d.input(called["c"], "float", extent, -1.0, 1.0, about=above)
        else:
            d.inout(called["c"], "float", extent, -1.0, 1.0, about=f"{above}, overwritten during elimination")
    d.inout("rhs", entry, shape, -1.0, 1.0, about="Right-hand sides, overwritten with the solutions")
    if scratch == "array":
        d.inout("cp", "float", shape, value=0.0, about="Scratch buffer for modified coefficients")
    cp = "cp" if scratch == "array" else called["c"]
    # with -alpha as sub-diagonal the elimination adds
    a, b, c = read("a", "i"), read("b", "i"), read("c", "i")
    elim = f"m = {b} - {a} * {at(cp, 'i - 1')}"
    update = f"{at('rhs', 'i')} = ({at('rhs', 'i')} - {a} * {at('rhs', 'i - 1')}) / m"
    if matrix == "diffusion":
        elim = f"m = 1.0 + 2.0 * alpha + alpha * {at(cp, 'i - 1')}"
        update = f"{at('rhs', 'i')} = ({at('rhs', 'i')} + alpha * {at('rhs', 'i - 1')}) / m"
    b0 = read("b", "0")
    loops = {
        "for": f"""
            for back in range(1, n):
                i = n - 1 - back
                {at("rhs", "i")} -= {at(cp, "i")} * {at("rhs", "i + 1")}
        """,
        "while": f"""
            i = n - 2
            while i >= 0:
                {at("rhs", "i")} -= {at(cp, "i")} * {at("rhs", "i + 1")}
                i -= 1
        """,
    }
    forward = f"""
        line = wp.tid()
        n = rhs.shape[{1 if first else 0}]
        {at(cp, "0")} = {read("c", "0")} / {b0}
        {at("rhs", "0")} = {at("rhs", "0")} / {b0}
        for {"i" if backward == "for" else "fw"} in range(1, n):
            {elim}
            {at(cp, "i")} = {c} / m
            {update}
    """
    if backward == "while":
        forward = forward.replace("fw", "j").replace("[line, i", "[line, j").replace("[i", "[j")
    d.launch(count)
    d.code(forward)
    d.code("# Back substitution\n$loop", loop=loops[backward])
    if matrix == "diffusion":
        d.explain("""
            Backward Euler: (1 + 2 `alpha`) x_i - `alpha` (x_(i-1) + x_(i+1)) = `rhs`_i with `alpha` = D dt / dx^2,
            with zero Dirichlet boundary conditions. Each thread solves one line.
        """)
    else:
        terms = "`{a}`_i x_(i-1) + `{b}`_i x_i + `{c}`_i x_(i+1)".format(**called)
        d.explain(f"""
            Row i reads {terms} = `rhs`_i. This kernel does not use pivoting, so the matrix must be diagonally dominant.
        """)

    def reference(v: Values) -> dict[str, Any]:
        side = v.rhs if first else np.swapaxes(v.rhs, 0, 1)
        ones = np.ones((count, n))
        if matrix == "diffusion":
            low, main, up = -v.alpha * ones, (1 + 2 * v.alpha) * ones, -v.alpha * ones
        else:
            low, main, up = (
                (x if first else x.T) if matrix == "full" else x * ones for x in (v[called[q]] for q in "abc")
            )
        full = np.zeros((count, n, n))
        rows = np.arange(n)
        full[:, rows, rows] = main
        full[:, rows[1:], rows[:-1]] = low[:, 1:]
        full[:, rows[:-1], rows[1:]] = up[:, :-1]
        made = np.linalg.solve(full, side.reshape(count, n, -1)).reshape(side.shape)
        return {"rhs": made if first else np.swapaxes(made, 0, 1)}

    d.check(reference)


@DOMAIN.algorithm(
    source="Hockney 1965; Zhang, Cohen & Owens 2010, Fast Tridiagonal Solvers on the GPU (PCR)",
    names={
        "cyclic_reduction_step": "pcr_step|parallel_cyclic_reduction|reduce_tridiagonal|pcr_kernel",
        "stride": "span|reach|delta",
        "tid": "i",
    },
    double=True,
    element="",
    weight=3,
)
def cyclic_reduction_step(d: Draft) -> None:
    """Performs one parallel cyclic reduction (PCR) step for tridiagonal systems."""
    packed = d.option("layout", "arrays", "vec3")
    border = d.option("border", "branch", "clamped", "where")
    systems = d.flag("systems", 0.4)
    unit = packed == "vec3"
    normal = d.flag("normal", 0.4) or unit  # each equation divided by its diagonal
    n, count = d.pick(24, 32, 40), d.pick(3, 4, 5)
    called = dict(zip("abc", d.pick(*_DIAGONALS), strict=True)) | {"r": "rhs"}
    shape: Any = (count, n) if systems else n * 2
    length = n if systems else n * 2
    d.param("stride", "int", d.pick(1, 2, 4), about="Stride between coupled unknowns")
    where = (lambda i: f"s, {i}") if systems else (lambda i: i)
    eq: dict[str, Any]
    if unit:
        parts = "packed (sub-diagonal, super-diagonal, right-hand side) with a unit diagonal"
        d.input("eq", "vec3", shape, -0.45, 0.45, about=f"Equations: {parts}")
        d.output("eq_out", "vec3", shape, about="Updated equations")
        eq = {name: (lambda i, k=k: f"eq[{where(i)}][{k}]") for k, name in enumerate("acr")}
        eq["b"] = lambda i: "1.0"
    else:
        for name, low, high in (("a", -1.0, 1.0), ("b", 2.5, 4.0), ("c", -1.0, 1.0), ("r", -1.0, 1.0)):
            d.input(called[name], "float", shape, low, high, about=_PARTS[name])
        for name in "abcr":
            d.output(f"{called[name]}_out", "float", shape, about=f"Updated {_PARTS[name].lower()}")
        eq = {name: (lambda i, name=called[name]: f"{name}[{where(i)}]") for name in "abcr"}
    head = ("s, i" if systems else "i") + " = wp.tid()"
    load = "\n".join(f"{name}i = {eq[name]('i')}" for name in ("acr" if unit else "abcr"))
    n_text = f"n = {'eq' if unit else called['b']}.shape[{1 if systems else 0}]"
    left = {name: eq[name]("lo") for name in "abcr"}
    right = {name: eq[name]("hi") for name in "abcr"}
    if border == "branch":
        body = f"""
        a_new = float(0.0)
        b_new = bi
        c_new = float(0.0)
        r_new = ri
        lo = i - stride
        hi = i + stride
        if lo >= 0:
            k1 = ai / {left["b"]}
            a_new = -k1 * {left["a"]}
            b_new -= k1 * {left["c"]}
            r_new -= k1 * {left["r"]}
        if hi < n:
            k2 = ci / {right["b"]}
            c_new = -k2 * {right["c"]}
            b_new -= k2 * {right["a"]}
            r_new -= k2 * {right["r"]}
        """
    else:
        k1 = f"k1 = ai / {left['b']}"
        k2 = f"k2 = ci / {right['b']}"
        if border == "where":
            k1 = f"k1 = wp.where(i >= stride, ai / {left['b']}, 0.0)"
            k2 = f"k2 = wp.where(i + stride < n, ci / {right['b']}, 0.0)"
        else:
            k1 = f"k1 = float(i >= stride) * ai / {left['b']}"
            k2 = f"k2 = float(i + stride < n) * ci / {right['b']}"
        body = f"""
        # Clamp indices at the ends and zero the factors for missing equations
        lo = wp.max(i - stride, 0)
        hi = wp.min(i + stride, n - 1)
        {k1}
        {k2}
        a_new = -k1 * {left["a"]}
        b_new = bi - k1 * {left["c"]} - k2 * {right["a"]}
        c_new = -k2 * {right["c"]}
        r_new = ri - k1 * {left["r"]} - k2 * {right["r"]}
        """
    names = [f"{name}_new" for name in "abcr"]
    if normal:
        names = ["a_new / b_new", "1.0", "c_new / b_new", "r_new / b_new"]
    if unit:
        body = re.sub(r"\bbi\b", "float(1.0)" if border == "branch" else "1.0", body.replace(" / 1.0", ""))
        if border == "branch":  # nothing is left to divide by
            body = re.sub(r" *k(1 = ai|2 = ci)\n", "", body).replace("k1", "ai").replace("k2", "ci")
        store = f"eq_out[{where('i')}] = wp.vec3(a_new / b_new, c_new / b_new, r_new / b_new)"
    else:
        store = "\n".join(f"{called[x]}_out[{where('i')}] = {y}" for x, y in zip("abcr", names, strict=True))
    d.launch(*(shape if systems else (shape,)))
    d.code(f"{head}\n{n_text}\n$load\n$body\n$store", load=load, body=body, store=store)
    d.explain(f"""
        Each thread eliminates the coupling of equation i to its neighbors at distance `stride`. After log2(n) steps
        (rounded up), doubling the stride each step, the equations are decoupled.{" Each is divided by its diagonal." if normal else ""}
    """)

    def reference(v: Values) -> dict[str, Any]:
        if unit:
            a, c, r = np.moveaxis(v.eq, -1, 0)
            b = np.ones_like(a)
        else:
            a, b, c, r = (v[called[q]] for q in "abcr")
        i = np.arange(length)
        lo, hi = np.maximum(i - v.stride, 0), np.minimum(i + v.stride, length - 1)
        k1 = np.where(i >= v.stride, a / b[..., lo], 0.0)
        k2 = np.where(i + v.stride < length, c / b[..., hi], 0.0)
        made = [
            -k1 * a[..., lo],
            b - k1 * c[..., lo] - k2 * a[..., hi],
            -k2 * c[..., hi],
            r - k1 * r[..., lo] - k2 * r[..., hi],
        ]
        if normal:
            made = [made[0] / made[1], np.ones_like(b), made[2] / made[1], made[3] / made[1]]
        if unit:
            return {"eq_out": np.stack([made[0], made[2], made[3]], axis=-1)}
        return {f"{called[name]}_out": x for name, x in zip("abcr", made, strict=True)}

    d.check(reference, 1e-3)
