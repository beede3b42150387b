"""Strings of integers and maps of them: edits, codes, hashes, sequences, landscapes."""

from __future__ import annotations

from warpgen.synthesis.blocks.rows import Row
from warpgen.synthesis.categories.simulation import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32, U32, vec
from warpgen.synthesis.language.values import Value, call


def _text(k: Kit, names: str, length: int, letters: int = 4) -> Row:
    """A string of this thread: letters as small integers."""
    return Row(k, names, I32, length, 0, letters - 1)


@CATEGORY.motif(weight=1.3)
def edit_distance(k: Kit) -> None:
    """Edit distance between two strings."""
    rng = k.rng
    n = rng.choice((3, 4, 5, 6))
    a, b = _text(k, "a|source|word_a", n), _text(k, "b|target|word_b", n)
    row_t = vec(n + 1, I32)
    row = k.var("row|prev|d", call(k.draft.use_type(row_t), [], row_t, 0, 0, k.author), lo=0, hi=16)
    with k.for_("j|c", n + 1) as j:
        k.set(row[j], j)
    alignment = rng.chance(0.3)
    with k.for_("i|r", n) as i:
        diagonal = k.var("diag|corner|last", row[0].within(0, 16), lo=0, hi=16)
        k.set(row[0], i + 1)
        with k.for_("m|q|col", n) as m:
            kept = k.define("kept|above|old", row[m + 1].within(0, 16))
            cost = k.var("cost|sub|mismatch", 1 if not alignment else 2, I32, lo=0, hi=2)
            with k.if_(a[i].eq(b[m])):
                k.set(cost, 0)
            best = k.wp.min(k.wp.min(row[m].within(0, 16) + 1, kept + 1), diagonal + cost)
            k.set(row[m + 1], best.within(0, 16))
            k.set(diagonal, kept)
    k.give("distance|edits|dist", row[n].within(0, 12))


@CATEGORY.motif(weight=1.3)
def compare_strings(k: Kit) -> None:
    """Agreement of two strings."""
    rng = k.rng
    n = rng.choice((6, 8, 10, 12, 16))
    a, b = _text(k, "a|first|seq_a|left", n), _text(k, "b|second|seq_b|right", n)
    kind = rng.choice(("hamming", "prefix", "run", "order", "score"))
    count = k.size("length|n|num_chars", n) if rng.chance(0.3) else n
    names = "same|matches|score" if kind != "hamming" else "diff|mismatches|distance"
    total = k.var(names, 0, I32, lo=-32, hi=32)
    if kind == "hamming":
        with k.for_("i|pos|c", count) as i, k.if_(a[i].ne(b[i])):
            k.add(total, 1)
    elif kind == "prefix":
        with k.for_("i|pos|c", count) as i:
            k.break_if(a[i].ne(b[i]))
            k.add(total, 1)
    elif kind == "order":
        k.note("compare like words in a dictionary")
        with k.for_("i|pos|c", count) as i, k.if_(total.eq(0)):
            with k.if_(a[i] < b[i]):
                k.set(total, -1)
            with k.elif_(a[i] > b[i]):
                k.set(total, 1)
    elif kind == "score":
        match, miss = k.param("match|gain", I32, 1, 3), k.param("mismatch|penalty", I32, 1, 2)
        with k.for_("i|pos|c", count) as i:
            with k.if_(a[i].eq(b[i])):
                k.add(total, match)
            with k.else_():
                k.change(total, "-", miss)
    else:
        best = k.var("best|longest|top", 0, I32, lo=0, hi=16)
        with k.for_("i|pos|c", count) as i:
            with k.if_(a[i].eq(b[i])):
                k.add(total, 1)
                k.set(best, k.wp.max(best, total))
            with k.else_():
                k.set(total, 0)
        total = best
    k.give("score|matches|distance", total)


@CATEGORY.motif(weight=1.3)
def scan_string(k: Kit) -> None:
    """Something counted or measured along a string."""
    rng = k.rng
    n = rng.choice((8, 10, 12, 16))
    text = _text(k, "text|chars|sequence|symbols", n, rng.choice((2, 4, 8)))
    kind = rng.choice(("runs", "longest", "pattern", "palindrome", "balance", "gc", "ascents", "parse"))
    result = k.var("result|count|total", 0, I32, lo=-20, hi=20)
    if kind == "runs":
        k.set(result, 1)
        with k.for_("i|pos", n, start=1) as i, k.if_(text[i].ne(text[i - 1])):
            k.add(result, 1)
        k.give("runs|num_runs|segments", result)
    elif kind == "longest":
        run = k.var("run|current|streak", 1, I32, lo=1, hi=16)
        with k.for_("i|pos", n, start=1) as i:
            with k.if_(text[i].eq(text[i - 1])):
                k.add(run, 1)
            with k.else_():
                k.set(run, 1)
            k.set(result, k.wp.max(result, run))
        k.give("longest|max_run|streak", result)
    elif kind == "pattern":
        m = rng.choice((2, 3))
        pattern = k.array("pattern|motif|needle", I32, lo=0, hi=1)
        with k.for_("i|start|pos", n - m + 1) as i:
            hits = k.var("hits|matched|same", 0, I32, lo=0, hi=m)
            with k.for_("j|c", m) as j, k.if_((text[i + j] % 2).eq(pattern[j])):
                k.add(hits, 1)
            with k.if_(hits.eq(m)):
                k.add(result, 1)
        k.give("occurrences|found|count", result)
    elif kind == "palindrome":
        with k.for_("i|left|pos", n // 2) as i, k.if_(text[i].ne(text[(n - 1) - i])):
            k.add(result, 1)
        k.give("mirror_errors|asymmetry", result)
    elif kind == "balance":
        worst = k.var("worst|lowest|min_depth", 0, I32, lo=-16, hi=0)
        with k.for_("i|pos", n) as i:
            with k.if_((text[i] % 2).eq(0)):
                k.add(result, 1)
            with k.else_():
                k.change(result, "-", 1)
            k.set(worst, k.wp.min(worst, result))
        k.give("depth|balance", result)
        k.give("worst|min_depth", worst)
    elif kind == "gc":
        with k.for_("i|pos|base", n) as i:
            with k.if_(k.any(text[i].eq(1), text[i].eq(2))):
                k.add(result, 1)
        k.give("gc_content|fraction", k.to_real(result) / float(n))
    elif kind == "ascents":
        with k.for_("i|pos", n - 1) as i, k.if_(text[i] < text[i + 1]):
            k.add(result, 1)
        k.give("ascents|rises", result)
    else:
        value = k.var("value|number|parsed", 0, I32, lo=0, hi=2**30)
        base = rng.choice((2, 3, 4))
        with k.for_("i|digit|pos", min(n, 12)) as i:
            k.set(value, (value * base + text[i] % base).within(0, 2**26))
        k.give("value|number", value)


@CATEGORY.motif(weight=1.2)
def encode_string(k: Kit) -> None:
    """Hash or encode a string."""
    rng = k.rng
    n = rng.choice((4, 6, 8, 12))
    text = _text(k, "text|message|chars|tokens", n, rng.choice((4, 26)))
    kind = rng.choice(("djb", "fnv", "poly", "crc", "adler", "caesar"))
    if kind == "caesar":
        shift = k.param("shift|key|rotation", I32, 1, 25)
        total = k.var("checksum|total|sum", 0, I32, lo=0, hi=2**20)
        with k.for_("i|pos|c", n) as i:
            coded = k.define("coded|rotated|enc", (text[i] + shift) % 26)
            k.set(total, (total + coded * (i + 1)).within(0, 2**20))
        k.give("checksum|code", total)
        return
    if kind == "adler":
        a, b = k.var("a|s1|low", 1, I32, lo=1, hi=65520), k.var("b|s2|high", 0, I32, lo=0, hi=65520)
        with k.for_("i|pos|c", n) as i:
            k.set(a, ((a + text[i]) % 65521).within(1, 65520))
            k.set(b, (b + a) % 65521)
        k.give("checksum|adler|code", (b * 64 + a) % 10007)
        return
    if kind == "poly":
        h = k.var("h|hash|key", 0, I32, lo=0, hi=10006)
        base = k.param("base|radix|multiplier", I32, 31, 257)
        with k.for_("i|pos|c", n) as i:
            k.set(h, (h * base + text[i]) % 10007)
        k.give("hash|key|code", h)
        return
    start = {"djb": 5381, "fnv": 2166136261, "crc": 4294967295}[kind]
    h32 = k.var("h|hash|key", start, U32, lo=0, hi=2**32 - 1)
    with k.for_("i|pos|c", n) as i:
        c = k.define("c|ch|token", k.cast(text[i], U32))
        if kind == "djb":
            k.set(h32, (((h32 << k.lit(5, U32)) + h32) ^ c).within(0, 2**32 - 1))
        elif kind == "fnv":
            k.set(h32, ((h32 ^ c) * k.lit(16777619, U32)).within(0, 2**32 - 1))
        else:
            k.set(h32, h32 ^ c)
            with k.for_("bit|b|r", rng.choice((2, 4))):
                odd = (h32 & k.lit(1, U32)).eq(k.lit(1, U32))
                shifted = k.define("shifted|half|next_h", h32 >> k.lit(1, U32))
                with k.if_(odd):
                    k.set(h32, shifted ^ k.lit(3988292384, U32))
                with k.else_():
                    k.set(h32, shifted)
    k.give("hash|key|code", h32)


@CATEGORY.motif()
def integer_sequence(k: Kit) -> None:
    """Iterate a rule on an integer."""
    rng = k.rng
    start = k.input("n0|start|seed_value", I32, 1, 60)
    n = k.var("n|value|x", start, lo=0, hi=2**24)
    turns = rng.choice((6, 8, 12, 16))
    kind = rng.choice(("collatz", "lcg", "digits", "gcd", "fibonacci", "squares"))
    count = k.var("steps|count|length", 0, I32, lo=0, hi=64)
    if kind == "collatz":
        with k.for_("i|it", k.size("max_steps|limit", turns + 16)):
            k.break_if(n <= 1)
            with k.if_((n % 2).eq(0)):
                k.set(n, n // 2)
            with k.else_():
                k.set(n, (3 * n + 1).within(0, 2**24))
            k.add(count, 1)
        k.give("steps|length", count)
    elif kind == "lcg":
        a, c = k.param("a|multiplier", I32, 5, 205), k.param("c|increment", I32, 1, 99)
        with k.for_("i|it", turns):
            k.set(n, (a * n + c) % 9973)
        k.give("value|random_int|n_out", n)
    elif kind == "digits":
        total = k.var("total|digit_sum|acc", 0, I32, lo=0, hi=100)
        with k.while_(n > 0):
            k.add(total, n % 10)
            k.set(n, n // 10)
        k.give("digit_sum|total", total)
    elif kind == "gcd":
        m = k.var("m|b|other", k.load("m0|divisor|other", I32, 1, 60), lo=0, hi=60)
        with k.while_(m.ne(0)):
            r = k.define("r|rest|rem", (n % k.wp.max(m, 1)).within(0, 60))
            k.set(n, m)
            k.set(m, r)
        k.give("gcd|divisor_common", n)
    elif kind == "fibonacci":
        a, b = k.var("a|prev", start % 7, lo=0, hi=10**6), k.var("b|cur", 1, I32, lo=0, hi=10**6)
        with k.for_("i|it", min(turns, 12)):
            s = k.define("s|following|nxt", (a + b) % 9973)
            k.set(a, b)
            k.set(b, s)
        k.give("term|value", b)
    else:
        with k.for_("i|it", min(turns, 8)):
            total = k.define("square|sq", (n * n).within(0, 2**26))
            k.set(n, (total // 7) % 1009)
        k.give("value|n_out", n)


@CATEGORY.motif()
def translate_codons(k: Kit) -> None:
    """Translate a strand of bases into codes."""
    rng = k.rng
    n = rng.choice((6, 9, 12))
    strand = _text(k, "dna|strand|bases", n, 4)
    table = k.array("codon_table|table|code", I32, lo=0, hi=20)
    weights = k.array("masses|weights|scores", k.real, lo=0.1, hi=2.0)
    total = k.var("mass|score|weight", 0.0, k.real, lo=0.0, hi=40.0)
    stops = k.var("stops|breaks|ends", 0, I32, lo=0, hi=12)
    comp, counted = rng.chance(0.4), rng.chance(0.5)
    with k.for_("c|codon|i", n // 3) as c:
        b = [strand[c * 3 + o] for o in range(3)]
        if comp:
            b = [k.define(f"b{o}", 3 - v) for o, v in enumerate(b)]
        key = k.define("key|index|triplet", (b[0] * 16 + b[1] * 4 + b[2]).within(0, 63))
        amino = k.define("amino|residue|aa", table[key])
        with k.if_(amino > 0):
            k.add(total, weights[amino])
        if counted:
            with k.else_():
                k.add(stops, 1)
    k.give("mass|score", total)
    if counted:
        k.give("stops|breaks", stops)


@CATEGORY.motif(rank=2)
def erosion(k: Kit) -> None:
    """Material that slides to the lowest neighbor."""
    rng = k.rng
    h = k.array("height|terrain|h|elevation", k.real, 2, lo=0.0, hi=2.0)
    i, j = k.place
    nx, ny = k.extent(0), k.extent(1)
    here = k.define("here|h0|c", h[i, j])
    lowest = k.var("lowest|low|h_min", here, lo=0.0, hi=2.0)
    direction = k.var("direction|flow_dir|dir", -1, I32, lo=-1, hi=8)
    reach = rng.choice(("four", "eight"))
    if reach == "eight":
        with k.for_("k|d|n", 9) as d:
            x = k.define("x|ni|ii", k.wp.clamp(i + d // 3 - 1, 0, nx - 1).within(0, nx.hi - 1))
            y = k.define("y|nj|jj", k.wp.clamp(j + d % 3 - 1, 0, ny - 1).within(0, ny.hi - 1))
            with k.if_(h[x, y] < lowest):
                k.set(lowest, h[x, y])
                k.set(direction, d)
    else:
        sides = (
            ("north|up", k.wp.max(i - 1, 0).within(0, nx.hi - 1), j),
            ("south|down", k.wp.min(i + 1, nx - 1), j),
            ("west|left", i, k.wp.max(j - 1, 0).within(0, ny.hi - 1)),
            ("east|right", i, k.wp.min(j + 1, ny - 1)),
        )
        for n, (name, a, b) in enumerate(sides):
            value = k.define(name, h[a, b])
            with k.if_(value < lowest):
                k.set(lowest, value)
                k.set(direction, n)
    drop = k.define("drop|slope|fall", here - lowest)
    talus = k.param("talus|repose|min_slope", k.real, 0.05, 0.4)
    moved = k.select("moved|slide|amount", drop > talus, 0.5 * (drop - talus), 0.0)
    k.give("height|h_new|terrain", here - moved)
    if rng.chance(0.6):
        k.give("flow_dir|direction", direction)


@CATEGORY.motif(rank=2)
def pheromone(k: Kit) -> None:
    """Trail that spreads and evaporates."""
    rng = k.rng
    trail = k.array("trail|pheromone|scent", k.real, 2, lo=0.0, hi=1.0)
    i, j = k.place
    nx, ny = k.extent(0), k.extent(1)
    total = k.var("sum|spread|acc", 0.0, k.real, lo=0.0, hi=9.0)
    with k.for_("a|di", 3) as a, k.for_("b|dj", 3) as b:
        x = k.define("x|ii", ((i + a + nx - 1) % nx).within(0, nx.hi - 1))
        y = k.define("y|jj", ((j + b + ny - 1) % ny).within(0, ny.hi - 1))
        k.add(total, trail[x, y])
    mix = k.param("diffusion|mix|blur", k.real, 0.1, 0.9)
    decay = k.param("decay|evaporation|fade", k.real, 0.01, 0.2)
    here = k.define("here|own|t0", trail[i, j])
    value: Value = (here + mix * (total / 9.0 - here)) * (1.0 - decay)
    if rng.chance(0.6):
        ants = k.load("ants|agents|visits", I32, 0, 3)
        value = value + k.param("deposit|drop|dose", k.real, 0.05, 0.5) * k.to_real(ants)
    k.give("trail|pheromone|scent", k.wp.min(value, 5.0) if rng.chance(0.4) else value)


@CATEGORY.motif(f32=True)
def random_walk(k: Kit) -> None:
    """Random walk of an agent."""
    rng = k.rng
    state = k.define("state|rng|rng_state", k.wp.rand_init(k.param("seed|run_id", I32, 1, 500), k.flat))
    turns = rng.choice((6, 8, 12, 16))
    count = k.size("num_steps|steps|n_steps", turns) if rng.chance(0.3) else turns
    kind = rng.choice(("lattice", "line", "levy", "home"))
    if kind in ("line", "home"):
        x = k.var("x|pos|place", k.input("start|x0|home", k.real, -2.0, 2.0), lo=-100.0, hi=100.0)
        step = k.param("step|stride|sigma", k.real, 0.1, 1.0)
        back = k.param("pull|attraction|bias", k.real, 0.05, 0.3) if kind == "home" else None
        far = k.var("farthest|max_dist|reach", 0.0, k.real, lo=0.0, hi=100.0)
        with k.for_("i|t|s", count):
            move = step * k.wp.randn(state)
            k.add(x, (move if back is None else move - back * x).within(-6.0, 6.0))
            k.set(far, k.wp.max(far, k.wp.abs(x)))
        k.give("position|x_end", x)
        k.give("farthest|max_dist", far)
        return
    if kind == "levy":
        p = k.var("p|pos|place", k.input("start|p0|home", k.vec2, -1.0, 1.0), lo=-100.0, hi=100.0)
        with k.for_("i|t|s", count):
            angle = k.define("angle|theta", k.wp.randf(state, 0.0, 6.283185))
            length = k.define("length|jump|l", k.wp.pow(k.wp.randf(state) + 0.1, k.lit(-0.5)))
            k.add(p, k.make(k.vec2, k.wp.cos(angle), k.wp.sin(angle)) * length)
        k.give("position|p_end", p)
        return
    size = rng.choice((8, 16))
    i = k.var("i|x|cx", size // 2, I32, lo=0, hi=size - 1)
    j = k.var("j|y|cy", size // 2, I32, lo=0, hi=size - 1)
    bias = k.load("shift|offset|start", I32, 0, 3)
    k.set(i, ((i + bias) % size).within(0, size - 1))
    visits = k.output("visits|histogram|density", I32, 2)
    with k.for_("t|s|n", count):
        d = k.define("d|way|turn", k.wp.randi(state, 0, 4))
        with k.if_(d.eq(0)):
            k.set(i, ((i + 1) % size).within(0, size - 1))
        with k.elif_(d.eq(1)):
            k.set(i, ((i + (size - 1)) % size).within(0, size - 1))
        with k.elif_(d.eq(2)):
            k.set(j, ((j + 1) % size).within(0, size - 1))
        with k.else_():
            k.set(j, ((j + (size - 1)) % size).within(0, size - 1))
        k.discard(k.atomic("add", visits, (i, j), 1))
    k.give("cell|final_cell", i * size + j)
