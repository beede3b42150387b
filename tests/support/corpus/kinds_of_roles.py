"""What people's kernels do with an argument `p`, whose role ends each kernel's name."""

from __future__ import annotations

ROLES = {
    "roles": """
import warp as wp
from typing import Any
@wp.struct
class Inner:
    v: wp.vec3
    w: float
    grid: wp.array2d(dtype=float)
@wp.struct
class Pack:
    n: int
    m: wp.mat33
    a: wp.array(dtype=float)
    all: wp.array(dtype=Inner)
    inner: Inner
Grid = wp.array2d(dtype=float)
# What a thread changes of its own.
@wp.func
def of_own(p: Pack, i: int):
    p.inner.v[0] = 2.0
    return p.m[0, 0]
@wp.kernel
def local_param(p: Pack, out: wp.array(dtype=float)):
    i = wp.tid()
    p.m[0, 1] = 2.0
    q = p
    q.inner.v[0] += 1.0
    q.n = 3
    one = p.all[i]
    one.v[1] = one.w
    out[i] = of_own(q, i)
@wp.kernel
def elements_input(p: wp.array(dtype=Inner), out: wp.array(dtype=float)):
    i = wp.tid()
    q = p[i]
    q.w += 1.0
    q.v[0] = 2.0
    out[i] = q.w
# What it writes through views and copies, of structs and in functions.
@wp.func
def same(p: Pack):
    return p
@wp.func
def two(p: wp.array(dtype=float), q: wp.array(dtype=float)):
    return p, q
@wp.func
def put(row: wp.array(dtype=Any), x: Any):
    row[0] = x
@wp.func
def put(x: float):
    y = x
@wp.func
def put_all(p: Any, i: int):
    put(p.inner.grid[i], 1.0)
@wp.kernel
def copied_output(p: Pack):
    q = same(p)
    a = q.a
    a[wp.tid()] = 1.0
@wp.kernel
def called_output(p: Pack):
    put_all(p, wp.tid())
@wp.kernel
def alias_output(p: Grid):
    i = wp.tid()
    if i < p.shape[0]:
        for j in range(2):
            row = p[i]
            row[j] = 1.0
@wp.kernel
def held_output(p: wp.array(dtype=float), q: wp.array(dtype=float)):
    pack = Pack()
    pack.a = p
    pack.a[wp.tid()] = q[0]
@wp.kernel
def returned_output(p: wp.array(dtype=float), q: wp.array(dtype=float)):
    x, y = two(p, q)
    wp.static(put)(x, 2.0)
@wp.kernel
def component_output(p: wp.array(dtype=wp.vec3)):
    p[wp.tid()].y = 1.0
@wp.kernel
def field_output(p: wp.array(dtype=Inner)):
    p[wp.tid()].v[2] = 1.0
@wp.kernel
def swapped_inout(p: wp.array(dtype=float), q: wp.array(dtype=float)):
    i = wp.tid()
    x = q
    for k in range(i):
        x[i] = x[i] + 1.0
        x = p
@wp.kernel
def counted_inout(p: Pack):
    i = wp.tid()
    if i < p.n:
        p.a[i] = 1.0
@wp.kernel
def added_inout(p: wp.array(dtype=wp.vec3)):
    p[wp.tid()][0] += 1.0
@wp.kernel
def tiled_inout(p: wp.array(dtype=float), q: wp.array(dtype=float)):
    wp.tile_atomic_add(p, wp.tile_load(q, shape=4))
# C++ of their own.
@wp.func_native("out.data[i] = x[i] <= y ? 1.0f : 0.0f;  // out and x")
def chosen(out: wp.array(dtype=float), x: wp.array(dtype=float), y: float, i: int): ...
@wp.func_native("pack.a.data[i] = 2.0f;")
def stored(pack: Pack, i: int): ...
@wp.func_native("x[i] += 1.0f; f(&y[i]);")
def changed(x: wp.array(dtype=float), y: wp.array(dtype=float), i: int): ...
@wp.kernel
def native_output(p: wp.array(dtype=float), q: wp.array(dtype=float)):
    chosen(p, q, 1.0, wp.tid())
@wp.kernel
def native_field_output(p: Pack):
    stored(p, wp.tid())
@wp.kernel
def native_inout(p: wp.array(dtype=float), q: wp.array(dtype=float)):
    changed(q, p, wp.tid())
# Of other kinds.
@wp.kernel
def fabric_input(p: wp.fabricarray(dtype=float), q: wp.indexedfabricarray(dtype=wp.vec3)):
    i = wp.tid()
    q[i] = wp.vec3(p[i])
@wp.kernel
def object_handle(p: wp.handle, out: wp.array(dtype=wp.vec3)):
    out[0] = wp.mesh_get_point(p, 0)
@wp.kernel
def asked_handle(p: wp.uint64, out: wp.array(dtype=int)):
    q = wp.tile_bvh_query_aabb(p, wp.vec3(0.0), wp.vec3(1.0))
    wp.tile_store(out, wp.tile_bvh_query_next(q))
@wp.kernel
def number_param(p: wp.uint64, out: wp.array(dtype=wp.uint64)):
    out[0] = p ^ wp.uint64(1)
@wp.func
def farthest():
    return 10.0
@wp.func
def near(m: wp.uint64, x: wp.vec3):
    q = wp.mesh_query_point(m, x, farthest())
    return wp.mesh_eval_position(m, q.face, q.u, q.v)
@wp.func
def nearer(of: wp.uint64, x: wp.vec3):
    return near(of, x) - x
@wp.kernel
def followed_handle(p: wp.uint64, q: wp.uint64, x: wp.array(dtype=wp.vec3)):
    i = wp.tid()
    m = wp.where(i > 2, p, q)
    x[i] = nearer(m, x[i])
@wp.kernel
def beside_param(m: wp.uint64, p: wp.uint64, x: wp.array(dtype=wp.vec3), out: wp.array(dtype=wp.uint64)):
    x[0] = near(m, x[0])
    out[0] = p + wp.uint64(1)
@wp.func
def distance(x: float, m: wp.uint64):
    return wp.length(near(m, wp.vec3(x)))
@wp.kernel
def mapped_handle(p: wp.uint64, x: wp.array(dtype=float)):
    wp.tile_store(x, wp.tile_map(distance, wp.tile_load(x, shape=8), p))
spin = wp.types.quaternion(dtype=wp.float64)
@wp.kernel
def spun_inout(p: wp.array(dtype=spin)):
    p[0] = wp.quat_inverse(p[0])
""",
}
