"""Axis-aligned bounds of posed shapes, what every broad phase begins with."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rigid_body import DOMAIN
from warpgen.synthesis.library import quaternions, ray_shapes
from warpgen.synthesis.writing.draft import Draft, Values

_EXTENT = {
    "SPHERE": "half = wp.vec3(scale[0], scale[0], scale[0])",
    "BOX": """
        # |R| h: sum of the projected half axes
        half = wp.vec3(
            wp.dot(scale, wp.abs(rot[0])),
            wp.dot(scale, wp.abs(rot[1])),
            wp.dot(scale, wp.abs(rot[2])),
        )
    """,
    "CAPSULE": """
        # Capsule segment along local z with half height scale[1], inflated by the radius
        half = scale[1] * wp.abs(wp.vec3(rot[0, 2], rot[1, 2], rot[2, 2]))
        half += wp.vec3(scale[0], scale[0], scale[0])
    """,
    "CYLINDER": """
        # A disk with normal a and radius r extends by r sqrt(1 - a_i^2) along axis i
        a = wp.vec3(rot[0, 2], rot[1, 2], rot[2, 2])
        half = scale[1] * wp.abs(a)
        half += scale[0] * wp.vec3(
            wp.sqrt(wp.max(1.0 - a[0] * a[0], 0.0)),
            wp.sqrt(wp.max(1.0 - a[1] * a[1], 0.0)),
            wp.sqrt(wp.max(1.0 - a[2] * a[2], 0.0)),
        )
    """,
    "ELLIPSOID": """
        # Ellipsoid support along axis i: length of row i of R diag(r)
        half = wp.vec3(
            wp.length(wp.cw_mul(scale, rot[0])),
            wp.length(wp.cw_mul(scale, rot[1])),
            wp.length(wp.cw_mul(scale, rot[2])),
        )
    """,
    "CONE": """
        # Cone with apex at +z and base at -z: bounds of a disk and a point
        a = wp.vec3(rot[0, 2], rot[1, 2], rot[2, 2])
        rim = scale[0] * wp.vec3(
            wp.sqrt(wp.max(1.0 - a[0] * a[0], 0.0)),
            wp.sqrt(wp.max(1.0 - a[1] * a[1], 0.0)),
            wp.sqrt(wp.max(1.0 - a[2] * a[2], 0.0)),
        )
        apex = scale[1] * a
        upper = wp.max(apex, rim - apex)
        lower = wp.min(apex, -rim - apex)
        center += 0.5 * (lower + upper)
        half = 0.5 * (upper - lower)
    """,
    "PLANE": """
        # Planes are unbounded
        half = wp.vec3(PLANE_EXTENT, PLANE_EXTENT, PLANE_EXTENT)
    """,
}


def _points(kind: str, scale: Any) -> Any:
    """Directions are mapped to the farthest point of a shape in its own frame."""

    def far(way: Any) -> Any:
        x, y, z = way
        flat = np.hypot(x, y)
        rim = np.array([x, y, 0.0]) * (scale[0] / flat if flat > 1e-12 else 0.0)
        end = np.array([0.0, 0.0, scale[1] * np.sign(z)])
        if kind == "SPHERE":
            return scale[0] * way
        if kind == "BOX":
            return scale * np.sign(way)
        if kind == "CAPSULE":
            return end + scale[0] * way
        if kind == "CYLINDER":
            return end + rim
        if kind == "ELLIPSOID":
            return scale**2 * way / np.linalg.norm(scale * way)
        if kind == "CONE":
            return max(
                np.array([0, 0, scale[1]]), rim - np.array([0, 0, scale[1]]), key=lambda p: float(p @ way)
            )
        return 1.0e3 * way

    return far


@DOMAIN.algorithm(
    source="Ericson 2005, section 4.2 (bounds of primitives); newton, geometry/broad_phase (shape AABBs)",
    names={
        "compute_bounds": "compute_shape_aabbs|update_aabbs|shape_bounds|compute_aabbs",
        "shape_type": "shape_kind",
        "shape_scale": "shape_size",
        "shape_body": "shape_parent",
        "shape_pose": "shape_transform",
        "body_pose": "body_q|body_transform",
        "aabb_lower": "lower_out|shape_lower|bounds_min",
        "aabb_upper": "upper_out|shape_upper|bounds_max",
        "half": "half_extents|half_size",
        "contact_margin": "margin|aabb_padding",
    },
    element="shape",
    weight=4,
)
def compute_bounds(d: Draft) -> None:
    """Computes the axis-aligned bounding boxes of posed shapes of several types."""
    types = d.option(
        "types",
        ("SPHERE", "BOX", "CAPSULE"),
        ("SPHERE", "CAPSULE", "CYLINDER", "ELLIPSOID"),
        ("BOX", "CYLINDER", "CONE"),
        ("PLANE", "SPHERE", "BOX", "CAPSULE", "CYLINDER"),
        tuple(_EXTENT),
    )
    attached = d.option("poses", "world", "bodies", "bodies or world")
    margin = d.option("margin", "none", "one", "per shape", "speculative")
    result = d.option("result", "corners", "center and half", "pair")
    flags = d.flag("flags", 0.35)
    grid = d.option("cells", "none", "range", weights=(0.7, 0.3))
    count, bodies = d.pick(32, 40, 48), 12
    d.input("shape_type", "int", count, 0, len(types), about="Shape types")
    held = "radius and half height" if {"CAPSULE", "CYLINDER", "CONE"} & set(types) else "radius"
    held += ", half extents" if "BOX" in types else ""
    held += ", semi-axes" if "ELLIPSOID" in types else ""
    held = " or ".join(held.rsplit(", ", 1))
    d.input("shape_scale", "vec3", count, 0.1, 0.5, about=f"{held[0].upper()}{held[1:]} [m]")
    if attached == "world":
        d.input(
            "shape_pose", "transform", count, -1.0, 1.0, kind="transform", about="Shape poses in world space"
        )
    else:
        d.input(
            "shape_pose", "transform", count, -0.3, 0.3, kind="transform", about="Shape poses in body space"
        )
        d.input(
            "shape_body",
            "int",
            count,
            0 if attached == "bodies" else -1,
            bodies,
            about="Body index per shape" + ("" if attached == "bodies" else ", -1 for the world"),
        )
        d.input(
            "body_pose", "transform", bodies, -1.0, 1.0, kind="transform", about="Body poses in world space"
        )
    if margin == "one":
        d.param("contact_margin", "float", 0.01, 0.05, about="AABB padding [m]")
    elif margin == "per shape":
        d.input("shape_margin", "float", count, 0.0, 0.05, about="Per-shape padding [m]")
    elif margin == "speculative":
        d.input("shape_vel", "vec3", count, -3.0, 3.0, about="Shape velocities [m/s]")
        d.param("dt", "float", 0.01, 0.03, about="Time step [s]")
    if flags:
        d.input("shape_flags", "int", count, 0, 4, about="Shape flags; bit 0 enables collision")
    if grid == "range":
        d.param("cell_width", "float", 0.4, 0.6, about="Broad-phase cell size [m]")
    if result == "pair":
        d.output("aabb", "vec3", (count, 2), about="Lower and upper corners [m]")
    else:
        first, second = ("aabb_lower", "aabb_upper") if result == "corners" else ("aabb_center", "aabb_half")
        d.output(
            first, "vec3", count, about="Lower corners [m]" if result == "corners" else "Box centers [m]"
        )
        d.output(
            second, "vec3", count, about="Upper corners [m]" if result == "corners" else "Half extents [m]"
        )
    if grid == "range":
        d.output(
            "cell_count",
            "int",
            count,
            about="Number of grid cells overlapped by the box"
            + (", at most `MAX_CELLS` per axis" if "PLANE" in types else ""),
        )
    d.module("\n".join(f"{t} = wp.constant({i})" for i, t in enumerate(types[:-1])))
    if "PLANE" in types:
        d.module("PLANE_EXTENT = wp.constant(1.0e3)")
    if flags:
        d.module("COLLIDE_SHAPES = wp.constant(1)")
    pose = {
        "world": "pose = shape_pose[tid]",
        "bodies": "pose = body_pose[shape_body[tid]] * shape_pose[tid]",
        "bodies or world": "pose = shape_pose[tid]\n# World shapes (body -1) are already in world space\n"
        "body = shape_body[tid]\nif body >= 0:\n    pose = body_pose[body] * pose",
    }
    cases = []
    for i, t in enumerate(types):
        word = "if" if i == 0 else "elif"
        head = f"{word} kind == {t}:" if i < len(types) - 1 else "else:"
        block = [x[8:] if x.startswith("        ") else x for x in _EXTENT[t].strip("\n").split("\n")]
        cases.append(head + "\n" + "\n".join(f"    {x}" for x in block if x.strip()))
    pad = {
        "none": "",
        "one": "# Expand by the margin, so that contacts are found before shapes touch\nhalf += wp.vec3(contact_margin, contact_margin, contact_margin)",
        "per shape": "padding = shape_margin[tid]\nhalf += wp.vec3(padding, padding, padding)",
        "speculative": """
        # Sweep the box along the motion to avoid tunneling
        sweep = 0.5 * dt * shape_vel[tid]
        center += sweep
        half += wp.abs(sweep)
        """,
    }
    store = {
        "corners": "aabb_lower[tid] = center - half\naabb_upper[tid] = center + half",
        "center and half": "aabb_center[tid] = center\naabb_half[tid] = half",
        "pair": "aabb[tid, 0] = center - half\naabb[tid, 1] = center + half",
    }[result]
    if grid == "range":
        store = store.replace("center - half", "low").replace("center + half", "high")
        store = f"low = center - half\nhigh = center + half\n{store}"
    cells = """
    cells_x = cells_spanned(low[0], high[0], cell_width)
    cells_y = cells_spanned(low[1], high[1], cell_width)
    cells_z = cells_spanned(low[2], high[2], cell_width)
    cell_count[tid] = cells_x * cells_y * cells_z
    """
    if grid == "range":
        capped = "PLANE" in types
        if capped:
            d.module("MAX_CELLS = wp.constant(64)")
        spanned = "int(wp.floor(high / width)) - int(wp.floor(low / width)) + 1"
        d.function(f'''
            @wp.func
            def cells_spanned(low: float, high: float, width: float) -> int:
                """Number of grid cells that an interval overlaps{", at most `MAX_CELLS`" if capped else ""}."""
                return {f"wp.min({spanned}, MAX_CELLS)" if capped else spanned}
        ''')
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $flags
        $pose
        kind = shape_type[tid]
        scale = shape_scale[tid]
        center = wp.transform_get_translation(pose)
        rot = wp.quat_to_matrix(wp.transform_get_rotation(pose))
        # --- Tight half extents ---
        $cases
        $pad
        $store
        $cells
        """,
        flags="# Skip visual shapes, since they do not collide\nif (shape_flags[tid] & COLLIDE_SHAPES) == 0:\n    return"
        if flags
        else "",
        pose=pose[attached],
        cases="\n".join(cases),
        pad=pad[margin],
        store=store,
        cells=cells if grid == "range" else "",
    )
    boxes = {
        "none": "the axis-aligned bounding boxes",
        "speculative": "swept axis-aligned bounding boxes",
    }.get(margin, "padded axis-aligned bounding boxes")
    more = ", and the number of overlapped grid cells" if grid == "range" else ""
    over = " over one time step" if margin == "speculative" else ""
    d.says(f"Computes {boxes} of posed shapes{over}{more}.")
    upright = [f"{t.lower()}s" for t in types if t in ("CAPSULE", "CYLINDER", "CONE")]
    listed = " and ".join(", ".join(upright).rsplit(", ", 1)).capitalize()
    apart = {"none": "", "speculative": " before it is swept along the linear motion of a step"}.get(
        margin, ", apart from the padding"
    )
    planes = " Planes use a box large enough for any scene." if "PLANE" in types else ""
    unset = " Boxes of non-colliding shapes are not updated." if flags else ""
    d.explain(f"""
        {listed} point along local z. Bounds are tight, i.e. each face touches the shape{apart}.{planes}{unset}
    """)

    def reference(v: Values) -> dict[str, Any]:
        lower, upper = np.zeros((count, 3)), np.zeros((count, 3))
        number = np.zeros(count, int)
        for k in range(count):
            if flags and not v.shape_flags[k] & 1:
                continue
            pose_ = v.shape_pose[k]
            if attached != "world" and v.shape_body[k] >= 0:
                pose_ = ray_shapes.compose(v.body_pose[v.shape_body[k]], pose_)
            turn = quaternions.matrix(pose_[3:])
            far = _points(types[v.shape_type[k]], v.shape_scale[k])
            for axis in range(3):
                for sign, ends in ((1.0, upper), (-1.0, lower)):
                    ends[k, axis] = pose_[axis] + turn[axis] @ far(sign * turn[axis])
            grow = {
                "one": v.get("contact_margin"),
                "per shape": v.get("shape_margin", np.zeros(count))[k],
            }.get(margin, 0.0)
            lower[k], upper[k] = lower[k] - grow, upper[k] + grow
            if margin == "speculative":
                move = v.dt * v.shape_vel[k]
                lower[k], upper[k] = lower[k] + np.minimum(move, 0.0), upper[k] + np.maximum(move, 0.0)
            if grid == "range":
                spans = np.floor(upper[k] / v.cell_width) - np.floor(lower[k] / v.cell_width) + 1
                number[k] = int(np.minimum(spans, 64).prod())
        made: dict[str, Any] = {"cell_count": number} if grid == "range" else {}
        if result == "corners":
            return made | {"aabb_lower": lower, "aabb_upper": upper}
        if result == "pair":
            return made | {"aabb": np.stack([lower, upper], axis=1)}
        return made | {"aabb_center": 0.5 * (lower + upper), "aabb_half": 0.5 * (upper - lower)}

    d.check(reference, 5e-4)
