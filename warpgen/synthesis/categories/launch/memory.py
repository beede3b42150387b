"""Memory as a launch sees it: views, slices, indexed arrays, local arrays, pointers, messages."""

from __future__ import annotations

from typing import Any

from warpgen.synthesis.categories.launch import CATEGORY
from warpgen.synthesis.categories.launch.idioms import finish, options, work
from warpgen.synthesis.kit.draft import Argspec, Array
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.reading import item
from warpgen.synthesis.language.types import F32, I32, U32, Type
from warpgen.synthesis.language.values import Value, call


@CATEGORY.motif(weight=1.3)
def row_view(k: Kit) -> None:
    """Work on a row or a part of an array through a view."""
    n = k.rng.choice((4, 6, 8, 12))
    a = k.array("a|matrix|table|rows", k.real, 2, lo=-1.0, hi=1.0)
    i = k.let("r|row_id|which", k.flat)
    a.subscript((i, n - 1))
    style = k.rng.choice(("row", "row", "part", "head", "tail"))
    lo, length = 0, n
    if style == "row":
        view = k.name("row|r|view|vec")
        k.line(f"{view} = {a.name}[{i.text}]", view)
    else:
        lo, hi = {"part": (1, n - 1), "head": (0, n // 2), "tail": (n // 2, n)}[style]
        length = hi - lo
        view = k.name("part|view|window|segment")
        text = {
            "part": f"{lo}:{hi}",
            "head": f":{hi}" if k.rng.chance(0.5) else f"0:{hi}",
            "tail": f"{lo}:{hi}",
        }[style]
        k.line(f"{view} = {a.name}[{i.text}, {text}]", view)
    total = k.var("s|total|acc", 0.0, k.real, lo=-16.0, hi=16.0)
    bound = k.rng.choice((f"len({view})", f"{view}.shape[0]", str(length)))
    turns: Value | int = length if bound.isdigit() else Value(bound, I32, length, length, k.author)
    op = k.rng.choice(("sum", "sq", "max"))
    with k.for_("j|k|c", turns) as j:
        e = Value(item(view, j), k.real, -1, 1, k.author)
        if op == "max":
            k.set(total, k.wp.max(total, e))
        else:
            k.add(total, e * e if op == "sq" else e)
    k.give("row_total|total|reduced", total)


@CATEGORY.motif(rank=1)
def flat_slice(k: Kit) -> None:
    """Each thread takes a slice of a flat array and writes another."""
    n = k.rng.choice((3, 4, 6, 8))
    x = k.array("x|flat|buffer|src", k.real, lo=-1.0, hi=1.0)
    first = k.define("first|start|lo|base", k.i * n)
    x.subscript(first + (n - 1))
    view = k.name("part|chunk|view|seg")
    k.line(f"{view} = {x.name}[{first.text}:{first.text} + {n}]", view)
    out = k.output("y|dst|packed|out", k.real, 1)
    out.subscript(first + (n - 1))
    target = k.name("dest|out_part|target|slot")
    two = k.rng.chance(0.5)
    if two:
        k.line(f"{target} = {out.name}[{first.text}:{first.text} + {n}]", target)
    with k.for_("j|k|e", n) as j:
        back = (n - 1 - j).within(0, n - 1) if k.rng.chance(0.4) else j
        v = work(k, Value(item(view, back), k.real, -1, 1, k.author))
        if two:
            k.assign(item(target, j), v)
        else:
            k.store(out, first + j, v)


def _indexed(k: Kit, names: str, type: Type, data: tuple[int, ...], picks: dict[int, int]) -> Array:
    """An indexed array argument: `data` extents, and how many indices are picked on which axes."""
    array = k.array(names, type, len(data), lo=-1.0, hi=1.0, kind="indexed", fresh=True)
    spec = array.spec
    values = Argspec("data", type, len(data), "input", -1.0, 1.0, "uniform")
    values.fixed = data
    spec.fields["data"] = values
    for axis, count in picks.items():
        index = Argspec(f"indices{axis}", I32, 1, "input", 0.0, float(data[axis]), "uniform")
        index.fixed = (count,)
        spec.fields[f"indices{axis}"] = index
    spec.fixed = tuple(picks.get(a, n) for a, n in enumerate(data))
    spelled = k.draft.use_type(type)
    if len(data) == 1:
        spec.annotation = (
            f"wp.indexedarray[{spelled}]" if k.rng.chance(0.5) else f"wp.indexedarray(dtype={spelled})"
        )
    else:
        spec.annotation = (
            f"wp.indexedarray{len(data)}d(dtype={spelled})"
            if k.rng.chance(0.5)
            else f"wp.indexedarray(dtype={spelled}, ndim={len(data)})"
        )
    return array


@CATEGORY.motif(alone=True, weight=1.3)
def indexed_input(k: Kit) -> None:
    """Read an array through indices that it carries."""
    axes = k.rng.choice((1, 1, 2, 2, 3))
    picked = tuple(k.rng.choice({1: (48, 64, 100), 2: (8, 10), 3: (4, 5)}[axes]) for _ in range(axes))
    which = [a for a in range(axes) if axes == 1 or k.rng.chance(0.6)] or [0]
    data = tuple(n + k.rng.choice((4, 16)) if a in which else n for a, n in enumerate(picked))
    if k.rng.chance(0.3):
        options(k)
    names = [k.name(n) for n in (("tid|i|idx",) if axes == 1 else ("i|row", "j|col", "k|z")[:axes])]
    k.line(f"{', '.join(names)} = wp.tid()")
    k.draft.shape = k.draft.dim = picked
    k.index = tuple(Value(n, I32, 0, e - 1, k.author) for n, e in zip(names, picked, strict=True))
    kind = k.rng.choice((k.real, k.real, k.vec3))
    a = _indexed(k, "a|selected|subset|view|src", kind, data, {a: picked[a] for a in which})
    v = k.define("v|value|x", Value(a.subscript(k.index), kind, -1.0, 1.0, k.author))
    k.blank()
    if k.rng.chance(0.6):
        other = k.array("b|weights|mask|other", k.real, axes, lo=0.0, hi=2.0)
        v = k.define("w|weighted|scaled", v * other[k.index])
    if kind is k.real:
        v = work(k, v)
    elif k.rng.chance(0.5):
        v = k.wp.length(v)
    finish(k, "out|b|dst|gathered", k.index, v, axes, picked)


@CATEGORY.motif(weight=1.3)
def local_array(k: Kit) -> None:
    """A small array of the thread's own."""
    n = k.rng.choice((4, 6, 8))
    kind = k.rng.choice((k.real, k.real, I32))
    buffer = k.name("buf|local|scratch|window|stack")
    spelled = k.draft.use_type(kind)
    shape = k.rng.choice((f"shape={n}", f"shape=({n},)", f"({n},)"))
    k.line(f"{buffer} = wp.zeros({shape}, dtype={spelled})", buffer)
    x = k.array(
        "x|data|samples|values", kind, 2, lo=-2.0 if kind is not I32 else 0, hi=2.0 if kind is not I32 else 50
    )
    i = k.flat
    with k.for_("j|k|e", n) as j:
        k.assign(item(buffer, j), x[i, j])
    style = k.rng.choice(("sort", "reverse", "recurrence", "extreme", "bins"))

    def at(index: Any) -> Value:
        return Value(item(buffer, index), kind, -200.0, 200.0, k.author)

    if style == "sort":
        with k.for_("a|m|p", n - 1), k.for_("b|q|s", n - 1) as b:
            with k.if_(at(b) > at(b + 1)):
                held = k.define("held|swap|t", at(b) + (k.lit(0) if kind is I32 else k.lit(0.0)))
                k.assign(item(buffer, b), at(b + 1))
                k.assign(item(buffer, b + 1), held)
        k.give("median|middle|ranked", k.define("median|middle|ranked", at(n // 2)))
    elif style == "recurrence":
        with k.for_("m|a|s", n, 1) as m:
            k.line(f"{buffer}[{m.text}] = {buffer}[{m.text}] + {buffer}[{(m - 1).text}]")
        k.give("last|total|cumulative", k.define("last|total|final", at(n - 1)))
    elif style == "reverse":
        out = k.output("reversed|flipped|y", kind, 2)
        with k.for_("m|a|s", n) as m:
            k.store(out, (i, m), at((n - 1 - m).within(0, n - 1)))
    elif style == "bins":
        counts = k.name("bins|hist|counts")
        k.line(f"{counts} = wp.zeros(shape=4, dtype=int)", counts)
        with k.for_("m|a|s", n) as m:
            b = k.define("b|bin|slot", (k.wp.abs(k.cast(at(m), I32)) % 4).within(0, 3))
            k.line(f"{counts}[{b.text}] = {counts}[{b.text}] + 1")
        k.give(
            "mode_count|first_bin|zeros",
            k.define("c0|first_bin|low", Value(item(counts, 0), I32, 0, n, k.author)),
        )
    else:
        best = k.var("best|top|peak", at(0), lo=-200.0, hi=200.0)
        with k.for_("m|a|s", n, 1) as m:
            k.set(best, k.wp.max(best, at(m)))
        k.give("peak|best|top", best)


@CATEGORY.motif()
def local_table(k: Kit) -> None:
    """A small matrix of the thread's own, filled and contracted."""
    n = k.rng.choice((2, 3, 4))
    table = k.name("m|table|block|work")
    k.line(f"{table} = wp.zeros(shape=({n}, {n}), dtype={k.draft.use_type(k.real)})", table)
    x = k.array("x|basis|coeffs|u", k.real, 2, lo=-1.0, hi=1.0)
    y = k.array("y|test|other|v", k.real, 2, lo=-1.0, hi=1.0)
    i = k.flat
    with k.for_("a|r|p", n) as a, k.for_("b|c|q", n) as b:
        term = x[i, a] * y[i, b]
        if k.rng.chance(0.5):
            with k.if_(a.eq(b)):
                k.assign(item(table, a, b), term + k.lit(1.0))
            with k.else_():
                k.assign(item(table, a, b), term)
        else:
            k.assign(item(table, a, b), term)
    total = k.var("trace|total|s", 0.0, k.real, lo=-20.0, hi=20.0)
    with k.for_("d|e|g", n) as d:
        other = d if k.rng.chance(0.5) else (n - 1 - d).within(0, n - 1)
        k.add(total, Value(item(table, d, other), k.real, -2, 2, k.author))
    k.give("trace|contraction|total", total)


@CATEGORY.motif(rank=1)
def pointer_view(k: Kit) -> None:
    """See a flat array as a table."""
    columns = k.rng.choice((2, 3, 4))
    rows = k.draft.shape[0]
    flat = k.array("flat|buffer|data|storage", k.real, lo=-1.0, hi=1.0)
    k.expect(k.parent is None, "the pointer is taken in the kernel")
    flat.subscript(k.i * columns + (columns - 1))
    n = k.extent(0) if k.rng.chance(0.6) else k.lit(rows)
    view, spelled = k.name("table|grid|view|m"), k.draft.use_type(k.real)
    k.line(
        f"{view} = wp.array(ptr={flat.name}.ptr, shape=({n.text}, {columns}), dtype={spelled})",
        view,
    )
    total = k.var("s|total|acc", 0.0, k.real, lo=-4.0, hi=4.0)
    with k.for_("j|c|k", columns) as j:
        k.add(total, Value(item(view, k.i, j), k.real, -1, 1, k.author))
    k.give("row_sum|total|reduced", total)


@CATEGORY.motif(inline=True, weight=1.1)
def messages(k: Kit) -> None:
    """Print and check values when asked to."""
    x = k.input("x|value|residual|energy", k.real, -2.0, 2.0)
    y = k.define("y|result|updated", work(k, x))
    style = k.rng.choice(("printf", "print", "near", "assert", "printf"))
    if style == "near":
        k.expect(k.real is F32, "tolerances are written for single precision")
        z = k.define("z|again|check", k.rng.choice((y * 2.0 * 0.5, y + 0.0, (y - 1.0) + 1.0)))
        tolerance = k.rng.choice(("", ", 1.0e-3", ", 0.01"))
        k.line(f"wp.expect_near({y.text}, {z.text}{tolerance or ', 1.0e-3'})")
    elif style == "assert":
        k.line(f"assert {k.rng.choice((f'wp.isfinite({y.text})', f'{y.text} == {y.text}'))}")
    else:
        debug = k.param("debug|verbose|log_level", I32, 0, 0)
        condition = debug.ne(0) if k.rng.chance(0.5) else k.all(debug > 0, k.flat.eq(0))
        k.expect(k.real is F32, "formats are written for single precision")
        with k.if_(condition):
            if style == "printf":
                label = k.rng.choice(("value", "residual", "x", "energy"))
                text = k.rng.choice(
                    (f"{label}[%d] = %f\\\\n", f"tid %d: {label} %f\\\\n", f"%d {label}: %g\\\\n")
                )
                k.line(f'wp.printf("{text}", {k.flat.text}, {y.text})')
            else:
                k.do("print", y)
    k.give("result|y|updated", y)


@CATEGORY.motif()
def bits_as_number(k: Kit) -> None:
    """Look at the bits of a number."""
    k.expect(k.real is F32, "the pattern is that of single precision")
    x = k.input("x|value|v", k.real, 0.1, 100.0)
    bits = k.define(
        "bits|pattern|raw",
        call(
            "wp.cast", [x, "wp.int32" if k.rng.chance(0.6) else "dtype=wp.int32"], I32, 0, 2**31 - 1, k.author
        ),
    )
    style = k.rng.choice(("exponent", "rsqrt", "key", "log2"))
    if style == "exponent":
        k.give("exponent|log_floor|e", (((bits >> 23) & 255) - 127).within(-4, 7))
    elif style == "rsqrt":
        guess = k.define("guess|magic|i0", (k.lit(0x5F3759DF) - (bits >> 1)).within(0, 2**31 - 1))
        y = k.define("y|approx|r0", call("wp.cast", [guess, "wp.float32"], F32, 0.05, 4.0, k.author))
        k.give("rsqrt|inv_root|approx", y * (1.5 - x * 0.5 * y * y))
    elif style == "key":
        k.give("sort_key|key|code", k.cast(bits, U32) if k.rng.chance(0.5) else bits ^ k.lit(0x55555555))
    else:
        k.give("log2_approx|log_estimate|lg", k.to_real(bits) * 1.1920929e-07 - 127.0)
