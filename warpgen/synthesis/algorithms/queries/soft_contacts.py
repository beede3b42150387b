"""Contacts between particles and shapes, written to buffers of fixed size."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.queries import DOMAIN
from warpgen.synthesis.algorithms.queries.meshes import closest
from warpgen.synthesis.library.ray_shapes import compose, turn
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import Piece, piece


def _contact_shapes(mesh: bool, flags: bool) -> Piece:
    """The struct of shapes: what sizes mean, and whether shapes have flags."""
    sizes = (
        "half extents, radius and half height, or a scale"
        if mesh
        else "half extents, or radius and half height"
    )
    return piece(
        f'''
@wp.struct
class ContactShapes:
    """Collision shape data. Body -1 is static, and size holds {sizes}."""

    kind: wp.array(dtype=int)
    size: wp.array(dtype=wp.vec3)
    body: wp.array(dtype=int)
    local_pose: wp.array(dtype=wp.transform)
'''
        + ("    flags: wp.array(dtype=int)\n" if flags else "")
    )


def _contact_buffer(point: str) -> Piece:
    """The struct of contacts; `point` names their places."""
    return piece(f'''
@wp.struct
class ContactBuffer:
    """Narrow phase output, one entry per contact. The count may exceed the capacity."""

    count: wp.array(dtype=int)
    particle: wp.array(dtype=int)
    shape: wp.array(dtype=int)
    {point}: wp.array(dtype=wp.vec3)
    normal: wp.array(dtype=wp.vec3)
''')


_POSE = '''
@wp.func
def world_pose(body_q: wp.array(dtype=wp.transform), body_index: int, local_pose: wp.transform) -> wp.transform:
    """Return the world-space shape pose; shapes with body index -1 are fixed to the world."""
    if body_index < 0:
        return local_pose
    return wp.transform_multiply(body_q[body_index], local_pose)
'''

_DISTANCES = '''
@wp.func
def sphere_distance(p: wp.vec3, sphere_radius: float) -> wp.vec4:
    """Signed distance and gradient for a sphere at the origin."""
    length = wp.length(p)
    n = p / wp.max(length, 1.0e-8)
    return wp.vec4(n[0], n[1], n[2], length - sphere_radius)


@wp.func
def capsule_distance(p: wp.vec3, cap_radius: float, half_height: float) -> wp.vec4:
    """Signed distance and gradient for a capsule along z."""
    on_axis = wp.vec3(0.0, 0.0, wp.clamp(p[2], -half_height, half_height))
    return sphere_distance(p - on_axis, cap_radius)


@wp.func
def box_distance(p: wp.vec3, half_extents: wp.vec3) -> wp.vec4:
    """Signed distance and gradient for a box at the origin."""
    q = wp.vec3(wp.abs(p[0]), wp.abs(p[1]), wp.abs(p[2])) - half_extents
    outside = wp.max(q, wp.vec3(0.0))
    side = wp.vec3(wp.sign(p[0]), wp.sign(p[1]), wp.sign(p[2]))
    if q[0] > 0.0 or q[1] > 0.0 or q[2] > 0.0:
        n = wp.cw_mul(side, wp.normalize(outside))
        return wp.vec4(n[0], n[1], n[2], wp.length(outside))
    # Inside: push out through the nearest face
    if q[0] >= q[1] and q[0] >= q[2]:
        return wp.vec4(side[0], 0.0, 0.0, q[0])
    if q[1] >= q[2]:
        return wp.vec4(0.0, side[1], 0.0, q[1])
    return wp.vec4(0.0, 0.0, side[2], q[2])
'''

_MESH = '''
@wp.func
def mesh_distance(mesh: wp.uint64, p: wp.vec3, scale: float, max_dist: float) -> wp.vec4:
    """Signed distance and gradient for a scaled mesh; a large distance if nothing is within `max_dist`."""
    query = wp.mesh_query_point_sign_normal(mesh, p / scale, max_dist / scale)
    if not query.result:
        return wp.vec4(0.0, 0.0, 1.0, 1.0e6)
    offset_to = p - scale * wp.mesh_eval_position(mesh, query.face, query.u, query.v)
    length = wp.length(offset_to)
    # Use the face normal for points on the surface, since the offset direction is undefined
    if length < 1.0e-6:
        n = wp.mesh_eval_face_normal(mesh, query.face)
    else:
        n = query.sign / length * offset_to
    return wp.vec4(n[0], n[1], n[2], query.sign * length)
'''


@DOMAIN.algorithm(
    source="Macklin et al. 2014, Unified particle physics; Ericson 2004, ch. 5; Quilez, Distance functions",
    names={
        "emit_soft_contacts": "create_soft_contacts|particle_shape_contacts|generate_contacts|collide_particles",
        "particle_index": "pid|particle|p_idx",
        "shape_index": "sid|shape_id|geom",
        "particle_q": "positions|particle_pos|x",
        "particle_radius": "radii|radius_p|thickness",
        "body_q": "body_poses|rigid_q|X_wb",
        "contacts": "contact_buffer|soft_contacts|out_contacts",
        "shapes": "geo|collision_shapes|shape_data",
        "margin": "contact_margin|soft_contact_margin|gap_limit",
    },
    adjoint="no",
    weight=3,
)
def emit_soft_contacts(d: Draft) -> None:
    """Generates contacts between particles and shapes and appends them to fixed-size buffers."""
    mesh = d.flag("mesh", 0.6)
    buffers = d.option("buffers", "struct", "arrays")
    flags = d.option("flags", "both", "particle", "none")
    worlds = d.flag("worlds")
    keep = d.option("stores", "local", "world", "depth")
    filtered = d.flag("filter", 0.4)
    early = d.flag("bounds", 0.5)
    n, count, bodies, sets = d.pick(48, 64), d.pick(4, 5, 6), d.pick(3, 4), 2
    capacity = d.pick(24, 32, 64)
    d.input("particle_q", "vec3", n, -1.2, 1.2, about="Particle positions [m]")
    d.input("particle_radius", "float", n, 0.05, 0.25, about="Particle radii [m]")
    if flags != "none":
        d.input("particle_flags", "int", n, 1, 4, about="Particle flags, bit 0 is set for active particles")
    if worlds:
        d.input("particle_world", "int", n, -1, sets, about="Particle world index, -1 for all worlds")
        d.input("shape_world", "int", count, -1, sets, about="Shape world index, -1 for all worlds")
    d.input("body_q", "transform", bodies, -1.0, 1.0, "transform", about="Body poses")
    kinds = 4 if mesh else 3
    d.struct("shapes", _contact_shapes(mesh, flags == "both"), {
        "kind": fill(0, kinds, shape=count), "size": fill(0.5, 1.1, shape=count),
        "body": fill(-1, bodies, shape=count), "local_pose": fill(-0.4, 0.4, "transform", shape=count),
        **({"flags": fill(1, 4, shape=count)} if flags == "both" else {}),
    }, about="Collision shapes")  # fmt: skip
    if mesh:
        d.handle(
            "mesh",
            "mesh",
            d.pick((5, 8), (6, 8)),
            about="Mesh id used by shapes of any other kind",
        )
    if filtered:
        d.input(
            "filter_body",
            "int",
            n,
            -1,
            bodies,
            about="Body index that the particle is attached to, -1 for none",
        )
    d.param("margin", "float", 0.1, 0.3, about="Contact detection margin [m]")
    d.param("max_contacts", "int", capacity, about="Contact buffer capacity")
    held = {"local": "body_pos", "world": "world_pos", "depth": "depth"}[keep]
    if buffers == "struct" and keep != "depth":
        d.struct("contacts", _contact_buffer(held), {
            "count": fill(value=0.0, shape=1), "particle": fill(value=0.0, shape=capacity),
            "shape": fill(value=0.0, shape=capacity), held: fill(value=0.0, shape=capacity),
            "normal": fill(value=0.0, shape=capacity),
        }, role="inout", about="Contact output buffers")  # fmt: skip
        names = {x: f"contacts.{x}" for x in ("count", "particle", "shape", held, "normal")}
    else:
        d.inout("contact_count", "int", 1, value=0.0, about="Number of contacts, may exceed the capacity")
        d.output("contact_particle", "int", capacity, about="Particle index per contact")
        d.output("contact_shape", "int", capacity, about="Shape index per contact")
        if keep == "depth":
            d.output("contact_depth", "float", capacity, about="Penetration depth, negative for a gap [m]")
        else:
            frame = "the body frame" if keep == "local" else "world space"
            d.output(f"contact_{held}", "vec3", capacity, about=f"Contact point on the shape in {frame}")
        d.output(
            "contact_normal", "vec3", capacity, about="World-space normal from the shape to the particle"
        )
        names = {x: f"contact_{x}" for x in ("count", "particle", "shape", held, "normal")}
    for number, name in enumerate(("SPHERE", "BOX", "CAPSULE")):
        if number != 2 or mesh:
            d.module(f"SHAPE_{name} = wp.constant({number})")
    if mesh:
        d.module("MESH_QUERY_DIST = wp.constant(2.0)  # larger than the maximum penetration depth")
    if flags != "none":
        d.module("PARTICLE_ACTIVE = wp.constant(1)")
    if flags == "both":
        d.module("SHAPE_COLLIDES = wp.constant(2)")
    d.function(_POSE)
    d.function(_DISTANCES)
    if mesh:
        d.function(_MESH)
    d.launch(n, count)
    d.code(
        """
        particle_index, shape_index = wp.tid()
        $flags
        $worlds
        body_index = shapes.body[shape_index]
        $filter
        shape_pose = world_pose(body_q, body_index, shapes.local_pose[shape_index])
        p_world = particle_q[particle_index]
        p_local = wp.transform_point(wp.transform_inverse(shape_pose), p_world)
        reach = margin + particle_radius[particle_index]
        size = shapes.size[shape_index]
        $early

        # xyz: gradient, w: signed distance
        kind = shapes.kind[shape_index]
        if kind == SHAPE_SPHERE:
            found = sphere_distance(p_local, size[0])
        elif kind == SHAPE_BOX:
            found = box_distance(p_local, size)
        $kinds

        if found[3] >= reach:
            return

        contact_index = wp.atomic_add($count, 0, 1)
        # We keep counting so that the caller can detect overflow
        if contact_index >= max_contacts:
            return

        local_normal = wp.vec3(found[0], found[1], found[2])
        $particle[contact_index] = particle_index
        $shape[contact_index] = shape_index
        $store
        $normal[contact_index] = wp.transform_vector(shape_pose, local_normal)
        """,
        flags={
            "none": "",
            "particle": """
                # Skip inactive particles
                if (particle_flags[particle_index] & PARTICLE_ACTIVE) == 0:
                    return
                """,
            "both": """
                # Skip inactive particles and shapes that do not collide with particles
                if (particle_flags[particle_index] & PARTICLE_ACTIVE) == 0:
                    return
                if (shapes.flags[shape_index] & SHAPE_COLLIDES) == 0:
                    return
                """,
        }[flags],
        worlds="""
            # Skip pairs in different worlds (world -1 collides with everything)
            world_a = particle_world[particle_index]
            world_b = shape_world[shape_index]
            if world_a >= 0 and world_b >= 0 and world_a != world_b:
                return
            """
        if worlds
        else "",
        filter="""
            # Skip collisions with the body that the particle is attached to
            if body_index >= 0 and filter_body[particle_index] == body_index:
                return
            """
        if filtered
        else "",
        early="""
            # Early out using a bounding sphere that encloses all shape types$unit
            bound = size[0] + size[1] + size[2]
            if wp.length(p_local) > bound + reach:
                return
            """
        if early
        else "",
        unit=" (the mesh fits in the unit ball)" if mesh else "",
        kinds="""
            elif kind == SHAPE_CAPSULE:
                found = capsule_distance(p_local, size[0], size[1])
            else:
                found = mesh_distance(mesh, p_local, size[0], MESH_QUERY_DIST)
            """
        if mesh
        else "else:\n    found = capsule_distance(p_local, size[0], size[1])",
        store={
            "local": """
                # Store the body-local point so that it moves with the body during the step
                surface_local = p_local - found[3] * local_normal
                $body_pos[contact_index] = wp.transform_point(shapes.local_pose[shape_index], surface_local)
                """,
            "world": "$world_pos[contact_index] = wp.transform_point(shape_pose, p_local - found[3] * local_normal)",
            "depth": "$depth[contact_index] = particle_radius[particle_index] - found[3]",
        }[keep],
        **names,
    )
    out = ["inactive particles"] if flags != "none" else []
    out += ["shapes that do not collide"] if flags == "both" else []
    out += ["pairs in different worlds"] if worlds else []
    out += ["bodies attached to the particle"] if filtered else []
    passed = f" {' and '.join(', '.join(out).rsplit(', ', 1)).capitalize()} are skipped." if out else ""
    d.explain(f"""
        This kernel runs one thread per particle-shape pair. Signed distances are negative inside. The
        contact order is nondeterministic.{passed}
    """)

    def agrees(v: Values, after: Values) -> None:
        expected, unsure = _touching(v, n, count, flags)
        total = int(after[names["count"]][0])
        kept = min(total, capacity)
        listed = list(
            zip(after[names["particle"]][:kept].tolist(), after[names["shape"]][:kept].tolist(), strict=True)
        )
        assert len(set(listed)) == kept, "a contact is listed twice"
        assert len(expected) - len(unsure) <= total <= len(expected) + len(unsure), "the count is wrong"
        assert all(pair in expected or pair in unsure for pair in listed), "a pair does not touch"
        for slot, pair in enumerate(listed):
            if pair in unsure or not expected.get(pair):
                continue
            normal, gap, point, local = expected[pair]
            if normal is not None:
                np.testing.assert_allclose(after[names["normal"]][slot], normal, atol=6e-3)
            value = after[names[held]][slot]
            if keep == "depth":
                np.testing.assert_allclose(value, v.particle_radius[pair[0]] - gap, atol=3e-3)
            elif normal is not None:
                np.testing.assert_allclose(value, local if keep == "local" else point, atol=6e-3)

    d.holds(agrees)


def _touching(
    v: Values, n: int, count: int, flags: str
) -> tuple[dict[tuple[int, int], Any], set[tuple[int, int]]]:
    """Of each pair that touches its normal, gap, point in the world and in the body; and pairs in doubt."""
    found: dict[tuple[int, int], Any] = {}
    unsure: set[tuple[int, int]] = set()
    for s in range(count):
        body, size = int(v["shapes.body"][s]), v["shapes.size"][s]
        own = v["shapes.local_pose"][s]
        pose = own if body < 0 else compose(v.body_q[body], own)
        local = turn(pose[3:], v.particle_q - pose[:3], back=True)
        kind = int(v["shapes.kind"][s])
        gap, normal = _distance(v, kind, size, local)
        for i in range(n):
            if "particle_flags" in v and not v.particle_flags[i] & 1:
                continue
            if flags == "both" and not v["shapes.flags"][s] & 2:
                continue
            if "particle_world" in v and v.particle_world[i] >= 0 <= v.shape_world[s] != v.particle_world[i]:
                continue
            if "filter_body" in v and body >= 0 and v.filter_body[i] == body:
                continue
            reach = v.margin + v.particle_radius[i]
            if abs(gap[i] - reach) < 1e-3:
                unsure.add((i, s))
            if gap[i] < reach:
                m = None if normal is None else normal[i]
                at = local[i] if m is None else local[i] - gap[i] * m
                turned = None if m is None else turn(pose[3:], m)
                found[i, s] = (turned, gap[i], turn(pose[3:], at) + pose[:3], turn(own[3:], at) + own[:3])
    return found, unsure


def _distance(v: Values, kind: int, size: Any, p: Any) -> tuple[Any, Any]:
    """Signed distances of local points, and normals where they are plain."""
    if kind == 1:
        q = np.abs(p) - size
        outside = np.maximum(q, 0.0)
        far = np.linalg.norm(outside, axis=1)
        inner = np.eye(3)[q.argmax(1)]
        n = np.where((far > 0.0)[:, None], outside / np.maximum(far, 1e-12)[:, None], inner) * np.sign(p)
        return np.where(far > 0.0, far, q.max(1)), n
    if kind == 3:
        far, inside = closest(v.mesh, p / size[0])
        return np.where(inside, -far.min(1), far.min(1)) * size[0], None
    core = np.zeros_like(p)
    if kind == 2:
        core[:, 2] = np.clip(p[:, 2], -size[1], size[1])
    length = np.linalg.norm(p - core, axis=1)
    return length - size[0], (p - core) / length[:, None]
