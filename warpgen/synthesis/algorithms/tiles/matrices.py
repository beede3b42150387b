"""Tiles as matrices: products, factors, triangular systems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.tiles import DOMAIN
from warpgen.synthesis.library.tile_forms import extent
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Golub & Van Loan 2013, sec. 1.3; Warp manual, Tiles: tile_matmul",
    names={
        "tiled_product": "tile_gemm|gemm_tiled|matmul_kernel",
        "a": "lhs|left|A",
        "b": "rhs|right|B",
        "rows_in": "A|vectors|features",
        "c": "product|out|C",
        "i": "block_row|bi",
        "j": "block_col|bj",
        "acc": "sums|c_tile|partial",
        "TILE_M": "M|ROWS",
        "TILE_N": "N|COLS",
        "TILE_K": "K|INNER",
        "K_TILES": "NUM_K_TILES|K_STEPS",
    },
    double=True,
    weight=6,
)
def tiled_product(d: Draft) -> None:
    """Computes a tiled matrix product, one output tile per block."""
    layout = d.option("layout", "a b", "a bt", "at b", "gram")
    summed = d.option("summed", "in place", "added")
    end = d.option("end", "plain", "bias", "bias and activation", "scaled", "accumulated")
    counted = d.option("count", "literal", "from shape")
    m, n, k = d.pick(4, 8), d.pick(4, 8), d.pick(4, 8)
    if layout == "gram":
        n = m
        end = "plain" if "bias" in end else end
    bm, bn, steps = d.pick(2, 3), d.pick(1, 2), d.pick(2, 3)
    if layout == "gram":
        bn = bm
    d.says(
        "Computes the tiled product of a matrix and its transpose, one output tile per block."
        if layout == "gram"
        else "Computes a tiled matrix product, one output tile per block."
    )
    term = {"a b": "A B", "a bt": "A B^T", "at b": "A^T B", "gram": "A A^T"}[layout]
    activation = d.option("activation", "relu", "tanh")
    if end != "plain" or layout in ("a bt", "at b"):
        d.says({
            "plain": f"Computes {term}, one output tile per block.",
            "bias": f"Computes {term} with a bias added to each row, one output tile per block.",
            "bias and activation": f"Computes {activation}({term} + bias), one output tile per block.",
            "scaled": f"Computes alpha {term}, one output tile per block.",
            "accumulated": f"Accumulates alpha {term} into C, one output tile per block.",
        }[end])  # fmt: skip
    if layout == "gram":
        d.calls("gram_tiled|tile_gram|gram_matrix")
    sm, sk = extent(d, "TILE_M", m), extent(d, "TILE_K", k)
    sn = sm if layout == "gram" else extent(d, "TILE_N", n)
    if counted == "literal":
        d.module(f"K_TILES = wp.constant({steps})")
    rows, columns, inner = m * bm, n * bn, k * steps
    a = "rows_in" if layout == "gram" else "a"
    d.input(a, "float", (inner, rows) if layout == "at b" else (rows, inner), -1.0, 1.0)
    if layout != "gram":
        d.input(
            "b",
            "float",
            (columns, inner) if layout == "a bt" else (inner, columns),
            -1.0,
            1.0,
        )
    if "bias" in end:
        d.input("bias", "float", columns, -1.0, 1.0, about="bias added to each row")
    if end in ("scaled", "accumulated"):
        d.param("alpha", "float", 0.5, 2.0, about="scale factor for the product")
    if end == "accumulated":
        d.inout("c", "float", (rows, columns), -1.0, 1.0, about="output matrix")
        d.forward_only()
    else:
        d.output("c", "float", (rows, columns), about="output matrix")
    axis = 0 if layout == "at b" else 1
    count = f"{a}.shape[{axis}] // {sk}" if counted == "from shape" else "K_TILES"
    load_a = f"wp.tile_load({a}, shape=({sm}, {sk}), offset=(i * {sm}, k * {sk}))"
    if layout == "at b":
        load_a = f"wp.tile_transpose(wp.tile_load(a, shape=({sk}, {sm}), offset=(k * {sk}, i * {sm})))"
    load_b = {
        "a b": f"wp.tile_load(b, shape=({sk}, {sn}), offset=(k * {sk}, j * {sn}))",
        "at b": f"wp.tile_load(b, shape=({sk}, {sn}), offset=(k * {sk}, j * {sn}))",
        "a bt": f"wp.tile_transpose(wp.tile_load(b, shape=({sn}, {sk}), offset=(j * {sn}, k * {sk})))",
        "gram": f"wp.tile_transpose(wp.tile_load({a}, shape=({sn}, {sk}), offset=(j * {sn}, k * {sk})))",
    }[layout]
    if "activation" in end:
        relu = activation
        function = {"relu": "relu", "tanh": "wp.tanh"}[relu]
        if relu == "relu":
            d.function("""
                @wp.func
                def relu(x: float):
                    return wp.max(x, 0.0)
            """)
    else:
        relu, function = "", ""
    if relu and counted == "from shape":
        d.forward_only()  # the adjoint would want the sums that a loop of unknown length has made
    result = {
        "plain": "acc",
        "bias": "acc + row",
        "bias and activation": f"wp.tile_map({function}, acc + row)",
        "scaled": "alpha * acc",
        "accumulated": "old + alpha * acc",
    }[end]
    bias = f"row = wp.tile_broadcast(wp.tile_load(bias, shape={sn}, offset=j * {sn}), shape=({sm}, {sn}))"
    old = f"old = wp.tile_load(c, shape=({sm}, {sn}), offset=(i * {sm}, j * {sn}))"
    d.launch(bm, bn, tiled=True)
    d.code(
        f"""
        i, j = wp.tid()
        acc = wp.tile_zeros(shape=({sm}, {sn}), dtype=float)
        for k in range({count}):
            left = {load_a}
            right = {load_b}
            $multiply
        $added
        wp.tile_store(c, {result}, offset=(i * {sm}, j * {sn}))
        """,
        added=old if end == "accumulated" else bias if "bias" in end else "",
        multiply="wp.tile_matmul(left, right, acc)"
        if summed == "in place"
        else "acc += wp.tile_matmul(left, right)",
    )

    def reference(v: Values) -> Mapping[str, Any]:
        left = v.a.T if layout == "at b" else v[a]
        right = {"a bt": lambda: v.b.T, "gram": lambda: left.T}.get(layout, lambda: v.b)()
        c = left @ right * (v.alpha if end in ("scaled", "accumulated") else 1.0)
        c = c + v.bias if "bias" in end else c
        c = {"relu": np.maximum(c, 0.0), "tanh": np.tanh(c)}.get(relu, c)
        return {"c": c + v.c if end == "accumulated" else c}

    d.check(reference)


@DOMAIN.algorithm(
    source="Golub & Van Loan 2013, sec. 4.2; Warp manual, Tiles: tile_cholesky",
    names={
        "a": "systems|hessians|A",
        "designs": "jacobians|features|residual_rows",
        "b": "rhs|right_sides|y",
        "x": "solution|unknowns|x_out",
        "forms": "quadratic|energies|values",
        "ridge": "damping|regularization|lam",
        "block": "batch|i|s",
        "factor": "chol|chol_factor|tri_factor",
        "N": "SIZE|DOFS|ORDER",
    },
    adjoint="no",
    double=True,
    weight=5,
)
def batched_solve(d: Draft) -> None:
    """Solves one symmetric positive definite system per block."""
    built = d.option("built", "given", "gram", "ridge")
    way = d.option("way", "cholesky", "cholesky in place", "two solves", "two solves in place", "upper")
    wanted = d.option("wanted", "solution", "log determinant", "quadratic form", weights=(0.6, 0.2, 0.2))
    n, count = d.pick(4, 5, 6, 8), d.pick(3, 4, 6)
    size = extent(d, "N", n)
    matrix = {"given": "A + `shift` I", "gram": "R^T R + I", "ridge": "R^T R + `ridge` I"}[built]
    of = "" if built == "given" else ", with R from `designs`"
    d.says(
        {
            "solution": f"Solves ({matrix}) x = b using a Cholesky factorization, one system per block{of}.",
            "log determinant": f"Computes the log determinant of {matrix}, one matrix per block{of}.",
            "quadratic form": f"Computes the quadratic form b' M^-1 b for M = {matrix}, one system per block{of}.",
        }[wanted]
    )
    d.calls({
        "solution": "cholesky_solve|solve_spd|batched_solve",
        "log determinant": "cholesky_logdet|log_determinants|batched_logdet",
        "quadratic form": "inverse_quadratic_form|quadratic_forms|cholesky_quadratic",
    }[wanted])  # fmt: skip
    source = "a" if built == "given" else "designs"
    about = "system matrices" if built == "given" else "factor matrices R"
    d.input(source, "float", (count * n, n), -0.5, 0.5, about=f"{about}, stacked along rows")
    if wanted != "log determinant":
        d.input("b", "float", count * n, -1.0, 1.0, about="right-hand sides, one per system")
    if built == "ridge":
        d.param("ridge", "float", 1.0, 3.0, about="diagonal shift")
    d.output(
        {"solution": "x", "log determinant": "logdet", "quadratic form": "forms"}[wanted],
        "float",
        count * n if wanted == "solution" else count,
    )
    if built == "given":
        # Only one triangle is read
        d.param("shift", "float", float(n), n + 2.0, about="diagonal shift")
        diagonal = f"wp.tile_full(shape={size}, value=shift, dtype=float)"
        make = f"m = wp.tile_diag_add(raw, {diagonal})"
    else:
        ones = f"wp.tile_ones(shape={size}, dtype=float)"
        lift = f"ridge * {ones}" if built == "ridge" else ones
        make = f"gram = wp.tile_matmul(wp.tile_transpose(raw), raw)\nm = wp.tile_diag_add(gram, {lift})"
    mode = ', fill_mode="upper"' if way == "upper" else ""
    if "in place" in way:
        factors = f"wp.tile_cholesky_inplace(m{mode})\nfactor = m"
        factors, factor = factors.split("\n")[0], "m"
    else:
        factors, factor = f"factor = wp.tile_cholesky(m{mode})", "factor"
    load = f'r = wp.tile_load(b, shape={size}, offset=block * {size}, storage="shared")'
    forward = "\n# b^T M^-1 b = |L^-1 b|^2 for M = L L^T, so a forward solve is sufficient"
    solve = {
        "cholesky": f"{load}\nsol = wp.tile_cholesky_solve({factor}, r)",
        "upper": f'{load}\nsol = wp.tile_cholesky_solve({factor}, r, fill_mode="upper")',
        "cholesky in place": f"{load}\nwp.tile_cholesky_solve_inplace({factor}, r)",
        "two solves": (
            f"{load}\nz = wp.tile_lower_solve({factor}, r)\n"
            f"sol = wp.tile_upper_solve(wp.tile_transpose({factor}), z)"
        ),
        "two solves in place": (
            f"{load}\nwp.tile_lower_solve_inplace({factor}, r)\n"
            f"wp.tile_upper_solve_inplace(wp.tile_transpose({factor}), r)"
        ),
    }[way]
    found = "r" if "in place" in way else "sol"
    tail = {
        "solution": f"{solve}\nwp.tile_store(x, {found}, offset=block * {size})",
        "quadratic form": {
            "two solves": f"{load}{forward}\nz = wp.tile_lower_solve({factor}, r)\n"
            "wp.tile_store(forms, wp.tile_dot(z, z), offset=block)",
            "two solves in place": f"{load}{forward}\nwp.tile_lower_solve_inplace({factor}, r)\n"
            "wp.tile_store(forms, wp.tile_dot(r, r), offset=block)",
        }.get(
            way,
            f"{solve}\nwp.tile_store(forms, wp.tile_dot(r, sol), offset=block)"
            if found == "sol"
            else f"{solve}\nwp.tile_store(forms, wp.tile_dot(r, wp.tile_load(b, shape={size}, "
            f"offset=block * {size})), offset=block)",
        ),
        "log determinant": f"""
total = float(0.0)
for k in range({size}):
    total += wp.log(wp.tile_extract({factor}, k, k))
logdet[block] = 2.0 * total
""".strip("\n"),
    }[wanted]
    d.launch(count, tiled=True)
    d.code(
        f"""
        block = wp.tid()
        raw = wp.tile_load({source}, shape=({size}, {size}), offset=(block * {size}, 0))
        $make
        $factors
        $tail
        """,
        make=make,
        factors=factors,
        tail=tail,
    )
    triangle = "upper" if way == "upper" else "lower"
    of = {
        "given": f"Only the {triangle} triangle of each matrix is used, with `shift` added to the diagonal. ",
        "gram": "R^T R + I is positive definite for any R. ",
        "ridge": "R^T R + `ridge` I is positive definite for any R, as in ridge regression. ",
    }[built]
    d.explain(f"{of}The block factorizes each matrix cooperatively in shared memory.")

    def reference(v: Values) -> Mapping[str, Any]:
        raw = v[source].reshape(count, n, n)
        if built == "given":
            triangle = np.triu(raw) if way == "upper" else np.tril(raw)
            strict = np.triu(raw, 1) if way == "upper" else np.tril(raw, -1)
            m = triangle + np.swapaxes(strict, 1, 2) + v.shift * np.eye(n)
        else:
            m = np.swapaxes(raw, 1, 2) @ raw + (v.ridge if built == "ridge" else 1.0) * np.eye(n)
        if wanted == "log determinant":
            return {"logdet": np.linalg.slogdet(m)[1]}
        b = v.b.reshape(count, n)
        x = np.linalg.solve(m, b[:, :, None])[:, :, 0]
        return {"x": x.ravel()} if wanted == "solution" else {"forms": (b * x).sum(axis=1)}

    d.check(reference, 1e-3)


@DOMAIN.algorithm(
    source="Golub & Van Loan 2013, sec. 3.1",
    names={
        "a": "factors|triangles|matrices",
        "b": "rhs|y|right_sides",
        "diagonal": "shifts|lifts|diag",
        "x": "solution|z|unknowns",
        "block": "batch|i|s",
        "N": "SIZE|ORDER|DIM",
    },
    adjoint="no",
    double=True,
)
def substitution(d: Draft) -> None:
    """Solves one triangular system per block by substitution."""
    side = d.option("side", "lower", "upper")
    place = d.option("place", "new tile", "in place")
    columns = d.option("columns", 1, 2, 3)
    turned = d.flag("transposed", 0.4)
    unit = d.option("diagonal", "given", "lifted")
    n, count = d.pick(4, 5, 6, 8), d.pick(3, 4, 6)
    size = extent(d, "N", n)
    sentence = f"{'forward' if side == 'lower' else 'backward'} substitution"
    triangle = ({"lower": "upper", "upper": "lower"} if turned else {}).get(side, side)  # of what is given
    kind = f"a transposed {triangle}" if turned else {"upper": "an upper", "lower": "a lower"}[side]
    d.says(f"Solves {kind} triangular system per block using {sentence}, after shifting its diagonal.")
    d.calls({
        "lower": "forward_substitution|solve_lower|triangular_solve",
        "upper": "back_substitution|solve_upper|triangular_solve",
    }[side])  # fmt: skip
    d.input(
        "a", "float", (count * n, n), -0.4, 0.4, about=f"{triangle} triangular matrices, stacked along rows"
    )
    if unit == "given":
        d.input("diagonal", "float", count * n, 1.0, 3.0, about="diagonal shifts")
    else:
        d.param("shift", "float", 1.5, 3.0, about="diagonal shifts")
    d.input(
        "b", "float", count * n if columns == 1 else (count * n, columns), -1.0, 1.0, about="right-hand sides"
    )
    d.output("x", "float", count * n if columns == 1 else (count * n, columns), about="solutions")
    lift = {
        "given": f"wp.tile_load(diagonal, shape={size}, offset=block * {size})",
        "lifted": f"wp.tile_full(shape={size}, value=shift, dtype=float)",
    }[unit]
    shape, at = (
        (size, f"block * {size}") if columns == 1 else (f"({size}, {columns})", f"(block * {size}, 0)")
    )
    solve = (
        f"wp.tile_{side}_solve_inplace(m, rhs)"
        if place == "in place"
        else f"solved = wp.tile_{side}_solve(m, rhs)"
    )
    d.launch(count, tiled=True)
    d.code(
        f"""
        block = wp.tid()
        raw = wp.tile_load(a, shape=({size}, {size}), offset=(block * {size}, 0))
        m = wp.tile_diag_add({"wp.tile_transpose(raw)" if turned else "raw"}, {lift})
        rhs = wp.tile_load(b, shape={shape}, offset={at}, storage="shared")
        {solve}
        wp.tile_store(x, {"rhs" if place == "in place" else "solved"}, offset={at})
        """
    )
    of = "transposed matrices" if turned else "matrices"
    d.explain(
        f"Only the {side} triangle of the {of} is used; other entries are ignored.\n"
        f"The diagonal is shifted first, by {'`shift`' if unit == 'lifted' else 'the given values'}."
    )

    def reference(v: Values) -> Mapping[str, Any]:
        a = v.a.reshape(count, n, n)
        a = np.swapaxes(a, 1, 2) if turned else a
        diagonal = np.full((count, n), v.shift) if unit == "lifted" else v.diagonal.reshape(count, n)
        m = (np.tril(a) if side == "lower" else np.triu(a)) + diagonal[:, :, None] * np.eye(n)
        return {"x": np.linalg.solve(m, v.b.reshape(count, n, columns)).reshape(v.b.shape)}

    d.check(reference, 1e-3)
