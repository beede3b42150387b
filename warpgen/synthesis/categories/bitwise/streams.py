"""More bits: checksums, filters, masks, small integers, fixed point, number theory."""

from __future__ import annotations

from warpgen.synthesis.categories.bitwise import CATEGORY
from warpgen.synthesis.categories.bitwise.codes import hexadecimal, wrapping
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import BOOL, I8, I16, I32, I64, U8, U16, U32, U64
from warpgen.synthesis.language.values import Value


@CATEGORY.motif(rank=1)
def checksum(k: Kit) -> None:
    """Checksum of the bytes of one message."""
    m = k.rng.choice((4, 6, 8))
    element = k.rng.choice((U8, U8, U32))
    data = k.array("messages|payload|packet_bytes|data", element, 2, lo=0, hi=255)
    kind = k.rng.choice(("crc8", "crc16", "crc32", "fletcher", "adler", "xor", "djb2"))
    t = {"crc8": U8, "crc16": U16}.get(kind, U32)

    def byte(j: Value) -> Value:
        raw = data[k.flat, j]
        return k.define("byte|b|octet", raw if element is t else k.cast(raw, t)).within(0, 255)

    if kind.startswith("crc"):
        poly, start = {"crc8": (0x07, 0), "crc16": (0x1021, 0xFFFF), "crc32": (0xEDB88320, 0xFFFFFFFF)}[kind]
        crc = k.var("crc|reg|c", hexadecimal(k, start, t) if start else 0, t, lo=0, hi=t.limit)
        top = {"crc8": 0x80, "crc16": 0x8000}.get(kind, 1)
        with k.for_("j|pos|q", m) as j:
            b = byte(j)
            k.change(crc, "^", wrapping(b << 8) if kind == "crc16" else b)
            with k.for_("bit|s|r", 8):
                if kind == "crc32":
                    with k.if_((crc & 1).ne(0)):
                        k.set(crc, (crc >> 1) ^ hexadecimal(k, poly, t))
                    with k.else_():
                        k.set(crc, crc >> 1)
                else:
                    with k.if_((crc & hexadecimal(k, top, t)).ne(0)):
                        k.set(crc, wrapping((crc << 1) ^ hexadecimal(k, poly, t)))
                    with k.else_():
                        k.set(crc, wrapping(crc << 1))
        k.give("crc|checksum", ~crc if kind == "crc32" and k.rng.chance(0.7) else crc)
        return
    if kind in ("fletcher", "adler"):
        modulus = 255 if kind == "fletcher" else 65521
        a = k.var("a|sum1|s1", 1 if kind == "adler" else 0, U32, lo=0, hi=65535)
        b = k.var("b|sum2|s2", 0, U32, lo=0, hi=65535)
        with k.for_("j|pos|q", m) as j:
            k.set(a, (a + byte(j)) % modulus)
            k.set(b, (b + a) % modulus)
        k.give("checksum|digest", (b << 16).within(0, U32.limit) | a)
        return
    h = k.var("h|digest|acc", 5381 if kind == "djb2" else 0, U32, lo=0, hi=U32.limit)
    with k.for_("j|pos|q", m) as j:
        if kind == "djb2":
            k.set(h, wrapping((h << 5) + h + byte(j)))
        else:
            k.set(h, wrapping((h << 1) | (h >> 31)) ^ byte(j))
    k.give("digest|checksum|h", h)


@CATEGORY.motif(rank=1)
def bloom_filter(k: Kit) -> None:
    """Insert a key into a Bloom filter, or ask for it."""
    words, hashes = k.rng.choice((8, 16, 32)), k.rng.choice((1, 2, 3))
    key = k.load("key|item|x", U32, 0, 2**31 - 1)
    insert = k.rng.chance(0.5)
    h = k.var("h|hv|state", wrapping(key * hexadecimal(k, 0x9E3779B1)), lo=0, hi=U32.limit)
    if insert:
        table = k.output("filter_bits|bloom|table", U32)
    else:
        table = k.array("filter_bits|bloom|table", U32, lo=0, hi=U32.limit)
        found = k.var("found|maybe|hit", 1, U32, lo=0, hi=1)
    with k.for_("r|s|round_idx", hashes):
        bit = k.define("bit|position|slot", h % (words * 32))
        word = k.define("word|w|idx", k.cast(bit >> 5, I32).within(0, words - 1))
        mask = k.define("mask|m|flag", wrapping(k.lit(1, U32) << (bit & 31)))
        if insert:
            k.discard(k.atomic("or", table, word, mask))
        else:
            k.set(found, found & ((table[word] >> (bit & 31)) & 1))
        k.set(h, (h ^ (h >> 15)))
        k.set(h, wrapping(h * hexadecimal(k, 0x85EBCA6B)))
    if not insert:
        k.give("member|found|maybe", found)


@CATEGORY.motif()
def flag_masks(k: Kit) -> None:
    """Set, clear, toggle and test flag bits."""
    t = k.rng.choice((U8, U16, U32, I32, I32, U64))
    flags = k.load("flags|state_bits|mask|status", t, 0, 255)
    visible, frozen = (
        k.constant("FLAG_ACTIVE|BIT_VISIBLE|ALIVE", 1, t),
        k.constant("FLAG_FIXED|BIT_FROZEN|STATIC", 4, t),
    )
    kind = k.rng.choice(("set", "clear", "toggle", "count", "merge"))
    updated = k.var("updated|new_flags|f", flags, lo=0, hi=255)
    with k.if_((flags & visible).ne(0)):
        if kind == "set":
            k.set(updated, updated | frozen)
        elif kind == "clear":
            k.set(updated, updated & hexadecimal(k, 0xF0, t))
        elif kind == "toggle":
            k.set(updated, (updated ^ frozen).within(0, 255))
        elif kind == "merge":
            other = k.load("other_flags|neighbor_flags|incoming", t, 0, 255)
            k.set(updated, (updated | (other & hexadecimal(k, 0x3C, t))).within(0, 255))
        else:
            k.set(updated, (updated << 1) & hexadecimal(k, 0xFF, t))
    if k.rng.chance(0.4):
        with k.else_():
            k.set(updated, (updated >> 2).within(0, 63))
    k.give("flags|new_flags|status", updated)


@CATEGORY.motif()
def saturating(k: Kit) -> None:
    """Small-integer arithmetic that saturates or averages without overflow."""
    t = k.rng.choice((I8, I16, U8, U16))
    top = int(t.limit)
    low = 0 if t.is_unsigned else -top - 1
    a, b = k.load("a|x|left", t, low, top), k.load("b|y|right", t, low, top)
    kind = k.rng.choice(("add", "sub", "average", "absdiff", "scale", "max_pair"))
    wide = k.rng.choice((I32, I32, I64))
    wa, wb = k.define("wa|a32|ai", k.cast(a, wide)), k.define("wb|b32|bi", k.cast(b, wide))
    if kind == "average":
        k.give(
            "average|mean|mid",
            k.cast(((wa + wb) // 2 if t.is_unsigned else (wa + wb) >> 1).within(low, top), t),
        )
    elif kind == "absdiff":
        k.give("absdiff|sad|distance", k.wp.abs(wa - wb))
    elif kind == "scale":
        gain = k.param("gain|weight|num", I32, 1, 7)
        k.give("scaled|product|level", k.cast(k.wp.clamp(wa * k.cast(gain, wide) >> 2, low, top), t))
    elif kind == "max_pair":
        k.give("peak|larger", k.wp.max(a, b))
        k.give("span|gap", wb - wa)
    else:
        raw = k.let("total|s|raw", wa + wb if kind == "add" else wa - wb)
        k.give("saturated|clamped|result", k.cast(k.wp.clamp(raw, low, top), t))


@CATEGORY.motif()
def fixed_point(k: Kit) -> None:
    """Fixed-point arithmetic."""
    bits = k.rng.choice((8, 12, 16))
    one = float(1 << bits)
    x = k.load("x|a|sample", k.real, -2.0, 2.0)
    y = k.load("y|b|gain", k.real, -2.0, 2.0)
    qx, qy = k.define("qx|fx|xi", k.cast(x * one, I64)), k.define("qy|fy|yi", k.cast(y * one, I64))
    kind = k.rng.choice(("mul", "lerp", "mac", "square"))
    if kind == "mul":
        p = k.define("p|prod|q", (qx * qy) >> bits)
    elif kind == "lerp":
        f = k.define("frac|t|w", qx & hexadecimal(k, (1 << bits) - 1, I64))
        p = k.define("p|blend|q", (qy * f) >> bits)
    elif kind == "square":
        p = k.define("p|sq|q", ((qx * qx) >> bits) - qy)
    else:
        bias = k.lit(1 << (bits - 1), I64)
        p = k.define("p|acc|q", (qx * qy + bias) >> bits)
    if k.rng.chance(0.5):
        k.give("result|product|out_fx", k.to_real(p) / one)
    else:
        k.give("fixed_value|q_out", k.cast(p.within(-(2.0**20), 2.0**20), I32))


@CATEGORY.motif(rank=1)
def packed_bases(k: Kit) -> None:
    """Pack or compare sequences of two-bit symbols."""
    m = k.rng.choice((8, 12, 16))
    kind = k.rng.choice(("pack", "hamming", "unpack", "kmer"))
    if kind in ("pack", "kmer"):
        seq = k.array("sequence|bases|symbols", k.rng.choice((U8, I32)), lo=0, hi=3)
        start = k.flat if kind == "kmer" else k.let("base|start|o", k.flat * m)
        code = k.var("code|kmer|packed", 0, U32, lo=0, hi=U32.limit)
        with k.for_("j|s|q", m) as j:
            k.set(code, wrapping(code << 2) | k.cast(seq[start + j], U32).within(0, 3))
        k.give("code|packed|kmer", code)
        return
    a = k.load("word|seq_a|packed", U32, 0, U32.limit)
    if kind == "unpack":
        counts = k.var("gc|count|hits", 0, I32, lo=0, hi=m)
        with k.for_("j|s|q", m) as j:
            base = k.define("base|sym|c", (a >> k.cast(j * 2, U32)) & 3)
            with k.if_(k.any(base.eq(1), base.eq(2))):
                k.add(counts, 1)
        k.give("gc_count|hits", counts)
        return
    b = k.load("other|seq_b|target", U32, 0, U32.limit)
    d = k.define("diff|d|x", a ^ b)
    either = k.define("either|mism|m", (d | (d >> 1)) & hexadecimal(k, 0x55555555))
    k.give("mismatches|hamming|distance", k.wp.bit_count(either))


@CATEGORY.motif(rank=1)
def bit_automaton(k: Kit) -> None:
    """One step of a cellular automaton on 32 cells per word."""
    n = k.draft.shape[0]
    cells = k.array("cells|tape|world|words", U32, lo=0, hi=U32.limit)
    i = k.flat
    left_word = k.define("lw|left_word|prev", cells[((i + k.extent() - 1) % k.extent()).within(0, n - 1)])
    right_word = k.define("rw|right_word|nxt", cells[((i + 1) % k.extent()).within(0, n - 1)])
    c = k.define("c|cur|center", cells[i])
    left = k.define("l|left", (c >> 1) | wrapping(left_word << 31))
    right = k.define("r|right", wrapping(c << 1) | (right_word >> 31))
    rule = k.rng.choice((30, 90, 110, 184, 22))
    new = {30: left ^ (c | right), 90: left ^ right, 110: (c | right) ^ (left & c & right),
           184: (left & ~c) | (c & right), 22: left ^ c ^ right ^ (left & c & right)}[rule]  # fmt: skip
    k.note(f"rule {rule}")
    k.give("next_cells|evolved", wrapping(new))
    if k.rng.chance(0.4):
        k.give("alive|population", k.wp.bit_count(c))


@CATEGORY.motif()
def number_theory(k: Kit) -> None:
    """Small loops over integers."""
    kind = k.rng.choice(("gcd", "isqrt", "collatz", "powmod", "digits", "zigzag", "luhn"))
    if kind == "gcd":
        a, b = (
            k.var("a|u", k.load("p|x|m", I32, 1, 1000), lo=0, hi=1000),
            k.var("b|v", k.load("q|y|n2", I32, 1, 1000), lo=0, hi=1000),
        )
        with k.while_(b.ne(0)):
            r = k.define("r|t|rem", Value(f"{a.text} % {b.text}", I32, 0, 999, k.author, 10))
            k.set(a, b)
            k.set(b, r)
        k.give("gcd|divisor", a)
    elif kind == "isqrt":
        x = k.load("x|n2|value", U32, 0, 65535)
        r = k.var("r|root|s", 0, U32, lo=0, hi=256)
        with k.for_("j|b|bit", 8) as j:
            t = k.define("t|trial|cand", r | wrapping(k.lit(1, U32) << k.cast((7 - j).within(0, 7), U32)))
            with k.if_(t * t <= x):
                k.set(r, t)
        k.give("root|isqrt", r)
    elif kind == "collatz":
        v, steps = (
            k.var("v|m|x", k.load("start|n0|seed_n", I32, 1, 100), lo=0, hi=1e6),
            k.var("steps|count|len_", 0, I32, lo=0, hi=64),
        )
        with k.while_(k.all(v > 1, steps < k.rng.choice((20, 40, 64)))):
            with k.if_((v & 1).eq(0)):
                k.set(v, v >> 1)
            with k.else_():
                k.set(v, (3 * v + 1).within(0, 1e6))
            k.add(steps, 1)
        k.give("steps|stopping_time", steps)
    elif kind == "powmod":
        modulus = k.rng.choice((97, 251, 1009, 4093))
        base = k.var("b|base_v|g", k.load("base|g0|x", I32, 2, 90), lo=0, hi=modulus)
        e = k.var("e|expo|p", k.load("exponent|key|power", I32, 0, 255), lo=0, hi=255)
        acc = k.var("acc|r|result", 1, I32, lo=0, hi=modulus)
        with k.while_(e > 0):
            with k.if_((e & 1).eq(1)):
                k.set(acc, (acc * base) % modulus)
            k.set(base, (base * base) % modulus)
            k.set(e, e >> 1)
        k.give("residue|powmod|r", acc)
    else:
        _by_digits(k, kind)


def _by_digits(k: Kit, kind: str) -> None:
    """A sum of decimal digits, a check digit, or a sign moved to the lowest bit."""
    if kind == "digits":
        v = k.var("v|rest|m", k.load("n2|number|x", I32, 0, 10**6 - 1), lo=0, hi=1e6)
        s = k.var("s|digit_sum|total", 0, I32, lo=0, hi=60)
        with k.while_(v > 0):
            k.add(s, v % 10)
            k.set(v, v // 10)
        k.give("digit_sum|s", s)
    elif kind == "zigzag":
        x = k.load("delta|x|signed_val", I32, -30000, 30000)
        k.give("zigzag|encoded", ((x << 1) ^ (x >> 31)).within(0, 60001))
    else:
        v = k.var("v|rest|m", k.load("card|number|x", I32, 0, 10**6 - 1), lo=0, hi=1e6)
        s = k.var("s|total|sum_", 0, I32, lo=0, hi=100)
        with k.for_("p|place|j", 6) as p:
            d = k.var("d|digit", v % 10, lo=0, hi=18)
            with k.if_((p & 1).eq(1)):
                k.change(d, "*", 2)
                with k.if_(d > 9):
                    k.change(d, "-", 9)
            k.add(s, d)
            k.set(v, v // 10)
        k.give("luhn|check_digit", (10 - s % 10) % 10)


@CATEGORY.motif(rank=1)
def quantised_dot(k: Kit) -> None:
    """Dot product of small integers with a wide accumulator."""
    m = k.rng.choice((4, 8, 16))
    t = k.rng.choice((I8, I8, U8, I16))
    a = k.array("a_q|weights_q|qa", t, 2, lo=-100 if not t.is_unsigned else 0, hi=100)
    b = k.array("b_q|activations_q|qb", t, lo=-100 if not t.is_unsigned else 0, hi=100)
    wide = k.rng.choice((I32, I32, I64))
    acc = k.var("acc|total|dot", 0, wide, lo=-(2.0**20), hi=2.0**20)
    zero_point = k.param("zero_point|offset|zp", I32, 1, 8) if k.rng.chance(0.35) else None
    with k.for_("j|q|s", m) as j:
        x = k.let("x|av|wa", k.cast(a[k.flat, j], wide))
        if zero_point is not None:
            x = x - k.cast(zero_point, wide)
        k.add(acc, x * k.cast(b[j], wide))
    if k.rng.chance(0.6):
        scale = k.param("scale|dequant|s", k.real, 0.001, 0.05)
        k.give("dequantized|y|logit", k.to_real(acc) * scale)
    else:
        shift = k.rng.choice((4, 7, 8))
        k.give("requantized|acc", acc >> shift)


@CATEGORY.motif(rank=1)
def bitset_algebra(k: Kit) -> None:
    """Set operations and membership on bit sets."""
    m = k.rng.choice((2, 4))
    t = k.rng.choice((U32, U32, U64, U16))
    width = {U16: 16, U32: 32, U64: 64}[t]
    top = 2.0 ** min(width, 48) - 1
    a = k.array("set_a|rows|bits_a", t, 2, lo=0, hi=top)
    b = k.array("set_b|cols|bits_b", t, 2, lo=0, hi=top)
    kind = k.rng.choice(("jaccard", "overlap", "subset", "member"))
    i = k.flat
    if kind == "member":
        e = k.let("e|element|item", k.index_array("elements|queries|items", m * width)[i])
        word = k.let("word|w", a[i, (e // width).within(0, m - 1)])
        bit = k.let("bit|hit", (word >> k.cast((e % width).within(0, width - 1), t)) & 1)
        k.give("member|contains", bit)
        return
    both, either = (
        k.var("both|inter|shared", 0, I32, lo=0, hi=256),
        k.var("either|union|joint", 0, I32, lo=0, hi=256),
    )
    inside = k.var("inside|is_subset|ok", True, BOOL, lo=0, hi=1) if kind == "subset" else None
    with k.for_("w|q|s", m) as w:
        x, y = k.let("x|wa", a[i, w]), k.let("y|wb", b[i, w])
        if inside is not None:
            with k.if_((x & ~y).ne(0)):
                k.set(inside, Value("False", BOOL, 0, 1, k.author))
        k.add(both, k.wp.bit_count(x & y))
        if kind == "jaccard":
            k.add(either, k.wp.bit_count(x | y))
    if kind == "jaccard":
        k.give("jaccard|similarity", k.to_real(both) / (k.to_real(either) + 1.0))
    elif inside is not None:
        k.give("score|overlap", k.wp.where(inside, k.lit(-1), both))
    else:
        k.give("overlap|common", both)


@CATEGORY.motif()
def block_cipher(k: Kit) -> None:
    """A few Feistel or TEA rounds on a pair of words."""
    left = k.var("v0|left|l", k.load("plain0|lo_word|a", U32, 0, U32.limit), lo=0, hi=U32.limit)
    right = k.var("v1|right|r", k.load("plain1|hi_word|b", U32, 0, U32.limit), lo=0, hi=U32.limit)
    key = k.param("key0|k0|secret", U32, 1, 2**30)
    rounds = k.rng.choice((2, 3, 4, 8))
    if k.rng.chance(0.5):
        total = k.var("sum_|delta_sum|s", 0, U32, lo=0, hi=U32.limit)
        with k.for_("r|round_idx|it", rounds):
            k.set(total, wrapping(total + hexadecimal(k, 0x9E3779B9)))
            k.set(
                left, wrapping(left + (wrapping((right << 4) + key) ^ wrapping(right + total) ^ (right >> 5)))
            )
            k.set(
                right, wrapping(right + (wrapping((left << 4) + key) ^ wrapping(left + total) ^ (left >> 5)))
            )
    else:
        with k.for_("r|round_idx|it", rounds) as r:
            f = k.define("f|mixed|t", wrapping((right ^ (key + k.cast(r, U32))) * hexadecimal(k, 0x45D9F3B)))
            new = k.define("new_right|swap|nr", left ^ (f >> 16) ^ f)
            k.set(left, right)
            k.set(right, new)
    k.give("cipher0|enc_lo|v0", left)
    k.give("cipher1|enc_hi|v1", right)


@CATEGORY.motif(rank=1)
def radix_digit(k: Kit) -> None:
    """Histogram of one radix digit of a key."""
    bits = k.rng.choice((2, 4, 8))
    t = k.rng.choice((U32, I32, U64))
    key = k.load("key|value|code", t, 0, 2**30)
    shift = k.param("shift|bit_offset|start_bit", I32, 0, 24 - bits)
    moved = key >> (shift if t is I32 else k.cast(shift, t))
    digit = k.define("digit|d|bucket", k.cast(moved & ((1 << bits) - 1), I32).within(0, (1 << bits) - 1))
    hist = k.output("histogram|digit_counts|counts", I32)
    k.discard(k.atomic("add", hist, digit, 1))
    if k.rng.chance(0.5):
        seen = k.output("seen|bucket_mask|touched", U32)
        k.discard(k.atomic(k.rng.choice(("or", "xor")), seen, digit, k.cast(key & 255, U32)))
    if k.rng.chance(0.5):
        k.give("digit|bucket", digit)
