"""Random numbers and noise, and what is known of builtins that work on tiles, meshes and memory."""

from __future__ import annotations

from warpgen.synthesis.language.builtins.record import Builtin, Rule, giving, written
from warpgen.synthesis.language.types import F32, I32, U32, Type, vec
from warpgen.synthesis.language.values import Value


def _drawn(t: Type, lo: float, hi: float, past: int = 0) -> Rule:
    """A random number in [lo, hi], or in the bounds that are passed, of which the upper may be left out."""

    def apply(name: str, state: Value, *bounds: Value) -> Value:
        low, high = (bounds[0].lo, bounds[1].hi - past) if bounds else (lo, hi)
        return written(name, (state, *bounds), t, low, high)

    return apply


def _poisson(name: str, state: Value, lam: Value) -> Value:
    return written(name, (state, lam), U32, 0, 4 * lam.hi + 40)


def _curl(state: Value, x: Value, *rest: Value) -> Type:
    return vec(2 if x.type.components == 2 else 3)


def _sample(n: int, unit: bool = False) -> Rule:
    return giving(vec(n), -1.0, 1.0, unit)


_NOISE = giving(F32, -1.5, 1.5)

RANDOMNESS = (
    Builtin("rand_init", giving(U32, 0, U32.limit),
            comments=("initialize the random number generator", "seed the random state of this thread",
                      "each thread has its own random state")),
    Builtin("randf", _drawn(F32, 0.0, 1.0),
            comments=("draw a uniform random number", "random number in the given range")),
    Builtin("randi", _drawn(I32, -(2.0**31), 2.0**31 - 1, past=1), plain_ints=True),
    Builtin("randu", _drawn(U32, 0, U32.limit, past=1)),
    Builtin("randn", giving(F32, -7.0, 7.0),
            comments=("draw a normally distributed random number", "Gaussian noise")),
    Builtin("poisson", _poisson),
    Builtin("sample_triangle", _sample(2)),
    Builtin("sample_unit_ring", _sample(2, unit=True)),
    Builtin("sample_unit_disk", _sample(2)),
    Builtin("sample_unit_sphere_surface", _sample(3, unit=True)),
    Builtin("sample_unit_sphere", _sample(3)),
    Builtin("sample_unit_hemisphere_surface", _sample(3, unit=True)),
    Builtin("sample_unit_hemisphere", _sample(3)),
    Builtin("sample_unit_square", _sample(2)),
    Builtin("sample_unit_cube", _sample(3)),
    Builtin("noise", _NOISE),
    Builtin("pnoise", _NOISE, plain_ints=True),
    Builtin("curlnoise", giving(_curl, -20.0, 20.0)),
)  # fmt: skip

# Typed by the registry; motifs and fragments of their own write them.
OTHERS = (
    Builtin("mesh_query_point", comments=("find the closest point on the mesh",)),
    Builtin("mesh_query_ray",
            comments=("cast a ray against the mesh", "find the first hit along the ray")),
    Builtin("mesh_eval_position", comments=("evaluate the position on the mesh",)),
    Builtin("hash_grid_query",
            comments=("query the neighbors within the radius", "find nearby particles")),
    Builtin("tile_load", comments=("load a tile from global memory", "load the input into a tile")),
    Builtin("tile_sum", comments=("sum over the tile", "reduce the tile to a single value")),
    Builtin("tile_matmul",
            comments=("multiply the two tiles", "accumulate the product of the tiles")),
    Builtin("tile_zeros", comments=("initialize the accumulator tile", "start from zero")),
    Builtin("zeros", comments=("scratch space of this thread", "allocate local storage")),
    Builtin("breakpoint", unreachable="stops the program in a debugger"),
    Builtin("select", unreachable="removed: Warp refuses it in favour of `where`, whose fragments take all "
            "its conditions"),
    Builtin("tid", unreachable="opens every kernel, so it needs no fragment"),
)  # fmt: skip
