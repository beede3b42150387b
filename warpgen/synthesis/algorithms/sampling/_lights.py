"""Structs of point lights and of reservoirs that hold one of them each."""

from __future__ import annotations

from warpgen.synthesis.writing.pieces import piece

LIGHTS = piece('''
@wp.struct
class PointLights:
    """Point lights as parallel arrays."""

    position: wp.array(dtype=wp.vec3)
    intensity: wp.array(dtype=float)
''')

RESERVOIRS = piece('''
@wp.struct
class ReservoirBuffer:
    """Per-pixel reservoirs: selected light (-1 if empty), candidate count and contribution weight."""

    light: wp.array2d(dtype=int)
    count: wp.array2d(dtype=int)
    weight: wp.array2d(dtype=float)
''')
