"""Inertia tensors of solid shapes."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rigid_body import DOMAIN
from warpgen.synthesis.algorithms.rigid_body.motion import NAMES
from warpgen.synthesis.library import quaternions
from warpgen.synthesis.writing.draft import Draft, Values

SHAPES = {
    "sphere": (
        "i = 0.4 * m * size * size\nmoments = wp.vec3(i, i, i)",
        "4.0 / 3.0 * wp.pi * size * size * size",
    ),
    "box": (
        """
        # `size` stores half extents
        xx = size[0] * size[0]
        yy = size[1] * size[1]
        zz = size[2] * size[2]
        moments = wp.vec3(yy + zz, xx + zz, xx + yy) * (m / 3.0)
        """,
        "8.0 * size[0] * size[1] * size[2]",
    ),
    "cylinder": (
        """
        # size[0] is the radius, size[1] the half height (axis along z)
        rr = size[0] * size[0]
        across = m * (0.25 * rr + size[1] * size[1] / 3.0)
        moments = wp.vec3(across, across, 0.5 * m * rr)
        """,
        "2.0 * wp.pi * size[0] * size[0] * size[1]",
    ),
    "ellipsoid": (
        """
        xx = size[0] * size[0]
        yy = size[1] * size[1]
        zz = size[2] * size[2]
        moments = 0.2 * m * wp.vec3(yy + zz, xx + zz, xx + yy)
        """,
        "4.0 / 3.0 * wp.pi * size[0] * size[1] * size[2]",
    ),
    "cone": (
        """
        # Center of mass is a quarter of the height above the base; size[1] is the half height
        rr = size[0] * size[0]
        hh = 4.0 * size[1] * size[1]
        across = m * (0.15 * rr + 0.0375 * hh)
        moments = wp.vec3(across, across, 0.3 * m * rr)
        """,
        "2.0 / 3.0 * wp.pi * size[0] * size[0] * size[1]",
    ),
}


_SIZES = {
    "sphere": "Radii",
    "box": "Half extents",
    "cylinder": "Radii and half heights along z",
    "ellipsoid": "Semi-axes",
    "cone": "Radii and half heights along z",
}


def _moments(shape: str, size: Any) -> tuple[Any, Any]:
    """Volume, and principal moments over mass."""
    if shape == "sphere":
        return 4.0 / 3.0 * np.pi * size**3, np.stack([0.4 * size * size] * 3, -1)
    a, b, c = size.T if size.shape[1] == 3 else (*size.T, None)
    if shape == "box":
        return 8.0 * a * b * c, np.stack([b * b + c * c, a * a + c * c, a * a + b * b], -1) / 3.0
    if shape == "ellipsoid":
        moments = np.stack([b * b + c * c, a * a + c * c, a * a + b * b], -1) / 5.0
        return 4.0 / 3.0 * np.pi * a * b * c, moments
    h = 2.0 * b
    if shape == "cylinder":
        across = (3.0 * a * a + h * h) / 12.0
        return np.pi * a * a * h, np.stack([across, across, a * a / 2.0], -1)
    across = 3.0 / 20.0 * a * a + 3.0 / 80.0 * h * h
    return np.pi * a * a * h / 3.0, np.stack([across, across, 0.3 * a * a], -1)


@DOMAIN.algorithm(
    source="Goldstein 1980, eq. 5-14 (parallel axes); Eberly 2010, sec. 2.5",
    names=NAMES
    | {
        "shape_inertia": "compute_inertia|inertia_of_shapes|compute_shape_inertia|inertia_tensors",
        "size": "scale|geo_scale",
        "density": "rho|shape_density",
        "mass": "shape_mass|masses",
        "r": "rot|R|basis",
        "tensor": "inertia_out|inertias|I_out",
        "offset": "com|d_com|arm",
    },
    double=True,
    element="shape",
    weight=7,
)
def shape_inertia(d: Draft) -> None:
    """Computes inertia tensors of primitive shapes, optionally shifted or rotated."""
    shape = d.option("shape", *SHAPES)
    moved = d.option("moved", "none", "turned", "parallel axis", "both")
    given = d.option("given", "density", "mass")
    summed = d.flag("summed", 0.4)
    if summed:  # they add up about one point, along the same axes
        moved = {"none": "parallel axis", "turned": "both"}.get(moved, moved)
    if shape == "sphere":  # turning it changes nothing
        moved = {"turned": "none", "both": "parallel axis"}.get(moved, moved)
    hollow = d.flag("masses", 0.3) and given == "density" and not summed
    count = d.pick(48, 64, 96)
    bodies = 8
    text, volume = SHAPES[shape]
    array = {"box": "half_extents", "ellipsoid": "semi_axes"}.get(shape, "sizes")
    type = {"sphere": "float", "box": "vec3", "ellipsoid": "vec3"}.get(shape, "vec2")
    d.input(array, type, count, 0.2, 1.0, about=f"{_SIZES[shape]} of the shapes [m]")
    if given == "density":
        d.param("density", "float", 500.0, 2000.0, about="Mass density [kg/m^3]")
    else:
        d.input("mass", "float", count, 0.5, 2.0, about="Shape masses [kg]")
    if moved == "both":
        d.input(
            "pose",
            "transform",
            count,
            -1.0,
            1.0,
            kind="transform",
            about="Shape center-of-mass poses in body space",
        )
    elif moved == "turned":
        d.input("shape_rot", "quat", count, kind="unit", about="Shape rotations in body space")
    elif moved == "parallel axis":
        d.input("shape_pos", "vec3", count, -1.0, 1.0, about="Shape centers of mass in body space [m]")
    if summed:
        d.input("body", "int", count, 0, bodies, about="Body index per shape")
    d.output("tensor", "mat33", bodies if summed else count, about="Inertia tensors [kg m^2]")
    if hollow:
        d.output("masses", "float", count, about="Shape masses [kg]")
    turn = moved in ("turned", "both")
    shift = moved in ("parallel axis", "both")
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        size = $array[tid]
        m = $mass
        $moments
        own_tensor = wp.diag(moments)
        $turn
        $shift
        $store
        $masses
        """,
        array=array,
        mass=f"density * ({volume})" if given == "density" else "mass[tid]",
        moments=text,
        turn="""
        r = wp.quat_to_matrix($rotation)
        own_tensor = r * own_tensor * wp.transpose(r)
        """
        if turn
        else "",
        rotation="wp.transform_get_rotation(pose[tid])" if moved == "both" else "shape_rot[tid]",
        shift="""
        # Parallel axis theorem: I + m (|d|^2 1 - d d^T)
        offset = $place
        own_tensor += m * (wp.dot(offset, offset) * wp.identity(n=3, dtype=float) - wp.outer(offset, offset))
        """
        if shift
        else "",
        place="wp.transform_get_translation(pose[tid])" if moved == "both" else "shape_pos[tid]",
        store="wp.atomic_add(tensor, body[tid], own_tensor)" if summed else "tensor[tid] = own_tensor",
        masses="masses[tid] = m" if hollow else "",
    )
    kind = "boxes" if shape == "box" else shape + "s"
    d.calls(f"{shape}_inertia|compute_{shape}_inertia|inertia_of_{kind}|{shape}_inertia_tensors")
    ending = {
        "none": "about their centers of mass",
        "turned": "about their centers of mass in body axes",
        "parallel axis": "about the body origin",
        "both": "in body space about the body origin",
    }
    what = "Accumulates per-body inertia tensors" if summed else "Computes inertia tensors"
    what = "Computes masses and inertia tensors" if hollow else what
    d.says(f"{what} of solid {kind} {ending[moved]}.")

    def reference(v: Values) -> dict[str, Any]:
        solid, moments = _moments(shape, v[array])
        m = v.density * solid if given == "density" else v.mass
        made = (m[:, None] * moments)[:, :, None] * np.eye(3)
        if turn:
            made = quaternions.WORLD_INERTIA(v.pose[:, 3:] if moved == "both" else v.shape_rot, made)
        if shift:
            arm = v.pose[:, :3] if moved == "both" else v.shape_pos
            square = (arm**2).sum(-1)[:, None, None] * np.eye(3)
            made = made + m[:, None, None] * (square - arm[:, :, None] * arm[:, None])
        if summed:
            total = np.zeros((bodies, 3, 3))
            np.add.at(total, v.body, made)
            return {"tensor": total}
        return {"tensor": made, "masses": m} if hollow else {"tensor": made}

    d.check(reference, 3e-4)
