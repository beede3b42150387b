"""Gradients: written by hand, custom adjoints and replays, losses, smooth forms, inverse problems."""

from __future__ import annotations

from warpgen.synthesis.blocks.functions import function
from warpgen.synthesis.blocks.texts import block, declare, operand, real
from warpgen.synthesis.categories.autodiff import CATEGORY
from warpgen.synthesis.formulas.grower import Grower, result_name
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import F32, I32, vec
from warpgen.synthesis.language.values import Value, call


def _number(k: Kit, lo: float, hi: float) -> str:
    return k.lit(k.number(lo, hi)).text


@CATEGORY.motif(weight=1.4)
def custom_gradient(k: Kit) -> None:
    """A function with a gradient of its own."""
    r = real(k)
    eps, one, half, two = (k.lit(v).text for v in (0.01, 1.0, 0.5, 2.0))
    c = _number(k, 0.3, 2.0)
    kinds = {
        "safe_sqrt": (
            [f"return wp.sqrt(wp.max(x, {eps}))"],
            [f"if x > {eps}:", f"    wp.adjoint[x] += adj_ret * {half} / wp.sqrt(x)"],
        ),
        "soft_abs": (
            [f"return wp.sqrt(x * x + {eps})"], [f"wp.adjoint[x] += adj_ret * x / wp.sqrt(x * x + {eps})"],
        ),
        "leaky": (
            [f"if x > {k.lit(0.0).text}:", "    return x", f"return {half} * x"],
            ["g = adj_ret", f"if x <= {k.lit(0.0).text}:", f"    g = {half} * adj_ret", "wp.adjoint[x] += g"],
        ),
        "logistic": (
            [f"return {one} / ({one} + wp.exp(-x))"],
            [f"s = {one} / ({one} + wp.exp(-x))", f"wp.adjoint[x] += adj_ret * s * ({one} - s)"],
        ),
        "cubic": ([f"return x * x * x * {c}"], [f"wp.adjoint[x] += adj_ret * ({one} + {two}) * {c} * x * x"]),
        "straight_through": ([f"return wp.floor(x * {two}) / {two}"], ["wp.adjoint[x] += adj_ret"]),
    }  # fmt: skip
    stem = k.rng.choice(list(kinds))
    forward, backward = kinds[stem]
    name = k.draft.module_name(f"{stem}|my_{stem}|{stem}_custom")
    adjoint = k.draft.module_name(f"adj_{name}|grad_{name}|{name}_backward")
    text = f"@wp.func\ndef {name}(x: {r}):\n    {block(*forward)}"
    text += f"\n\n\n@wp.func_grad({name})\ndef {adjoint}(x: {r}, adj_ret: {r}):\n    {block(*backward)}"
    declare(k, name, text)
    x = operand(k)
    x = k.fit(x, 0.1, 4.0) if stem == "safe_sqrt" else k.fit(x, -2.0, 2.0)
    term = call(name, [x], k.real, -20.0, 20.0, k.author)
    k.give(result_name(k), term * operand(k) if k.rng.chance(0.5) else term + x * k.number(0.1, 1.0))


@CATEGORY.motif()
def custom_gradient_of_two(k: Kit) -> None:
    """A function of two values with a gradient of its own."""
    r, one = real(k), k.lit(1.0).text
    kinds = {
        "product": ("return x * y", ["wp.adjoint[x] += adj_ret * y", "wp.adjoint[y] += adj_ret * x"]),
        "ratio": (
            f"return x / (y * y + {one})",
            [f"d = y * y + {one}", "wp.adjoint[x] += adj_ret / d",
             f"wp.adjoint[y] -= adj_ret * x * ({one} + {one}) * y / (d * d)"],
        ),
        "weighted_square": (
            "return y * x * x",
            [f"wp.adjoint[x] += adj_ret * ({one} + {one}) * x * y", "wp.adjoint[y] += adj_ret * x * x"],
        ),
        "hypot": (
            f"return wp.sqrt(x * x + y * y + {one})",
            [f"h = wp.sqrt(x * x + y * y + {one})", "wp.adjoint[x] += adj_ret * x / h",
             "wp.adjoint[y] += adj_ret * y / h"],
        ),
    }  # fmt: skip
    stem = k.rng.choice(list(kinds))
    forward, backward = kinds[stem]
    name = k.draft.module_name(f"{stem}|{stem}_with_grad|custom_{stem}")
    adjoint = k.draft.module_name(f"adj_{name}|grad_{name}|{name}_backward")
    text = f"@wp.func\ndef {name}(x: {r}, y: {r}):\n    {forward}"
    text += (
        f"\n\n\n@wp.func_grad({name})\ndef {adjoint}(x: {r}, y: {r}, adj_ret: {r}):\n    {block(*backward)}"
    )
    declare(k, name, text)
    x, y = (k.fit(operand(k), -2.0, 2.0) for _ in range(2))
    k.give(result_name(k), call(name, [x, y], k.real, -12.0, 12.0, k.author))


@CATEGORY.motif()
def custom_replay(k: Kit) -> None:
    """A counter that the backward pass reads again."""
    k.expect(k.parent is None, "inside a helper, the backward pass would draw again")
    name = k.draft.module_name("next_index|reserve_slot|allocate|take_ticket")
    array = k.author.spell_array(I32, 1)
    signature = f"counter: {array}, slots: {array}, tid: int"
    body = block("slot = wp.atomic_add(counter, 0, 1)", "slots[tid] = slot", "return slot")
    replay = k.draft.module_name(f"replay_{name}|{name}_replay")
    text = f"@wp.func\ndef {name}({signature}):\n    {body}"
    text += f"\n\n\n@wp.func_replay({name})\ndef {replay}({signature}):\n    return slots[tid]"
    declare(k, name, text)
    counter, slots = k.output("counter|count|next_free", I32), k.output("slots|thread_slots|tickets", I32)
    total = 1
    for extent in k.draft.shape:
        total *= extent
    i = k.flat
    counter.subscript(0)
    slots.subscript(i)
    at = k.define(
        "slot|at|out_index",
        call(name, [counter.node, slots.node, i], I32, 0, total - 1, k.author),
    )
    target = k.output("compacted|packed|stream", k.real)
    x = operand(k)
    k.store(target, at, x * k.number(0.5, 3.0))
    k.give(result_name(k), x * x)


@CATEGORY.motif()
def gradient_of_function(k: Kit) -> None:
    """Gradient of a function inside the kernel."""
    r, c = real(k), _number(k, 0.3, 2.0)
    two = k.rng.chance(0.5)
    name = k.draft.module_name("potential|objective|energy_of|cost_fn|phi")
    one_forms = (f"x * x * {c}", f"wp.sin(x) * {c}", f"wp.exp(-x * x) * {c}", f"x * x * x + {c} * x")
    two_forms = (
        f"x * x + {c} * x * y",
        f"wp.sin(x) * y + {c} * y * y",
        f"x * y * y - {c} * x",
        "wp.exp(-x * x) * y",
    )
    body = k.rng.choice(two_forms if two else one_forms)
    signature = f"x: {r}, y: {r}" if two else f"x: {r}"
    declare(k, name, f"@wp.func\ndef {name}({signature}):\n    return {body}")
    x = k.fit(operand(k), -1.5, 1.5)
    if two:
        y = k.fit(operand(k), -1.5, 1.5)
        gx, gy = k.define_all(
            ("gx|df_dx|dx", "gy|df_dy|dy"),
            f"wp.grad({name})({x.text}, {y.text})",
            (k.real,) * 2,
            (-30.0, 30.0),
        )
        step = k.param("step|lr|rate", k.real, 0.01, 0.2)
        k.give("x_next|descended_x", x - step * gx)
        k.give("y_next|descended_y", y - step * gy)
    else:
        g = k.define("g|slope|df_dx", Value(f"wp.grad({name})({x.text})", k.real, -30.0, 30.0, k.author))
        k.give("slope|gradient", g)
        if k.rng.chance(0.5):
            k.give("x_next|newton_x", x - g * k.number(0.01, 0.2))


@CATEGORY.motif(weight=1.3)
def loss_terms(k: Kit) -> None:
    """Loss between a model and data."""
    pred, target = (
        k.input("pred|prediction|y_hat|output", k.real, -2.0, 2.0),
        k.input("target|label|y|observed", k.real, -2.0, 2.0),
    )
    e = k.let("e|err|residual|diff", pred - target)
    kind = k.rng.choice(("square", "pseudo_huber", "log_cosh", "charbonnier", "weighted", "cauchy", "hinge"))
    d = k.param("delta|scale|sigma", k.real, 0.3, 1.5)
    if kind == "square":
        loss = 0.5 * e * e
    elif kind == "pseudo_huber":
        loss = d * d * (k.wp.sqrt(1.0 + (e / d) * (e / d)) - 1.0)
    elif kind == "log_cosh":
        loss = k.wp.log(k.wp.cosh(e))
    elif kind == "charbonnier":
        loss = k.wp.sqrt(e * e + k.number(0.01, 0.1))
    elif kind == "weighted":
        loss = k.input("weight|w|confidence", k.real, 0.1, 1.0) * e * e
    elif kind == "cauchy":
        loss = k.wp.log(1.0 + e * e / (d * d))
    else:
        loss = k.wp.log(1.0 + k.wp.exp(-pred * target))
    if k.rng.chance(0.3):
        w = k.input("theta|weight_in|param", k.real, -1.0, 1.0)
        loss = k.let("data_term|fit", loss) + k.param("lam|reg|weight_decay", k.real, 0.01, 0.2) * w * w
    if k.rng.chance(0.5):
        total = k.output("loss|total_loss|cost", k.real)
        scale = k.number(0.01, 0.5)
        k.discard(
            k.atomic("add", total, 0, k.saturate(loss * scale) if k.rng.chance(0.5) else k.saturate(loss))
        )
    else:
        k.give("loss|cost|penalty", loss)


@CATEGORY.motif()
def chain_rule(k: Kit) -> None:
    """Forward value and gradient side by side."""
    x = k.input("x|theta|state|u", k.real, -1.5, 1.5)
    value, slope = x, k.lit(1.0)
    for n in range(k.rng.integer(2, 4)):
        c = k.number(0.3, 1.5)
        step = k.rng.choice(("sin", "square", "tanh", "affine", "exp"))
        if step == "sin":
            new, factor = k.wp.sin(value * c), c * k.wp.cos(value * c)
        elif step == "square":
            new, factor = value * value, 2.0 * value
        elif step == "tanh":
            new = k.define(f"h{n}|y{n}|z{n}", k.wp.tanh(value))
            factor = 1.0 - new * new
        elif step == "affine":
            new, factor = c * value + k.number(0.1, 1.0), k.lit(c)
        else:
            new = k.define(f"e{n}|h{n}|z{n}", k.wp.exp(-(value * value)))
            factor = -2.0 * value * new
        slope = k.define(f"d{n}|dz{n}|grad{n}", slope * factor if n else factor)
        value = k.define(f"y{n}|z{n}|h{n}", new)
    k.give("value|y_out", value)
    k.give("derivative|dydx|slope", slope)


@CATEGORY.motif()
def finite_difference(k: Kit) -> None:
    """Derivative by differences."""
    c, d = k.number(0.3, 1.5), k.number(0.2, 1.0)
    kind = k.rng.choice(("central", "forward", "second", "four"))

    def write(f: Kit, x: Value) -> Value:
        forms = [f.wp.sin(x * c) * d, f.wp.exp(-x * x) * c, x / (1.0 + x * x), f.wp.tanh(x * c) + x * d]
        if kind != "second":  # the second difference of a parabola says nothing about where it was taken
            forms.append(x * x * c + d * x)
        return f.rng.choice(forms)

    f = function(k, "f|objective|profile|model", [("x|t|s", k.real, -2.5, 2.5)], write)
    x = k.fit(operand(k), -2.0, 2.0)
    h = k.param("h|eps|dx", k.real, 0.05, 0.2)
    if kind == "central":
        k.give("slope|dfdx|derivative", (f(x + h) - f(x - h)) / (2.0 * h))
    elif kind == "forward":
        k.give("slope|dfdx|derivative", (f(x + h) - f(x)) / h)
    elif kind == "second":
        k.give("curvature|d2f|laplacian", (f(x + h) - 2.0 * f(x) + f(x - h)) / (h * h))
    else:
        inner, outer = k.let("d1|near", f(x + h) - f(x - h)), k.let("d2|far", f(x + 2.0 * h) - f(x - 2.0 * h))
        k.give("slope|dfdx", (8.0 * inner - outer) / (12.0 * h))


@CATEGORY.motif()
def smooth_switches(k: Kit) -> None:
    """Smooth stand-ins for branches."""
    g = Grower(k)
    x, y = g.named(k.fit(operand(k), -2.0, 2.0), "x|a|d1"), g.named(k.fit(operand(k), -2.0, 2.0), "y|b|d2")
    s = k.param("sharpness|beta|k_s|alpha", k.real, 1.0, 5.0)
    kind = k.rng.choice(("step", "max", "abs", "clamp", "softplus", "gate"))
    if kind == "step":
        k.give("smooth_step|heaviside", 0.5 * (1.0 + k.wp.tanh(s * x)))
    elif kind == "max":
        k.give("smooth_max|upper", k.wp.log(k.wp.exp(x) + k.wp.exp(y)))
    elif kind == "abs":
        k.give("smooth_abs|magnitude", x * k.wp.tanh(s * x))
    elif kind == "clamp":
        k.give("soft_clamp|limited", x / k.wp.sqrt(1.0 + x * x))
    elif kind == "softplus":
        k.give("softplus|rectified", k.wp.log(1.0 + k.wp.exp(x)) / s)
    else:
        w = k.let("w|gate|sigma", 1.0 / (1.0 + k.wp.exp(-s * 0.5 * x)))
        k.give("mixed_value|switched", w * x + (1.0 - w) * y)


@CATEGORY.motif()
def inverse_problem(k: Kit) -> None:
    """Misfit of a simulated trajectory."""
    x, v = (
        k.var("x|pos|q", k.input("x0|start|initial_x", k.real, -1.0, 1.0), lo=-9.0, hi=9.0),
        k.input("v0|speed|initial_v", k.real, -1.0, 1.0),
    )
    stiffness, target = (
        k.input("stiffness|k|param", k.real, 0.1, 1.5),
        k.input("target|goal|measured", k.real, -1.0, 1.0),
    )
    dt = k.param("dt|h|time_step", k.real, 0.02, 0.1)
    vel = k.var("v|vel|qd", v, lo=-9.0, hi=9.0)
    cost = k.var("cost|misfit|loss", 0.0, k.real, lo=0.0, hi=400.0) if k.rng.chance(0.5) else None
    for_steps = k.rng.integer(3, 8)
    with k.for_("t|step|i", for_steps):
        k.set(vel, (vel - stiffness * x * dt).within(-9.0, 9.0))
        k.set(x, (x + vel * dt).within(-9.0, 9.0))
        if cost is not None:
            k.add(cost, (x - target) * (x - target))
    k.give("misfit|loss|objective", cost if cost is not None else 0.5 * (x - target) * (x - target))


@CATEGORY.motif()
def vector_gradients(k: Kit) -> None:
    """Energy and its gradient by hand."""
    t = k.rng.choice((k.vec2, k.vec3))
    x, c = k.input("x|p|position", t, -1.5, 1.5), k.input("center|c|anchor", t, -1.0, 1.0)
    d = k.let("d|r|delta", x - c)
    r2 = k.let("r2|d2|q", k.wp.dot(d, d))
    kind = k.rng.choice(("harmonic", "gaussian", "well", "plummer"))
    a = k.param("k|strength|a", k.real, 0.2, 2.0)
    if kind == "harmonic":
        e, g = 0.5 * a * r2, d * a
    elif kind == "gaussian":
        w = k.define("w|g0|bell", k.wp.exp(-a * r2))
        e, g = -w, d * (2.0 * a * w)
    elif kind == "well":
        s = k.let("s|gap|m", r2 - 1.0)
        e, g = a * s * s, d * (4.0 * a * s)
    else:
        soft = k.let("soft|inv|h", k.wp.sqrt(r2 + 0.1))
        e, g = -a / soft, d * (a / (soft * soft * soft))
    k.give("energy|potential", e)
    k.give("gradient|grad|dE", g if k.rng.chance(0.6) else -g)


@CATEGORY.motif(inline=True)
def reference_arguments(k: Kit) -> None:
    """A function that changes its argument."""
    if k.parent is not None or k.draft.tiled:
        return
    r = real(k)
    name = k.draft.module_name("accumulate_into|advance|update_state|add_to")
    body = k.rng.choice(
        ("total += value * weight", "total = total + value * weight", "total = total * weight + value")
    )
    declare(k, name, f"@wp.func\ndef {name}(total: wp.ref[{r}], value: {r}, weight: {r}):\n    {body}")
    acc = k.var("acc|total|state", 0.0, k.real, lo=-30.0, hi=30.0)
    n = k.rng.integer(2, 4)
    xs = k.array("values|samples|terms", k.real, lo=-1.0, hi=1.0)
    w = k.param("w|weight|decay", k.real, 0.2, 0.9)
    with k.for_("j|i|s", n) as j:
        v = k.define("v|value|x", xs[k.flat * n + j])
        k.do(name, acc, v, w)
    k.forward_only()  # references have no adjoint
    k.give("total|state_out|folded", acc)


@CATEGORY.motif()
def linear_model(k: Kit) -> None:
    """Gradient of a linear model by hand."""
    n = k.rng.choice((2, 3, 4))
    t = vec(n, k.real)
    w, x = k.input("w|weights|theta", t, -1.0, 1.0), k.input("x|features|phi", t, -1.0, 1.0)
    y = k.input("y|label|target", k.real, -1.0, 1.0)
    z = k.let("z|score|logit", k.wp.dot(w, x) + k.param("b|bias", k.real, -0.5, 0.5))
    kind = k.rng.choice(("linear", "logistic", "tanh"))
    if kind == "linear":
        r = k.let("r|residual|err", z - y)
        g = r * x if k.rng.chance(0.5) else x * r
    elif kind == "logistic":
        p = k.let("p|prob|s", 1.0 / (1.0 + k.wp.exp(-z)))
        g = x * (p - y)
    else:
        h = k.define("h|act|y_hat", k.wp.tanh(z))
        g = x * ((h - y) * (1.0 - h * h))
    g = k.let("g|grad|dw", g)
    if k.rng.chance(0.5):
        k.give("w_new|updated|theta_next", w - g * k.param("lr|rate|eta", k.real, 0.01, 0.3))
    else:
        k.give("grad_w|dw", g)
        k.give("grad_norm|g2", k.wp.length_sq(g))


@CATEGORY.motif(f32=True, weight=0.8)
def custom_array_read(k: Kit) -> None:
    """A read whose adjoint is written by hand."""
    name = k.draft.module_name("read_value|fetch|gather_value|load_at")
    array = k.author.spell_array(F32, 1)
    scale = k.number(0.5, 2.0)
    text = f"@wp.func\ndef {name}(values: {array}, i: int):\n    return values[i] * {scale}"
    adjoint = k.draft.module_name(f"adj_{name}|{name}_grad")
    body = k.rng.choice(
        (
            f"wp.adjoint[values][i] += adj_ret * {scale}",
            f"wp.atomic_add(wp.adjoint[values], i, adj_ret * {scale})",
        )
    )
    text += (
        f"\n\n\n@wp.func_grad({name})\ndef {adjoint}(values: {array}, i: int, adj_ret: float):\n    {body}"
    )
    declare(k, name, text)
    values = k.array("values|table|field_in|weights", F32, lo=-1.0, hi=1.0)
    picks = k.index_array("picks|ids|indices", 24)
    values.spec.need[0] = max(values.spec.need[0], 24)
    j = k.define("j|at|idx", picks[k.flat])
    v = k.define("v|x|sample", call(name, [values.node, j], F32, -2.0, 2.0, k.author))
    k.give("gathered|loss_term|picked", v * v if k.rng.chance(0.5) else k.wp.sin(v))
