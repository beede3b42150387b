"""Sparse matrices: products in CSR, COO, ELL and BSR, smoothers, row operations, multigrid."""

from __future__ import annotations

from warpgen.synthesis.categories.sparse import CATEGORY
from warpgen.synthesis.kit.draft import Array
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32, Type, mat, vec
from warpgen.synthesis.language.values import Value

_COLUMNS = "columns|col_indices|cols|indices|col_ind|adj"
_VALUES = "values|vals|data|a_values|nnz_values|coeffs"
_OFFSETS = "offsets|row_offsets|row_ptr|indptr|row_starts"


class Row:
    """This thread's row of a CSR matrix: loop over `entries`, ask `column` and `value` at each."""

    def __init__(self, k: Kit, element: Type, lo: float = -1.0, hi: float = 1.0, *, full: int = 1) -> None:
        self.k = k
        self.nnz = full * k.rng.choice((128, 192, 256, 384))
        self.size = k.rng.choice((32, 48, 64))
        self.start, self.end = k.csr(_OFFSETS, self.nnz)
        self.columns = k.index_array(_COLUMNS, self.size)
        self.values = k.array(_VALUES, element, lo=lo, hi=hi)

    def column(self, e: Value) -> Value:
        return self.k.let("col|j|c|column", self.columns[e])


def _operand(k: Kit, t: Type) -> Array:
    return k.array("x|u|vec|x_in|p", t, lo=-1.0, hi=1.0)


@CATEGORY.motif(rank=1)
def csr_product(k: Kit) -> None:
    """One row of a CSR matrix times a vector."""
    element = k.rng.choice((k.real, k.real, k.vec2, k.vec3))
    row = Row(k, k.real)
    x = _operand(k, element)
    acc = k.var(
        "acc|sum|total|dot|s", 0.0 if element is k.real else k.zero(element), element, lo=-400.0, hi=400.0
    )
    backwards = k.rng.chance(0.12)
    if backwards:
        e = k.var("e|ptr|nz", row.end, lo=0, hi=row.nnz)
        with k.while_(e > row.start):
            k.change(e, "-", 1)
            at = e.within(0, row.nnz - 1)
            k.add(acc, row.values[at] * x[row.column(at)])
    else:
        with k.for_("e|nz|k|jj|ptr", row.end, row.start) as at:
            k.add(acc, row.values[at] * x[row.column(at)])
    style = k.rng.integer(0, 3)
    if style == 0:
        alpha = k.param("alpha|a|scale", k.real, 0.1, 2.0)
        beta = k.param("beta|b", k.real, 0.1, 1.0)
        y0 = k.load("y|y_in|prev", element, -1.0, 1.0)
        k.give("y|result|y_out", alpha * acc + beta * y0)
    elif style == 1:
        b = k.load("b|rhs|f", element, -1.0, 1.0)
        k.give("r|residual|res", b - acc)
    else:
        k.give("y|Ax|product", acc)


@CATEGORY.motif(rank=1)
def semiring_product(k: Kit) -> None:
    """A CSR row reduced over another semiring."""
    row = Row(k, k.real, 0.0, 2.0)
    x = k.array("x|dist|cost|labels", k.real, lo=0.0, hi=5.0)
    kind = k.rng.choice(("min_plus", "max_times", "max_min", "log_sum"))
    first = {"min_plus": 100.0, "max_times": 0.0, "max_min": 0.0, "log_sum": 0.0}[kind]
    best = k.var("best|acc|value|result", first, k.real, lo=0.0, hi=400.0)
    with k.for_("e|nz|idx|jj", row.end, row.start) as e:
        v = k.let("w|v|a_ij", row.values[e])
        xj = k.let("xj|other|rhs", x[row.column(e)])
        if kind == "min_plus":
            k.set(best, k.wp.min(best, v + xj))
        elif kind == "max_times":
            k.set(best, k.wp.max(best, v * xj))
        elif kind == "max_min":
            k.set(best, k.wp.max(best, k.wp.min(v, xj)))
        else:
            k.add(best, v * k.wp.exp(-xj))
    if kind == "log_sum":
        k.give("log_sum|lse|potential", k.wp.log(best + 1.0))
    else:
        k.give("best|y|result", best)


@CATEGORY.motif(rank=1)
def row_norm(k: Kit) -> None:
    """Norm, sum or extent of a CSR row."""
    row = Row(k, k.real)
    kind = k.rng.choice(("l1", "l2", "max", "mean", "diag_dominance"))
    acc = k.var("acc|total|norm|s", 0.0, k.real, lo=0.0, hi=400.0)
    if kind == "diag_dominance":
        diag = k.var("diag|d|a_ii", 0.0, k.real, lo=0.0, hi=20.0)
        with k.for_("e|nz|jj", row.end, row.start) as e:
            a = k.let("a|mag|w", k.wp.abs(row.values[e]))
            with k.if_(row.columns[e].eq(k.flat)):
                k.add(diag, a)
            with k.else_():
                k.add(acc, a)
        k.give("margin|dominance|slack", diag - acc)
        return
    with k.for_("e|nz|jj", row.end, row.start) as e:
        v = row.values[e]
        if kind == "l1":
            k.add(acc, k.wp.abs(v))
        elif kind == "l2":
            v = k.let("v|a_ij", v)
            k.add(acc, v * v)
        elif kind == "max":
            k.set(acc, k.wp.max(acc, k.wp.abs(v)))
        else:
            k.add(acc, v + 1.0)
    if kind == "l2":
        k.give("norm|row_norm", k.wp.sqrt(acc))
    elif kind == "mean":
        count = k.let("count|nnz|degree", (row.end - row.start).within(0, row.nnz))
        k.give("mean|average", acc / k.wp.max(k.to_real(count), 1.0))
    else:
        k.give("norm|bound|row_norm", acc)


@CATEGORY.motif(rank=1)
def find_diagonal(k: Kit) -> None:
    """Find the diagonal entry of this CSR row."""
    row = Row(k, k.real, 0.5, 3.0, full=4)  # few entries lie on the diagonal
    i = k.flat
    if k.rng.chance(0.5):
        where = k.var("where|diag_idx|slot", -1, I32, lo=-1, hi=row.nnz - 1)
        with k.for_("e|nz|jj", row.end, row.start) as e, k.if_(row.columns[e].eq(i)):
            k.set(where, e)
            k.leave("break")
        d = k.var("d|diag|pivot", 1.0, k.real, lo=0.5, hi=3.0)
        with k.if_(where >= 0):
            k.set(d, row.values[where.within(0, row.nnz - 1)])
    else:
        d = k.var("d|diag|pivot", 0.1, k.real, lo=0.1, hi=60.0)
        with k.for_("e|nz|jj", row.end, row.start) as e, k.if_(row.columns[e].eq(i)):
            k.add(d, row.values[e])
    if k.rng.chance(0.5):
        k.give("inv_diag|d_inv|jacobi", 1.0 / d)
    else:
        k.give("diag|diagonal", d)


@CATEGORY.motif(rank=1)
def jacobi_smoother(k: Kit) -> None:
    """Weighted Jacobi sweep on a CSR system."""
    row = Row(k, k.real, -0.5, 0.5)
    i = k.flat
    x = _operand(k, k.real)
    b = k.load("b|rhs|f", k.real, -1.0, 1.0)
    omega = k.param("omega|weight|relax", k.real, 0.4, 0.9)  # at one the old value would not matter
    off = k.var("sigma|off_diag|acc", 0.0, k.real, lo=-100.0, hi=100.0)
    diag = k.var("diag|d|a_ii", 1.0, k.real, lo=1.0, hi=50.0)
    with k.for_("e|nz|jj", row.end, row.start) as e:
        col = row.column(e)
        v = k.let("v|a|a_ij", row.values[e])
        if k.rng.chance(0.3):
            with k.if_(col.eq(i)):
                k.add(diag, k.wp.abs(v))
                k.leave("continue")
            k.add(off, v * x[col])
        else:
            with k.if_(col.ne(i)):
                k.add(off, v * x[col])
            with k.else_():
                k.add(diag, k.wp.abs(v))
    xi = k.load("x_old|x_cur|guess", k.real, -1.0, 1.0)
    fresh = k.let("relaxed|target|x_gs", (b - off) / diag)
    k.give(
        "x_new|x_next|smoothed",
        (1.0 - omega) * xi + omega * fresh if k.rng.chance(0.6) else xi + omega * (fresh - xi),
    )


@CATEGORY.motif(rank=1)
def ell_product(k: Kit) -> None:
    """One row of an ELLPACK matrix times a vector."""
    width = k.rng.choice((4, 5, 6, 8))
    size = k.rng.choice((32, 48, 64))
    element = k.rng.choice((k.real, k.real, k.vec3))
    x = _operand(k, element)
    y = k.var("y|acc|sum", 0.0 if element is k.real else k.zero(element), element, lo=-16.0, hi=16.0)
    padded = k.rng.chance(0.45)
    low = -1 if padded else 0
    by_two = k.rng.chance(0.5)
    cols = k.array(_COLUMNS, I32, 2 if by_two else 1, lo=low, hi=size - 1)
    vals = k.array(_VALUES, k.real, 2 if by_two else 1, lo=-1.0, hi=1.0)
    column_major = not by_two and k.rng.chance(0.4)
    with k.for_("s|slot|k|q", width) as s:
        if by_two:
            at: object = (k.flat, s)
        elif column_major:
            at = k.let("at|slot_idx|pos", s * k.draft.shape[0] + k.flat)
        else:
            at = k.let("at|slot_idx|pos", k.flat * width + s)
        col = k.let("col|c|j", cols[at])
        if padded:
            with k.if_(col >= 0):
                k.add(y, vals[at] * x[col.within(0, size - 1)])
        else:
            k.add(y, vals[at] * x[col])
    k.give("y|Ax|result", y)


@CATEGORY.motif(rank=1)
def coo_scatter(k: Kit) -> None:
    """One COO entry scattered into the product."""
    size = k.rng.choice((24, 32, 64))
    element = k.rng.choice((k.real, k.real, k.vec3, k.vec2))
    rows = k.index_array("rows|row_ids|coo_rows|row_idx", size)
    cols = k.index_array("cols|columns|coo_cols|col_idx", size)
    r = k.let("r|i|row_id", rows[k.flat])
    c = k.let("c|j|col_id", cols[k.flat])
    a = k.load("values|vals|data", k.real, -1.0, 1.0)
    x = _operand(k, element)
    y = k.output("y|result|product|out", element)
    contribution = k.let("contrib|term|ax", a * x[c])
    k.discard(k.atomic("add", y, r, contribution)) if k.rng.chance(0.7) else k.accumulate(y, r, contribution)
    if k.rng.chance(0.3):
        k.note("symmetric storage: the mirrored entry")
        with k.if_(r.ne(c)):
            k.discard(k.atomic("add", y, c, a * x[r]))


@CATEGORY.motif(rank=1)
def transpose_product(k: Kit) -> None:
    """Scatter a CSR row into the transposed product."""
    row = Row(k, k.real)
    x = k.input("x|u|y_i", k.real, -1.0, 1.0)
    out = k.output("y|At_x|out|grad_x", k.real)
    with k.for_("e|nz|jj", row.end, row.start) as e:
        term = k.let("term|contribution|v", row.values[e] * x)
        k.discard(k.atomic("add", out, row.column(e), term))


@CATEGORY.motif(rank=1)
def bsr_product(k: Kit) -> None:
    """One block row of a BSR matrix times a vector."""
    n = k.rng.choice((2, 3, 3, 4))
    bt, vt = mat(n, n, k.real), vec(n, k.real)
    row = Row(k, bt)
    x = _operand(k, vt)
    acc = k.var("acc|y|sum|block_sum", k.zero(vt), lo=-999.0, hi=999.0)
    transposed = k.rng.chance(0.25)
    with k.for_("b|e|block|blk", row.end, row.start) as e:
        block = k.let("A|blk_val|m|block_val", row.values[e])
        xj = k.let("xj|x_col|v", x[row.column(e)])
        if transposed:
            k.add(acc, k.wp.transpose(block) @ xj)
        else:
            k.add(acc, block @ xj)
    if k.rng.chance(0.4):
        b = k.load("b|rhs|f", vt, -1.0, 1.0)
        k.give("r|residual", b - acc)
    else:
        k.give("y|Ax|result", acc)


@CATEGORY.motif(rank=1)
def graph_laplacian(k: Kit) -> None:
    """Graph Laplacian of a vertex from its CSR neighbours."""
    element = k.rng.choice((k.real, k.vec3))
    row = Row(k, k.real, 0.1, 1.0)
    field = k.array("u|field_values|positions|f|signal", element, lo=-1.0, hi=1.0)
    centre = k.load("u_i|center|own", element, -1.0, 1.0)
    lap = k.var(
        "lap|delta|laplacian|acc", 0.0 if element is k.real else k.zero(element), element, lo=-800.0, hi=800.0
    )
    total = k.var("w_sum|weight_sum|degree", 0.0, k.real, lo=0.0, hi=400.0)
    with k.for_("e|edge|nz|n", row.end, row.start) as e:
        w = k.let("w|weight", row.values[e])
        k.add(lap, w * (field[row.column(e)] - centre))
        k.add(total, w)
    style = k.rng.integer(0, 2)
    if style == 0:
        k.give("lap|laplacian", lap)
    elif style == 1:
        k.give("smoothed|relaxed", centre + lap / (total + 0.1))
    else:
        dt = k.param("dt|kappa|diffusivity", k.real, 0.01, 0.2)
        k.give("u_new|diffused", centre + dt * lap)


@CATEGORY.motif(rank=1)
def sorted_lookup(k: Kit) -> None:
    """Look a key up among the sorted keys of the nonzeros."""
    nnz = k.rng.choice((128, 192, 256))
    size = k.rng.choice((32, 48, 64))
    keys = k.array("keys|sorted_keys|coo_keys|linear_ids", I32, lo=0, hi=size - 1, kind="ascending")
    values = k.array(_VALUES, k.real, lo=-1.0, hi=1.0)
    target = k.let("target|want|key", k.index_array("queries|targets|wanted_ids", size)[k.flat])
    total = k.size("nnz|num_nonzeros|num_entries", nnz)
    lo = k.var("lo|left|low", 0, lo=0, hi=nnz)
    hi = k.var("hi|right|high", total, lo=0, hi=nnz)
    with k.while_(lo < hi):
        mid = k.define("mid|m|middle", ((lo + hi) // 2).within(0, nnz - 1))
        with k.if_(keys[mid] < target):
            k.set(lo, mid + 1)
        with k.else_():
            k.set(hi, mid)
    value = k.var("value|found|a_ij", 0.0, k.real, lo=-200.0, hi=200.0)
    if k.rng.chance(0.5):
        with k.if_(lo < total):
            at = lo.within(0, nnz - 1)
            with k.if_(keys[at].eq(target)):
                k.set(value, values[at])
    else:
        k.note("duplicates are summed")
        with k.while_(lo < total):
            at = lo.within(0, nnz - 1)
            k.break_if(keys[at].ne(target))
            k.add(value, values[at])
            k.add(lo, 1)
    k.give("value|entry|a_ij", value)
    if k.rng.chance(0.4):
        k.give("slot|position|insert_at", lo)
