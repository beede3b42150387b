"""Hand-written programs, one for each corner of the language that the pipeline must carry."""

from __future__ import annotations

from typing import Any

from warpgen.launch import Argument, Fill, FillKind, Launch, Role
from warpgen.program import Program

N = 64


def argument(name: str, type_: str, role: Role, kind: FillKind, *values: Any, **more: Any) -> Argument:
    """An argument that has no parts."""
    return Argument(name, type_, role, (Fill(name, kind, *values, **more),))


def ramp(name: str, type_: str = "array1d(float32)", shape: tuple[int, ...] = (N,)) -> Argument:
    return argument(name, type_, "input", "uniform", shape, -1.0, 1.0)


def whole(name: str, high: int = N, shape: tuple[int, ...] = (N,), type_: str = "array1d(int32)") -> Argument:
    return argument(name, type_, "input", "uniform", shape, 0.0, float(high))


def out(name: str, type_: str = "array1d(float32)", shape: tuple[int, ...] = (N,)) -> Argument:
    return argument(name, type_, "output", "constant", shape)


def param(name: str, type_: str = "float32", value: float = 0.5) -> Argument:
    return argument(name, type_, "param", "constant", value=value)


def program(
    name: str, source: str, *args: Argument, dim: tuple[int, ...] = (N,), tiled: bool = False
) -> Program:
    return Program(
        seed=0,
        index=len(PROGRAMS),
        category="corpus",
        name=name,
        source="import warp as wp\n" + source,
        args=args,
        launch=Launch(dim, seed=len(PROGRAMS), tiled=tiled),
    )


PROGRAMS: list[Program] = []


def _add(name: str, source: str, *args: Argument, dim: tuple[int, ...] = (N,), tiled: bool = False) -> None:
    PROGRAMS.append(program(name, source, *args, dim=dim, tiled=tiled))


_add(
    "scale",
    """

@wp.kernel
def scale(x: wp.array(dtype=float), s: float, y: wp.array(dtype=float)):
    i = wp.tid()
    y[i] = s * x[i] + wp.sin(x[i]) / 2.0
""",
    ramp("x"),
    param("s"),
    out("y"),
)

_add(
    "integrate",
    """

GRAVITY = wp.constant(wp.vec3(0.0, -9.81, 0.0))


@wp.struct
class Particle:
    position: wp.vec3
    velocity: wp.vec3
    mass: float


@wp.struct
class World:
    step: float
    drag: float
    first: Particle


@wp.func
def accelerate(p: Particle, world: World) -> wp.vec3:
    \"\"\"Gravity and linear drag.\"\"\"
    return GRAVITY - p.velocity * (world.drag / p.mass)


@wp.kernel
def integrate(particles: wp.array(dtype=Particle), world: World, moved: wp.array(dtype=wp.vec3)):
    i = wp.tid()
    p = particles[i]
    v = p.velocity + accelerate(p, world) * world.step
    moved[i] = p.position + v * world.step + world.first.position  # semi-implicit Euler
""",
    Argument(
        "particles",
        "array1d(Particle)",
        "input",
        (
            Fill("particles", "struct", (N,)),
            Fill("particles.position", "uniform", low=-1.0),
            Fill("particles.velocity", "uniform", low=-1.0),
            Fill("particles.mass", "uniform", low=0.5, high=2.0),
        ),
    ),
    Argument(
        "world",
        "World",
        "param",
        (
            Fill("world", "struct"),
            Fill("world.step", "constant", value=0.01),
            Fill("world.drag", "constant", value=0.1),
            Fill("world.first", "struct"),
            Fill("world.first.position", "uniform"),
            Fill("world.first.velocity", "uniform"),
            Fill("world.first.mass", "constant", value=1.0),
        ),
    ),
    out("moved", "array1d(vec3f)"),
)

_add(
    "histogram",
    """

@wp.kernel
def histogram(x: wp.array(dtype=float), bins: int, counts: wp.array(dtype=int), peak: wp.array(dtype=float)):
    i = wp.tid()
    b = wp.clamp(int((x[i] + 1.0) * 0.5 * float(bins)), 0, bins - 1)
    wp.atomic_add(counts, b, 1)
    wp.atomic_max(peak, 0, x[i])
""",
    ramp("x"),
    argument("bins", "int32", "param", "constant", value=8),
    argument("counts", "array1d(int32)", "inout", "constant", (8,)),
    argument("peak", "array1d(float32)", "inout", "constant", (1,), value=-1.0),
)

_add(
    "blur",
    """

@wp.kernel
def blur(image: wp.array2d(dtype=wp.float64), radius: int, result: wp.array2d(dtype=wp.float64)):
    i, j = wp.tid()
    total = wp.float64(0.0)
    count = int(0)
    for di in range(-radius, radius + 1):
        for dj in range(-2, 3):
            ii = i + di
            jj = j + dj
            if ii < 0 or ii >= image.shape[0] or jj < 0 or jj >= image.shape[1]:
                continue
            total += image[ii, jj]
            count += 1
    result[i, j] = total / wp.float64(count)
""",
    ramp("image", "array2d(float64)", (16, 12)),
    argument("radius", "int32", "param", "constant", value=1),
    out("result", "array2d(float64)", (16, 12)),
    dim=(16, 12),
)

_add(
    "collatz",
    """

@wp.kernel(enable_backward=False)
def collatz(start: wp.array(dtype=wp.int64), steps: wp.array(dtype=int)):
    i = wp.tid()
    n = start[i] + wp.int64(1)
    k = int(0)
    while n != wp.int64(1):
        if n % wp.int64(2) == wp.int64(0):
            n = n / wp.int64(2)
        else:
            n = wp.int64(3) * n + wp.int64(1)
        k += 1
        if k > 200:
            break
    steps[i] = k
""",
    whole("start", 1000, type_="array1d(int64)"),
    out("steps", "array1d(int32)"),
)

_add(
    "mix_types",
    """

from typing import Any


@wp.func
def mix(a: Any, b: Any, t: float):
    return a + (b - a) * t


@wp.func
def fold(x: float):
    return x * 2.0


@wp.func
def fold(v: wp.vec2):
    return v[0] + v[1]


@wp.kernel
def mix_types(x: wp.array(dtype=float), v: wp.array(dtype=wp.vec2), y: wp.array(dtype=float)):
    i = wp.tid()
    y[i] = mix(x[i], 1.0, 0.25) + fold(mix(v[i], wp.vec2(1.0, 2.0), 0.5)) + fold(x[i])
""",
    ramp("x"),
    ramp("v", "array1d(vec2f)"),
    out("y"),
)

_add(
    "native",
    """

_SNIPPET = \"\"\"
    out[i] = a * a + 1.0f;
\"\"\"

_ADJOINT = \"\"\"
    adj_a += 2.0f * a * adj_out[i];
\"\"\"


@wp.func_native(snippet=_SNIPPET, adj_snippet=_ADJOINT)
def square(a: float, out: wp.array(dtype=float), i: int):
    ...


@wp.kernel
def native(x: wp.array(dtype=float), y: wp.array(dtype=float)):
    i = wp.tid()
    square(x[i], y, i)
""",
    ramp("x"),
    out("y"),
)

_add(
    "custom_grad",
    """

@wp.func
def safe_sqrt(x: float):
    return wp.sqrt(wp.max(x, 0.0))


@wp.func_grad(safe_sqrt)
def adj_safe_sqrt(x: float, adj_ret: float):
    if x > 0.0:
        wp.adjoint[x] += adj_ret / (2.0 * wp.sqrt(x))


@wp.func
def bump(counter: wp.array(dtype=int), i: int):
    return wp.atomic_add(counter, i, 1)


@wp.func_replay(bump)
def replay_bump(counter: wp.array(dtype=int), i: int):
    return 0


@wp.kernel
def custom_grad(x: wp.array(dtype=float), counter: wp.array(dtype=int), y: wp.array(dtype=float)):
    i = wp.tid()
    k = bump(counter, i)
    y[i] = safe_sqrt(x[i]) * float(k + 1)
""",
    ramp("x"),
    argument("counter", "array1d(int32)", "inout", "constant", (N,)),
    out("y"),
)

_add(
    "unrolled",
    """

WEIGHTS = (0.25, 0.5, 0.25)
ORDER = 3


@wp.func
def power(x: float):
    r = float(1.0)
    for _ in range(wp.static(ORDER)):
        r = r * x
    return r


@wp.kernel
def unrolled(x: wp.array(dtype=float), y: wp.array(dtype=float)):
    i = wp.tid()
    s = float(0.0)
    for k in range(3):
        s += wp.static(WEIGHTS[k]) * power(x[(i + k) % x.shape[0]])
    y[i] = s + wp.static(wp.length(wp.vec3(1.0, 2.0, 2.0)))
""",
    ramp("x"),
    out("y"),
)

_add(
    "matmul",
    """

TILE_M = 8
TILE_N = 4
TILE_K = 8


@wp.kernel
def matmul(a: wp.array2d(dtype=float), b: wp.array2d(dtype=float), c: wp.array2d(dtype=float)):
    i, j = wp.tid()
    total = wp.tile_zeros(shape=(TILE_M, TILE_N), dtype=float)
    for k in range(2):
        x = wp.tile_load(a, shape=(TILE_M, TILE_K), offset=(i * TILE_M, k * TILE_K))
        y = wp.tile_load(b, shape=(TILE_K, TILE_N), offset=(k * TILE_K, j * TILE_N))
        wp.tile_matmul(x, y, total)
    wp.tile_store(c, total, offset=(i * TILE_M, j * TILE_N))
""",
    ramp("a", "array2d(float32)", (16, 16)),
    ramp("b", "array2d(float32)", (16, 8)),
    out("c", "array2d(float32)", (16, 8)),
    dim=(2, 2),
    tiled=True,
)

_add(
    "tile_sums",
    """

@wp.func
def halve(x: float):
    return x * 0.5


@wp.kernel
def tile_sums(x: wp.array2d(dtype=float), y: wp.array(dtype=float)):
    i = wp.tid()
    row = wp.tile_load(x[i], shape=16)
    halved = wp.tile_map(halve, row)
    total = wp.tile_sum(halved + wp.tile_ones(shape=16, dtype=float))
    wp.tile_store(y, total, offset=i)
""",
    ramp("x", "array2d(float32)", (8, 16)),
    out("y", shape=(8,)),
    dim=(8,),
    tiled=True,
)

_add(
    "per_thread_tile",
    """

@wp.kernel
def per_thread_tile(x: wp.array(dtype=float), y: wp.array(dtype=float)):
    i = wp.tid()
    value = x[i] * 2.0
    t = wp.tile(value)
    s = wp.tile_sum(t)
    wp.tile_atomic_add(y, s, offset=0)
""",
    ramp("x"),
    argument("y", "array1d(float32)", "inout", "constant", (1,)),
)

_add(
    "rigid",
    """

@wp.kernel
def rigid(
    pose: wp.array(dtype=wp.transform),
    spin: wp.array(dtype=wp.quat),
    m: wp.array(dtype=wp.mat33),
    s: wp.spatial_vector,
    p: wp.array(dtype=wp.vec3),
    q: wp.array(dtype=wp.vec3),
):
    i = wp.tid()
    world = wp.transform_point(pose[i], p[i])
    turned = wp.quat_rotate(spin[i], world)
    r = wp.transpose(m[i]) @ turned
    q[i] = r + wp.cross(wp.spatial_top(s), wp.spatial_bottom(s)) * wp.determinant(m[i])
""",
    argument("pose", "array1d(transformf)", "input", "transform", (N,), -1.0, 1.0),
    argument("spin", "array1d(quatf)", "input", "unit", (N,)),
    argument("m", "array1d(mat33f)", "input", "rotation", (N,)),
    argument("s", "spatial_vectorf", "param", "uniform"),
    ramp("p", "array1d(vec3f)"),
    out("q", "array1d(vec3f)"),
)

_add(
    "nearest",
    """

@wp.kernel
def nearest(mesh: wp.uint64, p: wp.array(dtype=wp.vec3), d: wp.array(dtype=float)):
    i = wp.tid()
    query = wp.mesh_query_point(mesh, p[i], 10.0)
    if query.result:
        hit = wp.mesh_eval_position(mesh, query.face, query.u, query.v)
        d[i] = wp.length(hit - p[i]) * query.sign
    else:
        d[i] = -1.0
""",
    argument("mesh", "uint64", "handle", "mesh", (8, 12)),
    ramp("p", "array1d(vec3f)"),
    out("d"),
)

_add(
    "neighbours",
    """

@wp.kernel
def neighbours(grid: wp.uint64, p: wp.array(dtype=wp.vec3), radius: float, density: wp.array(dtype=float)):
    i = wp.hash_grid_point_id(grid, wp.tid())
    x = p[i]
    rho = float(0.0)
    for j in wp.hash_grid_query(grid, x, radius):
        d = wp.length(x - p[j])
        if d < radius and j != i:
            rho += 1.0 - d / radius
    density[i] = rho
""",
    argument("grid", "uint64", "handle", "hash_grid", (8, 8, 8), value=0.5, of="p"),
    ramp("p", "array1d(vec3f)"),
    param("radius"),
    out("density"),
)

_add(
    "boxes",
    """

@wp.kernel
def boxes(tree: wp.uint64, lower: wp.array(dtype=wp.vec3), hits: wp.array(dtype=int)):
    i = wp.tid()
    query = wp.bvh_query_aabb(tree, lower[i], lower[i] + wp.vec3(0.5))
    box = int(0)
    n = int(0)
    while wp.bvh_query_next(query, box):
        n += box % 2 + 1
    hits[i] = n
""",
    argument("tree", "uint64", "handle", "bvh", value=0.1, of="lower"),
    ramp("lower", "array1d(vec3f)"),
    out("hits", "array1d(int32)"),
)

_add(
    "closed",
    """

def make(degree: int, outer):
    @wp.func
    def inner(x: float):
        return outer(x) + float(degree)

    @wp.kernel
    def closed(x: wp.array(dtype=float), y: wp.array(dtype=float)):
        i = wp.tid()
        y[i] = inner(x[i]) * wp.static(degree * 2.0)

    return closed


@wp.func
def soften(x: float):
    return x / (1.0 + wp.abs(x))


closed = make(3, soften)
""",
    ramp("x"),
    out("y"),
)

_add(
    "volume4d",
    """

@wp.kernel(launch_bounds=128)
def volume4d(x: wp.array4d(dtype=wp.vec3h), y: wp.array4d(dtype=wp.float16), t: wp.array4d(dtype=wp.uint8)):
    i, j, k, l = wp.tid()
    v = x[i, j, k, l]
    tag = t[i, j, k, l]
    picked = v[0] if (tag & wp.uint8(1)) == wp.uint8(1) else v[2]
    y[i, j, k, l] = picked * wp.float16(0.5) + wp.dot(v, v)
""",
    ramp("x", "array4d(vec3h)", (2, 3, 4, 5)),
    out("y", "array4d(float16)", (2, 3, 4, 5)),
    whole("t", 8, (2, 3, 4, 5), "array4d(uint8)"),
    dim=(2, 3, 4, 5),
)

_add(
    "walk",
    """

import math
from enum import IntEnum


class Mode(IntEnum):
    STEP = 0
    JUMP = 1


@wp.func
def advance(state: wp.uint32, mode: int):
    d = wp.randf(state, -1.0, 1.0)
    if mode == Mode.JUMP:
        d *= 4.0
    return d, wp.noise(state, d)


@wp.kernel(module="unique")
def walk(seed: int, mode: wp.array(dtype=int), y: wp.array(dtype=float), b: wp.array(dtype=wp.bool)):
    i = wp.tid()
    state = wp.rand_init(seed, i)
    x = float(0.0)
    for _ in range(20):
        d, n = advance(state, mode[i])
        x += d + n * math.pi
    y[i] = x
    b[i] = 0.0 < x < 1.0 and not mode[i] == 0
""",
    argument("seed", "int32", "param", "constant", value=7),
    whole("mode", 2),
    out("y"),
    out("b", "array1d(bool)"),
)

_add(
    "views",
    """

vec5 = wp.types.vector(length=5, dtype=float)
mat23 = wp.types.matrix(shape=(2, 3), dtype=float)


@wp.func
def total(row: wp.array(dtype=float)):
    s = float(0.0)
    for k in range(row.shape[0]):
        s += row[k]
    return s


@wp.kernel
def views(x: wp.array2d(dtype=float), picked: wp.indexedarray(dtype=float), y: wp.array(dtype=float)):
    i = wp.tid()
    v = vec5(1.0, 2.0, 3.0, 4.0, 5.0)
    v[1:3] = wp.vec2(x[i, 0], x[i, 1])
    m = mat23(1.0, 0.0, 0.0, 0.0, 1.0, picked[i])
    m[0, 1] += v[-1]
    n = m @ wp.vec3(v[0], v[1], v[2])
    local = wp.zeros(shape=(4,), dtype=float)
    for k in range(4):
        local[k] = v[k] * n[0]
    y[i] = total(x[i]) + total(local) + n[1]
""",
    ramp("x", "array2d(float32)", (N, 4)),
    Argument(
        "picked",
        "indexedarray1d(float32)",
        "input",
        (
            Fill("picked", "indexed", (N,)),
            Fill("picked.data", "uniform", (2 * N,)),
            Fill("picked.indices0", "uniform", (N,), 0.0, 2.0 * N),
        ),
    ),
    out("y"),
)

_add(
    "library",
    """

@wp.func
def curve(x: float):
    return wp.smoothstep(0.0, 1.0, x) * x


@wp.kernel
def library(x: wp.array(dtype=wp.vec3), y: wp.array(dtype=float), g: wp.array(dtype=float)):
    i = wp.tid()
    y[i] = wp.norm_huber(x[i], 0.5) + wp.norm_l1(x[i])
    g[i] = wp.grad(curve)(x[i][0])
    wp.expect_eq(i, i)
    if i == 0:
        wp.printf("%d %f\\n", i, y[i])
""",
    ramp("x", "array1d(vec3f)"),
    out("y"),
    out("g"),
)

BY_NAME = {p.name: p for p in PROGRAMS}
