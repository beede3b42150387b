"""What motifs of volumes share: places inside one, samples, voxels and values at them."""

from __future__ import annotations

from warpgen.synthesis.blocks.queries import Volume
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import F32, I32, Type, vec
from warpgen.synthesis.language.values import Value, call

FIELD = "volume|volume_id|grid|field|vol"
SDF = "sdf|sdf_volume|phi|collision_volume|level_set"


def interpolation(k: Kit) -> str:
    return "wp.Volume.LINEAR" if k.rng.chance(0.8) else "wp.Volume.CLOSEST"


def spot(k: Kit, v: Volume, margin: float = 0.0) -> Value:
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


def sampled(k: Kit, v: Volume, uvw: Value, lo: float = -1.0, hi: float = 1.0) -> Value:
    """A scalar sample in either spelling."""
    low, high = min(lo, 0.0), max(hi, 0.0)
    if k.rng.chance(0.65):
        return call("wp.volume_sample_f", [v.id, uvw, interpolation(k)], F32, low, high, k.author)
    dtype = f"dtype={k.draft.use_type(F32)}" if k.rng.chance(0.7) else k.draft.use_type(F32)
    return call("wp.volume_sample", [v.id, uvw, interpolation(k), dtype], F32, low, high, k.author)


def voxel_of(k: Kit, v: Volume, margin: int = 0) -> list[Value]:
    """Integer coordinates of a voxel, `margin` away from the sides."""
    lo, hi = margin, v.n - 1 - margin
    style = k.rng.choice(("place", "array", "round"))
    if style == "place" and len(k.draft.shape) == 3 and max(k.draft.shape) <= hi - lo + 1:
        return [p + lo if lo else p for p in k.place]
    if style == "round":
        uvw = spot(k, v)
        parts = [k.cast(k.wp.round(uvw[a]), I32) for a in range(3)]
        bounded = [k.wp.clamp(c, k.lit(lo), k.lit(hi)).within(lo, hi) for c in parts]
        return [k.define(f"{'ijk'[a]}|{'xyz'[a]}i|i{'xyz'[a]}", c) for a, c in enumerate(bounded)]
    cells = k.load("ijk|cells|voxels|coords", vec(3, I32), lo, hi)
    return [k.define(f"{'ijk'[a]}|{'xyz'[a]}i|v{'xyz'[a]}", cells[a].within(lo, hi)) for a in range(3)]


def looked_up(k: Kit, v: Volume, at: list[Value], dtype: Type, lo: float, hi: float) -> Value:
    short = {"float32": "f", "vec3f": "v", "int32": "i"}[dtype.name]
    args: list[Value | str] = [v.id, *at]
    if k.rng.chance(0.6):
        return call(f"wp.volume_lookup_{short}", args, dtype, min(lo, 0), max(hi, 0), k.author)
    spelled = k.draft.use_type(dtype)
    args.append(f"dtype={spelled}" if k.rng.chance(0.6) else spelled)
    return call("wp.volume_lookup", args, dtype, min(lo, 0), max(hi, 0), k.author)
