"""Cut a file of a run, or flip a bit of it, at random places drawn by seed, and count what came of each.

A case that does not hold is named with its draw, so that it can be tried alone: --only N.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table as Grid

from tests.support.damage_cases import CASES, HARMLESS, MENDED, NAMED, Case, Trials

_BROKEN = "broken"


def main() -> int:
    """Print the tally; 1 if a case does not hold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=500, help="places to damage, the files in turn (500)")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws others (0)")
    parser.add_argument("--only", type=int, metavar="N", help="carry out the N-th draw alone")
    args = parser.parse_args()
    console = Console()
    chosen = [args.only] if args.only is not None else range(args.cases)
    found: dict[Case, Counter[str]] = {case: Counter() for case in CASES}
    with tempfile.TemporaryDirectory(prefix="damage-") as name:
        trials = Trials(Path(name))
        for number in chosen:
            case = CASES[number % len(CASES)]
            try:
                _, outcome = trials.carry_out(case, random.Random(f"{args.seed} {number}"))
            except Exception as error:  # whatever it is, the others are tried too
                outcome = _BROKEN
                console.print(f"[red]draw {number}, {case.scene} {case.name} does not hold:[/] ", end="")
                console.print(f"{type(error).__name__}: {error}", markup=False, highlight=False)
            found[case][outcome] += 1
    console.print(_tally(found))
    broken = sum(counts[_BROKEN] for counts in found.values())
    console.print(f"{len(chosen) - broken} of {len(chosen)} hold: never a wrong dataset.")
    return 1 if broken else 0


def _tally(found: dict[Case, Counter[str]]) -> Grid:
    grid = Grid(box=None, pad_edge=False)
    grid.add_column("root")
    grid.add_column("file")
    for outcome in (MENDED, NAMED, HARMLESS, _BROKEN):
        grid.add_column(outcome, justify="right")
    for case, counts in found.items():
        grid.add_row(
            case.scene, case.name, *(str(counts[name]) for name in (MENDED, NAMED, HARMLESS, _BROKEN))
        )
    return grid


if __name__ == "__main__":
    sys.exit(main())
