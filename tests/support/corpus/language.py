"""Corners of the language: structs, types, control flow, functions in every form, native code, adjoints."""

from __future__ import annotations

from tests.support.corpus.writing import N, add, argument, out, param, ramp, whole
from warpgen.launch import Argument, Fill

add(
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

add(
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

add(
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

add(
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

add(
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

add(
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

add(
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

add(
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

add(
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
