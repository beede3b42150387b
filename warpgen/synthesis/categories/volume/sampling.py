"""Sparse volumes: sampling, lookup, gradients, transforms, marching and collision."""

from __future__ import annotations

from typing import Any

from warpgen.synthesis.blocks.queries import Volume, volume
from warpgen.synthesis.categories.volume import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import F32, I32, Type, vec
from warpgen.synthesis.language.values import Value, call

_FIELD = "volume|volume_id|grid|field|vol"
_SDF = "sdf|sdf_volume|phi|collision_volume|level_set"


def _mode(k: Kit) -> str:
    return "wp.Volume.LINEAR" if k.rng.chance(0.8) else "wp.Volume.CLOSEST"


def _spot(k: Kit, v: Volume, margin: float = 0.0) -> Value:
    """A place inside the volume in index space, from a world position in one of the ways people go."""
    top = v.n - 1.0
    style = k.rng.choice(("world", "world", "world", "index", "center"))
    if style == "index":
        return k.input("uvw|coord|ijk_pos|index_pos", k.vec3, margin, top - margin)
    p = k.input("points|p|x|positions|world_pos", k.vec3, margin * v.size, (top - margin) * v.size)
    uvw = call("wp.volume_world_to_index", [v.id, p], k.vec3, margin, top - margin, k.author)
    if style == "center":
        return k.define("uvw|coord|q", (uvw - k.make(k.vec3, 0.5)).within(margin - 0.5, top))
    return k.define("uvw|q|coord|p_index", uvw)


def _sample(k: Kit, v: Volume, uvw: Value, lo: float = -1.0, hi: float = 1.0) -> Value:
    """A scalar sample in either spelling."""
    low, high = min(lo, 0.0), max(hi, 0.0)
    if k.rng.chance(0.65):
        return call("wp.volume_sample_f", [v.id, uvw, _mode(k)], F32, low, high, k.author)
    dtype = f"dtype={k.draft.use_type(F32)}" if k.rng.chance(0.7) else k.draft.use_type(F32)
    return call("wp.volume_sample", [v.id, uvw, _mode(k), dtype], F32, low, high, k.author)


def _voxel(k: Kit, v: Volume, margin: int = 0) -> list[Value]:
    """Integer coordinates of a voxel, `margin` away from the sides."""
    lo, hi = margin, v.n - 1 - margin
    style = k.rng.choice(("place", "array", "round"))
    if style == "place" and len(k.draft.shape) == 3 and max(k.draft.shape) <= hi - lo + 1:
        return [p + lo if lo else p for p in k.place]
    if style == "round":
        uvw = _spot(k, v)
        parts = [k.cast(k.wp.round(uvw[a]), I32) for a in range(3)]
        bounded = [k.wp.clamp(c, k.lit(lo), k.lit(hi)).within(lo, hi) for c in parts]
        return [k.define(f"{'ijk'[a]}|{'xyz'[a]}i|i{'xyz'[a]}", c) for a, c in enumerate(bounded)]
    cells = k.load("ijk|cells|voxels|coords", vec(3, I32), lo, hi)
    return [k.define(f"{'ijk'[a]}|{'xyz'[a]}i|v{'xyz'[a]}", cells[a].within(lo, hi)) for a in range(3)]


def _lookup(k: Kit, v: Volume, at: list[Value], dtype: Type, lo: float, hi: float) -> Value:
    short = {"float32": "f", "vec3f": "v", "int32": "i"}[dtype.name]
    args: list[Value | str] = [v.id, *at]
    if k.rng.chance(0.6):
        return call(f"wp.volume_lookup_{short}", args, dtype, min(lo, 0), max(hi, 0), k.author)
    spelled = k.draft.use_type(dtype)
    args.append(f"dtype={spelled}" if k.rng.chance(0.6) else spelled)
    return call("wp.volume_lookup", args, dtype, min(lo, 0), max(hi, 0), k.author)


def _store(k: Kit, v: Volume, at: list[Value], value: Value) -> None:
    short = {"float32": "_f", "vec3f": "_v", "int32": "_i"}[value.type.name]
    name = f"wp.volume_store{short if k.rng.chance(0.65) else ''}"
    k.line(f"{name}({', '.join(x.text for x in [v.id, *at, value])})")


def _gradient(k: Kit, v: Volume, uvw: Value) -> tuple[Value, Value]:
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
    v = volume(k, _FIELD)
    s = k.define("s|value|density|sample", _sample(k, v, _spot(k, v)))
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
    v = volume(k, _SDF)
    uvw = _spot(k, v, 1.0)
    if k.rng.chance(0.6):
        d, grad = _gradient(k, v, uvw)
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
                k.define(f"d{'xyz'[a]}|g{'xyz'[a]}", _sample(k, v, uvw + step) - _sample(k, v, uvw - step))
            )
        n = k.let("n|normal", k.wp.normalize(k.make(k.vec3, *parts)))
    k.give("normal|normals|n", n)


@CATEGORY.motif(f32=True, weight=1.2)
def volume_collision(k: Kit) -> None:
    """Push a particle out of a signed distance volume."""
    v = volume(k, _SDF)
    top = (v.n - 2) * v.size
    x = k.input("particle_q|x|positions|pos", k.vec3, v.size, top)
    uvw = k.define(
        "uvw|local|q", call("wp.volume_world_to_index", [v.id, x], k.vec3, 0.9, v.n - 1.9, k.author)
    )
    d, grad = _gradient(k, v, uvw)
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
    v = volume(k, _FIELD)
    i, j, m = _voxel(k, v, 1)
    c = k.define("c|center|mid", _lookup(k, v, [i, j, m], F32, -1, 1))
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
        around.append(k.define(name, _lookup(k, v, at, F32, -1, 1)))
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
    v = volume(k, _FIELD)
    uvw = _spot(k, v)
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
                _lookup(k, v, [x + o if o else x for x, o in zip(base, (a, b, c), strict=True)], F32, -1, 1)
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
        field = volume(k, _FIELD)
        uvw = call("wp.volume_world_to_index", [field.id, back], k.vec3, -20, 20, k.author)
        k.give("density|value|advected", _sample(k, field, k.define("uvw|coord", uvw)))
    k.give("position|departure|x_out", back)


def _velocity(k: Kit, v: Volume, p: Value) -> Value:
    uvw = k.let("uvw|q|at", call("wp.volume_world_to_index", [v.id, p], k.vec3, -20, 20, k.author))
    if k.rng.chance(0.65):
        return call("wp.volume_sample_v", [v.id, uvw, _mode(k)], k.vec3, -1, 1, k.author)
    return call(
        "wp.volume_sample",
        [v.id, uvw, _mode(k), f"dtype={k.draft.use_type(k.vec3)}"],
        k.vec3,
        -1,
        1,
        k.author,
    )


@CATEGORY.motif(f32=True)
def flow_derivatives(k: Kit) -> None:
    """Divergence and curl of a velocity volume."""
    v = volume(k, "velocity_volume|velocity|flow|u_field", "vec3f")
    at = _voxel(k, v, 1)
    ends = []
    for a in range(3):
        two = []
        for sign, word in ((-1, "m"), (1, "p")):
            cell = [x + sign if b == a else x for b, x in enumerate(at)]
            two.append(k.define(f"{'xyz'[a]}{word}|v{'xyz'[a]}{word}", _lookup(k, v, cell, k.vec3, -1, 1)))
        ends.append(
            k.define(f"d{'xyz'[a]}|dv_d{'xyz'[a]}", (two[1] - two[0]) * k.rng.choice((0.5, 0.5, 1.0)))
        )
    if k.rng.chance(0.7):
        k.give("divergence|div|div_u", ends[0][0] + ends[1][1] + ends[2][2])
    curl = k.make(k.vec3, ends[1][2] - ends[2][1], ends[2][0] - ends[0][2], ends[0][1] - ends[1][0])
    k.give("vorticity|curl|omega", curl if k.rng.chance(0.6) else k.wp.length(curl))


@CATEGORY.motif(f32=True)
def labels(k: Kit) -> None:
    """Read labels of an integer volume."""
    v = volume(k, "labels|material_volume|segmentation|ids", "int32", 0.0, 8.0)
    if k.rng.chance(0.5):
        value = call("wp.volume_sample_i", [v.id, _spot(k, v)], I32, 0, 7, k.author)
    else:
        value = _lookup(k, v, _voxel(k, v), I32, 0, 7)
    label = k.define("label|material|id", value.within(0, 7))
    if k.rng.chance(0.5):
        table = k.array("stiffness|densities|palette|table", k.real, lo=0.1, hi=2.0)
        k.give("stiffness|density|property", table[label])
    elif k.rng.chance(0.5):
        k.discard(k.atomic("add", k.output("label_counts|histogram|counts", I32), label, 1))
        k.give("labels|segment|label", label)
    else:
        k.give(
            "mask|selected|is_target",
            k.select(
                "mask|selected", label.eq(k.param("target|target_label|wanted", I32, 0, 7)), 1, k.lit(0)
            ),
        )


@CATEGORY.motif(f32=True)
def write_voxels(k: Kit) -> None:
    """Write a voxel and read it back."""
    kind = k.rng.choice((F32, F32, k.vec3, I32))
    # Of its own, and of a range that no other fragment asks for: none may read the volume that this one
    # changes. And what is written does not depend on what was there, or a second launch would give
    # something else.
    lo, hi = (0.0, 12.0) if kind is I32 else (-3.0, 3.0)
    v = volume(k, "target|grid|work_volume|vol", kind.name, lo, hi, fresh=True)
    at = _voxel(k, v)
    names = "source|emission|value|new_value"
    new = k.load(names, kind, 1, 4) if kind is I32 else k.input(names, kind, -0.5, 0.5)
    if k.rng.chance(0.6):
        scaled = new * 2 if kind is I32 else new * k.param("scale|rate|gain", k.real, 0.5, 2.0)
        new = scaled + (1 if kind is I32 else k.load("offset|bias|base", kind, -0.5, 0.5))
    new = k.define("new|value|v", new)
    _store(k, v, at, new)
    k.give("voxel|cell|written", ((at[0] * v.n + at[1]) * v.n + at[2]).within(0, v.n**3 - 1))
    back = k.define("stored|read_back|now", _lookup(k, v, at, kind, lo, hi))
    k.give("stored|read_back|voxel_value", back if k.rng.chance(0.5) else back + back)
    k.give("cell|written_at|voxel_index", (at[0] * v.n + at[1]) * v.n + at[2])  # or the place would not show


@CATEGORY.motif(f32=True, weight=1.2)
def indexed_values(k: Kit) -> None:
    """Values of an index volume, kept in an array beside it."""
    v = volume(k, "topology|index_volume|sparse|domain", "index", 0.0, 1.0)
    kind = k.rng.choice((k.real, k.real, k.vec3))
    data = k.array("voxel_data|values|field_data|node_values", kind, lo=-1.0, hi=1.0, fresh=True)
    data.spec.fixed = (v.n**3,)
    background = k.make(k.vec3, 0.0) if kind is k.vec3 else k.lit(0.0)
    style = k.rng.choice(("lookup", "sample", "grad", "count"))
    if style == "lookup":
        index = k.define(
            "idx|index|voxel",
            call("wp.volume_lookup_index", [v.id, *_voxel(k, v)], I32, -1, v.n**3 - 1, k.author),
        )
        value = k.var("value|x|result", background, lo=-1.0, hi=1.0)
        with k.if_(index >= 0):
            k.set(value, data[index.within(0, v.n**3 - 1)])
        k.give("value|node_value|looked_up", value)
    elif style == "grad" and kind is k.real:
        grad = k.var("grad|g|slope", 0.0, k.vec3, lo=-3.0, hi=3.0)
        args: list[Any] = [v.id, _spot(k, v), "wp.Volume.LINEAR", data.name, background, grad]
        k.give(
            "value|sample|phi",
            k.define("value|s|phi", call("wp.volume_sample_grad_index", args, kind, -1, 1, k.author)),
        )
        k.give(
            "gradient|grad|slope",
            k.define("g_out|direction|slope", k.wp.normalize(grad) if k.rng.chance(0.4) else grad * 1.0),
        )
    else:
        args = [v.id, _spot(k, v), _mode(k), data.name, background]
        s = k.define("s|value|sample", call("wp.volume_sample_index", args, kind, -1, 1, k.author))
        if style == "count":
            total = k.define(
                "num_voxels|count|total", call("wp.volume_voxel_count", [v.id], I32, 1, v.n**3, k.author)
            )
            s = s / k.to_real(total) if kind is k.real else s * (1.0 / k.to_real(total))
        k.give("value|sample|interpolated", s)
    data.subscript(0)


@CATEGORY.motif(f32=True)
def voxel_centers(k: Kit) -> None:
    """World positions and directions of voxels."""
    v = volume(k, _FIELD)
    at = _voxel(k, v)
    corner = k.make(k.vec3, *[k.to_real(x) for x in at])
    coord = k.define("ijk|coord|uvw", corner + k.make(k.vec3, 0.5) if k.rng.chance(0.4) else corner)
    x = k.define(
        "x|world|center|p",
        call("wp.volume_index_to_world", [v.id, coord], k.vec3, 0, v.n * v.size + 1, k.author),
    )
    if k.rng.chance(0.5):
        d = k.input("directions|d|velocity", k.vec3, -1.0, 1.0)
        to_index = k.rng.chance(0.5)
        name = "wp.volume_world_to_index_dir" if to_index else "wp.volume_index_to_world_dir"
        scale = 1.0 / v.size if to_index else v.size
        k.give("direction|d_local|step", call(name, [v.id, d], k.vec3, -scale, scale, k.author))
    c = k.param("center|origin|seed_point", k.vec3, 0.0, 2.0)
    dist = k.wp.length(x - c).within(0, 20) - k.param("radius|r", k.real, 0.3, 2.0)
    k.give(
        "phi|distance|sphere_sdf",
        dist if k.rng.chance(0.5) else k.wp.min(dist, _lookup(k, v, at, F32, -1, 1)),
    )


@CATEGORY.motif(f32=True, weight=1.2)
def march_density(k: Kit) -> None:
    """Integrate a density volume along a ray."""
    v = volume(k, "density_volume|density|fog|medium", "float32", 0.0, 1.0)
    top = (v.n - 1) * v.size
    o = k.input("ray_origin|origin|start", k.vec3, 0.0, top)
    d = k.input("ray_dir|direction|dir", k.vec3, unit=True)
    steps = k.rng.choice((8, 12, 16, 24))
    h = k.param("step_size|dt|h", k.real, 0.05, 0.4)
    sigma = k.param("sigma|extinction|absorption", k.real, 0.2, 2.0)
    style = k.rng.choice(("optical", "emission", "maximum"))
    t = k.var("t|depth|travel", 0.0, k.real, lo=0.0, hi=10.0)
    left = k.var("transmittance|trans|T", 1.0, k.real, lo=0.0, hi=1.0)
    total = k.var("total|tau|radiance|best", 0.0, k.real, lo=0.0, hi=30.0)
    with k.for_("i|step|s", k.size("num_steps|max_steps", steps) if k.rng.chance(0.5) else steps):
        p = k.define("p|pos|x", o + d * t)
        uvw = k.let("uvw|q", call("wp.volume_world_to_index", [v.id, p], k.vec3, -200, 200, k.author))
        rho = k.define("rho|density|s", _sample(k, v, uvw, 0.0, 1.0))
        if style == "maximum":
            k.set(total, k.wp.max(total, rho))
        elif style == "optical":
            k.add(total, rho * sigma * h)
        else:
            alpha = k.define("alpha|opacity|a", 1.0 - k.wp.exp(-(rho * sigma * h)))
            k.add(total, left * alpha)
            k.change(left, "*", 1.0 - alpha)
            if k.rng.chance(0.4):
                k.break_if(left < k.number(0.01, 0.05))
        k.add(t, h)
    k.give(
        "optical_depth|radiance|mip", k.wp.exp(-total) if style == "optical" and k.rng.chance(0.5) else total
    )


@CATEGORY.motif(f32=True)
def sphere_march(k: Kit) -> None:
    """Sphere tracing through a signed distance volume."""
    v = volume(k, _SDF)
    o = k.input("ray_origin|origin|ro", k.vec3, 0.0, (v.n - 1) * v.size)
    d = k.input("ray_dir|rd|dir", k.vec3, unit=True)
    t = k.var("t|depth|dist", 0.0, k.real, lo=0.0, hi=40.0)
    hit = k.var("steps|num_steps|count", 0, I32, lo=0, hi=32)
    with k.for_("i|step", k.rng.choice((8, 16, 24))):
        uvw = k.define(
            "uvw|q|p", call("wp.volume_world_to_index", [v.id, o + d * t], k.vec3, -500, 500, k.author)
        )
        h = k.define("h|phi|sd", _sample(k, v, uvw))
        with k.if_(h < k.number(0.001, 0.02)):
            k.line("break")
        k.add(hit, 1)
        k.add(t, k.wp.max(h, k.number(0.01, 0.1)))
    k.give("depth|t_hit|distance", t)
    k.give("steps|step_count|cost", hit)


@CATEGORY.motif(f32=True)
def box_filter(k: Kit) -> None:
    """Average a volume over a small neighborhood."""
    v = volume(k, _FIELD)
    at = _voxel(k, v, 1)
    total = k.var("total|sum|acc", 0.0, k.real, lo=-30.0, hi=30.0)
    weight = k.var("norm|weight|count", 0.0, k.real, lo=0.0, hi=30.0)
    flat = k.rng.chance(0.4)
    with k.for_("di|a|ox", 2, -1) as a, k.for_("dj|b|oy", 2, -1) as b:
        if flat:
            s = _lookup(k, v, [at[0] + a, at[1] + b, at[2]], F32, -1, 1)
            k.add(total, s)
            k.add(weight, 1.0)
        else:
            with k.for_("dk|c|oz", 2, -1) as c:
                s = k.define("s|value", _lookup(k, v, [at[0] + a, at[1] + b, at[2] + c], F32, -1, 1))
                r2 = k.to_real(a * a + b * b + c * c)
                w = k.define("w|g", k.wp.exp(-r2 * k.number(0.25, 1.0)))
                k.add(total, s * w)
                k.add(weight, w)
    k.give(
        "filtered|average|blurred", total / (weight + 1e-3 if k.rng.chance(0.3) else k.wp.max(weight, 1.0))
    )
