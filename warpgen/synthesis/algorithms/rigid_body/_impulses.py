"""Helper functions of solvers that apply impulses to bodies of a world."""

from __future__ import annotations

from warpgen.synthesis.writing.pieces import Piece, piece

_DATA = '''
@wp.struct
class ContactData:
    """Contacts of all worlds, `max_contacts` slots per world."""

    body: wp.array3d(dtype=int)
    normal: wp.array2d(dtype=wp.vec3)
    r_a: wp.array2d(dtype=wp.vec3)
    r_b: wp.array2d(dtype=wp.vec3)
    bias: wp.array2d(dtype=float)
    friction: wp.array2d(dtype=float)
'''


def contact_data(friction: bool) -> Piece:
    """The struct of all contacts, with coefficients of friction or without."""
    return piece(_DATA if friction else _DATA.replace("    friction: wp.array2d(dtype=float)\n", ""))


APPLY = '''
@wp.func
def apply_impulse(
    world: int,
    body: int,
    r: wp.vec3,
    impulse: wp.vec3,
    inv_mass: wp.array2d(dtype=float),
    inv_inertia: wp.array2d(dtype=wp.mat33),
    $array_lines
):
    """Apply an impulse to a body at offset `r` from its center of mass."""
    # Static bodies do not move
    if body < 0:
        return
    $change
'''

VELOCITY = '''
@wp.func
def point_velocity(world: int, body: int, r: wp.vec3, $arrays) -> wp.vec3:
    """Return the velocity at offset `r` from the center of mass, or zero for static bodies."""
    if body < 0:
        return wp.vec3(0.0, 0.0, 0.0)
    $give
'''

MASS = '''
@wp.func
def response(
    world: int,
    body: int,
    r: wp.vec3,
    axis: wp.vec3,
    inv_mass: wp.array2d(dtype=float),
    inv_inertia: wp.array2d(dtype=wp.mat33),
) -> float:
    """Return the velocity change along `axis` due to a unit impulse along it."""
    if body < 0:
        return 0.0
    arm = wp.cross(r, axis)
    return inv_mass[world, body] + wp.dot(arm, inv_inertia[world, body] * arm)
'''

BOTH = '''
@wp.func
def inverse_mass_along(
    world: int,
    body_a: int,
    body_b: int,
    r_a: wp.vec3,
    r_b: wp.vec3,
    axis: wp.vec3,
    inv_mass: wp.array2d(dtype=float),
    inv_inertia: wp.array2d(dtype=wp.mat33),
) -> float:
    """Compute J M^-1 J^T for a contact along `axis`."""
    response_a = response(world, body_a, r_a, axis, inv_mass, inv_inertia)
    response_b = response(world, body_b, r_b, axis, inv_mass, inv_inertia)
    return response_a + response_b
'''
