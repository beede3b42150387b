"""Figures and example row in README.md and docs/record.md, written from the datasets: so they stay true."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from warpgen import durable, places
from warpgen.command import Parser, call
from warpgen.errors import RootError
from warpgen.record import Row, Target
from warpgen.reporting import finished
from warpgen.reporting.example import choose, forward_excerpt
from warpgen.reporting.headline import figures
from warpgen.reporting.manifest import Manifest

_SHOWN_CODE = 200  # characters of `code` in the JSON: the excerpts beside it show the rest

_BLOCK = "<!-- {name}: written by scripts/sample -->\n"
_END = "<!-- end -->"


def refresh(page: str, rows: Mapping[Target, Row], manifests: Mapping[Target, Manifest]) -> str:
    """The page with its marked blocks written anew: `figures`, `programs`, and `row`, the JSON object."""
    blocks = {
        "figures": figures(manifests),
        "programs": _programs(rows),
        "row": _json(next(iter(rows.values()))),
    }
    for name, text in blocks.items():
        start = re.escape(_BLOCK.format(name=name))
        page = re.sub(f"({start}).*?({_END})", lambda m, t=text: m[1] + t + m[2], page, flags=re.S)  # type: ignore[misc]
    return page


def _programs(rows: Mapping[Target, Row]) -> str:
    """The Python and the forward function per target."""
    first = next(iter(rows.values()))
    parts = [f"```python\n{first.python_source.strip()}\n```\n"]
    for target, row in rows.items():
        parts.append(f"```{'cuda' if target == 'cuda' else 'cpp'}\n{forward_excerpt(row)}\n```\n")
    return "\n".join(parts)


def _json(row: Row) -> str:
    """The row as JSON; of its code only the beginning, as it fills pages."""
    left = len(row.code) - _SHOWN_CODE
    short = msgspec.structs.replace(row, code=f"{row.code[:_SHOWN_CODE]} ... and {left:,} characters more")
    text = msgspec.json.format(msgspec.json.encode(short), indent=2).decode()
    # A list of numbers on a line each would make the page long and no clearer.
    text = re.sub(r"\[\s+([\d\s,]+?)\s+\]", lambda m: "[" + re.sub(r"\s+", " ", m[1]) + "]", text)
    return f"```json\n{text}\n```\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Refresh the pages from the finished datasets under a root; returns the exit code."""
    parser = Parser(
        "reporting.showcase", "Write figures and the example row of the finished datasets into pages."
    )
    parser.add_argument("root", type=places.local, help="folder that holds manifests/ and data/")
    parser.add_argument("pages", type=Path, nargs="+", help="Markdown files with marked blocks")
    args = parser.parse_args(argv)
    manifests = finished.described(args.root)
    paths = {
        target: finished.path_of(args.root, manifest, whole=True) for target, manifest in manifests.items()
    }
    rows = choose(paths, min(manifest.figures.last_index for manifest in manifests.values()))
    if not rows:
        raise RootError("no row of the datasets is short enough to show")
    for page in args.pages:
        durable.write(page, refresh(page.read_text(), rows, manifests).encode())
        print(f"wrote {page}")
    return 0


if __name__ == "__main__":
    call(main)
