"""Distance fields and ray marching: primitives, combinations, tracing, normals, whole renderers."""

from __future__ import annotations

from collections.abc import Callable

from warpgen.synthesis.blocks.functions import Function, function
from warpgen.synthesis.categories.raymarch import CATEGORY
from warpgen.synthesis.categories.raymarch.light import aimed_ray
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32
from warpgen.synthesis.language.values import Value

Shape = Callable[[Kit, Value], Value]


def _xyz(k: Kit, p: Value) -> tuple[Value, Value, Value]:
    if k.rng.chance(0.5) and p.is_name:
        return p.x, p.y, p.z
    return p[0], p[1], p[2]


def _zero3(k: Kit) -> Value:
    return k.make(k.vec3, 0.0, 0.0, 0.0) if k.rng.chance(0.4) else k.zero(k.vec3)


def sphere(k: Kit, p: Value) -> Value:
    return k.wp.length(p) - k.param("radius|r|sphere_radius", k.real, 0.5, 1.0)


def box(k: Kit, p: Value) -> Value:
    b = k.param("half|extents|box_size|b", k.vec3, 0.3, 0.8)
    if k.rng.chance(0.6):
        absolute = k.make(k.vec3, *(k.wp.abs(c) for c in _xyz(k, p)))
        q = k.define("q|d", absolute - b)
        outside = k.wp.length(k.wp.max(q, _zero3(k)))
        inside = k.wp.min(k.wp.max(q[0], k.wp.max(q[1], q[2])), 0.0)
    else:
        parts = zip(("dx", "dy", "dz"), _xyz(k, p), _xyz(k, b), strict=True)
        d = [k.define(n, k.wp.abs(c) - e) for n, c, e in parts]
        outside = k.wp.length(k.make(k.vec3, *(k.wp.max(c, 0.0) for c in d)))
        inside = k.wp.min(k.wp.max(d[0], k.wp.max(d[1], d[2])), 0.0)
    return outside + inside


def round_box(k: Kit, p: Value) -> Value:
    return box(k, p) - k.param("rounding|corner|r_edge", k.real, 0.05, 0.2)


def torus(k: Kit, p: Value) -> Value:
    x, y, z = _xyz(k, p)
    major = k.param("major|r_major|ring_radius", k.real, 0.5, 1.0)
    ring = k.define("ring|qx|l", k.wp.length(k.make(k.vec2, x, z)) - major)
    return k.wp.length(k.make(k.vec2, ring, y)) - k.param("minor|r_minor|tube_radius", k.real, 0.1, 0.3)


def capsule(k: Kit, p: Value) -> Value:
    a, b = k.param("a|tip_a|start", k.vec3, -1.0, 0.0), k.param("b|tip_b|end", k.vec3, 0.2, 1.0)
    pa, ba = k.define("pa|ap", p - a), k.define("ba|ab", b - a)
    h = k.define("h|t", k.wp.clamp(k.wp.dot(pa, ba) / (k.wp.dot(ba, ba) + 1e-2), 0.0, 1.0))
    return k.wp.length(pa - ba * h) - k.param("thickness|capsule_radius|r_cap", k.real, 0.1, 0.3)


def cylinder(k: Kit, p: Value) -> Value:
    x, y, z = _xyz(k, p)
    radius = k.param("cyl_radius|r_cyl", k.real, 0.3, 0.8)
    height = k.param("height|half_height", k.real, 0.3, 1.0)
    dr = k.define("dr|d_side", k.wp.length(k.make(k.vec2, x, z)) - radius)
    dh = k.define("dh|d_cap", k.wp.abs(y) - height)
    outside = k.wp.length(k.make(k.vec2, k.wp.max(dr, 0.0), k.wp.max(dh, 0.0)))
    return k.wp.min(k.wp.max(dr, dh), 0.0) + outside


def plane(k: Kit, p: Value) -> Value:
    if k.rng.chance(0.6):
        return p[1] + k.param("ground|floor_height|level", k.real, 0.2, 1.0)
    n = k.define("n|plane_n", k.wp.normalize(k.param("plane_normal|up", k.vec3, 0.2, 1.0)))
    return k.wp.dot(p, n) + k.param("plane_offset|offset|d0", k.real, 0.2, 1.0)


def octahedron(k: Kit, p: Value) -> Value:
    x, y, z = _xyz(k, p)
    return (k.wp.abs(x) + k.wp.abs(y) + k.wp.abs(z) - k.param("size|s_oct", k.real, 0.5, 1.0)) * 0.57735


def ellipsoid(k: Kit, p: Value) -> Value:
    r = k.param("radii|axes|semi_axes", k.vec3, 0.4, 1.0)
    k0 = k.define("k0|scaled", k.wp.length(k.wp.cw_div(p, r)))
    k1 = k.define("k1|steep", k.wp.length(k.wp.cw_div(p, k.wp.cw_mul(r, r))))
    return (k0 * (k0 - 1.0) / (k1 + 1e-2)).within(-2.0, 8.0)


def gyroid(k: Kit, p: Value) -> Value:
    s = k.param("frequency|scale|freq", k.real, 1.0, 4.0)
    q = k.define("q|ps", p * s)
    x, y, z = _xyz(k, q)
    wave = k.wp.sin(x) * k.wp.cos(y) + k.wp.sin(y) * k.wp.cos(z) + k.wp.sin(z) * k.wp.cos(x)
    return wave / s * 0.5


PRIMITIVES: tuple[Shape, ...] = (
    sphere, sphere, box, round_box, torus, capsule, cylinder, plane, octahedron, ellipsoid, gyroid,
)  # fmt: skip


def primitive(k: Kit, shape: Shape) -> Function:
    """The distance to one shape as a function of the point."""
    stem = shape.__name__
    names = f"sdf_{stem}|sd_{stem}|{stem}_sdf|{stem}_distance"

    def write(inner: Kit, p: Value) -> Value:
        return shape(inner, p).within(-3.0, 12.0)

    return function(k, names, [("p|x|pos", k.vec3, -6.0, 6.0)], write)


def joined(k: Kit, a: Value, b: Value) -> Value:
    """Two distances combined."""
    kind = k.rng.choice(("union", "union", "smooth", "smooth", "subtract", "intersect", "exponential"))
    if kind == "union":
        return k.wp.min(a, b)
    if kind == "subtract":
        return k.wp.max(a, -b)
    if kind == "intersect":
        return k.wp.max(a, b)
    a = a if a.is_name else k.define("da|d1", a)
    b = b if b.is_name else k.define("db|d2", b)
    if kind == "exponential":
        s = k.param("blend|sharpness|k_blend", k.real, 2.0, 4.0)
        parts = k.wp.exp(-s * k.wp.max(a, -1.0)) + k.wp.exp(-s * k.wp.max(b, -1.0))
        return (-k.wp.log(parts + 1e-3) / s).within(-3.0, 12.0)
    s = k.param("blend|smoothness|k_blend", k.real, 0.1, 0.4)
    h = k.define("h|mix", k.wp.clamp(0.5 + 0.5 * (b - a) / s, 0.0, 1.0))
    if k.rng.chance(0.5):
        return (k.wp.lerp(b, a, h) - s * h * (1.0 - h)).within(-3.0, 12.0)
    return (b * (1.0 - h) + a * h - s * h * (1.0 - h)).within(-3.0, 12.0)


def _placed(k: Kit, p: Value) -> Value:
    """The point in a shape's own space."""
    rng = k.rng
    kind = rng.weighted({"none": 2.0, "shift": 2.0, "repeat": 0.6, "mirror": 0.6, "turn": 0.8, "twist": 0.5})
    if kind == "shift":
        return p - k.make(k.vec3, *(rng.choice((-1.0, -0.5, 0.0, 0.5, 1.0)) for _ in range(3)))
    if kind == "mirror":
        return k.define("q|m", k.make(k.vec3, k.wp.abs(p[0]), p[1], p[2]) - k.make(k.vec3, 0.5, 0.0, 0.0))
    if kind == "turn":
        angle = k.param("angle|theta|spin", k.real, -1.0, 1.0)
        c, s = k.define("ca|cs", k.wp.cos(angle)), k.define("sa|sn", k.wp.sin(angle))
        return k.define("q|r", k.make(k.vec3, c * p[0] - s * p[2], p[1], s * p[0] + c * p[2]))
    if kind == "twist":
        amount = k.param("twist|twist_rate", k.real, 0.1, 1.0)
        c, s = k.define("ct|cs", k.wp.cos(amount * p[1])), k.define("st|sn", k.wp.sin(amount * p[1]))
        return k.define("q|tw", k.make(k.vec3, c * p[0] - s * p[2], p[1], s * p[0] + c * p[2]))
    if kind == "repeat":
        period = k.param("period|cell|spacing", k.real, 2.0, 4.0)
        parts = (c - period * k.wp.round(c / period) for c in (p[0], p[2]))
        x, z = (k.define(n, v.within(-2.0, 2.0)) for n, v in zip(("qx|rx", "qz|rz"), parts, strict=True))
        return k.make(k.vec3, x, p[1], z)
    return p


def scene(k: Kit, shapes: int = 0) -> Function:
    """The distance to a few shapes as one function."""
    count = shapes or k.rng.choice((1, 2, 2, 3))
    parts = k.rng.sample(PRIMITIVES, count)
    separate = [primitive(k, s) if count > 1 and k.rng.chance(0.5) else None for s in parts]

    def write(inner: Kit, p: Value) -> Value:
        total: Value | None = None
        for shape, known in zip(parts, separate, strict=True):
            q = _placed(inner, p)
            d = shape(inner, q) if known is None else known.inside(inner)(q)
            total = d if total is None else joined(inner, inner.define("d|dist|best", total), d)
        assert total is not None
        return total.within(-3.0, 12.0)

    names = "scene|map_scene|sdf|scene_sdf|distance_field"
    return function(k, names, [("p|pos|x", k.vec3, -6.0, 6.0)], write)


@CATEGORY.motif(weight=1.5)
def shape_distance(k: Kit) -> None:
    """Signed distance to a shape."""
    rng = k.rng
    p = k.input("point|p|x|pos", k.vec3, -2.0, 2.0)
    if rng.chance(0.5):
        d = rng.choice(PRIMITIVES)(k, p if p.is_name else k.define("p|q", p)).within(-3.0, 12.0)
    else:
        d = scene(k)(p)
    d = k.define("d|dist|sd", d)
    kind = rng.choice(("plain", "plain", "onion", "mask", "band"))
    if kind == "onion":
        d = k.wp.abs(d) - k.param("shell|wall|onion", k.real, 0.05, 0.2)
    elif kind == "mask":
        width = k.param("width|softness|aa", k.real, 0.05, 0.5)
        k.give("coverage|alpha|mask", k.wp.clamp(0.5 - d / width, 0.0, 1.0))
        return
    elif kind == "band":
        k.give("glow|falloff|intensity", k.wp.exp(-3.0 * k.wp.abs(d)))
    k.give("distance|sdf|dist", d)


def normal_of(k: Kit, f: Function, p: Value) -> Value:
    """The gradient of a distance function by differences, normalised."""
    e = k.param("eps|h|delta", k.real, 0.005, 0.05)
    kind = k.rng.choice(("central", "central", "tetrahedron", "forward"))
    if kind == "tetrahedron":
        total: Value | None = None
        for n, signs in enumerate(((1.0, -1.0, -1.0), (-1.0, -1.0, 1.0), (-1.0, 1.0, -1.0), (1.0, 1.0, 1.0))):
            corner = k.define(f"k{n}", k.make(k.vec3, *signs))
            term = corner * f(p + corner * e)
            total = term if total is None else total + term
        assert total is not None
        return k.define("n|normal|nrm", k.wp.normalize(total))
    steps = [k.define(f"e{a}", k.make(k.vec3, *(e if a == b else 0.0 for b in "xyz"))) for a in "xyz"]
    if kind == "central":
        parts = [f(p + s) - f(p - s) for s in steps]
    else:
        here = k.define("d0|here|base", f(p))
        parts = [f(p + s) - here for s in steps]
    if k.rng.chance(0.5):
        parts = [k.define(n, v) for n, v in zip(("nx", "ny", "nz"), parts, strict=True)]
    return k.define("n|normal|nrm", k.wp.normalize(k.make(k.vec3, *parts)))


def march(k: Kit, f: Function, origin: Value, direction: Value) -> tuple[Value, Value]:
    """The distance along the ray at which the march ended, and whether it hit."""
    rng = k.rng
    far = rng.choice((5.0, 8.0, 10.0))
    t = k.var("t|depth|dist", rng.choice((0.0, 0.0, 0.01)), k.real, lo=0.0, hi=60.0)
    eps = k.param("hit_eps|eps|tolerance", k.real, 0.001, 0.01)
    turns = rng.choice((8, 12, 16, 32))
    style = rng.choice(("break", "break", "guard", "relaxed"))
    hit = k.var("hit|found|steps", 0, I32, lo=0, hi=40)
    count = k.size("max_steps|num_steps|iterations", turns) if turns > 16 or rng.chance(0.3) else turns
    with k.for_("i|step|it", count):
        p = k.let("p|pos|x", (origin + direction * t).within(-6.0, 6.0))
        d = k.define("d|dist_here|h", f(p))
        if style == "guard":
            with k.if_(d > eps):
                k.add(t, k.wp.min(d, 1.0))
        else:
            with k.if_(d < eps):
                k.set(hit, 1)
                k.leave("break")
            k.add(t, d * k.number(0.6, 0.95) if style == "relaxed" else d)
            if rng.chance(0.5):
                k.break_if(t > far)
    if style == "guard":
        with k.if_(f((origin + direction * t).within(-6.0, 6.0)) < eps * 2.0):
            k.set(hit, 1)
    end = k.define("t_hit|t_end|ray_t", k.wp.min(t, far))
    return end, hit.eq(1)


@CATEGORY.motif(weight=1.5)
def sphere_trace(k: Kit) -> None:
    """March a ray through a distance field."""
    rng = k.rng
    f = scene(k)
    origin, direction = aimed_ray(k)
    t, hit = march(k, f, origin, direction)
    if rng.chance(0.6):
        miss = -1.0 if rng.chance(0.4) else 10.0
        k.give("depth|t|distance", k.select("depth|range", hit, t, miss))
    else:
        k.give("hit_point|p|position", origin + direction * t)
        k.give("depth|t|distance", t)


@CATEGORY.motif()
def field_normal(k: Kit) -> None:
    """Surface normal of a distance field."""
    f = scene(k)
    p = k.input("point|p|hit_point", k.vec3, -1.5, 1.5)
    n = normal_of(k, f, p)
    if k.rng.chance(0.4):
        d = k.define("d|dist|phi", f(p))
        k.give("closest|projected|surface_point", p - n * d)
    k.give("normal|n", n)


@CATEGORY.motif()
def occlusion(k: Kit) -> None:
    """Occlusion or soft shadow from a distance field."""
    rng = k.rng
    f = scene(k)
    p = k.input("point|p|hit_point", k.vec3, -1.0, 1.0)
    n = k.input("normal|n", k.vec3, unit=True)
    steps = rng.choice((3, 4, 5, 6))
    if rng.chance(0.5):
        total = k.var("occ|ao|sum", 0.0, k.real, lo=-6.0, hi=6.0)
        weight = k.var("w|scale|falloff", 1.0, k.real, lo=0.0, hi=1.0)
        spread = k.param("spread|step_size|reach", k.real, 0.05, 0.3)
        with k.for_("i|s|tap", steps) as i:
            h = k.define("h|len|r", spread * (k.to_real(i) + 1.0))
            k.add(total, (h - f(p + n * h)) * weight)
            k.change(weight, "*", 0.5 if rng.chance(0.5) else 0.75)
        k.give("ao|occlusion|ambient", k.wp.clamp(1.0 - total, 0.0, 1.0))
        return
    light = k.param("light_dir|sun|to_light", k.vec3, 0.2, 1.0)
    to_light = k.define("l|ldir|to_light", k.wp.normalize(light))
    shadow = k.var("shadow|res|visibility", 1.0, k.real, lo=-20.0, hi=1.0)
    t = k.var("t|s", 0.1, k.real, lo=0.0, hi=8.0)
    hardness = k.param("hardness|k_soft|sharp", k.real, 2.0, 8.0)
    with k.for_("i|step", steps + 2):
        d = k.define("d|h", f(p + n * 0.05 + to_light * t))
        k.set(shadow, k.wp.min(shadow, hardness * d / (t + 1e-2)))
        k.add(t, k.wp.clamp(d, 0.05, 0.5))
    k.give("shadow|visibility|light", k.wp.clamp(shadow, 0.0, 1.0))


@CATEGORY.motif(rank=2, weight=2.0)
def render(k: Kit) -> None:
    """Render a distance field pixel by pixel."""
    rng = k.rng
    f = scene(k)
    h, w = k.extent(0), k.extent(1)
    u = k.define("u|px|sx", (k.to_real(k.place[1]) + 0.5) / k.to_real(w) * 2.0 - 1.0)
    v = k.define("v|py|sy", 1.0 - (k.to_real(k.place[0]) + 0.5) / k.to_real(h) * 2.0)
    focal = k.param("focal|zoom|fov_scale", k.real, 1.0, 2.0)
    origin = k.param("cam_pos|camera_pos|eye", k.vec3, -0.4, 0.4)
    back = k.define("ro|ray_origin|origin", origin + k.make(k.vec3, 0.0, 0.0, 2.5))
    rd = k.define("rd|ray_dir|dir", k.wp.normalize(k.make(k.vec3, u, v, -focal)))
    t, hit = march(k, f, back, rd)
    background = k.make(k.vec3, 0.1, 0.1, 0.2) if rng.chance(0.6) else k.zero(k.vec3)
    color = k.var("color|rgb|pixel", background, lo=0.0, hi=3.0)
    with k.if_(hit):
        p = k.define("p|hit_p|surf", (back + rd * t).within(-6.0, 6.0))
        n = normal_of(k, f, p)
        sun = k.define("sun|light|l", k.wp.normalize(k.make(k.vec3, 0.5, 1.0, 0.3)))
        diff = k.define("diff|lambert|ndotl", k.wp.max(k.wp.dot(n, sun), 0.0))
        style = rng.choice(("lambert", "normal", "phong", "rim"))
        if style == "normal":
            k.set(color, n * 0.5 + k.make(k.vec3, 0.5, 0.5, 0.5))
        else:
            albedo = k.param("albedo|base_color|tint", k.vec3, 0.2, 1.0)
            shade = diff * 0.8 + 0.2
            if style == "phong":
                half = k.define("hv|half_vec|hw", k.wp.normalize(sun - rd))
                shade = shade + 0.5 * k.wp.pow(k.wp.max(k.wp.dot(n, half), 0.01), 4.0)
            elif style == "rim":
                rim = k.define("rim|fresnel", (1.0 + k.wp.dot(n, rd)).within(0.0, 2.0))
                shade = shade + 0.3 * rim * rim
            k.set(color, albedo * shade)
    if rng.chance(0.3):
        k.give("depth|z_depth", t)
    k.give("color|pixels|image", color)
