"""Sparse volumes: voxels that are read and written, flows, marching, filters."""

from __future__ import annotations

from typing import Any

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


def store_voxel(k: Kit, v: Volume, at: list[Value], value: Value) -> None:
    short = {"float32": "_f", "vec3f": "_v", "int32": "_i"}[value.type.name]
    name = f"wp.volume_store{short if k.rng.chance(0.65) else ''}"
    k.do(name, v.id, *at, value)


@CATEGORY.motif(f32=True)
def flow_derivatives(k: Kit) -> None:
    """Divergence and curl of a velocity volume."""
    v = volume(k, "velocity_volume|velocity|flow|u_field", "vec3f")
    at = voxel_of(k, v, 1)
    ends = []
    for a in range(3):
        two = []
        for sign, word in ((-1, "m"), (1, "p")):
            cell = [x + sign if b == a else x for b, x in enumerate(at)]
            two.append(k.define(f"{'xyz'[a]}{word}|v{'xyz'[a]}{word}", looked_up(k, v, cell, k.vec3, -1, 1)))
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
        value = call("wp.volume_sample_i", [v.id, spot(k, v)], I32, 0, 7, k.author)
    else:
        value = looked_up(k, v, voxel_of(k, v), I32, 0, 7)
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
    at = voxel_of(k, v)
    names = "source|emission|value|new_value"
    new = k.load(names, kind, 1, 4) if kind is I32 else k.input(names, kind, -0.5, 0.5)
    if k.rng.chance(0.6):
        scaled = new * 2 if kind is I32 else new * k.param("scale|rate|gain", k.real, 0.5, 2.0)
        new = scaled + (1 if kind is I32 else k.load("offset|bias|base", kind, -0.5, 0.5))
    new = k.define("new|value|v", new)
    store_voxel(k, v, at, new)
    k.give("voxel|cell|written", ((at[0] * v.n + at[1]) * v.n + at[2]).within(0, v.n**3 - 1))
    back = k.define("stored|read_back|now", looked_up(k, v, at, kind, lo, hi))
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
            call("wp.volume_lookup_index", [v.id, *voxel_of(k, v)], I32, -1, v.n**3 - 1, k.author),
        )
        value = k.var("value|x|result", background, lo=-1.0, hi=1.0)
        with k.if_(index >= 0):
            k.set(value, data[index.within(0, v.n**3 - 1)])
        k.give("value|node_value|looked_up", value)
    elif style == "grad" and kind is k.real:
        grad = k.var("grad|g|slope", 0.0, k.vec3, lo=-3.0, hi=3.0)
        args: list[Any] = [v.id, spot(k, v), "wp.Volume.LINEAR", data.name, background, grad]
        k.give(
            "value|sample|phi",
            k.define("value|s|phi", call("wp.volume_sample_grad_index", args, kind, -1, 1, k.author)),
        )
        k.give(
            "gradient|grad|slope",
            k.define("g_out|direction|slope", k.wp.normalize(grad) if k.rng.chance(0.4) else grad * 1.0),
        )
    else:
        args = [v.id, spot(k, v), interpolation(k), data.name, background]
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
    v = volume(k, FIELD)
    at = voxel_of(k, v)
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
        dist if k.rng.chance(0.5) else k.wp.min(dist, looked_up(k, v, at, F32, -1, 1)),
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
        rho = k.define("rho|density|s", sampled(k, v, uvw, 0.0, 1.0))
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
    v = volume(k, SDF)
    o = k.input("ray_origin|origin|ro", k.vec3, 0.0, (v.n - 1) * v.size)
    d = k.input("ray_dir|rd|dir", k.vec3, unit=True)
    t = k.var("t|depth|dist", 0.0, k.real, lo=0.0, hi=40.0)
    hit = k.var("steps|num_steps|count", 0, I32, lo=0, hi=32)
    with k.for_("i|step", k.rng.choice((8, 16, 24))):
        uvw = k.define(
            "uvw|q|p", call("wp.volume_world_to_index", [v.id, o + d * t], k.vec3, -500, 500, k.author)
        )
        h = k.define("h|phi|sd", sampled(k, v, uvw))
        with k.if_(h < k.number(0.001, 0.02)):
            k.leave("break")
        k.add(hit, 1)
        k.add(t, k.wp.max(h, k.number(0.01, 0.1)))
    k.give("depth|t_hit|distance", t)
    k.give("steps|step_count|cost", hit)


@CATEGORY.motif(f32=True)
def box_filter(k: Kit) -> None:
    """Average a volume over a small neighborhood."""
    v = volume(k, FIELD)
    at = voxel_of(k, v, 1)
    total = k.var("total|sum|acc", 0.0, k.real, lo=-30.0, hi=30.0)
    weight = k.var("norm|weight|count", 0.0, k.real, lo=0.0, hi=30.0)
    flat = k.rng.chance(0.4)
    with k.for_("di|a|ox", 2, -1) as a, k.for_("dj|b|oy", 2, -1) as b:
        if flat:
            s = looked_up(k, v, [at[0] + a, at[1] + b, at[2]], F32, -1, 1)
            k.add(total, s)
            k.add(weight, 1.0)
        else:
            with k.for_("dk|c|oz", 2, -1) as c:
                s = k.define("s|value", looked_up(k, v, [at[0] + a, at[1] + b, at[2] + c], F32, -1, 1))
                r2 = k.to_real(a * a + b * b + c * c)
                w = k.define("w|g", k.wp.exp(-r2 * k.number(0.25, 1.0)))
                k.add(total, s * w)
                k.add(weight, w)
    k.give(
        "filtered|average|blurred", total / (weight + 1e-3 if k.rng.chance(0.3) else k.wp.max(weight, 1.0))
    )
