"""Queries against triangle meshes: closest points, rays, overlaps, values on faces and vertices."""

from __future__ import annotations

from warpgen.synthesis.blocks.queries import POINT_HIT, RAY_HIT, Mesh, hit, mesh, part, query
from warpgen.synthesis.categories.geometry_query import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32
from warpgen.synthesis.language.values import Value, call

POINTS = "points|p|positions|query_points|particle_x|x"
_FAR = (10.0, 100.0, 1000.0)


def closest(k: Kit, m: Mesh, p: Value, reach: Value | None = None, signed: bool = True) -> Value:
    """Any of the closest-point queries; without `signed`, those that know no inside are included."""
    reach = reach if reach is not None else k.param("max_dist|max_distance|query_range", k.real, 8.0, 100.0)
    kinds = {"": 0.4, "_sign_normal": 0.25, "_sign_winding_number": 0.2, "_sign_parity": 0.15}
    if not signed:
        kinds = {"_no_sign": 0.7, "": 0.3}
    kind = k.rng.weighted(kinds)
    extra: list[Value] = []
    if kind == "_sign_normal" and k.rng.chance(0.4):
        extra = [k.lit(k.rng.choice((1e-3, 1e-4, 1e-2)))]
    elif kind == "_sign_winding_number" and k.rng.chance(0.5):
        extra = [k.lit(2.0), k.lit(0.5)][: k.rng.integer(1, 2)]
    elif kind == "_sign_parity" and k.rng.chance(0.5):
        extra = [k.lit(k.rng.choice((1, 3, 5))), k.lit(0.1)][: k.rng.integer(1, 2)]
    return hit(k, "query|q|res|closest", f"mesh_query_point{kind}", POINT_HIT, m.id, p, reach, *extra)


def _surface(k: Kit, m: Mesh, found: Value, name: str = "mesh_eval_position") -> Value:
    args: list[Value | str] = [m.id, found.face, found.u, found.v]
    return call(f"wp.{name}", args, k.vec3, -1.0, 1.0, k.author)


def _ray(k: Kit) -> tuple[Value, Value]:
    """Origin and unit direction of a ray that has a fair chance to meet the unit sphere."""
    o = k.input("ray_origin|origin|start|ray_o|ro", k.vec3, -1.5, 1.5)
    style = k.rng.choice(("given", "given", "target", "toward"))
    if style == "given":
        return o, k.input("ray_dir|direction|rd|ray_d|dir", k.vec3, unit=True)
    if style == "target":
        target = k.param("target|look_at|light_pos|focus", k.vec3, -0.5, 0.5)
        return o, k.let("ray_dir|dir|d", k.wp.normalize(target - o))
    return o, k.let("ray_dir|dir|d", k.wp.normalize(k.load("targets|end|ends", k.vec3, -0.7, 0.7) - o))


@CATEGORY.motif(f32=True, weight=1.4)
def signed_distance(k: Kit) -> None:
    """Signed distance to a mesh."""
    m = mesh(k)
    p = k.input(POINTS, k.vec3, -1.6, 1.6)
    found = closest(k, m, p)
    d = k.var("sdf|dist|signed_dist|d", k.number(1.0, 10.0), k.real, lo=-4.0, hi=10.0)
    with k.if_(found.result):
        cp = k.let("closest|cp|surface_p|nearest", _surface(k, m, found))
        distance = k.wp.length(p - cp).within(0, 4)
        sign = part(found, "sign", -1, 1)
        k.set(d, distance * sign if k.rng.chance(0.5) else sign * distance)
    if k.rng.chance(0.3):
        d = k.let("phi|sdf_offset|shell", d - k.param("thickness|offset|radius", k.real, 0.01, 0.2))
    k.give("sdf|dist|signed_dist|phi", d)


@CATEGORY.motif(f32=True, weight=1.2)
def project_to_surface(k: Kit) -> None:
    """Move a point onto the surface of a mesh."""
    m = mesh(k)
    p = k.input(POINTS, k.vec3, -1.6, 1.6)
    found = closest(k, m, p, signed=False)
    if k.rng.chance(0.5):
        x = k.var("projected|x_proj|result", p, lo=-1.6, hi=1.6)
        with k.if_(found.result):
            cp = k.let("cp|closest|q_surf", _surface(k, m, found))
            k.set(
                x,
                cp
                if k.rng.chance(0.4)
                else k.wp.lerp(p, cp, k.param("alpha|blend|stiffness", k.real, 0.1, 1.0)),
            )
        k.give("projected|projected_points|x_proj", x)
    else:
        cp = k.let("closest|cp|closest_point", _surface(k, m, found))
        k.give("offset|delta|displacement", cp - p)
        k.give(
            "closest_face|face|face_index",
            k.define("face|face_index|tri", part(found, "face", 0, m.faces - 1)),
        )


@CATEGORY.motif(f32=True, weight=1.4)
def ray_cast(k: Kit) -> None:
    """Cast a ray against a mesh."""
    grouped = k.rng.chance(0.2)
    m = mesh(k, grouped=grouped)
    o, d = _ray(k)
    far = k.rng.choice(_FAR)
    reach = k.lit(far) if k.rng.chance(0.4) else k.param("max_t|t_max|max_range", k.real, 5.0, far)
    args: list[Value | str] = [m.id, o, d, reach]
    if grouped:
        args.append(
            k.let("root|group_root", query(k, "mesh_get_group_root", m.id, k.lit(k.rng.integer(0, 3))))
        )
    found = hit(k, "query|hit|q|ray_hit", "mesh_query_ray", RAY_HIT, *args)
    miss = k.rng.choice((0.0, -1.0, 10.0))
    t = k.var("t|hit_t|depth|dist", miss, k.real, lo=min(miss, 0.0), hi=10.0)
    n = k.var("n|normal|hit_normal", 0.0, k.vec3, lo=-1.0, hi=1.0)
    with k.if_(found.result):
        k.set(t, part(found, "t", 0, 10))
        k.set(n, k.wp.normalize(found.normal) if k.rng.chance(0.2) else part(found, "normal", -1, 1))
    k.give("depth|t_hit|range|dist", t)
    if k.rng.chance(0.55):
        k.give("hit_normal|normal|n", n)
    if k.rng.chance(0.5):
        k.give("hit_point|hit_pos|intersection", o + d * t)


@CATEGORY.motif(f32=True)
def lambert_shading(k: Kit) -> None:
    """Shade the nearest hit with a directional light."""
    m = mesh(k)
    o, d = _ray(k)
    light = k.param("light_dir|light|sun_dir", k.vec3, -1.0, 1.0)
    found = hit(k, "query|hit|q", "mesh_query_ray", RAY_HIT, m.id, o, d, k.lit(k.rng.choice(_FAR)))
    color = k.var(
        "color|c|shade|rgb", k.make(k.vec3, *[k.number(0.0, 1.0) for _ in range(3)]), lo=0.0, hi=1.5
    )
    with k.if_(found.result):
        cosine = k.wp.dot(part(found, "normal", -1, 1), k.wp.normalize(light)).within(-1, 1)
        style = k.rng.choice(("clamp", "half", "abs"))
        lit = (
            k.wp.max(cosine, 0.0)
            if style == "clamp"
            else cosine * 0.5 + 0.5
            if style == "half"
            else k.wp.abs(cosine)
        )
        diffuse = k.let("diffuse|ndotl|intensity", lit)
        if k.rng.chance(0.5):
            albedo = k.param("albedo|base_color|tint", k.vec3, 0.1, 1.0)
            k.set(color, albedo * diffuse)
        else:
            ambient = k.number(0.05, 0.3)
            k.set(color, k.make(k.vec3, k.let("value|gray|l", diffuse * (1.0 - ambient) + ambient)))
    k.give("color|pixel|shade", color)


@CATEGORY.motif(f32=True)
def ambient_occlusion(k: Kit) -> None:
    """Fraction of the hemisphere that is blocked."""
    m = mesh(k)
    p = k.input(POINTS, k.vec3, -1.4, 1.4)
    n = k.input("normals|normal|n", k.vec3, unit=True)
    samples = k.rng.choice((4, 8, 12, 16))
    state = k.define("state|rng|rng_state", k.wp.rand_init(k.param("seed", I32, 1, 1000), k.flat))
    blocked = k.var("hits|blocked|occluded", 0.0, k.real, lo=0.0, hi=samples)
    start = k.let("start|ray_start|origin", p + n * k.number(1e-3, 0.05))
    turns = k.size("num_samples|samples|num_rays", samples) if k.rng.chance(0.5) else samples
    with k.for_("s|i|r", turns):
        d = k.var("dir|direction|w", k.wp.sample_unit_sphere_surface(state), lo=-1.0, hi=1.0)
        if k.rng.chance(0.6):
            with k.if_(k.wp.dot(d, n) < 0.0):
                k.set(d, -d)
        reach = k.param("max_dist|radius|ao_radius", k.real, 0.5, 4.0)
        with k.if_(query(k, "mesh_query_ray_anyhit", m.id, start, d, reach)):
            k.add(blocked, 1.0)
    ao = k.let("ao|occlusion|visibility", blocked / float(samples))
    k.give("ao|occlusion|visibility", ao if k.rng.chance(0.5) else 1.0 - ao)


@CATEGORY.motif(f32=True)
def inside_by_parity(k: Kit) -> None:
    """Inside test by counting crossings."""
    m = mesh(k)
    p = k.input(POINTS, k.vec3, -1.2, 1.2)
    axis = k.rng.integer(0, 2)
    if k.rng.chance(0.5):
        d = k.make(k.vec3, *[1.0 if a == axis else 0.0 for a in range(3)])
    else:
        d = k.param("probe_dir|ray_dir|direction", k.vec3, 0.1, 1.0)
    crossings = call("wp.mesh_query_ray_count_intersections", [m.id, p, d], I32, 0, 8, k.author)
    n = k.define("count|num_hits|crossings|n_hits", crossings)
    odd = (n % 2).eq(1) if k.rng.chance(0.6) else (n & 1).ne(0)
    k.give(
        "inside|is_inside|occupancy",
        k.select("inside|occupied|value", odd, 1.0 if k.rng.chance(0.6) else -1.0, k.lit(0.0)),
    )


@CATEGORY.motif(f32=True)
def furthest_point(k: Kit) -> None:
    """Distance to the far side of a mesh."""
    m = mesh(k)
    p = k.input(POINTS, k.vec3, -1.5, 1.5)
    found = hit(k, "query|far|q", "mesh_query_furthest_point_no_sign", POINT_HIT, m.id, p, k.lit(0.0))
    far = k.var("far_dist|max_extent|radius", 0.0, k.real, lo=0.0, hi=5.0)
    with k.if_(found.result):
        x = k.let("far_point|x_far", _surface(k, m, found))
        k.set(far, k.wp.length(x - p).within(0, 5))
    if k.rng.chance(0.4):
        near = hit(k, "near|closest_query", "mesh_query_point_no_sign", POINT_HIT, m.id, p, k.lit(100.0))
        with k.if_(near.result):
            k.change(far, "-", k.wp.length(_surface(k, m, near) - p).within(0, 4))
    k.give("far_dist|extent|max_dist", far.within(-4, 5))


@CATEGORY.motif(f32=True, weight=1.3)
def mesh_contact(k: Kit) -> None:
    """Push a particle out of a mesh."""
    m = mesh(k)
    x = k.input("particle_q|x|positions|pos", k.vec3, -1.3, 1.3)
    v = k.input("particle_qd|v|velocities|vel", k.vec3, -2.0, 2.0)
    margin = k.param("margin|contact_margin|particle_radius|radius", k.real, 0.02, 0.3)
    found = closest(k, m, x)
    f = k.var("f|force|contact_force|f_total", 0.0, k.vec3, lo=-1e3, hi=1e3)
    with k.if_(found.result):
        cp = k.let("cp|closest|p", _surface(k, m, found))
        delta = k.let("delta|d|to_point", x - cp)
        dist = k.let("dist|c|distance", k.wp.length(delta).within(0, 4) * part(found, "sign", -1, 1))
        with k.if_(dist < margin):
            n = k.let("n|normal", k.wp.normalize(delta) * part(found, "sign", -1, 1)).as_unit()
            ke = k.param("ke|soft_contact_ke|stiffness", k.real, 10.0, 200.0)
            push = n * ((margin - dist) * ke)
            if k.rng.chance(0.6):
                surface = _surface(k, m, found, "mesh_eval_velocity")
                rel = k.let("v_rel|rel_vel|dv", v - surface if k.rng.chance(0.6) else v)
                vn = k.let("vn|normal_speed", k.wp.dot(n, rel).within(-8, 8))
                push = push - n * (k.wp.min(vn, 0.0) * k.param("kd|contact_kd|damping", k.real, 0.1, 5.0))
                if k.rng.chance(0.4):
                    vt = k.let("vt|v_tangent", rel - n * vn)
                    push = push - vt * k.param("kf|friction|mu", k.real, 0.1, 1.0)
            k.set(f, push) if k.rng.chance(0.6) else k.add(f, push)
    k.give("force|f|contact_force", f)


@CATEGORY.motif(f32=True)
def resolve_penetration(k: Kit) -> None:
    """Project a particle back to the surface and reflect its velocity."""
    m = mesh(k)
    x = k.var("x_new|q|pos", k.input("x|positions|particle_q", k.vec3, -1.3, 1.3), lo=-2.0, hi=2.0)
    v = k.var("v_new|qd|vel", k.input("v|velocities|particle_qd", k.vec3, -2.0, 2.0), lo=-8.0, hi=8.0)
    found = closest(k, m, x, k.lit(k.rng.choice((5.0, 10.0))))
    with k.if_(k.all(found.result, part(found, "sign", -1, 1) < 0.0)):
        p = k.let("p|surface|cp", _surface(k, m, found))
        n = k.let(
            "n|face_normal",
            call("wp.mesh_eval_face_normal", [m.id, found.face], k.vec3, -1, 1, k.author, unit=True),
        )
        k.set(x, p + n * k.number(0.001, 0.05))
        bounce = k.param("restitution|bounce|e", k.real, 0.0, 0.9) + 1.0
        k.set(v, v - n * (k.wp.dot(v, n).within(-6, 0) * bounce))
    k.give("position|x_out|q_new", x)
    k.give("velocity|v_out|qd_new", v)


@CATEGORY.motif(f32=True)
def sphere_trace(k: Kit) -> None:
    """March along a ray by the distance to a mesh."""
    m = mesh(k)
    o, d = _ray(k)
    steps = k.rng.choice((8, 12, 16, 24))
    t = k.var("t|depth|travel", 0.0, k.real, lo=0.0, hi=100.0)
    eps = k.param("eps|tolerance|surface_eps", k.real, 0.001, 0.01)
    with k.for_("step|i|s", k.size("max_steps|num_steps", steps) if k.rng.chance(0.6) else steps):
        p = k.define("p|pos|x", o + d * t.within(0, 10))
        found = hit(k, "query|q", "mesh_query_point_no_sign", POINT_HIT, m.id, p, k.lit(100.0))
        dist = k.define("dist|h|r", k.wp.length(p - _surface(k, m, found)).within(0, 10))
        if k.rng.chance(0.7):
            k.break_if(dist < eps)
        k.add(t, dist * k.number(0.5, 0.9) if k.rng.chance(0.4) else dist)
    k.give("depth|t_hit|distance", k.wp.min(t, k.lit(k.number(5.0, 10.0))))


@CATEGORY.motif(f32=True)
def bounce_path(k: Kit) -> None:
    """Follow a ray through mirror reflections."""
    m = mesh(k)
    o, d = _ray(k)
    x = k.var("p|pos|ray_pos", o, lo=-30.0, hi=30.0)
    w = k.var("w|dir_in|ray_vec", d, lo=-4.0, hi=4.0)
    energy = k.var("throughput|weight|energy", 1.0, k.real, lo=0.0, hi=1.0)
    path = k.var("length|path|travelled", 0.0, k.real, lo=0.0, hi=40.0)
    loss = k.param("reflectance|rho|albedo", k.real, 0.3, 0.95)
    with k.for_("bounce|b|depth", k.rng.choice((2, 3, 4))):
        found = hit(
            k, "hit|query|q", "mesh_query_ray", RAY_HIT, m.id, x, w, k.lit(k.rng.choice((10.0, 100.0)))
        )
        with k.if_(found.result):
            n = k.let("n|normal", part(found, "normal", -1, 1))
            k.add(path, part(found, "t", 0, 10))
            k.set(x, x.within(-3, 3) + w.within(-1, 1) * part(found, "t", 0, 5) + n * k.number(0.001, 0.01))
            k.set(w, w.within(-1, 1) - n * (k.wp.dot(w, n).within(-1, 1) * 2.0))
            k.change(energy, "*", loss)
    k.give("throughput|energy|radiance", energy)
    k.give("path_length|travelled|length", path)


@CATEGORY.motif(f32=True)
def line_of_sight(k: Kit) -> None:
    """Whether two points see each other past a mesh."""
    grouped = k.rng.chance(0.5)
    m = mesh(k, grouped=grouped)
    a = k.input("a|start|eye|p0", k.vec3, -2.0, 2.0)
    b = (
        k.param("b|light_pos|sensor|target", k.vec3, -2.0, 2.0)
        if k.rng.chance(0.5)
        else k.load("b|end|p1", k.vec3, -2.0, 2.0)
    )
    segment = k.define("seg|d|to_light|ab", b - a)
    length = k.let("dist|len|range", k.wp.length(segment).within(0, 7))
    if not grouped:
        blocked = query(k, "mesh_query_ray_anyhit", m.id, a, k.wp.normalize(segment), length)
    else:
        root = k.let(
            "root|group", query(k, "mesh_get_group_root", m.id, k.param("group|group_id|env", I32, 0, 3))
        )
        blocked = query(k, "mesh_query_ray_anyhit", m.id, a, segment, "1.0", root)
    visible = k.var("visible|visibility|lit", 1.0, k.real, lo=0.0, hi=1.0)
    with k.if_(blocked):
        k.set(visible, k.number(0.0, 0.25) if k.rng.chance(0.3) else 0.0)
    k.give("irradiance|visibility|shadow", visible / (length * length + k.number(0.1, 1.0)))
