"""Neighbours by bounding volume tree and hash grid, and tests between triangles and edges."""

from __future__ import annotations

from warpgen.synthesis.blocks.queries import bvh, cloud, count, each, hash_grid, named, query
from warpgen.synthesis.categories.geometry_query import CATEGORY
from warpgen.synthesis.kit.draft import Array
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32
from warpgen.synthesis.language.values import Value, call

_CLOUD = "positions|points|particle_q|x|centers"
_HALF = (0.05, 0.1, 0.15, 0.2, 0.25)


def _own(k: Kit, points: Array) -> Value:
    """The thread's own point of the cloud."""
    return k.define("p|x|pos|xi|center", points[k.flat])


def _box(k: Kit, p: Value, r: Value) -> tuple[Value, Value]:
    e = k.make(k.vec3, r, r, r) if k.rng.chance(0.6) else k.define("extent|ext|half", k.make(k.vec3, r))
    return k.define("lower|lo|lower_bound", p - e), k.define("upper|hi|upper_bound", p + e)


class _Gather:
    """Sums over neighbours: made before the loop, fed in it, given behind it."""

    def __init__(self, k: Kit, points: Array) -> None:
        self.k = k
        self.points = points
        self.what = k.rng.choice(("count", "density", "repel", "mean", "nearest", "value"))
        n = float(count(points))
        self.n = k.var("count|num_neighbors|n", 0, I32, lo=0, hi=n)
        self.total = k.var("rho|density|sum|total", 0.0, k.real, lo=0.0, hi=8.0 * n)
        self.force = k.var("f|force|accum|avg", 0.0, k.vec3, lo=-8.0 * n, hi=8.0 * n)
        self.best = k.var("best|min_dist|closest_dist", k.number(4.0, 10.0), k.real, lo=0.0, hi=10.0)
        self.index = k.var("nearest|best_index|closest", -1, I32, lo=-1, hi=n)

    def feed(self, x: Value, j: Value, radius: Value) -> None:
        k, what = self.k, self.what
        if k.rng.chance(0.5):
            if k.rng.chance(0.5):
                k.continue_if(j.eq(k.cast(k.flat, I32)))
                self._pair(x, j, radius)
            else:
                with k.if_(j.ne(k.cast(k.flat, I32))):
                    self._pair(x, j, radius)
            return
        if what == "count" and k.rng.chance(0.5):
            k.add(self.n, 1)
            return
        self._pair(x, j, radius)

    def _pair(self, x: Value, j: Value, radius: Value) -> None:
        k, what = self.k, self.what
        d = k.define("d|delta|xij|r_vec", x - self.points[j])
        r = k.define("r|dist|l|distance", k.wp.length(d).within(0.0, 7.0))
        with k.if_(r < radius):
            if what == "count":
                k.add(self.n, 1)
            elif what == "density":
                q = k.let("q|w|t", 1.0 - r / radius).within(0, 1)
                k.add(self.total, q * q if k.rng.chance(0.5) else q * q * q)
            elif what == "repel":
                push = k.let(
                    "push|w|s", (radius - r).within(0, 2) * k.param("ke|stiffness|strength", k.real, 0.5, 4.0)
                )
                k.add(self.force, k.wp.normalize(d) * push)
            elif what == "mean":
                k.add(self.force, self.points[j])
                k.add(self.n, 1)
            elif what == "nearest":
                with k.if_(k.all(r < self.best, r > 0.0)):
                    k.set(self.best, r)
                    k.set(self.index, j)
            else:
                values = k.array("values|masses|weights|field", k.real, lo=0.1, hi=1.0)
                w = k.wp.exp(-(r * r) / (radius * radius)) if k.rng.chance(0.5) else k.lit(1.0) - r / radius
                k.add(self.total, values[j] * w)

    def give(self) -> None:
        k, what = self.k, self.what
        if what == "count":
            k.give("counts|num_neighbors|neighbor_count", self.n)
        elif what in ("density", "value"):
            k.give("density|rho|sums", self.total)
        elif what == "repel":
            k.give("force|f|displacement", self.force)
        elif what == "mean":
            k.give("center_of_mass|avg_position|centroid", self.force / k.wp.max(k.to_real(self.n), 1.0))
        else:
            k.give("nearest|nearest_index|neighbor", self.index)
            k.give("nearest_dist|min_dist|spacing", self.best)


@CATEGORY.motif(f32=True, weight=1.6)
def grid_neighbors(k: Kit) -> None:
    """Visit the neighbors of a point in a hash grid."""
    points = cloud(k, _CLOUD)
    width = k.rng.choice((0.2, 0.25, 0.3, 0.4))
    grid = hash_grid(k, points, width)
    x = _own(k, points) if k.rng.chance(0.75) else k.input("query_points|p|samples", k.vec3, -1.0, 1.0)
    radius = k.param("radius|h|search_radius|cell_size|support", k.real, 0.2, 0.6)
    gather = _Gather(k, points)
    expression = query(k, "hash_grid_query", grid, x, radius)
    style = k.rng.choice(("for", "for", "named", "next"))
    found = expression if style == "for" else named(k, "query|neighbors|q", expression)
    advance = "hash_grid_query_next" if style == "next" else ""
    with each(k, "j|index|neighbor|other", found, count(points), advance) as j:
        gather.feed(x, j, radius)
    gather.give()


@CATEGORY.motif(rank=1, f32=True)
def sorted_order(k: Kit) -> None:
    """Work on points in the order of the grid's cells."""
    points = cloud(k, _CLOUD)
    grid = hash_grid(k, points, k.rng.choice((0.2, 0.3, 0.5)))
    i = k.define(
        "i|index|p_id|pid|idx",
        call("wp.hash_grid_point_id", [grid, k.i], I32, 0, count(points) - 1, k.author),
    )
    if k.rng.chance(0.3):
        return _sorted_copy(k, points, i)
    x = k.define("x|p|xi|pos", points[i])
    radius = k.param("radius|h|support", k.real, 0.2, 0.6)
    rho = k.var("rho|density|n", 0.0, k.real, lo=0.0, hi=float(count(points)))
    with each(k, "j|other|nb", query(k, "hash_grid_query", grid, x, radius), count(points)) as j:
        r = k.let("r|dist", k.wp.length(x - points[j]).within(0, 4))
        with k.if_(r < radius):
            q = k.let("q|t", (1.0 - r / radius).within(0, 1))
            k.add(rho, k.rng.choice((q * q, q, q * q * q)))
    k.give("density|rho|number_density", rho)


def _sorted_copy(k: Kit, points: Array, i: Value) -> None:
    k.give("sorted_points|sorted_positions|x_sorted", points[i])
    mass = k.array("mass|masses|weights", k.real, lo=0.5, hi=2.0)
    k.give("sorted_mass|mass_sorted|m_sorted", mass[i])


@CATEGORY.motif(f32=True)
def grid_viscosity(k: Kit) -> None:
    """Smooth velocities over the neighbors in a hash grid."""
    points = cloud(k, _CLOUD)
    grid = hash_grid(k, points, k.rng.choice((0.25, 0.3, 0.4)))
    x = _own(k, points)
    velocities = k.array("velocities|v|particle_qd|vel", k.vec3, lo=-1.0, hi=1.0)
    v = k.define("v|vi|vel", velocities[k.flat])
    h = k.param("h|radius|smoothing_length", k.real, 0.25, 0.7)
    n = float(count(points))
    dv = k.var("dv|xsph|delta_v|accum", 0.0, k.vec3, lo=-4 * n, hi=4 * n)
    norm = k.var("norm|w_sum|weight", 0.0, k.real, lo=0.0, hi=n)
    normalised = k.rng.chance(0.5)
    with each(k, "j|index|nb", query(k, "hash_grid_query", grid, x, h), count(points)) as j:
        r2 = k.define("r2|dist_sq|d2", k.wp.length_sq(x - points[j]).within(0, 12))
        with k.if_(r2 < h * h):
            w = k.define("w|weight|kernel", (1.0 - r2 / (h * h)).within(0, 1))
            k.add(dv, (velocities[j] - v) * w)
            if normalised:
                k.add(norm, w)
    if normalised:
        k.give("dv|smoothed|delta_v", dv / (norm + k.number(1e-3, 0.1)))
    else:
        k.give("dv|xsph_vel|delta_v", dv * k.param("c|viscosity|alpha", k.real, 0.01, 0.5))


@CATEGORY.motif(f32=True, weight=1.5)
def box_overlaps(k: Kit) -> None:
    """Find the boxes of a tree that overlap a query volume."""
    points = cloud(k, _CLOUD)
    tree = bvh(k, points, k.rng.choice(_HALF))
    x = _own(k, points) if k.rng.chance(0.6) else k.input("query_points|p|samples", k.vec3, -1.0, 1.0)
    r = k.param("radius|r|margin|query_radius", k.real, 0.1, 0.5)
    gather = _Gather(k, points)
    style = k.rng.choice(("aabb", "aabb", "sphere", "group"))
    root: list[Value | str] = []
    if style == "group":
        group = (
            k.param("group|env|world|layer", I32, 0, 3) if k.rng.chance(0.6) else k.lit(k.rng.integer(0, 3))
        )
        root = [k.let("root|group_root", query(k, "bvh_get_group_root", tree, group))]
    if style == "sphere":
        found = query(k, "bvh_query_sphere", tree, x, r)
    else:
        found = query(k, "bvh_query_aabb", tree, *_box(k, x, r), *root)
    with each(
        k, "j|idx|index|item|bound", named(k, "query|q|overlaps", found), count(points), "bvh_query_next"
    ) as j:
        gather.feed(x, j, r)
    gather.give()


@CATEGORY.motif(f32=True, weight=1.2)
def nearest_ball(k: Kit) -> None:
    """Nearest of many balls along a ray, by a tree."""
    points = cloud(k, _CLOUD)
    half = k.rng.choice((0.2, 0.3, 0.4))  # smaller balls are hardly ever hit
    tree = bvh(k, points, half)
    o = k.input("ray_origin|origin|start", k.vec3, -2.0, 2.0)
    if k.rng.chance(0.5):
        d = k.input("ray_dir|dir|d", k.vec3, unit=True)
    else:
        d = k.define("d|dir|ray_dir", k.wp.normalize(k.param("target|look_at|center", k.vec3, -0.3, 0.3) - o))
    far = k.number(5.0, 10.0)
    best = k.var("t_min|best_t|closest_t", far, k.real, lo=0.0, hi=far)
    which = k.var("hit_index|best_index|hit_id", -1, I32, lo=-1, hi=count(points))
    limit: list[Value] = [best] if k.rng.chance(0.5) else []
    r = k.param("radius|r|ball_radius", k.real, half / 2, half)
    found = named(k, "query|q", query(k, "bvh_query_ray", tree, o, d))
    with each(k, "i|idx|index|j", found, count(points), "bvh_query_next", *limit) as j:
        oc = k.define("oc|rel|m", o - points[j])
        b = k.define("b|half_b|bq", k.wp.dot(oc, d).within(-6, 6))
        c = k.wp.dot(oc, oc).within(0, 36) - r * r
        disc = k.define("disc|h|discriminant", b * b - c)
        with k.if_(disc > 0.0):
            t = k.define("t|t_hit|dist", -b - k.wp.sqrt(disc))
            with k.if_(k.all(t > 0.0, t < best)):
                k.set(best, t)
                k.set(which, j)
    k.give("hit_dist|t_min|depth", best)
    k.give("hit_index|ids|hits", which)


@CATEGORY.motif(f32=True)
def capsule_sweep(k: Kit) -> None:
    """Sweep a capsule through a tree and keep the closest approach."""
    points = cloud(k, _CLOUD)
    tree = bvh(k, points, k.rng.choice(_HALF))
    a = k.input("p0|start|a|x_prev", k.vec3, -1.0, 1.0)
    if k.rng.chance(0.5):
        seg = k.define(
            "seg|dir|ab|motion",
            k.load("velocities|v|vel", k.vec3, -2.0, 2.0) * k.param("dt|time_step", k.real, 0.05, 0.5),
        )
    else:
        seg = k.define("seg|dir|ab", k.load("p1|end|b", k.vec3, -1.0, 1.0) - a)
    radius = k.param("radius|capsule_radius|r", k.real, 0.1, 0.4)
    closest = k.var("closest|min_dist|gap", k.number(2.0, 5.0), k.real, lo=-1.0, hi=5.0)
    hits = k.var("count|hits|num_hits", 0, I32, lo=0, hi=count(points))
    found = named(k, "query|q|sweep", query(k, "bvh_query_capsule", tree, a, seg, radius))
    with each(k, "item|i|idx|index", found, count(points), "bvh_query_next", "1.0") as j:
        t = k.define(
            "t|s|u",
            k.wp.clamp(k.wp.dot(points[j] - a, seg) / (k.wp.dot(seg, seg) + 1e-3), 0.0, 1.0).within(0, 1),
        )
        gap = k.define("gap|d|dist", k.wp.length(a + seg * t - points[j]).within(0, 5) - radius)
        if k.rng.chance(0.5):
            with k.if_(gap < 0.0):
                k.add(hits, 1)
        k.set(closest, k.wp.min(closest, gap))
    k.give("gap|clearance|min_dist", closest)
    k.give("contacts|num_hits|hit_count", hits)


@CATEGORY.motif(rank=1, f32=True)
def collect_pairs(k: Kit) -> None:
    """Append overlapping pairs to a list."""
    points = cloud(k, _CLOUD)
    half = k.rng.choice(_HALF)
    tree = bvh(k, points, half)
    i = k.i
    x = _own(k, points)
    capacity = k.rng.choice((256, 512, 1024))
    counter = k.inout("pair_count|num_pairs|counter", I32, kind="constant")
    pairs = k.output("pairs|contact_pairs|pair_list", I32)
    pairs.spec.fixed = (2 * capacity,)
    most = k.size("max_pairs|capacity|max_contacts", capacity)
    r = k.param("margin|radius|half_extent", k.real, half, 2 * half)
    found = named(k, "query|q", query(k, "bvh_query_aabb", tree, *_box(k, x, r)))
    with each(k, "j|other|idx", found, count(points), "bvh_query_next") as j:
        if k.rng.chance(0.5):
            k.continue_if(j <= i)
            slot = _append(k, counter)
            with k.if_(slot < most):
                _write_pair(k, pairs, slot.within(0, capacity - 1), i, j)
        else:
            with k.if_(k.all(j > i, k.wp.length(points[j] - x).within(0, 4) < r * 2.0)):
                slot = _append(k, counter)
                with k.if_(slot < most):
                    _write_pair(k, pairs, slot.within(0, capacity - 1), i, j)


def _append(k: Kit, counter: Array) -> Value:
    k.forward_only()
    return k.define("slot|pos|out_idx|offset", k.atomic("add", counter, 0, 1).within(0, 1 << 20))


def _write_pair(k: Kit, pairs: Array, slot: Value, i: Value, j: Value) -> None:
    k.store(pairs, slot * 2, i)
    k.store(pairs, slot * 2 + 1, j)


@CATEGORY.motif(rank=1, f32=True)
def edge_edge_distance(k: Kit) -> None:
    """Closest points of two edges."""
    x = k.array("x|positions|particle_q|vertices", k.vec3, lo=-1.0, hi=1.0)
    edges = k.index_array("edge_indices|edges|edge_pairs", 64)
    ends = [
        k.define(n, x[edges[k.i * 4 + c]])
        for c, n in enumerate(("p1|x0|a0", "q1|x1|a1", "p2|y0|b0", "q2|y1|b1"))
    ]
    eps = k.lit(k.rng.choice((1e-6, 1e-5, 1e-4)))
    std = k.define(
        "st|std|params|bary", call("wp.closest_point_edge_edge", [*ends, eps], k.vec3, 0, 4, k.author)
    )
    s, t, d = (std[0].within(0, 1), std[1].within(0, 1), std[2].within(0, 4))
    c1 = k.define("c1|ca|point_a", ends[0] + (ends[1] - ends[0]) * s)
    c2 = k.define("c2|cb|point_b", ends[2] + (ends[3] - ends[2]) * t)
    if k.rng.chance(0.5):
        n = k.let("n|normal|dir", k.wp.normalize(c1 - c2))
        depth = k.let("c|depth|penetration", d - k.param("thickness|radius|margin", k.real, 0.05, 0.3))
        f = k.var("f|force|push", 0.0, k.vec3, lo=-100.0, hi=100.0)
        with k.if_(depth < 0.0):
            k.set(f, n * (-depth * k.param("ke|stiffness|k_contact", k.real, 1.0, 20.0)))
        k.give("force|f|contact_force", f)
    else:
        k.give("gap|edge_dist|distance", d if k.rng.chance(0.3) else k.wp.length(c1 - c2))
        k.give("midpoint|contact_point|mid", (c1 + c2) * 0.5)


@CATEGORY.motif()
def triangle_overlap(k: Kit) -> None:
    """Whether two triangles intersect."""
    if k.real.name == "float16":
        k.expect(False, "wp.intersect_tri_tri takes single or double precision")
    first = [k.load(n, k.vec3, -1.0, 1.0) for n in ("v0|a0|p0", "v1|a1|p1", "v2|a2|p2")]
    shift = k.param("offset|translation|delta", k.vec3, -0.5, 0.5)
    moved = []
    if k.rng.chance(0.5):
        second = [k.load(n, k.vec3, -1.0, 1.0) for n in ("u0|b0|q0", "u1|b1|q1", "u2|b2|q2")]
    else:
        # One corner goes the other way, or the two would be parallel and never meet.
        moved = [first[0] + shift, first[1] - shift, first[2] + shift]
        second = [k.let(n, v) for n, v in zip(("u0|b0", "u1|b1", "u2|b2"), moved, strict=True)]
    args: list[Value | str] = [*first, *second]
    meets = k.define("hit|overlap|intersects", call("wp.intersect_tri_tri", args, I32, 0, 1, k.author))
    center = (first[0] + first[1] + first[2]) / 3.0 - (second[0] + second[1] + second[2]) / 3.0
    if k.rng.chance(0.5):
        gap = k.var("gap|dist|separation", 0.0, k.real, lo=0.0, hi=8.0)
        with k.if_(meets.eq(0)):
            k.set(gap, k.wp.length(center).within(0, 8))
        k.give("separation|gap|dist", gap)
    else:
        k.give("overlap|hits|intersects", meets)
        if not moved:
            k.give("center_dist|separation", k.wp.length(center))
    if moved:  # triangles that hardly ever meet would not show where their corners are
        normal = k.wp.cross(first[1] - first[0], first[2] - first[0])
        k.give("area|tri_area|double_area", k.wp.length(normal).within(0, 14))
