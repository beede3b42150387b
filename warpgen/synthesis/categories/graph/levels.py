"""Graphs: levels, ranks, components, triangles, relaxations, colours, walks."""

from __future__ import annotations

from contextlib import AbstractContextManager

from warpgen.launch import FillKind
from warpgen.synthesis.categories.graph import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32
from warpgen.synthesis.language.values import Value

_OFFSETS = "row_offsets|offsets|row_ptr|indptr|first_edge"
_TARGETS = "neighbors|adjacency|col_indices|edge_targets|adj"


class Vertex:
    """This thread's vertex and the edges out of it, as a CSR row or a table of fixed width."""

    def __init__(self, k: Kit) -> None:
        self.k = k
        self.v = k.flat
        self.count = k.draft.shape[0]
        self.fixed = k.rng.chance(0.3)
        self.degree = k.rng.choice((3, 4, 6))
        self.edges = self.degree * self.count if self.fixed else k.rng.choice((128, 192, 256))
        # Two edge arrays of one graph share their layout, so the choice is made once.
        self.start: Value | None = None
        self.end: Value | None = None
        if not self.fixed:
            self.start, self.end = k.csr(_OFFSETS, self.edges)
        self.targets = k.index_array(_TARGETS, self.count, 2 if self.fixed else 1)

    def each(self, names: str = "e|edge|nz|j") -> AbstractContextManager[Value]:
        """The loop over the edges."""
        if self.start is not None and self.end is not None:
            return self.k.for_(names, self.end, self.start)
        return self.k.for_(names, self.degree)

    def target(self, e: Value) -> Value:
        return self.k.define("u|nb|other|dst", self.targets[(self.v, e) if self.fixed else e])

    def weight(self, e: Value, names: str, lo: float, hi: float) -> Value:
        weights = self.k.array(names, self.k.real, 2 if self.fixed else 1, lo=lo, hi=hi)
        return self.k.let("w|weight|w_e", weights[(self.v, e) if self.fixed else e])

    def size(self) -> Value:
        """Number of edges out of the vertex."""
        if self.start is not None and self.end is not None:
            return self.k.let("deg|degree|num_nbrs", (self.end - self.start).within(0, self.edges))
        return self.k.lit(self.degree)


@CATEGORY.motif(rank=1)
def bfs_level(k: Kit) -> None:
    """One level of a breadth-first search."""
    g = Vertex(k)
    level = k.param("level|depth|current_level", I32, 0, 2)
    kind = k.rng.choice(("push", "pull", "frontier", "bitmap"))
    dist = k.array("levels_in|dist|depths", I32, lo=-1, hi=3)
    own = k.define("own|mine|d_v", dist[g.v])
    if kind in ("push", "frontier"):
        out = k.output("next_levels|dist_out|visited", I32)
        changed = k.output("frontier_size|changed|num_updated", I32)
        with k.if_(own.eq(level)), g.each() as e:
            u = g.target(e)
            with k.if_(dist[u] < 0):
                if kind == "push":
                    k.store(out, u, level + 1)
                    k.discard(k.atomic("add", changed, 0, 1))
                else:
                    k.discard(k.atomic("max", out, u, level + 1))
        k.give("active|in_frontier", k.wp.where(own.eq(level), k.lit(1), k.lit(0)))
        return
    if kind == "bitmap":
        reached = k.var("reached|hits|seen", 0, I32, lo=0, hi=256)
        with g.each() as e:
            u = g.target(e)
            with k.if_(dist[u].eq(level)):
                k.add(reached, 1)
        k.give("reached|parents_in_level", reached)
        return
    new = k.var("new_level|found|d_new", own, lo=-1, hi=4)
    with k.if_(own < 0), g.each() as e:
        u = g.target(e)
        with k.if_(dist[u].eq(level)):
            k.set(new, level + 1)
            if k.rng.chance(0.6):
                k.leave("break")
    k.give("new_level|levels", new)


@CATEGORY.motif(rank=1)
def page_rank(k: Kit) -> None:
    """One iteration of PageRank or another random-walk rank."""
    g = Vertex(k)
    rank = k.array("rank|scores|rank_in|page_rank", k.real, lo=0.0, hi=1.0)
    damping = k.param("damping|alpha|d", k.real, 0.5, 0.95)
    kind = k.rng.choice(("pull", "push", "katz", "hits", "personal"))
    if kind == "push":
        out = k.output("rank_out|next_rank|incoming", k.real)
        share = k.define(
            "share|contribution|portion", damping * rank[g.v] / k.wp.max(k.to_real(g.size()), 1.0)
        )
        with g.each() as e:
            k.discard(k.atomic("add", out, g.target(e), share))
        return
    total = k.var("total|acc|inflow", 0.0, k.real, lo=0.0, hi=600.0)
    degrees = (
        k.array("out_degree|degrees|num_links", I32, lo=1, hi=8) if kind in ("pull", "personal") else None
    )
    with g.each() as e:
        u = g.target(e)
        k.add(total, rank[u] / k.to_real(degrees[u]) if degrees is not None else rank[u])
    if kind == "hits":
        norm = k.param("norm|scale|inv_norm", k.real, 0.1, 1.0)
        k.give("authority|hub_score", total * norm)
    elif kind == "katz":
        beta = k.param("beta|bias|base", k.real, 0.1, 1.0)
        k.give("centrality|katz", 0.1 * damping * total + beta)
    else:
        teleport = k.load("teleport|restart|prior", k.real, 0.0, 1.0) if kind == "personal" else 1.0 / g.count
        new = k.let("new_rank|r_new", (1.0 - damping) * teleport + damping * total)
        k.give("new_rank|score", new)
        if k.rng.chance(0.4):
            k.give("delta|change", k.wp.abs(new - rank[g.v]))


@CATEGORY.motif(rank=1)
def degree_statistics(k: Kit) -> None:
    """Degree, strength or clustering numbers of a vertex."""
    g = Vertex(k)
    kind = k.rng.choice(("strength", "neighbour_mean", "loops", "max_weight", "assortativity", "entropy"))
    if kind == "loops":
        loops, above = (
            k.var("loops|self_loops", 0, lo=0, hi=256),
            k.var("above|upper|forward", 0, lo=0, hi=256),
        )
        with g.each() as e:
            u = g.target(e)
            with k.if_(u.eq(g.v)):
                k.add(loops, 1)
            with k.elif_(u > g.v):
                k.add(above, 1)
        k.give("self_loops|loops", loops)
        k.give("forward|out_upper", above)
        return
    acc = k.var("acc|strength|total", 0.0, k.real, lo=0.0, hi=2000.0)
    feature = k.array("node_feature|signal_v|values", k.real, lo=0.0, hi=1.0)
    with g.each() as e:
        if kind == "strength":
            k.add(acc, g.weight(e, "edge_weights|weights|w", 0.1, 2.0))
        elif kind == "max_weight":
            k.set(acc, k.wp.max(acc, g.weight(e, "edge_weights|weights|w", 0.1, 2.0)))
        elif kind == "entropy":
            w = k.define("w|p|weight", g.weight(e, "probs|edge_prob|weights", 0.05, 1.0))
            k.change(acc, "-", w * k.wp.log(w))
        else:
            k.add(acc, feature[g.target(e)])
    if kind in ("neighbour_mean", "assortativity"):
        mean = k.let("mean|avg|nbr_mean", acc / k.wp.max(k.to_real(g.size()), 1.0))
        k.give("neighbor_mean|smoothed", mean if kind == "neighbour_mean" else mean * feature[g.v])
    else:
        k.give("strength|weighted_degree", acc)
    if k.rng.chance(0.4):
        hist = k.output("degree_hist|degree_counts|histogram", I32)
        bin_ = k.define("bin_id|d_clamped|slot", k.wp.min(g.size(), 15))
        k.discard(k.atomic("add", hist, bin_, 1))


@CATEGORY.motif(rank=1)
def shortest_path(k: Kit) -> None:
    """Relax the edges of a vertex or one edge."""
    by_edge = k.rng.chance(0.4)
    n = k.draft.shape[0]
    dist = k.array("dist|distances|cost_in|tentative", k.real, lo=0.0, hi=20.0)
    if by_edge:
        src, dst = k.index_array("edge_src|sources|from_ids", n), k.index_array("edge_dst|targets|to_ids", n)
        u, v = k.define("u|a|src_v", src[k.flat]), k.define("v|b|dst_v", dst[k.flat])
        w = k.load("edge_weight|w|length", k.real, 0.1, 3.0)
        out = k.inout("dist_out|relaxed|best_cost", k.real, lo=15.0, hi=25.0)
        cand = k.define("cand|alt|through", dist[u] + w)
        if k.rng.chance(0.6):
            with k.if_(cand < dist[v]):
                k.discard(k.atomic("min", out, v, cand))
        else:
            k.discard(k.atomic("min", out, v, cand))
            k.discard(k.atomic("min", out, u, dist[v] + w))
        return
    g = Vertex(k)
    kind = k.rng.choice(("min", "parent", "widest", "soft", "eikonal"))
    own = k.define("own|d_v|mine", dist[g.v])
    if kind == "soft":
        acc = k.var("acc|z|total", k.wp.exp(-own), lo=0.0, hi=300.0)
        with g.each() as e:
            u = g.target(e)
            k.add(acc, k.wp.exp(-(dist[u] + g.weight(e, "edge_weights|lengths|w", 0.1, 3.0))))
        k.give("soft_dist|free_energy", -k.wp.log(acc + 1e-3))
        return
    best, parent = (
        k.var("best|d_new|shortest", own, lo=0.0, hi=25.0),
        k.var("parent|pred|via", -1, lo=-1, hi=n),
    )
    with g.each() as e:
        u = g.target(e)
        # The narrowest edge on the way shows where edges are about as wide as ways.
        w = g.weight(e, "edge_weights|lengths|w", *((5.0, 20.0) if kind == "widest" else (0.1, 3.0)))
        if kind == "widest":
            k.set(best, k.wp.max(best, k.wp.min(dist[u], w)))
        elif kind == "eikonal":
            k.set(best, k.wp.min(best, dist[u] + w))
        else:
            cand = k.define("cand|alt|through", dist[u] + w)
            with k.if_(cand < best):
                k.set(best, cand)
                k.set(parent, u)
    k.give("dist_new|shortest", best)
    if kind == "parent":
        k.give("parent|pred", parent)
    elif k.rng.chance(0.3):
        k.discard(k.atomic("max", k.output("max_change|residual|improvement", k.real), 0, own - best))


@CATEGORY.motif(rank=1)
def triangle_count(k: Kit) -> None:
    """Count the triangles at a vertex or edge."""
    n = k.draft.shape[0]
    width = k.rng.choice((3, 3, 4))
    hubs = min(n, 16)  # few targets, so that rows share some
    kind: FillKind = k.rng.choice(("ascending", "uniform"))
    nbrs = k.array("neighbors|adjacency|sorted_adj", I32, 2, lo=0, hi=hubs - 1, kind=kind)
    v = k.flat
    count = k.var("count|triangles|closed", 0, lo=0, hi=200)
    if nbrs.spec.kind == "ascending" and k.rng.chance(0.6):
        other = k.define("u|other|b", k.index_array("edge_dst|partners|heads", n)[v])
        p, q = k.var("p|ia|i0", 0, lo=0, hi=width), k.var("q|ib|j0", 0, lo=0, hi=width)
        with k.while_(k.all(p < width, q < width)):
            x, y = (
                k.define("x|a|nu", nbrs[v, p.within(0, width - 1)]),
                k.define("y|c|nv", nbrs[other, q.within(0, width - 1)]),
            )
            with k.if_(x.eq(y)):
                k.add(count, 1)
                k.add(p, 1)
                k.add(q, 1)
            with k.elif_(x < y):
                k.add(p, 1)
            with k.else_():
                k.add(q, 1)
        k.give("common|shared_neighbors", count)
        if k.rng.chance(0.5):
            k.give("jaccard|similarity", k.to_real(count) / k.to_real(2 * width - count).within(1.0, 10.0))
        return
    with k.for_("a|s|p", width) as a:
        first = k.define("u|na|first", nbrs[v, a])
        with k.for_("b|t|q", width) as b:
            second = k.define("w|nb|second", nbrs[first, b])
            with k.for_("c|r|o", width) as c:
                with k.if_(nbrs[v, c].eq(second)):
                    k.add(count, 1)
    if k.rng.chance(0.5):
        k.give("clustering|coefficient", k.to_real(count) / float(width * (width - 1)))
    else:
        k.give("triangles|count", count)


@CATEGORY.motif(rank=1)
def components(k: Kit) -> None:
    """Connected components by labels or union and find."""
    n = k.draft.shape[0]
    kind = k.rng.choice(("labels", "hook", "compress", "find", "edge"))
    parent = k.array("parent|labels|component|roots", I32, lo=0, hi=n - 1)
    v = k.flat
    if kind == "labels":
        g = Vertex(k)
        best = k.var("label|best|smallest", parent[v], lo=0, hi=n - 1)
        with g.each() as e:
            k.set(best, k.wp.min(best, parent[g.target(e)]))
        k.give("new_label|component", best)
        return
    if kind == "compress":
        p = k.define("p|up|parent_v", parent[v])
        gp = k.define("gp|grand|root", parent[p])
        if k.rng.chance(0.4):
            gp = k.define("ggp|root2|top", parent[gp])
        k.give("parent_out|compressed", gp)
        k.give("changed|moved", k.wp.where(p.ne(gp), k.lit(1), k.lit(0)))
        return
    if kind == "find":
        r, hops = k.var("root|r|cur", v, lo=0, hi=n - 1), k.var("hops|depth|steps", 0, lo=0, hi=20)
        with k.while_(k.all(parent[r].ne(r), hops < k.rng.choice((6, 8, 16)))):
            k.set(r, parent[r])
            k.add(hops, 1)
        k.give("root|component", r)
        k.give("depth|hops", hops)
        return
    src, dst = k.index_array("edge_src|tails|u_ids", n), k.index_array("edge_dst|heads|v_ids", n)
    a, b = k.define("a|ra|pu", parent[src[v]]), k.define("b|rb|pv", parent[dst[v]])
    hi, lo = k.define("hi|high|loser", k.wp.max(a, b)), k.define("lo|low|winner", k.wp.min(a, b))
    # Every vertex starts under the last one, so that each hook pulls it down.
    out = k.inout("parent_out|hooked|forest", I32, lo=n - 1, hi=n, kind="constant")
    out.spec.value = n - 1
    with k.if_(a.ne(b)):
        k.discard(k.atomic("min", out, hi, lo))
        if kind == "edge":
            k.discard(k.atomic("add", k.output("num_hooks|merged|changes", I32), 0, 1))


@CATEGORY.motif(rank=1)
def message_passing(k: Kit) -> None:
    """Aggregate features over the neighbours."""
    g = Vertex(k)
    t = k.rng.choice((k.real, k.vec3, k.vec3, k.vec4, k.vec2))
    h = k.array("features|h|node_feats|embeddings", t, lo=-1.0, hi=1.0)
    kind = k.rng.choice(("sum", "mean", "gcn", "attention", "max", "gin", "edge_gate", "heat"))
    own = k.define("own|h_v|center", h[g.v])
    acc = k.var("acc|agg|msg_sum", 0.0 if t is k.real else k.zero(t), t, lo=-900.0, hi=900.0)
    norm = k.var("norm|w_sum|denom", 0.0, k.real, lo=0.0, hi=5000.0)
    inv = k.array("inv_sqrt_deg|norm_coeff|deg_scale", k.real, lo=0.3, hi=1.0) if kind == "gcn" else None
    with g.each() as e:
        u = g.target(e)
        m = k.let("msg|h_u|m", h[u])
        if inv is not None:
            k.add(acc, inv[u] * inv[g.v] * m)
        elif kind == "attention":
            score = k.wp.dot(own, m) if t.shape else own * m
            w = k.define("a|att|w", k.wp.exp(0.5 * score))
            k.add(acc, w * m)
            k.add(norm, w)
        elif kind == "max":
            k.set(acc, k.wp.max(acc, m))
        elif kind == "edge_gate":
            k.add(acc, g.weight(e, "edge_gate|edge_feats|gates", 0.0, 1.0) * m)
        elif kind == "heat":
            k.add(acc, m - own)
        else:
            k.add(acc, m)
    if kind == "mean":
        k.give("aggregated|h_new", acc / k.wp.max(k.to_real(g.size()), 1.0))
    elif kind == "attention":
        k.give("aggregated|h_new", acc / (norm + 0.01))
    elif kind == "gin":
        eps = k.param("eps|epsilon|self_weight", k.real, 0.0, 0.5)
        k.give("aggregated|h_new", (1.0 + eps) * own + acc)
    elif kind == "heat":
        dt = k.param("dt|tau|rate", k.real, 0.01, 0.2)
        k.give("diffused|h_new", own + dt * acc)
    else:
        k.give("aggregated|h_new|agg", acc)
