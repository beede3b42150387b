"""Masks of bits: cleared, inverted and merged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.bitwise import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.forms import Form

_OPERATORS = {"wp.bit_and": "&", "wp.bit_or": "|", "wp.bit_xor": "^"}


@DOMAIN.algorithm(
    source="Warren 2012, Hacker's Delight, ch. 2 (basics)",
    names={
        "word": "w|bits",
        "words": "data|values",
        "masks": "bit_masks|mask_words",
        "mask": "m",
        "out": "result|y",
    },
    adjoint="no",
    weight=7,
)
def masked_words(d: Draft) -> None:
    """Combines bit words and masks."""
    kind = d.option(
        "kind",
        "clear",
        "nand",
        "equal bits",
        "lowest clear",
        "negate",
        "merge",
        "align",
        "implies",
        "free bits",
    )
    named = d.option("spelled", "functions", "operators")
    d.calls(
        {
            "clear": "clear_masked_bits|clear_bits|clear_flags",
            "nand": "nand_words|bitwise_nand|nand_masks",
            "equal bits": "equal_bits|xnor_words|matching_bits",
            "lowest clear": "lowest_clear_bit|isolate_zero_bit|lowest_zero_bit",
            "negate": "negate_words|twos_complement|negate_integers",
            "merge": "merge_words|masked_merge|blend_bits",
            "align": "align_sizes|round_up_sizes|align_up_kernel",
            "implies": "bit_implication|implied_bits|flags_imply",
            "free bits": "count_free_bits|free_bit_count|count_unset_bits",
        }[kind]
    )
    d.says({
        "clear": "Clears the masked bits in each word.",
        "nand": "Computes the bitwise NAND of words and masks.",
        "equal bits": "Computes the bitwise XNOR (equal bits) of words and masks.",
        "lowest clear": "Isolates the lowest clear bit in each word.",
        "negate": "Negates integers using two's complement.",
        "merge": "Replaces unmasked bits in each word with the bits of a fill value.",
        "align": "Rounds sizes up to a power-of-two alignment.",
        "implies": "Computes the bitwise implication of two flag words.",
        "free bits": "Counts bits that are clear in both the word and the mask.",
    }[kind])  # fmt: skip
    form = Form(d)
    low, high = (1, 100000) if kind in ("align", "negate") else (-(1 << 30), 1 << 30)
    one, ones = {"align": ("size", "sizes"), "negate": ("x", "values")}.get(kind, ("word", "words"))
    two, twos = ("implied", "implied_words") if kind == "implies" else ("mask", "masks")
    about = {"align": "sizes in bytes", "negate": "integers"}.get(kind, "32-bit words")
    form.element(one, ones, low, high, "int", about=about)
    if kind not in ("lowest clear", "negate", "align"):
        form.element(two, twos, -(1 << 30), 1 << 30, "int", about="32-bit masks" if two == "mask" else about)
    if kind == "merge":
        form.number("fill", 0, 1 << 20, "int")
    if kind == "align":
        form.number("shift", 2, 8, "int", about="base-2 logarithm of the alignment")
    form.output("out", "int")

    def inverted(x: str) -> str:
        if named == "functions":
            return f"wp.invert({x})"
        return f"~({x})" if " " in x else f"~{x}"

    def both(operator: str, a: str, b: str) -> str:
        return f"{operator}({a}, {b})" if named == "functions" else f"{a} {_OPERATORS[operator]} {b}"

    lines, value = {
        "clear": ("", both("wp.bit_and", "word", inverted("mask"))),
        "nand": ("", inverted(both("wp.bit_and", "word", "mask"))),
        "equal bits": ("", inverted(both("wp.bit_xor", "word", "mask"))),
        "lowest clear": (
            "# Adding one carries through the trailing one bits\nnext_word = word + 1",
            both("wp.bit_and", inverted("word"), "next_word"),
        ),
        "negate": ("", f"{inverted('x')} + 1"),
        "merge": (
            f"kept = {both('wp.bit_and', 'word', 'mask')}\nfilled = {both('wp.bit_and', 'fill', inverted('mask'))}",
            both("wp.bit_or", "kept", "filled"),
        ),
        "align": (
            "low = (1 << shift) - 1\n# Add alignment - 1, then clear the low bits\nup = size + low",
            both("wp.bit_and", "up", inverted("low")),
        ),
        "implies": ("", both("wp.bit_or", inverted("word"), "implied")),
        "free bits": (f"free = {inverted(both('wp.bit_or', 'word', 'mask'))}", "wp.bit_count(free)"),
    }[kind]
    form.write(
        {
            "clear": "clear_bits_of", "nand": "nand", "equal bits": "xnor", "lowest clear": "lowest_zero", "negate": "negated",
            "merge": "merged", "align": "aligned", "implies": "implication", "free bits": "free_count",
        }[kind],
        lines,
        value,
    )  # fmt: skip

    def reference(v: Values) -> Mapping[str, Any]:
        w = v[ones].astype(np.int64)
        m = v.get(twos, w).astype(np.int64)
        found: dict[str, Callable[[], Any]] = {
            "clear": lambda: w & ~m,
            "nand": lambda: ~(w & m),
            "equal bits": lambda: ~(w ^ m),
            "lowest clear": lambda: ~w & (w + 1),
            "negate": lambda: -w,
            "merge": lambda: (w & m) | (int(v.fill) & ~m),
            "align": lambda: -(-w // (1 << int(v.shift))) * (1 << int(v.shift)),
            "implies": lambda: ~w | m,
            "free bits": lambda: np.vectorize(lambda x: bin(int(x) & 0xFFFFFFFF).count("1"))(~(w | m)),
        }
        return {"out": found[kind]().astype(np.int32)}

    d.check(reference)
