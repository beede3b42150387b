"""Bits: hashes, shift registers, codes, counts, packing, over all integer widths."""

from __future__ import annotations

from warpgen.synthesis.categories.bitwise import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.expressions import Literal
from warpgen.synthesis.language.types import F32, I32, I64, U8, U16, U32, U64, Type
from warpgen.synthesis.language.values import ATOM, Value, call

_BITS = {U8: 8, U16: 16, U32: 32, U64: 64}


def hexadecimal(k: Kit, value: int, t: Type = U32) -> Value:
    """A constant in hexadecimal, as people write masks and multipliers."""
    width = 8 if t is U32 and value > 0xFFFF else 2
    text = f"0x{value:0{width}X}" if k.author.long_exponents else f"0x{value:0{width}x}"
    if t is U64 and value >= 1 << 31:
        # Inside a kernel Warp keeps a literal in 32 bits before it converts it.
        name = k.draft.module_name(
            "MASK64|M64|BITS64" if bin(value).count("1") % 8 == 0 else "MIX|PRIME64|MULT"
        )
        k.draft.declare(name, f"{name} = wp.constant(wp.uint64({text}))")
        return Value(name, t, value, value, k.author, ATOM)
    if t is not I32:
        return call(k.author.spell(t), [Literal(text)], t, value, value, k.author)
    return Value(Literal(text), t, value, value, k.author, ATOM)


def _word(k: Kit, t: Type, names: str = "x|key|value|word|bits") -> Value:
    """An unsigned word of this thread with all its bits in use."""
    top = 2.0 ** min(_BITS[t], 48) - 1
    return k.load(names, t, 0, top)


def _shift(k: Kit, x: Value, op: str, n: int) -> Value:
    moved = x << n if op == "<<" else x >> n
    return moved.within(0, x.type.limit) if op == "<<" else moved


def wrapping(v: Value) -> Value:
    """An unsigned value whatever its interval: sums and products wrap."""
    return v.within(0, v.type.limit)


@CATEGORY.motif()
def integer_hash(k: Kit) -> None:
    """Mix the bits of a key."""
    kind = k.rng.choice(("wang", "murmur", "pcg", "splitmix", "fnv", "jenkins", "lowbias"))
    t = U64 if kind == "splitmix" else U32
    key = _word(k, t, "key|x|seed|id_hash")
    h = k.var("h|hash_val|z|state", key, lo=0, hi=t.limit)
    _mix(k, kind, key, h)
    style = k.rng.integer(0, 2)
    if style == 0 or t is U64:
        k.give("hash_val|h|hashed", h)
    elif style == 1:
        size = k.rng.choice((16, 64, 256))
        k.give("bucket|slot|bin", k.cast(h % size if k.rng.chance(0.5) else h & (size - 1), I32))
    else:
        k.give("u|uniform|r01", k.cast(h >> 8, F32) * (1.0 / 16777216.0))


def _mix(k: Kit, kind: str, key: Value, h: Value) -> None:
    """The steps of one of the known hash functions on `h`, which starts as the key."""
    t = h.type
    if kind == "splitmix":
        k.add(h, hexadecimal(k, 0x9E3779B97F4A7C15, t))
        for n, m in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            k.set(h, wrapping((h ^ (h >> n)) * hexadecimal(k, m, t)))
        k.set(h, h ^ (h >> 31))
    elif kind == "pcg":
        k.set(h, wrapping(h * hexadecimal(k, 747796405) + hexadecimal(k, 2891336453)))
        word = k.define("word|w|xorshifted", wrapping(((h >> 22) ^ h) * hexadecimal(k, 277803737)))
        k.set(h, (word >> 22) ^ word)
    elif kind == "wang":
        k.set(h, (h ^ 61) ^ (h >> 16))
        k.set(h, wrapping(h * 9))
        k.set(h, h ^ (h >> 4))
        k.set(h, wrapping(h * hexadecimal(k, 0x27D4EB2D)))
        k.set(h, h ^ (h >> 15))
    elif kind == "fnv":
        k.set(h, hexadecimal(k, 0x811C9DC5))
        with k.for_("b|byte_idx|j", 4) as b:
            byte = k.let("byte|c|octet", (key >> k.cast(b * 8, U32)) & 255)
            k.set(h, wrapping((h ^ byte) * 16777619))
    elif kind == "jenkins":
        for op, n in k.rng.sample((("+", 10), ("^", 6), ("+", 3), ("^", 11), ("+", 15)), k.rng.integer(3, 5)):
            moved = _shift(k, h, "<<" if op == "+" else ">>", n)
            k.set(h, wrapping(h + moved) if op == "+" else h ^ moved)
    else:
        steps = (
            ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 0))
            if kind == "murmur"
            else ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 0))
        )
        for n, m in steps:
            if k.author.augments:
                k.change(h, "^", h >> n)
            else:
                k.set(h, h ^ (h >> n))
            if m:
                k.set(h, wrapping(h * hexadecimal(k, m)))


@CATEGORY.motif()
def xorshift(k: Kit) -> None:
    """Advance a xorshift or feedback shift register."""
    t = k.rng.choice((U8, U16, U32, U32, U64))
    shifts = {U8: (3, 5, 4), U16: (7, 9, 8), U32: (13, 17, 5), U64: (13, 7, 17)}[t]
    s = k.var("s|state|x|reg", _word(k, t, "seed|state0|key"), lo=0, hi=t.limit)
    steps = k.rng.choice((1, 1, 2, 4, 8))
    if k.rng.chance(0.4) and t is not U64:
        taps = {U8: 0xB8, U16: 0xB400, U32: 0xA3000000}[t]
        with k.for_("r|step|it", max(steps, 2)):
            bit = k.define("bit|lsb|carry", s & 1)
            k.set(s, s >> 1)
            with k.if_(bit.ne(0)):
                k.set(s, s ^ hexadecimal(k, taps, t))
    elif steps > 1:
        with k.for_("r|step|it", steps):
            for op, n in zip(("<<", ">>", "<<"), shifts, strict=True):
                k.change(s, "^", _shift(k, s, op, n))
    else:
        for op, n in zip(("<<", ">>", "<<"), shifts, strict=True):
            k.change(s, "^", _shift(k, s, op, n))
    k.give("state|next_state|rnd", s)
    if t is U32 and k.rng.chance(0.4):
        k.give("u|uniform|sample", k.cast(s >> 8, F32) * (1.0 / 16777216.0))


@CATEGORY.motif()
def morton(k: Kit) -> None:
    """Interleave coordinates into a Morton code, or take it apart."""
    wide = k.rng.chance(0.25)
    t = U64 if wide else U32
    dims = k.rng.choice((2, 2, 3))
    masks2 = ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555))
    masks3 = ((16, 0x030000FF), (8, 0x0300F00F), (4, 0x030C30C3), (2, 0x09249249))
    masks = masks2 if dims == 2 else masks3
    names = ("x|ix|cx", "y|iy|cy", "z|iz|cz")[:dims]
    top = 0xFFFF if dims == 2 else 0x3FF
    if k.rng.chance(0.3):
        code = _word(k, t, "code|morton|key")
        axis = k.var(
            "v|coord|c",
            (code >> k.rng.integer(0, dims - 1)) & hexadecimal(k, masks[-1][1], t),
            lo=0,
            hi=t.limit,
        )
        for (n, _), (_, m) in zip(masks[::-1], [*masks[::-1][1:], (0, top)], strict=True):
            k.set(axis, (axis ^ (axis >> n)) & hexadecimal(k, m, t))
        k.give("coord|axis_value|cell_x", axis)
        return
    loop = k.rng.chance(0.35)
    parts = []
    for name in names:
        c = k.load(name, t, 0, 255 if loop else top)
        if loop:
            parts.append(c)
            continue
        v = k.var("v|spread|part|p", c, lo=0, hi=t.limit)
        for n, m in masks:
            k.set(v, (v | (v << n)) & hexadecimal(k, m, t))
        parts.append(v)
    if loop:
        code = k.var("code|key|morton", 0, t, lo=0, hi=t.limit)
        with k.for_("b|bit|level", 8) as b:
            bit = k.define("s|level_bit|shift", k.cast(b, t))
            for at, part in enumerate(parts):
                place = k.let("at|pos", bit * dims + at if at else bit * dims)
                k.set(code, code | (((part >> bit) & 1) << place))
        k.give("code|morton", code)
        return
    code = parts[0]
    for at, part in enumerate(parts[1:], 1):
        code = code | (part << at).within(0, t.limit)
    k.give("code|morton|key", code.within(0, t.limit))


@CATEGORY.motif()
def gray_code(k: Kit) -> None:
    """Gray code and back."""
    t = k.rng.choice((U8, U16, U32, U32, U64))
    x = _word(k, t, "x|n|binary|counter")
    kind = k.rng.choice(("encode", "decode", "distance", "loop"))
    if kind == "encode":
        k.give("gray|code", x ^ (x >> 1))
    elif kind == "decode":
        b = k.var("b|binary|v", x, lo=0, hi=t.limit)
        n = 1
        while n < _BITS[t]:
            k.change(b, "^", b >> n)
            n *= 2
        k.give("binary|decoded", b)
    elif kind == "loop":
        b, m = k.var("b|binary|v", x, lo=0, hi=t.limit), k.var("m|mask|rest", x >> 1, lo=0, hi=t.limit)
        with k.while_(m.ne(0)):
            k.change(b, "^", m)
            k.set(m, m >> 1)
        k.give("binary|decoded", b)
    else:
        y = _word(k, t, "y|other|next_n")
        a, b = k.let("ga|gray_x", x ^ (x >> 1)), k.let("gb|gray_y", y ^ (y >> 1))
        k.give("distance|hamming", k.wp.bit_count(a ^ b))


@CATEGORY.motif()
def popcount(k: Kit) -> None:
    """Count, find or test the set bits of a word."""
    t = k.rng.choice((U8, U16, U32, U32, U64))
    w = _BITS[t]
    x = _word(k, t)
    kind = k.rng.choice(
        ("swar", "kernighan", "parity", "builtin", "clz", "ctz", "lowest", "next_pow2", "runs")
    )
    if kind == "swar" and t is U32:
        v = k.var("v|c|n", x, lo=0, hi=t.limit)
        k.set(v, wrapping(v - ((v >> 1) & hexadecimal(k, 0x55555555))))
        k.set(v, (v & hexadecimal(k, 0x33333333)) + ((v >> 2) & hexadecimal(k, 0x33333333)))
        k.set(v, wrapping((v + (v >> 4)) & hexadecimal(k, 0x0F0F0F0F)))
        k.give("count|popcount", wrapping(v * hexadecimal(k, 0x01010101)) >> 24)
    elif kind == "parity":
        v = k.var("p|parity|v", x, lo=0, hi=t.limit)
        half = w // 2
        while half >= 1:
            k.change(v, "^", v >> half)
            half //= 2
        k.give("parity|odd", v & 1)
    elif kind == "builtin":
        mask = k.param("mask|filter_bits|flags", t, 1, 2 ** min(w, 30) - 1)
        k.give("count|matches|ones", k.wp.bit_count(x & mask))
    elif kind == "clz":
        v, n = k.var("v|m|rest", x, lo=0, hi=t.limit), k.var("n|log2|msb", 0, I32, lo=0, hi=w)
        half = w // 2
        while half >= 1:
            with k.if_(v >= hexadecimal(k, 1 << half, t)):
                k.set(v, v >> half)
                k.add(n, half)
            half //= 2
        k.give("msb|floor_log2|top_bit", n)
    elif kind == "lowest":
        k.give("lowest|lsb|isolated", x & wrapping(~x + 1))
        if k.rng.chance(0.5):
            k.give("cleared|rest", x & wrapping(x - 1))
    elif kind == "next_pow2":
        v = k.var("v|p|n", wrapping(x >> 1), lo=0, hi=t.limit)
        reach = 1
        while reach < w:
            k.set(v, v | (v >> reach))
            reach *= 2
        k.give("pow2|rounded|capacity", wrapping(v + 1))
    else:
        _counted(k, kind, x, w)


def _counted(k: Kit, kind: str, x: Value, w: int) -> None:
    """What a loop over the bits of a word finds: zeros at its end, its longest run, its set bits."""
    t = x.type
    if kind == "ctz":
        n, v = k.var("n|zeros|tz", 0, I32, lo=0, hi=w), k.var("v|rest|m", x, lo=0, hi=t.limit)
        with k.while_(k.all((v & 1).eq(0), n < w)):
            k.set(v, v >> 1)
            k.add(n, 1)
        k.give("trailing|ctz|zeros", n)
    elif kind == "runs":
        v, n = k.var("v|m|rest", x, lo=0, hi=t.limit), k.var("n|run|longest", 0, I32, lo=0, hi=w)
        with k.while_(v.ne(0)):
            k.set(v, wrapping(v & (v << 1)))
            k.add(n, 1)
        k.give("longest_run|run", n)
    else:
        v, n = k.var("v|m|rest", x, lo=0, hi=t.limit), k.var("n|count|c", 0, I32, lo=0, hi=w)
        with k.while_(v.ne(0)):
            k.set(v, v & wrapping(v - 1))
            k.add(n, 1)
        k.give("count|popcount|bits_set", n)


@CATEGORY.motif()
def reverse_bits(k: Kit) -> None:
    """Reverse or rotate the bits or bytes of a word."""
    t = k.rng.choice((U8, U16, U32, U32, U64))
    w = _BITS[t]
    x = _word(k, t)
    kind = k.rng.choice(("reverse", "loop", "rotate", "bytes", "nibbles"))
    if kind == "rotate":
        n = k.rng.integer(1, w - 1)
        k.give("rotated|rotl", wrapping(x << n) | (x >> (w - n)))
    elif kind == "bytes" and t is U32:
        k.note("byte swap")
        low, high = (
            wrapping(x << 24) | (wrapping(x << 8) & hexadecimal(k, 0xFF0000)),
            ((x >> 8) & hexadecimal(k, 0xFF00)) | (x >> 24),
        )
        k.give("swapped|big_endian", k.let("hi|upper", wrapping(low)) | k.let("lo|lower", high))
    elif kind == "loop":
        v, r = k.var("v|rest|m", x, lo=0, hi=t.limit), k.var("r|rev|result", 0, t, lo=0, hi=t.limit)
        with k.for_("b|bit|j", min(w, 16)):
            k.set(r, wrapping(r << 1) | (v & 1))
            k.set(v, v >> 1)
        k.give("reversed_bits|rev", r)
    else:
        v = k.var("v|r|rev", x, lo=0, hi=t.limit)
        masks = {1: 0x55, 2: 0x33, 4: 0x0F}
        for n in (1, 2, 4) if kind == "reverse" else (4,):
            m = int(f"{masks[n]:02X}" * (w // 8), 16)
            k.set(v, ((v >> n) & hexadecimal(k, m, t)) | wrapping((v & hexadecimal(k, m, t)) << n))
        k.give("reversed_bits|swapped|rev", v)


@CATEGORY.motif()
def pack_fields(k: Kit) -> None:
    """Pack small fields into one word, or unpack them."""
    kind = k.rng.choice(("rgba", "unpack", "pair", "normal", "float_pair", "key"))
    if kind == "rgba":
        c = k.load("color|rgb|rgba", k.vec4, 0.0, 1.0)
        q = [
            k.define(n, k.cast(k.cast(c[j] * 255.0, I32), U32).within(0, 255))
            for j, n in enumerate(("r|r8", "g|g8", "b|b8", "a|a8"))
        ]
        k.give("packed|rgba8|texel", q[0] | (q[1] << 8) | (q[2] << 16) | (q[3] << 24))
    elif kind == "unpack":
        word = _word(k, U32, "packed_rgba|texel|rgba8")
        channels = [k.to_real((word >> s if s else word) & 255) / 255.0 for s in (0, 8, 16, 24)]
        k.give("color|rgba|unpacked", k.make(k.vec4, *channels))
    elif kind == "pair":
        lo = k.load("lo_id|first|u", U32, 0, 65535)
        hi = k.load("hi_id|second|v", U32, 0, 65535)
        k.give("pair_key|edge_key|packed", (hi << 16) | lo)
    elif kind == "key":
        a, b = k.load("a|lo_vertex|i0", I32, 0, 1000), k.load("b|hi_vertex|i1", I32, 0, 1000)
        low, high = k.wp.min(a, b), k.wp.max(a, b)
        k.give("edge_key|sort_key|key", (k.cast(high, I64) << 32).within(0, 2.0**43) | k.cast(low, I64))
    elif kind == "normal":
        n = k.load("normal|n|dir", k.vec3, -1.0, 1.0, unit=True)
        q = [
            k.define(f"n{c}|q{c}", k.cast(k.cast((n[j] * 0.5 + 0.5) * 1023.0, I32), U32).within(0, 1023))
            for j, c in enumerate("xyz")
        ]
        k.give("packed_normal|encoded", q[0] | (q[1] << 10) | (q[2] << 20))
    else:
        u = k.load("u|tex_u|s", k.real, 0.0, 1.0)
        v = k.load("v|tex_v|t", k.real, 0.0, 1.0)
        a, b = (
            k.cast(k.cast(u * 2047.0, I32), U32).within(0, 2047),
            k.cast(k.cast(v * 2047.0, I32), U32).within(0, 2047),
        )
        k.give("packed_uv|uv16", k.let("hi16|qu", a << 16) | b)
