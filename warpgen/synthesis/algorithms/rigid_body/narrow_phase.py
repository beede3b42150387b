"""Narrow phase: contacts of pairs of primitive shapes, written to a buffer of fixed size."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rigid_body import DOMAIN
from warpgen.synthesis.library import collision, quaternions
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

# By the types of a pair in ascending order: the condition's body, and the pieces that it calls.
_CASES = {
    ("PLANE", "SPHERE"): (
        "return collide_plane_sphere(wp.quat_rotate(rot_a, UP), pos_a, pos_b, scale_b[0])",
        (collision.COLLIDE_PLANE_SPHERE,),
    ),
    ("PLANE", "CAPSULE"): (
        "axis_b = wp.quat_rotate(rot_b, UP)\n"
        "normal = wp.quat_rotate(rot_a, UP)\n"
        "return collide_plane_capsule(normal, pos_a, pos_b, axis_b, scale_b[0], scale_b[1])",
        (collision.COLLIDE_PLANE_CAPSULE,),
    ),
    ("PLANE", "BOX"): (
        "return collide_plane_box(wp.quat_rotate(rot_a, UP), pos_a, pos_b, rot_b, scale_b)",
        (collision.COLLIDE_PLANE_BOX,),
    ),
    ("SPHERE", "SPHERE"): (
        "return collide_spheres(pos_a, scale_a[0], pos_b, scale_b[0])",
        (collision.COLLIDE_SPHERES,),
    ),
    ("SPHERE", "CAPSULE"): (
        "# Reduce to sphere-sphere using the closest point on the capsule segment\n"
        "segment = wp.quat_rotate(rot_b, UP) * scale_b[1]\n"
        "closest = closest_point_on_segment(pos_b - segment, pos_b + segment, pos_a)\n"
        "return collide_spheres(pos_a, scale_a[0], closest, scale_b[0])",
        (collision.COLLIDE_SPHERES, collision.CLOSEST_ON_SEGMENT),
    ),
    ("SPHERE", "BOX"): (
        "return collide_sphere_box(pos_a, scale_a[0], pos_b, rot_b, scale_b)",
        (collision.COLLIDE_SPHERE_BOX,),
    ),
    ("CAPSULE", "CAPSULE"): (
        "segment_a = wp.quat_rotate(rot_a, UP) * scale_a[1]\n"
        "segment_b = wp.quat_rotate(rot_b, UP) * scale_b[1]\n"
        "on_a, on_b = closest_points_segments(\n"
        "    pos_a - segment_a, pos_a + segment_a, pos_b - segment_b, pos_b + segment_b\n"
        ")\n"
        "return collide_spheres(on_a, scale_a[0], on_b, scale_b[0])",
        (collision.COLLIDE_SPHERES, collision.CLOSEST_OF_SEGMENTS),
    ),
}

CONTACTS = piece(
    """
@wp.struct
class ContactBuffer:
    count: wp.array(dtype=int)
    shapes: wp.array2d(dtype=int)
    point: wp.array(dtype=wp.vec3)
    normal: wp.array(dtype=wp.vec3)
    dist: wp.array(dtype=float)
"""
)


def _collider(types: tuple[str, ...]) -> tuple[str, list[Any]]:
    """The function that dispatches on the types of a pair, and the pieces it needs."""
    lines: list[str] = []
    needed: list[Any] = []
    for (first, second), (body, pieces) in _CASES.items():
        if first in types and second in types:
            lines.append(f"if type_a == {first} and type_b == {second}:")
            lines += [f"    {line}" for line in body.split("\n")]
            needed += pieces
    text = '''
        @wp.func
        def collide_shapes(
            type_a: int,
            pose_a: wp.transform,
            scale_a: wp.vec3,
            type_b: int,
            pose_b: wp.transform,
            scale_b: wp.vec3,
        ):
            """Dispatch to the collider for a pair of shape types, with `type_a <= type_b`.

            Returns:
                Tuple of signed distance, contact point and normal from `a` to `b`. The distance of
                pairs without a collider is `MAX_DIST`.
            """
            pos_a = wp.transform_get_translation(pose_a)
            rot_a = wp.transform_get_rotation(pose_a)
            pos_b = wp.transform_get_translation(pose_b)
            rot_b = wp.transform_get_rotation(pose_b)
            $cases
            # Unsupported combination of shape types
            return MAX_DIST, pos_a, UP
    '''
    pairs = [(a, b) for i, a in enumerate(types) for b in types[i:]]
    if all(pair in _CASES for pair in pairs):  # the last case needs no test
        at = max(i for i, line in enumerate(lines) if line.startswith("if "))
        lines[at:] = [line.removeprefix("    ") for line in lines[at + 1 :]]
        text = text.replace("            # Unsupported combination of shape types\n", "")
        text = text.replace("            return MAX_DIST, pos_a, UP\n", "")
        text = text.replace(" The distance of\n                pairs without a collider is `MAX_DIST`.", "")
    used = "\n".join(lines)
    if "rot_a" not in used:
        text = text.replace("            rot_a = wp.transform_get_rotation(pose_a)\n", "")
    return text.replace("$cases", "\n            ".join(lines)), needed


def _distance(types: tuple[str, ...], kinds: Any, poses: Any, scales: Any) -> Any:
    """The same in NumPy, for one pair in ascending order."""
    (pos_a, pos_b), (rot_a, rot_b) = poses[:, :3], quaternions.matrix(poses[:, 3:])
    a, b = (types[k] for k in kinds)
    (ra, ha, _), (rb, hb, _) = scales
    up_a, up_b = rot_a[:, 2], rot_b[:, 2]
    if a == "PLANE" and b == "SPHERE":
        return collision.COLLIDE_PLANE_SPHERE(up_a, pos_a, pos_b, rb)
    if a == "PLANE" and b == "CAPSULE":
        return collision.COLLIDE_PLANE_CAPSULE(up_a, pos_a, pos_b, up_b, rb, hb)
    if a == "PLANE" and b == "BOX":
        return collision.COLLIDE_PLANE_BOX(up_a, pos_a, pos_b, rot_b, scales[1])
    if a == b == "SPHERE":
        return collision.COLLIDE_SPHERES(pos_a, ra, pos_b, rb)
    if a == "SPHERE" and b == "CAPSULE":
        near = collision.CLOSEST_ON_SEGMENT(pos_b - up_b * hb, pos_b + up_b * hb, pos_a)
        return collision.COLLIDE_SPHERES(pos_a, ra, near, rb)
    if a == "SPHERE" and b == "BOX":
        return collision.COLLIDE_SPHERE_BOX(pos_a, ra, pos_b, rot_b, scales[1])
    if a == b == "CAPSULE":
        ends = (pos_a - up_a * ha, pos_a + up_a * ha, pos_b - up_b * hb, pos_b + up_b * hb)
        on_a, on_b = collision.CLOSEST_OF_SEGMENTS(*ends)
        return collision.COLLIDE_SPHERES(on_a, ra, on_b, rb)
    return None


@DOMAIN.algorithm(
    source="Ericson 2005, ch. 4 and 5; Warp's sim, collide.py",
    names={
        "generate_contacts": "narrow_phase|collide_pairs|compute_contacts|shape_shape_contacts",
        "shape_pairs": "candidate_pairs|contact_pairs|pairs",
        "contact_count": "num_contacts|contact_counter",
        "contact_margin": "margin|contact_threshold",
        "slot": "contact_id|index|contact_idx",
        "max_contacts": "contact_max|capacity|rigid_contact_max",
        "pair": "pair_id|pair_index",
        "world": "env|world_id",
    },
    adjoint="no",
    weight=2,
)
def generate_contacts(d: Draft) -> None:
    """Generates contacts for candidate shape pairs and appends them to a fixed-capacity buffer."""
    types = d.option(
        "shapes",
        ("SPHERE", "CAPSULE"),
        ("SPHERE", "BOX"),
        ("PLANE", "SPHERE", "BOX"),
        ("PLANE", "SPHERE", "CAPSULE", "BOX"),
    )
    batch = d.flag("worlds", 0.4)
    filtered = d.option("filter", "none", "body", "groups")
    buffer = d.option("buffer", "arrays", "struct")
    margin = d.option("margin", "one", "per shape")
    bounded = d.flag("bounds", 0.5)
    overflow = d.option("overflow", "return", "undo")
    if batch:
        buffer = "arrays"
    worlds = d.pick(2, 3, 4) if batch else 1
    shapes, pairs = d.pick(12, 16, 20), (d.pick(24, 32) if batch else d.pick(64, 96))
    capacity = d.pick(4, 8) if batch else d.pick(16, 24)
    d.input("shape_type", "int", shapes, 0, len(types), about="Shape types")
    d.input(
        "shape_pose",
        "transform",
        (worlds, shapes) if batch else shapes,
        -0.5,
        0.5,
        kind="transform",
        about="Shape poses in world space",
    )
    d.input("shape_scale", "vec3", shapes, 0.1, 0.4, about="Shape dimensions [m]")
    if filtered == "body":
        d.input("shape_body", "int", shapes, -1, shapes // 2, about="Body index per shape, -1 if static")
    elif filtered == "groups":
        d.input("shape_group", "int", shapes, 0, 16, about="Collision groups (bit mask)")
        d.input("shape_mask", "int", shapes, 0, 16, about="Collision masks")
    if margin == "per shape":
        d.input("shape_margin", "float", shapes, 0.0, 0.05, about="Per-shape contact margin [m]")
    else:
        d.param("contact_margin", "float", 0.01, 0.1, about="Contact distance threshold [m]")
    d.input(
        "shape_pairs",
        "int",
        (pairs, 2),
        -1,
        shapes,
        about="Candidate pairs from the broad phase, padded with -1",
    )
    d.param("max_contacts", "int", capacity, about="Contact buffer capacity")
    lead = (worlds,) if batch else ()
    if buffer == "struct":
        d.struct(
            "contacts",
            CONTACTS,
            {
                "count": fill(value=0, shape=1),
                "shapes": fill(value=0, shape=(capacity, 2)),
                "point": fill(value=0, shape=capacity),
                "normal": fill(value=0, shape=capacity),
                "dist": fill(value=0, shape=capacity),
            },
            role="output",
            about="Contacts, normals from first to second shape",
        )
    else:
        d.output("contact_count", "int", worlds, about="Number of contacts")
        d.output("contact_shapes", "int", (*lead, capacity, 2), about="Shape indices per contact")
        d.output("contact_point", "vec3", (*lead, capacity), about="Contact points in world space [m]")
        d.output(
            "contact_normal",
            "vec3",
            (*lead, capacity),
            about="Contact normals, from first to second shape",
        )
        d.output(
            "contact_dist",
            "float",
            (*lead, capacity),
            about="Signed distances, negative when penetrating [m]",
        )
    d.module("\n".join(f"{name} = wp.constant({number})" for number, name in enumerate(types)))
    d.module("UP = wp.constant(wp.vec3(0.0, 0.0, 1.0))")
    if "BOX" in types:  # boxes do not collide with everything
        d.module("MAX_DIST = wp.constant(1.0e6)")
    text, needed = _collider(types)
    for helper in needed:
        d.use(helper)
    d.function(text)
    skip = {
        "none": "",
        "body": """
        # Skip shapes on the same body
        if shape_body[shape_a] == shape_body[shape_b]:
            return
        """,
        "groups": """
        # Each shape's mask must accept the group of the other
        if (shape_group[shape_a] & shape_mask[shape_b]) == 0 or (shape_group[shape_b] & shape_mask[shape_a]) == 0:
            return
        """,
    }
    radius = {
        "SPHERE": "if type == SPHERE:\n    return scale[0]",
        "CAPSULE": "if type == CAPSULE:\n    return scale[0] + scale[1]",
        "BOX": "if type == BOX:\n    return wp.length(scale)",
    }
    early = ""
    if bounded:
        radii = [radius[t] for t in types if t in radius]
        unbounded = ", `MAX_DIST` for planes" if "PLANE" in types else ""
        radii += ["return MAX_DIST"] if unbounded else [radii.pop().split("\n    ")[1]]
        d.function(
            '''
            @wp.func
            def bounding_radius(type: int, scale: wp.vec3) -> float:
                """Return the bounding sphere radius of a shape$unbounded."""
                $cases
            ''',
            unbounded=unbounded,
            cases="\n".join(radii),
        )
        early = """
        # Early exit if the bounding spheres are separated by more than the margin
        center_dist = wp.length(wp.transform_get_translation(pose_b) - wp.transform_get_translation(pose_a))
        reach = bounding_radius(type_a, scale_a) + bounding_radius(type_b, scale_b)
        if center_dist > reach + $limit:
            return
        """
    write = """
    contact_shapes[$at, 0] = shape_a
    contact_shapes[$at, 1] = shape_b
    contact_point[$at] = point
    contact_normal[$at] = normal
    contact_dist[$at] = dist
    """
    if buffer == "struct":
        write = write.replace("contact_", "contacts.")
    counter = ("contacts.count" if buffer == "struct" else "contact_count", "world" if batch else "0")
    full = {
        "return": "# Buffer full: keep counting so that the host can detect the overflow\n"
        "if slot >= max_contacts:\n    return",
        "undo": "# Buffer full: undo the reservation\n"
        f"if slot >= max_contacts:\n    wp.atomic_sub({counter[0]}, {counter[1]}, 1)\n    return",
    }
    d.launch(*((worlds, pairs) if batch else (pairs,)))
    d.code(
        """
        $thread
        first = shape_pairs[pair, 0]
        second = shape_pairs[pair, 1]
        # Skip padding (index -1) and self-collision
        if first < 0 or second < 0 or first == second:
            return
        # Colliders expect the smaller shape type first
        if shape_type[first] > shape_type[second]:
            shape_a = second
            shape_b = first
        else:
            shape_a = first
            shape_b = second
        $skip
        type_a = shape_type[shape_a]
        type_b = shape_type[shape_b]
        pose_a = shape_pose[$world shape_a]
        pose_b = shape_pose[$world shape_b]
        scale_a = shape_scale[shape_a]
        scale_b = shape_scale[shape_b]
        $threshold
        $early
        dist, point, normal = collide_shapes(type_a, pose_a, scale_a, type_b, pose_b, scale_b)
        if dist >= $limit:
            return
        slot = wp.atomic_add($counter, $where, 1)
        $full
        $write
        """,
        thread="world, pair = wp.tid()" if batch else "pair = wp.tid()",
        skip=skip[filtered],
        world="world," if batch else "",
        threshold="threshold = shape_margin[shape_a] + shape_margin[shape_b]"
        if margin == "per shape"
        else "",
        limit="threshold" if margin == "per shape" else "contact_margin",
        early=early,
        counter=counter[0],
        where=counter[1],
        full=full[overflow],
        write=write,
        at="world, slot" if batch else "slot",
    )
    d.text = d.text.replace("[ ", "[")
    held = {
        "SPHERE": "radius of spheres",
        "CAPSULE": "radius and half length (without caps) of capsules along local z",
        "BOX": "half extents of boxes",
    }
    scales = [held[t] for t in types if t in held]
    planes = "; planes face along local z" if "PLANE" in types else ""
    known = [f"{a.lower()} and {b.lower()}" for a, b in _CASES if a in types and b in types]
    d.explain(f"""
        Supported pairs: {", ".join(known)}. Shape scales store {", ".join(scales[:-1])} or {scales[-1]}{planes}.
        Distances are negative for overlapping shapes; normals point from the first shape to the second.
    """)

    def contact(v: Values, world: int, pair: Any) -> Any:
        a, b = (int(i) for i in pair)
        if a < 0 or b < 0 or a == b:
            return None
        if v.shape_type[a] > v.shape_type[b]:
            a, b = b, a
        if filtered == "body" and v.shape_body[a] == v.shape_body[b]:
            return None
        if filtered == "groups" and not (
            v.shape_group[a] & v.shape_mask[b] and v.shape_group[b] & v.shape_mask[a]
        ):
            return None
        poses = v.shape_pose[world] if batch else v.shape_pose
        both = [a, b]
        found = _distance(types, v.shape_type[both], poses[both], v.shape_scale[both])
        near = v.shape_margin[both].sum() if margin == "per shape" else v.contact_margin
        return None if found is None or found[0] >= near else (both, *found)

    def reference(v: Values) -> dict[str, Any]:
        made: dict[str, Any] = {
            "count": np.zeros(worlds, int),
            "shapes": np.zeros((worlds, capacity, 2), int),
            "point": np.zeros((worlds, capacity, 3)),
            "normal": np.zeros((worlds, capacity, 3)),
            "dist": np.zeros((worlds, capacity)),
        }
        for world in range(worlds):
            contacts = [c for c in (contact(v, world, p) for p in v.shape_pairs) if c]
            made["count"][world] = (
                len(contacts) if overflow == "return" else min(len(contacts), int(v.max_contacts))
            )
            for slot, (both, dist, point, normal) in enumerate(contacts[: int(v.max_contacts)]):
                made["shapes"][world, slot], made["point"][world, slot] = both, point
                made["normal"][world, slot], made["dist"][world, slot] = normal, dist
        if not batch:
            made = {name: m if name == "count" else m[0] for name, m in made.items()}
        prefix = "contacts." if buffer == "struct" else "contact_"
        return {prefix + name: m for name, m in made.items()}

    d.check(reference, 5e-4)
