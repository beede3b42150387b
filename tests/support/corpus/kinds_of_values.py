"""Ways in which people give kernels types and values, as files to harvest beside those of `kinds`."""

from __future__ import annotations

VALUES = {
    "annotated": """
import warp as w
import other
KINDS = {"v": w.vec2}
K = 7.0
TURN = w.quat_identity()
@w.struct
class Own:
    m: float
@w.func
def f(x: float):
    return x * K
@w.func_replay(f)
def again(x: float):
    return x * K + 0.0
@w.func
def g(x: float):
    return x * x
@w.func
def g(x: w.vec2):
    return w.dot(x, x)
@w.func_grad(g)
def adj_g(x: float, adj_ret: float):
    w.adjoint[x] += 3.0 * adj_ret
@w.func_grad(g)
def adj_g(x: w.vec2, adj_ret: float):
    w.adjoint[x] += 4.0 * x * adj_ret
@w.kernel
def by_key(a: w.array[KINDS["v"]], b: w.array[float], v: w.array[w.vec3]):
    i = w.tid()
    K = f(b[i]) + other.f(b[i])
    b[i] = g(a[i]) + g(K) + other.K
    v[i] = w.quat_rotate(TURN, v[i])
@w.kernel
def of_former(a: w.array[Own]):
    a[w.tid()].m = 1.0
@w.struct
class Own:
    v: w.vec3
""",
    "types_of": """
import warp as wp
import other
from typing import Any, Any as Some
from warp.types import matrix, vector
@wp.struct
class Body:
    mass: float
    place: wp.vec3
@wp.func
def sum_of(x: Some, y: Some):
    return x + y
@wp.kernel
def some(a: wp.array(dtype=float)):
    i = wp.tid()
    a[i] = sum_of(a[i], 2.0)
@wp.kernel
def bodies(a: wp.array(dtype=Body), b: wp.array(dtype=other.Body)):
    i = wp.tid()
    a[i].mass = b[i].mass * 2.0
@wp.kernel
def over_structs(a: wp.array(dtype=Any), s: float):
    i = wp.tid()
    a[i].place = a[i].place * s
vec5 = wp.types.vector(5, wp.float32)
@wp.kernel
def vectors(a: wp.array(dtype=vec5), b: wp.array(dtype=other.vec5)):
    i = wp.tid()
    v = vec5()
    w = other.vec5()
    v[0] = float(w[1])
    a[i] = v
    b[i] = w
G = wp.constant(wp.vec3(0.0, -9.8, 0.0))
BIG = wp.constant(wp.uint64(0xFFFFFFFFFFFFFFF0))
FAR = float("inf")
THIN = wp.mat22h(0.5, -1.0, 2.0, 0.25)
M5 = wp.constant(vec5(1.0, 2.0, 3.0, 4.0, -5.0))
@wp.kernel
def values(a: wp.array(dtype=wp.vec3), b: wp.array(dtype=wp.uint64), c: wp.array(dtype=float)):
    i = wp.tid()
    c[i] = c[i] + float(THIN[0, 1])
    a[i] = a[i] + G + wp.vec3(M5[4])
    b[i] = b[i] ^ BIG
    if c[i] < FAR:
        c[i] = -FAR
@wp.func
def four(x: vector(length=4, dtype=float), m: matrix(shape=(4, 4), dtype=float)):
    return m * x
@wp.kernel
def by_maker(a: wp.array(dtype=vector(length=4, dtype=float))):
    a[0] = four(a[0], wp.mat44(1.0))
Real = wp.float32
@wp.kernel
def alias(a: wp.array(dtype=Real)):
    i = wp.tid()
    a[i] = Real(2.0) * a[i] + Real(i)
Floats = wp.array(dtype=float)
@wp.func
def first(a: Floats, at: int):
    return a[at]
@wp.kernel
def array_alias(a: Floats, b: wp.array(dtype=float)):
    i = wp.tid()
    b[i] = first(a, i)
@wp.kernel
def gathered(src: Any, at: wp.array2d(dtype=int), dst: Any):
    i, j = wp.tid()
    dst[i, j] = src[at[i, j]]
@wp.kernel
def pairs(m: wp.array(dtype=Any), v: wp.array(dtype=Any)):
    i = wp.tid()
    v[i] = m[i] * v[i] * wp.trace(m[i])
@wp.kernel
def use(p: wp.array2d(dtype=Any), w: wp.array(dtype=Any), c: wp.array(dtype=Any), out: wp.array(dtype=Any)):
    i = wp.tid()
    w_i = w[i]
    out[i] = type(w_i)(p[i, 0] + w_i[0], p[i, 1] + w_i[4], w_i[2], w_i[3], wp.determinant(c[0]))
@wp.kernel
def nine(k: wp.array(dtype=Any), s: wp.array(dtype=Any), m: wp.array(dtype=Any)):
    i = wp.tid()
    v = k[i]
    one = m[0]
    w = type(v[0])(s[0])
    wp.atomic_add(m, 0, type(one)(v[0] * w, v[1], v[2], w, w, w, w, w, w))
@wp.kernel
def row_of_nine(a: wp.array(dtype=Any)):
    v = a[wp.tid()]
    a[0] = type(v)(v[8], v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7])
@wp.func
def pulled(x: Any, m: Any):
    return wp.normalize(x) / m
@wp.kernel
def inner(x: wp.array(dtype=Any), m: wp.array(dtype=Any), f: wp.array(dtype=Any), v: wp.array(dtype=Any)):
    i = wp.tid()
    m_i = m[i]
    v[i] = v[i] + f[i] * m_i + pulled(x[i], m_i) * wp.dot(v[i], x[i])
""",
    "statics": """
import warp as wp
import numpy as np
import other
from typing import Any
import sys
from collections import namedtuple
from enum import IntFlag
from types import SimpleNamespace
@wp.func
def less(x: float):
    return x - 1.0
@wp.func
def more(x: float):
    return x + 2.0
class Conf:
    n = 3
    w = [0.5, -1.0, 2.0]
    def weight(self, k):
        return self.w[k] * 0.5
    @property
    def gain(self):
        return -2.0
cfg = Conf()
D = {"a": 1.5, "b": [1, 2]}
A = np.array([0.5, 0.25, 0.125])
class Holds:
    table = A
    n = 2
@wp.kernel
def of_array(a: wp.array(dtype=float)):
    i = wp.tid()
    a[i] = a[i] * wp.static(float(Holds.table.sum())) + float(Holds.n)
@wp.kernel
def tables(a: wp.array(dtype=float)):
    i = wp.tid()
    s = float(0.0)
    for k in range(cfg.n):
        s += wp.static(cfg.weight(k)) * a[i] + wp.static(float(A[k]))
    for j in range(1, 3):
        s -= wp.static(cfg.w[j] if j > 1 else cfg.gain)
    a[i] = s ** wp.static(D["a"]) - wp.static(-cfg.gain) * wp.static(sum(x * x for x in cfg.w))
def written_by(write):
    @wp.func
    def put(i: int, out: Any):
        write(float(i), out)
    @wp.kernel
    def given(n: wp.array(dtype=int), out: Any):
        i = wp.tid()
        put(n[i], out)
    return given
writes = written_by(other.store)
def typed(kind):
    @wp.func
    def doubled(x: float) -> kind:
        return x * kind(2.0)
    @wp.kernel
    def by_kind(a: wp.array(dtype=kind)):
        i = wp.tid()
        a[i] = doubled(a[i])
    return by_kind
only = typed(wp.float32)
def gauss(n):
    return [float(n - i) for i in range(n)]
@wp.kernel
def python_function(a: wp.array(dtype=float)):
    i = wp.tid()
    for k in range(3):
        a[i] = a[i] + wp.static(gauss(3)[k])
for n in (1, 2, 3):
    @wp.kernel
    def looped(a: wp.array(dtype=float)):
        i = wp.tid()
        a[i] = a[i] * float(wp.static(n))
step = 2
@wp.func
def forth(x: float, by: int = step):
    return x + float(by)
step = 5
@wp.kernel
def defaults(a: wp.array(dtype=float)):
    i = wp.tid()
    a[i] = forth(a[i]) + float(step)
Offset = namedtuple("Offset", "dx dy")
OFFSETS = [Offset(0, 1), Offset(-2, 3)]
GRID = np.array([[0.5, 1.0], [1.5, 2.0]])
@wp.kernel
def by_turns(a: wp.array(dtype=float)):
    i = wp.tid()
    for j in range(2):
        a[i] = a[i] + float(wp.static(OFFSETS[j].dx)) * wp.static(float(GRID[j, 1]))
        a[i] = wp.static([less, more][j])(a[i])
OFFSET = OFFSETS[1]
class Sides(IntFlag):
    LEFT = 1
    RIGHT = 2
BOTH = Sides.LEFT | Sides.RIGHT
@wp.kernel
def by_field(a: wp.array(dtype=float)):
    i = wp.tid()
    a[i] = a[i] + sys.float_info.epsilon - float(wp.static(OFFSET.dy) + wp.static(int(BOTH)))
@wp.kernel
def left_out(a: wp.array(dtype=float)):
    i = wp.tid()
    if wp.static(getattr(cfg, "n") > 2):
        a[i] = a[i] * wp.static(max(cfg.w))
    else:
        a[i] = of_another_version(a[i])
n = 4
@wp.kernel
def meets_local(a: wp.array(dtype=float)):
    i = wp.tid()
    n = a.shape[0]
    a[i] = float(wp.static(n)) * a[n - 1]
class Solver:
    def __init__(self, n):
        self.n = n
        fn = less
        @wp.kernel
        def bound(a: wp.array(dtype=float)):
            i = wp.tid()
            a[i] = fn(a[i]) * float(wp.static(self.n)) + wp.static(self.n * 2.0)
        self.k = bound
    @wp.func
    def inner(x: float):
        return x * 3.0
    @wp.kernel
    def held(a: wp.array(dtype=float)):
        i = wp.tid()
        a[i] = Solver.inner(a[i])
solvers = [Solver(4), Solver(-5)]
def chain(fn, c):
    @wp.func
    def g(x: float):
        return fn(x) * c
    return g
h = chain(chain(less, 2.0), 3.0)
@wp.kernel
def chained(a: wp.array(dtype=float)):
    i = wp.tid()
    a[i] = h(a[i])
""",
}
