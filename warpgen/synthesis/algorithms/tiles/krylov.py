"""Systems of equations and eigenvalues by iterations, a block of threads for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.tiles import DOMAIN
from warpgen.synthesis.algorithms.tiles import _matrix_parts as parts
from warpgen.synthesis.writing.draft import Draft, Values, dedented


@DOMAIN.algorithm(
    source="Hestenes & Stiefel 1952; Saad 2003, alg. 6.18 and 9.1; Golub & Van Loan 2013, sec. 11.3",
    names={
        "conjugate_gradients": "cg_solve_tiled|block_cg|solve_by_cg",
        "matrices": "a_mats|systems|stiffness",
        "rhs": "b_vecs|loads|right_sides",
        "solution": "x_out|unknowns|result",
        "residual": "r|res|rem",
        "search": "p|direction|dir_tile",
        "image": "product|applied|mapped",
        "rho": "rho_old|old_rho",
        "diagonal_shift": "diagonal_lift|added_diagonal",
        "DIM": "N|SIZE|TILE_N",
    },
    adjoint="no",
    double=True,
    weight=15,
)
def conjugate_gradients(d: Draft) -> None:
    """Solves one symmetric positive definite system per block using conjugate gradients."""
    form = d.option("matrix", "given", "normal equations", "regularized")
    precondition = d.option("preconditioner", "none", "jacobi", "cholesky of band")
    start = d.option("start", "zero", "warm")
    stop = d.option("stop", "count", "tolerance")
    update = d.option("update", "axpy", "expression", "map")
    result = d.option("result", "solution", "with energy", "with count")
    rule = d.flag("polak ribiere", 0.3)
    if precondition != "none":
        d.calls("pcg_blocks|preconditioned_cg|pcg_solve_tiled")
    blocks, size = d.pick(3, 4, 6), d.pick(4, 6, 8)
    turns = size
    rows = size + 4
    d.module(
        f"DIM = wp.constant({size})" + (f"\nROWS = wp.constant({rows})" if form == "normal equations" else "")
    )
    if form == "normal equations":
        about = "full-rank factor J per system J^T J"
        d.input("factors", "float", (blocks, rows, size), -1.0, 1.0, about=about)
    else:
        about = "matrices without the diagonal shift"
        d.input("matrices", "float", (blocks, size, size), -0.4, 0.4, about=about)
    d.input("diagonal_shift", "float", (blocks, size), 4.0, 9.0, about="diagonal shift per matrix")
    d.input("rhs", "float", (blocks, size), -1.0, 1.0, about="right-hand sides")
    if start == "warm":
        d.input("guess", "float", (blocks, size), -0.2, 0.2, about="initial guess from the previous step")
    if form == "regularized":
        d.param("damping", "float", 0.5, 2.0, about="Tikhonov regularization")
    d.param("turns", "int", turns, about="maximum number of iterations")
    if stop == "tolerance":
        d.param("tolerance_sq", "float", 1e-10, about="squared residual tolerance")
    d.output("solution", "float", (blocks, size), about="solutions")
    if result == "with energy":
        d.output("energies", "float", blocks, about="minimum energies")
    elif result == "with count":
        d.output("iterations", "int", blocks, about="number of iterations performed")
    build = {
        "given": """
            raw = wp.tile_load(matrices[block], shape=(DIM, DIM))
            # CG requires a symmetric matrix, so symmetrize first
            sym = 0.5 * (raw + wp.tile_transpose(raw))
            a = wp.tile_diag_add(sym, shift)
            """,
        "normal equations": """
            jac = wp.tile_load(factors[block], shape=(ROWS, DIM))
            a = wp.tile_diag_add(wp.tile_matmul(wp.tile_transpose(jac), jac), shift)
            """,
        "regularized": """
            raw = wp.tile_load(matrices[block], shape=(DIM, DIM))
            sym = 0.5 * (raw + wp.tile_transpose(raw))
            # Tikhonov: add a multiple of the identity to keep the system well conditioned
            lift = shift + wp.tile_full(shape=DIM, value=damping, dtype=float)
            a = wp.tile_diag_add(sym, lift)
            """,
    }[form]
    product = "wp.tile_squeeze(wp.tile_matmul(a, wp.tile_reshape({}, shape=(DIM, 1))))"
    if precondition == "jacobi":
        d.function(parts.OVER)
        if form != "normal equations":
            d.function(parts.ON_DIAGONAL)
    elif precondition == "cholesky of band":
        d.function(parts.NEAR_DIAGONAL)
    numbers = """
            row_id = wp.tile_broadcast(wp.tile_reshape(wp.tile_arange(DIM, dtype=int), shape=(DIM, 1)), shape=(DIM, DIM))
            col_id = wp.tile_broadcast(wp.tile_arange(DIM, dtype=int), shape=(DIM, DIM))"""
    prepare = {
        "none": "",
        "jacobi": "entries = shift + wp.tile_sum(wp.tile_map(wp.mul, jac, jac), axis=0)"
        if form == "normal equations"
        else f"""{numbers}
            entries = wp.tile_sum(wp.tile_map(on_diagonal, a, row_id, col_id), axis=1)
            """,
        "cholesky of band": f"""
            # Factorize the tridiagonal part once as preconditioner; it is SPD due to diagonal dominance{numbers}
            band = wp.tile_cholesky(wp.tile_map(near_diagonal, a, row_id, col_id))
            """,
    }[precondition]
    solve = {
        "none": "",
        "jacobi": "wp.tile_map(over, residual, entries)",
        "cholesky of band": "wp.tile_cholesky_solve(band, residual)",
    }[precondition]
    if update == "map":
        d.function('''
            @wp.func
            def along(x: float, step: float, y: float) -> float:
                """x + step * y."""
                return x + step * y
        ''')
    moves = {
        "axpy": "wp.tile_axpy(step, search, x)\nwp.tile_axpy(-step, image, residual)",
        "expression": "x += step * search\nresidual -= step * image",
        "map": "x = wp.tile_map(along, x, step, search)\nresidual = wp.tile_map(along, residual, -step, image)",
    }[update]
    z = "z" if solve else "residual"  # without a preconditioner the two are one
    turn = f"search = {z} + (rho_new / rho) * search"
    if update == "map":
        turn = f"search = wp.tile_map(along, {z}, rho_new / rho, search)"
    new = f"rho_new = wp.tile_dot(residual, {z})[0]"
    if rule:
        new = f"""
            # Polak-Ribiere formula, more robust when rounding breaks conjugacy
            rho_new = wp.tile_dot(residual, {z})[0]
            overlap = wp.tile_dot(before, {z})[0]
            """
        turn = turn.replace("rho_new / rho", "(rho_new - overlap) / rho")
    count = result == "with count"
    ends = ""
    if stop == "tolerance":
        ends = f"if {'wp.tile_dot(residual, residual)[0]' if solve else 'rho_new'} < tolerance_sq:\n    break"
    found = dedented(new)
    rhs = "b = wp.tile_load(rhs[block], shape=DIM)"
    d.launch(blocks, tiled=True)
    d.code(
        f"""
        block = wp.tid()
        shift = wp.tile_load(diagonal_shift[block], shape=DIM)
        $build
        $prepare
        $start
        $z
        search = wp.tile_map(wp.pos, {z})
        rho = wp.tile_dot(residual, {z})[0]
        $count
        for turn in range(turns):
            image = {product.format("search")}
            curvature = wp.tile_dot(search, image)[0]
            # Early exit when the solution is exact, to avoid division by zero
            if curvature <= 1.0e-20:
                break
            step = rho / curvature
            $keep
            $moves
            $tick
            $next
            {turn}
            rho = rho_new
        wp.tile_store(solution[block], x)
        $store
        """,
        build=dedented(build),
        prepare=dedented(prepare),
        start=f"{rhs}\nx = wp.tile_load(guess[block], shape=DIM)\nresidual = b - {product.format('x')}"
        if start == "warm"
        else f"{rhs}\nx = wp.tile_zeros(shape=DIM, dtype=float)\nresidual = wp.tile_map(wp.pos, b)"
        if result == "with energy"
        else "x = wp.tile_zeros(shape=DIM, dtype=float)\nresidual = wp.tile_load(rhs[block], shape=DIM)",
        z=f"z = {solve}" if solve else "",
        count="steps = int(0)" if count else "",
        keep="before = wp.tile_map(wp.pos, residual)" if rule else "",
        moves=moves,
        next="\n".join(filter(None, [f"z = {solve}", ends, found] if solve else [found, ends])),
        tick="steps += 1" if count else "",
        store={
            "solution": "",
            "with energy": "# 1/2 x^T A x - b^T x with A x = b - residual\nenergies[block] = -0.5 * wp.tile_dot(b + residual, x)[0]",
            "with count": "iterations[block] = steps",
        }[result],
    )
    d.explain("""
        x minimizes 1/2 x^T A x - b^T x over growing Krylov spaces; search directions are conjugate with respect to A.
        Converges within as many iterations as there are unknowns, up to rounding.
    """)

    def reference(v: Values) -> Mapping[str, Any]:
        if form == "normal equations":
            a = v.factors.swapaxes(1, 2) @ v.factors
        else:
            a = 0.5 * (v.matrices + v.matrices.swapaxes(1, 2))
        lift = v.diagonal_shift + (v.damping if form == "regularized" else 0.0)
        a = a + np.einsum("bi,ij->bij", lift, np.eye(size))
        x = np.linalg.solve(a, v.rhs[..., None])[..., 0]
        if result == "with energy":
            return {"solution": x, "energies": -0.5 * (v.rhs * x).sum(1)}
        return {"solution": x}

    d.check(reference, 5e-3)
    if count:

        def counted(_: Values, after: Values) -> None:
            assert (after.iterations >= 1).all() and (after.iterations <= turns).all()

        d.holds(counted)


@DOMAIN.algorithm(
    source="Bauer 1957; Rutishauser 1969; Golub & Van Loan 2013, sec. 8.2; Halko, Martinsson & Tropp 2011, alg. 4.4",
    names={
        "roots": "root_mats|factors|root_factors",
        "basis": "q|frame|subspace",
        "gram": "g|overlaps|inner",
        "DIM": "N|SIZE|TILE_N",
        "RANK": "K|NUM_VECTORS|WIDTH",
    },
    adjoint="no",
    weight=2,
)
def subspace_iteration(d: Draft) -> None:
    """Computes the leading eigenvectors of one matrix per block using subspace iteration."""
    given = d.option("given", "matrix", "samples", "centered samples")
    ortho = d.option("orthogonalize", "cholesky", "columns")
    shift = d.flag("shift", 0.4)
    result = d.option("result", "basis", "values", "residual")
    spread = d.option("start", "given", "random")
    sweeps_of = d.option("sweeps", "param", "fixed")
    blocks, size, rank, samples = d.pick(3, 4), d.pick(6, 8), 2, d.pick(10, 12)
    d.module(
        f"DIM = wp.constant({size})\nRANK = wp.constant({rank})"
        + ("" if given == "matrix" else f"\nSAMPLES = wp.constant({samples})")
    )
    if given == "matrix":
        d.input(
            "roots",
            "float",
            (blocks, size, size),
            -0.5,
            0.5,
            about="square root factors R of the matrices",
        )
    else:
        d.input("samples", "float", (blocks, samples, size), -1.0, 1.0, about="samples, one per row")
    if spread == "given":
        d.input("first_basis", "float", (blocks, size, rank), -1.0, 1.0, about="initial basis")
    else:
        d.param("seed", "int", 0, 1000, about="random seed for the initial basis")
    if shift:
        d.param("shift", "float", 0.05, 0.2, about="diagonal shift, speeds up convergence")
    if sweeps_of == "param":
        d.param("sweeps", "int", d.pick(3, 4), about="number of iterations")
    d.says({
        "basis": "Computes an orthonormal basis for the leading eigenvectors of each matrix using subspace iteration.",
        "values": "Projects each matrix onto its leading eigenvectors using subspace iteration.",
        "residual": "Computes the subspace iteration residual for each matrix.",
    }[result])  # fmt: skip
    d.calls({
        "basis": "orthogonal_iteration|subspace_iteration|block_power_method",
        "values": "project_on_eigenvectors|rayleigh_quotients|subspace_projection",
        "residual": "subspace_residual|invariance_residual|eigen_residual",
    }[result])  # fmt: skip
    out = {"basis": (size, rank), "values": (rank, rank), "residual": ()}[result]
    name, about = {
        "basis": ("basis_out", "orthonormal bases, one vector per column"),
        "values": ("projected", "projections Q^T A Q of the matrices"),
        "residual": ("defect", "squared distance between A Q and span(Q)"),
    }[result]
    d.output(name, "float", (blocks, *out), about=about)
    mean = """
        mean = (1.0 / float(SAMPLES)) * wp.tile_sum(raw, axis=0)
        rows = raw - wp.tile_broadcast(mean, shape=(SAMPLES, DIM))
        """
    build = {
        "matrix": "root = wp.tile_load(roots[block], shape=(DIM, DIM))\na = wp.tile_matmul(root, wp.tile_transpose(root))",
        "samples": "rows = wp.tile_load(samples[block], shape=(SAMPLES, DIM))\n"
        "a = (1.0 / float(SAMPLES)) * wp.tile_matmul(wp.tile_transpose(rows), rows)",
        "centered samples": "raw = wp.tile_load(samples[block], shape=(SAMPLES, DIM))\n"
        + dedented(mean)
        + "\na = (1.0 / float(SAMPLES - 1)) * wp.tile_matmul(wp.tile_transpose(rows), rows)",
    }[given]
    first = "wp.tile_load(first_basis[block], shape=(DIM, RANK))"
    if spread == "random":
        first = "wp.tile_randf(shape=(DIM, RANK), rng=wp.rand_init(seed, block), min=-1.0, max=1.0)"
    if ortho == "cholesky":
        orthogonal = """
            # Cholesky QR: with G = Y^T Y = L L^T the columns of Y L^-T are orthonormal
            gram = wp.tile_matmul(wp.tile_transpose(image), image)
            factor = wp.tile_cholesky(gram)
            turned = wp.tile_transpose(wp.tile_lower_solve(factor, wp.tile_transpose(image)))
            # Copy because `turned` is a transposed view of the solve result
            basis = wp.tile_map(wp.pos, turned)
            """
    else:
        orthogonal = """
            # Gram-Schmidt: remove the first column component from the second column
            left = wp.tile_squeeze(wp.tile_view(image, offset=(0, 0), shape=(DIM, 1)))
            right = wp.tile_squeeze(wp.tile_view(image, offset=(0, 1), shape=(DIM, 1)))
            left_unit = (1.0 / wp.sqrt(wp.tile_dot(left, left)[0])) * left
            rest = right - wp.tile_dot(left_unit, right)[0] * left_unit
            rest_unit = (1.0 / wp.sqrt(wp.tile_dot(rest, rest)[0])) * rest
            turned = wp.tile_zeros(shape=(DIM, RANK), dtype=float, storage="shared")
            wp.tile_assign(turned, wp.tile_reshape(left_unit, shape=(DIM, 1)), offset=(0, 0))
            wp.tile_assign(turned, wp.tile_reshape(rest_unit, shape=(DIM, 1)), offset=(0, 1))
            # We need a copy here because each sweep overwrites `turned`
            basis = wp.tile_map(wp.pos, turned)
            """
    turns = d.pick(2, 3)
    sweeps = "sweeps" if sweeps_of == "param" else "SWEEPS"
    if sweeps_of == "fixed":
        d.module(f"SWEEPS = wp.constant({turns})")
    lines = "image = wp.tile_matmul(a, basis)\n" + dedented(orthogonal)
    loop = f"for sweep in range({sweeps}):\n    $lines"
    end = {
        "basis": "wp.tile_store(basis_out[block], basis)",
        "values": "# Rayleigh-Ritz projection\napplied = wp.tile_matmul(a, basis)\n"
        + (
            "quotient = wp.tile_matmul(wp.tile_transpose(basis), applied)\n"
            "# Undo the shift\n"
            "plus_shift = wp.tile_full(shape=RANK, value=shift, dtype=float)\n"
            "wp.tile_store(projected[block], wp.tile_diag_add(quotient, plus_shift))"
            if shift
            else "wp.tile_store(projected[block], wp.tile_matmul(wp.tile_transpose(basis), applied))"
        ),
        "residual": "applied = wp.tile_matmul(a, basis)\ninside = wp.tile_matmul(wp.tile_transpose(basis), applied)\n"
        "gap = applied - wp.tile_matmul(basis, inside)\n"
        "defect[block] = wp.tile_sum(wp.tile_map(wp.mul, gap, gap))[0]",
    }[result]
    d.launch(blocks, tiled=True)
    d.code(
        """
        block = wp.tid()
        $build
        $shift
        basis = $first
        $loop
        $end
        """,
        build=build,
        shift="minus_shift = wp.tile_full(shape=DIM, value=-shift, dtype=float)\na = wp.tile_diag_add(a, minus_shift)"
        if shift
        else "",
        first=first,
        loop=loop,
        lines=lines,
        end=end,
    )
    of = {
        "matrix": "A = R R^T with the given R",
        "samples": "A is the mean of x x^T over all samples",
        "centered samples": "A is the sample covariance",
    }[given]
    d.explain(f"""
        {of}. Each sweep multiplies the basis by A{" (with shifted diagonal)" if shift else ""} and
        re-orthonormalizes it. Directions with large eigenvalues grow fastest, so the span converges to the leading
        eigenvectors.
    """)

    def agrees(v: Values, after: Values) -> None:
        if given == "matrix":
            a = v.roots @ v.roots.swapaxes(1, 2)
        else:
            x = v.samples - (v.samples.mean(1, keepdims=True) if given == "centered samples" else 0.0)
            a = x.swapaxes(1, 2) @ x / (samples - (given == "centered samples"))
        if shift:
            a = a - v.shift * np.eye(size)
        if spread == "given":
            q = v.first_basis
            for _ in range(turns if sweeps_of == "fixed" else int(v.sweeps)):
                q, r = np.linalg.qr(a @ q)
                q = q * np.sign(np.einsum("bii->bi", r))[:, None, :]
            seen = q.swapaxes(1, 2) @ a @ q
            rest = ((a @ q - q @ seen) ** 2).sum((1, 2))
            seen = seen + (v.shift * np.eye(rank) if shift else 0.0)
            expected = {"basis": q, "values": seen, "residual": rest}[result]
            error = np.abs(after[name] - expected).max()
            assert error < 2e-2 * max(1e-3, np.abs(expected).max()), "not the span"
        elif result == "basis":
            q = after.basis_out
            np.testing.assert_allclose(q.swapaxes(1, 2) @ q, np.tile(np.eye(rank), (blocks, 1, 1)), atol=2e-3)
        elif result == "values":
            top = np.linalg.eigvalsh(a)[:, -rank:] + (v.shift if shift else 0.0)
            ritz = np.linalg.eigvalsh(0.5 * (after.projected + after.projected.swapaxes(1, 2)))
            assert (ritz <= top + 1e-3).all() and (ritz[:, -1] > 0.3 * top[:, -1]).all(), "not Ritz values"
        else:
            top = np.abs(np.linalg.eigvalsh(a)).max(1)
            assert (after.defect >= 0).all() and (after.defect <= rank * top**2).all()
            assert after.defect.max() > 1e-7

    d.holds(agrees)
