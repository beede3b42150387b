"""Kernels after public reports of NVIDIA/warp, each named by its issue; and the launch that tells on it."""

# Longer than other files: a list of programs, none of which knows of another.
from __future__ import annotations

from tests.support.corpus.writing import N, argument, out, param, program, ramp, whole
from warpgen.launch import Argument, Fill
from warpgen.program import Program

_OUT = out("out")
_V3, _OUT3 = ramp("v", "array1d(vec3f)"), out("out", "array1d(vec3f)")
_SQUARE = (6, 6)


def _counts(name: str, high: float) -> Argument:
    return argument(name, "array1d(int32)", "input", "uniform", (N,), 0.0, high)


def positive(name: str, type_: str = "array1d(float32)", shape: tuple[int, ...] = (N,)) -> Argument:
    return argument(name, type_, "input", "uniform", shape, 0.5, 2.0)


def ascending(name: str, count: int) -> Argument:
    return argument(name, "array1d(int32)", "input", "offsets", (count,), 0.0, float(N))


_PICKED = Argument(
    "a",
    "indexedarray1d(float32)",
    "input",
    (
        Fill("a", "indexed"),
        Fill("a.data", "uniform", (2 * N,), -1.0),
        Fill("a.indices0", "permutation", (N,)),
    ),
)
_BAG = Argument(
    "bag",
    "Bag",
    "param",
    (
        Fill("bag", "struct"),
        Fill("bag.items", "struct", (N,)),
        Fill("bag.items.k", "uniform", (), 0.0, 9.0),
        Fill("bag.items.w", "uniform", (), -1.0, 1.0),
        Fill("bag.items.v", "uniform", (2,), -1.0, 1.0),
        Fill("bag.n", "constant", value=3.0),
    ),
)

REPORTED: dict[str, Program] = {}


def _add(
    issue: str, name: str, source: str, *args: Argument, dim: tuple[int, ...] = (N,), tiled: bool = False
) -> None:
    REPORTED[issue] = program(name, source, *args, dim=dim, tiled=tiled)


_add(
    "1293_nested_dynamic",
    "chain",
    """
@wp.kernel
def chain(start: wp.array[int], x: wp.array[float], out: wp.array[float]):
    i = wp.tid()
    s = x[i]
    for a in range(start[i], start[i + 1]):
        for b in range(start[i], start[i + 1]):
            s = s * wp.cos(x[a]) + x[b]
    out[i] = s
""",
    ascending("start", N + 1),
    ramp("x"),
    _OUT,
)
_add(
    "1697_component_rmw",
    "rmw",
    """
@wp.kernel
def rmw(x: wp.array[float], out: wp.array[float]):
    i = wp.tid()
    v = wp.vec2()
    v[0] = v[0] + x[i]
    v[0] = v[0] + x[i] * x[i]
    v[0] = v[0] + 2.0 * x[i]
    out[i] = v[0]
""",
    ramp("x"),
    _OUT,
)
_add(
    "1552_continue_argmax",
    "best",
    """
@wp.kernel
def best(c: wp.array2d[float], x: wp.array[float], out: wp.array[float]):
    i = wp.tid()
    top = float(-1000.0)
    for p in range(6):
        w = c[i, p]
        if w < -0.8:
            continue
        v = x[i] * w * float(p + 1)
        if v > top:
            top = v
    out[i] = top
""",
    ramp("c", "array2d(float32)", (N, 6)),
    ramp("x"),
    _OUT,
)
_add(
    "1552_nested",
    "best2",
    """
@wp.kernel
def best2(c: wp.array2d[float], x: wp.array[float], out: wp.array[float]):
    i = wp.tid()
    top = float(-1000.0)
    for p in range(5):
        for q in range(5):
            w = c[p, q]
            if w == 0.0:
                continue
            v = x[i] * w * (float(p) - 2.0 + float(q))
            if v > top:
                top = v
    out[i] = top
""",
    ramp("c", "array2d(float32)", (5, 5)),
    ramp("x"),
    _OUT,
)
_add(
    "1479_indexedarray",
    "pick",
    """
@wp.kernel
def pick(a: wp.indexedarray[float], w: wp.array[float], out: wp.array[float]):
    i = wp.tid()
    out[i] = a[i] * w[i]
""",
    _PICKED,
    ramp("w"),
    _OUT,
)
_add(
    "1694_preloop",
    "area",
    """
@wp.kernel
def area(x: wp.array[float], s: wp.array[float], n: int, out: wp.array[float]):
    i = wp.tid()
    a = x[i] * x[i]
    acc = float(0.0)
    for k in range(n):
        acc = acc + s[k]
    out[i] = a * acc
""",
    ramp("x"),
    ramp("s"),
    param("n", "int32", 5.0),
    _OUT,
)
_add(
    "1740_func_dynamic",
    "total",
    """
@wp.func
def energy(x: wp.array[float], n: int):
    s = float(0.0)
    for k in range(n):
        s += x[k]
    return s * s


@wp.kernel
def total(x: wp.array[float], n: int, out: wp.array[float]):
    i = wp.tid()
    out[i] = energy(x, n) + x[i]
""",
    ramp("x"),
    param("n", "int32", 5.0),
    _OUT,
)
_add(
    "174_overwrite",
    "newton",
    """
@wp.kernel
def newton(x: wp.array[float], n: int, out: wp.array[float]):
    i = wp.tid()
    y = float(1.0)
    for k in range(n):
        y = 0.5 * (y + x[i] / y)
    out[i] = y
""",
    positive("x"),
    param("n", "int32", 3.0),
    _OUT,
)
_add(
    "202_alias",
    "run",
    """
@wp.func
def cube_or_square(a: float):
    b = a
    if b > 0.0:
        b = a * a
    else:
        b = a * a * a
    return b


@wp.kernel
def run(x: wp.array[float], out: wp.array[float]):
    i = wp.tid()
    out[i] = cube_or_square(x[i])
""",
    ramp("x"),
    _OUT,
)
_add(
    "248_component_store",
    "spread",
    """
@wp.kernel
def spread(x: wp.array[float], out: wp.array[wp.vec3]):
    i = wp.tid()
    out[i].x = x[i] * 2.0
    out[i].y = x[i] * x[i]
    out[i].z = wp.sin(x[i])
""",
    ramp("x"),
    _OUT3,
)
_add(
    "831_scalar_over_vec",
    "inv",
    """
@wp.kernel
def inv(x: wp.array[float], v: wp.array[wp.vec3], out: wp.array[wp.vec3]):
    i = wp.tid()
    out[i] = x[i] / v[i]
""",
    ramp("x"),
    positive("v", "array1d(vec3f)"),
    _OUT3,
)
_add(
    "1466_vec_sign",
    "flip",
    """
@wp.kernel
def flip(v: wp.array[wp.vec3], out: wp.array[wp.vec3]):
    i = wp.tid()
    out[i] = wp.cw_mul(wp.sign(v[i]), v[i]) + wp.sign(v[i])
""",
    _V3,
    _OUT3,
)
_add(
    "1374_tile_dot",
    "dots",
    """
@wp.kernel
def dots(a: wp.array2d[float], b: wp.array2d[float], out: wp.array[float]):
    i, j = wp.tid()
    s = wp.tile_load(a[i], shape=16, storage="register")
    t = wp.tile_load(b[i], shape=16, storage="register")
    r = wp.tile_dot(s, t)
    if j == 0:
        out[i] = r[0]
""",
    ramp("a", "array2d(float32)", (8, 16)),
    ramp("b", "array2d(float32)", (8, 16)),
    out("out", shape=(8,)),
    dim=(8,),
    tiled=True,
)
_add(
    "692_static_range",
    "window",
    """
R = 3


@wp.kernel
def window(x: wp.array[float], out: wp.array[float]):
    i = wp.tid()
    s = float(0.0)
    for k in range(wp.static(-R), wp.static(R)):
        w = wp.static(k)
        s += x[wp.clamp(i + w, 0, x.shape[0] - 1)] * float(w)
    out[i] = s
""",
    ramp("x"),
    _OUT,
)
_add(
    "299_untaken_branch",
    "maybe",
    """
@wp.kernel
def maybe(x: wp.array[float], out: wp.array[float]):
    i = wp.tid()
    if x[i] > 0.5:
        a = x[i] * 2.0
    out[i] = a
""",
    ramp("x"),
    _OUT,
)
_add(
    "110_struct_in_struct",
    "read",
    """
@wp.struct
class Item:
    k: int
    w: float
    v: wp.array[float]


@wp.struct
class Bag:
    items: wp.array[Item]
    n: int


@wp.kernel
def read(bag: Bag, out: wp.array[float]):
    i = wp.tid()
    out[i] = bag.items[i].w * float(bag.items[i].k) + float(bag.n)
""",
    _BAG,
    _OUT,
)
_add(
    "1451_component_augassign",
    "push",
    """
@wp.kernel
def push(x: wp.array[float], out: wp.array[wp.vec3]):
    i = wp.tid()
    out[i].x += x[i] * x[i]
    out[i].z -= 3.0 * x[i]
""",
    ramp("x"),
    argument("out", "array1d(vec3f)", "inout", "uniform", (N,), -1.0, 1.0),
)
_add(
    "926_local_matrix_element",
    "mm",
    """
@wp.kernel
def mm(a: wp.array[wp.mat22], b: wp.array[wp.mat22], out: wp.array[wp.mat22]):
    i = wp.tid()
    c = wp.mat22()
    for p in range(2):
        for q in range(2):
            c[p][q] = a[i][p, 0] * b[i][0, q] + a[i][p, 1] * b[i][1, q]
    out[i] = c + a[i]
""",
    ramp("a", "array1d(mat22f)"),
    ramp("b", "array1d(mat22f)"),
    out("out", "array1d(mat22f)"),
)
_add(
    "342_inplace_div",
    "sweep",
    """
@wp.kernel
def sweep(x: wp.array2d[float], d: wp.array2d[float], out: wp.array2d[float]):
    j = wp.tid()
    last = x[3, j]
    x[0, j] /= d[0, j]
    out[0, j] = x[0, j] + last
    out[1, j] = last / d[1, j]
""",
    argument("x", "array2d(float32)", "inout", "uniform", (4, 8), -1.0, 1.0),
    positive("d", "array2d(float32)", (4, 8)),
    out("out", "array2d(float32)", (4, 8)),
    dim=(8,),
)
_add(
    "158_row_slices",
    "rows",
    """
@wp.kernel
def rows(a: wp.array2d[wp.vec3], b: wp.array2d[wp.vec3], out: wp.array2d[wp.vec3]):
    i = wp.tid()
    out[i][0] = wp.cross(a[i][0], b[i][1])
""",
    ramp("a", "array2d(vec3f)", (8, 2)),
    ramp("b", "array2d(vec3f)", (8, 2)),
    out("out", "array2d(vec3f)", (8, 2)),
    dim=(8,),
)
_add(
    "977_int64_atomic",
    "count",
    """
@wp.kernel
def count(v: wp.array[wp.int64], out: wp.array[wp.int64]):
    i = wp.tid()
    wp.atomic_add(out, 0, v[i])
""",
    whole("v", 100, type_="array1d(int64)"),
    out("out", "array1d(int64)", (1,)),
)
_add(
    "1472_advection",
    "tentative",
    """
@wp.kernel
def tentative(ux: wp.array2d[float], uy: wp.array2d[float], nx: wp.array2d[float], ny: wp.array2d[float]):
    i, j = wp.tid()
    a = (i + 1) % 6
    b = (i + 5) % 6
    c = (j + 1) % 6
    d = (j + 5) % 6
    u = ux[i, j]
    v = uy[i, j]
    lx = ux[a, j] + ux[b, j] + ux[i, c] + ux[i, d] - 4.0 * u
    ly = uy[a, j] + uy[b, j] + uy[i, c] + uy[i, d] - 4.0 * v
    nx[i, j] = u + 0.1 * (0.05 * lx - 0.5 * u * (ux[a, j] - ux[b, j]) - 0.5 * v * (ux[i, c] - ux[i, d]))
    ny[i, j] = v + 0.1 * (0.05 * ly - 0.5 * u * (uy[a, j] - uy[b, j]) - 0.5 * v * (uy[i, c] - uy[i, d]))
""",
    *(ramp(name, "array2d(float32)", _SQUARE) for name in ("ux", "uy")),
    *(out(name, "array2d(float32)", _SQUARE) for name in ("nx", "ny")),
    dim=_SQUARE,
)
_add(
    "1668_func_grad_tile",
    "go",
    """
@wp.func
def gemm(a: wp.array2d[float], b: wp.array2d[float], c: wp.array2d[float]):
    s = wp.tile_load(a, shape=(4, 4))
    t = wp.tile_load(b, shape=(4, 4))
    acc = wp.tile_zeros(shape=(4, 4), dtype=float)
    wp.tile_matmul(s, t, acc)
    wp.tile_store(c, acc)


@wp.func_grad(gemm)
def adj_gemm(a: wp.array2d[float], b: wp.array2d[float], c: wp.array2d[float]):
    g = wp.tile_load(wp.adjoint[c], shape=(4, 4))
    t = wp.tile_load(b, shape=(4, 4))
    s = wp.tile_load(a, shape=(4, 4))
    ga = wp.tile_zeros(shape=(4, 4), dtype=float)
    wp.tile_matmul(g, wp.tile_transpose(t), ga)
    gb = wp.tile_zeros(shape=(4, 4), dtype=float)
    wp.tile_matmul(wp.tile_transpose(s), g, gb)
    wp.tile_atomic_add(wp.adjoint[a], ga)
    wp.tile_atomic_add(wp.adjoint[b], gb)


@wp.kernel
def go(a: wp.array2d[float], b: wp.array2d[float], c: wp.array2d[float]):
    gemm(a, b, c)
""",
    ramp("a", "array2d(float32)", (4, 4)),
    ramp("b", "array2d(float32)", (4, 4)),
    out("c", "array2d(float32)", (4, 4)),
    dim=(1,),
    tiled=True,
)
_add(
    "299_uninit_loop",
    "last",
    """
@wp.kernel
def last(x: wp.array2d[float], n: wp.array[int], out: wp.array[float]):
    i = wp.tid()
    for k in range(n[i]):
        y = x[i, k] * 2.0
    out[i] = y
""",
    ramp("x", "array2d(float32)", (N, 4)),
    _counts("n", 3.0),
    _OUT,
)
