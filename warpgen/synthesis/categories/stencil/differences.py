"""Stencils on grids: differences, diffusion, waves, advection, relaxation, reactions."""

from __future__ import annotations

from collections.abc import Callable

from warpgen.synthesis.categories.stencil import CATEGORY
from warpgen.synthesis.kit.draft import Array
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32, Type
from warpgen.synthesis.language.values import Value

FIELD = "u|field|phi|values|f"
_SIDES = (
    (("im", "ip"), ("jm", "jp"), ("km", "kp")),
    (("im1", "ip1"), ("jm1", "jp1"), ("km1", "kp1")),
    (("up", "down"), ("left", "right"), ("below", "above")),
    (("i_prev", "i_next"), ("j_prev", "j_next"), ("k_prev", "k_next")),
)


class Neighbours:
    """Reads of a field around this thread's cell, all with the same treatment of the border.

    `reach` is how many cells away the stencil looks. `padded` fields are larger than the launch by the
    reach on each side; `clamped` and `wrapped` ones bring indices back into the grid.
    """

    def __init__(self, k: Kit, field: Array, rank: int, reach: int = 1, border: str = "") -> None:
        self.k = k
        self.field = field
        self.rank = rank
        self.reach = reach
        self.border = border or k.rng.choice(("clamped", "clamped", "wrapped", "padded", "padded"))
        self._sides = k.rng.choice(_SIDES)
        self._known: dict[tuple[int, int], Value] = {}

    def index(self, axis: int, offset: int) -> Value:
        """The neighbour's index on one axis."""
        k = self.k
        here = k.place[axis]
        if self.border == "padded":
            return here + (self.reach + offset) if self.reach + offset else here
        if offset == 0:
            return here
        if (axis, offset) not in self._known:
            n = k.extent(axis)
            if self.border == "wrapped":
                moved = (here + offset) % n if offset > 0 else (here + n - -offset) % n
            else:
                moved = k.wp.min(here + offset, n - 1) if offset > 0 else k.wp.max(here - -offset, 0)
            name = self._sides[axis][offset > 0]
            if abs(offset) > 1:
                name = f"{'ijk'[axis]}{'p' if offset > 0 else 'm'}{abs(offset)}"
            self._known[axis, offset] = k.define(name, moved.within(0, n.hi - 1))
        return self._known[axis, offset]

    def __call__(self, *offset: int) -> Value:
        key = tuple(self.index(axis, o) for axis, o in enumerate(offset))
        return self.field[key if len(key) > 1 else key[0]]

    def along(self, axis: int, offset: int) -> Value:
        """The neighbour on one axis."""
        return self(*(offset if a == axis else 0 for a in range(self.rank)))

    @property
    def here(self) -> Value:
        return self(*[0] * self.rank)


def around(
    k: Kit, names: str, rank: int, t: Type | None = None, lo: float = -1.0, hi: float = 1.0
) -> Neighbours:
    """A field of the launch's rank and the reads around this thread's cell."""
    return Neighbours(k, k.array(names, t or k.real, rank, lo=lo, hi=hi), rank)


def like(other: Neighbours, names: str, lo: float = -1.0, hi: float = 1.0) -> Neighbours:
    """Another field of the same grid, read with the same indices."""
    k = other.k
    field = k.array(names, k.real, other.rank, lo=lo, hi=hi)
    twin = Neighbours(k, field, other.rank, other.reach, other.border)
    twin._known = other._known
    return twin


def laplacian(k: Kit, u: Neighbours, centre: Value, inverse: Value | None = None) -> Value:
    """The sum of second differences, in one of several stencils."""
    rng, rank = k.rng, u.rank
    if rank == 2 and rng.chance(0.2):
        cross = u(1, 0) + u(-1, 0) + u(0, 1) + u(0, -1)
        diagonal = u(1, 1) + u(1, -1) + u(-1, 1) + u(-1, -1)
        near = k.define("near|adjacent|cross_sum", cross)
        far = k.define("far|diagonal|corner_sum", diagonal)
        total = (
            0.2 * near + 0.05 * far - centre if rng.chance(0.5) else (4.0 * near + far - 20.0 * centre) / 6.0
        )
    elif rng.chance(0.5):
        total = u.along(0, 1) + u.along(0, -1)
        for axis in range(1, rank):
            total = total + u.along(axis, 1) + u.along(axis, -1)
        total = total - (2.0 * rank) * centre
    else:
        second = [
            k.define(
                f"d2{'xyz'[axis]}|u{'xyz'[axis] * 2}", u.along(axis, 1) - 2.0 * centre + u.along(axis, -1)
            )
            for axis in range(rank)
        ]
        total = second[0]
        for term in second[1:]:
            total = total + term
    return k.define("lap|laplacian|diff", total if inverse is None else total * inverse)


def _spacing(k: Kit) -> Value:
    return k.param("dx|h|spacing|cell_size", k.real, 0.5, 2.0)


def _heat(k: Kit, rank: int) -> None:
    rng = k.rng
    u = around(k, "u|temperature|T|heat", rank)
    centre = k.define("c|center|u0", u.here)
    alpha = k.param("alpha|diffusivity|kappa", k.real, 0.01, 0.15)
    if rng.chance(0.4):
        h = _spacing(k)
        lap = laplacian(k, u, centre, k.define("inv_h2|rdx2|s", (1.0 / (h * h)).within(0.25, 4.0)))
    else:
        lap = laplacian(k, u, centre)
    new = centre + alpha * lap
    if rng.chance(0.4):
        new = new + k.param("dt|time_step", k.real, 0.01, 0.1) * k.load(
            "source|q|heat_source", k.real, -1.0, 1.0
        )
    if rng.chance(0.2):
        ambient = k.param("ambient|t_env|u_inf", k.real, -1.0, 1.0)
        new = new - k.param("cooling|loss|beta", k.real, 0.01, 0.1) * (centre - ambient)
    k.give("u_new|temperature|u_next", new)


def _wave(k: Kit, rank: int) -> None:
    rng = k.rng
    u = around(k, "u|height|wave|p", rank)
    centre = k.define("c|center|u0", u.here)
    lap = laplacian(k, u, centre)
    c2 = k.param("c2|courant2|speed_sq", k.real, 0.05, 0.3)
    if rng.chance(0.5):
        before = k.load("u_prev|prev|u_old", k.real, -1.0, 1.0)
        if rng.chance(0.4):
            damping = k.param("damping|gamma|absorb", k.real, 0.001, 0.05)
            new = (2.0 - damping) * centre - (1.0 - damping) * before + c2 * lap
        else:
            new = 2.0 * centre - before + c2 * lap
        k.give("u_next|u_new|height", new)
    else:
        v = k.load("velocity|v|ut", k.real, -1.0, 1.0)
        dt = k.param("dt|time_step|h_t", k.real, 0.01, 0.2)
        pushed = v + dt * c2 * lap
        v1 = k.define("v_new|v1", pushed * 0.99 if rng.chance(0.4) else pushed)
        k.give("velocity|v_new", v1)
        k.give("u_next|u_new|height", centre + dt * v1)


def _gradient(k: Kit, rank: int) -> None:
    rng = k.rng
    u = around(k, FIELD, rank, lo=-2.0, hi=2.0)
    scale = 0.5
    h = _spacing(k) if rng.chance(0.5) else None
    parts = []
    for axis in range(rank):
        d = (u.along(axis, 1) - u.along(axis, -1)) * scale
        parts.append(k.define(f"d{'xyz'[axis]}|g{'xyz'[axis]}", d if h is None else d / h))
    if rank == 1:
        k.give("gradient|dudx|slope", parts[0])
        return
    g = k.define("g|grad|gradient", k.make(k.vec2 if rank == 2 else k.vec3, *parts))
    kind = rng.choice(("vector", "length", "normal", "edge"))
    if kind == "vector":
        k.give("gradient|grad|g", g)
    elif kind == "length":
        k.give("slope|grad_norm|magnitude", k.wp.length(g))
    elif kind == "normal":
        k.give("normal|n|direction", k.wp.normalize(g))
    else:
        kappa = k.param("kappa|contrast|edge_threshold", k.real, 0.1, 1.0)
        k.give("conductance|edge_stop|w", 1.0 / (1.0 + k.wp.dot(g, g) / (kappa * kappa)))


def _relax(k: Kit, rank: int) -> None:
    rng = k.rng
    u = around(k, "u|x|phi|p", rank)
    b = k.load("rhs|b|div|f", k.real, -1.0, 1.0)
    total = u.along(0, -1) + u.along(0, 1)
    for axis in range(1, rank):
        total = total + u.along(axis, -1) + u.along(axis, 1)
    total = k.define("sum|nbr|neighbors", total)
    update = k.define(
        "x_new|jacobi|relaxed", (total - b) / (2.0 * rank) if rng.chance(0.6) else (total - b) * (0.5 / rank)
    )
    kind = rng.choice(("jacobi", "weighted", "red_black", "residual"))
    if kind == "jacobi":
        k.give("u_new|x_new|phi_next", update)
    elif kind == "residual":
        k.give("residual|r|defect", b - (total - (2.0 * rank) * u.here))
    else:
        omega = k.param("omega|relaxation|w", k.real, 0.5, 1.5)
        old = k.define("old|c|center", u.here)
        blended = k.define("blended|u1|next_u", old + omega * (update - old))
        if kind == "weighted":
            k.give("u_new|x_new|phi_next", blended)
            return
        parity = k.place[0]
        for axis in range(1, rank):
            parity = parity + k.place[axis]
        color = k.param("color|parity|red", I32, 0, 1)
        k.give("u_new|x_new|phi_next", k.select("u_out|result", (parity % 2).eq(color), blended, old))


def _advect(k: Kit, rank: int) -> None:
    rng = k.rng
    q = around(k, "q|density|c|scalar", rank, lo=0.0, hi=1.0)
    centre = k.define("c|q0|center", q.here)
    dt = k.param("dt|cfl|courant", k.real, 0.05, 0.4)
    flux = None
    limiter = rng.choice(("upwind", "upwind", "lax", "minmod"))
    for axis in range(rank):
        n = "uvw"[axis]
        vel = k.load(f"{n}|vel_{'xyz'[axis]}", k.real, -1.0, 1.0)
        left, right = q.along(axis, -1), q.along(axis, 1)
        back, front = (
            k.define(f"dm{'xyz'[axis]}", centre - left),
            k.define(f"dp{'xyz'[axis]}", right - centre),
        )
        if limiter == "lax":
            term = 0.5 * vel * (front + back)
        elif limiter == "minmod":
            agree = k.wp.where(back * front > 0.0, k.wp.min(k.wp.abs(back), k.wp.abs(front)), k.lit(0.0))
            slope = k.define(f"s{'xyz'[axis]}|slope_{'xyz'[axis]}", agree * k.wp.sign(front))
            term = vel * slope + k.wp.max(vel, 0.0) * back * 0.5 + k.wp.min(vel, 0.0) * front * 0.5
        elif rng.chance(0.5):
            term = k.wp.max(vel, 0.0) * back + k.wp.min(vel, 0.0) * front
        else:
            term = vel * k.select(f"d{'xyz'[axis]}|grad_{'xyz'[axis]}", vel > 0.0, back, front)
        term = k.define(f"f{'xyz'[axis]}|adv_{'xyz'[axis]}", term)
        flux = term if flux is None else flux + term
    assert flux is not None
    k.give("q_new|density|q_next", centre - dt * flux)


def _reaction(k: Kit, rank: int) -> None:
    rng = k.rng
    u = around(k, "u|A|activator", rank, lo=0.0, hi=1.0)
    v = like(u, "v|B|inhibitor", lo=0.0, hi=1.0)
    uc, vc = k.define("uc|a|u0", u.here), k.define("vc|b|v0", v.here)
    lap_u, lap_v = laplacian(k, u, uc), laplacian(k, v, vc)
    du, dv = k.param("du|diff_u|d_a", k.real, 0.1, 0.2), k.param("dv|diff_v|d_b", k.real, 0.05, 0.1)
    kind = rng.choice(("gray_scott", "gray_scott", "brusselator", "fitzhugh", "schnakenberg"))
    p, q = k.param("feed|f|a_rate", k.real, 0.02, 0.06), k.param("kill|k_rate|b_rate", k.real, 0.05, 0.07)
    if kind == "gray_scott":
        uvv = k.define("uvv|reaction|r", uc * vc * vc)
        ru, rv = p * (1.0 - uc) - uvv, uvv - (p + q) * vc
    elif kind == "fitzhugh":
        ru, rv = uc * (1.0 - uc) * (uc - p) - vc, q * (uc - vc)
    else:
        uuv = k.define("uuv|reaction|r", uc * uc * vc)
        ru, rv = (
            (p - (q + 1.0) * uc + uuv, q * uc - uuv) if kind == "brusselator" else (p - uc + uuv, q - uuv)
        )
    dt = k.param("dt|time_step", k.real, 0.1, 1.0)
    k.give("u_new|next_u|u_next", uc + dt * (du * lap_u + ru))
    k.give("v_new|next_v|v_next", vc + dt * (dv * lap_v + rv))


def _variable_coefficient(k: Kit, rank: int) -> None:
    rng = k.rng
    u = around(k, "u|T|head", rank)
    kappa = like(u, "kappa|conductivity|perm", lo=0.2, hi=2.0)
    c, kc = k.define("c|u0|center", u.here), k.define("kc|k0|k_center", kappa.here)
    total = k.var("flux|net|total", 0.0, k.real, lo=-100.0, hi=100.0)
    harmonic = rng.chance(0.5)
    for axis in range(rank):
        for side in (-1, 1):
            other = k.define("kn|k_other|k_side", kappa.along(axis, side))
            face = 2.0 * kc * other / (kc + other) if harmonic else 0.5 * (kc + other)
            k.add(total, face * (u.along(axis, side) - c))
    dt = k.param("dt|time_step|tau", k.real, 0.01, 0.1)
    k.give("u_new|u_next|head", c + dt * total)


def _high_order(k: Kit, rank: int) -> None:
    rng = k.rng
    u = Neighbours(k, k.array(FIELD, k.real, rank), rank, reach=2)
    kind = rng.choice(("first", "second", "smooth"))
    results = []
    for axis in range(rank):
        near = (u.along(axis, -1), u.along(axis, 1))
        far = (u.along(axis, -2), u.along(axis, 2))
        if kind == "first":
            value = (8.0 * (near[1] - near[0]) - (far[1] - far[0])) / 12.0
        elif kind == "second":
            value = (16.0 * (near[0] + near[1]) - (far[0] + far[1]) - 30.0 * u.here) / 12.0
        else:
            value = 0.375 * u.here + 0.25 * (near[0] + near[1]) + 0.0625 * (far[0] + far[1])
        results.append(k.define(f"d{'xyz'[axis]}|r{'xyz'[axis]}", value))
    if kind == "first" and rank > 1:
        k.give("gradient|grad|g", k.make(k.vec2 if rank == 2 else k.vec3, *results))
        return
    total = results[0]
    for r in results[1:]:
        total = total + r
    k.give(
        "laplacian|lap|d2u"
        if kind == "second"
        else "smoothed|filtered|u_s"
        if kind == "smooth"
        else "dudx|slope",
        total,
    )


_FIELDS: tuple[tuple[str, str, Callable[[Kit, int], None], tuple[int, ...], float], ...] = (
    ("heat", "explicit step of the heat equation", _heat, (1, 2, 3), 1.0),
    ("wave", "step of the wave equation", _wave, (1, 2, 3), 1.0),
    ("gradient", "central differences of a field", _gradient, (1, 2, 3), 1.0),
    ("relaxation", "one sweep of relaxation for the Poisson equation", _relax, (1, 2, 3), 1.0),
    ("advection", "transport of a scalar by a flow", _advect, (1, 2, 3), 1.0),
    ("reaction_diffusion", "step of a reaction-diffusion system", _reaction, (1, 2), 1.2),
    ("variable_diffusion", "diffusion with varying conductivity", _variable_coefficient, (1, 2, 3), 0.8),
    ("high_order", "differences of higher order", _high_order, (1, 2), 0.8),
)


def _register(stem: str, title: str, write: Callable[[Kit, int], None], rank: int, weight: float) -> None:
    def motif(k: Kit) -> None:
        write(k, rank)

    motif.__name__ = stem if rank == 2 else f"{stem}_{rank}d"
    motif.__doc__ = f"{title[0].upper()}{title[1:]}."
    CATEGORY.motif(rank=rank, weight=weight * {1: 0.5, 2: 1.0, 3: 0.5}[rank])(motif)


for _stem, _title, _write, _ranks, _weight in _FIELDS:
    for _rank in _ranks:
        _register(_stem, _title, _write, _rank, _weight)
