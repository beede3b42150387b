"""What scans are for: compaction, and runs of equal keys."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.parallel import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "x": "data|src|values|elements",
    "tid": "i",
    "block": "b|block_id|chunk",
    "flags": "keep|mask|predicate|is_valid",
    "counter": "count|num_kept|cursor",
    "counters": "counts|cursors|num_written",
}


@DOMAIN.algorithm(
    source="Billeter, Olsson & Assarsson 2009, Efficient Stream Compaction on Wide SIMD Architectures",
    names=_NAMES
    | {
        "stream_compact": "compact|filter_elements|gather_valid|append_survivors",
        "slot": "dst_idx|at|out_index",
    },
    adjoint="no",
)
def stream_compact(d: Draft) -> None:
    """Compacts the array elements that pass a test."""
    place = d.option("place", "counted", "atomic", "block", "partition")
    d.calls({
        "counted": "compact_in_order|stable_compact|compact_by_count",
        "atomic": "stream_compact|filter_elements|append_survivors|gather_valid",
        "block": "compact_chunks|filter_chunks|compact_blocks",
        "partition": "partition_elements|split_by_test|two_way_partition",
    }[place])  # fmt: skip
    test = d.option("test", "flag", "threshold", "range", "sentinel", "norm")
    stored = d.option("stored", "value", "index", "both")
    n = d.pick(64, 96, 128)
    entry = "vec3" if test == "norm" else "int" if test == "sentinel" else "float"
    low, high = (-4, 12) if entry == "int" else (-1.0, 1.0)
    if test == "flag":
        d.mask("flags", "int", n, about="keep mask, nonzero for elements to keep")
    d.input("x", entry, n, low, high)
    if test in ("threshold", "norm"):
        low, high = (0.6, 1.1) if test == "norm" else (0.1, 0.4)
        d.param("cutoff", "float", low, high, about="cutoff, values above it are kept")
    elif test == "range":
        d.param("lower", "float", -0.6, -0.3, about="lower bound (inclusive)")
        d.param("upper", "float", 0.2, 0.7, about="upper bound (exclusive)")
    passes = {
        "flag": "flags[tid] != 0",
        "threshold": "x[tid] > cutoff",
        "range": "x[tid] >= lower and x[tid] < upper",
        "sentinel": "x[tid] >= 0",
        "norm": "wp.length(x[tid]) > cutoff",
    }[test]
    fails = {
        "flag": "flags[tid] == 0",
        "threshold": "x[tid] <= cutoff",
        "range": "x[tid] < lower or x[tid] >= upper",
        "sentinel": "x[tid] < 0",
        "norm": "wp.length(x[tid]) <= cutoff",
    }[test]

    def kept(v: Values) -> Any:
        return {
            "flag": lambda: v.flags != 0,
            "threshold": lambda: v.x > v.cutoff,
            "range": lambda: (v.x >= v.lower) & (v.x < v.upper),
            "sentinel": lambda: v.x >= 0,
            "norm": lambda: np.linalg.norm(v.x, axis=-1) > v.cutoff,
        }[test]()

    whose = "each chunk" if place == "block" else "an array"
    many = {
        "flag": "are flagged",
        "threshold": "exceed a cutoff",
        "range": "lie within bounds",
        "sentinel": "are non-negative",
        "norm": "are longer than a cutoff",
    }[test]
    those = {
        "flag": "the flagged elements",
        "threshold": "the elements above a cutoff",
        "range": "the elements within bounds",
        "sentinel": "the non-negative elements",
        "norm": "the vectors longer than a cutoff",
    }[test] + f" in {whose}"
    what = {"value": those, "index": f"the indices of {those}", "both": f"{those} and their indices"}[stored]
    whole = {"value": "an array", "index": "the indices of an array", "both": "an array and its indices"}[
        stored
    ]
    outputs = {"value": ("packed",), "index": ("index",), "both": ("packed", "index")}[stored]
    if place == "atomic":
        d.inout("counter", "int", 1, value=0.0, about="output counter")
    elif place == "partition":
        d.param("num_elements", "int", n, about="number of array elements")
        d.inout("counters", "int", 2, value=0.0, about="output counters, kept and rejected")
    for name in outputs:
        d.output(name, entry if name == "packed" else "int", n)
    if place == "block":
        d.output("kept", "int", n // 16, about="number of elements kept per chunk")
    store = "\n".join(
        "packed[slot] = x[tid]" if name == "packed" else "index[slot] = tid" for name in outputs
    )
    if place == "counted":
        d.launch(n)
        d.code(
            f"""
            tid = wp.tid()
            if {fails}:
                return
            # Output index = number of kept elements before this one
            slot = int(0)
            for e in range(tid):
                if {passes.replace("tid", "e")}:
                    slot += 1
            $store
            """,
            store=store,
        )
        d.says(f"Compacts {what} in order; each thread counts the kept elements before its own.")
    elif place == "atomic":
        d.launch(n)
        d.code(
            f"""
            tid = wp.tid()
            if {fails}:
                return
            # Output order depends on thread scheduling
            slot = wp.atomic_add(counter, 0, 1)
            $store
            """,
            store=store,
        )
        d.says(f"Appends {what} to an output array using an atomic counter (unordered).")
    elif place == "partition":
        d.launch(n)
        d.code(
            f"""
            tid = wp.tid()
            if {passes}:
                slot = wp.atomic_add(counters, 0, 1)
            else:
                # Write rejected elements from the back
                slot = num_elements - 1 - wp.atomic_add(counters, 1, 1)
            $store
            """,
            store=store,
        )
        d.says(f"Partitions {whole}: elements that {many} go to the front, all others to the back.")
    else:
        d.module("CHUNK = wp.constant(16)")
        d.launch(n // 16)
        d.code(
            f"""
            block = wp.tid()
            slot = block * CHUNK
            for e in range(block * CHUNK, (block + 1) * CHUNK):
                if {passes.replace("tid", "e")}:
                    $store
                    slot += 1
            kept[block] = slot - block * CHUNK
            """,
            store=store.replace("tid", "e"),
        )
        d.says(f"Compacts {what} to the start of the chunk, preserving order.")
    if place in ("counted", "block"):

        def reference(v: Values) -> dict[str, Any]:
            live = kept(v)
            made = {"packed": np.zeros_like(v.x), "index": np.zeros(n, np.int64)}
            if place == "counted":
                made["packed"][: live.sum()] = v.x[live]
                made["index"][: live.sum()] = np.flatnonzero(live)
            else:
                for first in range(0, n, 16):
                    at = first + np.flatnonzero(live[first : first + 16])
                    made["packed"][first : first + len(at)] = v.x[at]
                    made["index"][first : first + len(at)] = at
                made["kept"] = live.reshape(-1, 16).sum(axis=1)
            return {p.name: made[p.name] for p in d.parameters if p.name in made}

        d.check(reference)
    else:

        def holds(before: Values, after: Values) -> None:
            live = kept(before)
            number = int(live.sum())
            np.testing.assert_array_equal(after["counter" if place == "atomic" else "counters"][0], number)
            if place == "partition":
                np.testing.assert_array_equal(after.counters[1], n - number)
            parts = [(slice(0, number), live)]
            if place == "partition":
                parts.append((slice(number, n), ~live))
            for where, chosen in parts:
                if "index" in outputs:
                    np.testing.assert_array_equal(np.sort(after.index[where]), np.flatnonzero(chosen))
                if "packed" in outputs:
                    found, wanted = (
                        after.packed[where].reshape(-1, 3 if entry == "vec3" else 1),
                        before.x[chosen],
                    )
                    wanted = wanted.reshape(found.shape)
                    np.testing.assert_array_equal(found[np.lexsort(found.T)], wanted[np.lexsort(wanted.T)])

        d.holds(holds)


@DOMAIN.algorithm(
    source="Run-length encoding by heads of runs: Merrill & Grimshaw 2010; Thrust unique_by_key",
    names=_NAMES
    | {
        "run_lengths": "measure_runs|lengths_of_runs|segment_lengths",
        "keys": "labels|cells|sorted_keys|codes",
        "pairs": "key_pairs|pair_keys",
        "length": "run_length|run_size",
    },
    adjoint="no",
)
def run_lengths(d: Draft) -> None:
    """Computes the length of each run of equal keys in a sorted array."""
    form = d.option("form", "walk", "cell bounds", "flags")
    if form != "walk":
        d.calls(
            "find_segments|find_cell_bounds"
            if form == "cell bounds"
            else "mark_runs|boundary_flags|flag_heads"
        )
    empty = d.option("empty", -1, 0)
    place = d.option("place", "at head", "at every element")
    kind = d.option("keys", "int", "pair")
    n, keys = d.pick(64, 96, 128), d.pick(12, 20, 28)
    if form == "cell bounds":
        kind = "int"
    if kind == "pair":
        d.input("pairs", "vec2i", n, 0, 2, about="key pairs")
        differ = "pairs[$a][0] != pairs[$b][0] or pairs[$a][1] != pairs[$b][1]"
        same = "pairs[$a][0] == pairs[$b][0] and pairs[$a][1] == pairs[$b][1]"
    else:
        d.input("keys", "int", n, 0, keys, kind="ascending", about="sorted keys")
        if form != "flags":
            d.param("num_keys", "int", n, about="number of keys")
        differ = "keys[$a] != keys[$b]"
        same = "keys[$a] == keys[$b]"

    def with_(text: str, a: str, b: str) -> str:
        return text.replace("$a", a).replace("$b", b)

    d.launch(n)
    if form == "cell bounds":
        d.inout("cell_start", "int", keys, value=float(empty), about="index of the first element per cell")
        d.inout("cell_end", "int", keys, value=float(empty), about="one past the last element per cell")
        d.code(
            """
            tid = wp.tid()
            key = keys[tid]
            # Only the first and last element of a run write, so there are no write conflicts
            if tid == 0 or keys[tid - 1] != key:
                cell_start[key] = tid
            if tid == num_keys - 1 or keys[tid + 1] != key:
                cell_end[key] = tid + 1
            """
        )
        d.says("Finds the start and end index of each key in a sorted array.")
    elif form == "flags":
        d.output("head", "int", n, about="head flags, 1 at the start of each run")
        new = with_(differ, "tid", "tid - 1")
        mark = f"head[tid] = wp.where({new}, 1, 0)"
        if place == "at head":
            mark = f"head[tid] = 1 if {new} else 0"
        d.code(
            """
            tid = wp.tid()
            if tid == 0:
                head[tid] = 1
                return
            $mark
            """,
            mark=mark,
        )
        d.says(f"Flags the first element of each run of equal {'pairs' if kind == 'pair' else 'keys'}.")
    else:
        d.output(
            "length",
            "int",
            n,
            about="run length at the first element of each run, 0 elsewhere"
            if place == "at head"
            else "run length per element",
        )
        back = f"""
        first = tid
        while first > 0 and {with_(same, "first - 1", "tid")}:
            first -= 1
        """
        leave = f"if tid > 0 and {with_(same, 'tid - 1', 'tid')}:\n    length[tid] = 0\n    return"
        d.code(
            f"""
            tid = wp.tid()
            $begin
            last = tid
            while last + 1 < {"pairs.shape[0]" if kind == "pair" else "num_keys"} and {with_(same, "last + 1", "tid")}:
                last += 1
            length[tid] = last - {"tid" if place == "at head" else "first"} + 1
            """,
            begin=leave if place == "at head" else back,
        )
        if place == "at every element":
            d.says("Computes the run length for each array element.")
        elif kind == "pair":
            d.says("Computes the length of each run of equal pairs, stored at the first element.")
        else:
            d.says(
                "Computes the length of each run of equal keys in a sorted array, stored at the first element."
            )

    def reference(v: Values) -> dict[str, Any]:
        key = v["pairs" if kind == "pair" else "keys"].reshape(n, -1)
        new = np.ones(n, bool)
        new[1:] = (key[1:] != key[:-1]).any(axis=1)
        run = np.cumsum(new) - 1
        size = np.bincount(run)[run]
        if form == "cell bounds":
            value = key[:, 0]
            present = np.isin(np.arange(keys), value)
            first = np.searchsorted(value, np.arange(keys), "left")
            last = np.searchsorted(value, np.arange(keys), "right")
            return {"cell_start": np.where(present, first, empty), "cell_end": np.where(present, last, empty)}
        if form == "flags":
            return {"head": new.astype(int)}
        return {"length": np.where(new, size, 0) if place == "at head" else size}

    d.check(reference)
