"""More sparse work: banded and blocked storage, multigrid transfer, row scaling, assembly."""

from __future__ import annotations

from warpgen.synthesis.categories.sparse import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32, mat, vec
from warpgen.synthesis.language.values import Value


@CATEGORY.motif(rank=1)
def banded_product(k: Kit) -> None:
    """One row of a matrix stored by diagonals."""
    width = k.rng.choice((3, 3, 5))
    n = k.draft.shape[0]
    bands = k.array("bands|diags|dia_data|diagonals", k.real, 2, lo=-1.0, hi=1.0)
    x = k.array("x|u|vec", k.real, lo=-1.0, hi=1.0)
    i = k.flat
    written_out = width == 3 and k.rng.chance(0.5)
    acc = k.var("acc|sum|y", bands[1, i] * x[i] if written_out else 0.0, k.real, lo=-8.0, hi=8.0)
    half = width // 2
    if written_out:
        with k.if_(i > 0):
            k.add(acc, bands[0, i] * x[(i - 1).within(0, n - 1)])
        with k.if_(i < n - 1):
            k.add(acc, bands[2, i] * x[(i + 1).within(0, n - 1)])
    elif k.rng.chance(0.5):
        with k.for_("d|band|off", width) as d:
            j = k.define("j|col|c", i + d - half)
            with k.if_(k.between(0, j, n)):
                k.add(acc, bands[d, i] * x[j.within(0, n - 1)])
    else:
        offsets = k.array("dia_offsets|band_offsets|shifts", I32, lo=-4, hi=4)
        with k.for_("d|band|q", width) as d:
            j = k.define("j|col|c", i + offsets[d])
            with k.if_(k.all(j >= 0, j < k.extent())):
                k.add(acc, bands[d, i] * x[j.within(0, n - 1)])
    if k.rng.chance(0.4):
        b = k.load("b|rhs|f", k.real, -1.0, 1.0)
        k.give("r|residual", b - acc)
    else:
        k.give("y|Ax|result", acc)


@CATEGORY.motif(rank=1)
def restriction(k: Kit) -> None:
    """Full-weighting restriction from a fine to a coarse grid."""
    n = k.draft.shape[0]
    element = k.rng.choice((k.real, k.real, k.vec2, k.vec3))
    fine = k.array("fine_u|r_fine|residual_h|fine_u", element, lo=-1.0, hi=1.0)
    i = k.flat
    c = k.let("c|f|center|fi", (2 * i + 1).within(1, 2 * n - 1))
    style = k.rng.integer(0, 2)
    if style == 0:
        left, right = fine[(c - 1).within(0, 2 * n)], fine[(c + 1).within(0, 2 * n)]
        k.give("coarse_u|r_2h|restricted", 0.25 * left + 0.5 * fine[c] + 0.25 * right)
    elif style == 1:
        k.give("r_2h|averaged", 0.5 * (fine[(2 * i).within(0, 2 * n)] + fine[c]))
    else:
        weights = (1.0, 4.0, 6.0, 4.0, 1.0)
        total = k.var(
            "total|acc|sum", 0.0 if element is k.real else k.zero(element), element, lo=-16.0, hi=16.0
        )
        stencil = k.make(vec(5, k.real), *weights)
        w = k.define("w|stencil|weights", stencil)
        with k.for_("s|d|q", 5) as s:
            k.add(total, w[s] * fine[(2 * i + s).within(0, 2 * n + 4)])
        k.give("u_coarse|smoothed", total * 0.0625)


@CATEGORY.motif(rank=2)
def restriction2(k: Kit) -> None:
    """Restriction of a two-dimensional residual by cell or full weighting."""
    fine = k.array("residual_h|fine_u|r_fine", k.real, 2, lo=-1.0, hi=1.0)
    i, j = k.place
    nx, ny = k.draft.shape
    fi = k.define("fi|i2|row_f", (2 * i).within(0, 2 * nx))
    fj = k.define("fj|j2|col_f", (2 * j).within(0, 2 * ny))

    def at(di: int, dj: int) -> Value:
        a = (fi + di).within(0, 2 * nx + 1) if di else fi
        b = (fj + dj).within(0, 2 * ny + 1) if dj else fj
        return fine[a, b]

    if k.rng.chance(0.5):
        k.give("coarse_u|r_2h", 0.25 * (at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1)))
        return
    total = k.var("total|acc|sum", 0.0, k.real, lo=-16.0, hi=16.0)
    with k.for_("di|a|dy", 3) as di, k.for_("dj|b|dx", 3) as dj:
        wi = k.let("wi|wy", k.wp.where(di.eq(1), k.lit(0.5), k.lit(0.25)))
        wj = k.let("wj|wx", k.wp.where(dj.eq(1), k.lit(0.5), k.lit(0.25)))
        k.add(total, wi * wj * fine[(fi + di).within(0, 2 * nx + 2), (fj + dj).within(0, 2 * ny + 2)])
    k.give("coarse_u|restricted", total)


@CATEGORY.motif(rank=1)
def prolongation(k: Kit) -> None:
    """Linear prolongation of a coarse correction."""
    n = k.draft.shape[0]
    element = k.rng.choice((k.real, k.real, k.vec3))
    coarse = k.array("coarse|e_2h|coarse_u|correction", element, lo=-1.0, hi=1.0)
    fine = k.load("u|x|fine_u", element, -2.0, 2.0)
    i = k.flat
    c = k.let("c|parent|ci", (i // 2).within(0, n // 2))
    odd = (i % 2).eq(1) if k.rng.chance(0.6) else (i & 1).ne(0)
    left, right = coarse[c], coarse[(c + 1).within(0, n // 2 + 1)]
    if k.rng.chance(0.5):
        e = k.var("e|corr|value", left, lo=-1.0, hi=1.0)
        with k.if_(odd):
            k.set(e, 0.5 * (e + right))
    else:
        e = k.select("e|corr|value", odd, k.define("mid|avg", 0.5 * (left + right)), left)
    omega = k.param("omega|damping|scale", k.real, 0.3, 1.0)
    k.give("u_new|corrected|x_new", fine + e if k.rng.chance(0.4) else fine + omega * e)


@CATEGORY.motif(rank=2)
def sparse_dense(k: Kit) -> None:
    """Sparse matrix times dense matrix, one element per thread."""
    rows = k.draft.shape[0]
    nnz = k.rng.choice((64, 96, 128))
    inner = k.rng.choice((12, 16, 24))
    offsets = k.array("offsets|row_offsets|indptr", I32, lo=0, hi=nnz, kind="offsets")
    columns = k.index_array("columns|indices|col_indices", inner)
    values = k.array("values|vals|weights", k.real, lo=-1.0, hi=1.0)
    dense = k.array("B|dense|features|H", k.real, 2, lo=-1.0, hi=1.0)
    i, j = k.place
    offsets.subscript(rows)
    start = k.define("start|begin|row_start", offsets[i].within(0, nnz))
    end = k.define("end|stop|row_end", offsets[(i + 1).within(1, rows)].within(0, nnz))
    offsets.spec.fixed = (rows + 1,)
    acc = k.var("acc|sum|c_ij", 0.0, k.real, lo=-150.0, hi=150.0)
    with k.for_("e|nz|p|jj", end, start) as e:
        k.add(acc, values[e] * dense[k.let("r|col|q", columns[e]), j])
    if k.rng.chance(0.3):
        k.give("h|activated|relu", k.wp.max(acc, 0.0))
    else:
        k.give("C|product|c_ij", acc)


@CATEGORY.motif(rank=1)
def row_scaling(k: Kit) -> None:
    """Scale the entries of a CSR row."""
    nnz, size = k.rng.choice((128, 192, 256)), k.rng.choice((32, 48))
    start, end = k.csr("offsets|row_offsets|row_ptr|indptr", nnz)
    columns = k.index_array("columns|indices|cols", size)
    values = k.array("values|weights|edge_weights", k.real, lo=0.1, hi=2.0)
    kind = k.rng.choice(("stochastic", "symmetric", "softmax", "mask"))

    def share(e: Value, peak: Value | None) -> Value:
        return values[e] if peak is None else k.wp.exp((values[e] - peak).within(-2.0, 0.0))

    out = k.output("scaled|normalized|new_values|values_out", k.real)
    if kind in ("stochastic", "softmax"):
        total = k.var("total|row_sum|denom", 0.0, k.real, lo=0.0, hi=3000.0)
        peak = None
        if kind == "softmax":
            peak = k.var("peak|row_max|m", 0.0, k.real, lo=0.0, hi=2.0)
            with k.for_("e|nz|jj", end, start) as e:
                k.set(peak, k.wp.max(peak, values[e]))
        with k.for_("e|nz|jj", end, start) as e:
            k.add(total, share(e, peak))
        with k.for_("e|nz|jj", end, start) as e:
            k.store(out, e, share(e, peak) / (total + 1e-3))
        return
    diag = k.array("scale|d|degree|inv_sqrt_deg", k.real, lo=0.2, hi=2.0)
    with k.for_("e|nz|jj", end, start) as e:
        c = k.let("c|col|j", columns[e])
        if kind == "symmetric":
            k.store(out, e, values[e] * diag[k.flat] * diag[c])
        else:
            cut = k.param("drop_tol|threshold|cutoff", k.real, 0.3, 1.0)
            k.store(out, e, k.wp.where(values[e] * diag[c] < cut, k.lit(0.0), values[e]))


@CATEGORY.motif(rank=1)
def count_columns(k: Kit) -> None:
    """Count the nonzeros of every column."""
    size = k.rng.choice((16, 24, 32))
    cols = k.index_array("columns|cols|col_idx", size)
    counts = k.output("counts|col_counts|degrees|nnz_per_col", I32)
    c = k.let("c|col|j", cols[k.flat])
    kind = k.rng.integer(0, 2)
    if kind == 0:
        k.discard(k.atomic("add", counts, c, 1))
    elif kind == 1:
        v = k.load("values|vals", k.real, -1.0, 1.0)
        tol = k.param("tol|drop_tol|eps", k.real, 0.05, 0.5)
        with k.if_(k.wp.abs(v) > tol):
            k.discard(k.atomic("add", counts, c, 1))
    else:
        k.forward_only()
        slot = k.define("slot|rank|local_idx", k.atomic("add", counts, c, 1).within(0, k.draft.shape[0]))
        k.give("slot|rank", slot)


@CATEGORY.motif(rank=1)
def element_assembly(k: Kit) -> None:
    """Assemble a small element matrix into triplets."""
    n = k.rng.choice((2, 3))
    nodes = k.rng.choice((24, 32, 48))
    conn = k.index_array("connectivity|elements|element_nodes|conn", nodes, 2)
    ke = k.load("ke|element_matrices|k_local", mat(n, n, k.real), -1.0, 1.0)
    rows = k.output("coo_rows|out_rows|triplet_rows", I32)
    cols = k.output("coo_cols|out_cols|triplet_cols", I32)
    vals = k.output("coo_vals|out_vals|triplet_vals", k.real)
    scale = k.param("scale|alpha|thickness", k.real, 0.5, 2.0)
    base = k.let("base|first|offset", k.flat * (n * n))
    diag = k.output("lumped|diag_sum|row_sum", k.real) if k.rng.chance(0.5) else None
    with k.for_("a|p|r", n) as a, k.for_("b|q|s", n) as b:
        at = k.define("at|slot|idx", base + a * n + b)
        k.store(rows, at, conn[k.flat, a])
        k.store(cols, at, conn[k.flat, b])
        k.store(vals, at, scale * ke[a, b])
        if diag is not None:
            k.discard(k.atomic("add", diag, k.let("node|row", conn[k.flat, a]), scale * ke[a, b]))


@CATEGORY.motif(rank=1)
def block_diagonal_solve(k: Kit) -> None:
    """Block-Jacobi preconditioner: invert the diagonal block."""
    n = k.rng.choice((2, 3, 3, 4))
    mt, vt = mat(n, n, k.real), vec(n, k.real)
    blocks = k.array("diag_blocks|D|block_diag", mt, lo=0.8, hi=3.0, kind="spd")
    d = k.let("D_i|block|diag_block", blocks[k.flat].within(-3.0, 3.0))
    r = k.input("r|residual|rhs", vt, -1.0, 1.0)
    z = k.let("z|dx|step", (k.wp.inverse(d) @ r).within(-8.0, 8.0))
    style = k.rng.integer(0, 2)
    if style == 0:
        k.give("z|preconditioned", z)
    elif style == 1:
        x = k.load("x|u|state", vt, -2.0, 2.0)
        omega = k.param("omega|damping", k.real, 0.3, 1.0)
        k.give("x_new|u_new", x + omega * z)
    else:
        k.give("rz|energy|rho", k.wp.dot(r, z))
