"""What goes to a terminal: safe text and small bar charts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from unicodedata import category

_EIGHTHS = " ▏▎▍▌▋▊▉"
_LEVELS = "▁▂▃▄▅▆▇█"
_PLAIN = re.compile(r"[\n\t -~]*")


def printable(text: str) -> str:
    """The text with every control and format character but line end and tab written as an escape.

    A dataset may come from anybody, and a terminal obeys escape sequences and bidirectional marks.
    """
    if _PLAIN.fullmatch(text):  # nearly all code: a hundred times faster
        return text
    return "".join(
        c if c in "\n\t" or category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp") else ascii(c)[1:-1]
        for c in text
    )


def bar(value: float, largest: float, width: int = 20) -> str:
    """A horizontal bar of at most `width` characters, an eighth of a character fine."""
    eighths = round(8 * width * value / largest) if largest > 0 else 0
    if value > 0 and eighths == 0:
        eighths = 1  # something that is there must show
    full, rest = divmod(eighths, 8)
    return "█" * full + (_EIGHTHS[rest] if rest else "")


def skyline(counts: Iterable[int]) -> str:
    """One character of height in proportion for each count; a blank where the count is zero."""
    values = list(counts)
    largest = max(values, default=0)
    return "".join(_LEVELS[max(0, round(8 * v / largest) - 1)] if v else " " for v in values)


def percent(share: float) -> str:
    """A share, 0 ... 1, for a person: 69.4 %. Only the whole is 100.0 %."""
    return "> 99.9 %" if 0.9995 <= share < 1 else f"{100 * share:.1f} %"


def compact(value: float) -> str:
    """A number of bytes in few characters: 96, 1.5k, 24k, 3M (powers of two)."""
    for unit in ("", "k", "M"):
        if value < 1024:
            return f"{value:.3g}{unit}"
        value /= 1024
    return f"{value:.3g}G"


def size_text(size: float) -> str:
    """Bytes for a person: 512 B, 23.4 KiB, 200.0 MiB."""
    if size < 1024:
        return f"{size:.0f} B"
    for unit in ("KiB", "MiB"):
        size /= 1024
        if size < 1024:
            return f"{size:.1f} {unit}"
    return f"{size / 1024:.1f} GiB"
