"""Time integration of ordinary differential equations: one-step, multistep, adaptive, implicit."""

from __future__ import annotations

from collections.abc import Callable

from warpgen.synthesis.blocks.functions import Function, function
from warpgen.synthesis.categories.integrator import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import Type
from warpgen.synthesis.language.values import Value


def _lorenz(k: Kit, y: Value) -> list[Value]:
    sigma = k.param("sigma|prandtl", k.real, 8.0, 12.0)
    rho = k.param("rho|rayleigh", k.real, 20.0, 30.0)
    beta = k.param("beta|b", k.real, 2.0, 3.0)
    return [sigma * (y[1] - y[0]), y[0] * (rho - y[2]) - y[1], y[0] * y[1] - beta * y[2]]


def _rossler(k: Kit, y: Value) -> list[Value]:
    a, b = k.param("a|alpha", k.real, 0.1, 0.3), k.param("b|beta", k.real, 0.1, 0.3)
    c = k.param("c|gamma", k.real, 4.0, 6.0)
    return [-y[1] - y[2], y[0] + a * y[1], b + y[2] * (y[0] - c)]


def _euler_top(k: Kit, y: Value) -> list[Value]:
    moments = k.param("inertia|moments|I", k.vec3, 1.0, 2.0)
    return [
        (moments[1] - moments[2]) / moments[0] * y[1] * y[2],
        (moments[2] - moments[0]) / moments[1] * y[2] * y[0],
        (moments[0] - moments[1]) / moments[2] * y[0] * y[1],
    ]


def _thomas(k: Kit, y: Value) -> list[Value]:
    b = k.param("b|damping", k.real, 0.1, 0.3)
    return [k.wp.sin(y[(n + 1) % 3]) - b * y[n] for n in range(3)]


def _pendulum(k: Kit, y: Value) -> list[Value]:
    g = k.param("g|gravity", k.real, 1.0, 9.81)
    length = k.param("length|l|rod", k.real, 0.5, 2.0)
    swing = -g / length * k.wp.sin(y[0])
    if k.rng.chance(0.5):
        swing = swing - k.param("damping|friction|c", k.real, 0.05, 0.5) * y[1]
    return [y[1], swing]


def _lotka_volterra(k: Kit, y: Value) -> list[Value]:
    names = ("alpha|growth|a", "beta|predation|b", "delta|reproduction|d", "gamma|death|c")
    a, b, d, c = (k.param(n, k.real, 0.2, 1.0) for n in names)
    return [a * y[0] - b * y[0] * y[1], d * y[0] * y[1] - c * y[1]]


def _van_der_pol(k: Kit, y: Value) -> list[Value]:
    mu = k.param("mu|nonlinearity", k.real, 0.5, 2.0)
    return [y[1], mu * (1.0 - y[0] * y[0]) * y[1] - y[0]]


def _duffing(k: Kit, y: Value) -> list[Value]:
    delta, beta = k.param("delta|damping", k.real, 0.1, 0.4), k.param("beta|cubic", k.real, 0.5, 1.5)
    alpha = k.param("alpha|linear", k.real, -1.0, 1.0)
    return [y[1], -delta * y[1] - alpha * y[0] - beta * y[0] * y[0] * y[0]]


def _fitzhugh_nagumo(k: Kit, y: Value) -> list[Value]:
    current = k.param("i_ext|current|stimulus", k.real, 0.1, 0.6)
    tau = k.param("tau|time_scale", k.real, 5.0, 15.0)
    cubic = y[0] * y[0] * y[0] / 3.0
    return [y[0] - cubic - y[1] + current, (y[0] + 0.7 - 0.8 * y[1]) / tau]


def _brusselator(k: Kit, y: Value) -> list[Value]:
    a, b = k.param("a|feed", k.real, 0.5, 1.5), k.param("b|b_coeff", k.real, 1.0, 3.0)
    cubic = k.define("xxy|reaction|r", y[0] * y[0] * y[1])
    return [a + cubic - (b + 1.0) * y[0], b * y[0] - cubic]


_SYSTEMS: dict[Callable[[Kit, Value], list[Value]], tuple[str, int, float, float]] = {
    _lorenz: ("lorenz", 3, -10.0, 10.0),
    _rossler: ("rossler", 3, -5.0, 5.0),
    _euler_top: ("euler_top|free_top", 3, -2.0, 2.0),
    _thomas: ("thomas|attractor", 3, -3.0, 3.0),
    _pendulum: ("pendulum", 2, -2.0, 2.0),
    _lotka_volterra: ("lotka_volterra|predator_prey", 2, 0.2, 2.0),
    _van_der_pol: ("van_der_pol|vdp", 2, -2.0, 2.0),
    _duffing: ("duffing|oscillator", 2, -1.5, 1.5),
    _fitzhugh_nagumo: ("fitzhugh_nagumo|neuron", 2, -1.5, 1.5),
    _brusselator: ("brusselator|reaction", 2, 0.2, 2.0),
}


def _system(k: Kit) -> tuple[Function, Value]:
    """The right-hand side of a system as a function of its state, and a state to start from."""
    system = k.rng.choice(tuple(_SYSTEMS))
    stem, n, lo, hi = _SYSTEMS[system]
    t: Type = k.vec2 if n == 2 else k.vec3

    def write(inner: Kit, y: Value) -> Value:
        parts = system(inner, y)
        if k.rng.chance(0.5):
            letters = ("dx|dxdt|x_dot", "dy|dydt|y_dot", "dz|dzdt|z_dot")
            parts = [inner.define(name, p) for name, p in zip(letters, parts, strict=False)]
        return inner.make(t, *(p.within(-500.0, 500.0) for p in parts))

    first = stem.split("|")[0]
    names = f"{first}|{first}_rhs|{first}_derivative|deriv|rhs|f_{first}"
    rhs = function(k, names, [("y|state|s|u", t, 4.0 * lo if lo < 0 else -4.0, 4.0 * hi)], write)
    return rhs, k.input(f"state|y|y0|{first}_state", t, lo, hi)


def _dt(k: Kit, hi: float = 0.02) -> Value:
    return k.param("dt|h|time_step|delta_t", k.real, 0.001, hi)


@CATEGORY.motif(weight=1.5)
def runge_kutta(k: Kit) -> None:
    """One Runge-Kutta step of an ODE system."""
    rhs, y0 = _system(k)
    h = _dt(k)
    steps = k.rng.weighted({1: 0.6, 2: 0.1, 4: 0.15, 8: 0.15})
    if steps == 1:
        k.give("state|y_new|y1", _rk_increment(k, rhs, y0, h, k.rng.choice(_TABLEAUS)))
        return
    tableau = k.rng.choice(_TABLEAUS[:4])
    y = k.var("y|s|u|x", y0, lo=4.0 * y0.lo - 4.0, hi=4.0 * y0.hi)
    count = k.size("num_steps|substeps|n_steps", steps) if k.rng.chance(0.25) else steps
    with k.for_("step|i|s", count):
        k.set(y, _rk_increment(k, rhs, y, h, tableau))
    k.give("state|y_new|y1", y)


_TABLEAUS = ("rk4", "midpoint", "heun", "ralston", "kutta3", "rk38", "ssp3", "rk4")


def _rk_increment(k: Kit, rhs: Function, y: Value, h: Value, tableau: str) -> Value:
    """The state after one step of length `h`."""
    k1 = k.define("k1", rhs(y))
    if tableau == "midpoint":
        k2 = k.define("k2|slope", rhs(y + 0.5 * h * k1))
        return y + h * k2
    if tableau == "heun":
        k2 = k.define("k2|slope", rhs(y + h * k1))
        return y + 0.5 * h * (k1 + k2)
    if tableau == "ralston":
        k2 = k.define("k2", rhs(y + h * k1 * (2.0 / 3.0)))
        return y + h * (0.25 * k1 + 0.75 * k2)
    if tableau == "kutta3":
        k2 = k.define("k2", rhs(y + 0.5 * h * k1))
        k3 = k.define("k3", rhs(y - h * k1 + 2.0 * h * k2))
        return y + h / 6.0 * (k1 + 4.0 * k2 + k3)
    if tableau == "ssp3":
        y1 = k.define("y1|stage1|u1", y + h * k1)
        y2 = k.define("y2|stage2|u2", 0.75 * y + 0.25 * (y1 + h * rhs(y1)))
        return (y + 2.0 * (y2 + h * rhs(y2))) / 3.0
    if tableau == "rk38":
        k2 = k.define("k2", rhs(y + h / 3.0 * k1))
        k3 = k.define("k3", rhs(y + h * (k2 - k1 / 3.0)))
        k4 = k.define("k4", rhs(y + h * (k1 - k2 + k3)))
        return y + h / 8.0 * (k1 + 3.0 * k2 + 3.0 * k3 + k4)
    k2 = k.define("k2", rhs(y + 0.5 * h * k1))
    k3 = k.define("k3", rhs(y + 0.5 * h * k2))
    k4 = k.define("k4", rhs(y + h * k3))
    if k.rng.chance(0.3):
        return y + h * (k1 + 2.0 * k2 + 2.0 * k3 + k4) / 6.0
    return y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)


@CATEGORY.motif()
def embedded_step(k: Kit) -> None:
    """Step with an error estimate and the next step size."""
    rng = k.rng
    rhs, y = _system(k)
    h = k.input("dt|h|step", k.real, 0.001, 0.02)
    tol = k.param("tol|tolerance|rtol", k.real, 0.001, 0.01)
    k1 = k.define("k1", rhs(y))
    if rng.chance(0.5):
        k2 = k.define("k2", rhs(y + h * k1))
        low, high = k.let("y_low|euler", y + h * k1), k.let("y_high|heun", y + 0.5 * h * (k1 + k2))
        error, order = high - low, 0.5
    else:
        k2 = k.define("k2", rhs(y + 0.5 * h * k1))
        k3 = k.define("k3", rhs(y + 0.75 * h * k2))
        high = k.define("y_high|y1|y_new", y + h * (2.0 * k1 + 3.0 * k2 + 4.0 * k3) / 9.0)
        k4 = k.define("k4", rhs(high))
        error, order = h * (k1 * (-5.0 / 72.0) + k2 / 12.0 + k3 / 9.0 - k4 / 8.0), 0.3333
    err = k.let("err|error|e", k.wp.length(error) if rng.chance(0.6) else k.wp.max(k.wp.abs(error)))
    ratio = k.let("ratio|scaled|r", k.wp.clamp(tol / (err + 1e-4), 0.05, 10.0))
    safety = k.param("safety|fac", k.real, 0.8, 0.95)
    factor = safety * k.wp.pow(ratio, order)
    if rng.chance(0.5):
        factor = k.wp.clamp(factor, 0.2, 5.0)
    k.give("next_h|h_new|dt_new", h * factor)
    accepted = k.select("y_next|accepted|state_out", err < tol, high, y) if rng.chance(0.5) else high
    k.give("state|y_new|y1", accepted)


@CATEGORY.motif()
def multistep(k: Kit) -> None:
    """Multistep formula over earlier slopes."""
    rng = k.rng
    t = rng.choice((k.real, k.vec3, k.vec2))
    y = k.input("state|y|y0", t, -5.0, 5.0)
    h = _dt(k, 0.05)
    order = rng.choice((2, 3, 4))
    names = ("f0|f_n|deriv", "f1|f_prev|deriv_prev", "f2|f_prev2", "f3|f_prev3")
    f = [k.load(names[n], t, -10.0, 10.0) for n in range(order)]
    table = {2: (1.5, -0.5), 3: (23.0, -16.0, 5.0), 4: (55.0, -59.0, 37.0, -9.0)}
    scale = {2: 1.0, 3: 12.0, 4: 24.0}[order]
    slope = f[0] * table[order][0]
    for value, weight in zip(f[1:], table[order][1:], strict=True):
        slope = slope + value * weight if weight > 0 else slope - value * -weight
    predicted = k.let("y_pred|predicted|y1", y + slope * (h if scale == 1.0 else h / scale))
    if rng.chance(0.4):
        k.note("correct with the slope at the predicted state")
        rate = k.param("decay|lam|rate", k.real, 0.1, 2.0)
        f_new = k.let("f_new|f_pred", -rate * predicted)
        predicted = y + 0.5 * h * (f_new + f[0])
    k.give("state|y_new|y1", predicted)


def _force(k: Kit, space: Type) -> Function:
    """A force field as a function of position."""
    kind = k.rng.choice(("spring", "central", "well", "quartic", "gravity"))

    def write(inner: Kit, x: Value) -> Value:
        stiffness = inner.param("ke|stiffness|k_s", inner.real, 0.5, 10.0)
        if kind == "spring":
            return -stiffness * x
        if kind == "gravity":
            return -stiffness * x + inner.param("gravity|g", space, -9.81, 9.81)
        r2 = inner.define("r2|d2", inner.wp.dot(x, x))
        if kind == "central":
            r = inner.define("r|dist", inner.wp.sqrt(r2 + 0.5))
            return -x * (stiffness / (r * r * r))
        if kind == "well":
            return -x * stiffness * inner.wp.exp(-0.5 * r2)
        return x * (stiffness * (1.0 - r2)).within(-500.0, 10.0)

    return function(k, "force|acceleration|accel|eval_force|field", [("x|p|pos", space, -6.0, 6.0)], write)


@CATEGORY.motif(weight=1.5)
def verlet(k: Kit) -> None:
    """Step through a force field in the manner of Verlet."""
    rng = k.rng
    space = rng.choice((k.vec3, k.vec3, k.vec2))
    style = rng.choice(("velocity", "position", "leapfrog", "beeman"))
    x = k.input("position|x|q|pos", space, -3.0, 3.0)
    h = _dt(k)
    force = _force(k, space)
    m = k.input("inv_mass|inv_m|w", k.real, 0.2, 2.0) if rng.chance(0.5) else None

    def accel(at: Value) -> Value:
        return force(at) if m is None else force(at) * m

    if style == "position":
        before = k.load("x_prev|prev_position|x_old", space, -3.0, 3.0)
        a = k.let("a|acc", accel(x))
        damp = k.param("damping|drag", k.real, 0.9, 1.0) if rng.chance(0.4) else None
        drift = x - before
        k.give("position|x_new|x_next", x + (drift if damp is None else damp * drift) + a * h * h)
        return
    v = k.input("velocity|v|vel", space, -3.0, 3.0)
    a0 = k.let("a0|a|acc", accel(x))
    if style == "velocity":
        x1 = k.define("x1|x_new|q1", x + v * h + 0.5 * h * h * a0)
        a1 = k.let("a1|a_new", accel(x1))
        v1 = v + 0.5 * h * (a0 + a1)
    elif style == "leapfrog":
        v_half = k.define("v_half|vh", v + 0.5 * h * a0)
        x1 = k.define("x1|x_new|q1", x + h * v_half)
        v1 = v_half + 0.5 * h * accel(x1)
    else:
        a_prev = k.load("a_prev|acc_prev|a_old", space, -5.0, 5.0)
        x1 = k.define("x1|x_new", x + v * h + (4.0 * a0 - a_prev) * (h * h / 6.0))
        a1 = k.let("a1|a_new", accel(x1))
        v1 = v + (2.0 * a1 + 5.0 * a0 - a_prev) * (h / 6.0)
    k.give("position|x_new|x1", x1)
    k.give("velocity|v_new|v1", v1)


@CATEGORY.motif()
def symplectic_composition(k: Kit) -> None:
    """Higher-order symplectic composition."""
    rng = k.rng
    space = rng.choice((k.vec3, k.vec2))
    force = _force(k, space)
    x = k.var("q|x|pos", k.input("position|x0|q0", space, -2.0, 2.0), lo=-6.0, hi=6.0)
    p = k.var("p|v|vel", k.input("velocity|v0|p0", space, -2.0, 2.0), lo=-50.0, hi=50.0)
    h = _dt(k)
    drifts: tuple[float, ...] = (0.6756, -0.1756, -0.1756, 0.6756)
    kicks: tuple[float, ...] = (1.3512, -1.7024, 1.3512)
    if rng.chance(0.5):
        drifts, kicks = (1.0, -0.6667, 0.6667), (-0.0417, 0.75, 0.2917)
    for n, drift in enumerate(drifts):
        k.add(x, p * (h * drift))
        if n < len(kicks):
            k.add(p, force(x) * (h * kicks[n]))
    k.give("position|x1|q1", x)
    k.give("velocity|v1|p1", p)


@CATEGORY.motif()
def exponential_step(k: Kit) -> None:
    """Exponential integrator for a decaying quantity."""
    rng = k.rng
    t = rng.choice((k.real, k.vec3))
    y = k.input("concentration|y|u|value", t, -5.0, 5.0)
    rate = k.input("rate|lam|decay", k.real, 0.5, 10.0)
    h = _dt(k, 0.1)
    e = k.define("e|decay_factor|expo", k.wp.exp(-rate * h))
    source = k.param("source|forcing|target", t, -2.0, 2.0)
    kind = rng.choice(("relax", "etd1", "etd2", "half"))
    if kind == "relax":
        k.give("value|y_new|u1", source + (y - source) * e)
    elif kind == "etd1":
        phi = k.let("phi|phi1", (1.0 - e) / rate)
        k.give("value|y_new|u1", y * e + source * phi)
    elif kind == "etd2":
        phi1 = k.define("phi1|p1", (1.0 - e) / (rate * h))
        phi2 = k.let("phi2|p2", (1.0 - phi1) / (rate * h))
        before = k.load("forcing_prev|f_prev|n_old", t, -2.0, 2.0)
        k.give("value|y_new|u1", y * e + h * (source * phi1 + (source - before) * phi2.within(0.0, 1.0)))
    else:
        half = k.let("half_life|t_half", 0.6931 / rate)
        k.give("value|y_new|u1", y * k.wp.exp(-0.6931 * h / half) + source * h)


@CATEGORY.motif()
def implicit_euler(k: Kit) -> None:
    """Implicit Euler step solved by Newton's method."""
    rng = k.rng
    y0 = k.input("y|u|state", k.real, -2.0, 2.0)
    h = _dt(k, 0.1)
    rate = k.param("lam|rate|stiffness", k.real, 1.0, 10.0)
    kind = rng.choice(("cubic", "sine", "logistic"))
    y = k.var("y_new|y1|z|x", y0, lo=-4.0, hi=4.0)
    turns = rng.choice((2, 3, 4, 5))
    with k.for_("it|iter|newton", k.size("newton_iters|max_iters", turns) if rng.chance(0.2) else turns):
        if kind == "cubic":
            slope, jac = -rate * y * y * y, -3.0 * rate * y * y
        elif kind == "sine":
            slope, jac = -rate * k.wp.sin(y), -rate * k.wp.cos(y)
        else:
            slope, jac = rate * y * (1.0 - y), rate * (1.0 - 2.0 * y)
        g = k.let("g|residual|res|f", y - y0 - h * slope)
        dg = k.let("dg|jac|slope", (1.0 - h * jac).within(0.3, 20.0) if kind != "logistic" else 1.0 - h * jac)
        k.change(y, "-", g / dg)
    k.give("state|y_new|u_next", y)


@CATEGORY.motif()
def implicit_spring(k: Kit) -> None:
    """Implicit step of a damped oscillator."""
    rng = k.rng
    x, v = (
        k.input("x|position|displacement", k.real, -2.0, 2.0),
        k.input("v|velocity|rate", k.real, -2.0, 2.0),
    )
    ke, kd = k.param("ke|stiffness|k_s", k.real, 1.0, 100.0), k.param("kd|damping|c", k.real, 0.1, 2.0)
    m = k.input("mass|m", k.real, 0.5, 2.0)
    h = _dt(k, 0.05)
    if rng.chance(0.5):
        den = k.let("den|denom|a", m + h * kd + h * h * ke)
        v1 = k.define("v1|v_new", (m * v - h * ke * x) / den)
        x1 = x + h * v1
    else:
        k.note("trapezoidal rule")
        omega2 = k.define("w2|omega2|k_m", ke / m)
        det = k.let("det|d", 1.0 + 0.25 * h * h * omega2)
        v1 = k.define("v1|v_new", ((1.0 - 0.25 * h * h * omega2) * v - h * omega2 * x) / det)
        x1 = x + 0.5 * h * (v + v1)
    k.give("x1|position|x_new", x1)
    k.give("v1|velocity|v_new", v1)
    if rng.chance(0.4):
        k.give("energy|e", 0.5 * m * v1 * v1 + 0.5 * ke * x * x)
