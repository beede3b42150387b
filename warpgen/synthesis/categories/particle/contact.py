"""Particles that touch: ground, walls, grains, friction; charges and ageing."""

from __future__ import annotations

from warpgen.synthesis.categories.particle import CATEGORY
from warpgen.synthesis.categories.particle.bonds import space_of
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32, vec
from warpgen.synthesis.language.values import Value


def _friction(k: Kit, normal_force: Value, vt: Value) -> Value:
    """Tangential force that opposes sliding, bounded by the normal force."""
    mu = k.param("mu|friction|friction_coeff|kf", k.real, 0.1, 0.9)
    slip = k.let("vs|slip|vt_norm", k.wp.length(vt))
    kind = k.rng.choice(("cone", "regularized", "tanh"))
    if kind == "cone":
        kt = k.param("kt|tangent_stiffness|friction_gain", k.real, 0.5, 10.0)
        ft = k.let("ft|friction_mag", k.wp.min(kt * slip, mu * normal_force))
        force = vt * (ft / (slip + 1e-2))
    elif kind == "tanh":
        force = vt * (mu * normal_force * k.wp.tanh(slip) / (slip + 1e-2))
    else:
        scale = k.param("eps_v|friction_epsilon|v_eps", k.real, 0.01, 0.1)
        force = vt * (mu * normal_force / (slip + scale))
    return force.within(-normal_force.magnitude, normal_force.magnitude)


@CATEGORY.motif(rank=1, weight=1.5)
def grain_contact(k: Kit) -> None:
    """Contact forces between grains."""
    rng, space = k.rng, space_of(k)
    n = rng.choice((6, 8, 10, 16))
    x = k.array("positions|x|particle_q|centers", space, lo=-1.0, hi=1.0)
    radius = k.param("radius|particle_radius|r", k.real, 0.2, 0.5)
    kn = k.param("k_contact|kn|stiffness", k.real, 10.0, 100.0)
    v = k.array("velocities|v|particle_qd", space, lo=-1.0, hi=1.0) if rng.chance(0.7) else None
    radii = k.array("radii|radius|particle_radius", k.real, lo=0.1, hi=0.5) if rng.chance(0.35) else None
    xi = k.let("xi|p|x_i", x[k.flat])
    f = k.var("f|force|total", k.zero(space), lo=-3000.0, hi=3000.0)
    touching = k.var("contacts|touching|count", 0, I32, lo=0, hi=n) if rng.chance(0.25) else None
    with k.for_("j|other|index", k.size("num_particles|num_grains", n) if rng.chance(0.25) else n) as j:
        with k.if_(j.ne(k.flat)):
            d = k.let("d|delta|xij", xi - x[j])
            dist = k.let("dist|l|gap", k.wp.length(d))
            reach = radii[k.flat] + radii[j] if radii is not None else 2.0 * radius
            overlap = k.let("overlap|penetration|depth", reach - dist)
            with k.if_(overlap > 0.0):
                normal = k.define("n|normal|dir", (d / (dist + 1e-2)).within(-1.0, 1.0))
                fn: Value = kn * overlap
                if rng.chance(0.3):
                    fn = kn * overlap * k.wp.sqrt(overlap + 1e-2)
                if v is None:
                    k.add(f, normal * fn)
                else:
                    vrel = k.let("vrel|dv|v_rel", v[k.flat] - v[j])
                    vn = k.let("vn|v_n|rate", k.wp.dot(vrel, normal))
                    kd = k.param("k_damp|kd|damping", k.real, 0.1, 2.0)
                    fn = k.let("fn|normal_force", fn - kd * vn)
                    k.add(f, normal * fn)
                    if rng.chance(0.6):
                        vt = k.let("vt|v_t|tangent", vrel - normal * vn)
                        k.change(f, "-", _friction(k, k.wp.abs(fn), vt))
                if touching is not None:
                    k.add(touching, 1)
    k.give("force|f|contact_force", f)
    if touching is not None:
        k.give("contact_count|contacts|coordination", touching)


@CATEGORY.motif(weight=1.5)
def ground_contact(k: Kit) -> None:
    """Contact with the ground plane."""
    rng, space = k.rng, k.vec3
    x = k.input("position|x|pos", space, -2.0, 2.0)
    v = k.input("velocity|v|vel", space, -2.0, 2.0)
    ke = k.param("ke|contact_ke|stiffness", k.real, 10.0, 100.0)
    kd = k.param("kd|contact_kd|contact_damping", k.real, 0.1, 2.0)
    margin = k.param("radius|margin|contact_margin", k.real, 0.05, 0.5)
    if rng.chance(0.5):
        up = k.make(space, 0.0, 1.0, 0.0) if rng.chance(0.6) else k.make(space, 0.0, 0.0, 1.0)
        n = k.let("n|normal|up", up.as_unit())
        height = k.wp.dot(n, x)
    else:
        plane = k.param("plane|ground", k.vec4, -1.0, 1.0)
        n = k.define("n|normal|plane_normal", k.wp.normalize(k.make(space, plane[0], plane[1], plane[2])))
        height = k.wp.dot(n, x) + plane[3]
    c = k.let("c|depth|distance", height - margin)
    force = k.var("f|force|contact", k.zero(space), lo=-2000.0, hi=2000.0)
    with k.if_(c < 0.0):
        vn = k.let("vn|v_n|normal_speed", k.wp.dot(n, v))
        vt = k.let("vt|v_t|slide", v - n * vn)
        damping = kd * vn if rng.chance(0.5) else kd * k.wp.min(vn, 0.0)
        fn = k.let("fn|f_n|normal_force", -c * ke - damping)
        k.set(force, n * fn if rng.chance(0.3) else n * fn - _friction(k, k.wp.abs(fn), vt))
    k.give("force|f|ground_force", force)


@CATEGORY.motif()
def obstacle(k: Kit) -> None:
    """Push a particle out of an obstacle."""
    rng, space = k.rng, space_of(k)
    x = k.input("position|x|pos", space, -2.0, 2.0)
    center = k.param("center|obstacle_center|c", space, -1.0, 1.0)
    radius = k.param("obstacle_radius|sphere_radius|r", k.real, 0.5, 1.5)
    shape = rng.choice(("sphere", "bowl", "capsule"))
    offset = k.define("offset|d|rel", x - center)
    if shape == "capsule":
        top = k.param("top|tip|end", space, -1.0, 1.0)
        axis = k.let("axis|seg|ab", top - center)
        along = k.wp.dot(offset, axis) / (k.wp.dot(axis, axis) + 1e-2)
        t = k.let("t|s|u", k.wp.clamp(along, 0.0, 1.0))
        offset = k.let("to_axis|d_axis|nearest", offset - axis * t)
    dist = k.let("dist|length|l", k.wp.length(offset))
    n = k.define("n|normal|dir", (offset / dist).within(-1.0, 1.0))
    depth = k.let("depth|phi|penetration", dist - radius if shape == "bowl" else radius - dist)
    corrected = k.var("p|x_new|corrected", x, lo=x.lo - 4.0, hi=x.hi + 4.0)
    with k.if_(depth > 0.0):
        k.change(corrected, "-" if shape == "bowl" else "+", n * depth)
    k.give("position|x_new|x1", corrected)
    if rng.chance(0.5):
        v = k.input("velocity|v|vel", space, -5.0, 5.0)
        vn = k.let("vn|v_n", k.wp.dot(v, n))
        e = k.param("restitution|bounce|cor", k.real, 0.0, 0.9)
        hit = k.all(depth > 0.0, vn > 0.0 if shape == "bowl" else vn < 0.0)
        k.give("velocity|v_new|v1", k.select("v_out|v_after", hit, v - n * ((1.0 + e) * vn), v))


@CATEGORY.motif(rank=1)
def contact_impulse(k: Kit) -> None:
    """Impulse between two colliding particles."""
    rng, space = k.rng, space_of(k)
    x = k.array("positions|x|pos", space, lo=-1.0, hi=1.0)
    v = k.array("velocities|v|vel", space, lo=-2.0, hi=2.0)
    w = k.array("inv_masses|inv_mass|w", k.real, lo=0.1, hi=2.0)
    pairs = k.index_array("contact_pairs|pairs|collisions", 64, 2)
    a, b = k.define("a|i|body_a", pairs[k.flat, 0]), k.define("b|j|body_b", pairs[k.flat, 1])
    n = k.define("n|normal|dir", k.wp.normalize(x[b] - x[a]))
    rel = k.let("rel|dv|v_rel", v[b] - v[a])
    vn = k.let("vn|approach|v_n", k.wp.dot(rel, n))
    e = k.param("restitution|bounce|cor", k.real, 0.0, 0.9)
    wsum = k.let("w_sum|wsum|inv_m", w[a] + w[b])
    impulse = k.let("j_n|impulse|jn", -(1.0 + e) * k.wp.min(vn, 0.0) / wsum)
    total: Value = n * impulse
    if rng.chance(0.5):
        mu = k.param("mu|friction", k.real, 0.1, 0.9)
        vt = k.let("vt|slide|v_t", rel - n * vn)
        slide = k.let("slide_speed|s|vt_len", k.wp.length(vt))
        stop = k.let("j_t|jt|friction_impulse", k.wp.min(slide / wsum, mu * impulse))
        total = total - vt * (stop / (slide + 1e-2))
    p = k.let("p|j_total|imp", total)
    out = k.output("delta_v|dv|impulses", space)
    k.discard(k.atomic("sub", out, a, p * w[a]))
    k.discard(k.atomic("add", out, b, p * w[b]))


@CATEGORY.motif()
def reflect_walls(k: Kit) -> None:
    """Keep a particle inside a box."""
    rng, space = k.rng, space_of(k)
    x = k.var("p|x|pos", k.input("position|x0|pos", space, -6.0, 6.0), lo=-6.0, hi=6.0)
    v = k.var("v|u|vel", k.input("velocity|v0|vel", space, -5.0, 5.0), lo=-5.0, hi=5.0)
    bound = k.param("bound|half_extent|box_size", k.real, 1.0, 4.0)
    bounce = k.param("restitution|bounce|cor", k.real, 0.1, 0.9)
    if rng.chance(0.35):
        axes = space.shape[0]
        with k.for_("d|axis|c", axes) as d:
            with k.if_(k.wp.abs(x[d]) > bound):
                k.set(x[d], k.wp.sign(x[d]) * bound)
                k.set(v[d], -bounce * v[d])
    else:
        for axis in rng.choice((("y",), ("x", "y"), tuple("xyz")[: space.shape[0]])):
            position, speed = getattr(x, axis), getattr(v, axis)
            n = "xyz".index(axis)
            with k.if_(position < -bound):
                k.set(x[n], -bound)
                k.set(v[n], -bounce * speed if rng.chance(0.6) else k.wp.abs(speed) * bounce)
            if rng.chance(0.7):
                with k.if_(position > bound):
                    k.set(x[n], bound)
                    k.set(v[n], -bounce * speed)
    k.give("position|x1|x_new", x)
    k.give("velocity|v1|v_new", v)


@CATEGORY.motif()
def magnetic_push(k: Kit) -> None:
    """Boris push of a charged particle."""
    rng = k.rng
    v = k.input("velocity|v|vel", k.vec3, -2.0, 2.0)
    e = k.input("electric|e_field|e", k.vec3, -1.0, 1.0)
    b = k.input("magnetic|b_field|b", k.vec3, -1.0, 1.0)
    qm = k.param("charge_mass|qm|q_over_m", k.real, 0.5, 2.0)
    dt = k.param("dt|time_step|h", k.real, 0.01, 0.1)
    if rng.chance(0.4):
        k.give("velocity|v_new|v1", v + (e + k.wp.cross(v, b)) * (qm * dt))
        return
    half = k.define("half|k_half|qmdt2", 0.5 * qm * dt)
    v_minus = k.let("v_minus|vm", v + e * half)
    t = k.define("t|tvec", b * half)
    s = k.let("s|svec", t * 2.0 / (1.0 + k.wp.dot(t, t)))
    v_prime = k.let("v_prime|vp", v_minus + k.wp.cross(v_minus, t))
    v_plus = k.let("v_plus|v_rot", v_minus + k.wp.cross(v_prime, s))
    k.give("velocity|v_new|v1", v_plus + e * half)


@CATEGORY.motif()
def life_cycle(k: Kit) -> None:
    """Age a particle and fade it out."""
    rng = k.rng
    dt = k.param("dt|time_step", k.real, 0.01, 0.1)
    lifetime = k.param("lifetime|max_age|ttl", k.real, 1.0, 3.0)
    age = k.define("new_age|age_next|t", k.load("age|ages|t0", k.real, 0.0, 3.0) + dt)
    dead = age >= lifetime
    fade = k.let("fade|alpha|opacity", k.wp.max(1.0 - age / lifetime, 0.0).within(0.0, 1.0))
    if rng.chance(0.5):
        size = k.param("size|point_size|start_size", k.real, 0.1, 1.0)
        k.give("scale|size|radius", size * (fade * fade if rng.chance(0.5) else k.wp.sqrt(fade)))
    if rng.chance(0.6):
        alive = k.output("alive|active|flags", I32, len(k.place))
        with k.if_(dead):
            k.store(alive, k.place, 0)
        with k.else_():
            k.store(alive, k.place, 1)
    else:
        color = k.input("color|rgb|tint", vec(3, k.real), 0.0, 1.0)
        k.give("color|rgb|tint", color * fade)
    k.give("age|new_age", k.select("age_out|next_age|age1", dead, 0.0, age))
