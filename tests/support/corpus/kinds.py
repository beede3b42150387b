"""Every way in which people make kernels, as files to harvest."""

from __future__ import annotations

from tests.support.corpus.kinds_of_meanings import MEANINGS
from tests.support.corpus.kinds_of_roles import ROLES
from tests.support.corpus.kinds_of_values import VALUES

# File by file; what each kernel's row must hold stands in the test.
FILES = {
    **MEANINGS,
    **ROLES,
    **VALUES,
    "consts": "scale = 3.0\nhalf = -0.5\ngamma = 1.4\none = 1\nzero = -0.0\n",
    "other": """
import warp as wp
one = 1.0
zero = 0.0
K = 7.0
@wp.struct
class Body:
    mass: float
@wp.struct
class Sheet:
    lines: wp.array(dtype=float)
@wp.func
def store(x: float, out: Sheet):
    out.lines[0] = x
@wp.func
def f(x: float):
    return x + K
@wp.func
def clamp(x: float):
    return wp.clamp(x, 0.0, one)
def make(power: int):
    @wp.kernel
    def raised(a: wp.array(dtype=float)):
        i = wp.tid()
        a[i] = a[i] ** float(power)
    return raised
vec5 = wp.types.vector(5, wp.float64)
""",
    "names": """
import math as m
from enum import IntEnum, IntFlag, Enum
from math import pi, sqrt
from types import SimpleNamespace
import numpy as np
import warp
import consts
import other
from other import make
wp = warp
@wp.kernel
def parameter(scale: wp.array(dtype=float), gamma: float):
    i = wp.tid()
    scale[i] = scale[i] * consts.scale + gamma * consts.gamma
class Cfg:
    s = -1.5
    n = -3
    class Inner:
        value = -2.5
@wp.kernel
def negative(a: wp.array(dtype=float)):
    i = wp.tid()
    a[i] = a[i] * Cfg.s ** 2.0 - Cfg.s + float(2 - Cfg.n) - Cfg.Inner.value
weight = 0.25
@wp.kernel
def starts(a: wp.array(dtype=float)):
    i = wp.tid()
    weight = weight * a[i]
    a[i] = weight
@wp.func
def keywords(x: float, /, *, y: float, z: float = 2.0):
    return x - y * z
@wp.kernel
def named(a: wp.array(dtype=float), /, b: float):
    i = wp.tid()
    a[i] = keywords(a[i], y=b)
@warp.kernel
def modules(math: warp.array(dtype=float)):
    wp = warp.tid()
    math[wp] = math[wp] * m.pi + sqrt(math[wp]) + m.sin(math[wp]) + np.sqrt(pi)
class Share(Enum):
    HIGH = -0.75
class Flag(IntFlag):
    A = 1
    B = 2
    AB = 3
class Mode(IntEnum):
    X = 4
@wp.kernel
def enums(a: wp.array(dtype=float), f: int):
    i = wp.tid()
    if (f & Flag.AB) == Flag.B or f == Mode.X:
        a[i] = a[i] * wp.static(Share.HIGH.value)
@wp.func
def d(x: float):
    return x + 1.0
@wp.func
def e(x: float):
    return d(x) + other.f(x) + other.K
@wp.func
def f(x: float):
    return e(x) * 2.0
K = -1.0
@wp.kernel
def letters(a: wp.array(dtype=float)):
    i = wp.tid()
    a[i] = f(a[i]) + K
@wp.kernel
def clamp(a: wp.array(dtype=float)):
    i = wp.tid()
    a[i] = other.clamp(a[i])
@wp.kernel
def sum(a: wp.array(dtype=float), out: wp.array(dtype=float)):
    wp.atomic_add(out, 0, a[wp.tid()])
@wp.kernel
def equals(a: wp.array(dtype=float), b: wp.array(dtype=int)):
    i = wp.tid()
    a[i] = a[i] * other.one + other.zero * a[i] - consts.zero
    b[i] = b[i] + consts.one
@wp.kernel
def branches(a: wp.array(dtype=int)):
    i = wp.tid()
    if a[i] > 0:
        a[i] = a[i] + Cfg.n
    a[i] = a[i] * Cfg.n
cube, four = make(3), make(4)
class Turn(IntEnum):
    LEFT = 1
    @staticmethod
    def make(by):
        @wp.func
        def turned(x: float):
            return x * by
        return turned
    @staticmethod
    @wp.func
    def inside(x: float):
        return x + float(Turn.LEFT)
@wp.func
def fallback(x: float):
    return x - 7.0
f.fallback = fallback
@wp.kernel(launch_bounds=(128, 2))
def attributes(a: wp.array(dtype=float)):
    i = wp.tid()
    a[i] = Turn.inside(a[i]) + f.fallback(a[i]) + wp.static(Turn.make(2.0))(wp.static(Turn.make(2.0))(a[i]))
@wp.func
def velocity_at_point(qd: wp.spatial_vector, r: wp.vec3):
    return wp.velocity_at_point(qd, r) * 2.0
@wp.kernel
def like_warps(a: wp.array(dtype=wp.vec3), b: wp.array(dtype=wp.spatial_vector)):
    i = wp.tid()
    a[i] = velocity_at_point(b[i], a[i])
EPS = wp.float32(np.finfo(np.float32).eps)
@wp.kernel
def narrow(a: wp.array(dtype=float)):
    i = wp.tid()
    a[i] = a[i] + EPS
__EPS = 0.001
@wp.func
def __shift(x: float):
    return x + __EPS
@wp.kernel
def hidden(a: wp.array(dtype=float)):
    i = wp.tid()
    a[i] = __shift(a[i])
@wp.func(inline=False)
def apart(x: float):
    return x * 0.5
@wp.kernel(cuda_max_registers=96)
def hinted(a: wp.array(dtype=float)):
    i = wp.tid()
    a[i] = apart(a[i])
""",
    "ways": '''
import functools
import os
import warp as wp
from warp import kernel, Kernel
jit = lambda f: wp.kernel(f)
@jit
def by_lambda(a: wp.array(dtype=float)):
    a[wp.tid()] = 2.0
def deco(f):
    return wp.kernel(f, enable_backward=False)
@deco
def by_function(a: wp.array(dtype=float)):
    a[wp.tid()] = 3.0
fast = functools.partial(wp.kernel, enable_backward=False)
@fast
def by_partial(a: wp.array(dtype=float)):
    a[wp.tid()] = 4.0
@kernel
def bare(a: wp.array(dtype=float)):
    a[wp.tid()] = 5.0
def plain(a: wp.array(dtype=float)):
    a[wp.tid()] = 6.0
called = wp.kernel(plain)
again = Kernel(plain, key="other")
if os.sep:
    @wp.kernel
    def chosen(a: wp.array(dtype=float)):
        a[wp.tid()] = 7.0
else:
    @wp.kernel
    def chosen(a: wp.array(dtype=float)):
        a[wp.tid()] = 8.0
snippet = """
#if defined(__CUDA_ARCH__)
    __syncthreads();
#endif
    out[tid] = x[tid] * 2.0f;  // é
"""
assembly = 'asm volatile("nop;");'
@wp.func_native(assembly)
def waits(): ...
@wp.kernel
def of_assembly(a: wp.array(dtype=float)):
    waits()
    a[wp.tid()] = 1.0
@wp.func_native(snippet)
def native(x: wp.array(dtype=float), out: wp.array(dtype=float), tid: int): ...
@wp.func
def square(x: float):
    return x * x
@wp.func_grad(square)
def adj_square(x: float, adj_ret: float):
    wp.adjoint[x] += 2.0 * x * adj_ret
@wp.kernel
def natives(x: wp.array(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
    native(x, out, i)
    out[i] = out[i] + square(x[i])
@wp.kernel(
    # no adjoint
    enable_backward=False,
)
# a comment
def décor(a: wp.array(dtype=float)):
    """def décor(x):"""
    é = wp.tid()  # HERE/and there, /HERE/and here
    a[é] = a[é] + 1.0  # def
@wp.kernel
def tiles(a: wp.array(dtype=float), b: wp.array(dtype=float)):
    wp.tile_store(b, wp.tile_map(square, wp.tile_load(a, shape=8)))
@wp.kernel
def voxels(g: wp.uint64, a: wp.array(dtype=int)):
    i = wp.tid()
    a[i] = wp.where(i < wp.volume_voxel_count(g), wp.int32(1), wp.int32(7))
class ti:
    @staticmethod
    def kernel(f):
        return f
@ti.kernel
def of_others(dt: float):
    pass
PLACE = os.path.dirname(os.path.abspath(__file__))
@wp.kernel
def tells(a: wp.array(dtype=float)):
    wp.printf(PLACE)
    a[0] = 1.0
def thrice(n):
    @wp.kernel(module="unique")
    def bad(a: wp.array(dtype=float)):
        a[wp.tid()] = undefined_thing(n)
    return bad
bads = [thrice(1), thrice(2), thrice(3)]
''',
    "blocks": """
import warp as wp
wp.set_module_options({"block_dim": 32})
@wp.kernel
def of_block(a: wp.array(dtype=float), out: wp.array(dtype=float)):
    i, j = wp.tid()
    x = a[j]
    t = wp.tile(x)
    wp.tile_store(out, wp.tile_sum(t), offset=i)
    out[j] = wp.untile(wp.tile_load(a, shape=32))
""",
    "broken": "import warp as wp\n@wp.kernel\ndef good():\n    pass\nprint 'python 2'\n",
}
