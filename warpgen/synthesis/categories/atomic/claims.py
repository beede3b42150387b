"""Atomics that claim, exchange, link and spend, and sums of several shapes."""

from __future__ import annotations

from typing import Any

from warpgen.synthesis.categories.atomic import CATEGORY
from warpgen.synthesis.categories.atomic.bins import atomically, bin_of
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import F32, F64, I32, I64, U32, U64, mat, vec


@CATEGORY.motif()
def checksum(k: Kit) -> None:
    """Fold all values into checksums."""
    kind = k.rng.choice((U32, U32, I32, U64))
    v = k.load("keys|values|codes|words", kind, 0, 1 << 20)
    h = k.var("h|hash|x", v, lo=0 if kind.is_unsigned else -kind.limit, hi=kind.limit)
    for _ in range(k.rng.integer(1, 3)):
        shift = k.rng.choice((3, 7, 13, 16))
        style = k.rng.choice(("right", "left", "mul"))
        if kind is I32:
            k.set(h, (h ^ (h >> shift)).within(-kind.limit, kind.limit))
        elif style == "mul":
            k.set(
                h,
                (
                    h * k.rng.choice((0x45D9F3B, 2654435761, 0x9E3779B1)) if kind is U32 else h * 0x9E3779B1
                ).within(0, kind.limit),
            )
        else:
            k.set(h, (h ^ ((h >> shift) if style == "right" else (h << shift))).within(0, kind.limit))
    slots = k.rng.choice((1, 4, 8))
    slot: Any = 0 if slots == 1 else k.cast(k.flat, I32) % slots
    # With or and and, many values soon give the same bits everywhere.
    for op in ("xor", k.rng.choice(("or", "and"))) if k.rng.chance(0.15) else ("xor",):
        out = (
            k.output(f"{op}_sum|digest_{op}|checksum", kind)
            if op != "and"
            else k.inout("common_bits|and_sum", kind, kind="constant")
        )
        if op == "and":
            out.spec.value = float(2**20 - 1)
        k.discard(k.atomic(op, out, slot, h))


@CATEGORY.motif(weight=1.2)
def hash_insert(k: Kit) -> None:
    """Insert a key into an open-addressing table."""
    kind = k.rng.choice((I32, I32, U32, I64))
    size, probes = k.rng.choice((256, 512)), k.rng.choice((4, 8, 16))
    key = k.load("keys|ids|codes", kind, 1, 5000)
    table = k.output("table|slots|hash_keys", kind)
    table.spec.fixed = (size,)
    mask = size - 1
    h0 = key * k.rng.choice((31, 37, 73, 131)) if k.rng.chance(0.5) else key ^ (key >> 4)
    start = k.define("h|slot|start", (h0 & mask).within(0, mask))
    start = k.define("s|at|place", k.cast(start, I32)) if kind is not I32 else start
    found = k.var("found|index|where", -1, I32, lo=-1, hi=size - 1)
    with k.for_(
        "probe|p|attempt", k.size("max_probes|num_probes", probes) if k.rng.chance(0.6) else probes
    ) as p:
        step = p if k.rng.chance(0.7) else p * p
        at = k.define("at|q|cell", ((start + step) & mask).within(0, mask))
        old = k.define("old|prev|seen", atomically(k, "cas", table, at, 0, key))
        with k.if_(k.any(old.eq(0), old.eq(key))):
            k.set(found, at)
            k.leave("break")
    if k.rng.chance(0.5):
        values = k.output("table_values|hash_counts|sums", k.rng.choice((I32, k.real)))
        values.spec.fixed = (size,)
        with k.if_(found >= 0):
            k.discard(
                k.atomic(
                    "add",
                    values,
                    found.within(0, size - 1),
                    1 if values.type is I32 else k.load("payload|values|w", k.real, 0.1, 1.0),
                )
            )
    k.give("slot|found|index", found)


@CATEGORY.motif()
def cas_extreme(k: Kit) -> None:
    """Keep an extreme by a bounded compare and swap."""
    kind = k.rng.choice((k.real if k.real in (F32, F64) else F32, I32, I64))
    v = (
        k.load("values|x|cost|priority", kind, 0, 100)
        if kind.is_int
        else k.input("value|x|cost", kind, 0.0, 100.0)
    )
    cells = k.rng.choice((1, 4, 8))
    cell: Any = 0 if cells == 1 else k.load("cell|group|bucket", I32, 0, cells - 1)
    best = k.output("best|peak|record", kind)
    current = k.var("current|old|seen", best[cell], lo=-kind.limit, hi=kind.limit)
    with k.for_("attempt|t|tries", k.rng.choice((4, 8, 16))):
        k.break_if(current >= v)
        prior = k.define("prior|prev|assumed", current)
        k.set(current, atomically(k, "cas", best, cell, prior, v))
        if k.rng.chance(0.7):
            k.break_if(current.eq(prior))
    tried = k.output("winners|updates|successes", I32)
    if k.rng.chance(0.4):
        with k.if_(current < v):
            k.discard(k.atomic("add", tried, cell, 1))


@CATEGORY.motif()
def claim_once(k: Kit) -> None:
    """The first thread to reach a cell owns it."""
    cells = k.rng.choice((16, 32, 64))
    axes = k.rng.choice((1, 1, 2, 3))
    names = ("cell|node|site|target", "cj|col|y", "ck|layer|z")
    spans = {1: cells, 2: 8, 3: 4}[axes]
    place = tuple(k.load(names[a], I32, 0, spans - 1) for a in range(axes))
    owner = k.output("owner|claimed|lock|state", I32, axes)
    i = k.cast(k.flat, I32)
    style = k.rng.choice(("cas", "exch", "add"))
    if style == "cas":
        old = k.define(
            "old|previous|prior", atomically(k, "cas", owner, place, 0, k.let("mine|tag|ticket", i + 1))
        )
    elif style == "exch":
        old = k.define("old|previous|last", atomically(k, "exch", owner, place, i + 1))
    else:
        old = k.define("order|arrival|rank", k.atomic("add", owner, place, 1))
    won = k.output("winners|num_claimed|wins", I32)
    with k.if_(old.eq(0)):
        k.discard(k.atomic("add", won, 0, 1))
        if k.rng.chance(0.6):
            total = k.output("claimed_sum|value_sum|gain", k.real)
            k.discard(k.atomic("add", total, place[0], k.input("value|gain|weight", k.real, 0.1, 1.0)))


@CATEGORY.motif()
def linked_lists(k: Kit) -> None:
    """Build per-cell linked lists by exchanging heads."""
    cells = k.rng.choice((16, 32, 64))
    p = k.input("x|position|coord", k.real, 0.0, 1.0)
    cell = bin_of(k, "cell|c|bucket", p, cells, 0.0, 1.0)
    heads = k.inout("heads|head|first", I32, kind="constant")
    heads.spec.value = -1.0
    links = k.output("next_index|links|nexts", I32)
    i = k.cast(k.flat, I32)
    old = k.define("old_head|prev|previous", atomically(k, "exch", heads, cell, i))
    k.store(links, k.flat, old)
    if k.rng.chance(0.4):
        k.discard(k.atomic("add", k.output("cell_counts|lengths", I32), cell, 1))


@CATEGORY.motif()
def spend_budget(k: Kit) -> None:
    """Take from a shared supply while there is some."""
    kind = k.rng.choice((I32, k.real, I32))
    depots = k.rng.choice((1, 4, 8))
    d: Any = 0 if depots == 1 else k.load("depot|bank|zone", I32, 0, depots - 1)
    need = (
        k.load("demand|need|request", kind, 1, 5)
        if kind is I32
        else k.input("demand|need|request", kind, 0.1, 2.0)
    )
    supply = k.inout("supply|budget|stock|capacity", kind, kind="constant")
    supply.spec.value = float(k.rng.choice((50, 80, 100)))
    left = k.define("left|remaining|before", k.atomic("sub", supply, d, need).within(-1e3, 100))
    got = k.var("granted|got|served", 0, kind, lo=0, hi=5)
    with k.if_(left >= need):
        k.set(got, need)
    if k.rng.chance(0.5):
        with k.else_():
            k.discard(k.atomic("add", supply, d, need))
    k.give("granted|served|got", got)


@CATEGORY.motif()
def wide_sums(k: Kit) -> None:
    """Sums of several types and shapes into shared totals."""
    kinds = [
        vec(2, F32),
        vec(4, F32),
        mat(2, 2, F32),
        mat(3, 3, F32),
        vec(3, I32),
        vec(2, F64),
        F64,
        I64,
        U64,
    ]
    for n, kind in enumerate(k.rng.sample(kinds, k.rng.integer(1, 3))):
        names = ("value|moment|item", "other|second|extra", "third|aux|more")[n]
        v = k.load(names, kind, 0 if kind.is_unsigned else -4, 4)
        total = k.output(f"{names.split('|')[0]}_total|sum_{n}|acc", kind)
        slot: Any = 0 if k.rng.chance(0.5) else k.cast(k.flat, I32) % k.rng.choice((4, 8))
        form = k.rng.choice(("add", "add", "sub"))
        if k.rng.chance(0.3):
            k.accumulate(total, slot, v, "-" if form == "sub" else "+")
        else:
            k.discard(k.atomic(form, total, slot, v))


@CATEGORY.motif(rank=4)
def block_table(k: Kit) -> None:
    """Accumulate a four-dimensional table."""
    i, j, m, n = k.place
    v = k.input("value|x|entry", k.real, -1.0, 1.0)
    table = k.output("table|tensor|acc|blocks", k.real, k.rng.choice((4, 3, 2)))
    keys = {4: (j, i, n, m), 3: (i, j, m), 2: (m, n)}[table.spec.ndim]
    k.discard(k.atomic(k.rng.choice(("add", "sub", "max")), table, keys, v))
    hits = k.output("hits|signs|positives", I32, 4)
    with k.if_(v > k.number(0.0, 0.3)):
        k.discard(k.atomic("add", hits, (i, j, m, n), 1))


@CATEGORY.motif()
def running_ticket(k: Kit) -> None:
    """Draw tickets and write results in the order of arrival."""
    counter = k.output("ticket|next_ticket|cursor", I32)
    batch = k.rng.choice((1, 1, 2, 4))
    total = 1
    for extent in k.draft.shape:
        total *= extent
    v = k.input("value|x|v", k.real, -2.0, 2.0)
    log = k.output("log|ordered|queue", k.real)
    mid = (v.lo + v.hi) / 2
    k.forward_only()
    with k.if_(v > k.param("threshold|cutoff|level", k.real, mid - 0.2 * (v.hi - v.lo), mid)):
        ticket = k.define("ticket|t|mine", k.atomic("add", counter, 0, batch).within(0, batch * (total - 1)))
        for b in range(batch):
            term = v if b == 0 else v * float(b + 1)
            k.store(log, ticket + b if b else ticket, term)
    if k.rng.chance(0.3):
        last = k.output("last_writer|latest", I32)
        k.discard(atomically(k, "exch", last, 0, k.cast(k.flat, I32)))
