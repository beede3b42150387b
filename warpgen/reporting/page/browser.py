"""The browser of rows: its frame, and the rows as data for the page's script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from warpgen.reporting.page import sections

_PANES = (("python", "Python"), ("cpu", "C++"), ("cuda", "CUDA C++"))
_PARTS = (("forward", "forward"), ("backward", "adjoint"), ("all", "whole file"))


def section(total: int) -> str:
    """The frame that the script fills; `total` is how many rows the dataset holds."""
    panes = "".join(
        f'<div class="pane" id="pane-{name}"><h3>{title}</h3><pre tabindex="0"><code></code></pre></div>'
        for name, title in _PANES
    )
    parts = "".join(f'<button data-part="{name}">{title}</button>' for name, title in _PARTS)
    return sections.section(
        "rows",
        "Rows",
        f'<span id="held"></span> of {total:,} rows, evenly spread. Words are looked for in names, '
        "categories, builtins and Python; <code>builtin:sin</code>, <code>category:tile</code> and "
        "<code>verdict:pass</code> in those alone.",
        '<noscript><p class="about">The rows need JavaScript; all figures do without.</p></noscript>',
        '<div class="browser"><div class="list"><input id="find" type="search" placeholder="find rows" '
        'aria-label="find rows"><p id="found"></p><div id="results"></div></div>'
        '<div id="shown"><div class="head"><div><h3 id="name"></h3><p id="facts"></p></div>'
        f'<div class="parts">{parts}</div></div><div class="panes">{panes}</div>'
        '<details><summary>launch, arguments and evidence</summary><pre id="evidence"></pre></details>'
        "</div></div>",
    )


def embedded(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as JSON that cannot end the element it stands in."""
    text = msgspec.json.encode(rows).decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
