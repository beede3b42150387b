"""Steps of sorts and merges."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.parallel import DOMAIN
from warpgen.synthesis.library import searching
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "keys": "data|sort_keys|codes",
    "values": "payload|indices|vals|items",
    "tid": "i",
    "row": "r|line|query",
    "a": "left|first_list|xs",
    "b": "right|second_list|ys",
    "digit": "bucket|bin|d",
    "shift": "bit|start_bit|radix_shift",
    "partner": "other|mate|ixj",
}


@DOMAIN.algorithm(
    source="Batcher 1968, Sorting Networks and Their Applications; Knuth 5.3.4 (odd-even transposition)",
    names=_NAMES
    | {
        "compare_exchange": "bitonic_step|sort_network_step|odd_even_step|bitonic_merge_pass",
        "forward": "in_order|ordered_first",
    },
    adjoint="no",
    weight=2,
)
def compare_exchange(d: Draft) -> None:
    """Performs one in-place compare-exchange step of a bitonic sort."""
    network = d.option("network", "bitonic", "flip", "odd-even", "odd-even merge")
    d.calls({
        "bitonic": "bitonic_step|sort_network_step|bitonic_merge_pass|compare_exchange",
        "flip": "bitonic_flip|flip_step|sort_network_step",
        "odd-even": "odd_even_step|odd_even_transposition|compare_exchange",
        "odd-even merge": "odd_even_merge_step|batcher_step|sort_network_step",
    }[network])  # fmt: skip
    kind = d.option("type", "float", "int")
    payload = d.flag("payload")
    form = d.option("form", "half the threads", "all threads")
    rows = d.flag("rows", 0.3)
    descending = d.flag("descending", 0.3)
    n, m = d.pick(32, 64), d.pick(3, 5)
    shape: Any = (m, n) if rows else n
    low, high = {"float": (-1.0, 1.0), "int": (-50, 50)}[kind]
    at = "row, " if rows else ""
    d.inout("keys", kind, shape, low, high, about="keys to sort")
    if payload:
        d.inout("values", "int", shape, 0, 1000, about="payload per key")
    span = stride = 1
    if network == "bitonic":
        stride = d.pick(1, 2, 4)
        span = stride * d.pick(2, 4)
        d.param("span", "int", span, about="sorted group length")
        d.param("stride", "int", stride, about="compare distance")
    elif network == "flip":
        span = d.pick(4, 8, 16)
        d.param("span", "int", span, about="sorted group length")
    elif network == "odd-even":
        d.param("parity", "int", 0, 2, about="phase parity, 0 for even and 1 for odd phases")
    else:
        stride = d.pick(2, 4)
        d.param("stride", "int", stride, about="compare distance")
    more = ">" if not descending else "<"
    swap = f"keys[{at}lo] = kb\nkeys[{at}hi] = ka"
    if payload:
        swap += f"\nt = values[{at}lo]\nvalues[{at}lo] = values[{at}hi]\nvalues[{at}hi] = t"
    count = f"keys.shape[{1 if rows else 0}]"
    if form == "all threads":
        find = {
            "bitonic": "lo = i\nhi = i ^ stride\n# The lower thread of each pair does the exchange\n"
            "if hi < lo:\n    return",
            "flip": "lo = i\nhi = i ^ (span - 1)\nif hi < lo:\n    return",
            "odd-even": f"lo = i\nhi = i + 1\nif i % 2 != parity or hi >= {count}:\n    return",
            "odd-even merge": "lo = i\nhi = i + stride\n"
            f"if (i // stride) % 2 == 0 or hi >= {count}:\n    return",
        }[network]
    else:
        find = {
            "bitonic": "# Insert a zero bit at the position of the stride\n"
            "lo = 2 * i - (i & (stride - 1))\nhi = lo + stride",
            "flip": "half = span // 2\nlo = (i // half) * span + i % half\n"
            "# Mirrored partner, so that all groups sort in the same direction\nhi = (i // half) * span + span - 1 - i % half",
            "odd-even": f"lo = 2 * i + parity\nhi = lo + 1\nif hi >= {count}:\n    return",
            "odd-even merge": "lo = 2 * i - (i % stride) + stride\nhi = lo + stride\n"
            f"if hi >= {count}:\n    return",
        }[network]
    test = f"if ka {more} kb:"
    if network == "bitonic":
        test = "# Direction alternates between groups of `span` elements\nforward = (lo & span) == 0\n"
        test += f"if (ka {more} kb) == forward and ka != kb:"
    threads = n if form == "all threads" else n // 2
    d.launch(*((m, threads) if rows else (threads,)))
    d.code(
        f"""
        {"row, i" if rows else "i"} = wp.tid()
        $find
        ka = keys[{at}lo]
        kb = keys[{at}hi]
        $test
            $swap
        """,
        find=find,
        test=test,
        swap=swap,
    )
    says = {
        "flip": "Performs the first step of a bitonic merge, comparing elements with their mirrored partners.",
        "odd-even": "Performs one in-place step of an odd-even transposition sort.",
        "odd-even merge": "Performs one in-place step of Batcher's odd-even merge, after the first.",
    }
    if network in says:
        d.says(says[network])
    if descending:
        d.sentence = (d.sentence or "Performs one in-place compare-exchange step of a bitonic sort.").replace(
            ".", ", in descending order."
        )

    def reference(v: Values) -> dict[str, Any]:
        i = np.arange(n)
        if network == "bitonic":
            lo = i[(i & stride) == 0]
            hi, up = lo + stride, (lo & span) == 0
        elif network == "flip":
            lo = i[i % span < span // 2]
            hi = lo // span * span + span - 1 - lo % span
            up = np.ones(len(lo), bool)
        else:
            lo = i[i % 2 == v.parity] if network == "odd-even" else i[(i // stride) % 2 == 1]
            lo = lo[lo + stride < n]
            hi, up = lo + stride, np.ones(len(lo), bool)
        keys = np.atleast_2d(v["keys"]).copy()
        sign = -1 if descending else 1
        turn = (sign * (keys[:, lo] - keys[:, hi]) > 0) == up
        turn &= keys[:, lo] != keys[:, hi]
        made = {}
        for name in ("keys", "values") if payload else ("keys",):
            x = np.atleast_2d(v[name]).copy()
            first, second = x[:, lo].copy(), x[:, hi].copy()
            x[:, lo], x[:, hi] = np.where(turn, second, first), np.where(turn, first, second)
            made[name] = x.reshape(v[name].shape)
        return made

    d.check(reference)


@DOMAIN.algorithm(
    source="Satish, Harris & Garland 2009, Designing Efficient Sorting Algorithms for Manycore GPUs",
    names=_NAMES
    | {
        "radix_count": "digit_histogram|radix_histogram|count_digits",
        "counts": "hist|bins|totals",
    },
    weight=1,
    adjoint="no",
)
def radix_count(d: Draft) -> None:
    """Computes per-block digit histograms, the first pass of a radix sort."""
    step = d.option("step", "count", "rank")
    if step == "rank":
        d.calls("rank_digits|digit_ranks|radix_rank")
    order = d.option("order", "digit major", "block major")
    signed = d.option("keys", "plain", "signed", "uint32")
    walk = d.option("walk", "serial block", "atomic")
    bits = d.pick(2, 3, 4)
    radix = 1 << bits
    chunk, blocks = d.pick(8, 12, 16), d.pick(6, 8, 10)
    n = chunk * blocks
    kind = "uint32" if signed == "uint32" else "int"
    lowest, highest = (-2000000000, 2000000000) if signed == "signed" else (0, 5000)
    d.input("keys", kind, n, lowest, highest, about="keys to rank" if step == "rank" else "keys to count")
    shift = 32 - bits if signed == "signed" else bits * d.pick(0, 1, 2)
    d.param("shift", "int", shift, about="lowest bit of the digit")
    d.module(f"RADIX_MASK = wp.constant({radix - 1})\nCHUNK = wp.constant({chunk})")
    where = "digit, block" if order == "digit major" else "block, digit"
    shape = (radix, blocks) if order == "digit major" else (blocks, radix)
    digit = "digit = (keys[i] >> shift) & RADIX_MASK"
    if signed == "signed":
        digit = "# Flip the sign bit so that negative keys sort first\n"
        digit += "digit = ((keys[i] ^ int(-2147483648)) >> shift) & RADIX_MASK"
    elif signed == "uint32":
        digit = "digit = int((keys[i] >> wp.uint32(shift)) & wp.uint32(RADIX_MASK))"
    if step == "rank":
        d.inout("counts", "int", shape, value=0.0, about="digit counts per block")
        d.output("rank", "int", n, about="rank among equal digits within the block")
        walk = "serial block"
    else:
        d.output("counts", "int", shape, about="digit counts per block")
    if walk == "atomic":
        d.launch(n)
        d.code(f"i = wp.tid()\nblock = i // CHUNK\n$digit\nwp.atomic_add(counts, {where}, 1)", digit=digit)
    else:
        inner = {
            "count": f"counts[{where}] += 1",
            "rank": "# Rank among equal digits in this block, keeps the sort stable\n"
            f"rank[i] = counts[{where}]\n"
            f"counts[{where}] += 1",
        }[step]
        d.launch(blocks)
        d.code(
            """
            block = wp.tid()
            for i in range(block * CHUNK, (block + 1) * CHUNK):
                $digit
                $inner
            """,
            digit=digit,
            inner=inner,
        )
    if step == "rank":
        d.says(
            "Computes the stable rank of each key among equal digits in its block, and per-block digit counts."
        )

    def reference(v: Values) -> dict[str, Any]:
        key = v["keys"].astype(np.int64)
        if signed == "signed":
            key = key ^ -2147483648
        digit = (key >> v["shift"]) & (radix - 1)
        block = np.arange(n) // chunk
        counts = np.zeros((radix, blocks), int)
        rank = np.zeros(n, int)
        for i in range(n):
            rank[i] = counts[digit[i], block[i]]
            counts[digit[i], block[i]] += 1
        table = counts if order == "digit major" else counts.T
        return {"counts": table} | ({"rank": rank} if step == "rank" else {})

    d.check(reference)


@DOMAIN.algorithm(
    source="Odeh et al. 2012; Green, McColl & Bader 2012, GPU Merge Path",
    names=_NAMES
    | {
        "merge_path": "merge_partition|merge_ranks|merge_sorted|diagonal_search",
        "diag": "diag_index|rank|diagonal",
        "out": "merged|c|joined",
        "lo": "begin|low|a_min",
        "hi": "end|high|a_max",
    },
    adjoint="no",
)
def merge_path(d: Draft) -> None:
    """Merges two sorted arrays using a binary search along merge path diagonals."""
    form = d.option("form", "partition", "element", "chunk", "rank")
    d.calls({
        "partition": "merge_partition|diagonal_search|split_merge",
        "element": "merge_sorted|merge_path|merge_arrays",
        "chunk": "merge_sorted|merge_chunks|merge_path",
        "rank": "merge_ranks|merge_by_rank|rank_merge",
    }[form])  # fmt: skip
    kind = d.option("type", "float", "int")
    payload = d.flag("payload", 0.4) and form in ("chunk", "rank")
    search = d.option("search", *searching.WAYS[:3])  # the ranges are not short, as for a scan
    way = d.option("midpoint", "plain", "branchless")
    na, nb, chunk = d.pick(40, 48, 64), d.pick(32, 56, 64), 8
    low, high = {"float": (-1.0, 1.0), "int": (-200, 200)}[kind]
    d.input("a", kind, na, low, high, kind="ascending")
    d.input("b", kind, nb, low, high, kind="ascending")
    if payload:
        d.input("first_values", "int", na, 0, 1000, about="payload for the first array")
        d.input("second_values", "int", nb, 0, 1000, about="payload for the second array")
    n = na + nb
    if form == "partition":
        d.output(
            "splits",
            "int",
            n // chunk,
            about="number of elements taken from the first array before each partition",
        )
    else:
        d.output("out", kind, n)
    if payload:
        d.output("values_out", "int", n, about="merged payload")
    halves = "mid = (lo + hi) // 2\nif a[mid] <= b[diag - 1 - mid]:\n    lo = mid + 1\nelse:\n    hi = mid"
    if way == "branchless":
        halves = (
            "mid = (lo + hi) // 2\ntaken = a[mid] <= b[diag - 1 - mid]\nlo = wp.where(taken, mid + 1, lo)\n"
        )
        halves += "hi = wp.where(taken, hi, mid)"
    bisect = """
    # Binary search for the intersection of the merge path with this diagonal
    lo = wp.max(0, diag - b.shape[0])
    hi = wp.min(diag, a.shape[0])
    while lo < hi:
        $halves
    """
    if form == "partition":
        d.launch(n // chunk)
        d.module(f"CHUNK = wp.constant({chunk})")
        d.code("tid = wp.tid()\ndiag = tid * CHUNK\n$bisect\nsplits[tid] = lo", bisect=bisect, halves=halves)
        d.says("Computes merge path partitions for two sorted arrays using a binary search along diagonals.")
    elif form == "element":
        d.launch(n)
        d.code(
            """
            diag = wp.tid()
            $bisect
            j = diag - lo
            # Take from `a` unless the element of `b` is strictly smaller
            if j >= b.shape[0] or (lo < a.shape[0] and a[lo] <= b[j]):
                out[diag] = a[lo]
            else:
                out[diag] = b[j]
            """,
            bisect=bisect,
            halves=halves,
        )
        d.says("Merges two sorted arrays; each thread locates its element by binary search along a diagonal.")
    elif form == "chunk":
        d.launch((n + chunk - 1) // chunk)
        take_a, take_b = "out[k] = a[i]", "out[k] = b[j]"
        if payload:
            take_a += "\nvalues_out[k] = first_values[i]"
            take_b += "\nvalues_out[k] = second_values[j]"
        d.module(f"CHUNK = wp.constant({chunk})")
        d.code(
            """
            tid = wp.tid()
            diag = tid * CHUNK
            $bisect
            i = lo
            j = diag - lo
            for k in range(diag, wp.min(diag + CHUNK, out.shape[0])):
                if j >= b.shape[0] or (i < a.shape[0] and a[i] <= b[j]):
                    $take_a
                    i += 1
                else:
                    $take_b
                    j += 1
            """,
            bisect=bisect,
            halves=halves,
            take_a=take_a,
            take_b=take_b,
        )
    else:
        family = searching.INTEGERS if kind == "int" else searching.FLOATS
        find = d.use(family[search])
        more_a = "values_out[slot] = first_values[tid]" if payload else ""
        more_b = "values_out[slot] = second_values[j]" if payload else ""
        d.launch(n)
        d.code(
            f"""
            tid = wp.tid()
            if tid < a.shape[0]:
                # Output index: own index plus the number of smaller elements in `b`
                slot = tid + {find}(b, 0, b.shape[0], a[tid])
                out[slot] = a[tid]
                $more_a
            else:
                j = tid - a.shape[0]
                slot = j + {find}(a, 0, a.shape[0], b[j])
                # Stable merge: equal elements from `a` come first
                while slot - j < a.shape[0] and a[slot - j] == b[j]:
                    slot += 1
                out[slot] = b[j]
                $more_b
            """,
            more_a=more_a,
            more_b=more_b,
        )
        d.says("Merges two sorted arrays by computing the rank of each element in the other array.")

    def reference(v: Values) -> dict[str, Any]:
        both = np.concatenate([v.a, v.b])
        order = np.argsort(both, kind="stable")
        # how many of a are among the first k
        taken = np.concatenate([[0], np.cumsum(order < na)])
        made = {"out": both[order], "splits": taken[np.arange(n // chunk) * chunk]}
        if payload:
            made["values_out"] = np.concatenate([v.first_values, v.second_values])[order]
        return {p.name: made[p.name] for p in d.parameters if p.name in made}

    d.check(reference)
