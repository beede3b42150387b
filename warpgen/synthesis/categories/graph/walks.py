"""More graph work: colouring and independent sets, random walks, quantities of edges."""

from __future__ import annotations

from warpgen.synthesis.categories.graph import CATEGORY
from warpgen.synthesis.categories.graph.levels import Vertex
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import F32, I32


@CATEGORY.motif(rank=1)
def colouring(k: Kit) -> None:
    """Greedy colouring, independent sets or matching of a vertex."""
    g = Vertex(k)
    kind = k.rng.choice(("mask", "conflict", "mis", "match", "majority"))
    colours = k.array("colors|colour|color_in", I32, lo=0, hi=7)
    if kind == "mask":
        used = k.var("used|mask|forbidden", 0, I32, lo=0, hi=255)
        with g.each() as e:
            u = g.target(e)
            with k.if_(u.ne(g.v)):
                k.set(used, used | (k.lit(1) << colours[u]).within(1, 255))
        free = k.var("free|color_v|pick", 0, lo=0, hi=8)
        with k.while_(k.all(free < 8, ((used >> free.within(0, 8)) & 1).eq(1))):
            k.add(free, 1)
        k.give("new_color|free", free)
        return
    if kind == "conflict":
        clashes = k.var("conflicts|clashes|bad", 0, lo=0, hi=256)
        with g.each() as e:
            u = g.target(e)
            with k.if_(k.all(u.ne(g.v), colours[u].eq(colours[g.v]))):
                k.add(clashes, 1)
        k.give("conflicts|clashes", clashes)
        return
    if kind == "majority":
        votes, best = (
            k.var("votes|support|agree", 0, lo=0, hi=256),
            k.param("target_color|label|party", I32, 0, 7),
        )
        with g.each() as e:
            u = g.target(e)
            with k.if_(colours[u] <= best):
                k.add(votes, 1)
        own = colours[g.v]
        k.give("adopted|new_color", k.wp.where(votes * 2 > g.size(), best, own))
        return
    priority = k.array("priority|weights|random_key", k.real, lo=0.0, hi=1.0)
    mine = k.define("mine|own_key|p_v", priority[g.v])
    if kind == "mis":
        chosen = k.var("chosen|in_set|is_max", 1, lo=0, hi=1)
        with g.each() as e:
            u = g.target(e)
            with k.if_(k.all(u.ne(g.v), priority[u] >= mine)):
                k.set(chosen, 0)
        k.give("in_set|selected", chosen)
        return
    best_w, mate = (
        k.var("best|top_w|heaviest", 0.0, k.real, lo=0.0, hi=3.0),
        k.var("mate|partner|match_id", -1, lo=-1, hi=g.count),
    )
    with g.each() as e:
        u = g.target(e)
        w = k.define("w|score|pref", mine + priority[u])
        with k.if_(k.all(u.ne(g.v), w > best_w)):
            k.set(best_w, w)
            k.set(mate, u)
    k.give("mate|partner", mate)


@CATEGORY.motif(rank=1, f32=True)
def random_walk(k: Kit) -> None:
    """A short random walk from this vertex."""
    n, width, steps = k.draft.shape[0], k.rng.choice((3, 4)), k.rng.choice((3, 4, 6, 8))
    nbrs = k.array("neighbors|adjacency|links", I32, 2, lo=0, hi=n - 1)
    seed = k.param("seed|walk_seed|rng_seed", I32, 0, 9999)
    state = k.define("state|rng|rand_state", k.wp.rand_init(seed, k.flat))
    cur = k.var("cur|node|pos", k.flat, lo=0, hi=n - 1)
    reward = k.array("reward|node_value|payoff", F32, lo=-1.0, hi=1.0)
    total = k.var("total|ret|collected", 0.0, F32, lo=-10.0, hi=10.0)
    kind = k.rng.choice(("uniform", "restart", "visits", "discount"))
    factor = k.var("factor|disc|g", 1.0, F32, lo=0.0, hi=1.0) if kind == "discount" else None
    visits = k.output("visits|visit_count|hits", I32) if kind == "visits" else None
    with k.for_("s|step|t", steps):
        slot = k.define("slot|choice|arm", k.wp.randi(state, 0, width))
        if kind == "restart":
            p = k.param("restart_prob|teleport|p_reset", F32, 0.05, 0.3)
            u = k.define("r|coin|u", k.wp.randf(state))
            with k.if_(u < p):
                k.set(cur, k.flat)
            with k.else_():
                k.set(cur, nbrs[cur, slot])
        else:
            k.set(cur, nbrs[cur, slot])
        if visits is not None:
            k.discard(k.atomic("add", visits, cur, 1))
        if factor is not None:
            k.add(total, factor * reward[cur])
            k.change(factor, "*", 0.9)
        else:
            k.add(total, reward[cur])
    k.give("walk_value|total", total)
    k.give("end_node|last_node", cur)


@CATEGORY.motif(rank=1)
def edge_features(k: Kit) -> None:
    """Quantities of one edge from its two ends."""
    n = k.draft.shape[0]
    edges = k.array("edges|edge_index|pairs", I32, 2, lo=0, hi=n - 1)
    a, b = k.define("a|i|u", edges[k.flat, 0]), k.define("b|j|v", edges[k.flat, 1])
    kind = k.rng.choice(("gradient", "cut", "modularity", "score", "spring", "flow"))
    x = k.array("node_values|potential|x", k.real, lo=-1.0, hi=1.0)
    if kind == "gradient":
        k.give("edge_grad|difference", x[b] - x[a])
    elif kind == "cut":
        labels = k.array("labels|side|partition_id", I32, lo=0, hi=1)
        w = k.load("weight|w|capacity", k.real, 0.1, 2.0)
        with k.if_(labels[a].ne(labels[b])):
            k.discard(k.atomic("add", k.output("cut_weight|cut_size|total_cut", k.real), 0, w))
        k.give("load|flow_est", w * (x[a] - x[b]))
    elif kind == "modularity":
        deg = k.array("degree|strength|num_links", k.real, lo=1.0, hi=8.0)
        two_m = k.param("two_m|total_weight|edge_total", k.real, 50.0, 200.0)
        k.give("gain|modularity_term", 1.0 - deg[a] * deg[b] / two_m)
    elif kind == "score":
        emb = k.array("embeddings|z|features", k.vec4, lo=-1.0, hi=1.0)
        s = k.let("score|logit|s", k.wp.dot(emb[a], emb[b]))
        k.give("link_prob|score", 1.0 / (1.0 + k.wp.exp(-s)))
    elif kind == "spring":
        p = k.array("layout|positions|coords", k.vec2, lo=-1.0, hi=1.0)
        ideal = k.param("ideal|rest|edge_len", k.real, 0.2, 1.0)
        d = k.define("d|delta|ab", p[b] - p[a])
        f = k.define("f|pull|force", d * ((k.wp.length(d) - ideal) / (k.wp.length(d) + 0.05)))
        forces = k.output("forces|disp|layout_force", k.vec2)
        k.discard(k.atomic("add", forces, a, f))
        k.discard(k.atomic("sub", forces, b, f))
    else:
        capacity = k.load("capacity|limit|cap", k.real, 0.1, 1.0)
        q = k.define("q|flow|push", k.wp.clamp(x[a] - x[b], -capacity, capacity))
        excess = k.output("excess|divergence|net_flow", k.real)
        k.discard(k.atomic("add", excess, b, q))
        k.discard(k.atomic("sub", excess, a, q))
        if k.rng.chance(0.5):
            k.give("saturation|usage", k.wp.abs(q) / capacity)
