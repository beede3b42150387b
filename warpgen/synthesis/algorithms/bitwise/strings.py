"""Strings of bytes or words, one for each thread, in the layouts in which people keep them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from warpgen.synthesis.writing.draft import Draft, Values


class Strings(NamedTuple):
    """Where a string's parts are: text for the kernel, and the strings themselves for the reference."""

    head: str  # statements before the loop
    loop: str  # "for k in range(...):"
    at: str  # the part that the loop is at
    length: str
    first: str  # how an element is written whose place is `{}` behind the string's beginning
    rows: Callable[[Values], list[Any]]

    def element(self, place: str) -> str:
        return self.first.format(place)


def strings(d: Draft, name: str, type: str, count: int, length: int, high: int) -> Strings:
    """Declares `count` strings of values below `high`."""
    layout = d.option("layout", "rows", "offsets", "stride")
    if layout == "rows":
        d.input(name, type, (count, length), 0, high)
        return Strings(
            "",
            f"for k in range({name}.shape[1]):",
            f"{name}[tid, k]",
            f"{name}.shape[1]",
            f"{name}[tid, {{}}]",
            lambda v: list(v[name]),
        )
    if layout == "offsets":
        d.input("offsets", "int", count + 1, 0, count * length, kind="offsets")
        d.input(name, type, count * length, 0, high)
        return Strings(
            "start = offsets[tid]\nend = offsets[tid + 1]",
            "for k in range(start, end):",
            f"{name}[k]",
            "(end - start)",
            f"{name}[start + {{}}]",
            lambda v: [v[name][a:b] for a, b in zip(v.offsets[:-1], v.offsets[1:], strict=True)],
        )
    d.input(name, type, count * length, 0, high)
    d.param("length", "int", length)
    return Strings(
        "start = tid * length",
        "for k in range(length):",
        f"{name}[start + k]",
        "length",
        f"{name}[start + {{}}]",
        lambda v: list(v[name].reshape(count, length)),
    )


NAMES = {
    "data": "keys|text|message|chars",
    "offsets": "starts|string_offsets",
    "length": "key_length|stride|num_bytes",
    "start": "begin|first",
    "k": "b|pos|c",
}

# The same where a string's parts are words of more than one byte.
WORD_NAMES = NAMES | {
    "data": "words|keys|payload",
    "offsets": "starts|word_offsets",
    "length": "key_length|stride|words_per_key",
    "k": "j|pos|at",
}
