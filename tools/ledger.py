"""Write docs/warp_faults.md from the scripts of faults/ and from what was measured with them."""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from tools import planted_reductions, rediscover
from tools.bisect import FAULTS, read, scripts
from warpgen.extraction.versions import warp_version
from warpgen.hunting.session import by_seed, smalls
from warpgen.hunting.tally import Tally, table, tally

PAGE = FAULTS.parent / "docs" / "warp_faults.md"
HUNTS = FAULTS / "hunts"  # what came of each hunt that --hunt took over, by its seed

INTRO = """\
# Faults of Warp

What warpgen found, or met again, in Warp {version}. Each line of the table is a script in `faults/` of
at most 40 lines that prints what was expected and what came; it exits with 1 while the fault is there,
with 0 where it is mended. The scripts need nothing but Warp and run on the CPU; numbers 21 and 27 run
CUDA text without a GPU and need warpgen. A *limit* is what Warp's own guide or reference says; all else is
called a fault. For faults without an upstream report, a text to report them with follows below; nothing
was sent. How new ones are found: [the hunt](hunt.md).

What is called *rounding*, in a table here or of a program that a dataset drops, is no fault of Warp: floats
of 32 bits cannot hold what the program computes on its inputs, and the same program in 64 bits is right.

*Since* is the oldest release, of those that were tried, from which each later one shows it; tried with
`tools/bisect.py`: {versions}. *Upstream* names issues of NVIDIA/warp; where none was found, the words
are those that a search of a stored copy of GitHub's issues was given. Written by `tools/ledger.py`.
"""

REPORTS = """\
## Reports

Each is whole: title, words, script and output. The versions are the same for all:

```text
{diagnostics}
```
"""


class Fault(NamedTuple):
    """One script: its number, what its head says, and its text."""

    script: Path
    title: str
    upstream: str
    kind: str
    sure: str
    text: str

    @property
    def number(self) -> str:
        """Its two digits."""
        return self.script.name[:2]

    @property
    def unreported(self) -> bool:
        """Whether it is a fault and a search found no report of it."""
        return self.upstream.startswith("none found") and self.kind.startswith("fault")


def main() -> int:
    """Write the page, or with --check say whether it is up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if the page is another")
    parser.add_argument("--hunt", type=Path, help="folder of a hunt, which the page's table shall count")
    args = parser.parse_args()
    if args.hunt:
        _take(args.hunt)
    if args.check:
        return int(PAGE.read_text() != page())
    PAGE.write_text(page())
    return 0


def _take(root: Path) -> None:
    """Keep the tally of each hunt under a root, in place of the one of that seed."""
    HUNTS.mkdir(exist_ok=True)
    small = smalls(root)
    for seed, units in by_seed(root).items():
        made = tally(units, [s for s in small if s.case.program.seed == seed])
        (HUNTS / f"seed_{seed}.json").write_bytes(msgspec.json.format(msgspec.json.encode(made)) + b"\n")


def _hunts() -> list[Tally]:
    return [msgspec.json.decode(path.read_bytes(), type=Tally) for path in sorted(HUNTS.glob("*.json"))]


def faults() -> list[Fault]:
    """All of the ledger. Raises ValueError for a script whose head lacks something."""
    return [_read(script) for script in scripts()]


def _read(script: Path) -> Fault:
    text = script.read_text()
    title, *rest = (ast.get_docstring(ast.parse(text)) or "").splitlines()
    fields = dict(re.findall(r"^(\w+): (.+)$", "\n".join(rest), re.M))
    if missing := {"Upstream", "Kind", "Sure"} - set(fields):
        raise ValueError(f"{script.name}: its head lacks {', '.join(sorted(missing))}")
    return Fault(script, title, fields["Upstream"], fields["Kind"], fields["Sure"], text)


def since(name: str) -> str:
    """The oldest measured version from which on all that were measured show the fault."""
    measured = read()
    oldest = ""
    for version in sorted(measured, key=lambda v: tuple(map(int, v.split("."))), reverse=True):
        if name not in measured[version]:
            continue
        if measured[version][name][0] != 1:
            break
        oldest = version
    return f"{oldest} or before" if oldest == next(iter(measured)) else oldest


def page() -> str:
    """The page's text."""
    known = faults()
    return "\n".join([*_lines(known)]).rstrip() + "\n"


def _lines(known: list[Fault]) -> Iterator[str]:
    version, measured = warp_version(), read()
    yield INTRO.format(version=version, versions=", ".join(measured))
    yield "| | what | since | upstream | kind |\n|---|---|---|---|---|"
    for fault in known:
        upstream = _linked(fault.upstream.split(" (issues searched")[0])
        told = f"[{fault.number}](#{fault.number}) | {fault.title} | {since(fault.script.stem)}"
        yield f"| {told} | {upstream} | {fault.kind.split(',')[0]} |"
    yield f"\n{len(known)} in all; {sum(f.unreported for f in known)} faults without an upstream report.\n"
    yield "## Hunted\n"
    yield from table(_hunts())
    yield ""
    yield f"## Planted ones\n\n{planted_reductions.summary(planted_reductions.read())}\n"
    yield from _known()
    for fault in known:
        said = measured[version][fault.script.stem][1]
        yield f"## {fault.number}\n"
        yield f"{fault.title} `faults/{fault.script.name}`: {said}.\n"
        yield f"{_sentence(fault.kind)} Sure: {fault.sure}. Upstream: {_linked(fault.upstream)}.\n"
    yield REPORTS.format(diagnostics=(FAULTS / "diagnostics.txt").read_text().strip())
    yield from map(_report, filter(lambda fault: fault.unreported, known))


def _known() -> Iterator[str]:
    yield "## Known ones again\n"
    yield "Faults that others reported, and the first program of a hunt that showed each.\n"
    yield "| upstream | line | first shown by | oracle |\n|---|---|---|---|"
    for issue, first in rediscover.read().items():
        number = rediscover.KNOWN[issue]
        where = f"program {first.index + 1:,} of seed {first.seed}"
        yield f"| {_linked(f'NVIDIA/warp#{issue}')} | [{number}](#{number}) | {where} | {first.oracle} |"
    yield ""


def _report(fault: Fault) -> str:
    said = read()[warp_version()][fault.script.stem][1]
    title, code = fault.title.rstrip("."), fault.text.split('"""', 2)[2].strip()
    return f"""\
### {title}

{fault.title} Expected: {fault.sure.removeprefix("yes; ")}. Output: `{said}`.

```python
{code}
```
"""


def _sentence(kind: str) -> str:
    return kind[0].upper() + kind[1:] + "."


def _linked(text: str) -> str:
    return re.sub(r"NVIDIA/warp#(\d+)", r"[#\1](https://github.com/NVIDIA/warp/issues/\1)", text)


if __name__ == "__main__":
    sys.exit(main())
