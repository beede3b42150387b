"""Hashes of strings from the textbooks."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.bitwise import DOMAIN
from warpgen.synthesis.algorithms.bitwise.strings import NAMES, strings
from warpgen.synthesis.writing.draft import Draft, Values

_M32, _M64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF


@DOMAIN.algorithm(
    source="Fowler, Noll & Vo 1991; Eastlake et al., RFC draft-eastlake-fnv",
    names=NAMES | {"fnv_hash": "hash_strings|fnv_hashes|fnv_kernel", "h": "hash_value|digest|state"},
    adjoint="either",
    weight=9,
)
def fnv_hash(d: Draft) -> None:
    """Hashes each byte string using the Fowler-Noll-Vo function."""
    wide = d.flag("wide", 0.4)
    order = d.option("order", "1a", "1")
    end = d.option("end", "plain", "fold", "bucket")
    bytes_ = d.option("bytes", "uint8", "int")
    count = d.pick(32, 48, 64, 96)
    s = strings(d, "data", bytes_, count, d.pick(6, 8, 12, 16), 256)
    word = "wp.uint64" if wide else "wp.uint32"
    offset, prime, mask = (
        (0xCBF29CE484222325, 0x100000001B3, _M64) if wide else (0x811C9DC5, 0x01000193, _M32)
    )
    constant = d.flag("constants")
    if constant:
        d.module(f"FNV_PRIME = wp.constant({word}({prime:#x}))")
    p = "FNV_PRIME" if constant else f"{word}({prime:#x})"
    byte = f"{word}({s.at})"
    step = f"h = (h ^ {byte}) * {p}" if order == "1a" else f"h = (h * {p}) ^ {byte}"
    out = "uint64" if wide else "uint32"
    bits, store = (32 if wide else 16), "hashes[tid] = h"
    fold = f"h = (h >> {word}({bits})) ^ (h & {word}({(1 << bits) - 1:#x}))"
    d.says(f"Hashes each byte string using FNV-{order} (Fowler-Noll-Vo).")
    if end == "fold":
        d.says(f"Computes an XOR-folded {bits}-bit FNV-{order} hash for each byte string.")
    if end == "bucket":
        d.calls("hash_to_buckets|fnv_buckets|assign_buckets")
        d.says(f"Maps each byte string to a bucket index using its FNV-{order} hash.")
        d.param("num_buckets", "int", d.pick(31, 61, 97, 127))
        store, out = f"buckets[tid] = int(h % {word}(num_buckets))", "int"
    d.output("buckets" if end == "bucket" else "hashes", out, count)
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $head
        h = $word($offset)
        $loop
            $step
        $fold
        $store
        """,
        head=s.head,
        word=word,
        offset=f"{offset:#x}",
        loop=s.loop,
        step=step,
        fold=""
        if end != "fold"
        else f"# XOR-fold the upper half into the lower half instead of truncating\n{fold}",
        store=store,
    )

    def reference(v: Values) -> dict[str, Any]:
        found = []
        for row in s.rows(v):
            h = offset
            for byte in row.tolist():
                h = ((h ^ byte) * prime if order == "1a" else (h * prime) ^ byte) & mask
            if end == "fold":
                h = (h >> bits) ^ (h & ((1 << bits) - 1))
            found.append(h % int(v.num_buckets) if end == "bucket" else h)
        if end == "bucket":
            return {"buckets": np.array(found, np.int32)}
        return {"hashes": np.array(found, np.uint64).astype(np.uint64 if wide else np.uint32)}

    d.check(reference)


@DOMAIN.algorithm(
    source="Jenkins 1997, one-at-a-time; Bernstein (djb2); Kernighan & Ritchie 1988; Weinberger (PJW, ELF)",
    names=NAMES
    | {
        "string_hash": "hash_strings|hash_texts|hash_bytes",
        "h": "hash_value|digest|value",
        "occupancy": "bucket_fill|bucket_load",
    },
    adjoint="no",
)
def string_hash(d: Draft) -> None:
    """Hashes each byte string using a classic hash function."""
    kind = d.option("kind", "jenkins", "djb2", "sdbm", "pjw", "polynomial")
    purpose = d.option("purpose", "hash", "bucket", "histogram")
    bytes_ = d.option("bytes", "uint8", "int")
    if purpose != "hash":
        d.calls(
            "count_hashes|hash_histogram|bucket_histogram"
            if purpose == "histogram"
            else "hash_to_buckets|string_buckets|assign_buckets"
        )
    count = d.pick(48, 64, 96)
    s = strings(d, "data", bytes_, count, d.pick(5, 8, 11), 256)
    c = f"wp.uint32({s.at})"
    start, after = "0", ""
    if kind == "jenkins":
        function = "using Jenkins' one-at-a-time hash"
        step = f"h += {c}\nh += h << wp.uint32(10)\nh = h ^ (h >> wp.uint32(6))"
        after = "h += h << wp.uint32(3)\nh = h ^ (h >> wp.uint32(11))\nh += h << wp.uint32(15)"
    elif kind == "djb2":
        function = "using Bernstein's djb2"
        start, step = "5381", f"h = (h << wp.uint32(5)) + h + {c}"
    elif kind == "sdbm":
        function = "using the sdbm hash"
        step = f"h = {c} + (h << wp.uint32(6)) + (h << wp.uint32(16)) - h"
    elif kind == "pjw":
        function = "using the ELF variant of the PJW hash"
        step = f"""
        h = (h << wp.uint32(4)) + {c}
        # Fold the top nibble back in before it is shifted out
        high = h & wp.uint32(0xF0000000)
        h = (h ^ (high >> wp.uint32(24))) & ~high
        """
    else:
        function = "using a base-31 polynomial"
        step = f"h = h * wp.uint32(31) + {c}"
    size = d.pick(16, 32, 64)
    d.says(
        {
            "hash": f"Hashes each byte string {function}.",
            "bucket": f"Maps each byte string to one of {size} buckets {function}.",
            "histogram": f"Counts the byte strings per bucket {function}.",
        }[purpose]
    )
    if purpose == "hash":
        d.output("hashes", "uint32", count)
        store = "hashes[tid] = h"
    elif purpose == "bucket":
        d.output("buckets", "int", count)
        store = f"buckets[tid] = int(h & wp.uint32({size - 1}))"
    else:
        d.param("num_buckets", "int", size)
        d.output("occupancy", "int", size)
        store = "wp.atomic_add(occupancy, int(h % wp.uint32(num_buckets)), 1)"
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $head
        h = wp.uint32($start)
        $loop
            $step
        $after
        $store
        """,
        head=s.head,
        start=start,
        loop=s.loop,
        step=step,
        after=after,
        store=store,
    )

    def one(row: Any) -> int:
        h = int(start)
        for byte in row.tolist():
            if kind == "jenkins":
                h = (h + byte) * 1025 & _M32
                h ^= h >> 6
            elif kind == "pjw":
                h = (h * 16 + byte) & _M32
                high = h & 0xF0000000
                h = (h ^ (high >> 24)) & ~high
            else:
                h = (h * {"djb2": 33, "sdbm": 65599, "polynomial": 31}[kind] + byte) & _M32
        if kind == "jenkins":
            h = h * 9 & _M32
            h ^= h >> 11
            h = h * 32769 & _M32
        return h

    def reference(v: Values) -> dict[str, Any]:
        h = np.array([one(row) for row in s.rows(v)], np.uint32)
        if purpose == "hash":
            return {"hashes": h}
        if purpose == "bucket":
            return {"buckets": (h % size).astype(np.int32)}
        return {"occupancy": np.bincount((h % size).astype(int), minlength=size).astype(np.int32)}

    d.check(reference)
