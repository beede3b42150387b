"""Keys sorted within blocks digit by digit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.parallel import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Blelloch 1990, sec. 1.3 (split); Satish, Harris & Garland 2009; Harris, Sengupta & Owens 2007; Herf 2001 (float keys)",
    names={
        "split_keys": "radix_sort_block|lsd_radix_tile|bit_split_sort|stable_digit_sort",
        "keys": "key_rows|block_keys|sort_keys",
        "payload": "attributes|attached|records",
        "before": "rank|front_rank|num_before",
        "num_front": "num_first|front_size|split_at",
        "to": "target|place|destination",
        "block": "tile_id|segment|b",
        "ITEMS": "TILE|N|KEYS",
    },
    adjoint="no",
    weight=5,
)
def split_keys(d: Draft) -> None:
    """Sorts each block of keys using one radix split per bit."""
    kind = d.option("keys", "uint32", "int", "float")
    result = d.option("result", "keys", "order", "payload", "run lengths")
    d.calls({
        "keys": "radix_sort_block|bit_split_sort|sort_block_keys",
        "order": "radix_argsort|argsort_block|stable_order",
        "payload": "sort_by_key|radix_sort_pairs|sort_records",
        "run lengths": "mark_key_runs|sorted_run_heads|sort_and_mark_runs",
    }[result])  # fmt: skip
    descending = d.flag("descending", 0.35)
    partial = d.option("bits", "all", "low", "high")
    items, blocks, bits = d.pick(16, 24, 32), d.pick(3, 4), d.pick(6, 8)
    if result == "run lengths":
        # few distinct keys, so that some are equal
        kind, bits = ("int" if kind == "float" else kind), 4
    if kind == "float":
        partial = "all"
    d.module(f"ITEMS = wp.constant({items})")
    high = 1 << bits
    if kind == "float":
        d.input("keys", "float", (blocks, items), -1.0, 1.0, about="keys to sort")
        bits = 32
    elif kind == "int":
        d.input("keys", "int", (blocks, items), -high // 2, high // 2, about="keys to sort")
    else:
        d.input("keys", "uint32", (blocks, items), 0, high, about="keys to sort")
    if result == "payload":
        d.input("payload", "vec2", (blocks, items), -1.0, 1.0, about="payload per key")
    first_bit, last_bit = {"all": (0, bits), "low": (0, bits // 2), "high": (bits // 2, bits)}[partial]
    name, type_, about = {
        "keys": ("sorted_keys", {"float": "float", "int": "int"}.get(kind, "uint32"), "sorted keys"),
        "order": ("order", "int", "source index for each sorted position"),
        "payload": ("carried", "vec2", "payload in sorted key order"),
        "run lengths": (
            "starts",
            "int",
            f"1 where a run of equal{'' if partial == 'all' else ' ' + partial} {'keys' if partial == 'all' else 'bits'} begins",
        ),
    }[result]
    d.param("end_bit", "int", last_bit, about="one past the last bit to sort by")
    d.output(name, type_, (blocks, items), about=about)
    part = {"all": "", "low": " low", "high": " high"}[partial]
    by = f" by their{part} bits," if part else ""
    d.says(
        {
            "keys": f"Sorts each block of keys{by} using one radix split per bit.",
            "order": f"Computes the stable sort permutation for each block of keys{by} using one radix split per bit.",
            "payload": f"Sorts records by{' the' + part + ' bits of' if part else ''} their keys using one radix split per bit.",
            "run lengths": f"Flags the start of each run of equal{part} bits after sorting each block by them."
            if part
            else "Flags the start of each run of equal keys after sorting each block.",
        }[result].replace(".", ", in descending order." if descending else ".")
    )
    signed = f"wp.uint32(key + {high // 2})"
    code = {
        "uint32": "return key",
        "int": f"# Offset so that negative keys sort first\nreturn {signed}",
        "float": "# Bits of positive floats sort like the floats, negative ones in reverse\n"
        "raw = wp.cast(key, wp.uint32)\nflip = wp.where((raw >> wp.uint32(31)) == wp.uint32(0), wp.uint32(0x80000000), wp.uint32(0xffffffff))\nreturn raw ^ flip",
    }[kind]
    type_in = {"uint32": "wp.uint32", "int": "int", "float": "float"}[kind]
    if kind != "uint32":
        d.function(f"@wp.func\ndef ordered_bits(key: {type_in}) -> wp.uint32:\n    $code", code=code)
    if result == "keys" and kind != "uint32":
        decode = {
            "int": f"return int(code) - {high // 2}",
            "float": "flip = wp.where((code >> wp.uint32(31)) == wp.uint32(0), wp.uint32(0xffffffff), wp.uint32(0x80000000))\nreturn wp.cast(code ^ flip, float)",
        }[kind]
        d.function(f"@wp.func\ndef from_bits(code: wp.uint32) -> {type_in}:\n    $decode", decode=decode)
    d.function(f'''
        @wp.func
        def goes_first(code: wp.uint32, bit: int) -> int:
            """Return 1 if a key goes to the front of the split at `bit`, 0 otherwise."""
            return {"int(code >> wp.uint32(bit)) & 1" if descending else "1 - (int(code >> wp.uint32(bit)) & 1)"}
    ''')
    d.function('''
        @wp.func
        def place_of(first: int, before: int, num_front: int, at: int) -> int:
            """Stable split: keys keep their order on both sides, so lower bits stay sorted."""
            if first == 1:
                return before
            return num_front + at - before
    ''')
    load = 'wp.tile_load(keys[block], shape=ITEMS, storage="shared")'
    if kind != "uint32":
        load = "wp.tile_map(ordered_bits, wp.tile_load(keys[block], shape=ITEMS))"
    moves = result in ("order", "payload")
    mask = f"wp.uint32({(1 << (last_bit - first_bit)) - 1:#x})"
    digit = f"({{}} >> wp.uint32(FIRST_BIT)) & {mask}" if first_bit else f"{{}} & {mask}"
    if first_bit:
        d.module(f"FIRST_BIT = wp.constant({first_bit})")
    if result == "run lengths":
        d.module(f"PAIRS = wp.constant({items - 1})  # number of adjacent key pairs")
        d.function(
            f"""
            @wp.func
            def differs(a: wp.uint32, b: wp.uint32) -> int:
                return wp.where(({digit.format("a")}) == ({digit.format("b")}), 0, 1)
        """
            if partial != "all"
            else """
            @wp.func
            def differs(a: wp.uint32, b: wp.uint32) -> int:
                return wp.where(a == b, 0, 1)
        """
        )
    stored = "codes" if result != "keys" or kind == "uint32" else "wp.tile_map(from_bits, codes)"
    end = {
        "keys": f"wp.tile_store(sorted_keys[block], {stored})",
        "order": "wp.tile_store(order[block], origin)",
        "payload": "wp.tile_store(carried[block], wp.tile_load_indexed(payload[block], indices=origin, shape=(ITEMS,)))",
        "run lengths": 'marks = wp.tile_ones(shape=ITEMS, dtype=int, storage="shared")\n'
        "later = wp.tile_view(codes, offset=(1,), shape=(PAIRS,))\n"
        "earlier = wp.tile_view(codes, offset=(0,), shape=(PAIRS,))\n"
        "wp.tile_assign(marks, wp.tile_map(differs, later, earlier), offset=(1,))\n"
        "wp.tile_store(starts[block], marks)",
    }[result]
    passes = "range(FIRST_BIT, end_bit)" if first_bit else "range(end_bit)"
    d.launch(blocks, tiled=True)
    d.code(
        f"""
        block, lane = wp.tid()
        codes = {load}
        $origin
        at_tile = wp.tile_arange(ITEMS, dtype=int)
        for bit in {passes}:
            first = wp.tile_map(goes_first, codes, bit)
            before = wp.tile_scan_exclusive(first)
            num_front = wp.tile_sum(first)[0]
            to = wp.tile_map(place_of, first, before, num_front, at_tile)
            moved = wp.tile_zeros(shape=ITEMS, dtype=wp.uint32, storage="shared")
            $room
            # Tile reads and scatters are collective, so threads without a key must participate too
            for start in range(0, ITEMS, wp.block_dim()):
                inside = start + lane < ITEMS
                item = wp.min(start + lane, ITEMS - 1)
                wp.tile_scatter_masked(moved, to[item], codes[item], inside)
                $scatter
            wp.tile_assign(codes, moved)
            $keep
        $end
        """,
        origin='origin = wp.tile_arange(ITEMS, dtype=int, storage="shared")' if moves else "",
        room='moved_origin = wp.tile_zeros(shape=ITEMS, dtype=int, storage="shared")' if moves else "",
        scatter="wp.tile_scatter_masked(moved_origin, to[item], origin[item], inside)" if moves else "",
        keep="wp.tile_assign(origin, moved_origin)" if moves else "",
        end=end,
    )
    d.explain(
        f"Keys with a {'one' if descending else 'zero'} bit get their output index from an exclusive scan;"
        " all others follow after them."
    )

    def reference(v: Values) -> Mapping[str, Any]:
        key = v["keys"]
        if kind == "int":
            key = key + high // 2
        if partial != "all":
            key = (key.astype(np.int64) >> first_bit) & ((1 << (last_bit - first_bit)) - 1)
        key = key.astype(np.float32) if kind == "float" else key.astype(np.int64)
        at = np.argsort(-key if descending else key, axis=1, kind="stable")
        if result == "order":
            return {name: at}
        if result == "payload":
            return {name: np.take_along_axis(v.payload, at[..., None], 1)}
        if result == "keys":
            return {name: np.take_along_axis(v["keys"], at, 1)}
        s = np.take_along_axis(key, at, 1)
        return {name: np.concatenate([np.ones((blocks, 1)), s[:, 1:] != s[:, :-1]], axis=1).astype(int)}

    d.check(reference)
