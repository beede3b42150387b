"""Cellular automata."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.stencil import DOMAIN
from warpgen.synthesis.algorithms.stencil.grid import Grid, total
from warpgen.synthesis.writing.draft import Draft, Values

_RING = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b]
_RULES = {  # born, surviving
    "game_of_life": ((3,), (2, 3)),
    "highlife": ((3, 6), (2, 3)),
    "seeds": ((2,), ()),
    "day and night": ((3, 6, 7, 8), (3, 4, 6, 7, 8)),
}


def _among(name: str, counts: tuple[int, ...]) -> str:
    return " or ".join(f"{name} == {n}" for n in counts)


def _either(name: str, counts: tuple[int, ...]) -> str:
    return f"({_among(name, counts)})" if len(counts) > 1 else _among(name, counts)


@DOMAIN.algorithm(
    source="Gardner 1970 (Conway's Life); Bell 1994 (HighLife); Silverman (Seeds)",
    names={
        "life_step": "automaton_step|cellular_automaton|update_cells|life_like_step",
        "cells": "alive|cells_in",
        "cells_new": "next_generation|next_cells",
        "count": "neighbors|alive_neighbors",
        "born": "birth_mask|birth_bits",
        "kept": "survival_mask|survival_bits",
    },
    adjoint="either",
    weight=3,
)
def life_step(d: Draft) -> None:
    """Advances a life-like cellular automaton by one generation."""
    g = Grid(d, 2, ("periodic", "wrap", "fixed", "interior"), layouts=("nd", "flat"))
    style = d.option("style", "rule", "masks", "ages", "early")
    counting = (
        d.option("counting", "sum", "loop")
        if g.edges in ("wrap", "fixed", "interior") and not g.flat
        else "sum"
    )
    rule = d.option("rule", *_RULES) if style in ("rule", "early", "ages") else "game_of_life"
    birth, survival = _RULES[rule]
    if style != "masks":
        called = {"game_of_life": "Conway's Game of Life", "highlife": "the HighLife automaton", "seeds": "the Seeds automaton",
                  "day and night": "the Day & Night automaton"}[rule]  # fmt: skip
        d.says(f"Advances {called} by one generation.")
    d.input("cells", "int", g.shape, 0, 2, about="Cell states, 1 if alive")
    if style == "masks":
        birth_bits, survival_bits = d.pick((8, 12), (72, 12), (456, 472), (8, 24))
        d.param("born", "int", birth_bits, about="Birth mask, bit n is set if n live neighbors give birth")
        d.param(
            "kept",
            "int",
            survival_bits,
            about="Survival mask, bit n is set if n live neighbors keep a cell",
        )
    g.sized(d)
    d.output("cells_new", "int", g.shape, about="Next generation")
    own, new = g.at("cells"), g.at("cells_new")
    if counting == "loop":
        i, j = (
            (f"{g.helper}(i + a, {g.sizes[0]})", f"{g.helper}(j + b, {g.sizes[1]})")
            if g.helper
            else ("i + a", "j + b")
        )
        lines = [
            "# Subtract the center cell, since the loop below includes it",
            f"count = -{own}",
            "for a in range(-1, 2):",
            "    for b in range(-1, 2):",
            f"        count += cells[{i}, {j}]",
        ]
    else:
        lines = [f"count = {total([g.at('cells', *o) for o in _RING])}"]
    if style == "masks":
        lines += [
            "# Bit n of the mask tells if a cell with n live neighbors is born or survives",
            f"rule = kept if {own} == 1 else born",
            f"{new} = (rule >> count) & 1",
        ]
    elif style == "rule":
        lines.append(f"if {own} == 1:")
        if survival:
            lines.append(f"    {new} = 1 if {_among('count', survival)} else 0")
        else:
            lines.append(f"    {new} = 0")
        lines += ["else:", f"    {new} = 1 if {_among('count', birth)} else 0"]
    elif style == "early":
        lines += [f"if {own} == 0:", f"    {new} = 1 if {_among('count', birth)} else 0", "    return"]
        lines.append(f"{new} = 1 if {_among('count', survival)} else 0" if survival else f"{new} = 0")
    else:
        lines.append(f"is_born = {own} == 0 and {_either('count', birth)}")
        if survival:
            lines.append(f"survives = {own} == 1 and {_either('count', survival)}")
        lines.append(f"{new} = 1 if is_born{' or survives' if survival else ''} else 0")
    g.code(d, "\n".join(lines), "cells", border=f"# Boundary cells stay dead\n{new} = 0")
    b, s = "".join(map(str, birth)), "".join(map(str, survival))
    if style == "masks":
        d.explain("`born` and `kept` are bit masks indexed by the number of live neighbors (B/S rule).")
    else:
        d.explain(f"Rule B{b}/S{s} using the Moore neighborhood; 1 is alive, 0 is dead.")

    def reference(v: Values) -> dict[str, Any]:
        alive = g.grid(v.cells)
        count = sum(g.near(v.cells, *o) for o in _RING)
        if style == "masks":
            new = np.where(alive == 1, v.kept >> count, v.born >> count) & 1
        else:
            new = np.where(alive == 1, np.isin(count, survival), np.isin(count, birth)).astype(int)
        return {"cells_new": g.result(new)}

    d.check(reference)


@DOMAIN.algorithm(
    source="Wolfram 1983",
    names={
        "elementary_automaton": "wolfram_rule|rule_step|automaton_1d|elementary_ca",
        "cells": "row|cells_in",
        "cells_new": "next_row|next_generation",
        "pattern": "triple|neighborhood",
        "rule": "rule_number|wolfram_code",
    },
    adjoint="either",
    weight=3,
)
def elementary_automaton(d: Draft) -> None:
    """Advances a one-dimensional two-state cellular automaton by one row, or packed words of it."""
    packed = d.option("storage", "cells", "table", "words")
    n = d.pick(48, 64, 100)
    edges = d.option("edges", "wrap", "zero")
    memory = d.flag("second order", 0.3)
    kind = "uint32" if packed == "words" else "int"
    what = "words of 32 cells" if packed == "words" else "cells, each 0 or 1"
    top = 2**32 if packed == "words" else 2
    d.input("cells", kind, n, 0, top, about=f"Row of {what}")
    if memory:
        d.input("before", kind, n, 0, top, about="Row of the previous generation")
    number = d.option("number", 30, 90, 110)
    said = {
        "cells": "Advances a row of an elementary cellular automaton using a given Wolfram rule number",
        "table": f"Advances a row of an elementary cellular automaton using rule {number}",
        "words": f"Advances a row of bit-packed cells (32 per word) using rule {number}",
    }[packed]
    d.says(said + (", made reversible using the previous row." if memory else "."))
    if packed == "table":
        bits = ", ".join(str((number >> k) & 1) for k in range(8))
        d.module(f"""
            vec8i = wp.types.vector(length=8, dtype=int)
            # rule {number}: new state for each three-cell pattern, starting at 000
            RULE = wp.constant(vec8i({bits}))
        """)
    elif packed == "cells":
        d.param("rule", "int", number, about="Wolfram rule number, bit p is the new state for pattern p")
    d.output("cells_new", kind, n, about="Next generation")
    lines = ["tid = wp.tid()", "n = cells.shape[0]"]
    if edges == "wrap":
        lines += ["left = cells[(tid + n - 1) % n]", "right = cells[(tid + 1) % n]"]
    else:
        zero = "wp.uint32(0)" if packed == "words" else "0"
        lines += [
            f"left = cells[tid - 1] if tid > 0 else {zero}",
            f"right = cells[tid + 1] if tid < n - 1 else {zero}",
        ]
    if packed == "words":
        lines += [
            "here = cells[tid]",
            "# Bit 0 is the first cell of a word; shift and carry in a bit from the adjacent word",
            "west = (here << wp.uint32(1)) | (left >> wp.uint32(31))",
            "east = (here >> wp.uint32(1)) | (right << wp.uint32(31))",
        ]
        value = {30: "west ^ (here | east)", 90: "west ^ east", 110: "(here | east) ^ (west & here & east)"}[
            number
        ]
    else:
        lines += ["pattern = 4 * left + 2 * cells[tid] + right"]
        value = "RULE[pattern]" if packed == "table" else "(rule >> pattern) & 1"
    if memory:
        lines += ["# XOR with the previous row for a reversible rule (Fredkin)"]
        value = value if packed == "table" else f"({value})"
        lines += [f"cells_new[tid] = {value} ^ before[tid]"]
    else:
        lines += [f"cells_new[tid] = {value}"]
    d.launch(n)
    d.code("\n".join(lines))

    def reference(v: Values) -> dict[str, Any]:
        cells = v.cells.astype(np.int64)
        if packed == "words":
            bits = (cells[:, None] >> np.arange(32)) & 1
            row = bits.reshape(-1)
        else:
            row = cells
        if edges == "wrap":
            low, high = np.roll(row, 1), np.roll(row, -1)
        else:
            low, high = np.r_[0, row[:-1]], np.r_[row[1:], 0]
        pattern = 4 * low + 2 * row + high
        new = (number >> pattern) & 1
        if packed == "words":
            new = (new.reshape(-1, 32) << np.arange(32)).sum(1)
        if memory:
            new = new ^ v.before.astype(np.int64)
        return {"cells_new": new.astype(v.cells.dtype)}

    d.check(reference)


@DOMAIN.algorithm(
    source="Bak, Tang & Wiesenfeld 1987; Drossel & Schwabl 1992",
    names={
        "forest_fire_step": "forest_fire|wildfire_step|grow_and_burn|fire_automaton",
        "state": "cells|forest",
        "updated": "updated|out",
        "draw": "rand|random_number|xi",
        "p_grow": "growth_probability|p_growth",
        "p_light": "lightning_probability|p_lightning",
    },
    adjoint="either",
    weight=3,
)
def forest_fire_step(d: Draft) -> None:
    """Advances a forest-fire automaton by one step using precomputed random numbers."""
    g = Grid(d, 2, ("periodic", "wrap", "clamp", "fixed"), layouts=("nd", "flat"))
    moore = d.option("neighbourhood", 4, 8)
    named = d.flag("constants")
    ring = _RING if moore == 8 else [(-1, 0), (1, 0), (0, -1), (0, 1)]
    immune = d.flag("immunity", 0.4) or moore == 8  # with as many neighbors nearly all others would burn
    style = d.option("style", "chain", "returns")
    if immune:
        d.says("Advances a forest-fire automaton with partly immune trees using given random numbers.")
    d.input("state", "int", g.shape, 0, 2.2, about="Cell states")
    d.input("draw", "float", g.shape, about="Uniform random numbers")
    d.param("p_grow", "float", 0.2, 0.5, about="Growth probability")
    d.param("p_light", "float", 0.05, 0.3, about="Lightning probability")
    if immune:
        d.param("immunity", "float", 0.1, 0.5, about="Probability that a tree withstands fire")
    g.sized(d)
    d.output("updated", "int", g.shape, about="Next state")
    empty, tree, fire = "0", "1", "2"
    if named:
        empty, tree, fire = "EMPTY", "TREE", "FIRE"
        d.module("EMPTY = wp.constant(0)\nTREE = wp.constant(1)\nFIRE = wp.constant(2)")
    own, new, luck = g.at("state"), g.at("updated"), g.at("draw")
    near = "\n    or ".join(f"{g.at('state', *o)} == {fire}" for o in ring)
    burn = f"(\n    {near}\n)"
    caught = f"{luck} >= immunity" if immune else ""
    lines = [f"s = {own}"]
    why = "# The same draw decides both: low values resist burning neighbors, the highest ones are lightning"
    spared = [why] if immune else []
    ignites = f"{luck} < p_light" if not immune else "1.0 - " + luck + " < p_light * (1.0 - immunity)"
    if style == "chain":
        burns = f"(near_fire and {caught}) or {ignites}" if immune else f"near_fire or {ignites}"
        lines += [
            f"near_fire = {burn}",
            f"if s == {fire}:",
            f"    {new} = {empty}",
            f"elif s == {tree}:",
            *(f"    {line}" for line in spared),
            f"    burns = {burns}",
            f"    {new} = {fire} if burns else {tree}",
            f"elif {luck} < p_grow:",
            f"    {new} = {tree}",
            "else:",
            f"    {new} = {empty}",
        ]
    else:
        lines += [
            f"if s == {fire}:",
            f"    {new} = {empty}",
            "    return",
            f"if s == {empty}:",
            f"    {new} = {tree} if {luck} < p_grow else {empty}",
            "    return",
            f"near_fire = {burn}",
            *(spared or ["# Lightning may ignite a tree without burning neighbors"]),
            f"burns = (near_fire and {caught}) or {ignites}" if caught else f"burns = near_fire or {ignites}",
            f"{new} = {fire} if burns else {tree}",
        ]
    g.code(d, "\n".join(lines), "state", border=f"{new} = {own}")
    d.explain("States: 0 empty, 1 tree, 2 fire. One uniform random number per cell.")

    def reference(v: Values) -> dict[str, Any]:
        s, luck = g.grid(v.state), g.grid(v.draw)
        near = np.any([g.near(v.state, *o) == 2 for o in ring], axis=0)
        strike = luck < v.p_light
        if immune:
            near &= luck >= v.immunity
            strike = 1 - luck < v.p_light * (1 - v.immunity)
        new = np.select([s == 2, s == 1], [0, np.where(near | strike, 2, 1)], np.where(luck < v.p_grow, 1, 0))
        return {"updated": g.result(new, border=s)}

    d.check(reference)


@DOMAIN.algorithm(
    source="Bak, Tang & Wiesenfeld 1987",
    names={
        "sandpile_topple": "topple|sandpile_step|abelian_sandpile|relax_pile",
        "grains": "pile|sand",
        "updated": "updated|out",
        "incoming": "received|gained|inflow",
        "active": "toppled|unstable|num_unstable",
    },
    adjoint="either",
    weight=4,
)
def sandpile_topple(d: Draft) -> None:
    """Topples all unstable cells of a sandpile in parallel."""
    scatter = d.option("scheme", "gather", "gather many", "scatter")
    # Cells at the rim either collect what falls off, or give to themselves what would.
    kept = ("fixed", "fixed", "periodic", "wrap")
    g = Grid(
        d,
        2,
        kept if scatter == "scatter" else ("clamp", "clamp func", "periodic", "wrap"),
        layouts=("nd", "flat"),
    )
    threshold = d.option("threshold", "four", "param")
    counted = d.flag("counted", 0.4) if scatter != "scatter" else False
    d.input("grains", "int", g.shape, 0, 12, about="Grains per cell")
    if threshold == "param":
        d.param("critical", "int", d.pick(4, 6, 8), about="Toppling threshold (number of grains)")
    g.sized(d)
    d.output("updated", "int", g.shape, about="Grains after toppling")
    if counted:
        d.output("active", "int", 1, about="Number of toppling cells")
    limit = "critical" if threshold == "param" else "4"
    ring = [(-1, 0), (1, 0), (0, -1), (0, 1)]
    own, new = g.at("grains"), g.at("updated")

    def out(o: tuple[int, ...]) -> str:
        cell = g.at("grains", *o)
        return f"topplings({cell}, critical)" if threshold == "param" else f"topplings({cell})"

    if scatter == "scatter":
        lines = [
            f"if {own} < {limit}:",
            f"    wp.atomic_add(updated, {g.index()}, {own})",
            "    return",
            f"wp.atomic_add(updated, {g.index()}, {own} - 4)",
        ]
        lines += [f"wp.atomic_add(updated, {g.index(*o)}, 1)" for o in ring]
        border = f"# Boundary cells only collect grains\nwp.atomic_add(updated, {g.index()}, {own})"
    else:
        given, rule = (
            (", critical: int" if threshold == "param" else ""),
            f"return 1 if count >= {limit} else 0",
        )
        if scatter == "gather many":
            most = "wp.max(count - critical + 4, 0)" if given else "count"
            rule = f"# Topple until the cell is stable\nreturn {most} // 4"
        d.function(f"@wp.func\ndef topplings(count: int{given}) -> int:\n    $rule", rule=rule)
        lines = [f"incoming = {total([out(o) for o in ring])}", f"times = {out((0, 0))}"]
        lines += [f"{new} = {own} - 4 * times + incoming"]
        if counted:
            lines += ["if times > 0:", "    wp.atomic_add(active, 0, 1)"]
        border = ""
    g.code(d, "\n".join(lines), "grains", border=border)
    often = "as many times as possible" if scatter == "gather many" else "once"
    d.says(f"Topples all unstable sandpile cells {often}, in parallel.")
    walls = " Grains do not leave the grid." if g.edges in ("clamp", "clamp func") else ""
    zero = " `updated` must be zero-initialized." if scatter == "scatter" else ""
    d.explain(f"Each toppling gives one grain to each of the four neighbors.{walls}{zero}")

    def reference(v: Values) -> dict[str, Any]:
        h = g.grid(v.grains)
        critical = v.critical if threshold == "param" else 4
        give = (
            np.maximum(h - critical + 4, 0) // 4 if scatter == "gather many" else (h >= critical).astype(int)
        )
        if scatter == "scatter":
            inner = np.zeros_like(h)
            inner[1:-1, 1:-1] = 1
            if g.inside:
                give = give * inner
            change = -4 * give
            for o in ring:
                change = change + np.roll(give, o, (0, 1))
            return {"updated": (h + change).reshape(g.shape)}
        new = h - 4 * give + sum(g.near(give, *o) for o in ring)
        found = {"updated": g.result(new)}
        if counted:
            found["active"] = [(g.result(give) > 0).sum()]
        return found

    d.check(reference)
