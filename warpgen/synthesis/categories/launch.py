"""Launch idioms: how threads find their work, kernel options, views, indexed and local arrays, messages."""

from __future__ import annotations

from typing import Any

from warpgen.synthesis.draft import Argspec, Array
from warpgen.synthesis.kit import Kit
from warpgen.synthesis.motif import Category
from warpgen.synthesis.types import F16, F32, I32, U32, Type
from warpgen.synthesis.values import Value, call

CATEGORY = Category("launch", "grid and block idioms, kernel options, views, indexed and local arrays", 0.9)


def _options(k: Kit) -> None:
    """Options in the kernel's decorator."""
    k.expect(not k.draft.kernel_options, "the kernel has its options already")
    choices = {
        "enable_backward=False": 0.3,
        "enable_backward=True": 0.08,
        'module="unique"': 0.14,
        "launch_bounds=256": 0.14,
        "launch_bounds=(256, 2)": 0.08,
        "launch_bounds=128": 0.06,
        "grid_stride=False": 0.08,
        'module_options={"fast_math": True}, module="unique"': 0.05,
        'module_options={"max_unroll": 4}, module="unique"': 0.07,
    }
    picked = [k.rng.weighted(choices)]
    if k.rng.chance(0.3):
        other = k.rng.weighted(choices)
        if other.split("=")[0] not in picked[0] and "module" not in other:
            picked.append(other)
    k.draft.kernel_options.extend(picked)


def _work(k: Kit, x: Value) -> Value:
    """A little arithmetic on an element."""
    a = k.param("alpha|scale|a|gain", x.type, 0.25, 2.0)
    style = k.rng.choice(("affine", "square", "poly", "squash", "wave", "mix"))
    if style == "affine":
        return x * a + k.param("beta|offset|b|shift", x.type, -1.0, 1.0)
    if style == "square":
        return a * x * x
    if style == "poly":
        return (x * a + 1.0) * x - 0.5
    if style == "squash":
        return k.wp.tanh(x * a)
    if style == "wave":
        return k.wp.sin(x * a) * x
    return k.wp.lerp(x, x * x, k.param("t|blend|weight", x.type, 0.1, 0.9)) if x.type is F32 else x * a


def _finish(k: Kit, out: str, key: Any, v: Value, ndim: int, extents: tuple[int, ...]) -> None:
    array = k.output(out, v.type, ndim)
    array.spec.fixed = extents
    k.store(array, key, v)


@CATEGORY.motif(weight=1.2, inline=True)
def with_options(k: Kit) -> None:
    """Elementwise update in a kernel with options."""
    _options(k)
    x = k.input("x|a|data|src", k.real, -2.0, 2.0)
    y = _work(k, x)
    if k.rng.chance(0.5):
        y = k.let("y|v|mixed", y) - k.input("b|y|other|prev", k.real, -1.0, 1.0)
    k.give("result|y|value|updated", y)


@CATEGORY.motif(alone=True, weight=1.5)
def grid_stride(k: Kit) -> None:
    """Each thread takes every so-many-th element."""
    n, threads = k.rng.choice((500, 512, 1000, 777)), k.rng.choice((32, 64, 96, 128))
    if k.rng.chance(0.4):
        _options(k)
    start = k.name(k.author.index_name if k.author.index_name != "i" else "tid")
    k.line(f"{start} = wp.tid()")
    k.draft.shape = k.draft.dim = (threads,)
    tid = Value(start, I32, 0, threads - 1, k.author)
    k.index = (tid,)
    count, stride = (
        k.size("n|count|num_elements|total", n),
        k.size("stride|num_threads|grid_size|step", threads),
    )
    k.blank()
    x = k.array("x|a|data|values", k.real, lo=-2.0, hi=2.0)
    out = k.output("y|out|result|b", k.real)
    style = k.rng.choice(("range", "range", "while", "turns"))
    summing = k.rng.chance(0.3) and k.real is not F16
    total = k.var("total|local|partial", 0.0, k.real, lo=-1e4, hi=1e4)
    second = k.rng.chance(0.4)

    def body(i: Value) -> None:
        v = k.let("v|value|xi", x[i])
        if second:
            v = k.define("w|mixed|s", v + k.array("b|other|weights|bias", k.real, lo=-1.0, hi=1.0)[i])
        r = _work(k, v)
        if summing:
            k.add(total, r)
        if not summing or k.rng.chance(0.5):
            k.store(out, i, r)

    if style == "range":
        i = k.name("i|idx|k|e")
        with k.block(f"for {i} in range({tid.text}, {count.text}, {stride.text}):"):
            body(Value(i, I32, 0, n - 1, k.author))
    elif style == "while":
        j = k.var("i|idx|k|cursor", tid, lo=0, hi=n + threads)
        with k.while_(j < count):
            body(j.within(0, n - 1))
            k.add(j, stride)
    else:
        per = -(-n // threads)
        with k.for_("t|turn|step|round", per) as turn:
            j = k.define("i|idx|k|e", tid + turn * stride)
            with k.if_(j < count):
                body(j.within(0, n - 1))
    if summing:
        k.discard(k.atomic("add", k.output("sum|grand_total|loss", k.real), 0, total))


@CATEGORY.motif(alone=True, weight=1.2)
def contiguous_chunk(k: Kit) -> None:
    """Each thread takes a run of neighboring elements."""
    per, threads = k.rng.choice((4, 8, 16)), k.rng.choice((16, 32, 50))
    n = per * threads - k.rng.choice((0, 1, 3))
    name = k.name("tid|t|worker|chunk")
    k.line(f"{name} = wp.tid()")
    k.draft.shape = k.draft.dim = (threads,)
    tid = Value(name, I32, 0, threads - 1, k.author)
    k.index = (tid,)
    size = (
        k.constant("CHUNK|ITEMS_PER_THREAD|CHUNK_SIZE|WORK_PER_THREAD", per, I32)
        if k.rng.chance(0.6)
        else k.size("chunk|per_thread|items", per)
    )
    first = k.define("first|start|begin|base", tid * size)
    x = k.array("x|data|src|values", k.real, lo=-2.0, hi=2.0)
    out = k.output("y|dst|out|result", k.real)
    run = k.var("run|carry|acc|prev", 0.0, k.real, lo=-100.0, hi=100.0)
    kind = k.rng.choice(("map", "scan", "diff"))
    count = k.size("n|count|length|total", n)
    turns: Value | int = per if k.rng.chance(0.5) else size
    with k.for_("k|j|item|s", turns) as j:
        i = k.define("i|idx|at", first + j)
        if k.rng.chance(0.6):
            k.break_if(i >= count)
            i = i.within(0, n - 1)
        else:
            i = i.within(0, per * threads - 1)
        v = k.let("v|value|xi", x[i])
        if kind == "scan":
            k.add(run, v)
            k.store(out, i, run)
        elif kind == "diff":
            k.store(out, i, v - run)
            k.set(run, v)
        else:
            k.store(out, i, _work(k, v))


@CATEGORY.motif(alone=True, weight=1.3)
def decoded_index(k: Kit) -> None:
    """Places in a field from one thread number."""
    axes = k.rng.choice((2, 3, 3, 4))
    extents = tuple(k.rng.choice({2: (7, 8, 12), 3: (4, 5, 6), 4: (2, 3, 4)}[axes]) for _ in range(axes))
    total = 1
    for e in extents:
        total *= e
    if k.rng.chance(0.3):
        _options(k)
    name = k.name("tid|index|linear|idx")
    k.line(f"{name} = wp.tid()")
    k.draft.shape = k.draft.dim = (total,)
    rest = Value(name, I32, 0, total - 1, k.author)
    k.index = (rest,)
    words = ("nx|width|dim_x|cols", "ny|height|dim_y|rows", "nz|depth|dim_z", "nw|batch|frames")
    sizes = [k.size(words[axes - 1 - a], extents[a]) for a in range(axes)]
    names = ("i|x|ix", "j|y|iy", "k|z|iz", "l|w|t")
    place: list[Value] = []
    span = total
    for a in range(axes - 1, 0, -1):
        n = extents[a]
        c = k.define(names[axes - 1 - a], (rest % sizes[a]).within(0, n - 1))
        place.insert(0, c)
        span //= n
        rest = (rest // sizes[a]).within(0, span - 1)
        if a > 1:
            rest = k.define(f"rest|q{a}|r{a}", rest)
    place.insert(0, k.define(names[axes - 1], rest.within(0, extents[0] - 1)))
    k.blank()
    field = k.array("field|u|src|image|volume", k.real, axes, lo=-1.0, hi=1.0)
    v = k.define("v|value|center|c", field[tuple(place)])
    if k.rng.chance(0.6):
        a = k.rng.integer(0, axes - 1)
        shifted = list(place)
        style = k.rng.choice(("clamp", "wrap", "mirror"))
        n = extents[a]
        if style == "clamp":
            shifted[a] = k.wp.min(place[a] + 1, sizes[a] - 1).within(0, n - 1)
        elif style == "wrap":
            shifted[a] = ((place[a] + 1) % sizes[a]).within(0, n - 1)
        else:
            shifted[a] = (sizes[a] - 1 - place[a]).within(0, n - 1)
        v = k.define(
            "d|diff|grad|mixed",
            field[tuple(shifted)] - v if k.rng.chance(0.6) else (field[tuple(shifted)] + v) * 0.5,
        )
    _finish(k, "out|dst|result|u_new", tuple(place), _work(k, v), axes, extents)


@CATEGORY.motif(alone=True, weight=1.3)
def guarded_axes(k: Kit) -> None:
    """A launch over several axes with the bounds checked."""
    axes = k.rng.choice((2, 2, 3, 4))
    extents = tuple(k.rng.choice({2: (7, 10, 13), 3: (4, 5, 6), 4: (2, 3, 4)}[axes]) for _ in range(axes))
    names = [
        k.name(n)
        for n in (
            ("i|row|y", "j|col|x", "k|z|d", "l|w|c")[:axes]
            if k.rng.chance(0.7)
            else ("b|batch|n", "i|row", "j|col", "k|ch")[:axes]
        )
    ]
    if k.rng.chance(0.35):
        _options(k)
    k.line(f"{', '.join(names)} = wp.tid()")
    k.draft.shape = extents
    k.draft.dim = tuple(e + k.rng.choice((0, 1, 2, 3)) for e in extents)
    k.index = tuple(Value(n, I32, 0, e - 1, k.author) for n, e in zip(names, extents, strict=True))
    a = k.array("a|src|grid|tensor", k.real, axes, lo=-1.0, hi=1.0)
    a.spec.fixed = extents
    style = k.rng.choice(("sizes", "shape", "locals"))
    if style == "sizes":
        k.guard(k.any(*[v >= k.extent(n) for n, v in enumerate(k.index)]))
    elif style == "shape":
        k.guard(
            k.any(
                *[
                    v >= Value(f"{a.name}.shape[{n}]", I32, e, e, k.author)
                    for n, (v, e) in enumerate(zip(k.index, extents, strict=True))
                ]
            )
        )
    else:
        bounds = [
            k.define(w, Value(f"{a.name}.shape[{n}]", I32, e, e, k.author))
            for n, (w, e) in enumerate(
                zip(("rows|h|n0", "cols|w|n1", "depth|n2", "chans|n3"), extents, strict=False)
            )
        ]
        for v, b in zip(k.index, bounds, strict=True):
            k.guard(v >= b)
    k.blank()
    v = k.define("v|value|x", a[k.index])
    if k.rng.chance(0.5):
        v = k.define("w|biased|s", v + k.array("bias|row_bias|offsets", k.real, lo=-1.0, hi=1.0)[k.index[-1]])
    if axes == 2 and k.rng.chance(0.4):
        _finish(k, "transposed|out_t|at", k.index[::-1], _work(k, v), 2, extents[::-1])
    else:
        _finish(k, "out|b|dst|result", k.index, _work(k, v), axes, extents)


@CATEGORY.motif(alone=True)
def block_and_lane(k: Kit) -> None:
    """Numbers of the block and of the thread within it."""
    n = k.rng.choice((64, 96, 128))
    name = k.name("tid|i|gid|thread")
    k.line(f"{name} = wp.tid()")
    k.draft.shape = k.draft.dim = (n,)
    tid = Value(name, I32, 0, n - 1, k.author)
    k.index = (tid,)
    width = k.define("width|block_dim|bd|threads", call("wp.block_dim", [], I32, 1, 1024, k.author))
    block = k.define("block|b|block_id", (tid // width).within(0, n - 1))
    lane = k.define(
        "lane|local|thread_id|l",
        (tid % width).within(0, n - 1) if k.rng.chance(0.5) else (tid - block * width).within(0, n - 1),
    )
    x = k.array("x|data|values", k.real, lo=-1.0, hi=1.0)[tid]
    v = k.define("v|value|mine", _work(k, x))
    _finish(k, "out|y|result", tid, v, 1, (n,))
    sums = k.output("block_sums|per_block|partials", k.real)
    sums.spec.fixed = (n,)
    by_lane = k.rng.chance(0.5)
    if not by_lane or k.rng.chance(0.4):
        k.discard(k.atomic("add", sums, block, v))
    if by_lane:
        leaders = k.output("leaders|first_values|heads", k.real)
        leaders.spec.fixed = (n,)
        with k.if_(lane.eq(0)):
            k.store(leaders, block, x)


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
        e = Value(f"{view}[{j.text}]", k.real, -1, 1, k.author)
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
        v = _work(k, Value(f"{view}[{back.text}]", k.real, -1, 1, k.author))
        if two:
            k.line(f"{target}[{j.text}] = {v.text}")
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
        _options(k)
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
        v = _work(k, v)
    elif k.rng.chance(0.5):
        v = k.wp.length(v)
    _finish(k, "out|b|dst|gathered", k.index, v, axes, picked)


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
        k.line(f"{buffer}[{j.text}] = {x[i, j].text}")
    style = k.rng.choice(("sort", "reverse", "recurrence", "extreme", "bins"))

    def at(index: Any) -> Value:
        text = index.text if isinstance(index, Value) else str(index)
        return Value(f"{buffer}[{text}]", kind, -200.0, 200.0, k.author)

    if style == "sort":
        with k.for_("a|m|p", n - 1), k.for_("b|q|s", n - 1) as b:
            with k.if_(at(b) > at(b + 1)):
                held = k.define("held|swap|t", at(b) + (k.lit(0) if kind is I32 else k.lit(0.0)))
                k.line(f"{buffer}[{b.text}] = {at(b + 1).text}")
                k.line(f"{buffer}[{b.text} + 1] = {held.text}")
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
            k.define("c0|first_bin|low", Value(f"{counts}[0]", I32, 0, n, k.author)),
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
                k.line(f"{table}[{a.text}, {b.text}] = {term.text} + {k.lit(1.0).text}")
            with k.else_():
                k.line(f"{table}[{a.text}, {b.text}] = {term.text}")
        else:
            k.line(f"{table}[{a.text}, {b.text}] = {term.text}")
    total = k.var("trace|total|s", 0.0, k.real, lo=-20.0, hi=20.0)
    with k.for_("d|e|g", n) as d:
        other = d if k.rng.chance(0.5) else (n - 1 - d).within(0, n - 1)
        k.add(total, Value(f"{table}[{d.text}, {other.text}]", k.real, -2, 2, k.author))
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
        k.add(total, Value(f"{view}[{k.i.text}, {j.text}]", k.real, -1, 1, k.author))
    k.give("row_sum|total|reduced", total)


@CATEGORY.motif(inline=True, weight=1.1)
def messages(k: Kit) -> None:
    """Print and check values when asked to."""
    x = k.input("x|value|residual|energy", k.real, -2.0, 2.0)
    y = k.define("y|result|updated", _work(k, x))
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
                k.line(f"print({y.text})")
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


@CATEGORY.motif(alone=True)
def batched_rows(k: Kit) -> None:
    """One thread for each row of each batch."""
    batch, rows, n = k.rng.choice((2, 3, 4)), k.rng.choice((6, 8, 10)), k.rng.choice((4, 6, 8))
    names = [k.name("b|batch|env|e"), k.name("i|row|r|node")]
    k.line(f"{names[0]}, {names[1]} = wp.tid()")
    k.draft.shape = k.draft.dim = (batch, rows)
    b, i = (Value(x, I32, 0, e - 1, k.author) for x, e in zip(names, (batch, rows), strict=True))
    k.index = (b, i)
    k.blank()
    x = k.array("x|features|state|q", k.real, 3, lo=-1.0, hi=1.0)
    shared = k.rng.chance(0.5)
    w = k.array("w|weights|matrix|A", k.real, 2 if shared else 3, lo=-1.0, hi=1.0)
    total = k.var("s|acc|total|z", 0.0, k.real, lo=-10.0, hi=10.0)
    with k.for_("j|k|c", n if k.rng.chance(0.6) else k.size("n|dim|num_features", n)) as j:
        k.add(total, x[b, i, j] * (w[i, j] if shared else w[b, i, j]))
    k.blank()
    _finish(k, "y|out|result|logits", (b, i), _work(k, total), 2, (batch, rows))


@CATEGORY.motif(alone=True)
def ping_pong(k: Kit) -> None:
    """One of two buffers is read, by the parity of the step."""
    n = k.rng.choice((64, 96, 100))
    name = k.name(k.author.index_name)
    k.line(f"{name} = wp.tid()")
    k.draft.shape = k.draft.dim = (n,)
    tid = Value(name, I32, 0, n - 1, k.author)
    k.index = (tid,)
    step = k.array("step|iteration|frame", I32, lo=0, hi=9)[0]
    a, b = (k.array(x, k.real, lo=-1.0, hi=1.0) for x in ("ping|front|buffer_a|u0", "pong|back|buffer_b|u1"))
    count = k.extent(0)
    left = k.define("left|l|prev_i", k.wp.max(tid - 1, k.lit(0)).within(0, n - 1))
    right = k.define("right|r|next_i", k.wp.min(tid + 1, count - 1).within(0, n - 1))
    v = k.var("v|value|u", 0.0, k.real, lo=-4.0, hi=4.0)
    with k.if_((step % 2).eq(0)):
        k.set(v, (a[left] + a[right]) * 0.5 - a[tid] * k.number(0.1, 0.5))
    with k.else_():
        k.set(v, (b[left] + b[right]) * 0.5 - b[tid] * k.number(0.1, 0.5))
    _finish(k, "out|next_buffer|dst", tid, v if k.rng.chance(0.4) else _work(k, v), 1, (n,))
