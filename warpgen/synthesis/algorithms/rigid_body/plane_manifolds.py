"""Manifolds of convex shapes that rest on a plane: up to four vertices that span the support."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rigid_body import DOMAIN
from warpgen.synthesis.library import quaternions
from warpgen.synthesis.writing.draft import Draft, Values

_DEEPEST = '''
@wp.func
def deepest_vertex(vertices: wp.array(dtype=wp.vec3), start: int, stop: int, direction: wp.vec3) -> int:
    """Return the index of the farthest vertex along `direction`."""
    best = start
    best_dot = wp.dot(vertices[start], direction)
    for i in range(start + 1, stop):
        s = wp.dot(vertices[i], direction)
        if s > best_dot:
            best_dot = s
            best = i
    return best
'''
_FARTHEST = '''
@wp.func
def farthest_vertex(
    vertices: wp.array(dtype=wp.vec3), start: int, stop: int, a: wp.vec3, normal: wp.vec3, offset: float
) -> int:
    """Return the index of the farthest vertex from `a` within the contact margin, or -1."""
    best = int(-1)
    best_dist = float(0.0)
    for i in range(start, stop):
        if wp.dot(normal, vertices[i]) < offset:
            s = wp.length_sq(vertices[i] - a)
            if s > best_dist:
                best_dist = s
                best = i
    return best
'''
_BESIDE = '''
@wp.func
def farthest_from_line(
    vertices: wp.array(dtype=wp.vec3), start: int, stop: int, a: wp.vec3, side: wp.vec3, normal: wp.vec3, offset: float
) -> int:
    """Return the index of the farthest vertex from `a` along +/-`side` within the contact margin, or -1."""
    best = int(-1)
    best_dist = float(1.0e-6)
    for i in range(start, stop):
        if wp.dot(normal, vertices[i]) < offset:
            s = wp.abs(wp.dot(vertices[i] - a, side))
            if s > best_dist:
                best_dist = s
                best = i
    return best
'''
_ASIDE = '''
@wp.func
def farthest_to_side(
    vertices: wp.array(dtype=wp.vec3), start: int, stop: int, a: wp.vec3, side: wp.vec3, normal: wp.vec3, offset: float
) -> int:
    """Return the index of the farthest vertex from `a` along `side` within the contact margin, or -1."""
    best = int(-1)
    best_dist = float(1.0e-6)
    for i in range(start, stop):
        if wp.dot(normal, vertices[i]) < offset:
            s = wp.dot(vertices[i] - a, side)
            if s > best_dist:
                best_dist = s
                best = i
    return best
'''


@DOMAIN.algorithm(
    source="Coumans 2005, Bullet (persistent manifolds); MuJoCo Warp, collision_primitive.py (plane and convex)",
    names={
        "slot": "entry|next_slot",
        "plane_convex_contacts": "collide_plane_convex|plane_hull_manifold|plane_mesh_contacts|plane_convex",
        "hull_vertices": "vertices|mesh_vert|convex_points",
        "hull_of": "geom_mesh|mesh_id|hull_id",
        "plane_normal": "normal|n|plane_n",
        "plane_point": "plane_pos|plane_origin",
        "contact_dist": "separation",
        "contact_point": "contact_pos",
        "margin": "contact_margin",
    },
    adjoint="no",
    weight=4,
)
def plane_convex_contacts(d: Draft) -> None:
    """Finds up to four contacts of convex hulls with a plane."""
    poses = d.option("poses", "transforms", "quaternions")
    plane = d.option("plane", "one", "per pair")
    contacts = d.option("contacts", 4, 3)
    scaled = d.flag("scale", 0.4)
    result = d.option("result", "world", "midpoint", "local")
    layout = d.option("layout", "fixed", "append")
    early = d.flag("awake", 0.5)
    store = d.option("store", "distances", "speculative")
    if result == "midpoint":
        store = "distances"  # half of the way to the plane as it is now
    d.says(
        f"Generates up to {'four' if contacts == 4 else 'three'} contacts between convex hulls and a plane."
    )
    count, hulls, per = d.pick(12, 16), 4, d.pick(12, 16, 20)
    capacity = contacts * count // (3 if early else 2)  # of the buffers, which may overflow
    d.input("hull_vertices", "vec3", hulls * per, -0.4, 0.4, about="Hull vertices [m]")
    d.input("hull_of", "int", count, 0, hulls, about="Hull index per body")
    d.param("vertex_count", "int", per, about="Number of vertices per hull")
    if poses == "transforms":
        d.input(
            "body_pose", "transform", count, -0.3, 0.3, kind="transform", about="Body poses in world space"
        )
    else:
        d.input("body_pos", "vec3", count, -0.3, 0.3, about="Body positions [m]")
        d.input("body_rot", "quat", count, kind="unit", about="Body orientations")
    if scaled:
        d.input("hull_scale", "float", count, 0.7, 1.3, about="Per-hull uniform scale")
    if plane == "one":
        d.param("plane_normal", "vec3", 0.0, 1.0, kind="unit", about="Plane normal")
        d.param("plane_point", "vec3", -0.1, 0.1, about="Point on the plane [m]")
    else:
        d.input("plane_normal", "vec3", count, kind="unit", about="Plane normals")
        d.input("plane_point", "vec3", count, -0.1, 0.1, about="Points on the planes [m]")
    d.param("margin", "float", 0.02, 0.1, about="Contact margin above the plane [m]")
    if store == "speculative":
        d.input("body_vel", "vec3", count, -1.0, 1.0, about="Body velocities [m/s]")
        d.param("dt", "float", 0.01, 0.02, about="Time step [s]")
    if early:
        d.mask("is_awake", "bool", count, about="False for sleeping bodies")
    rows: Any = (count, contacts) if layout == "fixed" else capacity
    if layout == "append":
        d.param("max_contacts", "int", capacity, about="Buffer capacity")
    d.output("contact_count", "int", count if layout == "fixed" else 1, about="Number of contacts")
    if layout == "append":
        d.output("contact_body", "int", capacity, about="Body index per contact")
    where = "in body space" if result == "local" else "in world space"
    d.output("contact_point", "vec3", rows, about=f"Contact points {where} [m]")
    what = "Predicted distances" if store == "speculative" else "Distances"
    d.output("contact_dist", "float", rows, about=f"{what} from the plane, negative when penetrating [m]")
    for text in (_DEEPEST, _FARTHEST, _ASIDE if contacts == 4 else _BESIDE):
        d.function(text)
    at = "" if plane == "one" else "[tid]"
    write = {
        "fixed": "contact_point[tid, used] = $p\ncontact_dist[tid, used] = dist\nused += 1",
        "append": "slot = wp.atomic_add(contact_count, 0, 1)\n"
        "# Buffer full; the counter tells the required size\nif slot < max_contacts:\n"
        "    contact_body[slot] = tid\n    contact_point[slot] = $p\n    contact_dist[slot] = dist",
    }[layout]
    scale = " * hull_scale[tid]" if scaled else ""
    place = {
        "world": "point",
        "midpoint": "point - 0.5 * dist * n",
        "local": "vertex",
    }[result]
    write = write.replace("$p", place)
    bend = " + dt * wp.dot(n, body_vel[tid])" if store == "speculative" else ""
    world = "" if result == "local" else "point = pos + wp.quat_rotate(rot, vertex)\n"
    if bend:
        world += "# Predicted distance at the end of the step, using linear velocity only\n"
    emit = f"vertex = hull_vertices[i]{scale}\n{world}dist = wp.dot(n_local, vertex) - height{bend}\n{write}"
    finder = "farthest_to_side" if contacts == 4 else "farthest_from_line"
    aside = [
        (
            "# Third point: farthest to one side of the line through the first two\n"
            if contacts == 4
            else "# Third point: farthest from the line through the first two, on either side\n"
        )
        + f"third = {finder}(hull_vertices, start, stop, a, side, n_local, limit)",
        "# Fourth point: farthest on the opposite side\n"
        f"fourth = {finder}(hull_vertices, start, stop, a, -side, n_local, limit)",
    ][: contacts - 2]
    names = ["first", "second", "third", "fourth"][:contacts]
    empty = "contact_count[tid] = 0\n" if layout == "fixed" else ""
    stand = "so their contacts persist" if layout == "fixed" else "and need no contact updates"
    quick = f"# Sleeping bodies do not move, {stand}\nif not is_awake[tid]:\n    return"
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $quick
        hull = hull_of[tid]
        start = hull * vertex_count
        stop = start + vertex_count
        $pose
        # Transform the plane into hull space
        n = plane_normal$at
        n_local = wp.quat_rotate_inv(rot, n)
        height = wp.dot(n, plane_point$at - pos)
        limit = $limit
        # First point: the deepest vertex
        first = deepest_vertex(hull_vertices, start, stop, -n_local)
        a = hull_vertices[first]
        if wp.dot(n_local, a) >= limit:
            $empty
            return
        # Second point: the farthest vertex from the first within the margin
        second = farthest_vertex(hull_vertices, start, stop, a, n_local, limit)
        $none
        if second >= 0:
            side = wp.cross(n_local, hull_vertices[second] - a)
            $aside
        # Write the valid contacts
        chosen = $vector($names)
        $used
        for k in range($contacts):
            i = chosen[k]
            if i >= 0:
                $emit
        $total
        """,
        pose="pos = wp.transform_get_translation(body_pose[tid])\nrot = wp.transform_get_rotation(body_pose[tid])"
        if poses == "transforms"
        else "pos = body_pos[tid]\nrot = body_rot[tid]",
        at=at,
        quick=quick if early else "",
        limit="(height + margin) / hull_scale[tid]" if scaled else "height + margin",
        empty=empty.rstrip(),
        none="\n".join(f"{name} = int(-1)" for name in names[2:]),
        aside="\n".join(aside),
        contacts=str(contacts),
        vector=f"wp.vec{contacts}i",
        names=", ".join(names),
        used="used = int(0)" if layout == "fixed" else "",
        emit=emit,
        total="contact_count[tid] = used" if layout == "fixed" else "",
    )
    if plane == "one":  # no copy of an argument
        d.text = re.sub(r"\bn\b", "plane_normal", d.text.replace("n = plane_normal\n", ""))
    extreme = (
        "the extreme vertices on both sides of the line"
        if contacts == 4
        else "the extreme vertex beside the line"
    )
    asleep = " Sleeping bodies are skipped." if early else ""
    d.explain(f"""
        The manifold is reduced to the deepest vertex, the vertex farthest from it, and {extreme} between
        them, because outermost contacts are enough to support a body on a plane.{asleep}
    """)

    def reference(v: Values) -> dict[str, Any]:
        lists: list[list[tuple[Any, float]]] = []
        for k in range(count):
            found: list[tuple[Any, float]] = []
            lists.append(found)
            pose = v.body_pose[k] if poses == "transforms" else np.append(v.body_pos[k], v.body_rot[k])
            turn = quaternions.matrix(pose[3:])
            size = v.hull_scale[k] if scaled else 1.0
            own = size * v.hull_vertices[v.hull_of[k] * per : (v.hull_of[k] + 1) * per]
            n = v.plane_normal if plane == "one" else v.plane_normal[k]
            q = v.plane_point if plane == "one" else v.plane_point[k]
            points = pose[:3] + own @ turn.T
            dist = (points - q) @ n
            if early and not v.is_awake[k]:
                continue
            near = dist < v.margin
            if not near.any():
                continue
            chosen = [int(dist.argmin())]
            a = points[chosen[0]]
            far = np.where(near, ((points - a) ** 2).sum(1), 0.0)
            if far.max() > 0.0:
                chosen.append(int(far.argmax()))
                side = (points - a) @ np.cross(n, points[chosen[1]] - a)
                for beside in (side, -side) if contacts == 4 else (np.abs(side),):
                    aside = np.where(near, beside, 0.0) / size**2
                    if aside.max() > 1e-6:
                        chosen.append(int(aside.argmax()))
            for i in chosen:
                gap = dist[i] + (v.dt * n @ v.body_vel[k] if store == "speculative" else 0.0)
                place_ = {"world": points[i], "local": own[i], "midpoint": points[i] - 0.5 * gap * n}[result]
                found.append((place_, gap))
        numbers = np.array([len(found) for found in lists])
        point, dist_ = np.zeros((count, contacts, 3)), np.zeros((count, contacts))
        for k, found in enumerate(lists):
            for i, (p, gap) in enumerate(found):
                point[k, i], dist_[k, i] = p, gap
        if layout == "fixed":
            return {"contact_count": numbers, "contact_point": point, "contact_dist": dist_}
        made = np.zeros(capacity, int), np.zeros((capacity, 3)), np.zeros(capacity)
        slot = 0
        for k, found in enumerate(lists):
            for p, gap in found:
                if slot < capacity:
                    made[0][slot], made[1][slot], made[2][slot] = k, p, gap
                slot += 1
        return {
            "contact_count": np.array([slot]),
            "contact_body": made[0],
            "contact_point": made[1],
            "contact_dist": made[2],
        }

    d.check(reference, 1e-3)
