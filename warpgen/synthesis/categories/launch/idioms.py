"""Launch idioms: how threads find their work, kernel options, views, indexed and local arrays, messages."""

from __future__ import annotations

from typing import Any

from warpgen.synthesis.categories.launch import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import F16, F32, I32
from warpgen.synthesis.language.values import Value, call


def options(k: Kit) -> None:
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


def work(k: Kit, x: Value) -> Value:
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


def finish(k: Kit, out: str, key: Any, v: Value, ndim: int, extents: tuple[int, ...]) -> None:
    array = k.output(out, v.type, ndim)
    array.spec.fixed = extents
    k.store(array, key, v)


@CATEGORY.motif(weight=1.2, inline=True)
def with_options(k: Kit) -> None:
    """Elementwise update in a kernel with options."""
    options(k)
    x = k.input("x|a|data|src", k.real, -2.0, 2.0)
    y = work(k, x)
    if k.rng.chance(0.5):
        y = k.let("y|v|mixed", y) - k.input("b|y|other|prev", k.real, -1.0, 1.0)
    k.give("result|y|value|updated", y)


@CATEGORY.motif(alone=True, weight=1.5)
def grid_stride(k: Kit) -> None:
    """Each thread takes every so-many-th element."""
    n, threads = k.rng.choice((500, 512, 1000, 777)), k.rng.choice((32, 64, 96, 128))
    if k.rng.chance(0.4):
        options(k)
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
    if style == "while":
        k.forward_only()
    summing = k.rng.chance(0.3) and k.real is not F16
    total = k.var("total|local|partial", 0.0, k.real, lo=-1e4, hi=1e4)
    second = k.rng.chance(0.4)

    def body(i: Value) -> None:
        v = k.let("v|value|xi", x[i])
        if second:
            v = k.define("w|mixed|s", v + k.array("b|other|weights|bias", k.real, lo=-1.0, hi=1.0)[i])
        r = work(k, v)
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
            k.store(out, i, work(k, v))


@CATEGORY.motif(alone=True, weight=1.3)
def decoded_index(k: Kit) -> None:
    """Places in a field from one thread number."""
    axes = k.rng.choice((2, 3, 3, 4))
    extents = tuple(k.rng.choice({2: (7, 8, 12), 3: (4, 5, 6), 4: (2, 3, 4)}[axes]) for _ in range(axes))
    total = 1
    for e in extents:
        total *= e
    if k.rng.chance(0.3):
        options(k)
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
    finish(k, "out|dst|result|u_new", tuple(place), work(k, v), axes, extents)


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
        options(k)
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
        finish(k, "transposed|out_t|at", k.index[::-1], work(k, v), 2, extents[::-1])
    else:
        finish(k, "out|b|dst|result", k.index, work(k, v), axes, extents)


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
    v = k.define("v|value|mine", work(k, x))
    finish(k, "out|y|result", tid, v, 1, (n,))
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
    finish(k, "y|out|result|logits", (b, i), work(k, total), 2, (batch, rows))


@CATEGORY.motif(alone=True)
def ping_pong(k: Kit) -> None:
    """One of two buffers is read, by the parity of the step."""
    n = k.rng.choice((64, 96, 100))
    name = k.name(k.author.index_name)
    k.line(f"{name} = wp.tid()")
    k.draft.shape = k.draft.dim = (n,)
    tid = Value(name, I32, 0, n - 1, k.author)
    k.index = (tid,)
    # Each line of the grid has a parity of its own, or one of the buffers would never be read.
    step = k.array("step|iteration|frame", I32, lo=0, hi=9)[tid // k.rng.choice((4, 8))]
    a, b = (k.array(x, k.real, lo=-1.0, hi=1.0) for x in ("ping|front|buffer_a|u0", "pong|back|buffer_b|u1"))
    count = k.extent(0)
    left = k.define("left|l|prev_i", k.wp.max(tid - 1, k.lit(0)).within(0, n - 1))
    right = k.define("right|r|next_i", k.wp.min(tid + 1, count - 1).within(0, n - 1))
    v = k.var("v|value|u", 0.0, k.real, lo=-4.0, hi=4.0)
    with k.if_((step % 2).eq(0)):
        k.set(v, (a[left] + a[right]) * 0.5 - a[tid] * k.number(0.1, 0.5))
    with k.else_():
        k.set(v, (b[left] + b[right]) * 0.5 - b[tid] * k.number(0.1, 0.5))
    finish(k, "out|next_buffer|dst", tid, v if k.rng.chance(0.4) else work(k, v), 1, (n,))
