"""Puzzles whose states are sets of bits."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.bitwise import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Somers 2002 (queens by bits); Norvig 2006 (sudoku); Collatz 1937; Gardner 1970 (life)",
    names={
        "columns": "cols|taken|files",
        "placed": "row|depth|level",
        "solutions": "counts|num_solutions|found",
        "free": "available|candidates",
        "bit": "square|place|lowest",
    },
    adjoint="no",
    weight=3,
)
def bit_puzzles(d: Draft) -> None:
    """Solves puzzles using bitmasks."""
    kind = d.option("kind", "queens", "sudoku", "collatz", "life", "subsets")
    form = d.option("form", "plain", "compact")
    word = d.option("word", "int", "uint32")
    extra = d.flag("extra")
    d.calls(
        {
            "queens": "count_queens|n_queens|place_queens",
            "sudoku": "count_hidden_singles|hidden_single_counts|sudoku_singles"
            if extra
            else "find_hidden_singles|hidden_singles|sudoku_singles",
            "collatz": "collatz_steps|hailstone_steps|collatz_lengths",
            "life": "game_of_life|life_step|life_generation",
            "subsets": "knapsack_subsets|best_subset|search_subsets",
        }[kind]
    )
    n = d.pick(32, 48, 64)
    blocks: dict[str, str] = {}
    w = "int" if word == "int" else "wp.uint32"

    if kind == "queens":
        size = d.pick(5, 6, 7)
        n = size * size
        d.module(
            f"SIZE = wp.constant({size})\nFULL = wp.constant((1 << {size}) - 1)\n"
            f"vec{size + 1}i = wp.types.vector({size + 1}, wp.int32)"
        )
        d.output("solutions", "int", n)
        seed = (
            "first = tid // SIZE\nsecond = tid % SIZE"
            if form == "plain"
            else "first = tid % SIZE\nsecond = tid // SIZE"
        )
        last = "free[2] = FULL & ~(columns[2] | left[2] | right[2])"
        nxt = "free[placed] = FULL & ~(columns[placed] | left[placed] | right[placed])"
        body = f"""
        # Each thread enumerates all completions for one placement of the first two queens
        {seed}
        if wp.abs(first - second) < 2:
            solutions[tid] = 0
            return
        columns = vec{size + 1}i()
        left = vec{size + 1}i()
        right = vec{size + 1}i()
        free = vec{size + 1}i()
        a = 1 << first
        b = 1 << second
        columns[2] = a | b
        left[2] = ((a << 1) | b) << 1
        right[2] = ((a >> 1) | b) >> 1
        {last}
        placed = int(2)
        count = int(0)
        while placed >= 2:
            if placed == SIZE:
                count += 1
                placed -= 1
                continue
            if free[placed] == 0:
                placed -= 1
                continue
            bit = free[placed] & -free[placed]
            free[placed] = free[placed] ^ bit
            columns[placed + 1] = columns[placed] | bit
            left[placed + 1] = (left[placed] | bit) << 1
            right[placed + 1] = (right[placed] | bit) >> 1
            placed += 1
            if placed < SIZE:
                {nxt}
        solutions[tid] = count
        """.replace("\n        ", "\n").strip()
        dims: tuple[int, ...] = (n,)
        d.says("Counts N-queens solutions for each placement of queens in the first two rows.")
    elif kind == "sudoku":
        n = d.pick(4, 6)
        house = "row" if form == "plain" else "box"
        d.input("candidates", word, (n, 9, 9), 1, 512, about="candidate mask per cell, digit k is bit k - 1")
        d.output("counts" if extra else "singles", "int" if extra else word, (n, 9))
        if form == "plain":
            head, cell = "", "candidates[p, h, k]"
        else:
            head = "top = h // 3 * 3\nleft = h % 3 * 3"
            cell = "candidates[p, top + k // 3, left + k % 3]"
        store = "counts[p, h] = wp.bit_count(once)" if extra else "singles[p, h] = once"
        body = f"""
        {head or "$nothing"}
        once = {w}(0)
        several = {w}(0)
        for k in range(9):
            cell = {cell}
            several = several | (once & cell)
            once = (once | cell) & ~several
        {store}
        """.replace("left = h", "        left = h")
        blocks |= {"nothing": ""}
        dims = (n, 9)
        d.says(
            f"Counts hidden singles per sudoku {house}, i.e. digits with a single candidate cell."
            if extra
            else f"Finds hidden singles in each sudoku {house}, i.e. digits with a single candidate cell."
        )
    elif kind == "collatz":
        d.input("start", "int", n, 1, 400)
        d.output("steps", "int", n)
        if extra:
            d.output("peak", "int", n)
        track = "top = wp.max(top, x)" if extra else ""
        if form == "plain":
            step = "if x % 2 == 0:\n    x = x // 2\nelse:\n    x = 3 * x + 1\n    $track\ncount += 1"
        else:
            step = (
                "# 3x + 1 is even for odd x, so do both steps at once\n"
                "if (x & 1) == 1:\n"
                "    x = 3 * x + 1\n"
                "    $track\n"
                "    count += 1\n"
                "x = x >> 1\n"
                "count += 1"
            )
        body = (
            "x = start[tid]\n"
            + ("top = x\n" if extra else "")
            + "count = int(0)\nwhile x != 1:\n    $step\nsteps[tid] = count"
            + ("\npeak[tid] = top" if extra else "")
        )
        body = body.replace("$step", step.replace("\n", "\n    "))
        body = (
            body.replace("        $track\n", "").replace("    $track\n", "")
            if not track
            else body.replace("$track", track)
        )
        dims = (n,)
        d.says(
            "Counts Collatz steps until each number reaches one"
            + (", and records the peak value." if extra else ".")
        )
    elif kind == "life":
        rows, cols = d.pick(16, 24), d.pick(4, 6)
        d.input("board", "uint32", (rows, cols), 0, 1 << 32)
        d.output("after", "uint32", (rows, cols))
        wrap = extra
        d.function(
            """
            @wp.func
            def word_at(board: wp.array2d(dtype=wp.uint32), r: int, c: int) -> wp.uint32:
                $guard
                return board[$row, $col]
            """,
            guard=""
            if wrap
            else (
                "# Cells outside the grid are dead\n"
                "if r < 0 or r >= board.shape[0] or c < 0 or c >= board.shape[1]:\n"
                "    return wp.uint32(0)"
            ),
            row="r",
            col="(c + board.shape[1]) % board.shape[1]" if wrap else "c",
        )
        d.function("""
            @wp.func
            def west(board: wp.array2d(dtype=wp.uint32), r: int, c: int) -> wp.uint32:
                # Shift in the top bit of the neighboring word
                return (word_at(board, r, c) << wp.uint32(1)) | (word_at(board, r, c - 1) >> wp.uint32(31))
        """)
        d.function("""
            @wp.func
            def east(board: wp.array2d(dtype=wp.uint32), r: int, c: int) -> wp.uint32:
                return (word_at(board, r, c) >> wp.uint32(1)) | (word_at(board, r, c + 1) << wp.uint32(31))
        """)
        d.function("""
            @wp.func
            def count_in(ones: wp.uint32, twos: wp.uint32, fours: wp.uint32, x: wp.uint32):
                # Saturate at four since larger counts are equivalent
                return ones ^ x, twos ^ (ones & x), fours | (twos & ones & x)
        """)
        near = "(r + dr + rows) % rows" if wrap else "r + dr"
        if form == "plain":
            steps = """
            ones, twos, fours = count_in(ones, twos, fours, west(board, q, c))
            ones, twos, fours = count_in(ones, twos, fours, east(board, q, c))
            if dr != 0:
                ones, twos, fours = count_in(ones, twos, fours, word_at(board, q, c))
            """
        else:
            steps = """
            for dc in range(-1, 2):
                if dr == 0 and dc == 0:
                    continue
                ones, twos, fours = count_in(ones, twos, fours, column_at(board, q, c, dc))
            """
            d.function("""
                @wp.func
                def column_at(board: wp.array2d(dtype=wp.uint32), r: int, c: int, dc: int) -> wp.uint32:
                    if dc < 0:
                        return west(board, r, c)
                    if dc > 0:
                        return east(board, r, c)
                    return word_at(board, r, c)
            """)
        body = f"""
        {"rows = board.shape[0]" if wrap else "$nothing"}
        # Bit-sliced counters: one bit plane per binary digit, 32 cells at once
        ones = wp.uint32(0)
        twos = wp.uint32(0)
        fours = wp.uint32(0)
        for dr in range(-1, 2):
            q = {near}
            $steps
        # Rule B3/S23
        after[r, c] = ~fours & twos & (ones | board[r, c])
        """
        blocks |= {"steps": steps, "nothing": ""}
        dims = (rows, cols)
        d.says(
            f"Advances Conway's Game of Life{' on a torus' if wrap else ''} by one generation, with 32 cells packed per word."
        )
    else:
        size = d.pick(6, 8)
        d.input("weights", "int", size, 1, 20)
        n = 1 << size
        d.param("capacity", "int", d.pick(20, 30, 40))
        if extra:
            d.input("profits", "int", size, 1, 20)
        d.output("best", "int", 1)
        loop = (
            (
                f"for k in range({'weights.shape[0]'}):\n"
                "    if ((tid >> k) & 1) == 1:\n"
                "        load += weights[k]"
            )
            if form == "plain"
            else (
                "rest = tid\n"
                "k = int(0)\n"
                "while rest != 0:\n"
                "    if (rest & 1) == 1:\n"
                "        load += weights[k]\n"
                "    rest = rest >> 1\n"
                "    k += 1"
            )
        )
        init = "load = int(0)"
        value = "load"
        if extra:
            loop = loop.replace("load += weights[k]", "load += weights[k]\n$pad" + "worth += profits[k]")
            loop = loop.replace("$pad", "        ")
            init += "\nworth = int(0)"
            value = "worth"
        body = (
            "# One thread per subset, encoded in the bits of the thread index\n"
            f"{init}\n"
            f"{loop}\n"
            "if load <= capacity:\n"
            f"    wp.atomic_max(best, 0, {value})"
        )
        dims = (n,)
        d.says(
            f"Finds the {'most valuable' if extra else 'heaviest'} knapsack filling by brute force over all subsets."
        )
    ids = {"sudoku": "p, h = wp.tid()", "life": "r, c = wp.tid()"}.get(kind, "tid = wp.tid()")
    d.launch(*dims)
    d.code("$ids\n$body", ids=ids, body=body, **blocks)

    def queens() -> Any:
        found = np.zeros((size, size), int)

        def go(rows: list[int]) -> None:
            if len(rows) == size:
                i, j = rows[:2] if form == "plain" else rows[1::-1]
                found[i, j] += 1
                return
            for c in range(size):
                if all(c != q and abs(c - q) != len(rows) - r for r, q in enumerate(rows)):
                    go([*rows, c])

        go([])
        return found.ravel()

    def reference(v: Values) -> dict[str, Any]:
        if kind == "queens":
            return {"solutions": queens()}
        if kind == "sudoku":
            cells = v.candidates.astype(int)
            if form != "plain":
                cells = cells.reshape(n, 3, 3, 3, 3).swapaxes(2, 3).reshape(n, 9, 9)
            hot = (cells[..., None] >> np.arange(9)) & 1
            alone = hot.sum(axis=2) == 1
            return {"counts": alone.sum(-1)} if extra else {"singles": (alone << np.arange(9)).sum(-1)}
        if kind == "collatz":
            steps, peak = [], []
            for x in v.start.tolist():
                path = [x]
                while path[-1] != 1:
                    path.append(path[-1] // 2 if path[-1] % 2 == 0 else 3 * path[-1] + 1)
                steps.append(len(path) - 1)
                peak.append(max(path))
            return {"steps": np.array(steps)} | ({"peak": np.array(peak)} if extra else {})
        if kind == "life":
            cells = np.unpackbits(v.board.astype("<u4").view("u1"), axis=1, bitorder="little").astype(int)
            padded = np.pad(cells, 1, "wrap" if extra else "constant")
            windows_ = np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).sum(axis=(2, 3)) - cells
            alive = (windows_ == 3) | ((windows_ == 2) & (cells == 1))
            return {"after": np.packbits(alive, axis=1, bitorder="little").view("<u4").astype(np.uint32)}
        subsets = (np.arange(1 << size)[:, None] >> np.arange(size)) & 1
        load = subsets @ v.weights
        worth = subsets @ (v.profits if extra else v.weights)
        return {"best": np.array([worth[load <= v.capacity].max()])}

    d.check(reference)
