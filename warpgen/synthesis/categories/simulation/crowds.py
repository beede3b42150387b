"""Agents: traffic, flocks, opinions, contacts, stock keeping, chains of states."""

from __future__ import annotations

from warpgen.synthesis.categories.simulation import CATEGORY
from warpgen.synthesis.categories.simulation.automata import wrapped
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32
from warpgen.synthesis.language.values import call


@CATEGORY.motif(rank=1, weight=1.3)
def traffic(k: Kit) -> None:
    """Speed of a car that follows another."""
    rng = k.rng
    x = k.array("positions|x|cars", k.real, lo=0.0, hi=100.0)
    v = k.array("speeds|v|vel", k.real, lo=0.0, hi=10.0)
    ahead = k.define("ahead|leader|next_car", wrapped(k, 0, 1))
    road = k.param("road_length|circuit|ring", k.real, 100.0, 200.0)
    gap = k.var("gap|headway|s", x[ahead] - x[k.i], lo=-100.0, hi=200.0)
    with k.if_(gap < 0.0):
        k.add(gap, road)
    speed = k.define("speed|vi|v_own", v[k.i])
    v_max, dt = k.param("v_max|desired|v0", k.real, 8.0, 15.0), k.param("dt|h|time_step", k.real, 0.05, 0.5)
    kind = rng.choice(("idm", "ovm", "cellular", "newell"))
    if kind == "idm":
        a, b = k.param("accel|a_max", k.real, 0.5, 2.0), k.param("decel|comfort_brake|b", k.real, 1.0, 3.0)
        headway = k.param("time_gap|T|reaction", k.real, 0.5, 1.5)
        dv = k.define("dv|approach|closing", speed - v[ahead])
        braking = speed * dv / (2.0 * k.wp.sqrt(a * b))
        desired = k.define("s_star|desired_gap|want", 2.0 + k.wp.max(speed * headway + braking, 0.0))
        free = k.define("free|ratio|q", speed / v_max)
        close = k.define("close|interaction|z", (desired / k.wp.max(gap, 1.0)).within(0.0, 30.0))
        acc = a * (1.0 - free * free * free * free - close * close)
        new = k.wp.clamp(speed + acc * dt, 0.0, v_max)
    elif kind == "ovm":
        kappa = k.param("sensitivity|kappa|gain", k.real, 0.3, 1.5)
        shape = k.wp.tanh(gap * 0.1 - 2.0) + k.wp.tanh(k.lit(2.0))
        target = k.define("v_opt|target|optimal", 0.5 * v_max * shape)
        new = speed + kappa * (target - speed) * dt
    elif kind == "newell":
        new = k.wp.min(v_max, k.wp.max(gap - 2.0, 0.0) / k.param("lag|tau|delay", k.real, 0.5, 2.0))
    else:
        new = k.wp.min(k.wp.min(speed + 1.0, v_max), k.wp.max(gap - 1.0, 0.0))
    new = k.define("v_new|new_speed|v1", new)
    k.give("speed|v_new|velocity", new)
    k.give("position|x_new", x[k.i] + new * dt)


@CATEGORY.motif(rank=1, weight=1.5)
def flock(k: Kit) -> None:
    """Steering of an agent in a flock."""
    rng = k.rng
    n = rng.choice((6, 8, 10, 12, 16))
    space = k.vec2 if rng.chance(0.5) else k.vec3
    x = k.array("positions|pos|x", space, lo=-2.0, hi=2.0)
    v = k.array("velocities|vel|v", space, lo=-1.0, hi=1.0)
    radius = k.param("radius|perception|view_range", k.real, 1.0, 3.0)
    p, own = k.define("p|my_pos|xi", x[k.flat]), k.define("u|my_vel|vi", v[k.flat])
    centre = k.var("center|cohesion|mean_pos", k.zero(space), lo=-40.0, hi=40.0)
    heading = k.var("heading|alignment|mean_vel", k.zero(space), lo=-20.0, hi=20.0)
    push = k.var("push|separation|avoid", k.zero(space), lo=-200.0, hi=200.0)
    seen = k.var("seen|count|neighbors", 0.0, k.real, lo=0.0, hi=16.0)
    count = k.size("num_agents|num_boids", n) if rng.chance(0.3) else n
    with k.for_("j|other", count) as j, k.if_(j.ne(k.flat)):
        d = k.define("d|offset|delta", x[j] - p)
        dist = k.define("dist|r|l", k.wp.length(d))
        with k.if_(dist < radius):
            k.add(centre, x[j])
            k.add(heading, v[j])
            k.add(seen, 1.0)
            near = k.param("min_dist|personal_space", k.real, 0.3, 1.0)
            if rng.chance(0.5):
                with k.if_(dist < near):
                    k.change(push, "-", d)
            else:
                k.change(push, "-", d / (dist * dist + 0.1))
    apart = k.param("w_sep|separation_weight", k.real, 0.1, 1.0)
    steer = k.var("steer|acc|force", push * apart, lo=-300.0, hi=300.0)
    with k.if_(seen > 0.0):
        inv = k.define("inv|rcp|s", 1.0 / (seen + 0.01))
        k.add(steer, (centre * inv - p) * k.param("w_coh|cohesion_weight", k.real, 0.01, 0.2))
        k.add(steer, (heading * inv - own) * k.param("w_ali|alignment_weight", k.real, 0.05, 0.5))
    new = k.define("v1|new_vel", own + steer * k.param("dt|h|time_step", k.real, 0.01, 0.1))
    if rng.chance(0.5):
        limit = k.param("max_speed|v_max|speed_limit", k.real, 0.5, 2.0)
        new = k.wp.normalize(new) * k.wp.min(k.wp.length(new), limit)
    k.give("velocity|v_new|new_vel", new)


@CATEGORY.motif(rank=1)
def opinions(k: Kit) -> None:
    """Opinion of an agent after hearing others."""
    rng = k.rng
    n = rng.choice((4, 6, 8, 10))
    x = k.array("opinions|x|beliefs", k.real, lo=-1.0, hi=1.0)
    mine = k.define("mine|xi|own", x[k.flat])
    eps = k.param("tolerance|confidence|eps", k.real, 0.2, 1.0)
    mu = k.param("mu|influence|rate", k.real, 0.1, 0.5)
    shift = k.var("shift|total|pull", 0.0, k.real, lo=-20.0, hi=20.0)
    heard = k.var("heard|count|weight", 0.0, k.real, lo=0.0, hi=10.0)
    listed = rng.chance(0.6)
    friends = k.index_array("friends|links|followed", 64, 2) if listed else None
    with k.for_("j|f|s", k.size("num_friends|degree", n) if rng.chance(0.3) else n) as j:
        other = k.define("other|theirs|xj", x[friends[k.flat, j] if friends is not None else j])
        d = k.define("d|diff|gap", other - mine)
        if rng.chance(0.6):
            with k.if_(k.wp.abs(d) < eps):
                k.add(shift, d)
                k.add(heard, 1.0)
        else:
            w = k.define("w|trust|attention", k.wp.exp(-(d * d) / eps))
            k.add(shift, w * d)
            k.add(heard, w)
    k.give("opinion|x_new|belief", mine + mu * shift / (heard + 1.0))


@CATEGORY.motif(f32=True)
def inventory(k: Kit) -> None:
    """Stock and cost under random demand."""
    rng = k.rng
    state = k.define("rng|state|rng_state", k.wp.rand_init(k.param("seed|scenario", I32, 1, 500), k.flat))
    opening = k.load("initial_stock|stock0|opening", k.real, 5.0, 20.0)
    stock = k.var("stock|level|on_hand", opening, lo=-100.0, hi=100.0)
    cost = k.var("cost|total_cost|expense", 0.0, k.real, lo=0.0, hi=1e4)
    reorder = k.param("reorder_point|s_min|low_mark", k.real, 3.0, 8.0)
    target = k.param("order_up_to|s_max|target", k.real, 15.0, 30.0)
    mean = k.param("mean_demand|demand|lam", k.real, 1.0, 6.0)
    hold = k.param("holding_cost|h|carry", k.real, 0.1, 1.0)
    short = k.param("shortage_cost|penalty|p", k.real, 1.0, 5.0)
    turns = rng.choice((4, 6, 8, 12))
    queue = rng.chance(0.3)
    with k.for_("day|t|period", k.size("num_days|horizon|periods", turns) if rng.chance(0.3) else turns):
        if queue:
            demand = k.define("demand|d|sold", k.cast(k.wp.poisson(state, mean), k.real).within(0.0, 60.0))
        else:
            demand = k.define("demand|d|sold", k.wp.randf(state, 0.0, 2.0) * mean)
        k.change(stock, "-", demand)
        if rng.chance(0.5):
            with k.if_(stock > 0.0):
                k.add(cost, hold * stock)
            with k.else_():
                k.change(cost, "-", short * stock)
        else:
            k.add(cost, hold * k.wp.max(stock, 0.0) + short * k.wp.max(-stock, 0.0))
        with k.if_(stock < reorder):
            k.set(stock, target)
            if rng.chance(0.5):
                k.add(cost, k.param("order_cost|setup|fixed_cost", k.real, 1.0, 10.0))
    k.give("cost|total_cost", cost)
    k.give("stock|closing", stock)


@CATEGORY.motif()
def markov_chain(k: Kit) -> None:
    """Distribution of a Markov chain after some steps."""
    rng = k.rng
    size = rng.choice((3, 4))
    t, m = (k.vec3, k.mat33) if size == 3 else (k.vec4, k.mat44)
    p = k.var("p|dist|prob", k.input("distribution|p0|prob", t, 0.05, 0.5), lo=0.0, hi=100.0)
    q = k.param("transition|P|kernel", m, 0.1, 0.4)
    turns = rng.choice((2, 3, 4, 6))
    with k.for_("step|t|n", turns):
        total = call("wp.dot", [p, k.make(t, *[1.0] * size)], k.real, 0.0, 400.0, k.author)
        k.set(p, p * q if rng.chance(0.5) else k.wp.transpose(q) * p)
        if rng.chance(0.6):
            k.set(p, p / (k.define("norm|mass|z", total) + 0.01))
    k.give("distribution|p_next|prob", p)
    if rng.chance(0.4):
        reward = k.param("reward|payoff|r", t, -1.0, 1.0)
        k.give("expected|value", k.wp.dot(p, reward))


@CATEGORY.motif(rank=1, f32=True)
def contagion(k: Kit) -> None:
    """Infection of an agent by its contacts."""
    rng = k.rng
    n = rng.choice((3, 4, 6, 8))
    states = k.array("status|states|health", I32, lo=0, hi=2)
    contacts = k.index_array("contacts|network|friends", 64, 2)
    me = k.define("me|my_state|own", states[k.flat])
    infected = k.var("infected|sick|exposure", 0, I32, lo=0, hi=n)
    with k.for_("c|j|edge", k.size("num_contacts|degree", n) if rng.chance(0.3) else n) as c:
        other = k.define("other|friend|contact", contacts[k.flat, c])
        with k.if_(states[other].eq(1)):
            k.add(infected, 1)
    p = k.param("p_infect|beta|transmission", k.real, 0.05, 0.4)
    escape = k.define("escape|p_safe|miss", k.wp.pow(1.0 - p, k.to_real(infected)))
    state = k.define("rng|state|rng_state", k.wp.rand_init(k.param("seed|day", I32, 1, 500), k.flat))
    new = k.var("next_status|new_state|result", me, lo=0, hi=2)
    heal = k.param("p_recover|gamma|healing", k.real, 0.1, 0.5)
    with k.if_(k.all(me.eq(0), k.wp.randf(state) > escape)):
        k.set(new, 1)
    with k.elif_(k.all(me.eq(1), k.wp.randf(state) < heal)):
        k.set(new, 2)
    k.give("next_status|new_state|status", new)
    if rng.chance(0.4):
        k.give("risk|p_caught", 1.0 - escape)
