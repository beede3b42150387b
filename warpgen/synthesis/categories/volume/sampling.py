"""Sparse volumes: samples, gradients, lookups, transport, collision."""

from __future__ import annotations

from warpgen.synthesis.blocks.queries import Volume, volume
from warpgen.synthesis.categories.volume import CATEGORY
from warpgen.synthesis.categories.volume.access import (
    FIELD,
    SDF,
    interpolation,
    looked_up,
    sampled,
    spot,
    voxel_of,
)
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import F32, I32
from warpgen.synthesis.language.values import Value, call


def sampled_gradient(k: Kit, v: Volume, uvw: Value) -> tuple[Value, Value]:
    """A sample and its gradient, which the builtin writes into a variable."""
    grad = k.var("grad|g|n|normal", 0.0, k.vec3, lo=-2.5, hi=2.5)
    args: list[Value | str] = [v.id, uvw, "wp.Volume.LINEAR", grad]
    if k.rng.chance(0.6):
        value = call("wp.volume_sample_grad_f", args, F32, -1.0, 1.0, k.author)
    else:
        value = call(
            "wp.volume_sample_grad", [*args, f"dtype={k.draft.use_type(F32)}"], F32, -1.0, 1.0, k.author
        )
    return k.define("d|value|phi|s", value), grad


@CATEGORY.motif(f32=True, weight=1.4)
def sample_field(k: Kit) -> None:
    """Sample a scalar volume."""
    v = volume(k, FIELD)
    s = k.define("s|value|density|sample", sampled(k, v, spot(k, v)))
    style = k.rng.choice(("plain", "scale", "threshold", "mix", "transfer"))
    if style == "scale":
        s = s * k.param("scale|strength|gain", k.real, 0.5, 4.0)
    elif style == "threshold":
        s = k.select(
            "inside|mask|solid", s > k.param("iso|isovalue|threshold", k.real, -0.3, 0.3), 1.0, k.lit(0.0)
        )
    elif style == "mix":
        s = k.wp.lerp(
            s, k.load("values|previous|old", k.real, -1.0, 1.0), k.param("alpha|blend|t", k.real, 0.1, 0.9)
        )
    elif style == "transfer":
        s = k.wp.exp(-k.wp.abs(s) * k.param("sigma|absorption|k", k.real, 0.5, 3.0))
    k.give("density|values|sample", s)


@CATEGORY.motif(f32=True, weight=1.3)
def field_normal(k: Kit) -> None:
    """Normal and distance from a signed distance volume."""
    v = volume(k, SDF)
    uvw = spot(k, v, 1.0)
    if k.rng.chance(0.6):
        d, grad = sampled_gradient(k, v, uvw)
        world = k.rng.chance(0.4)
        if world:
            grad = k.define(
                "grad_world|n_world|dir",
                call("wp.volume_index_to_world_dir", [v.id, grad], k.vec3, -3, 3, k.author),
            )
        n = k.let("n|normal|dir", k.wp.normalize(grad))
        k.give("dist|phi|sdf", d)
    else:
        eps = k.param("eps|h|delta", k.real, 0.1, 0.5)
        parts = []
        for a in range(3):
            step = k.make(k.vec3, *[eps if b == a else 0.0 for b in range(3)])
            parts.append(
                k.define(f"d{'xyz'[a]}|g{'xyz'[a]}", sampled(k, v, uvw + step) - sampled(k, v, uvw - step))
            )
        n = k.let("n|normal", k.wp.normalize(k.make(k.vec3, *parts)))
    k.give("normal|normals|n", n)


@CATEGORY.motif(f32=True, weight=1.2)
def volume_collision(k: Kit) -> None:
    """Push a particle out of a signed distance volume."""
    v = volume(k, SDF)
    top = (v.n - 2) * v.size
    x = k.input("particle_q|x|positions|pos", k.vec3, v.size, top)
    uvw = k.define(
        "uvw|local|q", call("wp.volume_world_to_index", [v.id, x], k.vec3, 0.9, v.n - 1.9, k.author)
    )
    d, grad = sampled_gradient(k, v, uvw)
    radius = k.param("radius|margin|thickness", k.real, 0.05, 0.4)
    out = k.var("x_new|corrected|f", x if k.rng.chance(0.5) else k.make(k.vec3, 0.0), lo=-100.0, hi=100.0)
    with k.if_(d < radius):
        n = k.let("n|normal", k.wp.normalize(grad))
        k.add(out, n * ((radius - d) * k.param("ke|stiffness|relax", k.real, 0.2, 5.0)))
        if k.rng.chance(0.5):
            vel = k.input("velocities|v|particle_qd", k.vec3, -2.0, 2.0)
            k.change(
                out,
                "-",
                (vel - n * k.wp.dot(n, vel).within(-4, 4)) * k.param("mu|friction|kf", k.real, 0.05, 0.5),
            )
    k.give("correction|x_out|force", out)


@CATEGORY.motif(f32=True, weight=1.2)
def voxel_stencil(k: Kit) -> None:
    """Stencil over the voxels around one."""
    v = volume(k, FIELD)
    i, j, m = voxel_of(k, v, 1)
    c = k.define("c|center|mid", looked_up(k, v, [i, j, m], F32, -1, 1))
    names = (
        ("xm|west", (-1, 0, 0)),
        ("xp|east", (1, 0, 0)),
        ("ym|south", (0, -1, 0)),
        ("yp|north", (0, 1, 0)),
        ("zm|down", (0, 0, -1)),
        ("zp|up", (0, 0, 1)),
    )
    around = []
    for name, (a, b, d) in names:
        at = [x + o if o else x for x, o in zip((i, j, m), (a, b, d), strict=True)]
        around.append(k.define(name, looked_up(k, v, at, F32, -1, 1)))
    h = k.param("h|dx|voxel_size|spacing", k.real, 0.25, 1.0)
    style = k.rng.choice(("laplace", "gradient", "smooth", "extreme"))
    if style == "laplace":
        total = around[0] + around[1] + around[2] + around[3] + around[4] + around[5]
        k.give("lap|laplacian|curvature", (total - c * 6.0) / (h * h))
    elif style == "gradient":
        g = k.make(k.vec3, *[(around[2 * a + 1] - around[2 * a]) / (h * 2.0) for a in range(3)])
        k.give("gradient|grad|g", g)
    elif style == "smooth":
        total = around[0] + around[1] + around[2] + around[3] + around[4] + around[5]
        k.give("smoothed|average|blurred", c * 0.5 + total * (0.5 / 6.0))
    else:
        top = c
        for n in around:
            top = k.wp.max(top, n)
        k.give("local_max|dilated|peak", top)


@CATEGORY.motif(f32=True)
def trilinear(k: Kit) -> None:
    """Trilinear interpolation from eight voxels."""
    v = volume(k, FIELD)
    uvw = spot(k, v)
    base, frac = [], []
    for a in range(3):
        f = k.define(
            f"{'xyz'[a]}0|{'ijk'[a]}0",
            k.wp.clamp(k.cast(k.wp.floor(uvw[a]), I32), k.lit(0), k.lit(v.n - 2)).within(0, v.n - 2),
        )
        base.append(f)
        frac.append(
            k.define(
                f"f{'xyz'[a]}|t{'xyz'[a]}|{'uvw'[a]}",
                k.wp.clamp(uvw[a] - k.to_real(f), 0.0, 1.0).within(0, 1),
            )
        )
    planes = []
    for c in (0, 1):
        rows = []
        for b in (0, 1):
            ends = [
                looked_up(k, v, [x + o if o else x for x, o in zip(base, (a, b, c), strict=True)], F32, -1, 1)
                for a in (0, 1)
            ]
            rows.append(k.define(f"c{b}{c}|v{b}{c}", k.wp.lerp(ends[0], ends[1], frac[0])))
        planes.append(k.define(f"c{c}|p{c}", k.wp.lerp(rows[0], rows[1], frac[1])))
    k.give("value|interpolated|sample", k.wp.lerp(planes[0], planes[1], frac[2]))


@CATEGORY.motif(f32=True, weight=1.2)
def advect(k: Kit) -> None:
    """Trace back through a velocity volume and sample what was there."""
    flow = volume(k, "velocity_volume|velocity|flow|u_field", "vec3f")
    top = (flow.n - 1) * flow.size
    p = k.input("positions|p|x|points", k.vec3, 0.0, top)
    dt = k.param("dt|time_step|delta_t", k.real, 0.05, 0.5)
    u = k.define("u|vel|v0", _velocity(k, flow, p))
    style = k.rng.choice(("euler", "midpoint", "euler", "forward"))
    if style == "midpoint":
        mid = k.define("mid|p_mid|half", p - u * (dt * 0.5))
        u = k.define("u_mid|v1|vel_mid", _velocity(k, flow, mid))
    back = k.define("back|x_prev|origin|departure", p + u * dt if style == "forward" else p - u * dt)
    if k.rng.chance(0.6):
        field = volume(k, FIELD)
        uvw = call("wp.volume_world_to_index", [field.id, back], k.vec3, -20, 20, k.author)
        k.give("density|value|advected", sampled(k, field, k.define("uvw|coord", uvw)))
    k.give("position|departure|x_out", back)


def _velocity(k: Kit, v: Volume, p: Value) -> Value:
    uvw = k.let("uvw|q|at", call("wp.volume_world_to_index", [v.id, p], k.vec3, -20, 20, k.author))
    if k.rng.chance(0.65):
        return call("wp.volume_sample_v", [v.id, uvw, interpolation(k)], k.vec3, -1, 1, k.author)
    return call(
        "wp.volume_sample",
        [v.id, uvw, interpolation(k), f"dtype={k.draft.use_type(k.vec3)}"],
        k.vec3,
        -1,
        1,
        k.author,
    )
