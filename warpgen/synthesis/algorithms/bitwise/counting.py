"""Counting bits: distances between binary codes, sets as words, positions of bits."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.bitwise import DOMAIN
from warpgen.synthesis.library import mixers, words
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Hamming 1950; Jaccard 1901; Tversky 1977; Calonder et al. 2010 (BRIEF)",
    names={
        "binary_distance": "compare_descriptors|descriptor_distance|compare_binary",
        "a": "queries|descriptors|lhs",
        "b": "references|train|rhs",
        "shared": "common|both|inter",
        "united": "union|either|any_bits",
        "dist": "distance|d|count",
    },
    adjoint="either",
    weight=14,
)
def binary_distance(d: Draft) -> None:
    """Compares binary descriptors stored as 32-bit words."""
    measure = d.option("measure", "hamming", "jaccard", "dice", "tversky")
    count_bits = d.option("count bits", *words.POPCOUNTS, None)
    form = d.option("form", "pairs", "all pairs", "nearest")
    ratio = form == "nearest" and d.flag("ratio", 0.4)
    if form == "nearest":
        d.calls("nearest_descriptors|match_descriptors|binary_match")
    else:
        d.calls(f"{measure}_distances|binary_{measure}_distance|{measure}_distance_kernel")
    n, m, size = d.pick(24, 32, 48), d.pick(12, 16, 20), d.pick(2, 4, 8)
    count = d.use(count_bits) if count_bits else "wp.bit_count"
    other = n if form == "pairs" else m
    filled = "" if measure == "hamming" else ", nonzero"
    d.input("a", "uint32", (n, size), 0, 1 << 32, about=f"descriptors, one per row{filled}")
    d.input("b", "uint32", (other, size), 0, 1 << 32, about=f"descriptors to compare with{filled}")
    if measure == "tversky":
        d.param("alpha", "float", 0.2, 0.9, about="weight of bits set in the first descriptor only")
        d.param("beta", "float", 0.2, 0.9, about="weight of bits set in the second descriptor only")
    row = {"pairs": "b[tid, k]", "all pairs": "b[j, k]", "nearest": "b[j, k]"}[form]
    me = "a[i, k]" if form == "all pairs" else "a[tid, k]"
    integer = measure == "hamming"
    if integer:
        loop = f"dist = int(0)\nfor k in range(a.shape[1]):\n    dist += {count}({me} ^ {row})"
        value = "dist"
    elif measure == "jaccard":
        loop = f"""
        shared = int(0)
        united = int(0)
        for k in range(a.shape[1]):
            shared += {count}({me} & {row})
            united += {count}({me} | {row})
        """
        value = "1.0 - float(shared) / float(united)"
    elif measure == "dice":
        loop = f"""
        shared = int(0)
        ones = int(0)
        for k in range(a.shape[1]):
            shared += {count}({me} & {row})
            ones += {count}({me}) + {count}({row})
        """
        value = "1.0 - 2.0 * float(shared) / float(ones)"
    else:
        loop = f"""
        shared = int(0)
        first_only = int(0)
        second_only = int(0)
        for k in range(a.shape[1]):
            shared += {count}({me} & {row})
            first_only += {count}({me} & ~{row})
            second_only += {count}({row} & ~{me})
        """
        value = (
            "1.0 - float(shared) / (float(shared) + alpha * float(first_only) + beta * float(second_only))"
        )
    kind, big = ("int", "1 << 30") if integer else ("float", "2.0")
    if form == "nearest":
        if ratio:
            d.param(
                "max_ratio",
                "float",
                0.9,
                0.97,
                about="maximum ratio of best to second-best distance",
            )
        d.output(
            "match",
            "int",
            n,
            about="index of the nearest descriptor" + (", or -1 if ambiguous" if ratio else ""),
        )
        if ratio:
            accept = "second = " + ("int" if integer else "float") + f"({big})"
            take = (
                "if current < best:\n"
                "    second = best\n"
                "    best = current\n"
                "    nearest = j\n"
                "elif current < second:\n"
                "    second = current"
            )
            one, two = ("float(best)", "float(second)") if integer else ("best", "second")
            end = (
                "# Lowe's ratio test: reject ambiguous matches whose second-best distance is too similar\n"
                f"if {one} < max_ratio * {two}:\n"
                "    match[tid] = nearest\n"
                "else:\n"
                "    match[tid] = -1"
            )
        else:
            accept, take = "", "if current < best:\n    best = current\n    nearest = j"
            end = "match[tid] = nearest"
        text = f"""
        tid = wp.tid()
        nearest = int(-1)
        # Larger than any possible distance
        best = {kind}({big})
        $accept
        for j in range(b.shape[0]):
            $loop
            $current
            $take
        $end
        """
        d.says(
            f"Matches each binary descriptor to its nearest neighbor using the {measure.capitalize()} distance"
            + ("; ambiguous matches get -1." if ratio else ".")
        )
    elif form == "pairs":
        accept = take = end = ""
        d.output("distances", kind, n)
        text = f"tid = wp.tid()\n$loop\ndistances[tid] = {value}"
        d.says(f"Computes the {measure.capitalize()} distance between pairs of binary descriptors.")
    else:
        accept = take = end = ""
        d.output("distances", kind, (n, m))
        text = f"i, j = wp.tid()\n$loop\ndistances[i, j] = {value}"
        d.says(f"Computes the {measure.capitalize()} distance matrix between two sets of binary descriptors.")
    d.launch(*((n, m) if form == "all pairs" else (n,)))
    current = f"current = {value}"
    if integer:
        take, current = take.replace("current", "dist"), ""
    d.code(text, loop=loop, accept=accept, current=current, take=take, end=end)

    def reference(v: Values) -> dict[str, Any]:
        a = words.bits(v.a).reshape(n, 1, -1).astype(bool)
        b = words.bits(v.b).reshape(1, other, -1).astype(bool)
        if form == "pairs":
            b = b.reshape(n, 1, -1)
        shared, one, two = (a & b).sum(-1), (a & ~b).sum(-1), (b & ~a).sum(-1)
        distance = {
            "hamming": lambda: one + two,
            "jaccard": lambda: 1 - shared / (shared + one + two),
            "dice": lambda: 1 - 2 * shared / (2 * shared + one + two),
            "tversky": lambda: 1 - shared / (shared + v.alpha * one + v.beta * two),
        }[measure]()
        if form == "pairs":
            return {"distances": distance[:, 0]}
        if form == "all pairs":
            return {"distances": distance}
        distance = np.round(distance, 9)
        match, sorted_ = distance.argmin(axis=1), np.sort(distance, axis=1)
        if ratio:
            match = np.where(sorted_[:, 0] < v.max_ratio * sorted_[:, 1], match, -1)
        return {"match": match}

    d.check(reference)


@DOMAIN.algorithm(
    source="Warren 2012, Hacker's Delight, 7-1; Cooley & Tukey 1965 (the permutation)",
    names={
        "bit_reversal": "bit_reverse_permute|bit_reversed_order|reorder_samples",
        "data": "x|signal|samples",
        "result": "y|shuffled|reordered",
        "j": "partner|reversed_index",
    },
    adjoint="no",
)
def bit_reversal(d: Draft) -> None:
    """Reverses the bits of words, or permutes elements into bit-reversed order."""
    form = d.option("form", *words.REVERSALS, None)
    use = d.option("use", "words", "scatter", "gather", "in place", "radical inverse")
    if use == "radical inverse":
        d.calls("radical_inverse|van_der_corput|halton_base2")
    elif use == "words":
        d.calls("reverse_bits_kernel|reverse_words|bit_reversal|reverse_bit_order")
    bits = d.pick(5, 6, 7, 8)
    n = 1 << bits
    if form is None or use != "words":
        loop = d.option("loop", "while", "for")
    if form is None:
        head = "x = {0}\nr = wp.uint32(0)\n"
        width = "32" if use in ("words", "radical inverse") else "log2n"
        if loop == "for":
            take = (
                f"{head}for _ in range({width}):\n"
                "    r = (r << wp.uint32(1)) | (x & wp.uint32(1))\n"
                "    x = x >> wp.uint32(1)"
            )
        else:
            take = (
                f"{head}k = int(0)\n"
                f"while k < {width}:\n"
                "    r = (r << wp.uint32(1)) | (x & wp.uint32(1))\n"
                "    x = x >> wp.uint32(1)\n"
                "    k += 1"
            )
        reverse = take if use == "words" else take.replace("x = {0}", "x = wp.uint32({0})")
    else:
        name = d.use(form)
        shift = "" if use in ("words", "radical inverse") else " >> wp.uint32(32 - log2n)"
        reverse = f"r = {name}({{0}})" if use == "words" else f"r = {name}(wp.uint32({{0}})){shift}"
    if use == "words":
        d.input("codes", "uint32", n, 0, 1 << 32, about="words to reverse")
        d.output("reversed_codes", "uint32", n)
        body = reverse.format("codes[tid]") + "\nreversed_codes[tid] = r"
        d.says("Reverses the bits of each 32-bit word.")
    elif use == "radical inverse":
        d.input("index", "int", n, 0, 1 << 20)
        d.output("points", "float", n)
        body = reverse.format("index[tid]") + (
            "\n# Scale by 2^-32; stays below 1 because a float holds reversed indices up to 2^24 exactly\npoints[tid] = float(r) * 2.3283064365386963e-10"
        )
        d.says("Computes van der Corput points, the base-2 radical inverse of each index.")
    else:
        type = d.option("type", "float", "vec2")
        d.param("log2n", "int", bits)
        turned = reverse.format("tid") + "\nj = int(r)"
        if use == "in place":
            d.inout("data", type, n, -1.0, 1.0)
            body = (
                f"{turned}\n"
                "# Swap each pair only once, from the lower index\n"
                "if j > tid:\n"
                "    held = data[tid]\n"
                "    data[tid] = data[j]\n"
                "    data[j] = held"
            )
        else:
            d.input("data", type, n, -1.0, 1.0)
            d.output("result", type, n)
            body = f"{turned}\n" + ("result[j] = data[tid]" if use == "scatter" else "result[tid] = data[j]")
        d.says("Permutes samples into bit-reversed order for a decimation-in-time FFT.")
    d.launch(n)
    d.code("tid = wp.tid()\n$body", body=body)

    def reference(v: Values) -> dict[str, Any]:
        if use == "words":
            return {"reversed_codes": words.REVERSE_SWAPS(v.codes)}
        if use == "radical inverse":
            return {"points": words.REVERSE_SWAPS(v.index) / 2.0**32}
        order = np.array([0])
        while len(order) < n:  # even half, then odd half
            order = np.concatenate([2 * order, 2 * order + 1])
        return {"data" if use == "in place" else "result": v.data[order]}

    d.check(reference)


@DOMAIN.algorithm(
    source="Bloom 1970; Kirsch & Mitzenmacher 2006 (double hashing)",
    names={
        "keys": "items|ids|elements",
        "words": "bitmap|filter_words|bit_array",
        "num_hashes": "k|num_probes|hash_count",
        "key_hash": "h|first_hash",
        "places": "picks|bit_picks",
        "found": "present|maybe|hits",
        "bit": "bit_index|pos",
        "counter": "slot|cell",
    },
    adjoint="either",
    weight=13,
)
def bloom_filter(d: Draft) -> None:
    """Inserts keys into a Bloom filter or tests them for membership."""
    way = d.option("way", "insert", "query", "count")
    mixer = d.option("mixer", *mixers.MIXERS)
    probing = d.option("probing", "double", "salted", "blocked")
    loop = d.option("loop", "for", "while")
    d.calls(
        {
            "insert": "bloom_insert|insert_keys|add_to_filter",
            "query": "bloom_query|query_keys|test_membership",
            "count": "counting_bloom_insert|counting_bloom|insert_counted",
        }[way]
    )
    n, size = d.pick(48, 64, 96), d.pick(16, 32, 64)
    mix = d.use(mixer)
    d.input("keys", "uint32", n, 0, 1 << 32, about="keys to look up" if way == "query" else "keys to insert")
    k = d.pick(3, 4, 5)
    d.param("num_hashes", "int", k, about=f"number of {'counters' if way == 'count' else 'bits'} per key")
    if way == "insert":
        d.inout("words", "uint32", size, value=0.0, about="filter bits, packed into words")
    elif way == "query":
        d.input("words", "uint32", size, 0, 1 << 32, about="filter bits, packed into words")
        d.output("found", "int", n)
    else:
        d.inout("counters", "int", 32 * size, 0, 3, about="filter counters")
    place = "counter" if way == "count" else "bit"
    total = "wp.uint32(32 * words.shape[0])" if way != "count" else "wp.uint32(counters.shape[0])"
    if probing == "double":
        setup = (
            f"h1 = {mix}(keys[tid])\n"
            f"# An odd stride reaches every {'counter' if way == 'count' else 'bit'} when the filter size is a power of two\n"
            f"h2 = {mix}(h1) | wp.uint32(1)"
        )
        bit = f"{place} = (h1 + wp.uint32(probe) * h2) % {total}"
    elif probing == "salted":
        setup = "key = keys[tid]"
        bit = f"{place} = {mix}(key + wp.uint32(probe) * wp.uint32(0x9E3779B9)) % {total}"
    else:
        setup = (
            f"key_hash = {mix}(keys[tid])\n"
            + (
                "# Keep all counters of a key within one 32-entry block for cache locality\n"
                "block = key_hash % wp.uint32(counters.shape[0] // 32)\n"
                if way == "count"
                else "# Blocked filter: all bits of a key share one word, so a query needs a single load\n"
                "block = int(key_hash % wp.uint32(words.shape[0]))\n"
            )
            + f"places = {mix}(key_hash)"
        )
        bit = f"{place} = block * wp.uint32(32) + ((places >> wp.uint32(5 * probe)) & wp.uint32(31))"
    word = "int(bit >> wp.uint32(5))"
    one = "(wp.uint32(1) << (bit & wp.uint32(31)))"
    mask = probing == "blocked" and way != "count"
    if mask:
        setup += (
            "\nmask = wp.uint32(0)\n# Each position uses five bits of the second hash, so at most six fit"
        )
        bit = "place = (places >> wp.uint32(5 * probe)) & wp.uint32(31)"
    if way == "insert":
        act, before, end = f"wp.atomic_or(words, {word}, {one[1:-1]})", "", ""
        if mask:
            act, end = "mask = mask | (wp.uint32(1) << place)", "wp.atomic_or(words, block, mask)"
        d.says("Inserts each key into a Bloom filter.")
    elif way == "count":
        act, before, end = "wp.atomic_add(counters, int(counter), 1)", "", ""
        d.says("Inserts each key into a counting Bloom filter, which also supports removal.")
    else:
        act = f"if (words[{word}] & {one}) == wp.uint32(0):\n    present = 0\n    break"
        before, end = "present = int(1)", "found[tid] = present"
        if mask:
            act, before = "mask = mask | (wp.uint32(1) << place)", ""
            end = "found[tid] = 1 if (words[block] & mask) == mask else 0"
        d.says("Tests whether each key may be present in a Bloom filter.")
    if loop == "for":
        body = "for probe in range(num_hashes):\n    $bit\n    $act"
    else:
        body = "probe = int(0)\nwhile probe < num_hashes:\n    $bit\n    $act\n    probe += 1"
    d.launch(n)
    d.code(
        "tid = wp.tid()\n$setup\n$before\n$body\n$end",
        setup=setup,
        before=before,
        body=body,
        end=end,
        bit=bit,
        act=act,
    )

    def reference(v: Values) -> dict[str, Any]:
        rounds = np.arange(k, dtype=np.uint32)
        key = v["keys"][:, None]
        if probing == "double":
            first = mixer(key)
            bits = (first + rounds * (mixer(first) | np.uint32(1))) % np.uint32(32 * size)
        elif probing == "salted":
            bits = mixer(key + rounds * np.uint32(0x9E3779B9)) % np.uint32(32 * size)
        else:
            first = mixer(key)
            bits = first % np.uint32(size) * np.uint32(32) + (
                (mixer(first) >> (np.uint32(5) * rounds)) & np.uint32(31)
            )
        bits = bits.astype(np.int64)
        if way == "count":
            return {"counters": v.counters + np.bincount(bits.ravel(), minlength=32 * size)}
        if way == "insert":
            there = np.bincount(bits.ravel(), minlength=32 * size) > 0
            return {"words": words.joined(there.reshape(size, 32)).astype(np.uint32)}
        return {"found": words.bits(v.words).ravel()[bits].all(axis=1)}

    d.check(reference)
