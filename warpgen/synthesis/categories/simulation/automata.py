"""Cellular automata, epidemics and populations."""

from __future__ import annotations

from warpgen.synthesis.categories.simulation import CATEGORY
from warpgen.synthesis.kit.draft import Array
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32
from warpgen.synthesis.language.values import Value


def wrapped(k: Kit, axis: int, offset: int) -> Value:
    """A neighbour's index on a ring."""
    here, n = k.place[axis], k.extent(axis)
    if offset == 0:
        return here
    moved = (here + offset) % n if offset > 0 else (here + n - -offset) % n
    return moved.within(0, n.hi - 1)


def live_neighbours(k: Kit, grid: Array, names: str = "alive|count|neighbors|total") -> Value:
    """How many of the eight cells around are one: by a loop or written out."""
    if k.rng.chance(0.5):
        total = k.var(names, 0, I32, lo=0, hi=9)
        nx, ny = k.extent(0), k.extent(1)
        with k.for_("di|dx|a", 3) as a, k.for_("dj|dy|b", 3) as b:
            with k.if_(k.any(a.ne(1), b.ne(1))):
                x = k.define("x|ni|ii", ((k.place[0] + a + nx - 1) % nx).within(0, nx.hi - 1))
                y = k.define("y|nj|jj", ((k.place[1] + b + ny - 1) % ny).within(0, ny.hi - 1))
                k.add(total, grid[x, y])
        return total.within(0, 8)
    rows = [k.define(n, wrapped(k, 0, o)) for n, o in (("up|im", -1), ("down|ip", 1))]
    cols = [k.define(n, wrapped(k, 1, o)) for n, o in (("left|jm", -1), ("right|jp", 1))]
    i, j = k.place
    sides = grid[rows[0], j] + grid[rows[1], j] + grid[i, cols[0]] + grid[i, cols[1]]
    (up, down), (left, right) = rows, cols
    corners = grid[up, left] + grid[up, right] + grid[down, left] + grid[down, right]
    if k.rng.chance(0.5):
        return k.define(names, (sides + corners).within(0, 8))
    sides, corners = k.define("sides|edge_sum", sides), k.define("corners|diag_sum", corners)
    return k.define(names, (sides + corners).within(0, 8))


@CATEGORY.motif(rank=2, weight=2.0)
def game_of_life(k: Kit) -> None:
    """One generation of a cellular automaton."""
    rng = k.rng
    grid = k.array("cells|grid|state|world", I32, 2, lo=0, hi=1)
    n = live_neighbours(k, grid)
    here = k.define("cell|self|c|alive_now", grid[k.place])
    rule = rng.choice(("life", "life", "highlife", "maze", "majority", "seeds", "table"))
    new = k.var("next_cell|new_state|alive_next|born", 0, I32, lo=0, hi=1)
    if rule == "table":
        table = k.array("rule|lookup|transition", I32, lo=0, hi=1)
        k.set(new, table[(here * 9 + n).within(0, 17)])
    elif rule == "majority":
        with k.if_(n + here > 4):
            k.set(new, 1)
    elif rule == "seeds":
        with k.if_(k.all(here.eq(0), n.eq(2))):
            k.set(new, 1)
    elif rng.chance(0.5):
        with k.if_(here.eq(1)):
            with k.if_(k.all(n >= 1, n <= 5) if rule == "maze" else k.any(n.eq(2), n.eq(3))):
                k.set(new, 1)
        with k.elif_(k.any(n.eq(3), n.eq(6)) if rule == "highlife" else n.eq(3)):
            k.set(new, 1)
    else:
        with k.if_(k.any(n.eq(3), k.all(here.eq(1), n.eq(2)))):
            k.set(new, 1)
    k.give("next_cell|new_state|cell", new)


@CATEGORY.motif(rank=1, weight=1.3)
def elementary_automaton(k: Kit) -> None:
    """One step of an elementary automaton."""
    rng = k.rng
    cells = k.array("cells|row|state|bits", I32, lo=0, hi=1)
    i, n = k.place[0], k.extent(0)
    if rng.chance(0.6):
        left, right = cells[wrapped(k, 0, -1)], cells[wrapped(k, 0, 1)]
    else:
        left, right = cells[k.wp.max(i - 1, 0).within(0, n.hi - 1)], cells[k.wp.min(i + 1, n - 1)]
    left, right, here = k.define("l|left", left), k.define("r|right", right), k.define("c|center", cells[i])
    kind = rng.choice(("rule", "rule", "xor", "traffic", "formula"))
    if kind == "rule":
        rule = k.param("rule|rule_number|code", I32, 18, 250)
        if rng.chance(0.5):
            pattern = k.define("pattern|idx|key", (left * 4 + here * 2 + right).within(0, 7))
        else:
            pattern = k.define("pattern|idx|key", (left << 2 | here << 1 | right).within(0, 7))
        k.give("next_cell|new_state|out_bit", (rule >> pattern & 1).within(0, 1))
    elif kind == "xor":
        k.give("next_cell|new_state|out_bit", left ^ right if rng.chance(0.5) else left ^ (here | right))
    elif kind == "traffic":
        k.note("a car moves if the road ahead is free")
        k.give("next_cell|new_state", k.select("moved|car", here.eq(1), right, left))
    else:
        k.give("next_cell|new_state", (left + here + right + left * right) % 2)


@CATEGORY.motif(rank=2, weight=1.2, f32=True)
def forest_fire(k: Kit) -> None:
    """States of a grid that change by chance."""
    rng = k.rng
    grid = k.array("forest|grid|state|cells", I32, 2, lo=0, hi=2)
    here = k.define("s|cell|state", grid[k.place])
    i, j = k.place
    cells = [grid[wrapped(k, 0, o), j] for o in (-1, 1)] + [grid[i, wrapped(k, 1, o)] for o in (-1, 1)]
    seed = k.param("seed|step|frame", I32, 1, 500)
    state = k.define("rng|rand_state|state", k.wp.rand_init(seed, k.flat))
    p = k.param("p_grow|growth|birth_rate", k.real, 0.05, 0.4)
    f = k.param("p_fire|lightning|spark", k.real, 0.05, 0.3)
    constants = rng.chance(0.5)
    empty = k.constant("EMPTY", 0) if constants else k.lit(0)
    tree = k.constant("TREE", 1) if constants else k.lit(1)
    fire = k.constant("FIRE", 2) if constants else k.lit(2)
    new = k.var("next_state|new_state|result", here, lo=0, hi=2)
    if rng.chance(0.5):
        burning = k.define("burning|near_fire|hot", k.any(*(c.eq(fire) for c in cells)))
    else:
        heat = k.var("heat|burning_count|fires", 0, I32, lo=0, hi=4)
        for c in cells:
            with k.if_(c.eq(fire)):
                k.add(heat, 1)
        burning = heat > 0
    with k.if_(here.eq(fire)):
        k.set(new, empty)
    with k.elif_(here.eq(tree)):
        with k.if_(k.any(burning, k.wp.randf(state) < f)):
            k.set(new, fire)
    with k.else_(), k.if_(k.wp.randf(state) < p):
        k.set(new, tree)
    k.give("next_state|new_state|cell", new)


@CATEGORY.motif(rank=2, f32=True)
def ising(k: Kit) -> None:
    """Metropolis update of a spin on a lattice."""
    rng = k.rng
    spins = k.array("spins|lattice|s", I32, 2, lo=0, hi=1)
    i, j = k.place
    near = [spins[wrapped(k, 0, o), j] for o in (-1, 1)] + [spins[i, wrapped(k, 1, o)] for o in (-1, 1)]
    total = k.define("nbr|neighbors|up_count", (near[0] + near[1] + near[2] + near[3]).within(0, 4))
    s = k.define("s|spin|here", 2 * spins[i, j] - 1)
    field = k.define("h|local_field|m", 2 * total - 4)
    coupling, t = k.param("J|coupling", k.real, 0.5, 1.5), k.param("temperature|T|kT", k.real, 1.0, 4.0)
    delta = k.define("dE|delta_e|cost", 2.0 * coupling * k.to_real(s * field))
    state = k.define("rng|state|rng_state", k.wp.rand_init(k.param("seed|sweep", I32, 1, 500), k.flat))
    out = k.var("new_spin|flipped|result", s, lo=-1, hi=1)
    colored = rng.chance(0.5)
    accept = k.wp.randf(state) < k.wp.exp(-k.wp.max(delta, 0.0) / t)
    if colored:
        color = k.param("color|parity", I32, 0, 1)
        with k.if_(k.all(((i + j) % 2).eq(color), accept)):
            k.set(out, -s)
    else:
        with k.if_(accept):
            k.set(out, -s)
    k.give("new_spin|spin", out)
    if rng.chance(0.5):
        k.give("energy|e_local", -coupling * k.to_real(out * field))


@CATEGORY.motif(weight=1.5)
def epidemic(k: Kit) -> None:
    """Step of a compartment model of an epidemic."""
    rng = k.rng
    s, i = k.input("susceptible|S|s", k.real, 0.3, 0.9), k.input("infected|I|i", k.real, 0.01, 0.3)
    beta = k.param("beta|transmission|contact_rate", k.real, 0.1, 0.6)
    gamma = k.param("gamma|recovery_rate", k.real, 0.05, 0.3)
    dt = k.param("dt|time_step|h", k.real, 0.05, 0.5)
    kind = rng.choice(("sir", "sir", "seir", "sis", "sird", "waning"))
    force = k.define("new_inf|incidence|infection", beta * s * i)
    if rng.chance(0.3):
        fear = k.param("saturation|fear", k.real, 0.5, 2.0)
        force = k.define("damped_inf|saturated", force / (1.0 + fear * i))
    recovered = k.define("recov|new_rec|recovery", gamma * i)
    if kind == "sis":
        k.give("susceptible|s_new", s + dt * (recovered - force))
        k.give("infected|i_new", i + dt * (force - recovered))
        return
    r = k.load("recovered|R|r", k.real, 0.0, 0.2)
    ds, di, dr = -force, force - recovered, recovered
    if kind == "seir":
        e = k.load("exposed|E|e", k.real, 0.0, 0.1)
        sigma = k.param("sigma|incubation_rate|alpha", k.real, 0.1, 0.4)
        onset = k.define("onset|progress|becoming", sigma * e)
        k.give("exposed|e_new", e + dt * (force - onset))
        di = onset - recovered
    elif kind == "waning":
        lost = k.define("waned|loss|back", k.param("xi|waning|omega", k.real, 0.01, 0.1) * r)
        ds, dr = lost - force, recovered - lost
    elif kind == "sird":
        died = k.define("deaths|died|fatal", k.param("mu|fatality|death_rate", k.real, 0.005, 0.05) * i)
        di = force - recovered - died
        k.give("deaths|d_new", dt * died)
    k.give("susceptible|s_new", s + dt * ds)
    k.give("infected|i_new", i + dt * di)
    k.give("recovered|r_new", r + dt * dr)
    if rng.chance(0.3):
        k.give("r_effective|r_t", beta * s / gamma)


@CATEGORY.motif(weight=1.3)
def population(k: Kit) -> None:
    """Growth of a population over some generations."""
    rng = k.rng
    n = k.var("n|pop|x", k.input("population|n0|x0|density", k.real, 0.1, 1.0), lo=0.0, hi=10.0)
    r = k.param("growth|r|rate", k.real, 0.2, 1.2)
    cap = k.param("capacity|K|carrying_capacity", k.real, 1.0, 3.0)
    kind = rng.choice(("logistic", "ricker", "beverton", "allee", "harvest", "gompertz"))
    turns = rng.choice((1, 2, 3, 4))  # more, and the population would settle wherever it began
    h = k.param("harvest|catch_rate|quota", k.real, 0.01, 0.2) if kind == "harvest" else None

    def step() -> None:
        if kind == "logistic":
            k.add(n, r * n * (1.0 - n / cap))
        elif kind == "ricker":
            k.change(n, "*", k.wp.exp((r * (1.0 - n / cap)).within(-4.0, 1.2)))
        elif kind == "beverton":
            k.set(n, (1.0 + r) * n / (1.0 + r * n / cap))
        elif kind == "gompertz":
            k.add(n, r * n * k.wp.log(cap / (n + 0.1)).within(-2.0, 3.5) * 0.5)
        elif kind == "allee":
            low = k.param("allee|threshold", k.real, 0.1, 0.4)
            k.add(n, r * n * (1.0 - n / cap) * (n - low))
        elif h is not None:
            k.add(n, r * n * (1.0 - n / cap) - h * n)
        if rng.chance(0.5):
            k.set(n, k.wp.clamp(n, 0.0, 10.0))

    if turns == 1:
        step()
    else:
        count = k.size("generations|num_years|years", turns) if rng.chance(0.25) else turns
        with k.for_("gen|year|t", count):
            step()
    k.give("population|n_next|density", n)


@CATEGORY.motif()
def age_classes(k: Kit) -> None:
    """Age-structured population projected forward."""
    rng = k.rng
    size = rng.choice((3, 4))
    t = k.vec3 if size == 3 else k.vec4
    ages = k.define("ages|n|classes", k.input("population|ages|n0", t, 0.0, 2.0))
    births = k.param("fecundity|births|f", t, 0.1, 1.0)
    survival = k.param("survival|s|p_survive", t, 0.2, 0.9)
    if rng.chance(0.4):
        m = k.mat33 if size == 3 else k.mat44
        rows: list[Value | float] = [births[c] for c in range(size)]
        for r in range(1, size):
            rows += [survival[r - 1] if c == r - 1 else 0.0 for c in range(size)]
        new = k.define("projected|n_next|n1", k.make(m, *rows) * ages)
    else:
        young = k.define("newborn|young|b", k.wp.dot(births, ages))
        new = k.make(t, young, *(survival[c] * ages[c] for c in range(size - 1)))
    k.give("population|n_next|ages", new)
    if rng.chance(0.4):
        total = ages[0]
        for c in range(1, size):
            total = total + ages[c]
        k.give("total|headcount", total)
