"""Whole Krylov solves, a small system for each thread."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.linear_algebra import DOMAIN
from warpgen.synthesis.algorithms.linear_algebra._krylov_loops import loop
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Hestenes & Stiefel 1952; Saad 2003, ch. 6, 7 and 9; van der Vorst 1992 (BiCGSTAB); Paige & Saunders 1975",
    names={
        "solve_iteratively": "batched_cg|conjugate_gradient_solve|krylov_solve|solve_systems",
        "system": "tid|i|batch",
        "A": "matrices|lhs|a_mat",
        "b": "rhs|right|loads",
        "r": "residual|res|resid",
        "p": "direction|search|dir_p",
        "z": "preconditioned|y_pre|zr",
        "alpha": "step|alpha_k|step_length",
        "beta": "ratio|beta_k",
        "rho": "rho_k|rho_old",
    },
    adjoint="no",
    weight=12,
)
def solve_iteratively(d: Draft) -> None:
    """Solves one small linear system per thread using a Krylov method."""
    method = d.option("method", "gradients", "residuals", "stabilized")
    precond = d.option("preconditioner", "none", "jacobi", "gauss seidel")
    if method == "residuals":
        precond = "none"
    if method == "stabilized" and precond == "gauss seidel":
        precond = "jacobi"
    layout = d.option("layout", "dense", "rows", "banded")
    start = d.option("start", "zero", "guess", "scaled")
    stop = (
        d.option("stop", "relative", "absolute", "energy")
        if method == "gradients"
        else d.option("criterion", "relative", "absolute")
    )
    if layout == "rows" and stop == "energy":
        stop = "relative"  # of entries that are not symmetric: BiCGSTAB has no such norm
    shift = d.flag("shift", 0.45)
    result = d.option("result", "solution", "iterations", "residual")
    place = d.option("memory", "array", "vector", "global")
    damped = d.flag("restart", 0.4) and method == "gradients" and result != "residual"
    n, size, width = d.pick(12, 16, 24), d.pick(6, 8), 3
    if layout == "dense":
        d.input(
            "A",
            "float",
            (n, size, size),
            -0.15,
            0.15,
            about="Off-diagonal entries" if method == "stabilized" else "Lower triangular entries",
        )
    elif layout == "rows":
        d.input("offdiag", "float", (n, size, width), -0.25, 0.25, about="Off-diagonal entries")
        d.input(
            "columns",
            "int",
            (size, width),
            0,
            size,
            about="Column indices, the row itself for padding",
        )
    else:
        both = method == "stabilized"  # which is made for matrices that are not symmetric
        d.input(
            "offdiag",
            "float",
            (n, size, 4 if both else 2),
            -0.25,
            0.25,
            about=f"First and second {'super-diagonals, then sub-diagonals' if both else 'super-diagonals'}",
        )
    d.input("diagonal", "float", (n, size), 1.6, 3.0, about="Diagonals")
    d.input("b", "float", (n, size), -1.0, 1.0, about="Right-hand sides")
    if start == "guess":
        d.input("guess", "float", (n, size), -0.3, 0.3, about="Initial guess (previous solutions)")
    if shift:
        d.param("shift", "float", 0.1, 0.5, about="Diagonal shift")
    relative = "tolerance relative to the initial residual" if stop == "relative" else "norm tolerance"
    # a residual that is asked for is of a rough solution
    d.param("tolerance", "float", 0.05 if result == "residual" else 1.0e-4, about=f"Residual {relative}")
    d.param(
        "max_iterations", "int", 2 * size if result != "residual" else 3, about="Maximum number of iterations"
    )
    d.output("x", "float", (n, size), about="Solutions")
    if result == "iterations":
        d.output("iterations", "int", n, about="Number of iterations")
    elif result == "residual":
        d.output("residual_norm", "float", n, about="Final residual norm")
    names = (
        ["r", "p", "q"]
        + (["z"] if precond != "none" else [])
        + (["shadow", "s_vec", "t_vec"] if method == "stabilized" else [])
    )
    if method == "residuals":
        names = ["r", "p", "q", "Ar"]
    if place == "vector":
        d.module(f"SIZE = wp.constant({size})\nvecn = wp.types.vector(length=SIZE, dtype=float)")
        kind, zero = "vecn", "vecn()"
    elif place == "array":
        d.module(f"SIZE = wp.constant({size})")
        kind, zero = "wp.array(dtype=float)", "wp.zeros(shape=SIZE, dtype=float)"
    else:
        d.module(f"SIZE = wp.constant({size})")
        kind, zero = "wp.array(dtype=float)", ""
        for name in names:
            d.inout(f"{name}_work", "float", (n, size), value=0.0, about="Scratch buffer")
    matrix = {
        "dense": "A: wp.array3d(dtype=float)",
        "rows": "offdiag: wp.array3d(dtype=float), columns: wp.array2d(dtype=int)",
        "banded": "offdiag: wp.array3d(dtype=float)",
    }[layout]
    given = {"dense": "A", "rows": "offdiag, columns", "banded": "offdiag"}[layout]
    d.function(
        f'''
        @wp.func
        def product_row({matrix}, diagonal: wp.array2d(dtype=float), v: {kind}, system: int, row: int) -> float:
            """Compute a single row of the matrix-vector product."""
            total = diagonal[system, row] * v[row]
            $entries
            return total
        ''',
        entries={
            "dense": """
                for col in range(SIZE):
                    if col != row:
                        total += A[system, row, col] * v[col]
                """
            if method == "stabilized"
            else """
                # Only the lower triangle is stored (symmetric)
                for col in range(SIZE):
                    if col != row:
                        total += A[system, wp.max(row, col), wp.min(row, col)] * v[col]
                """,
            "rows": """
                for k in range(columns.shape[1]):
                    col = columns[row, k]
                    # Skip padding
                    if col != row:
                        total += offdiag[system, row, k] * v[col]
                """,
            "banded": """
                # Two bands on each side$apart
                for k in range(2):
                    ahead = row + k + 1
                    behind = row - k - 1
                    if ahead < SIZE:
                        total += offdiag[system, row, k] * v[ahead]
                    if behind >= 0:
                        total += offdiag[$behind] * v[behind]
                """.replace("$apart", ", stored separately" if method == "stabilized" else "").replace(
                "$behind", "system, row, k + 2" if method == "stabilized" else "system, behind, k"
            ),
        }[layout],
    )
    if method != "stabilized" and layout == "rows":
        # The entries of rows are not symmetric: only BiCGSTAB is made for that.
        method, damped = "stabilized", False
        precond = "none" if precond == "gauss seidel" else precond
        names = ["r", "p", "q"] + (["z"] if precond != "none" else []) + ["shadow", "s_vec", "t_vec"]
        for name in names:
            if place == "global" and not any(q.name == f"{name}_work" for q in d.parameters):
                d.inout(f"{name}_work", "float", (n, size), value=0.0, about="Scratch buffer")
    if damped:
        d.module("RESTART = wp.constant(5)")
    d.calls({
        "gradients": "batched_cg|conjugate_gradient_solve|krylov_solve|solve_systems",
        "residuals": "batched_cr|conjugate_residual_solve|krylov_solve|solve_systems",
        "stabilized": "batched_bicgstab|bicgstab_solve|krylov_solve|solve_systems",
    }[method])  # fmt: skip
    d.function(f'''
        @wp.func
        def inner(u: {kind}, w: {kind}) -> float:
            """Dot product of two vectors."""
            total = float(0.0)
            for k in range(SIZE):
                total += u[k] * w[k]
            return total
    ''') if place != "vector" else None
    dot = "wp.dot({}, {})" if place == "vector" else "inner({}, {})"
    plus = " + shift * {}[k]" if shift else ""

    def apply(target: str, v: str) -> str:
        return (
            f"for k in range(SIZE):\n    {target}[k] = product_row({given}, diagonal, {v}, system, k)"
            + plus.format(v)
        )

    diag = "(diagonal[system, k] + shift)" if shift else "diagonal[system, k]"
    if precond == "gauss seidel" and layout == "rows":
        precond = "jacobi"
    sweep = {
        "none": "",
        "jacobi": f"for k in range(SIZE):\n    $z[k] = $r[k] / {diag}",
        "gauss seidel": f"""
            # Forward and backward sweep, so that the preconditioner stays symmetric
            for k in range(SIZE):
                rest = $r[k]
                $lower
                $z[k] = rest / {diag}
            for back in range(SIZE):
                k = SIZE - 1 - back
                rest = float(0.0)
                $upper
                $z[k] = $z[k] - rest / {diag}
            """,
    }[precond]
    if precond == "gauss seidel":
        lower = (
            "for j in range(k):\n    rest -= A[system, k, j] * $z[j]"
            if layout == "dense"
            else "if k >= 1:\n    rest -= offdiag[system, k - 1, 0] * $z[k - 1]\nif k >= 2:\n    rest -= offdiag[system, k - 2, 1] * $z[k - 2]"
        )
        upper = (
            "for j in range(k + 1, SIZE):\n    rest += A[system, j, k] * $z[j]"
            if layout == "dense"
            else "if k + 1 < SIZE:\n    rest += offdiag[system, k, 0] * $z[k + 1]\nif k + 2 < SIZE:\n    rest += offdiag[system, k, 1] * $z[k + 2]"
        )
        sweep = sweep.replace("$lower", lower.replace("\n", "\n                ")).replace(
            "$upper", upper.replace("\n", "\n                ")
        )
    sweep = "\n".join(line[12:] if line.startswith(" " * 12) else line for line in sweep.split("\n")).strip(
        "\n"
    )

    def precondition(z: str, r: str) -> str:
        return sweep.replace("$z", z).replace("$r", r)

    lead = "z" if precond != "none" else "r"
    # Plain conjugate gradients have the square of the residual anyway
    held = method == "gradients" and lead == "r"
    norm = "wp.sqrt(rho)" if held else f"wp.sqrt({dot.format('r', 'r')})"
    limit = f"limit = tolerance * {norm} + 1.0e-12" if stop == "relative" else ""
    least = "limit" if limit else "tolerance"
    reached = f"if {norm} <= {least}:\n    break"
    if stop == "energy" and not held:
        reached = "# Converged in the preconditioned residual norm\nif wp.sqrt(rho) <= tolerance:\n    break"
    at = "x[system, k]"
    pre = precond != "none"
    update = f"for k in range(SIZE):\n    {at} = {at} + alpha * p[k] + omega * s_vec[k]"
    if pre:
        update = f"for k in range(SIZE):\n    {at} = {at} + (alpha * p[k] + omega * s_vec[k]) / {diag}"
    guess = {
        "zero": f"{at} = 0.0",
        "guess": f"{at} = guess[system, k]",
        "scaled": f"# Diagonal initial guess\n{at} = b[system, k] / {diag}",
    }[start]
    zeros = (
        [f"{name} = {zero}" for name in names]
        if place != "global"
        else [f"{name} = {name}_work[system]" for name in names]
    )
    d.launch(n)
    d.code(
        """
        system = wp.tid()
        $zeros
        $first_guess
        $loop
        $store
        """,
        zeros="\n".join(zeros),
        first_guess="""
            # Zero initial guess, so r = b
            for k in range(SIZE):
                $guess
                r[k] = b[system, k]
            """
        if start == "zero"
        else """
            for k in range(SIZE):
                $guess
                p[k] = $at
            # Initial residual
            $residual
            for k in range(SIZE):
                r[k] = b[system, k] - q[k]
            """,
        guess=guess,
        at=at,
        x=at,
        residual=apply("q", "p"),
        limit=limit,
        loop=loop(method, lead, dot),
        first=precondition("z", "r"),
        next=precondition("z", "r"),
        reached=reached,
        apply_p=apply("q", "z" if pre and method == "stabilized" else "p"),
        apply_r=apply("Ar", "r"),
        apply_s=apply("t_vec", "z" if pre else "s_vec"),
        pre_p=precondition("z", "p"),
        pre_s=precondition("z", "s_vec"),
        steepest="# Restart periodically, because rounding errors degrade conjugacy\nif iteration % RESTART == RESTART - 1:\n    beta = 0.0"
        if damped
        else "",
        update=update,
        store={
            "solution": "",
            "iterations": "iterations[system] = taken",
            "residual": f"residual_norm[system] = {norm}",
        }[result],
    )
    if result != "iterations":
        d.text = "\n".join(line for line in d.text.split("\n") if "taken" not in line)
    d.says(
        {
            "gradients": "Solves one small linear system per thread using conjugate gradients",
            "residuals": "Solves one small linear system per thread using conjugate residuals",
            "stabilized": "Solves one small linear system per thread using BiCGSTAB",
        }[method]
        + {
            "none": ".",
            "jacobi": " with Jacobi preconditioning.",
            "gauss seidel": " with symmetric Gauss-Seidel preconditioning.",
        }[precond]
    )
    kind_of = {"gradients": "symmetric and positive definite", "residuals": "symmetric"}.get(method)
    d.explain(
        "Each thread solves a full system, so no synchronization is needed."
        + (f" Matrices must be {kind_of}." if kind_of else "")
        + (" `shift` is added to the diagonal." if shift else "")
        + (" Search directions are reset every RESTART iterations." if damped else "")
    )

    def matrices(v: Values) -> Any:
        made = np.zeros((n, size, size))
        if layout == "dense":
            made = (
                v.A.copy()
                if method == "stabilized"
                else np.tril(v.A, -1) + np.swapaxes(np.tril(v.A, -1), 1, 2)
            )
        elif layout == "rows":
            for row in range(size):
                for k in range(width):
                    made[:, row, v.columns[row, k]] += v.offdiag[:, row, k]
        else:
            for k in range(2):
                for row in range(size - k - 1):
                    made[:, row, row + k + 1] = made[:, row + k + 1, row] = v.offdiag[:, row, k]
                    if method == "stabilized":
                        made[:, row + k + 1, row] = v.offdiag[:, row + k + 1, k + 2]
        made[:, range(size), range(size)] = v.diagonal + (v.shift if shift else 0.0)
        return made

    def solves(v: Values, after: Values) -> None:
        a = matrices(v)
        left = np.linalg.norm(np.einsum("nij,nj->ni", a, after.x) - v.b, axis=1)
        size_ = np.linalg.norm(v.b, axis=1)
        if result == "residual":
            np.testing.assert_allclose(after.residual_norm, left, atol=2e-4)
            assert np.mean(left < size_) > 0.9, "the residuals have not fallen"
        else:
            assert np.mean(left < 2e-3 * (1 + size_)) > 0.9, f"residuals of {left.max():.2g} are left"
        if result == "iterations":
            assert after.iterations.min() >= 0 and 0 < after.iterations.max() <= 2 * size

    d.holds(solves)
