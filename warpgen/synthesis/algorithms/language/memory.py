"""Slots that threads take from each other, and memory of one thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.language import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_Formulas = dict[str, Callable[[], Any]]


@DOMAIN.algorithm(
    source="Herlihy 1991; Warp manual, Atomics",
    names={
        "claimed_slots": "atomic_slots|claim_kernel|shared_state",
        "keys": "slot_ids|slot_of|targets",
        "slots": "table|slot_table",
        "previous": "old|before|seen",
        "left": "remaining|budget|stock",
        "worth": "costs|demand|amounts",
    },
    adjoint="no",
    weight=2,
)
def claimed_slots(d: Draft) -> None:
    """Resolves thread contention for shared slots using atomics."""
    kind = d.option("kind", "first claim", "last seen", "budget", "linked list", "first set bit", "spend")
    d.calls({
        "first claim": "claim_slots|atomic_claim|first_claim",
        "last seen": "exchange_slots|swap_into_slots|last_seen",
        "budget": "spend_budget|take_from_stock|draw_down",
        "linked list": "build_linked_lists|chain_threads|link_entries",
        "first set bit": "mark_flags|set_flag_bits|count_first_setters",
        "spend": "take_from_stock|spend_stock|withdraw_amounts",
    }[kind])  # fmt: skip
    guarded = d.flag("guarded")
    kept = d.flag("kept")
    told = "records" if kept else "counts"
    d.says({
        "first claim": f"Claims each slot for a single thread using atomic compare-and-swap and {told} the winners.",
        "last seen": f"Stores thread indices in shared slots using atomic exchange{' and returns the previous values' if kept else '; the last writer wins'}.",
        "budget": f"Withdraws amounts from shared budgets if sufficient, and {told} successful threads.",
        "linked list": "Builds per-slot linked lists of threads using atomic exchange.",
        "first set bit": f"Sets flags in a shared bitset and {told} the threads that set a flag first.",
        "spend": "Subtracts amounts from shared budgets using atomics.",
    }[kind])  # fmt: skip
    n, m = d.pick(64, 96, 128), d.pick(8, 12, 16)
    held = "heads" if kind == "linked list" else "slots"
    d.input(
        "keys",
        "int",
        n,
        -2 if guarded else 0,
        m,
        about="slot index per thread" + (", negative for none" if guarded else ""),
    )
    skip = "# Skip threads without a slot\nif slot < 0:\n    return" if guarded else ""
    if kind in ("budget", "spend"):
        d.input("worth", "int", n, 1, 6, about="requested amount per thread")
        d.inout(
            "left",
            "int",
            m,
            about="remaining budget per slot",
            value=1000.0 if kind == "spend" else float(d.pick(8, 12)),
        )
    elif kind == "first set bit":
        d.input("flag", "int", n, 0, 8, about="flag index per thread")
        d.output("words", "uint32", m, about="one bit per flag")
    else:
        about = "list heads, -1 if empty" if kind == "linked list" else "thread index per slot, -1 if empty"
        d.inout(held, "int", m, value=-1.0, about=about)
    if kind == "linked list":
        d.output("next_in_list", "int", n, about="next entry in the list, -1 at the end")
    elif kind in ("budget", "first claim", "first set bit"):
        d.output(
            "won", "int", n if kept else 1, about="1 for winning threads" if kept else "number of winners"
        )
    elif kind == "last seen" and kept:
        d.output("previous", "int", n, about="previous thread index, -1 if none")
    win = "won[tid] = 1" if kept else "wp.atomic_add(won, 0, 1)"
    body = {
        "first claim": "# We won the slot if the old value is -1\n"
        f"if wp.atomic_cas(slots, slot, -1, tid) == -1:\n    {win}",
        "last seen": f"{'previous[tid] = ' if kept else ''}wp.atomic_exch(slots, slot, tid)",
        "budget": f"price = worth[tid]\nif wp.atomic_sub(left, slot, price) >= price:\n    {win}\nelse:\n"
        "    # Insufficient budget: refund (a smaller request may have failed in the meantime)\n    wp.atomic_add(left, slot, price)",
        "spend": "wp.atomic_sub(left, slot, worth[tid])",
        "linked list": "# Push to the front of the list: swap the head and link to the old one\n"
        "next_in_list[tid] = wp.atomic_exch(heads, slot, tid)",
        "first set bit": "bit = wp.uint32(1) << wp.uint32(flag[tid])\nbefore = wp.atomic_or(words, slot, bit)\n"
        f"if (before & bit) == wp.uint32(0):\n    {win}",
    }[kind]
    d.launch(n)
    d.code("tid = wp.tid()\nslot = keys[tid]\n$skip\n$body", skip=skip, body=body)

    def consistent(before: Values, after: Values) -> None:
        active = np.flatnonzero(before["keys"] >= 0)
        keys = before["keys"][active]
        used = np.unique(keys)
        if kind == "first claim":
            assert (after.slots[np.setdiff1d(np.arange(m), used)] == -1).all()
            assert (before["keys"][after.slots[used]] == used).all()
            assert after.won.sum() == len(used)
            if kept:
                assert (after.won[after.slots[used]] == 1).all()
        elif kind == "last seen":
            assert (before["keys"][after.slots[used]] == used).all()
            assert (after.slots[np.setdiff1d(np.arange(m), used)] == -1).all()
            if kept:
                left_over = np.concatenate([after.previous[active], after.slots[used]])
                # each number is either still there or was taken by one other
                assert sorted(left_over[left_over >= 0]) == sorted(active)
        elif kind == "linked list":
            for slot in range(m):
                at = after.heads[slot]
                seen: list[int] = []
                while at >= 0 and len(seen) <= n:
                    seen.append(int(at))
                    at = after.next_in_list[at]
                assert sorted(seen) == sorted(active[keys == slot])
        elif kind == "first set bit":
            words = np.zeros(m, np.int64)
            np.bitwise_or.at(words, keys, 1 << before.flag[active])
            assert (after.words == words).all()
            assert after.won.sum() == sum(int(w).bit_count() for w in words)
        elif kind == "spend":
            spent = np.bincount(keys, before.worth[active], m)
            np.testing.assert_allclose(after.left, before.left - spent)
        else:
            assert (after.left >= 0).all()
            assert (after.left <= before.left).all()
            assert 0 < after.won.sum() <= n
            if kept:
                won = after.won[active].astype(bool)
                spent = np.bincount(keys[won], before.worth[active][won], m)
                np.testing.assert_allclose(after.left, before.left - spent)

    d.holds(consistent)


@DOMAIN.algorithm(
    source="Warp manual, Code generation: local arrays and slices; Knuth 1997, sec. 3.2.2",
    names={
        "local_memory": "scratch_array|window_kernel|thread_buffer",
        "x": "samples|rows|values",
        "scratch": "buf|local",
        "y": "out|result",
        "row": "line|r|series",
    },
    adjoint="no",
    weight=4,
)
def local_memory(d: Draft) -> None:
    """Processes each row using thread-local memory."""
    kind = d.option("kind", "median", "histogram", "convolution", "reversal", "running", "rank filter")
    d.calls({
        "median": "row_medians|sort_and_median|median_of_rows",
        "histogram": "row_modes|commonest_level|mode_by_histogram",
        "convolution": "autoconvolution_energy|self_convolution|convolved_squares",
        "reversal": "reverse_rows|flip_rows",
        "running": "largest_window_sum|max_ring_sum|ring_sums",
        "rank filter": "second_largest|rank_filter|runner_up",
    }[kind])  # fmt: skip
    taken = d.option("taken", "slice", "index")
    length = d.option("length", "len", "shape", "literal")
    size, rows, columns = d.pick(5, 7), d.pick(24, 32), d.pick(12, 16, 20)
    d.says({
        "median": "Computes the median of each row by sorting it in thread-local memory.",
        "histogram": "Computes the mode of each row using a thread-local histogram.",
        "convolution": "Computes the sum of squares of each row's self-convolution.",
        "reversal": "Reverses each row using thread-local memory.",
        "running": f"Computes the maximum moving sum over up to {size} values in each row using a ring buffer.",
        "rank filter": "Finds the second largest value of each row by sorting it in thread-local memory.",
    }[kind])  # fmt: skip
    sorts = kind in ("median", "rank filter")
    columns = d.pick(7, 9, 11) if sorts else columns
    integer = kind == "histogram"
    levels = d.pick(6, 8)
    d.input(
        "x",
        "int" if integer else "float",
        (rows, columns),
        0 if integer else -1.0,
        levels if integer else 1.0,
        about="integer levels per row" if integer else "input values per row",
    )
    about = {
        "median": "median per row", "histogram": "most frequent level per row", "convolution": "sum of squares per row",
        "reversal": "reversed rows", "running": "maximum moving sum per row", "rank filter": "second largest value per row",
    }[kind]  # fmt: skip
    d.output("y", "int" if integer else "float", (rows, columns) if kind == "reversal" else rows, about=about)
    d.module(
        {
            "histogram": f"LEVELS = wp.constant({levels})",
            "convolution": f"COLUMNS = wp.constant({columns})\nTERMS = wp.constant(2 * COLUMNS - 1)  # length of the full convolution",
            "running": f"WINDOW = wp.constant({size})",
        }.get(kind, f"COLUMNS = wp.constant({columns})")
    )
    if kind not in ("histogram", "running"):
        length = "literal"  # their memory is made for one length
    elif length == "literal":
        d.module(f"COLUMNS = wp.constant({columns})")
    head = "row = wp.tid()\n" + ("values = x[row]\n" if taken == "slice" else "")

    def at(k: str) -> str:
        return f"values[{k}]" if taken == "slice" else f"x[row, {k}]"

    n = {
        "len": "len(values)" if taken == "slice" else "x.shape[1]",
        "shape": "x.shape[1]",
        "literal": "COLUMNS",
    }[length]
    sort = f"""
scratch = wp.zeros(shape=COLUMNS, dtype=float)
for k in range({n}):
    value = {at("k")}
    # Insertion sort: shift larger elements up
    at = int(k)
    while at > 0 and scratch[at - 1] > value:
        scratch[at] = scratch[at - 1]
        at -= 1
    scratch[at] = value""".strip("\n")
    body = {
        "median": f"{sort}\ny[row] = scratch[COLUMNS // 2]",
        "rank filter": f"{sort}\ny[row] = scratch[COLUMNS - 2]",
        "histogram": f"""
scratch = wp.zeros(shape=(LEVELS,), dtype=int)
for k in range({n}):
    scratch[{at("k")}] += 1
most = int(0)
for level in range(1, LEVELS):
    # Break ties in favor of the lower level
    if scratch[level] > scratch[most]:
        most = level
y[row] = most""".strip("\n"),
        "convolution": f"""
scratch = wp.zeros(shape=(TERMS,), dtype=float)
for k in range({n}):
    for m in range({n}):
        scratch[k + m] += {at("k")} * {at("m")}
total = float(0.0)
for term in range(TERMS):
    total += scratch[term] * scratch[term]
y[row] = total""".strip("\n"),
        "reversal": f"""
scratch = wp.zeros(shape=(COLUMNS,), dtype=float)
for k in range({n}):
    scratch[COLUMNS - 1 - k] = {at("k")}
for k in range({n}):
    y[row, k] = scratch[k]""".strip("\n"),
        "running": f"""
scratch = wp.zeros(shape=(WINDOW,), dtype=float)
total = float(0.0)
best = float(-wp.inf)
for k in range({n}):
    # Replace the oldest entry in the ring buffer
    oldest = k % WINDOW
    total += {at("k")} - scratch[oldest]
    scratch[oldest] = {at("k")}
    best = wp.max(best, total)
y[row] = best""".strip("\n"),
    }[kind]
    d.launch(rows)
    d.code(head + "$body", body=body)

    def reference(v: Values) -> Mapping[str, Any]:
        x = v.x

        def rings() -> Any:
            c = np.concatenate([np.zeros((rows, size)), x.cumsum(axis=1)], axis=1)
            return (c[:, size:] - c[:, :columns]).max(axis=1)

        formulas: _Formulas = {
            "median": lambda: np.median(x, axis=1),
            "rank filter": lambda: np.sort(x, axis=1)[:, -2],
            "histogram": lambda: np.array([np.bincount(r).argmax() for r in x]),
            "convolution": lambda: np.array([(np.convolve(r, r) ** 2).sum() for r in x]),
            "reversal": lambda: x[:, ::-1],
            "running": rings,
        }
        return {"y": formulas[kind]()}

    d.check(reference, 1e-3)
