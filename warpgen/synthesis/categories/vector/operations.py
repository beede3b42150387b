"""Operations on `wp.vec` of every length and element type."""

from __future__ import annotations

import itertools

from warpgen.synthesis.categories.vector import CATEGORY
from warpgen.synthesis.formulas.grower import Grower, grow, result_name
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import F16, F32, F64, I16, I32, I64, U8, U32, Type, vec
from warpgen.synthesis.language.values import Value


def length_of(k: Kit) -> int:
    return k.rng.weighted({2: 0.2, 3: 0.5, 4: 0.18, 5: 0.06, 7: 0.03, 8: 0.03})


def size(k: Kit) -> int:
    return k.rng.weighted({2: 0.25, 3: 0.3, 4: 0.2, 5: 0.12, 6: 0.08, 8: 0.05})


@CATEGORY.motif(weight=2.0)
def vector_formula(k: Kit) -> None:
    """Vector expression."""
    k.give(f"{result_name(k)}_vec|v_out|direction|vec_out", grow(k, vec(length_of(k), k.real), size(k)))


@CATEGORY.motif()
def vector_terms(k: Kit) -> None:
    """Add up weighted vector terms."""
    t = vec(length_of(k), k.real)
    g = Grower(k)
    acc = k.var("acc|total|v_sum|net", k.zero(t) if k.rng.chance(0.5) else g.grow(t, 1), t, lo=-1e3, hi=1e3)
    for _ in range(k.rng.integer(2, 4)):
        term = g.grow(t, k.rng.integer(1, 3))
        if k.rng.chance(0.5):
            term = term * g.grow(k.real, 1)
        k.change(acc, "-" if k.rng.chance(0.25) else "+", term)
    if k.rng.chance(0.3):
        k.change(acc, "*", k.param("scale|gain|dt", k.real, 0.1, 2.0))
    k.give("combined|net_vec|v_total", acc)


@CATEGORY.motif()
def integer_vectors(k: Kit) -> None:
    """Integer lattice arithmetic."""
    scalar = k.rng.weighted({I32: 0.65, I64: 0.12, U32: 0.1, I16: 0.08, U8: 0.05})
    n = k.rng.choice((2, 3, 3, 4))
    t = vec(n, scalar)
    lo = 0 if scalar.is_unsigned else -10
    a = k.input("cell|ijk|coord|block", t, lo, 10)
    b = k.input("other_cell|offset|step|shift", t, lo, 10)
    c = k.let("c|neighbor|delta_cell|ab", a + b if scalar.is_unsigned or k.rng.chance(0.5) else a - b)
    kind = k.rng.choice(("manhattan", "chebyshev", "hash", "bits", "extremes", "dot", "mod"))
    if kind == "manhattan":
        parts = [k.wp.abs(c[i]) if not scalar.is_unsigned else c[i] for i in range(n)]
        k.give("manhattan|l1|steps", sum(parts[1:], parts[0]))
    elif kind == "chebyshev":
        top = k.let("mx|ad|spans", k.wp.abs(c) if not scalar.is_unsigned else c)
        k.give("chebyshev|reach|max_step", k.wp.max(top))
    elif kind == "hash":
        primes = (73, 19, 83, 31)
        code = c[0] * primes[0]
        for i in range(1, n):
            code = code ^ (c[i] * primes[i]) if k.rng.chance(0.7) else code + c[i] * primes[i]
        k.give("bucket|hash_value|slot", code & 63)
    elif kind == "bits":
        op = k.rng.choice(("&", "|", "^"))
        v = Value(f"{a.text} {op} {b.text}", t, -16, 15, k.author, 5)
        k.give("masked|bits|merged", v)
    elif kind == "extremes":
        k.give("lower|lo_corner", k.wp.min(a, b))
        k.give("upper|hi_corner", k.wp.max(a, b))
    elif kind == "dot":
        k.give("overlap|dot_i|score", k.wp.dot(c, b))
    else:
        wrapped = k.make(t, *[(c[i] + (0 if scalar.is_unsigned else 20)) % (4 + i) for i in range(n)])
        k.give("wrapped|local_cell|tile_coord", wrapped)


@CATEGORY.motif()
def projection_split(k: Kit) -> None:
    """Split a vector into parallel and perpendicular parts."""
    t = vec(length_of(k), k.real)
    v = k.input("v|velocity|u|force", t, -2.0, 2.0)
    if k.rng.chance(0.6):
        n = k.input("normal|n|axis|dir", t, -1.0, 1.0, unit=True)
        along = k.let("along|vn|v_n", k.wp.dot(v, n))
        parallel = k.let("parallel|v_par|normal_part", n * along)
    else:
        w = k.input("w|onto|base|edge", t, 0.2, 2.0)
        along = k.let("coef|t|ratio", k.wp.dot(v, w) / k.wp.dot(w, w))
        parallel = k.let("parallel|proj|v_par", along * w)
    rest = k.let("perpendicular|v_perp|tangential|rest", v - parallel)
    kind = k.rng.integer(0, 4)
    if kind == 0:
        k.give("reflected|mirror|r", rest - parallel)
    elif kind == 1:
        e, mu = k.param("restitution|e", k.real, 0.1, 0.9), k.param("friction|mu", k.real, 0.1, 0.9)
        k.give("bounced|v_out|new_velocity", rest * (1.0 - mu) - parallel * e)
    elif kind == 2:
        k.give("slide|tangent|rest", rest)
        k.give("along|normal_speed", along)
    elif kind == 3:
        k.give("angle_ratio|sine|aspect", k.wp.length(rest) / (k.wp.length(v) + 0.1))
    else:
        k.give("stretched|anisotropic|shaped", rest + parallel * k.param("stretch|gain|k", k.real, 0.2, 3.0))


@CATEGORY.motif()
def frame_from_vectors(k: Kit) -> None:
    """Orthonormal frame from two directions."""
    a = k.input("forward|a|e1|view", k.vec3, 0.2, 2.0)
    b = k.input("up|b|e2|hint", k.vec3, -2.0, 2.0)
    x = k.let("t|x_axis|u", k.wp.normalize(a))
    if k.rng.chance(0.5):
        y = k.let("s|y_axis|v", k.wp.normalize(k.wp.cross(b, x)))
        z = k.let("n|z_axis|w", k.wp.cross(x, y))
    else:
        y = k.let("s|y_axis|v", k.wp.normalize(b - k.wp.dot(b, x) * x))
        z = k.let("n|z_axis|w", k.wp.cross(x, y))
    p = k.input("point|local|p", k.vec3, -2.0, 2.0)
    kind = k.rng.integer(0, 2)
    if kind == 0:
        k.give("world|p_world|rotated", p[0] * x + p[1] * y + p[2] * z)
    elif kind == 1:
        k.give("local|coords|uvw", k.make(k.vec3, k.wp.dot(p, x), k.wp.dot(p, y), k.wp.dot(p, z)))
    else:
        k.give(
            "basis|frame|R",
            k.wp.matrix_from_cols(x, y, z) if k.rng.chance(0.6) else k.wp.matrix_from_rows(x, y, z),
        )


@CATEGORY.motif()
def triangle_measures(k: Kit) -> None:
    """Area, normal and centre of a triangle."""
    flat = k.rng.chance(0.3)
    t = k.vec2 if flat else k.vec3
    a, b, c = (k.input(n, t, -2.0, 2.0) for n in ("a|v0|p0", "b|v1|p1", "c|v2|p2"))
    e1, e2 = k.let("e1|ab|edge0", b - a), k.let("e2|ac|edge1", c - a)
    if flat:
        area2 = k.let("cross|det|area2", e1[0] * e2[1] - e1[1] * e2[0])
        k.give("area|signed_area", area2 * 0.5)
    else:
        n = k.let("n|cr|normal", k.wp.cross(e1, e2))
        if k.rng.chance(0.6):
            k.give("area|tri_area", 0.5 * k.wp.length(n))
        if k.rng.chance(0.6):
            k.give("normal|face_normal|unit_n", k.wp.normalize(n))
        if k.rng.chance(0.4):
            q = k.input("query|p|x", t, -2.0, 2.0)
            k.give("plane_distance|height|signed_dist", k.wp.dot(k.wp.normalize(n), q - a))
    if k.rng.chance(0.5):
        k.give("centroid|center|mid", (a + b + c) / 3.0 if k.rng.chance(0.6) else (a + b + c) * 0.333333)


@CATEGORY.motif()
def component_access(k: Kit) -> None:
    """Rearrange and change components."""
    n = k.rng.choice((2, 3, 3, 4))
    t = vec(n, k.real)
    v = k.input("v|p|color|vec_in", t, -1.0, 2.0)
    kind = k.rng.choice(("swizzle", "set", "scale_one", "sorted", "loop", "swap"))
    if kind == "swizzle":
        order = k.rng.shuffled(range(n))
        k.give("swizzled|permuted|bgr", k.make(t, *[v[i] for i in order]))
        return
    # Every component is written once: Warp's adjoint of an overwritten one is not its slope.
    w = k.var("w|out_v|result|tmp_v", k.zero(t), lo=-60.0, hi=60.0)
    if kind == "loop":
        with k.for_("c|d|axis|i", n) as c:
            k.set(w[c], k.rng.choice((v[c] * v[c], k.wp.abs(v[c]), v[c] * k.to_real(c + 1), 1.0 - v[c])))
        k.give("modified|v_out|edited", w)
        return
    parts = [v[i] for i in range(n)]
    at = k.rng.integer(0, n - 1)
    if kind == "set":
        parts[at] = k.input("value|height|x", k.real, -1.0, 1.0)
    elif kind == "scale_one":
        parts[at] = v[at] * k.param("factor|bias|s", k.real, 0.2, 3.0)
    elif kind == "swap":
        parts[0], parts[-1] = v[n - 1], v[0]
    else:
        parts[0], parts[1] = k.wp.min(v[0], v[1]), k.wp.max(v[0], v[1])
    for i, part in enumerate(parts):
        k.set(w[i], part)
    k.give("modified|v_out|edited", w)


@CATEGORY.motif()
def norms(k: Kit) -> None:
    """Norms of a vector."""
    n = length_of(k)
    v = k.input("v|r|residual|x", vec(n, k.real), -2.0, 2.0)
    kinds = k.rng.sample(
        ("l2", "l1", "max", "sq", "p", "huber", "norm_l1", "norm_l2", "pseudo"), k.rng.integer(1, 3)
    )
    for kind in kinds:
        if kind == "l2":
            k.give("l2|length|norm", k.wp.length(v) if k.rng.chance(0.6) else k.wp.sqrt(k.wp.dot(v, v)))
        elif kind == "l1":
            parts = [k.wp.abs(v[i]) for i in range(n)]
            k.give("l1|abs_sum|taxicab", sum(parts[1:], parts[0]))
        elif kind == "max":
            k.give("linf|max_norm|largest", k.wp.max(k.wp.abs(v)))
        elif kind == "sq":
            k.give("sq_norm|energy|r2", k.wp.length_sq(v) if k.rng.chance(0.6) else k.wp.dot(v, v))
        elif kind == "p":
            acc = k.var("acc|total|s", 0.0, k.real, lo=0.0, hi=100.0)
            with k.for_("i|c|d", n) as i:
                k.add(acc, k.wp.abs(v[i]) * v[i] * v[i])
            k.give("l3|p_norm", k.wp.cbrt(acc + 0.01))
        elif k.real is F32:
            name = {"huber": "norm_huber", "pseudo": "norm_pseudo_huber"}.get(kind, kind)
            delta = (
                [k.lit(k.rng.choice((0.5, 1.0, 0.1, 2.0)))] if "huber" in name and k.rng.chance(0.6) else []
            )
            k.give(f"{name.removeprefix('norm_')}|cost|penalty", getattr(k.wp, name)(v, *delta))
        else:
            k.give("rms|quadratic_mean", k.wp.sqrt(k.wp.length_sq(v) / float(n)))


@CATEGORY.motif()
def angles_between(k: Kit) -> None:
    """Angle between two vectors."""
    t = k.rng.choice((k.vec2, k.vec3, k.vec3, k.vec4))
    a, b = k.input("a|u|d0|from_dir", t, 0.2, 2.0), k.input("b|v|d1|to_dir", t, -2.0, 2.0)
    kind = k.rng.integer(0, 3)
    if kind == 0:
        c = k.let("c|cos_angle|cosine", k.wp.dot(k.wp.normalize(a), k.wp.normalize(b)))
        k.give("angle|theta|phi", k.wp.acos(c.within(-1.0, 1.0)))
    elif kind == 1:
        c = k.let("c|cos_angle|cosine", k.wp.dot(a, b) / (k.wp.length(a) * k.wp.length(b)))
        k.give("cosine|similarity|alignment", c)
    elif kind == 2 and t is k.vec3:
        k.give("angle|theta|turn", k.wp.atan2(k.wp.length(k.wp.cross(a, b)), k.wp.dot(a, b)))
    else:
        k.give("heading|angle|turn", k.wp.atan2(a[0] * b[1] - a[1] * b[0], a[0] * b[0] + a[1] * b[1]))


@CATEGORY.motif()
def interpolated_vectors(k: Kit) -> None:
    """Interpolate between vectors."""
    t = vec(length_of(k), k.real)
    names = ("p0|a|start|v0", "p1|b|end|v1", "p2|c|ctrl|v2", "p3|d|last|v3")
    ps = [k.input(names[i], t, -2.0, 2.0) for i in range(k.rng.choice((2, 2, 3, 4)))]
    u = k.input("t|u|alpha|s", k.real, 0.0, 1.0)
    if len(ps) == 2:
        kind = k.rng.integer(0, 3)
        v = (k.wp.lerp(ps[0], ps[1], u), ps[0] * (1.0 - u) + ps[1] * u, ps[0] + (ps[1] - ps[0]) * u,
             k.wp.normalize(ps[0] * (1.0 - u) + u * ps[1]))[kind]  # fmt: skip
    else:
        level = ps
        while len(level) > 1:
            level = [
                k.let(f"q{i}|ab|m{i}", k.wp.lerp(a, b, u))
                for i, (a, b) in enumerate(itertools.pairwise(level))
            ]
        v = level[0]
    k.give("point|curve|sample|interp", v)


@CATEGORY.motif()
def extremes_of_components(k: Kit) -> None:
    """Which component is largest."""
    n = length_of(k)
    t = vec(n, k.rng.choice((k.real, k.real, I32)))
    v = k.input("v|scores|values|w", t, -5, 5)
    kind = k.rng.choice(("arg", "axis", "range", "normalize"))
    if kind == "arg":
        best = k.wp.argmax(v) if k.rng.chance(0.5) else k.wp.argmin(v)
        k.give("best|winner|axis", k.cast(best, I32) if k.rng.chance(0.6) else best)
    elif kind == "axis" and n == 3 and t.is_float:
        a = k.let("a|mag|av", k.wp.abs(v))
        axis = k.var("axis|major|dim", 0, I32, lo=0, hi=2)
        with k.if_(a[1] > a[0]):
            k.set(axis, 1)
        with k.if_(k.all(a[2] > a[0], a[2] > a[1])):
            k.set(axis, 2)
        k.give("dominant_axis|axis", axis)
    elif kind == "range":
        k.give("spread|extent|peak_to_peak", k.wp.max(v) - k.wp.min(v))
    else:
        low, high = k.let("lo|vmin", k.wp.min(v)), k.let("hi|vmax", k.wp.max(v))
        k.give(
            "relative|normalized|level", (v[0] - low) / (high - low + 1.0) if t.is_float else (v[0] - low) * 2
        )


@CATEGORY.motif()
def other_precision(k: Kit) -> None:
    """Vector arithmetic in another precision."""
    scalar = k.rng.choice([t for t in (F16, F64, F32) if t is not k.real])
    t = vec(k.rng.choice((2, 3, 4)), scalar)
    a = k.input("a_wide|acc|high" if scalar is F64 else "a_half|packed|small", t, -1.0, 1.0)
    b = k.input("b_wide|delta|low" if scalar is F64 else "b_half|other|fine", t, -1.0, 1.0)
    s = k.cast(grow(k, k.real, 1), scalar)
    combined = k.let("c|sum_ab|mixed", k.rng.choice((a + b * s, a * s - b, k.wp.cw_mul(a, b), (a - b) * 0.5)))
    kind = k.rng.integer(0, 2)
    if kind == 0:
        k.give("combined|v_acc|mixed", combined)
    elif kind == 1:
        k.give("dist|norm|length_out", k.to_real(k.wp.length(combined)))
    else:
        n = t.shape[0]
        back: Type = vec(n, k.real)
        k.give("converted|v_out|back", k.make(back, *[k.to_real(combined[i]) for i in range(n)]))


@CATEGORY.motif()
def long_vectors(k: Kit) -> None:
    """Loop over the components of a long vector."""
    n = k.rng.choice((5, 7, 8, 9, 10, 12))
    t = vec(n, k.real)
    a = k.input("features|coeffs|state|taps", t, -1.0, 1.0)
    b = k.input("weights|basis|other|delta", t, -1.0, 1.0)
    kind = k.rng.choice(("dot", "prefix", "update", "shift", "norm"))
    if kind == "dot":
        acc = k.var("acc|total|s", 0.0, k.real, lo=-30.0, hi=30.0)
        with k.for_("c|i|d", n) as i:
            k.add(acc, a[i] * b[i])
        k.give("dot_product|score|response", acc)
    elif kind == "norm":
        k.give(
            "unit_features|normalized|out_v", k.wp.normalize(a + b * k.param("rate|lr|eta", k.real, 0.1, 1.0))
        )
    else:
        w = k.var("w|out_v|result", k.zero(t), lo=-30.0, hi=30.0)
        first = 0 if kind == "update" else 1
        if first:
            k.set(w[0], a[0])
        with k.for_("c|i|d", n, first) as i:
            prev = Value(f"{a.text}[{i.text} - 1]", k.real, a.lo, a.hi, k.author)
            before = Value(f"{w.text}[{i.text} - 1]", k.real, -15.0, 15.0, k.author)
            if kind == "update":
                k.set(w[i], a[i] + (b[i] - a[i]) * 0.5)
            elif kind == "prefix":
                k.set(w[i], before + b[i])
            else:
                k.set(w[i], prev if k.rng.chance(0.5) else prev * 0.5 + b[i])
        k.give("result_vec|shifted|cumulative", w)


@CATEGORY.motif(weight=0.8)
def sphere_and_polar(k: Kit) -> None:
    """Change coordinates."""
    kind = k.rng.choice(("polar", "spherical", "from_polar", "from_spherical", "cylindrical"))
    if kind == "polar":
        p = k.input("p|xy|point", k.vec2, 0.2, 2.0)
        k.give("polar|r_theta", k.make(k.vec2, k.wp.length(p), k.wp.atan2(p[1], p[0])))
    elif kind == "spherical":
        p = k.input("p|xyz|point", k.vec3, 0.2, 2.0)
        r = k.let("r|radius", k.wp.length(p))
        k.give("spherical|r_theta_phi", k.make(k.vec3, r, k.wp.acos(p[2] / r), k.wp.atan2(p[1], p[0])))
    elif kind == "cylindrical":
        p = k.input("p|xyz|point", k.vec3, 0.2, 2.0)
        k.give(
            "cylindrical|rho_phi_z",
            k.make(k.vec3, k.wp.sqrt(p[0] * p[0] + p[1] * p[1]), k.wp.atan2(p[1], p[0]), p[2]),
        )
    elif kind == "from_polar":
        r, a = k.input("r|radius", k.real, 0.1, 2.0), k.input("theta|angle", k.real, -3.0, 3.0)
        k.give("cartesian|xy", r * k.make(k.vec2, k.wp.cos(a), k.wp.sin(a)))
    else:
        a, b = k.input("theta|polar", k.real, 0.1, 3.0), k.input("phi|azimuth", k.real, -3.0, 3.0)
        s = k.let("st|sin_theta", k.wp.sin(a))
        d = k.make(k.vec3, s * k.wp.cos(b), s * k.wp.sin(b), k.wp.cos(a))
        k.give("direction|xyz|dir_out", d * k.param("radius|r|scale", k.real, 0.5, 2.0))
