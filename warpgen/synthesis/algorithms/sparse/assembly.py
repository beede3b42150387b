"""How sparse matrices come about from triplets, and what their rows tell."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.sparse import DOMAIN
from warpgen.synthesis.library import compressed
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = compressed.NAMES | {
    "cursor": "fill|next_slot|row_fill",
    "slot": "at|place",
    "scale": "s|row_scale|d_scale",
    "diag": "diagonal|main_diag",
}


def _inverse(s: Any, least: float) -> Any:
    """Inverses of what is larger than `least` in magnitude, else zero."""
    return np.where(np.abs(s) > least, 1.0 / np.where(np.abs(s) > least, s, 1.0), 0.0)


@DOMAIN.algorithm(
    source="Saad 2003, section 3.4; Bell, Dalton & Olson 2012 (assembly of triplets on parallel machines)",
    names=_NAMES,
    adjoint="no",
)
def triplets_to_rows(d: Draft) -> None:
    """Counts triplets per row (first pass of COO to CSR)."""
    task = d.option("task", "count", "place", "assemble", "bandwidth", "ell")
    form = d.option("indices", "two arrays", "pairs")
    drop = d.option("drop", "none", "negative", "small", "upper")
    symmetric = d.flag("symmetric", 0.3)
    d.calls({
        "count": "count_row_entries|count_triplets|row_counts",
        "place": "scatter_triplets|fill_rows|triplets_to_rows",
        "assemble": "coo_to_dense|assemble_dense|sum_triplets",
        "bandwidth": "row_bandwidth|matrix_bandwidth|row_reach",
        "ell": "coo_to_ell|fill_ell|scatter_to_ell",
    }[task])  # fmt: skip
    n, m = d.pick(32, 40, 48), d.pick(96, 128, 160)
    if task == "count" and not symmetric and drop in ("none", "small"):
        drop = "upper"  # else it would not ask for columns
    low = -(n // 8) if drop == "negative" else 0
    dropped = ", negative if dropped" if drop == "negative" else ""
    if form == "pairs":
        d.input("triplets", "vec2i", m, low, n, about=f"Row and column index per entry{dropped}")
        read = "row = triplets[k][0]\ncol = triplets[k][1]"
    else:
        rows, cols = d.pick(("rows", "cols"), ("row_indices", "col_indices"), ("i_idx", "j_idx"))
        d.input(rows, "int", m, low, n, about=f"Row indices{dropped}")
        d.input(cols, "int", m, low, n, about=f"Column indices{dropped}")
        read = f"row = {rows}[k]\ncol = {cols}[k]"
    if task == "bandwidth" and (drop == "small" or (drop == "upper" and symmetric)):
        drop = "none"
    of = {
        "none": "",
        "negative": "",
        "small": " above a drop tolerance",
        "upper": " in the lower triangle",
    }[drop]
    valued = task in ("place", "assemble", "ell") or drop == "small"
    if valued:
        d.input("values", "float", m, -1.0, 1.0, about="Matrix entries")
    if drop == "small":
        d.param("tol", "float", 0.1, 0.4, about="Drop tolerance")
    leave = {
        "none": "",
        "negative": "# Skip dropped entries (negative row or column)\nif row < 0 or col < 0:\n    return",
        "small": "# Drop entries below the tolerance\nif wp.abs(values[k]) < tol:\n    return",
        "upper": "# Only keep the lower triangle\nif col > row:\n    return",
    }[drop]

    def kept(v: Values) -> tuple[Any, Any, Any]:
        row, col = v.triplets.T if form == "pairs" else (v[rows], v[cols])
        a = v["values"] if valued else np.ones(m)
        live = np.ones(m, bool)
        if drop == "negative":
            live = (row >= 0) & (col >= 0)
        elif drop == "small":
            live = np.abs(a) >= v.tol
        elif drop == "upper":
            live = col <= row
        return row[live], col[live], a[live]

    d.launch(m)
    head = "k = wp.tid()\n$read\n$leave\n"
    mirror = symmetric and task in ("count", "assemble")
    if task == "count":
        d.inout("row_count", "int", n, value=0.0, about="Number of entries per row")
        more = "if col != row:\n    wp.atomic_add(row_count, col, 1)" if mirror else ""
        d.code(head + "wp.atomic_add(row_count, row, 1)\n$more", read=read, leave=leave, more=more)
        d.says(
            f"Counts the number of entries per row of a symmetric matrix given as triplets{of}, mirroring off-diagonal entries."
            if mirror
            else f"Counts the triplets{of} per row (first pass of COO to CSR)."
        )

        def counted(v: Values) -> dict[str, Any]:
            row, col, _ = kept(v)
            made = np.bincount(row, minlength=n)
            return {"row_count": made + np.bincount(col[col != row], minlength=n) * mirror}

        d.check(counted)
    elif task == "assemble":
        d.output("dense", "float", (n, n), about="Dense matrix")
        more = "if col != row:\n    wp.atomic_add(dense, col, row, values[k])" if mirror else ""
        d.code(head + "# Sum duplicate triplets\nwp.atomic_add(dense, row, col, values[k])\n$more",
               read=read, leave=leave, more=more)  # fmt: skip
        d.says(
            f"Assembles COO triplets{of} into a symmetric dense matrix, mirroring off-diagonal entries and summing duplicates."
            if mirror
            else f"Assembles COO triplets{of} into a dense matrix, summing duplicates."
        )

        def assembled(v: Values) -> dict[str, Any]:
            row, col, a = kept(v)
            made = np.zeros((n, n))
            np.add.at(made, (row, col), a)
            if mirror:
                off = row != col
                np.add.at(made, (col[off], row[off]), a[off])
            return {"dense": made}

        d.check(assembled)
    elif task == "bandwidth":
        d.inout("lower", "int", n, value=0.0, about="Lower bandwidth per row")
        if symmetric:
            d.inout("upper", "int", n, value=0.0, about="Upper bandwidth per row")
        more = "wp.atomic_max(upper, row, col - row)" if symmetric else ""
        d.code(head + "wp.atomic_max(lower, row, row - col)\n$more", read=read, leave=leave, more=more)
        d.says(
            f"Computes the lower{' and upper' if symmetric else ''} bandwidth of each row from COO triplets."
        )

        def reach(v: Values) -> dict[str, Any]:
            row, col, _ = kept(v)
            low_, up = np.zeros(n, int), np.zeros(n, int)
            np.maximum.at(low_, row, row - col)
            np.maximum.at(up, row, col - row)
            return {"lower": low_} | ({"upper": up} if symmetric else {})

        d.check(reach)
    else:
        width = 4
        ell = task == "ell"
        # the number of entries that each row has so far
        d.inout("cursor", "int", n, value=0.0, about="Running number of entries per row")
        d.output("columns_out", "int", (n, width) if ell else n * width, about="Column indices")
        d.output("values_out", "float", (n, width) if ell else n * width, about="Matrix entries")
        at = "row, slot" if ell else "slot"
        place = "slot = wp.atomic_add(cursor, row, 1)" if ell else "used = wp.atomic_add(cursor, row, 1)"
        if not ell:
            d.module(f"ROOM = wp.constant({width})")
        full = "# Row is full: drop the entry, but the counter still reports the required capacity\n"
        full += (
            "if slot >= columns_out.shape[1]:\n    return"
            if ell
            else "if used >= ROOM:\n    return\nslot = row * ROOM + used"
        )
        d.code(head + "# Reserve the next free slot in the row\n$place\n$full\n"
               f"columns_out[{at}] = col\nvalues_out[{at}] = values[k]",
               read=read, leave=leave, place=place, full=full)  # fmt: skip
        d.says(
            f"Scatters COO triplets{of} into padded rows (ELL format)."
            if ell
            else f"Scatters COO triplets{of} into a flat array with a fixed capacity per row."
        )
        d.explain("Unused slots are left unchanged.")

        def holds(before: Values, after: Values) -> None:
            row, col, a = kept(before)
            np.testing.assert_array_equal(after.cursor, np.bincount(row, minlength=n))
            columns, values = after.columns_out.reshape(n, width), after.values_out.reshape(n, width)
            for i in range(n):
                size = min(int(after.cursor[i]), width)
                wanted = list(zip(col[row == i], a[row == i], strict=True))
                for got in zip(columns[i, :size], values[i, :size], strict=True):
                    wanted.remove(next(w for w in wanted if np.allclose(got, w, rtol=1e-5)))

        d.holds(holds)


@DOMAIN.algorithm(
    source="Saad 2003, sections 3.3 to 3.5 and 10.3 (diagonals, scalings, entries of compressed rows)",
    names=_NAMES,
    adjoint="no",
    double=True,
    weight=4,
)
def row_entries(d: Draft) -> None:
    """Extracts the diagonal of a CSR matrix."""
    task = d.option("task", "diagonal", "norm", "gershgorin", "scale", "lump", "laplacian")
    layout = d.option("layout", "arrays", "struct")
    which = d.option("which", "plain", "inverse", "root")
    stop = d.flag("stop early", 0.4)
    listed = d.flag("listed", 0.3)  # only some rows
    if task in ("diagonal", "lump") and which == "root":
        which = "plain"
    of_inverse = "inverse_" if which == "inverse" else ""
    d.calls({
        "diagonal": f"{of_inverse}diagonal|extract_{of_inverse}diagonal|csr_{of_inverse}diagonal",
        "norm": "inverse_row_norms|row_scaling" if which == "inverse" else "row_norms|off_diagonal_norms",
        "gershgorin": "gershgorin_rows|gershgorin_discs|eigenvalue_discs",
        "scale": "scale_rows|scale_csr_rows" if which == "plain" else "scale_entries|scale_matrix",
        "lump": f"{of_inverse}row_sums|{of_inverse}lumped_mass",
        "laplacian": "degrees|weighted_degrees" if which == "plain"
            else "inverse_degrees|invert_degrees" if which == "inverse" else "degree_scaling|inverse_root_degrees",
    }[task])  # fmt: skip
    # a small matrix for the diagonal, so that random columns hold many of its entries
    n, filled = (
        (d.pick(8, 12, 16), d.pick(7, 8)) if task == "diagonal" else (d.pick(40, 56, 64), d.pick(3, 4))
    )
    if task == "norm" and which != "plain":
        stop = False
    if layout == "arrays" and (task == "laplacian" or (task == "scale" and which == "plain")):
        stop = True  # else they would not ask for columns
    if task == "lump":
        layout = "struct"  # which holds columns that need not be asked for
    # mass matrices are not negative
    low, high = (0.05, 1.0) if task == "lump" else (-1.0, 1.0)
    a = compressed.declare(d, n, n, n * filled, layout, "float", low, high)
    if task == "gershgorin":
        d.input("diag", "float", n, 2.0, 5.0, about="Matrix diagonal")
    values, columns, offsets = (a.text[name] for name in ("values", "columns", "offsets"))
    if listed:
        d.input("row_order", "int", n, kind="permutation", about="Row indices in processing order")
    out = {"diagonal": "diag", "norm": "norms", "gershgorin": "discs", "scale": "scaled", "lump": "lumped",
           "laplacian": "degree"}[task]  # fmt: skip
    if task == "laplacian" and which != "plain":
        out = "inv_degree" if which == "inverse" else "degree_scale"
    elif task == "gershgorin" and which != "inverse":
        out = "bounds"
    if task == "scale":
        d.input(
            "scale",
            "float",
            n,
            0.5,
            2.0,
            about="Scale factor per row" + ("" if which == "plain" else " and column"),
        )
    kind, size = ("vec2", n) if task == "gershgorin" else ("float", a.entries if task == "scale" else n)
    kind_of = "Inverse " if which == "inverse" else ""
    about = {
        "diag": f"{kind_of}diagonal entries", "norms": f"{'Inverse norms' if which == 'inverse' else 'Norms'} of the off-diagonal entries per row",
        "bounds": f"Minimum and maximum {'magnitude' if which == 'root' else 'value'} per disc", "discs": "Center and radius per disc",
        "scaled": "Scaled entries", "lumped": f"{kind_of}row sums", "degree": "Node degrees",
        "inv_degree": "Inverse node degrees", "degree_scale": "Inverse square roots of the node degrees",
    }[out]  # fmt: skip
    d.output(out, kind, size, about=about.capitalize())
    row = "tid = wp.tid()\nrow = row_order[tid]" if listed else "row = wp.tid()"
    head = f"{row}\nstart = {offsets}[row]\nend = {offsets}[row + 1]\n"
    put = f"{out}[row]"
    final = {
        "plain": "s",
        "inverse": "wp.where(wp.abs(s) > smallest, 1.0 / s, 0.0)",
    }.get(which, "")
    if which == "inverse" and task in ("diagonal", "lump"):
        d.param("smallest", "float", 0.01, 0.05, about="Minimum magnitude to invert")
    if task == "diagonal":
        extra = "\n        break" if stop else ""
        add = "s = " if stop else "s += "
        note = "# We can stop here since there is at most one diagonal entry per row\n" if stop else ""
        body = f"s = float(0.0)\n{note}for k in range(start, end):\n    if {columns}[k] == row:\n"
        body += f"        {add}{values}[k]{extra}\n"
        body += f"{put} = {final}"
    elif task == "norm":
        e = f"wp.abs({values}[k])" if which == "plain" else f"{values}[k] * {values}[k]"
        fold = f"s = wp.max(s, {e})" if stop else f"s += {e}"
        beside = f"if {columns}[k] != row:\n        {fold}"
        body = f"s = float(0.0)\nfor k in range(start, end):\n    {beside}\n"
        body += (
            f"{put} = "
            + {"plain": "s", "root": "wp.sqrt(s)", "inverse": "wp.where(s > 0.0, 1.0 / wp.sqrt(s), 0.0)"}[
                which
            ]
        )
    elif task == "gershgorin":
        body = f"""
        center = diag[row]
        radius = float(0.0)
        for k in range(start, end):
            if {columns}[k] != row:
                radius += wp.abs({values}[k])
        """
        pair = {"plain": "center - radius, center + radius", "inverse": "center, radius",
                "root": "wp.max(wp.abs(center) - radius, 0.0), wp.abs(center) + radius"}[which]  # fmt: skip
        body += f"# Gershgorin disc: center a_ii, radius sum of |a_ij|\n{put} = wp.vec2({pair})"
        lines = [x[8:] if x.startswith("        ") else x for x in body.strip("\n").split("\n")]
        body = "\n".join(lines)
    elif task == "scale":
        factor = {
            "plain": "scale[row]",
            "inverse": f"scale[row] * scale[{columns}[k]]",
            "root": f"wp.sqrt(scale[row] * scale[{columns}[k]])",
        }[which]
        body = ""
        if which == "plain":
            body, factor = "s = scale[row]\n", "s"
        skip = f"# Leave the diagonal unchanged\n    if {columns}[k] == row:\n"
        skip += f"        scaled[k] = {values}[k]\n        continue\n    "
        body += f"for k in range(start, end):\n    {skip if stop else ''}scaled[k] = {factor} * {values}[k]"
    elif task == "lump":
        body = f"s = float(0.0)\nfor k in range(start, end):\n    s += {values}[k]\n{put} = {final}"
    else:
        test = "if {c}[k] != row:\n        s += wp.abs({v}[k])" if stop else "s += wp.abs({v}[k])"
        body = f"s = float(0.0)\nfor k in range(start, end):\n    {test.format(c=columns, v=values)}\n"
        body += (
            f"{put} = "
            + {
                "plain": "s",
                "inverse": "wp.where(s > 0.0, 1.0 / s, 0.0)",
                "root": "wp.where(s > 0.0, 1.0 / wp.sqrt(s), 0.0)",
            }[which]
        )
    d.launch(n)
    d.code(head + "$body", body=body)
    matrix = "a CSR matrix"
    entries = "off-diagonal entries" if stop else "entries"
    plain, inverse, root = {
        "diagonal": (
            f"Extracts the diagonal of {matrix}",
            f"Computes the inverse diagonal of {matrix}, 0 for near-zero entries",
            "",
        ),
        "norm": (
            f"Computes the {'largest magnitude' if stop else 'sum of magnitudes'} of the off-diagonal entries in each row of {matrix}",
            f"Computes inverse off-diagonal row norms of {matrix}, or 0 for empty rows",
            f"Computes the Euclidean norm of the off-diagonal entries in each row of {matrix}",
        ),
        "gershgorin": (
            f"Computes eigenvalue bounds for {matrix} using Gershgorin discs",
            f"Computes Gershgorin disc centers and radii for {matrix}",
            f"Computes eigenvalue magnitude bounds for {matrix} using Gershgorin discs",
        ),
        "scale": (
            f"Scales the {entries} of {matrix} by row factors",
            f"Scales the {entries} of {matrix} by row and column factors",
            f"Scales the {entries} of {matrix} by square roots of row and column factors",
        ),
        "lump": (
            f"Computes the row sums of {matrix} (lumped mass matrix)",
            f"Computes inverse row sums of {matrix} (lumped mass matrix), or 0 for near-zero sums",
            "",
        ),
        "laplacian": (
            f"Computes node degrees of a weighted CSR graph as the sum of magnitudes of the {entries} per row",
            "Computes inverse node degrees of a weighted CSR graph, or 0 for isolated nodes",
            "Computes inverse square roots of node degrees of a weighted CSR graph, or 0 for isolated nodes",
        ),
    }[task]
    what = {"plain": plain, "inverse": inverse, "root": root}[which]
    d.says(f"{what}.")

    def reference(v: Values) -> dict[str, Any]:
        row_, col, val = a.numbers(v)
        if task == "scale":
            f = {"plain": lambda: v["scale"][row_], "inverse": lambda: v["scale"][row_] * v["scale"][col],
                 "root": lambda: np.sqrt(v["scale"][row_] * v["scale"][col])}[which]()  # fmt: skip
            return {"scaled": np.where((row_ == col) & stop, val, f * val)}

        def total(weights: Any, mask: Any) -> Any:
            return np.bincount(row_[mask], weights[mask], n)

        everything = np.ones(len(row_), bool)
        diagonal = row_ == col
        if task == "gershgorin":
            c, r = v.diag, total(np.abs(val), ~diagonal)
            return {out: np.stack({"plain": (c - r, c + r), "inverse": (c, r),
                                       "root": (np.maximum(np.abs(c) - r, 0.0), np.abs(c) + r)}[which], -1)}  # fmt: skip
        if task == "norm":
            e = np.where(diagonal, 0.0, np.abs(val) if which == "plain" else val**2)
            s = total(e, everything)
            if stop:
                s = np.zeros(n)
                np.maximum.at(s, row_, e)
            return {"norms": {"plain": s, "root": np.sqrt(s), "inverse": _inverse(np.sqrt(s), 0.0)}[which]}
        if task == "laplacian":
            s = total(np.abs(val), ~diagonal if stop else everything)
            return {out: {"plain": s, "inverse": _inverse(s, 0.0), "root": _inverse(np.sqrt(s), 0.0)}[which]}
        if task == "lump":
            s = total(val, everything)
        else:
            s = total(val, diagonal)
            if stop:
                s = np.zeros(n)
                s[row_[diagonal][::-1]] = val[diagonal][::-1]
        return {out: s if which == "plain" else _inverse(s, v.get("smallest", 0.0))}

    d.check(reference)
