"""Counting and looking up: histograms, buckets, hash tables."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.parallel import DOMAIN
from warpgen.synthesis.library import hashing, searching
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "x": "samples|data|values|signal",
    "hist": "counts|bins|histogram",
    "edges": "bin_edges|boundaries|breaks",
    "b": "bin_id|bin|bucket",
    "tid": "i",
    "keys": "queries|ids|codes",
    "slot": "pos|place|cell",
    "table": "slots|hash_keys|table_keys",
    "values": "payload|items|data_in",
    "probe": "step|attempt|tries",
}


@DOMAIN.algorithm(
    source="Podlozhnyuk 2007, Histogram Calculation in CUDA; Gomez-Luna et al. 2013",
    names=_NAMES | {"histogram": "bin_samples|count_bins|accumulate_histogram|binning"},
    adjoint="no",
)
def histogram(d: Draft) -> None:
    """Computes a histogram of samples."""
    form = d.option("form", "atomic", "private rows", "tile", "per bin", "chunks")
    binning = d.option("binning", "width", "logarithm", "edges", "integer", "pairs")
    weighted = d.flag("weighted", 0.4)
    outliers = d.option("outliers", "clamp", "drop")
    bins = d.pick(8, 12, 16)
    chunk, blocks = d.pick(12, 16, 20), d.pick(6, 8, 10)
    n = chunk * blocks
    if form == "tile":
        binning = "integer" if binning in ("edges", "pairs") else binning
        weighted = False
    if form == "per bin" and binning == "pairs":
        binning = "width"
    outside = 0.1 if outliers == "drop" else 0.2
    entry, low, high, about = {
        "logarithm": ("float", 0.5, 12.0, "positive samples"),
        "integer": ("int", -1, bins + 2, "bin index per sample"),
        "pairs": ("vec2", -outside, 1.0 + outside, "samples"),
    }.get(binning, ("float", -outside, 1.0 + outside, "samples"))
    d.input("x", entry, n, low, high, about=about)
    if weighted:
        d.input("w", "float", n, 0.1, 1.0, about="weight per sample")
    find = d.option("search", *searching.WAYS)
    if binning == "edges":
        d.input("edges", "float", bins + 1, 0.0, 1.0, kind="ascending", about="bin edges, ascending")
    size = d.pick(4, 5)
    kind = "float" if weighted else "int"
    if binning == "pairs":
        bins = size * size
    shape: Any = {"private rows": (blocks, bins), "chunks": (blocks, bins)}.get(form, bins)
    per_chunk = " of each chunk" if form in ("private rows", "chunks") else ""
    d.output("hist", kind, shape, about=f"histogram{per_chunk}")
    per_axis = "BINS_PER_AXIS" if binning == "pairs" else "NUM_BINS"
    d.module(f"{per_axis} = wp.constant({size if binning == 'pairs' else bins})")
    if form in ("private rows", "chunks", "tile"):
        d.module(f"CHUNK = wp.constant({chunk})")
    last = f"{per_axis} - 1"
    place = {
        "width": "b = int(wp.floor(x[$i] * float(NUM_BINS)))",
        "logarithm": "b = int(wp.floor(float(NUM_BINS) * wp.log10(x[$i])))",
        "integer": "b = x[$i]",
        "edges": "",
        "pairs": "bx = int(wp.floor(x[$i][0] * float(BINS_PER_AXIS)))\n"
        "by = int(wp.floor(x[$i][1] * float(BINS_PER_AXIS)))",
    }[binning]
    if binning == "edges":
        name = d.use(searching.FLOATS[find])
        place = "# Find the last edge less than the sample\n"
        place += f"b = {name}(edges, 0, edges.shape[0], x[$i]) - 1"
    leave = "return" if form in ("atomic", "private rows") else "continue"
    if binning == "pairs":
        guard = f"if bx < 0 or by < 0 or bx >= BINS_PER_AXIS or by >= BINS_PER_AXIS:\n    {leave}\n"
        guard += "b = by * BINS_PER_AXIS + bx"
        if outliers == "clamp":
            guard = f"b = wp.clamp(by, 0, {last}) * BINS_PER_AXIS + wp.clamp(bx, 0, {last})"
    else:
        guard = f"if b < 0 or b >= NUM_BINS:\n    {leave}"
        if outliers == "clamp":
            guard = f"# Clamp outliers to the first and last bin\nb = wp.clamp(b, 0, {last})"
    weight = "w[$i]" if weighted else "1"

    if form == "per bin" and outliers == "drop":
        guard = ""  # what is in none of the bins is not in this one either

    def at(i: str) -> str:
        return f"{place}\n{guard}".replace("$i", i)

    if form == "atomic":
        d.launch(n)
        d.code(f"tid = wp.tid()\n$bin\nwp.atomic_add(hist, b, {weight.replace('$i', 'tid')})", bin=at("tid"))
    elif form == "private rows":
        d.launch(n)
        d.code(
            f"""
            tid = wp.tid()
            $bin
            # Use a private histogram per chunk to reduce contention
            wp.atomic_add(hist, tid // CHUNK, b, {weight.replace("$i", "tid")})
            """,
            bin=at("tid"),
        )
        d.says(
            "Counts how many samples of each chunk fall into each bin, using one private histogram per chunk."
        )
    elif form == "chunks":
        d.launch(blocks)
        d.code(
            f"""
            chunk = wp.tid()
            for i in range(chunk * CHUNK, (chunk + 1) * CHUNK):
                $bin
                # The row is private to this thread, so we don't need atomics
                hist[chunk, b] += {weight.replace("$i", "i")}
            """,
            bin=at("i"),
        )
        d.says("Counts how many samples of each chunk fall into each bin, using one thread per chunk.")
    elif form == "tile":
        d.launch(blocks, tiled=True)
        d.code(
            """
            block, lane = wp.tid()
            local = wp.tile_zeros(shape=NUM_BINS, dtype=int, storage="shared")
            for first in range(0, CHUNK, wp.block_dim()):
                i = block * CHUNK + first + lane
                inside = first + lane < CHUNK
                b = int(0)
                if inside:
                    $bin
                # Collective operation, all threads in the block must participate
                wp.tile_scatter_add(local, b, 1, inside)
            wp.tile_atomic_add(hist, local)
            """,
            bin=at("i").replace(
                "if b < 0 or b >= NUM_BINS:\n    continue", "inside = b >= 0 and b < NUM_BINS"
            ),
        )
        d.says("Counts samples per bin using a shared-memory histogram per block.")
    else:
        d.launch(bins)
        d.code(
            f"""
            mine = wp.tid()
            {"weight" if weighted else "count"} = {kind}({"0.0" if weighted else "0"})
            for i in range(x.shape[0]):
                $bin
                if b == mine:
                    {"weight" if weighted else "count"} += {weight.replace("$i", "i")}
            hist[mine] = {"weight" if weighted else "count"}
            """,
            bin=at("i"),
        )
        d.says("Counts the samples of each bin, using one thread per bin that reads all samples.")
    if weighted:
        d.calls("weighted_histogram|bin_weights|accumulate_weights")
        d.sentence = d.sentence or "Counts how many samples fall into each bin."
        d.sentence = (
            d.sentence.replace("Counts how many samples", "Sums the weights of samples that")
            .replace("Counts the samples", "Sums the weights of the samples")
            .replace("samples that of each chunk fall", "the samples of each chunk that fall")
        )

    bin_said = {
        "width": "bin of the unit interval",
        "pairs": "bin of the unit square",
        "logarithm": "logarithmic bin between 1 and 10",
    }.get(binning, "bin")
    d.sentence = d.sentence or "Counts how many samples fall into each bin."
    d.sentence = re.sub(r"\b(each|per) bin\b", rf"\1 {bin_said}", d.sentence, count=1)
    fate = "are clamped to the first or last bin" if outliers == "clamp" else "are ignored"
    d.sentence = f"{d.sentence.rstrip('.')}; outliers {fate}."

    def reference(v: Values) -> dict[str, Any]:
        count = size if binning == "pairs" else bins
        if binning == "edges":
            b = np.searchsorted(v.edges, v.x, "left") - 1
        elif binning == "logarithm":
            b = np.floor(bins * np.log10(v.x)).astype(int)
        else:
            b = v.x if binning == "integer" else np.floor(v.x * count).astype(int)
        keep = np.ones(n, bool)
        if outliers == "clamp":
            b = np.clip(b, 0, count - 1)
        else:
            keep = ((b >= 0) & (b < count)).reshape(n, -1).all(axis=1)
        if binning == "pairs":
            b = b[:, 1] * size + b[:, 0]
        w = v.w if weighted else np.ones(n)
        made = np.zeros((blocks, bins))
        np.add.at(made, (np.arange(n)[keep] // chunk, b[keep]), w[keep])
        made = made if len(np.shape(shape)) else made.sum(axis=0)
        return {"hist": made if weighted else made.astype(int)}

    d.check(reference)


@DOMAIN.algorithm(
    source="Alcantara et al. 2009, Real-Time Parallel Hashing on the GPU; Knuth 6.4 (open addressing)",
    names=_NAMES
    | {
        "hash_table": "hash_insert|table_insert|build_hash_table",
        "keys": "ids|codes|key_list",
        "counts": "occurrences|key_counts|number_of",
        "stored": "table_values|stored_values|slot_values",
        "capacity": "table_size|num_slots",
    },
    adjoint="no",
    weight=4,
)
def hash_table(d: Draft) -> None:
    """Inserts keys into an open-addressing hash table using atomic compare-and-swap."""
    task = d.option("task", "insert", "lookup", "count", "slot of key")
    d.calls({
        "insert": "hash_insert|table_insert|build_hash_table",
        "lookup": "bucket_lookup|table_lookup|find_keys",
        "count": "hash_count|count_keys|count_occurrences",
        "slot of key": "probe_slots|probe_sequence|first_slots",
    }[task])  # fmt: skip
    function = d.option("hash", *hashing.HASHES)
    probing = d.option("probing", "linear", "quadratic", "double")
    power = d.option("capacity", "power of two", "any")
    payload = d.flag("payload")
    if task == "lookup":
        _lookup(d, payload)
        return
    if probing == "quadratic":
        power = "power of two"
    capacity = 256 if power == "power of two" else 251
    n = d.pick(64, 96)
    within = "& wp.uint32(capacity - 1)" if power == "power of two" else "% wp.uint32(capacity)"
    home = f"int({d.use(function)}(key) {within})"
    step = {
        "linear": "slot = (slot + 1) % capacity",
        "quadratic": "# Triangular probing reaches all slots because the table size is a power of two\n"
        "slot = (slot + probe + 1) % capacity",
        "double": "slot = (slot + stride) % capacity",
    }[probing]
    why = (
        "Odd and therefore coprime to the table size"
        if power == "power of two"
        else "The table size is prime"
    )
    stride = f"# {why}, so that all slots get visited\nstride = 1 + 2 * (key % 31)"
    stride = stride if probing == "double" else ""
    about = {"slot of key": "keys to look for", "count": "keys to count"}.get(task, "keys to insert")
    about += " (non-negative)"
    d.input("keys", "int", n, 0, 60 if task == "count" else 100000, about=about)
    if task == "slot of key":
        payload = False
        d.param("capacity", "int", capacity, about="number of slots")
        d.param("num_probes", "int", 4, about="number of probes per key")
        d.output("slots", "int", (n, 4), about="probe sequence per key")
        d.launch(n)
        d.code(
            f"""
            tid = wp.tid()
            key = keys[tid]
            slot = {home}
            $stride
            for probe in range(num_probes):
                slots[tid, probe] = slot
                $step
            """,
            stride=stride,
            step=step,
        )
        d.says("Computes the first slots of the hash table probe sequence for each key.")

        def reference(v: Values) -> dict[str, Any]:
            slot = function(v["keys"]) % capacity
            made = []
            for probe in range(4):
                made.append(slot)
                move: Any = {"linear": 1, "quadratic": probe + 1, "double": 1 + 2 * (v["keys"] % 31)}[probing]
                slot = (slot + move) % capacity
            return {"slots": np.stack(made, axis=1)}

        d.check(reference)
        return
    if payload and task == "insert":
        d.input("values", "int", n, 0, 1000, about="value per key")
    d.param("capacity", "int", capacity, about="number of slots")
    # the table and the counters begin empty
    d.inout("table", "int", capacity, value=-1.0, about="hash table keys, -1 for empty slots")
    if task == "count":
        d.inout("counts", "int", capacity, value=0.0, about="number of occurrences per slot")
    elif payload:
        d.inout("stored", "int", capacity, value=0.0, about="value per slot")
    if task == "insert":
        d.output("slot_of", "int", n, about="slot index per key, -1 if the table is full")
    put = "# Duplicate keys: any one of the values may win\nstored[slot] = values[tid]" if payload else ""
    if task == "count":
        put = "wp.atomic_add(counts, slot, 1)"
    done = "slot_of[tid] = slot" if task == "insert" else ""
    d.launch(n)
    d.code(
        f"""
        tid = wp.tid()
        key = keys[tid]
        slot = {home}
        $stride
        $none
        for probe in range(capacity):
            # -1 marks an empty slot; another thread may already have inserted the same key
            old = wp.atomic_cas(table, slot, -1, key)
            if old == -1 or old == key:
                $put
                $done
                return
            $step
        """,
        stride=stride,
        put=put,
        none="slot_of[tid] = -1" if task == "insert" else "",
        done=done,
        step=step,
    )
    if payload and task == "insert":
        d.says("Inserts key-value pairs into an open-addressing hash table using atomic compare-and-swap.")
    if task == "count":
        d.says("Counts occurrences of each key using an open-addressing hash table.")

    def holds(before: Values, after: Values) -> None:
        keys = before["keys"]
        distinct, number = np.unique(keys, return_counts=True)
        entries = after.table[after.table >= 0]
        np.testing.assert_array_equal(np.sort(entries), distinct)
        if task == "insert":
            np.testing.assert_array_equal(after.table[after.slot_of], keys)
            if payload:
                for key, slot in zip(keys, after.slot_of, strict=True):
                    assert after.stored[slot] in before["values"][keys == key]
        else:
            at = np.argsort(np.where(after.table >= 0, after.table, 1 << 30), kind="stable")[: len(distinct)]
            np.testing.assert_array_equal(after.counts[at], number)

    d.holds(holds)


def _lookup(d: Draft, payload: bool) -> None:
    """Looks up keys in a bucketed hash table."""
    n, buckets, ways = d.pick(64, 96), d.pick(32, 64), 4
    d.module(f"SLOTS_PER_BUCKET = wp.constant({ways})")
    d.input("keys", "int", n, 0, 5 * buckets, about="keys to look up (non-negative)")
    d.input("tags", "int", (buckets, ways), -1, 5, about="key tag per slot, -1 for empty slots")
    if payload:
        d.input("stored", "int", (buckets, ways), 0, 1000, about="value per slot")
    d.output("found", "int", n, about=f"{'value' if payload else 'slot'} per key, -1 if not found")
    d.launch(n)
    d.code(f"""
        tid = wp.tid()
        # Remainder selects the bucket, quotient is the tag
        bucket = keys[tid] % tags.shape[0]
        tag = keys[tid] // tags.shape[0]
        found[tid] = -1
        for slot in range(SLOTS_PER_BUCKET):
            if tags[bucket, slot] == tag:
                found[tid] = {"stored[bucket, slot]" if payload else "bucket * SLOTS_PER_BUCKET + slot"}
                return
    """)
    what = "values" if payload else "slots"
    d.says(f"Looks up the {what} of keys in a bucketed hash table, or -1 if a key is not found.")

    def looked_up(v: Values) -> dict[str, Any]:
        held = v.tags * buckets + np.arange(buckets)[:, None]  # the keys themselves, negative for empty slots
        same = v["keys"][:, None] == held.ravel()
        at = same.argmax(axis=1)
        found = v.stored.ravel()[at] if payload else at
        return {"found": np.where(same.any(axis=1), found, -1)}

    d.check(looked_up)
