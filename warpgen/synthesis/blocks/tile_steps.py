"""Elementwise steps on tiles: what people put between a load and a store."""

from __future__ import annotations

from warpgen.synthesis.blocks.tiles import Tile, Tiles
from warpgen.synthesis.language.types import Type

_WEIGHTS = {
    "map": 3.0, "scale": 2.0, "add": 1.5, "mul": 1.2, "minmax": 1.0, "neg": 0.4, "axpy": 0.8,
    "pair": 1.2, "bias": 0.7, "div": 0.5, "with_number": 1.0, "ramp": 0.5,
}  # fmt: skip
_NAMES = ("u|scaled|t1|z", "v|mixed|h|w", "r|activated|q|g", "s|shaped|p|e", "h2|next_tile|f|d")


def pipeline(t: Tiles, x: Tile, steps: int) -> Tile:
    """`steps` operations one after the other; shape and type stay."""
    for n in range(steps):
        fresh = t.saturate(_step(t, x))
        x = x if fresh.text == x.text else t.let(_NAMES[n % len(_NAMES)], fresh)
    return x


def _functions(t: Tiles, type: Type) -> dict[str, tuple[str, str, float, float]]:
    """Functions of one number that people map over tiles: body, names and the range they give."""

    def lit(value: float) -> str:
        return t.k.lit(value, type).text

    one, half = lit(1.0), lit(0.5)
    slope, rate, bound = (t.k.number(lo, hi) for lo, hi in ((0.01, 0.3), (0.5, 4.0), (0.1, 0.5)))
    return {
        "relu": (f"return wp.max(x, {lit(0.0)})", "relu|clamp_positive", 0.0, 1e3),
        "leaky": (f"return wp.where(x > {lit(0.0)}, x, {lit(slope)} * x)", "leaky_relu|leaky", -1e3, 1e3),
        "square": ("return x * x", "square|sq|pow2", 0.0, 1e6),
        "sigmoid": (f"return {one} / ({one} + wp.exp(-x))", "sigmoid|logistic", 0.0, 1.0),
        "swish": (f"return x / ({one} + wp.exp(-x))", "swish|silu", -1.0, 1e3),
        "softsign": (f"return x / ({one} + wp.abs(x))", "softsign|squash", -1.0, 1.0),
        "softplus": (f"return wp.log({one} + wp.exp(x))", "softplus|smooth_relu", 0.0, 25.0),
        "cube": ("return x * x * x", "cube|pow3", -1e6, 1e6),
        "gauss": (f"return wp.exp(-{half} * x * x)", "gaussian|bell|rbf", 0.0, 1.0),
        "clip": (f"return wp.clamp(x, {lit(-1.0)}, {one})", "clip|clamp_unit|saturate", -1.0, 1.0),
        "smooth": (f"return x * x * ({lit(3.0)} - {lit(2.0)} * x)", "smooth|ease|hermite", -1e6, 1e6),
        "root": (f"return wp.sqrt(wp.abs(x) + {lit(0.01)})", "safe_sqrt|root|sqrt_abs", 0.1, 1e3),
        "logabs": (f"return wp.log(wp.abs(x) + {one})", "log_abs|log1p_abs|compress", 0.0, 15.0),
        "wave": (f"return wp.sin({lit(rate)} * x)", "wave|oscillate|carrier", -1.0, 1.0),
        "step": (
            f"return wp.where(x > {lit(bound)}, {one}, {lit(0.0)})",
            "binarize|threshold|gate",
            0.0,
            1.0,
        ),
    }


def _mapped(t: Tiles, x: Tile) -> Tile:
    """A function over a tile, Warp's own or one of the program's."""
    k = t.k
    if k.rng.chance(0.45):
        fn = k.rng.choice(
            ("sin", "cos", "tanh", "abs", "floor", "sign", "exp", "sqrt", "log", "atan", "ceil", "round")
        )
        flat = x.lo >= 0 or x.hi <= 0 if fn == "sign" else x.hi - x.lo < 4.0
        if fn in ("sign", "floor", "ceil", "round") and flat:  # would be one number everywhere
            fn = "sin"
        if fn in ("exp", "sqrt", "log") and (x.lo < 0.05 or x.hi > 10.0):
            fn = k.rng.choice(("sin", "tanh", "abs"))
        usual = {
            "abs": (0.0, x.magnitude),
            "floor": (x.lo - 1, x.hi),
            "ceil": (x.lo, x.hi + 1),
            "round": (x.lo - 1, x.hi + 1),
        }
        usual |= {"exp": (1.0, 2.3e4), "sqrt": (0.2, 3.2)}
        lo, hi = usual.get(fn, (-3.0, 3.0))
        return t.map(f"wp.{fn}", lo, hi, x)
    table = _functions(t, x.type)
    wide = ("sigmoid", "swish", "softplus")
    options = [n for n in table if not (n in wide and x.magnitude > 20)]
    if x.lo >= 0 or x.hi <= 0 or x.magnitude > 20:
        options = [n for n in options if n not in ("relu", "clip", "step", "gauss")]
    name = k.rng.choice(options)
    body, names, lo, hi = table[name]
    return t.map(t.function(names, "x", body, x.type), lo, hi, x)


def _paired(t: Tiles, x: Tile, other: Tile) -> Tile:
    """A function of the program's over two tiles."""
    k = t.k
    c = k.lit(k.number(0.25, 2.0), x.type).text
    m = 3.0 * (x.magnitude + other.magnitude) + 3.0
    bodies = {
        "blend|mix|lerp_half": (f"return a + {c} * (b - a)", m),
        "mul_add|fma|accumulate": (f"return a * {c} + b", m),
        "huber|robust": ("d = wp.abs(a - b)\n    return wp.where(d < 1.0, 0.5 * d * d, d - 0.5)", m),
        "sq_diff|squared_error|diff2": ("return (a - b) * (a - b)", m * m),
        "ratio|safe_div|relative": (f"return a / (wp.abs(b) + {c})", 4.0 * m),
        "hypot|magnitude|norm2": (f"return wp.sqrt(a * a + b * b + {k.lit(0.01, x.type).text})", m),
        "gate|masked|select": (f"return wp.where(b > {k.lit(0.0, x.type).text}, a, -a)", x.magnitude),
        "product|modulate|times": (f"return a * b + {c}", x.magnitude * other.magnitude + 2.0),
    }
    names = k.rng.choice(
        [n for n in bodies if x.type is k.real and (k.real.name == "float32" or "0.5 *" not in bodies[n][0])]
    )
    body, top = bodies[names]
    return t.map(t.function(names, "a b", body, x.type), -top, top, x, other)


def _step(t: Tiles, x: Tile) -> Tile:
    kind = t.k.rng.weighted(_WEIGHTS)
    alike = [o for o in t.pool if o.type is x.type and _extents(o) == _extents(x) and o.text != x.text]
    alone = _alone(t, x, kind)
    if alone is not None:
        return alone
    if not alike or kind in ("map", "div", "ramp"):
        return _mapped(t, x)
    return _beside(t, x, t.k.rng.choice(alike), kind)


def _alone(t: Tiles, x: Tile, kind: str) -> Tile | None:
    """A step on one tile; None where its kind takes two, or this tile does not lend itself to it."""
    k = t.k
    if kind == "scale":
        return t.scale(x, k.param("alpha|scale|s|gain", x.type, 0.25, 2.0))
    if kind == "neg":
        return t.negate(x)
    if kind == "bias":
        return t.binary(x, k.rng.choice("+-"), t.full("bias|c|shift", k.number(0.1, 2.0), x.type, x.shape))
    if kind == "ramp" and len(x.shape) == 1:
        step = k.rng.choice((0.5, 0.25, 0.125))
        return t.binary(x, k.rng.choice("+-"), t.arange("ramp|coords|lin", x.shape[0], x.type, step))
    if kind == "with_number":
        return _bounded(t, x)
    return t.inverse(x) if kind == "div" and (x.lo >= 0.1 or x.hi <= -0.1) else None


def _bounded(t: Tiles, x: Tile) -> Tile:
    """All below a number, or above it, becomes the number."""
    bound = t.k.param("limit|floor_value|cap|threshold", x.type, 0.1, 1.0)
    if x.lo > bound.lo - 0.2 or x.hi < bound.hi + 0.2:  # all would be cut off, or nothing
        return _mapped(t, x)
    if t.k.rng.chance(0.5):
        return t.map("wp.min", x.lo, bound.hi, x, bound)
    return t.map("wp.max", bound.lo, x.hi, x, bound)


def _beside(t: Tiles, x: Tile, other: Tile, kind: str) -> Tile:
    """A step on two tiles."""
    k = t.k
    if kind == "add":
        return t.binary(x, k.rng.choice("++-"), other)
    if kind == "mul":
        return t.binary(x, "*", other)
    if kind == "minmax":
        return t.map(k.rng.choice(("wp.min", "wp.max")), min(x.lo, other.lo), max(x.hi, other.hi), x, other)
    if kind == "axpy":
        t.call("tile_axpy", k.param("alpha|step|rate|lr", x.type, 0.1, 1.0), other, x)
        m = x.magnitude + other.magnitude
        x.lo, x.hi = -m, m
        return x
    return _paired(t, x, other)


def _extents(tile: Tile) -> list[int]:
    return [d.n for d in tile.shape]
