"""Sweeps and preconditioners: what an iterative solver does with one row at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.sparse import DOMAIN
from warpgen.synthesis.library import compressed
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = compressed.NAMES | {
    "x": "x_old|iterate",
    "y": "x_new|x_next",
    "off_diag": "sigma|rest",
    "neighbor_sum": "coupled_sum|coupling_sum",
    "diag": "diagonal|main_diag",
    "omega": "relaxation|relax|w",
    "inv_diag": "dinv|inverse_diagonal|diag_inv",
}


@DOMAIN.algorithm(
    source="Saad 2003, section 4.1; Briggs, Henson & McCormick 2000, A Multigrid Tutorial, chapter 2",
    names=_NAMES,
    double=True,
    adjoint="no",
)
def weighted_jacobi(d: Draft) -> None:
    """Performs one damped Jacobi iteration for a CSR matrix."""
    layout = d.option("layout", "arrays", "struct")
    diagonal = d.option("diagonal", "in the row", "by itself", "inverse by itself")
    damping = d.option("damping", "none", "uniform", "chebyshev")
    pinned = d.flag("pinned", 0.4)
    d.calls({
        "none": "jacobi_sweep|jacobi_iteration|relax_jacobi",
        "uniform": "weighted_jacobi|damped_jacobi|jacobi_smooth",
        "chebyshev": "chebyshev_jacobi|accelerated_jacobi|chebyshev_sweep",
    }[damping])  # fmt: skip
    n = d.pick(40, 64, 72)
    a = compressed.declare(d, n, n, n * d.pick(3, 4), layout, "float", -0.2, 0.2)
    name = {"in the row": "shift", "by itself": "diag", "inverse by itself": "inv_diag"}[diagonal]
    low, high = (0.2, 0.5) if diagonal == "inverse by itself" else (2.0, 4.0)
    about = {
        "shift": "Diagonal shift",
        "diag": "Matrix diagonal",
        "inv_diag": "Inverse matrix diagonal",
    }[name]
    d.input(name, "float", n, low, high, about=about)
    d.input("b", "float", n, -1.0, 1.0, about="Right-hand side")
    d.input("x", "float", n, -1.0, 1.0, about="Current solution")
    if pinned:
        d.mask("pinned", "int", n, rare=True, about="Nonzero for Dirichlet nodes")
    if damping == "uniform":
        d.param("omega", "float", 0.4, 0.9, about="Relaxation factor")
    elif damping == "chebyshev":
        d.input("x_prev", "float", n, -1.0, 1.0, about="Previous solution")
        d.param("omega_k", "float", 1.1, 1.8, about="Chebyshev weight of this iteration, 1 to 2")
    d.output("y", "float", n, about="Updated solution")
    hold = "# Dirichlet nodes keep their current value\nif pinned[row] != 0:\n    y[row] = x[row]\n    return"
    values, columns = a.text["values"], a.text["columns"]
    if diagonal == "in the row":
        # the entries of the row that lie on the diagonal add to the shift
        inner = f"""
        col = {columns}[k]
        if col == row:
            diag += {values}[k]
        else:
            off_diag += {values}[k] * x[col]
        """
        before, jacobi = "diag = shift[row]", "(b[row] - off_diag) / diag"
    else:
        inner = f"""
        col = {columns}[k]
        if col != row:
            off_diag += {values}[k] * x[col]
        """
        before = ""
        by_it = "(b[row] - off_diag) / diag[row]"
        jacobi = by_it if diagonal == "by itself" else "inv_diag[row] * (b[row] - off_diag)"
    after = {
        "none": f"y[row] = {jacobi}",
        "uniform": f"y[row] = (1.0 - omega) * x[row] + omega * {jacobi}",
        "chebyshev": f"x_jacobi = {jacobi}\n# three-term recurrence using the previous iterate\n"
        "y[row] = omega_k * (x_jacobi - x_prev[row]) + x_prev[row]",
    }[damping]
    d.launch(n)
    d.code(
        """
        row = wp.tid()
        $hold
        off_diag = float(0.0)
        $before
        for k in range($offsets[row], $offsets[row + 1]):
            $inner
        $after
        """,
        hold=hold if pinned else "",
        before=before,
        inner=inner,
        after=after,
        **a.text,
    )
    d.explain(
        """
        $step (b_i - sum_(j != i) a_ij x_j) / a_ii from old values, so the order of rows does not
        matter.$smoother
    """.replace("$step", "x_i <-" if damping == "none" else "Jacobi's new x_i is").replace(
            "$smoother",
            " Under-relaxation makes it suitable as a multigrid smoother." if damping == "uniform" else "",
        )
    )
    kind = {"none": "Jacobi", "uniform": "damped Jacobi", "chebyshev": "Chebyshev-accelerated Jacobi"}[
        damping
    ]
    shifted = " with a shifted diagonal" if diagonal == "in the row" else ""
    fixed = ", with pinned unknowns" if pinned else ""
    d.says(f"Performs one {kind} iteration for a CSR matrix{shifted}{fixed}.")

    def reference(v: Values) -> dict[str, Any]:
        matrix = a.dense(v)
        main = np.diag(matrix).copy()
        np.fill_diagonal(matrix, 0.0)
        rest = v.b - matrix @ v.x
        if diagonal == "in the row":
            step = rest / (v["shift"] + main)
        else:
            step = rest / v.diag if diagonal == "by itself" else rest * v.inv_diag
        if damping == "uniform":
            step = v.x + v.omega * (step - v.x)
        elif damping == "chebyshev":
            step = v.omega_k * (step - v.x_prev) + v.x_prev
        return {"y": np.where(v.pinned != 0, v.x, step) if pinned else step}

    d.check(reference)


@DOMAIN.algorithm(
    source="Saad 2003, section 12.4.3 (multicolour sweeps)",
    names=_NAMES
    | {
        "x": "solution|u",
        "group": "color_rows|rows",
        "begin": "color_start|first_row",
        "neighbors": "adjacency|adjacent",
        "weights": "couplings|edge_weights",
        "slot": "k|entry",
    },
    adjoint="no",
    double=True,
)
def coloured_gauss_seidel(d: Draft) -> None:
    """Performs a multicolor Gauss-Seidel update for all rows of one color."""
    layout = d.option("layout", "padded", "red-black grid", "chain")
    over = d.flag("over")
    difference = d.flag("largest change", 0.3)
    form = d.option("form", "value", "residual")
    entry = d.option("entry", "float", "vec3")
    d.calls(
        "sor_color_pass|colored_sor|sor_sweep" if over else "gauss_seidel_color|gs_sweep|colored_gauss_seidel"
    )
    kind = "SOR" if over else "Gauss-Seidel"
    d.says(f"Performs a multicolor {kind} update for all rows of one color.")
    omega = ""
    zero = "float(0.0)" if entry == "float" else "wp.vec3()"
    size = "wp.abs(new - old)" if entry == "float" else "wp.length(new - old)"
    height, width = d.pick(10, 12, 16), d.pick(8, 12, 14)
    n = height * width
    if layout == "padded":
        # rows 0 .. n/2-1 are of one colour: their neighbours are among the others
        d.input("group", "int", n // 2, kind="permutation", about="Row indices for this color")
        d.input(
            "neighbors",
            "int",
            (n, 4),
            n // 2,
            n,
            about="Neighbor indices per row, always of a different color",
        )
        d.input("weights", "float", (n, 4), 0.1, 0.9, about="Coupling weight per neighbor")
    d.inout(
        "x", entry, (height, width) if layout == "red-black grid" else n, -1.0, 1.0, about="Current solution"
    )
    d.input(
        "b", entry, (height, width) if layout == "red-black grid" else n, -1.0, 1.0, about="Right-hand side"
    )
    d.param("diag", "float", 4.5, 6.0, about="Matrix diagonal")
    if over:
        d.param("omega", "float", 1.1, 1.7, about="Relaxation factor")
        omega = "omega * "
    if layout != "padded":
        d.param("parity", "int", 0, 2, about="Color to relax, 0 or 1")
    if difference:
        d.inout("change", "float", 1, value=0.0, about="Maximum absolute update")
    at = "i, j" if layout == "red-black grid" else "row"
    new = f"(b[{at}] + neighbor_sum) / diag"
    if form == "residual" or over:
        update = f"new = old + {omega}((b[{at}] + neighbor_sum) / diag - old)"
        if form == "residual":
            update = f"r = b[{at}] + neighbor_sum - diag * old\nnew = old + {omega}r / diag"
    else:
        update = f"new = {new}"
    store = f"old = x[{at}]\n{update}\nx[{at}] = new"
    if difference:
        store += f"\nwp.atomic_max(change, 0, {size})"
    elif form == "value" and not over:
        store = f"x[{at}] = {new}"
    d.explain({
        "padded": (
            "x_i <- x_i + omega ((b_i + sum_j w_ij x_j) / diag - x_i)"
            if over
            else "x_i <- (b_i + sum_j w_ij x_j) / diag"
        )
        + ": off-diagonal matrix entries are the negative couplings.",
        "red-black grid": "Off-diagonal entries are -1.",
        "chain": "",
    }[layout])  # fmt: skip
    if layout == "padded":
        d.launch(n // 2)
        d.code(
            """
            tid = wp.tid()
            row = group[tid]
            neighbor_sum = $zero
            for slot in range(neighbors.shape[1]):
                neighbor_sum += weights[row, slot] * x[neighbors[row, slot]]
            $store
            """,
            zero=zero,
            store=store,
        )
    elif layout == "red-black grid":
        d.launch(height, width // 2)
        d.code(
            """
            i, half = wp.tid()
            # Red-black ordering by parity
            j = 2 * half + (i + parity) % 2
            neighbor_sum = $zero
            if i > 0:
                neighbor_sum += x[i - 1, j]
            if i < x.shape[0] - 1:
                neighbor_sum += x[i + 1, j]
            if j > 0:
                neighbor_sum += x[i, j - 1]
            if j < x.shape[1] - 1:
                neighbor_sum += x[i, j + 1]
            $store
            """,
            zero=zero,
            store=store,
        )
        d.says(
            f"Performs a red-black {kind} update for a shifted Poisson equation with zero boundary values."
        )
    else:
        d.launch(n // 2)
        d.code(
            """
            tid = wp.tid()
            row = 2 * tid + parity
            neighbor_sum = $zero
            if row > 0:
                neighbor_sum += x[row - 1]
            if row + 1 < x.shape[0]:
                neighbor_sum += x[row + 1]
            $store
            """,
            zero=zero,
            store=store,
        )
        d.says(
            f"Performs an odd-even {kind} update for a tridiagonal system with off-diagonal entries of -1."
        )

    def reference(v: Values) -> dict[str, Any]:
        matrix = np.zeros((n, n))
        rows = np.arange(n)
        if layout == "padded":
            np.add.at(matrix, (rows[:, None], v.neighbors), v.weights)
            mine = rows < n // 2
        elif layout == "red-black grid":
            eye = [np.eye(height, k=1) + np.eye(height, k=-1), np.eye(width, k=1) + np.eye(width, k=-1)]
            matrix = np.kron(eye[0], np.eye(width)) + np.kron(np.eye(height), eye[1])
            mine = (rows // width + rows % width) % 2 == v.parity
        else:
            matrix = np.eye(n, k=1) + np.eye(n, k=-1)
            mine = rows % 2 == v.parity
        x, b = v.x.reshape(n, -1), v.b.reshape(n, -1)
        factor = v.omega if over else 1.0
        new = np.where(mine[:, None], x + factor * ((b + matrix @ x) / v.diag - x), x)
        made = {"x": new.reshape(v.x.shape)}
        if difference:
            made["change"] = np.linalg.norm(new - x, axis=1).max(keepdims=True)
        return made

    d.check(reference)
