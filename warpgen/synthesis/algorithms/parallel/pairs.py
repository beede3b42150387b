"""Sets of pairs in hash tables that are filled by all threads at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.parallel import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_HASHES = {
    "fibonacci": "return int((wp.uint32(key) * wp.uint32(2654435769)) >> wp.uint32(32 - LOG2_SLOTS))",
    "murmur": """
        h = wp.uint32(key)
        h = (h ^ (h >> wp.uint32(16))) * wp.uint32(0x85EBCA6B)
        h = (h ^ (h >> wp.uint32(13))) * wp.uint32(0xC2B2AE35)
        h = h ^ (h >> wp.uint32(16))
        return int(h & wp.uint32(NUM_SLOTS - 1))
    """,
    "multiply add": """
        # Dietzfelbinger's scheme: odd multiplier, then the high bits
        h = wp.uint32(key) * wp.uint32(0x9E3779B1) + wp.uint32(0x7F4A7C15)
        return int(h >> wp.uint32(32 - LOG2_SLOTS))
    """,
}


@DOMAIN.algorithm(
    source="Alcantara et al. 2009; Coumans 2005 (overlapping pair cache); Knuth 1998, sec. 6.4",
    names={
        "cache_pairs": "insert_pairs|unique_pairs|dedupe_candidates",
        "candidates": "candidate_pairs|raw_pairs|broad_phase_pairs",
        "keys": "hash_keys|table_keys|slot_keys",
        "pairs": "pair_buffer|unique_list|out_pairs",
        "pair_count": "num_pairs|counter|pair_counter",
        "groups": "collision_group|shape_group|layer_ids",
        "probe": "attempt|tries",
        "slot": "table_slot|hash_slot",
        "owner": "previous_key|old_key|seen_key",
        "NUM_SLOTS": "TABLE_SIZE|HASH_SIZE",
    },
    adjoint="no",
    weight=3,
)
def cache_pairs(d: Draft) -> None:
    """Filters candidate shape pairs and stores each remaining pair once."""
    hash_ = d.option("hash", *_HASHES)
    probing = d.option("probing", "linear", "quadratic", "double")
    rule = d.option("filter", "groups", "bits", "bodies")
    batch = d.option("batch", "one world", "worlds")
    full = d.option("full", "count on", "flag")
    kept = d.option("output", "pairs", "keys", "last frame")
    if kept != "pairs":
        d.says({
            "keys": "Filters candidate shape pairs and stores the key of each remaining pair once.",
            "last frame": "Filters and deduplicates candidate shape pairs, flagging those not present in the last frame.",
        }[kept])  # fmt: skip
    many = batch == "worlds"
    worlds, count, shapes, log2 = 2, d.pick(48, 64), d.pick(8, 10), 6
    room = d.pick(12, 16, 64)
    if hash_ != "murmur":
        d.module(f"LOG2_SLOTS = wp.constant({log2})")
    d.module(f"NUM_SLOTS = wp.constant({1 << log2})")

    def sized(n: int) -> Any:
        return (worlds, n) if many else n

    at = "world, {0}" if many else "{0}"
    d.input(
        "candidates", "vec2i", sized(count), -1, shapes, about="pairs of shape indices, -1 for unused entries"
    )
    if rule == "groups":
        d.input(
            "groups",
            "int",
            shapes,
            -2,
            3,
            about="collision group per shape, negative groups only collide with other groups",
        )
    elif rule == "bits":
        d.input("layers", "uint32", shapes, 1, 16, about="collision layer mask per shape")
        d.input("masks", "uint32", shapes, 0, 16, about="mask of layers each shape collides with")
    else:
        d.input("shape_body", "int", shapes, -1, 4, about="body index per shape, -1 for static shapes")
    if kept == "last frame":
        d.input(
            "last_keys",
            "int",
            sized(8),
            0,
            shapes * shapes,
            "ascending",
            about="sorted pair keys from the last frame",
        )
        d.param(
            "num_last_keys",
            "int",
            8,
            about="number of pair keys from the last frame" + (" per world" if many else ""),
        )
    d.param("num_shapes", "int", shapes, about="number of shapes")
    d.inout("keys", "int", sized(1 << log2), value=-1, about="hash table of pair keys, -1 for empty slots")
    d.inout(
        "pair_count",
        "int",
        worlds if many else 1,
        value=0,
        about="number of pairs stored" + (" per world" if many else ""),
    )
    d.param("max_pairs", "int", room, about="maximum number of pairs" + (" per world" if many else ""))
    if full == "flag":
        d.output("overflow", "int", worlds if many else 1, about="set to 1 if a pair was dropped")
    output = {"pairs": ("pairs", "vec2i"), "keys": ("pair_keys", "int"), "last frame": ("pairs", "vec3i")}[
        kept
    ]
    d.output(
        *output,
        sized(room),
        about={
            "pairs": "unique pairs, smaller index first",
            "keys": "unique pair keys",
            "last frame": "unique pairs and a flag for new ones",
        }[kept],
    )
    d.function(
        """
        @wp.func
        def hash_of(key: int) -> int:
            $hash
        """,
        hash=_HASHES[hash_],
    )
    step_ = {
        "linear": "return (home + probe) % NUM_SLOTS",
        "quadratic": "# Triangular probing visits every slot when the table size is a power of two\n"
        "return (home + probe * (probe + 1) // 2) % NUM_SLOTS",
        "double": "# An odd stride is coprime to the table size\n"
        "stride = 2 * (key % (NUM_SLOTS // 2)) + 1\nreturn (home + probe * stride) % NUM_SLOTS",
    }[probing]
    double = probing == "double"
    d.function(
        f"""
        @wp.func
        def probe_slot({"key: int, " if double else ""}home: int, probe: int) -> int:
            $step
        """,
        step=step_,
    )
    test = {
        "groups": """
            @wp.func
            def may_collide(a: int, b: int, groups: wp.array(dtype=int)) -> bool:
                \"\"\"Return True if the collision groups of two shapes may collide.\"\"\"
                group_a = groups[a]
                group_b = groups[b]
                # Group 0 never collides
                if group_a == 0 or group_b == 0:
                    return False
                if group_a > 0:
                    return group_a == group_b or group_b < 0
                return group_a != group_b
        """,
        "bits": """
            @wp.func
            def may_collide(a: int, b: int, layers: wp.array(dtype=wp.uint32), masks: wp.array(dtype=wp.uint32)) -> bool:
                # Both layer masks must match
                wants_b = (masks[a] & layers[b]) != wp.uint32(0)
                wants_a = (masks[b] & layers[a]) != wp.uint32(0)
                return wants_a and wants_b
        """,
        "bodies": """
            @wp.func
            def may_collide(a: int, b: int, shape_body: wp.array(dtype=int)) -> bool:
                body_a = shape_body[a]
                body_b = shape_body[b]
                # Skip pairs of static shapes
                if body_a < 0 and body_b < 0:
                    return False
                # Skip shapes attached to the same body
                return body_a != body_b
        """,
    }[rule]
    d.function(test)
    given = {"groups": "groups", "bits": "layers, masks", "bodies": "shape_body"}[rule]
    table = f"wp.array{'2d' if many else ''}(dtype=int)"
    arguments = ("world: int, " if many else "") + f"key: int, keys: {table}"
    d.function(
        f"""
        @wp.func
        def insert_key({arguments}) -> int:
            \"\"\"Insert a key. Returns 1 if it is new, 0 if already present and -1 if the table is full.\"\"\"
            home = hash_of(key)
            for probe in range(NUM_SLOTS):
                slot = probe_slot({"key, " if double else ""}home, probe)
                owner = wp.atomic_cas(keys, {at.format("slot")}, -1, key)
                if owner == -1:
                    return 1
                if owner == key:
                    return 0
            return -1
        """
    )
    store = {
        "pairs": f"pairs[{at.format('entry')}] = wp.vec2i(shape_a, shape_b)",
        "keys": f"pair_keys[{at.format('entry')}] = key",
        "last frame": f"""
            # For warm starting, we need to know if the pair already existed in the last frame
            low_bound = int(0)
            high_bound = num_last_keys
            while low_bound < high_bound:
                mid = (low_bound + high_bound) // 2
                if last_keys[{at.format("mid")}] < key:
                    low_bound = mid + 1
                else:
                    high_bound = mid
            found = low_bound < num_last_keys and last_keys[{at.format("low_bound")}] == key
            is_new = wp.where(found, 0, 1)
            pairs[{at.format("entry")}] = wp.vec3i(shape_a, shape_b, is_new)
        """,
    }[kept]
    counter = "pair_count, world, 1" if many else "pair_count, 0, 1"
    flag = f"overflow[{'world' if many else '0'}] = 1" if full == "flag" else ""
    d.launch(*((worlds, count) if many else (count,)))
    d.code(
        f"""
        {at.format("tid")} = wp.tid()
        candidate = candidates[{at.format("tid")}]
        # Smaller index first, so that (a, b) and (b, a) map to the same key
        shape_a = wp.min(candidate[0], candidate[1])
        shape_b = wp.max(candidate[0], candidate[1])
        # Skip unused entries and self pairs
        if shape_a < 0 or shape_a == shape_b:
            return
        if not may_collide(shape_a, shape_b, {given}):
            return
        key = shape_a * num_shapes + shape_b
        inserted = insert_key({"world, " if many else ""}key, keys)
        $fresh
        entry = wp.atomic_add({counter})
        if entry >= max_pairs:
            # Keep incrementing the counter so the host knows the required capacity
            $flag
            return
        $store
        """,
        fresh=(
            "if inserted == 0:\n    return\nif inserted < 0:\n    # Table is full, drop the pair\n"
            "    $flag\n    return"
            if flag
            else "# Skip duplicates, or drop the pair if the table is full\nif inserted <= 0:\n    return"
        ),
        flag=flag,
        store=store,
    )
    d.explain(
        "Uses open addressing with atomic compare-and-swap; the first thread to claim a slot stores the pair.\n"
        "The output order depends on thread scheduling."
    )

    def agree(before: Values, after: Values) -> None:
        raw = before.candidates if many else before.candidates[None]
        pick = (lambda name: after[name]) if many else (lambda name: after[name][None])
        counts = after.pair_count
        for world, entries in enumerate(raw):
            wanted = set()
            for x, y in np.sort(entries, axis=1):
                if x < 0 or x == y:
                    continue
                if rule == "groups":
                    a, b = before.groups[x], before.groups[y]
                    good = a * b != 0 and ((a == b) if a > 0 and b > 0 else a != b)
                elif rule == "bits":
                    good = before.masks[x] & before.layers[y] and before.masks[y] & before.layers[x]
                else:
                    a, b = before.shape_body[x], before.shape_body[y]
                    good = a != b
                if good:
                    wanted.add(int(x * shapes + y))
            keys = pick("keys")[world]
            assert sorted(keys[keys >= 0]) == sorted(wanted), "the table holds other pairs"
            assert counts[world] == len(wanted), "pairs are not counted as they are"
            stored = min(len(wanted), room)
            if full == "flag":
                assert after.overflow[world] == (len(wanted) > room), "the flag is wrong"
            rows = pick(output[0])[world]
            found = rows if kept == "keys" else rows[:, 0] * shapes + rows[:, 1]
            assert len(set(found[:stored].tolist())) == stored, "a pair is stored twice"
            assert set(found[:stored].tolist()) <= wanted, "a pair is stored that should not be"
            if kept == "last frame":
                last = before.last_keys[world] if many else before.last_keys
                np.testing.assert_array_equal(rows[:stored, 2], ~np.isin(found[:stored], last))

    d.holds(agree)
