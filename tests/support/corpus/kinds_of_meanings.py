"""Files whose names mean something else by time or place, and files that are no module of their folder."""

from __future__ import annotations

MEANINGS = {
    "meanings": """
import argparse
import warp as wp
import consts
parser = argparse.ArgumentParser()
parser.add_argument("--size", type=int, default=8)
SIZE = parser.parse_args().size
T = wp.vec3
@wp.func
def former(x: T) -> T:
    return x * 2.0
T = wp.vec2
@wp.func
def latter(x: T) -> T:
    return x * 3.0
@wp.kernel
def rebound(a: wp.array(dtype=wp.vec3), b: wp.array(dtype=wp.vec2)):
    i = wp.tid()
    a[i] = former(a[i])
    b[i] = latter(b[i]) * float(SIZE)
dtype = wp.float64
def of_type(dtype):
    @wp.func
    def same(x: dtype) -> dtype:
        return x
    @wp.kernel
    def by_factory(a: wp.array(dtype=dtype)):
        i = wp.tid()
        a[i] = same(a[i])
    return by_factory
narrow = of_type(wp.float32)
WS = [0.5, 1.5]
w = 2.0
@wp.kernel
def comprehended(a: wp.array(dtype=float)):
    i = wp.tid()
    a[i] = a[i] * wp.static(sum(w for w in WS)) + w
@wp.func
def 𝜃_of(x: float):
    return x * 0.5
@wp.kernel
def lettered(a: wp.array(dtype=float)):
    i = wp.tid()
    a[i] = 𝜃_of(a[i])
@wp.kernel
def turned(a: wp.array(dtype=wp.vec2), n: int):
    i = wp.tid()
    for k in range(n):
        a[i] = a[i] + wp.vec2(w, consts.half)
""",
    # Overloads that lie in several files, and types that functions and builtins tell.
    "boxes": """
import warp as wp
K = 1.5
@wp.struct
class Boxes:
    sides: wp.array(dtype=wp.vec3)
def reach(of: Boxes, i: int):
    return wp.length(of.sides[i]) * K
""",
    "balls": """
import warp as wp
K = 2.5
@wp.struct
class Balls:
    radii: wp.array(dtype=float)
def reach(of: Balls, i: int):
    return of.radii[i] - K
@wp.func
def count(of: wp.int64):
    return of
@wp.func
def least(of: wp.float16):
    return wp.float16(0.5)
@wp.func
def least(of: float):
    return 0.25
""",
    "tellers": """
from typing import Any
import warp as wp
import balls
import boxes
for file in (boxes, balls):
    reach = wp.func(file.reach, module=__name__)
@wp.kernel
def reached(of: Any, n: wp.array(dtype=Any), out: wp.array(dtype=float)):
    i = wp.tid()
    out[i] = reach(of, i) + float(balls.count(n[i]))
@wp.kernel
def moved(by: Any, x: wp.array(dtype=Any), q: wp.array2d(dtype=Any), out: wp.array(dtype=Any)):
    i = wp.tid()
    x[i] = wp.quat_rotate(q[i, 0], wp.transform_point(by, x[i]))
    out[i] = wp.quat_inverse(wp.transform_get_rotation(by))
@wp.kernel
def least_of(a: wp.array(dtype=Any)):
    i = wp.tid()
    a[i] = balls.least(a[i])
""",
    # As once it is installed: no file names `src`.
    "src/mine/__init__": "from mine.parts import *\nfrom mine.parts import plus as mine_plus\n",
    "src/mine/parts": """
import warp as wp
__all__ = ["EPS"]
EPS = 1e-6
@wp.func
def plus(x: float):
    return x + EPS
@wp.kernel
def of_parts(a: wp.array(dtype=float)):
    i = wp.tid()
    a[i] = plus(a[i])
""",
    "src/mine/kernels": """
import warp as wp
import mine
from .parts import EPS
@wp.kernel
def of_source(a: wp.array(dtype=float)):
    i = wp.tid()
    a[i] = mine.mine_plus(a[i]) * EPS
""",
    "scripts/uses_source": """
import warp as wp
from mine import mine_plus
@wp.kernel
def of_script(a: wp.array(dtype=float)):
    i = wp.tid()
    a[i] = mine_plus(a[i]) * 2.0
""",
    # A package that wants no adjoints, and files that other files' wishes are nothing to.
    "still/__init__": "import warp as wp\nwp.config.enable_backward = False\nfrom .first import EPS\n",
    "still/first": """
import warp as wp
EPS = 0.5
@wp.kernel
def still_first(a: wp.array(dtype=float)):
    a[wp.tid()] = EPS
""",
    "still/second": """
import warp as wp
@wp.kernel
def still_second(a: wp.array(dtype=float)):
    a[wp.tid()] = 4.0
""",
    "stilled": """
import warp as wp
wp.config.enable_backward = False
@wp.kernel
def still_script(a: wp.array(dtype=float)):
    a[wp.tid()] = 5.0
""",
}
