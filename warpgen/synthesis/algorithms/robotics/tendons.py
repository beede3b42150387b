"""Tendons routed over sites and wrapped around spheres and cylinders."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.robotics import DOMAIN
from warpgen.synthesis.library import quaternions
from warpgen.synthesis.writing.draft import Draft, Values

_SPHERE = '''
@wp.func
def wrapped_length(start: wp.vec3, end: wp.vec3, center: wp.vec3, radius: float) -> float:
    """Return the shortest path length from start to end around a sphere.

    The path consists of two tangent segments and an arc in between. Segments that miss the
    sphere, or that start or end inside it, are straight.
    """
    a = start - center
    b = end - center
    dist_a = wp.length(a)
    dist_b = wp.length(b)
    straight = wp.length(end - start)
    if dist_a <= radius or dist_b <= radius:
        return straight
    # Closest point on the segment to the center
    t = -wp.dot(a, b - a) / wp.max(straight * straight, 1.0e-8)
    if t <= 0.0 or t >= 1.0 or wp.length(a + t * (b - a)) >= radius:
        return straight
    # Angle between both endpoints minus the angles spanned by the tangent segments
    full_angle = wp.atan2(wp.length(wp.cross(a, b)), wp.dot(a, b))
    leg_a = wp.sqrt(dist_a * dist_a - radius * radius)
    leg_b = wp.sqrt(dist_b * dist_b - radius * radius)
    arc = radius * (full_angle - wp.atan2(leg_a, radius) - wp.atan2(leg_b, radius))
    return leg_a + arc + leg_b
'''

_CYLINDER = '''
@wp.func
def wrapped_length(start: wp.vec3, end: wp.vec3, center: wp.vec3, axis: wp.vec3, radius: float) -> float:
    """Return the shortest path length from start to end around an infinite cylinder.

    The path wraps in the plane perpendicular to the axis; travel along the axis makes it a helix.
    """
    a = start - center
    b = end - center
    travel = wp.dot(b - a, axis)
    # Project onto the plane perpendicular to the axis
    flat_a = a - wp.dot(a, axis) * axis
    flat_b = b - wp.dot(b, axis) * axis
    dist_a = wp.length(flat_a)
    dist_b = wp.length(flat_b)
    straight = wp.length(end - start)
    if dist_a <= radius or dist_b <= radius:
        return straight
    flat_sq = wp.length_sq(flat_b - flat_a)
    t = -wp.dot(flat_a, flat_b - flat_a) / wp.max(flat_sq, 1.0e-8)
    if t <= 0.0 or t >= 1.0 or wp.length(flat_a + t * (flat_b - flat_a)) >= radius:
        return straight
    full_angle = wp.atan2(wp.length(wp.cross(flat_a, flat_b)), wp.dot(flat_a, flat_b))
    leg_a = wp.sqrt(dist_a * dist_a - radius * radius)
    leg_b = wp.sqrt(dist_b * dist_b - radius * radius)
    arc = radius * (full_angle - wp.atan2(leg_a, radius) - wp.atan2(leg_b, radius))
    planar = leg_a + arc + leg_b
    return wp.sqrt(planar * planar + travel * travel)
'''

_SITE = '''
@wp.func
def site_position(
    world: int,
    site: int,
    site_body: wp.array(dtype=int),
    site_local: wp.array(dtype=wp.vec3),
    body_q: wp.array2d(dtype=wp.transform),
) -> wp.vec3:
    """Return the world-space site position; sites with body -1 are fixed in the world."""
    body = site_body[site]
    if body < 0:
        return site_local[site]
    return wp.transform_point(body_q[world, body], site_local[site])
'''

_PATH = '''
@wp.func
def path_length(
    world: int,
    first: int,
    last: int,
    tendon_sites: wp.array(dtype=int),
    $wrap_head
    site_body: wp.array(dtype=int),
    site_local: wp.array(dtype=wp.vec3),
    body_q: wp.array2d(dtype=wp.transform),
) -> float:
    """Return the total segment length of a tendon.

    A site entry of -1 is a pulley: the current branch ends there and the next one begins.
    """
    length = float(0.0)
    for entry in range(first, last - 1):
        site_a = tendon_sites[entry]
        site_b = tendon_sites[entry + 1]
        # Skip pulley entries
        if site_a >= 0 and site_b >= 0:
            pos_a = site_position(world, site_a, site_body, site_local, body_q)
            pos_b = site_position(world, site_b, site_body, site_local, body_q)
            $segment
    return length
'''


@DOMAIN.algorithm(
    source="Todorov, Erez & Tassa 2012 (MuJoCo, spatial tendons); Garner & Pandy 2000 (wrapping); Zajac 1989",
    names={
        "route_tendons": "tendon_lengths|eval_tendon_lengths|tendon_kinematics",
        "tendon_start": "tendon_offsets",
        "tendon_sites": "tendon_path",
        "site_local": "site_offset",
        "body_q": "body_pose",
        "world": "env|env_id|world_id",
        "tendon": "tendon_id",
        "rest_length": "slack_length",
    },
    element="tendon",
    weight=4,
)
def route_tendons(d: Draft) -> None:
    """Computes the lengths or tensions of tendons routed over sites of moving bodies."""
    wrap = d.option("wrap", "none", "sphere", "cylinder", "moving sphere")
    wanted = d.option("wanted", "length", "spring", "muscle")
    batch = d.option("enabled", "all", "mask", "list")
    scaled = d.option("scale", "none", "per tendon", "per branch")
    limits = d.flag("limits", 0.4)
    worlds, bodies, sites, tendons = d.pick(6, 8), d.pick(4, 5), d.pick(10, 12), d.pick(10, 12)
    entries = 5 * tendons
    threads = tendons - 2 if batch == "list" else tendons
    d.input("body_q", "transform", (worlds, bodies), -1.0, 1.0, kind="transform", about="Body poses")
    d.input("site_body", "int", sites, -1, bodies, about="Body index per site, -1 for the world")
    d.input("site_local", "vec3", sites, -0.5, 0.5, about="Body-space site positions [m]")
    d.input(
        "tendon_start", "int", tendons + 1, 0, entries, kind="offsets", about="CSR offsets into the sites"
    )
    d.input("tendon_sites", "int", entries, -1, sites, about="Site indices of all tendons, -1 for a pulley")
    if batch == "mask":
        d.mask("tendon_enabled", "bool", tendons, about="Tendon active mask")
    elif batch == "list":
        d.input("tendon_ids", "int", threads, -1, tendons, about="Tendon indices to evaluate, padded with -1")
    if wrap != "none":
        d.input(
            "wrap_of_segment",
            "int",
            entries,
            -1,
            3,
            about="Wrapping object index per segment start site, -1 for none",
        )
        told = ", in body space" if wrap == "moving sphere" else ""
        d.input("wrap_center", "vec3", 3, -0.3, 0.3, about=f"Wrapping object centers{told} [m]")
        d.input("wrap_radius", "float", 3, 0.2, 0.5, about="Wrapping object radii [m]")
    if wrap == "cylinder":
        d.input("wrap_axis", "vec3", 3, kind="unit", about="Cylinder axes")
    elif wrap == "moving sphere":
        d.input("wrap_body", "int", 3, -1, bodies, about="Body index per wrapping sphere, -1 for the world")
    if scaled == "per tendon":
        d.input(
            "tendon_scale",
            "float",
            tendons,
            0.5,
            1.0,
            about="Length scale of each path, e.g. for a block and tackle",
        )
    elif scaled == "per branch":
        d.input(
            "segment_scale",
            "float",
            entries,
            0.5,
            1.0,
            about="Segment weight, i.e. one over the number of pulley branches",
        )
    rest = "optimal_length" if wanted == "muscle" else "rest_length"
    if wanted != "length":
        told = (
            "Length of maximum active force, above which the passive force acts [m]"
            if wanted == "muscle"
            else "Slack length [m]"
        )
        d.input(rest, "float", tendons, 1.5, 4.0, about=told)
        d.input("stiffness", "float", tendons, 5.0, 20.0, about="Stiffness [N/m]")
    if wanted == "muscle":
        d.module("BELL_WIDTH = wp.constant(0.45)  # of the active force-length curve (Thelen 2003)")
        d.input("activation", "float", (worlds, tendons), 0.0, 1.0, about="Muscle activation, 0 to 1")
        d.input("max_force", "float", tendons, 5.0, 15.0, about="Peak isometric force [N]")
    if limits:
        d.input("length_limit", "float", tendons, 4.0, 7.0, about="Maximum length [m]")
        d.param("limit_stiffness", "float", 50.0, 100.0, about="Stiffness beyond the length limit [N/m]")
    output = "tendon_length" if wanted == "length" and not limits else "tendon_force"
    if output == "tendon_force":
        d.calls("tendon_tensions|tendon_forces|eval_tendon_forces|actuate_tendons")
    d.output(
        output,
        "float",
        (worlds, tendons),
        about="Lengths [m]" if output == "tendon_length" else "Tensions [N]",
    )
    d.function(_SITE)
    parts: dict[str, tuple[str, str, str]] = {
        "none": ("", "", "part = wp.length(pos_b - pos_a)"),
        "sphere": (
            "wrap_center: wp.array(dtype=wp.vec3),\nwrap_radius: wp.array(dtype=float),",
            "wrap_center, wrap_radius,",
            "part = wrapped_length(pos_a, pos_b, wrap_center[wrap], wrap_radius[wrap])",
        ),
        "cylinder": (
            "wrap_center: wp.array(dtype=wp.vec3),\nwrap_axis: wp.array(dtype=wp.vec3),\n"
            "wrap_radius: wp.array(dtype=float),",
            "wrap_center, wrap_axis, wrap_radius,",
            "part = wrapped_length(pos_a, pos_b, wrap_center[wrap], wrap_axis[wrap], wrap_radius[wrap])",
        ),
        "moving sphere": (
            "wrap_body: wp.array(dtype=int),\nwrap_center: wp.array(dtype=wp.vec3),\n"
            "wrap_radius: wp.array(dtype=float),",
            "wrap_body, wrap_center, wrap_radius,",
            "center = site_position(world, wrap, wrap_body, wrap_center, body_q)\n"
            "part = wrapped_length(pos_a, pos_b, center, wrap_radius[wrap])",
        ),
    }
    heads, arguments, measure = parts[wrap]
    scale = "segment_scale[entry] * " if scaled == "per branch" else ""
    if wrap == "none":
        segment = f"length += {scale}wp.length(pos_b - pos_a)"
    else:
        d.function(_CYLINDER if wrap == "cylinder" else _SPHERE)
        heads = "wrap_of_segment: wp.array(dtype=int),\n" + heads
        arguments = "wrap_of_segment, " + arguments
        lines = measure.replace("part = ", f"length += {scale}").split("\n")
        segment = "\n".join(
            [
                "wrap = wrap_of_segment[entry]",
                "if wrap >= 0:",
                *(f"    {line}" for line in lines),
                "else:",
                f"    length += {scale}wp.length(pos_b - pos_a)",
            ]
        )
    if scale:
        heads += "\nsegment_scale: wp.array(dtype=float),"
        arguments += " segment_scale,"
    d.function(_PATH, wrap_head=heads, segment=segment)
    tension = {
        "length": "tension = float(0.0)",
        "spring": """
        # Clamp to zero, since tendons cannot push
        tension = stiffness[tendon] * wp.max(length - rest_length[tendon], 0.0)
        """,
        "muscle": """
        # Bell-shaped active force-length curve plus passive spring, both independent of speed
        stretch = length / optimal_length[tendon] - 1.0
        active = activation[world, tendon] * max_force[tendon] * wp.exp(-stretch * stretch / BELL_WIDTH)
        passive = stiffness[tendon] * wp.max(length - optimal_length[tendon], 0.0)
        tension = active + passive
        """,
    }
    stop = """
    tension += limit_stiffness * wp.max(length - length_limit[tendon], 0.0)
    """
    if wanted == "length":
        tension["length"] = "tension = limit_stiffness * wp.max(length - length_limit[tendon], 0.0)"
        stop = ""
    heads_ = {
        "all": "world, tendon = wp.tid()",
        "mask": "world, tendon = wp.tid()\nif not tendon_enabled[tendon]:\n    $none\n    return",
        "list": "world, slot = wp.tid()\n# Skip padding\ntendon = tendon_ids[slot]\nif tendon < 0:\n    return",
    }
    d.launch(worlds, threads)
    d.code(
        """
        $head
        first = tendon_start[tendon]
        last = tendon_start[tendon + 1]
        # A path needs at least two sites
        if last - first < 2:
            $none
            return
        length = path_length(
            world, first, last, tendon_sites, $arguments site_body, site_local, body_q
        )
        $scaled
        $tension
        $stop
        $store
        """,
        head=heads_[batch],
        none=f"{output}[world, tendon] = 0.0",
        arguments=arguments,
        scaled="length = tendon_scale[tendon] * length" if scaled == "per tendon" else "",
        tension=tension[wanted] if output == "tendon_force" else "",
        stop=stop if limits else "",
        store="tendon_force[world, tendon] = tension"
        if output == "tendon_force"
        else "tendon_length[world, tendon] = length",
    )
    d.text = d.text.replace("tendon_sites,  ", "tendon_sites, ").replace(",  site", ", site")
    what = {"length": "tendons", "spring": "elastic tendons", "muscle": "activated muscles"}[wanted]
    stops = ""
    if limits:
        stops = ", slack up to" if wanted == "length" else ", with stiff stops at"
        stops += " their maximum lengths"
    d.says(
        f"Computes {'lengths' if output == 'tendon_length' else 'tensions'} of {what} routed over sites on moving bodies{stops}."
    )
    runs = f"{'muscle' if wanted == 'muscle' else 'tendon'} runs"
    told = {
        "per tendon": " The path length is multiplied by a scale.",
        "per branch": " Segment lengths are scaled individually, as for pulleys.",
    }.get(scaled, "")
    if wrap == "none":
        d.explain(f"A {runs} straight from site to site.{told}")
    else:
        d.explain(f"""
            A {runs} straight from site to site.{told} Each segment can wrap around one object;
            the path takes the shortest way around it, without a preferred side.
        """)

    def segment_of(v: Values, poses: Any, a: Any, b: Any, which: int) -> Any:
        straight = np.linalg.norm(b - a)
        if which < 0:
            return straight
        c, r = v.wrap_center[which], v.wrap_radius[which]
        if wrap == "moving sphere" and v.wrap_body[which] >= 0:
            pose = poses[v.wrap_body[which]]
            c = pose[:3] + quaternions.rotated(pose[3:], c)
        keep = np.eye(3)
        if wrap == "cylinder":
            keep = keep - np.outer(v.wrap_axis[which], v.wrap_axis[which])
        p, q = keep @ (a - c), keep @ (b - c)
        m, n = np.linalg.norm(p), np.linalg.norm(q)
        t = np.clip(-p @ (q - p) / max((q - p) @ (q - p), 1e-8), 0.0, 1.0)
        if min(m, n) <= r or np.linalg.norm(p + t * (q - p)) >= r:
            return straight
        angle = np.arctan2(np.linalg.norm(np.cross(p, q)), p @ q) - np.arccos(r / m) - np.arccos(r / n)
        planar = np.sqrt(m**2 - r**2) + np.sqrt(n**2 - r**2) + r * angle
        return np.hypot(planar, np.linalg.norm(b - a - keep @ (b - a)))

    def reference(v: Values) -> dict[str, Any]:
        made = np.zeros((worlds, tendons))
        chosen = [int(t) for t in v.tendon_ids if t >= 0] if batch == "list" else range(tendons)
        for w in range(worlds):
            poses = v.body_q[w]
            places = [
                v.site_local[s]
                if b < 0
                else poses[b, :3] + quaternions.rotated(poses[b, 3:], v.site_local[s])
                for s, b in enumerate(v.site_body)
            ]
            for t in chosen:
                first, last = v.tendon_start[t], v.tendon_start[t + 1]
                if last - first < 2 or (batch == "mask" and not v.tendon_enabled[t]):
                    continue
                length = 0.0
                for e in range(first, last - 1):
                    a, b = v.tendon_sites[e], v.tendon_sites[e + 1]
                    if a < 0 or b < 0:
                        continue
                    which = int(v.wrap_of_segment[e]) if wrap != "none" else -1
                    share = v.segment_scale[e] if scaled == "per branch" else 1.0
                    length += share * segment_of(v, poses, places[a], places[b], which)
                if scaled == "per tendon":
                    length *= v.tendon_scale[t]
                over = v.limit_stiffness * max(length - v.length_limit[t], 0.0) if limits else 0.0
                if wanted == "length":
                    made[w, t] = over if limits else length
                    continue
                made[w, t] = over + v.stiffness[t] * max(length - v[rest][t], 0.0)
                if wanted == "muscle":
                    bell = np.exp(-((length / v.optimal_length[t] - 1.0) ** 2) / 0.45)
                    made[w, t] += v.activation[w, t] * v.max_force[t] * bell
        return {output: made}

    d.check(reference, 1e-3)
