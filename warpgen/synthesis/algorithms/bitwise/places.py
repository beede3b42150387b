"""Hashes of cells in space and of boards."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.bitwise import DOMAIN
from warpgen.synthesis.library import mixers
from warpgen.synthesis.writing.draft import Draft, Values

_TESCHNER = (73856093, 19349663, 83492791)


@DOMAIN.algorithm(
    source="Teschner et al. 2003, section 4.1; Jarzynski & Olano 2020",
    names={
        "spatial_hash": "hash_cells|cell_hash|assign_slots|hash_positions",
        "x": "points|positions|pos|particle_q",
        "slots": "cell_slots|hash_slots",
        "counts": "slot_counts|histogram|occupancy",
        "h": "key|hash_code|code",
        "cell_size": "spacing|dx|cell_width",
        "inv_cell": "inv_spacing|inv_cell_size",
        "table_size": "num_slots|hash_size|num_buckets",
    },
    adjoint="either",
    weight=4,
)
def spatial_hash(d: Draft) -> None:
    """Maps each point to a hash table slot using its grid cell."""
    dim = d.option("dim", 3, 2)
    how = d.option("how", "xor of primes", "chained", "combined", weights=(2.0, 2.0, 1.0))
    mixer = d.option("mixer", *mixers.MIXERS)
    out = d.option("out", "cell", "count", "both")
    inverse = d.flag("inverse")
    if out == "count":
        d.calls("count_in_slots|slot_counts|count_points|bin_points")
    if out != "cell":
        d.says({
            "count": "Counts points per hash table slot using spatial hashing of grid cells.",
            "both": "Computes a spatial hash for each point and counts points per table slot.",
        }[out])  # fmt: skip
    count, size = d.pick(64, 96, 128, 200), d.pick(64, 128, 97, 151)
    d.input("x", f"vec{dim}", count, -4.0, 4.0)
    width = d.pick(0.25, 0.5, 1.0)
    d.param("inv_cell" if inverse else "cell_size", "float", 1.0 / width if inverse else width)
    d.param("table_size", "int", size, about="number of slots")
    if out != "count":
        d.output("slots", "int", count, about="hash table slot per point")
    if out != "cell":
        d.output("counts", "int", size, about="number of points per slot")
    axes = "xyz"[:dim]
    scale = "* inv_cell" if inverse else "/ cell_size"
    lines = "\n".join(f"i{a} = wp.uint32(int(wp.floor(p[{n}] {scale})))" for n, a in enumerate(axes))
    if how == "xor of primes":
        terms = " ^ ".join(f"(i{a} * wp.uint32({_TESCHNER[n]}))" for n, a in enumerate(axes))
        hashed = f"h = {terms}"
    elif how == "chained":
        mix = d.use(mixer)
        nested = "ix"
        for a in axes[1:]:
            nested = f"{mix}({nested}) + i{a}"
        hashed = (
            "# mix each axis before adding the next one: a plain sum would collide for (1, 2) and "
            "(2, 1)\n"
            f"h = {mix}({nested})"
        )
    else:
        mix = d.use(mixer)
        folded = "\n".join(
            f"h = h ^ ({mix}(i{a}) + wp.uint32(0x9E3779B9) + (h << wp.uint32(6)) + (h >> wp.uint32(2)))"
            for a in axes[1:]
        )
        hashed = f"h = {mix}(ix)\n{folded}"
    slot = "int(h % wp.uint32(table_size))"
    store = {
        "cell": f"slots[tid] = {slot}",
        "count": f"wp.atomic_add(counts, {slot}, 1)",
        "both": f"place = {slot}\nslots[tid] = place\nwp.atomic_add(counts, place, 1)",
    }[out]
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        p = x[tid]
        # NOTE: use floor because a cast truncates toward zero
        $lines
        $hashed
        $store
        """,
        lines=lines,
        hashed=hashed,
        store=store,
    )

    def reference(v: Values) -> dict[str, Any]:
        i = np.floor(v.x / width).astype(np.int64).astype(np.uint32).T
        with np.errstate(over="ignore"):
            if how == "xor of primes":
                h = np.bitwise_xor.reduce([i[a] * np.uint32(_TESCHNER[a]) for a in range(dim)])
            elif how == "chained":
                h = mixer(i[0])
                for a in range(1, dim):
                    h = mixer(h + i[a])
            else:
                h = mixer(i[0])
                for a in range(1, dim):
                    h = h ^ (mixer(i[a]) + np.uint32(0x9E3779B9) + (h << np.uint32(6)) + (h >> np.uint32(2)))
        cell = (h % np.uint32(size)).astype(np.int32)
        found: dict[str, Any] = {}
        if out != "count":
            found["slots"] = cell
        if out != "cell":
            found["counts"] = np.bincount(cell, minlength=size).astype(np.int32)
        return found

    d.check(reference)


@DOMAIN.algorithm(
    source="Zobrist 1970",
    names={
        "zobrist_hash": "zobrist_keys|hash_positions|hash_boards|board_keys",
        "board": "boards|positions|squares",
        "table": "zobrist|random_keys|bitstrings",
        "key": "h|hash_key|signature",
        "piece": "stone|occupant",
        "side": "to_move|side_to_move|turn",
    },
    adjoint="either",
    weight=3,
)
def zobrist_hash(d: Draft) -> None:
    """Computes Zobrist hashes of board positions by XOR of random keys per piece and square."""
    wide = d.flag("wide", 0.4)
    mode = d.option("mode", "full", "moved", "grid")
    side = d.flag("side")
    empty = d.option("empty", "zero", "negative")
    word = "uint64" if wide else "uint32"
    boards, squares, kinds = d.pick(24, 32, 48), d.pick(9, 16, 25), d.pick(2, 4, 6)
    edge = int(squares**0.5)
    top = float(1 << 52) if wide else 1 << 32
    low = 0 if empty == "zero" else -1
    test = "piece == 0" if low == 0 else "piece < 0"
    row = "piece - 1" if low == 0 else "piece"
    shape = (boards, edge, edge) if mode == "grid" else (boards, squares)
    d.input("board", "int", shape, low, kinds + 1 + low, about="piece on each square")
    d.input("table", word, (kinds, squares), 1, top, about="random key per piece and square")
    if side:
        if mode != "moved":
            d.says("Computes Zobrist hashes of board positions, including the side to move.")
            d.input("side", "int", boards, 0, 2, about="side to move")
        d.param("side_key", word, 1, top, about="random key for the side to move")
    if mode == "moved":
        d.input("from_square", "int", boards, 0, squares, about="source square")
        d.input("to_square", "int", boards, 0, squares, about="target square")
        d.calls("update_keys|zobrist_update|move_pieces|keys_after_moves")
        d.inout("keys", word, boards, 1, top, about="board hashes, updated in place")
    else:
        d.output("keys", word, boards)
    d.launch(boards)
    if mode == "grid":
        loop = f"""
        for r in range(board.shape[1]):
            for c in range(board.shape[2]):
                piece = board[tid, r, c]
                if {test}:
                    continue
                key = key ^ table[{row}, r * board.shape[2] + c]
        """
    else:
        loop = f"""
        for s in range(board.shape[1]):
            piece = board[tid, s]
            if {test}:
                continue
            key = key ^ table[{row}, s]
        """
    moved = ""
    if mode == "moved":
        d.says("Incrementally updates Zobrist hashes after one move per board.")
        moved = f"""
        a = from_square[tid]
        b = to_square[tid]
        piece = board[tid, a]
        if {test.replace("==", "!=").replace("<", ">=")} and a != b:
            # XOR removes the piece from the old square and adds it to the new one
            key = key ^ table[{row}, a] ^ table[{row}, b]
            taken = board[tid, b]
            if {test.replace("piece", "taken").replace("==", "!=").replace("<", ">=")}:
                key = key ^ table[{row.replace("piece", "taken")}, b]
            $side
        """
    d.code(
        """
        tid = wp.tid()
        key = $first
        $body
        $after
        keys[tid] = key
        """,
        first="keys[tid]" if mode == "moved" else f"wp.{word}(0)",
        body=moved or loop,
        side="key = key ^ side_key" if side and mode == "moved" else "",
        after="if side[tid] != 0:\n    key = key ^ side_key" if side and mode != "moved" else "",
    )

    def reference(v: Values) -> dict[str, Any]:
        def hashed(board: Any) -> Any:
            kind = board - 1 if low == 0 else board
            keys = np.where(board == low, 0, v.table[np.maximum(kind, 0), np.arange(squares)])
            return np.bitwise_xor.reduce(keys.astype(v.table.dtype), axis=1)

        board = v.board.reshape(boards, squares).copy()
        made = hashed(board)
        if mode == "moved":
            every = np.arange(boards)
            moving = board[every, v.from_square]
            there = (moving != low) & (v.from_square != v.to_square)
            board[every[there], v.to_square[there]] = moving[there]
            board[every[there], v.from_square[there]] = low
            made = v["keys"] ^ made ^ hashed(board)
            return {"keys": np.where(there, made ^ v.side_key, made).astype(made.dtype) if side else made}
        if side:
            made = np.where(v.side != 0, made ^ v.side_key, made).astype(v.table.dtype)
        return {"keys": made}

    d.check(reference)
