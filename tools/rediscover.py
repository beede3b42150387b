"""Which faults that others reported a hunt came upon by itself, and at which program: faults/found.json.

A program counts where it, or what the reducer left of it, holds one line of the ledger alone.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import msgspec

from tools.bisect import FAULTS
from warpgen.hunting.found import Case
from warpgen.hunting.session import KINDS, by_seed, smalls

FOUND = FAULTS / "found.json"

# Issues of NVIDIA/warp, and the line of the ledger that shows each.
KNOWN = {
    "729": "02",
    "1694": "01",
    "1697": "06",
    "1740": "04",
    "1794": "15",
    "299": "18",
    "1783": "21",
    "281": "28",
}


class First(msgspec.Struct, frozen=True):
    """The first program that shows a fault, and which oracle told."""

    seed: int
    index: int
    oracle: str


def main() -> int:
    """Write what was found under a root, beside what was before; 1 where nothing was found."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("root", type=Path, help="folder of a hunt")
    found = firsts(parser.parse_args().root)
    told = found | read()  # the first hunt that came upon it stays
    told = {issue: told[issue] for issue in KNOWN if issue in told}
    FOUND.write_text(json.dumps(msgspec.to_builtins(told), indent=1) + "\n")
    for issue, number in KNOWN.items():
        first = told.get(issue)
        print(f"NVIDIA/warp {issue} ({number}): {f'program {first.index + 1}' if first else 'not found'}")
    return 0 if found else 1


def firsts(root: Path) -> dict[str, First]:
    """By issue."""
    drawn = {where(case): case for units in by_seed(root).values() for unit in units for case in unit.cases}
    causes = {place: {case.cause} for place, case in drawn.items()}
    for small in smalls(root):
        causes.setdefault(where(small.case), set()).add(small.case.cause)
    told: dict[str, First] = {}
    for issue, number in KNOWN.items():
        places = sorted(place for place, numbers in causes.items() if number in numbers and place in drawn)
        if places:
            seed, index = places[0]
            told[issue] = First(seed, index, drawn[places[0]].oracle)
    return told


def where(case: Case) -> tuple[int, int]:
    """Seed and index of its program among all that are drawn."""
    index = case.program.index
    return case.program.seed, index * KINDS if case.origin == "dataset" else index


def read() -> dict[str, First]:
    """What was found last."""
    return msgspec.json.decode(FOUND.read_bytes(), type=dict[str, First])


if __name__ == "__main__":
    sys.exit(main())
