"""Corners of the library: tiles, geometry, random numbers, arrays of every kind."""

from __future__ import annotations

from tests.support.corpus.writing import N, add, argument, out, param, ramp, whole
from warpgen.launch import Argument, Fill

add(
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

add(
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

add(
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

add(
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

add(
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

add(
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

add(
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

add(
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

add(
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

add(
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

add(
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

add(
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
