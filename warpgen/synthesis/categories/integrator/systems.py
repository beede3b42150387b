"""Time integration of bodies, chains and controlled systems."""

from __future__ import annotations

from warpgen.synthesis.categories.integrator import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32


@CATEGORY.motif(weight=1.5)
def orientation_step(k: Kit) -> None:
    """Advance an orientation by an angular velocity."""
    rng = k.rng
    q = k.input("rotation|q|orientation|rot", k.quat, -1.0, 1.0, unit=True)
    w = k.input("omega|w|angular_velocity|ang_vel", k.vec3, -3.0, 3.0)
    h = k.param("dt|h|time_step", k.real, 0.001, 0.05)
    kind = rng.choice(("derivative", "exponential", "axis", "body"))
    if kind in ("derivative", "body"):
        spin = k.let("dq|spin|wq", k.make(k.quat, w[0], w[1], w[2], 0.0))
        change = (q * spin if kind == "body" else spin * q) * (0.5 * h)
        q1 = k.wp.normalize(q + change)
    else:
        angle = k.let("angle|theta|phi", k.wp.length(w) * h)
        if kind == "axis":
            axis = k.let("axis|u|n", k.wp.normalize(w))
            q1 = k.wp.normalize(k.wp.quat_from_axis_angle(axis, angle) * q)
        else:
            half = k.define("half|half_angle", 0.5 * angle)
            s = k.define(
                "s|sinc", k.select("ratio|sinc_half", half > 1e-3, k.wp.sin(half) / (half + 1e-4), 1.0)
            )
            step = k.let("dq|delta_q|step_q", w * (0.5 * h * s))
            q1 = k.wp.normalize(k.make(k.quat, step[0], step[1], step[2], k.wp.cos(half)) * q)
    k.give("rotation|q_new|q1", q1)


@CATEGORY.motif()
def gyroscopic_step(k: Kit) -> None:
    """Angular velocity of a body under a torque."""
    rng = k.rng
    w = k.input("omega|w|angular_velocity|w0", k.vec3, -3.0, 3.0)
    torque = k.input("torque|tau|t0", k.vec3, -2.0, 2.0)
    h = k.param("dt|h|time_step", k.real, 0.001, 0.05)
    if rng.chance(0.5):
        inertia = k.load("inertia|moments|I", k.vec3, 0.5, 2.0)
        momentum = k.let("l|L|ang_mom", k.wp.cw_mul(inertia, w))
        net = k.let("net|rhs|tau_net", torque - k.wp.cross(w, momentum))
        w1 = k.let("w1|omega_new|w_new", w + k.wp.cw_div(net, inertia) * h)
    else:
        matrix = k.load("inertia|I|body_inertia", k.mat33, 0.0, 0.2)
        inverse = k.load("inv_inertia|inv_I|body_inv_inertia", k.mat33, -1.0, 1.0)
        q = k.input("rotation|q|r0", k.quat, unit=True)
        k.note("in the body frame")
        wb = k.define("wb|w_body|w_local", k.wp.quat_rotate_inv(q, w))
        tb = k.let("tb|tau_body|t_local", k.wp.quat_rotate_inv(q, torque) - k.wp.cross(wb, matrix * wb))
        w1 = k.let("w1|omega_new|w_new", k.wp.quat_rotate(q, wb + inverse * tb * h))
    if rng.chance(0.5):
        damping = k.param("angular_damping|ang_damping|damp", k.real, 0.01, 0.5)
        w1 = w1 * (1.0 - damping * h)
    k.give("omega|w1|angular_velocity", w1)


@CATEGORY.motif(f32=True)
def langevin(k: Kit) -> None:
    """Kick and damp a velocity as a heat bath does."""
    rng = k.rng
    v = k.input("velocity|v|vel", k.vec3, -3.0, 3.0)
    gamma = k.param("gamma|friction|collision_rate", k.real, 0.1, 5.0)
    kt = k.param("kT|temperature|kbt", k.real, 0.1, 2.0)
    m = k.input("mass|m", k.real, 0.5, 2.0)
    h = k.param("dt|h|time_step", k.real, 0.001, 0.05)
    seed = k.param("seed|rng_seed|step", I32, 1, 100)
    state = k.define("state|rng|rng_state", k.wp.rand_init(seed, k.flat))
    noise = k.define("noise|xi|eta", k.make(k.vec3, *(k.wp.randn(state) for _ in range(3))))
    if rng.chance(0.5):
        c1 = k.define("c1|a|decay", k.wp.exp(-gamma * h))
        c2 = k.let("c2|b|kick", k.wp.sqrt((1.0 - c1 * c1).within(0.0, 0.5) * kt / m))
        k.give("velocity|v_new|v1", v * c1 + noise * c2)
    else:
        f = k.input("force|f", k.vec3, -10.0, 10.0)
        sigma = k.let("sigma|kick|amplitude", k.wp.sqrt(2.0 * gamma * kt * h / m))
        k.give("velocity|v_new|v1", v + (f / m - gamma * v) * h + noise * sigma)


@CATEGORY.motif()
def rescale_thermostat(k: Kit) -> None:
    """Scale velocities towards a temperature."""
    rng = k.rng
    v = k.input("velocity|v|vel", k.vec3, -3.0, 3.0)
    m = k.input("mass|m", k.real, 0.5, 2.0)
    kinetic = k.define("ke|kinetic|e_kin", 0.5 * m * k.wp.length_sq(v))
    target = k.param("target_temp|t0|temperature", k.real, 0.5, 2.0)
    temp = k.define("temp|current|t_inst", kinetic * (2.0 / 3.0))
    if rng.chance(0.5):
        tau = k.param("tau|coupling|relaxation_time", k.real, 0.1, 1.0)
        h = k.param("dt|h|time_step", k.real, 0.001, 0.05)
        scale = k.let(
            "scale|lam|factor", k.wp.sqrt(k.wp.max(1.0 + h / tau * (target / (temp + 0.1) - 1.0), 0.1))
        )
    else:
        q = k.param("q_mass|thermal_mass|q_t", k.real, 1.0, 10.0)
        h = k.param("dt|h|time_step", k.real, 0.001, 0.05)
        xi = k.load("xi|zeta|thermostat", k.real, -1.0, 1.0)
        xi1 = k.define("xi_new|zeta_new", xi + h * (temp - target) / q)
        k.give("xi|zeta|thermostat", xi1)
        scale = k.let("scale|factor|s", k.wp.exp(-xi1 * h))
    k.give("velocity|v_new|v_scaled", v * scale)


@CATEGORY.motif(rank=1)
def mass_chain(k: Kit) -> None:
    """Motion of one bead of a spring chain."""
    rng = k.rng
    t = rng.choice((k.vec3, k.vec2, k.real))
    x = k.array("positions|x|u|q", t, lo=-1.0, hi=1.0)
    n = k.extent()
    i = k.flat
    periodic = rng.chance(0.4)
    left = (i + n - 1) % n if periodic else k.wp.max(i - 1, 0)
    right = (i + 1) % n if periodic else k.wp.min(i + 1, n - 1)
    il = k.define("left|prev|im", left.within(0, n.hi - 1))
    ir = k.define("right|next|ip", right.within(0, n.hi - 1))
    ke = k.param("ke|stiffness|k_s", k.real, 1.0, 10.0)
    xi = k.define("xi|x0|center", x[i])
    f = k.define("f|force|accel", ke * (x[il] - 2.0 * xi + x[ir]))
    if rng.chance(0.5):
        beta = k.param("beta|anharmonic|alpha", k.real, 0.1, 1.0)
        if t is k.real:
            dl, dr = k.define("dl|a", x[il] - xi), k.define("dr|b", x[ir] - xi)
            f = f + beta * (dl * dl * dl + dr * dr * dr)
        else:
            f = f - beta * xi * k.wp.dot(xi, xi)
    h = k.param("dt|h|time_step", k.real, 0.001, 0.05)
    v = k.load("velocity|v|vel", t, -1.0, 1.0)
    if rng.chance(0.4):
        f = f - k.param("damping|c|drag", k.real, 0.01, 1.0) * v
    v1 = k.define("v1|v_new", v + f * h)
    k.give("velocity|v1|v_next", v1)
    k.give("position|x1|x_next", xi + v1 * h)


@CATEGORY.motif()
def bouncing_ball(k: Kit) -> None:
    """Fall with bounces in substeps."""
    rng = k.rng
    y = k.var("y|height|h", k.input("height|y0|h0", k.real, 0.0, 2.0), lo=-5.0, hi=10.0)
    v = k.var("v|vy|speed", k.input("speed|v0|vy0", k.real, -3.0, 3.0), lo=-20.0, hi=20.0)
    dt = k.param("dt|time_step|sub_dt", k.real, 0.01, 0.05)
    g = k.param("g|gravity", k.real, 1.0, 9.81)
    e = k.param("restitution|e|bounce", k.real, 0.5, 0.9)
    bounces = k.var("bounces|hits|contacts", 0, I32, lo=0, hi=16) if rng.chance(0.5) else None
    turns = rng.choice((4, 8, 10, 16))
    with k.for_("s|step|i", k.size("substeps|num_steps", turns) if rng.chance(0.25) else turns):
        k.change(v, "-", g * dt)
        k.add(y, v * dt)
        with k.if_(y < 0.0):
            k.set(y, -e * y if rng.chance(0.4) else 0.0)
            k.set(v, -e * v if rng.chance(0.7) else k.wp.abs(v) * e)
            if bounces is not None:
                k.add(bounces, 1)
        if rng.chance(0.2):
            k.change(v, "*", 1.0 - 0.01)
    k.give("height|y_new|y1", y)
    k.give("speed|v_new|v1", v)
    if bounces is not None:
        k.give("bounces|hits", bounces)


@CATEGORY.motif()
def controller(k: Kit) -> None:
    """Controller output from a tracking error."""
    rng = k.rng
    target = k.input("target|setpoint|ref", k.real, -2.0, 2.0)
    value = k.input("value|measured|q|y", k.real, -2.0, 2.0)
    kp = k.param("kp|gain|p_gain", k.real, 0.5, 20.0)
    error = k.define("error|err|e", target - value)
    out = kp * error
    if rng.chance(0.7):
        rate = k.load("rate|qd|velocity", k.real, -2.0, 2.0)
        out = out - k.param("kd|d_gain|damping", k.real, 0.1, 2.0) * rate
    if rng.chance(0.5):
        ki = k.param("ki|i_gain", k.real, 0.1, 2.0)
        dt = k.param("dt|time_step", k.real, 0.001, 0.05)
        limit = k.param("windup|i_limit|integral_limit", k.real, 0.5, 2.0)
        total = k.load("integral|i_term|acc", k.real, -1.0, 1.0)
        integral = k.define("i_new|integral_new|acc_new", k.wp.clamp(total + error * dt, -limit, limit))
        out = out + ki * integral
        k.give("integral|i_new", integral)
    effort = k.let("u|effort|command", out)
    if rng.chance(0.6):
        top = k.param("effort_limit|max_torque|u_max", k.real, 5.0, 50.0)
        effort = k.wp.clamp(effort, -top, top)
    k.give("torque|u|effort|control", effort)


@CATEGORY.motif()
def orbit_step(k: Kit) -> None:
    """Step of a body around a central mass."""
    rng = k.rng
    r = k.input("position|r|pos", k.vec3, 1.0, 3.0)
    v = k.input("velocity|v|vel", k.vec3, -1.0, 1.0)
    mu = k.param("mu|gm|grav_param", k.real, 0.5, 4.0)
    h = k.param("dt|h|time_step", k.real, 0.001, 0.05)
    d = k.define("d|dist|r_len", k.wp.length(r))
    d2 = k.define("d2|r2|dist_sq", d * d)
    a = k.define("a|acc|gravity_acc", r * (-mu / (d2 * d)))
    if rng.chance(0.4):
        k.note("oblateness of the central body")
        j2 = k.param("j2|oblateness", k.real, 0.001, 0.1)
        z2 = k.let("z2|zr|lat", r[2] * r[2] / d2)
        scale = k.let("c|factor|j2_term", 1.5 * j2 * mu / (d2 * d2 * d))
        a = k.define("a_total|acc_j2", a + r * (scale * (5.0 * z2 - 1.0)))
    if rng.chance(0.3):
        a = a - v * k.param("drag|cd|decay", k.real, 0.001, 0.05)
    v1 = k.define("v1|v_new", v + a * h)
    k.give("position|r_new|r1", r + v1 * h)
    k.give("velocity|v_new|v1", v1)
    if rng.chance(0.5):
        k.give("energy|specific_energy|e_orb", 0.5 * k.wp.dot(v1, v1) - mu / d)
    if rng.chance(0.3):
        k.give("momentum|h_vec|ang_mom", k.wp.cross(r, v1))


@CATEGORY.motif()
def double_pendulum(k: Kit) -> None:
    """Accelerations of a double pendulum."""
    rng = k.rng
    th1, th2 = k.input("theta1|th1|a1", k.real, -2.0, 2.0), k.input("theta2|th2|a2", k.real, -2.0, 2.0)
    w1, w2 = k.input("omega1|w1", k.real, -2.0, 2.0), k.input("omega2|w2", k.real, -2.0, 2.0)
    m1, m2 = k.param("m1|mass1", k.real, 0.5, 2.0), k.param("m2|mass2", k.real, 0.5, 2.0)
    l1, l2 = k.param("l1|length1", k.real, 0.5, 1.5), k.param("l2|length2", k.real, 0.5, 1.5)
    g = k.param("g|gravity", k.real, 1.0, 9.81)
    d = k.define("d|delta|diff", th1 - th2)
    sd, cd = k.define("sd|s|sin_d", k.wp.sin(d)), k.define("cd|c|cos_d", k.wp.cos(d))
    den = k.define("den|denom|mass_term", (m1 + m2 * sd * sd).within(0.5, 4.0))
    n1 = -m2 * sd * (l1 * w1 * w1 * cd + l2 * w2 * w2) - g * (
        (m1 + m2) * k.wp.sin(th1) - m2 * k.wp.sin(th2) * cd
    )
    acc1 = k.define("acc1|a1|alpha1", n1 / (l1 * den))
    acc2 = k.define("acc2|a2|alpha2", (-l1 * (acc1 * cd - w1 * w1 * sd) - g * k.wp.sin(th2)) / l2)
    if rng.chance(0.4):
        k.give("acc1|alpha1", acc1)
        k.give("acc2|alpha2", acc2)
        return
    h = k.param("dt|h|time_step", k.real, 0.001, 0.02)
    w1n, w2n = k.define("w1_new|omega1_new", w1 + acc1 * h), k.define("w2_new|omega2_new", w2 + acc2 * h)
    k.give("omega1|w1", w1n)
    k.give("omega2|w2", w2n)
    k.give("theta1|th1", th1 + w1n * h)
    k.give("theta2|th2", th2 + w2n * h)


@CATEGORY.motif()
def motor_neuron(k: Kit) -> None:
    """Leaky integrate-and-fire neuron."""
    rng = k.rng
    v = k.input("potential|v|membrane", k.real, -70.0, -50.0)
    current = k.input("current|i_syn|i_ext", k.real, 0.0, 30.0)
    tau = k.param("tau|tau_m|time_constant", k.real, 5.0, 20.0)
    rest, reset = k.param("v_rest|rest", k.real, -70.0, -65.0), k.param("v_reset|reset", k.real, -75.0, -65.0)
    threshold = k.param("v_th|threshold", k.real, -56.0, -50.0)
    dt = k.param("dt|h|time_step", k.real, 0.1, 1.0)
    if rng.chance(0.5):
        v1 = k.define("v1|v_new", v + (rest - v + current) * dt / tau)
    else:
        v1 = k.define("v1|v_new", rest + current + (v - rest - current) * k.wp.exp(-dt / tau))
    fired = v1 > threshold
    spikes = k.var("spike|fired|s", 0, I32, lo=0, hi=1)
    with k.if_(fired):
        k.set(spikes, 1)
    k.give("spike|fired", spikes)
    k.give("potential|v_out|v_next", k.select("v_out|v_next", fired, reset, v1))
