"""Rays and light: intersections, cameras, shading models, media, fractals."""

from __future__ import annotations

from warpgen.synthesis.categories.raymarch import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32
from warpgen.synthesis.language.values import Value


def aimed_ray(k: Kit) -> tuple[Value, Value]:
    """A ray from outside towards what lies around the origin."""
    if k.rng.chance(0.5):
        eye = k.param("eye|cam_pos|camera_pos", k.vec3, 1.7, 2.5)
        at = k.input("target|pixel_pos|film_point|aim", k.vec3, -0.7, 0.7)
    else:
        eye = k.input("origin|ro|ray_origin|o", k.vec3, 1.7, 2.5)
        at = k.param("focus|look_at|aim", k.vec3, -0.3, 0.3)
    return eye, k.define("rd|dir|direction|ray_dir", k.wp.normalize(at - eye))


def _ray(k: Kit, aimed: float = 0.6) -> tuple[Value, Value]:
    """Any ray, or one that is likely to hit."""
    if k.rng.chance(aimed):
        return aimed_ray(k)
    origin = k.input("origin|ro|ray_origin|o", k.vec3, -1.5, 1.5)
    return origin, k.input("direction|rd|ray_dir|dir", k.vec3, unit=True)


@CATEGORY.motif(weight=1.3)
def ray_sphere(k: Kit) -> None:
    """Intersect a ray with a sphere."""
    rng = k.rng
    o, d = _ray(k)
    center, r = k.param("center|sphere_center|c", k.vec3, -0.5, 0.5), k.param("radius|r", k.real, 0.5, 2.0)
    oc = k.define("oc|m|to_origin", o - center)
    b = k.define("b|half_b|proj", k.wp.dot(oc, d))
    c = k.define("cc|c_term|q", k.wp.dot(oc, oc) - r * r)
    disc = k.define("disc|discriminant|det", b * b - c)
    t = k.var("t|t_hit|dist", -1.0, k.real, lo=-1.0, hi=30.0)
    with k.if_(disc > 0.0 if rng.chance(0.6) else disc >= 1e-3):
        root = k.define("root|sq|s", k.wp.sqrt(disc.within(0.0, 100.0)))
        if rng.chance(0.5):
            near = k.define("t0|near", -b - root)
            k.set(t, k.wp.where(near > 0.0, near, root - b).within(-1.0, 30.0) if rng.chance(0.5) else near)
        else:
            k.set(t, -b - root)
            with k.if_(t < 0.0):
                k.set(t, root - b)
    if rng.chance(0.5):
        p = k.define("p|hit|hit_p", o + d * t)
        k.give("normal|n", k.wp.normalize(p - center))
    k.give("t|t_hit|depth", t)


@CATEGORY.motif(weight=1.3)
def ray_box(k: Kit) -> None:
    """Intersect a ray with an axis-aligned box."""
    rng = k.rng
    kind = rng.choice(("t", "length", "flag"))
    o, d = _ray(k, 0.0 if kind == "flag" else 0.6)
    lo = k.param("lower|box_min|bmin", k.vec3, -1.5, -0.5)
    hi = k.param("upper|box_max|bmax", k.vec3, 0.5, 1.5)
    if rng.chance(0.45):
        tmin = k.var("tmin|t_near|t0", 0.0, k.real, lo=-100.0, hi=1e4)
        tmax = k.var("tmax|t_far|t1", 100.0, k.real, lo=-1e4, hi=100.0)
        with k.for_("a|axis|i", 3) as a:
            safe = k.wp.where(k.wp.abs(d[a]) > 1e-2, d[a], k.lit(0.01))
            inv = k.define("inv|inv_d|rcp", (1.0 / safe.within(0.01, 1.0)).within(-100.0, 100.0))
            ta, tb = k.define("ta|s0", (lo[a] - o[a]) * inv), k.define("tb|s1", (hi[a] - o[a]) * inv)
            k.set(tmin, k.wp.max(tmin, k.wp.min(ta, tb)))
            k.set(tmax, k.wp.min(tmax, k.wp.max(ta, tb)))
    else:
        parts = []
        for n in range(3):
            safe = k.wp.where(k.wp.abs(d[n]) > 1e-2, d[n], k.lit(0.01))
            parts.append((1.0 / safe.within(0.01, 1.0)).within(-100.0, 100.0))
        inv3 = k.define("inv_dir|inv_d|rcp", k.make(k.vec3, *parts))
        t0 = k.define("t0|ta|t_lo", k.wp.cw_mul(lo - o, inv3))
        t1 = k.define("t1|tb|t_hi", k.wp.cw_mul(hi - o, inv3))
        near, far = k.define("near|tsmall", k.wp.min(t0, t1)), k.define("far|tbig", k.wp.max(t0, t1))
        tmin = k.define("tmin|t_near|t_enter", k.wp.max(near[0], k.wp.max(near[1], near[2])))
        tmax = k.define("tmax|t_far|t_exit", k.wp.min(far[0], k.wp.min(far[1], far[2])))
    hit = k.all(tmax >= tmin, tmax > 0.0)
    if kind == "flag":
        flag = k.var("hit|inside|overlap", 0, I32, lo=0, hi=1)
        with k.if_(hit):
            k.set(flag, 1)
        k.give("hit|overlap", flag)
    elif kind == "length":
        k.give("path_length|chord|span", k.select("span|chord", hit, k.wp.min(tmax - tmin, 20.0), 0.0))
    else:
        near_t = k.wp.clamp(tmin, 0.0, 50.0)
        k.give("t|t_hit|depth", k.select("t|t_box", hit, near_t, -1.0))


@CATEGORY.motif(weight=1.3)
def ray_triangle(k: Kit) -> None:
    """Intersect a ray with a triangle."""
    rng = k.rng
    o, d = _ray(k)
    v0, v1, v2 = (k.load(f"v{n}", k.vec3, -2.0, 2.0) for n in range(3))
    e1, e2 = k.define("e1|edge1", v1 - v0), k.define("e2|edge2", v2 - v0)
    pvec = k.define("pvec|h|pv", k.wp.cross(d, e2))
    det = k.define("det|a", k.wp.dot(e1, pvec))
    t = k.var("t|t_hit|dist", -1.0, k.real, lo=-100.0, hi=1000.0)
    limit = k.param("eps|epsilon|det_eps", k.real, 0.01, 0.05)
    culled = rng.chance(0.3)
    with k.if_(det > limit if culled else k.wp.abs(det) > limit):
        inv = k.define("inv_det|f|rdet", (1.0 / det.within(0.01, 30.0)).within(-100.0, 100.0))
        tvec = k.define("tvec|s|tv", o - v0)
        u = k.define("u|b1", k.wp.dot(tvec, pvec) * inv)
        qvec = k.define("qvec|q|qv", k.wp.cross(tvec, e1))
        v = k.define("v|b2", k.wp.dot(d, qvec) * inv)
        with k.if_(k.all(u >= 0.0, v >= 0.0, u + v <= 1.0)):
            k.set(t, (k.wp.dot(e2, qvec) * inv).within(-100.0, 1000.0))
    if rng.chance(0.4):
        n = k.define("n|normal|ng", k.wp.normalize(k.wp.cross(e1, e2)))
        k.give("normal|n", k.wp.where(k.wp.dot(n, d) < 0.0, n, -n).as_unit())
    k.give("t|t_hit|depth", t)


@CATEGORY.motif()
def ray_plane(k: Kit) -> None:
    """Intersect a ray with a plane or a disk."""
    rng = k.rng
    o, d = _ray(k)
    n = k.param("normal|n|plane_n", k.vec3, 0.1, 1.0)
    n = k.define("n|nrm|plane_normal", k.wp.normalize(n))
    denom = k.define("denom|dn|facing", k.wp.dot(d, n).within(-1.0, 1.0))
    t = k.var("t|t_hit|dist", -1.0, k.real, lo=-100.0, hi=100.0)
    center = k.param("center|plane_point|p0", k.vec3, -0.5, 0.5)
    with k.if_(k.wp.abs(denom) > 0.05):
        k.set(t, (k.wp.dot(center - o, n) / denom.within(0.05, 1.0)).within(-100.0, 100.0))
    hit = k.define("p|hit_p|point", o + d * t)
    if rng.chance(0.5):
        r = k.param("disk_radius|radius|r", k.real, 0.5, 2.0)
        miss = k.wp.length_sq(hit - center) > r * r
        t = k.select("t_disk|t_in|t_out", miss, -1.0, t)
    if rng.chance(0.4):
        scale = k.param("tile|checker_size|scale", k.real, 0.5, 2.0)
        cell = k.wp.floor(hit[0] / scale) + k.wp.floor(hit[2] / scale)
        odd = k.define("checker|parity|odd", (cell - 2.0 * k.wp.floor(0.5 * cell)).within(0.0, 1.0))
        k.give("checker|pattern|tone", k.wp.lerp(k.lit(0.2), k.lit(0.9), odd))
    k.give("t|t_hit|depth", t)


@CATEGORY.motif(weight=1.5)
def shade(k: Kit) -> None:
    """Shade a surface point."""
    rng = k.rng
    n = k.input("normal|n", k.vec3, unit=True)
    v = k.input("view|v|view_dir|to_eye", k.vec3, unit=True)
    light = k.param("light_dir|l|to_light", k.vec3, 0.1, 1.0)
    to_light = k.define("l|ldir|light", k.wp.normalize(light))
    albedo = k.input("albedo|color|base_color", k.vec3, 0.1, 1.0)
    ndl = k.define("ndotl|nl|diffuse", k.wp.max(k.wp.dot(n, to_light), 0.0))
    kind = rng.choice(("lambert", "half", "phong", "blinn", "ggx", "toon", "oren"))
    if kind == "lambert":
        k.give("color|radiance|shaded", albedo * (ndl * 0.31831 if rng.chance(0.3) else ndl))
        return
    if kind == "half":
        wrap = k.define("wrap|half_lambert|wl", k.wp.dot(n, to_light) * 0.5 + 0.5)
        k.give("color|radiance|shaded", albedo * (wrap * wrap))
        return
    if kind == "toon":
        bands = k.param("bands|levels|steps", k.real, 2.0, 5.0)
        k.give("color|radiance|shaded", albedo * (k.wp.floor(ndl * bands + 0.5) / bands))
        return
    if kind == "oren":
        rough2 = k.param("sigma2|roughness_sq", k.real, 0.05, 0.5)
        a = k.define("A|a", 1.0 - 0.5 * rough2 / (rough2 + 0.33))
        b = k.define("B|b", 0.45 * rough2 / (rough2 + 0.09))
        ndv = k.define("ndotv|nv", k.wp.max(k.wp.dot(n, v), 0.0))
        s = k.define("s|gamma", k.wp.dot(to_light, v) - ndl * ndv)
        t = k.define("t|wide", k.wp.max(k.wp.max(ndl, ndv), 0.1))
        k.give("color|radiance|shaded", albedo * (ndl * (a + b * k.wp.max(s, 0.0) / t)))
        return
    h = k.define("h|half_vec|hv", k.wp.normalize(to_light + v))
    ndh = k.define("ndoth|nh", k.wp.max(k.wp.dot(n, h), 0.0))
    if kind == "ggx":
        rough = k.input("roughness|rough|alpha", k.real, 0.3, 1.0)
        a2 = k.define("a2|alpha2", rough * rough * rough * rough + 1e-2)
        term = k.define("denom|dd", ndh * ndh * (a2 - 1.0) + 1.0)
        d = k.define("D|ndf|dist", (a2 / (3.141593 * term * term + 1e-2)).within(0.0, 40.0))
        f0 = k.param("f0|reflectance", k.real, 0.02, 0.2)
        m = k.define("m|inv_hv", (1.0 - k.wp.max(k.wp.dot(h, v), 0.0)).within(0.0, 1.0))
        fresnel = k.define("F|fresnel", f0 + (1.0 - f0) * m * m * m * m * m)
        spec = k.define("spec|specular", d * fresnel * 0.25)
    else:
        shininess = k.param("shininess|exponent|gloss", k.real, 2.0, 4.0)
        base = ndh
        if kind == "phong":
            r = k.define("r|refl|reflected", n * (2.0 * k.wp.dot(n, to_light)) - to_light)
            base = k.define("rdotv|rv", k.wp.max(k.wp.dot(r, v), 0.0))
        spec = k.define("spec|specular", k.wp.pow(base.within(0.0, 1.0) + 1e-2, shininess))
    ambient = k.param("ambient|ka", k.real, 0.05, 0.3)
    gain = k.param("ks|spec_strength|specular_gain", k.real, 0.1, 1.0)
    white = k.make(k.vec3, 1.0, 1.0, 1.0)
    k.give("color|radiance|shaded", albedo * (ambient + ndl) + white * (gain * spec))


@CATEGORY.motif()
def bend_ray(k: Kit) -> None:
    """Reflect or refract a ray at a surface."""
    rng = k.rng
    d, n = k.input("direction|rd|incident", k.vec3, unit=True), k.input("normal|n", k.vec3, unit=True)
    cosi = k.define("cosi|dn|c1", k.wp.dot(d, n))
    reflected = k.define("refl|reflected|r", d - n * (2.0 * cosi))
    kind = rng.choice(("reflect", "refract", "schlick", "glossy"))
    if kind == "reflect":
        k.give("direction|reflected", reflected)
        return
    eta = k.param("eta|ior_ratio|index_ratio", k.real, 0.6, 0.9)
    if kind == "refract":
        k2 = k.define("k|k2|disc", 1.0 - eta * eta * (1.0 - cosi * cosi).within(0.0, 1.0))
        root = k.define("cost|root|c2", k.wp.sqrt(k.wp.max(k2, 0.01)))
        bent = d * eta - n * (eta * cosi + root)
        k.give("direction|refracted|out_dir", k.wp.normalize(bent))
        return
    f0 = k.define("r0|f0", ((1.0 - eta) / (1.0 + eta)) * ((1.0 - eta) / (1.0 + eta)))
    m = k.define("m|one_minus|x", (1.0 - k.wp.abs(cosi)).within(0.0, 1.0))
    f = k.define("fresnel|F|kr", f0 + (1.0 - f0) * m * m * m * m * m)
    k.give("fresnel|kr|reflectance", f)
    if kind == "glossy":
        k.give("direction|reflected", k.wp.normalize(k.wp.lerp(reflected, n, f)))


@CATEGORY.motif(rank=2, weight=1.3)
def camera_ray(k: Kit) -> None:
    """Ray of a camera through a pixel."""
    rng = k.rng
    h, w = k.extent(0), k.extent(1)
    x = k.define("x|u|sx", (k.to_real(k.place[1]) + 0.5) / k.to_real(w))
    y = k.define("y|v|sy", (k.to_real(k.place[0]) + 0.5) / k.to_real(h))
    kind = rng.choice(("pinhole", "quat", "basis", "ortho", "sphere", "fisheye"))
    if kind in ("pinhole", "sphere", "fisheye"):
        by_pixel = rng.chance(0.5)
        shift = k.load("jitter|offset|lens_shift", k.vec2, -0.1, 0.1) if by_pixel else None
        if shift is None:
            shift = k.param("principal|lens_shift|shift", k.vec2, -0.1, 0.1)
        x, y = k.define("xs|fx|film_x", x + shift[0]), k.define("ys|fy|film_y", y + shift[1])
    if kind == "sphere":
        phi, theta = k.define("phi|az", 6.283185 * x), k.define("theta|polar", 3.141593 * y)
        s = k.define("st|sin_t", k.wp.sin(theta))
        d = k.make(k.vec3, s * k.wp.cos(phi), k.wp.cos(theta), s * k.wp.sin(phi))
        k.give("ray_dir|direction|rd", k.define("rd|dir", d).as_unit())
        return
    u, v = k.define("u|ndc_x|px", 2.0 * x - 1.0), k.define("v|ndc_y|py", 1.0 - 2.0 * y)
    tan = k.param("tan_half_fov|fov_scale|tan_fov", k.real, 0.4, 1.2)
    if kind == "fisheye":
        r = k.define("r|rad", k.wp.length(k.make(k.vec2, u, v)))
        theta = k.define("theta|ang", r * tan)
        ratio = k.define("s|ratio", k.wp.sin(theta) / (r + 1e-2))
        k.give("ray_dir|direction|rd", k.wp.normalize(k.make(k.vec3, u * ratio, v * ratio, -k.wp.cos(theta))))
        return
    if kind == "ortho":
        half = k.param("half_width|ortho_size|extent", k.real, 1.0, 3.0)
        eye = k.param("eye|cam_pos|camera_pos", k.vec3, -1.0, 1.0)
        k.give("ray_origin|origin|ro", eye + k.make(k.vec3, u * half, v * half, 0.0))
        return
    if kind == "basis":
        right, up = k.param("right|cam_right", k.vec3, -1.0, 1.0), k.param("up|cam_up", k.vec3, -1.0, 1.0)
        forward = k.param("forward|cam_dir|fwd", k.vec3, 1.5, 2.5)
        d = forward + right * (u * tan) + up * (v * tan)
        k.give("ray_dir|direction|rd", k.wp.normalize(d))
        return
    local = k.define("local|d_cam|dir_cam", k.wp.normalize(k.make(k.vec3, u * tan, v * tan, -1.0)))
    if kind == "quat":
        rot = k.param("cam_rot|camera_rotation|orientation", k.quat, -1.0, 1.0)
        k.give("ray_dir|direction|rd", k.wp.quat_rotate(rot, local))
    else:
        k.give("ray_dir|direction|rd", local)


@CATEGORY.motif()
def sky_color(k: Kit) -> None:
    """Color of the sky in a direction."""
    rng = k.rng
    d = k.input("direction|rd|ray_dir", k.vec3, unit=True)
    up = k.define("t|h|up", 0.5 * (d[1] + 1.0))
    a = k.param("horizon|bottom|haze", k.vec3, 0.5, 1.0)
    b = k.param("zenith|top|blue", k.vec3, 0.1, 0.6)
    base = k.wp.lerp(a, b, up.within(0.0, 1.0)) if rng.chance(0.5) else a * (1.0 - up) + b * up
    if rng.chance(0.6):
        sun = k.define("sun|sun_dir|s", k.wp.normalize(k.param("sun_dir|sun|light_dir", k.vec3, 0.1, 1.0)))
        cosine = k.define("c|cs|glow_cos", k.wp.max(k.wp.dot(d, sun), 0.0))
        glow = k.wp.pow(cosine.within(0.0, 1.0) + 1e-2, 4.0) if rng.chance(0.5) else cosine * cosine * cosine
        base = base + k.make(k.vec3, 1.0, 0.8, 0.5) * (glow * k.number(0.2, 0.8))
    k.give("sky|color|background", base)


@CATEGORY.motif()
def participating_media(k: Kit) -> None:
    """Light through a medium along a ray."""
    rng = k.rng
    o, d = _ray(k)
    steps = rng.choice((4, 6, 8, 12, 16))
    absorb = k.param("sigma_a|absorption|extinction", k.real, 0.1, 1.0)
    dt = k.param("step_size|ds|dt", k.real, 0.1, 0.4)
    trans = k.var("transmittance|trans|T", 1.0, k.real, lo=0.0, hi=1.0)
    light = k.var("radiance|scattered|L", 0.0, k.real, lo=0.0, hi=20.0)
    density = rng.choice(("gauss", "height", "wave"))
    with k.for_("i|s|step", k.size("num_steps|max_steps", steps) if rng.chance(0.25) else steps) as i:
        p = k.define("p|pos|x", o + d * (dt * (k.to_real(i) + 0.5)))
        if density == "gauss":
            rho = k.wp.exp(-0.5 * k.wp.length_sq(p))
        elif density == "height":
            rho = k.wp.exp(-k.wp.abs(p[1]))
        else:
            rho = 0.5 + 0.25 * k.wp.sin(2.0 * p[0]) * k.wp.cos(2.0 * p[2])
        rho = k.define("rho|dens|density", rho)
        k.change(trans, "*", k.wp.exp(-absorb * rho * dt))
        k.add(light, trans * rho * dt)
        if rng.chance(0.2):
            k.break_if(trans < 0.01)
    k.give("radiance|scattered|glow", light)
    k.give("transmittance|trans|alpha", trans)


@CATEGORY.motif()
def tone_map(k: Kit) -> None:
    """Map radiance to display colors."""
    rng = k.rng
    c = k.input("color|radiance|hdr", k.vec3, 0.0, 3.0)
    exposure = k.param("exposure|gain", k.real, 0.5, 2.0)
    x = k.define("x|e|exposed", (c * exposure).within(0.0, 6.0))
    kind = rng.choice(("reinhard", "aces", "exp", "luma"))
    channels = []
    if kind == "luma":
        luma = k.define("luma|lum|y", k.wp.dot(x, k.make(k.vec3, 0.2126, 0.7152, 0.0722)).within(0.0, 6.0))
        mapped = k.define("mapped|ldr|m", x * (1.0 / (1.0 + luma)))
        k.give("ldr|color|mapped", mapped)
        return
    for n in range(3):
        v = x[n]
        if kind == "reinhard":
            channels.append(v / (1.0 + v))
        elif kind == "exp":
            channels.append(1.0 - k.wp.exp(-v))
        else:
            a = k.define(f"a{n}", v * (2.51 * v + 0.03))
            b = k.define(f"b{n}", v * (2.43 * v + 0.59) + 0.14)
            channels.append(k.wp.clamp(a / b, 0.0, 1.0))
    if rng.chance(0.5):
        gamma = k.param("inv_gamma|gamma", k.real, 0.4, 1.0)
        named = [k.define(n, v) for n, v in zip("rgb", channels, strict=True)]
        channels = [k.wp.pow(v.within(0.0, 1.0) + 1e-2, gamma) for v in named]
    k.give("ldr|color|mapped", k.make(k.vec3, *channels))


@CATEGORY.motif(rank=2)
def escape_time(k: Kit) -> None:
    """Escape time of a complex iteration."""
    rng = k.rng
    h, w = k.extent(0), k.extent(1)
    zoom = k.param("zoom|scale|span", k.real, 1.0, 3.0)
    middle = k.param("center|view_center|origin", k.vec2, -0.6, 0.1)
    x = k.define("cx|x0|re", (k.to_real(k.place[1]) / k.to_real(w) - 0.5) * zoom + middle[0])
    y = k.define("cy|y0|im", (k.to_real(k.place[0]) / k.to_real(h) - 0.5) * zoom + middle[1])
    julia = rng.chance(0.4)
    if julia:
        c = k.param("julia_c|c|seed_point", k.vec2, -0.8, 0.4)
    else:
        c = k.define("c|c0", k.make(k.vec2, x, y))
    zx = k.var("zx|zr|a", x if julia else 0.0, k.real, lo=-3.0, hi=3.0)
    zy = k.var("zy|zi|b", y if julia else 0.0, k.real, lo=-3.0, hi=3.0)
    count = k.var("n|iters|count", 0, I32, lo=0, hi=64)
    turns = rng.choice((12, 16, 24, 32))
    ship = rng.chance(0.2)
    with k.for_("i|it|step", k.size("max_iter|max_iterations|limit", turns)):
        k.break_if(zx * zx + zy * zy > 4.0)
        t = k.define("t|zx_new|re_next", (zx * zx - zy * zy + c[0]).within(-3.0, 3.0))
        product = k.wp.abs(zx * zy) if ship else zx * zy
        k.set(zy, (2.0 * product + c[1]).within(-3.0, 3.0))
        k.set(zx, t)
        k.add(count, 1)
    if rng.chance(0.5):
        k.give("iterations|iters|escape", count)
    else:
        k.give("shade|value|intensity", k.to_real(count) / float(turns))
