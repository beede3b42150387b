"""Draw cases from the crash table by seed, carry each out in a root of its own, and count those that hold.

A case that does not hold is named with its draw, so that it can be tried alone: --only N.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

from rich.console import Console
from rich.table import Table as Grid

from tests.support.crash_session import Broken, Case
from tests.support.crash_surroundings import can_mount
from tests.support.crash_table import CASES, Table, one_of_each
from tests.support.crash_warp import CASES as WARP_CASES
from tests.support.crash_warp import warp_kind

# Cases on real Warp take ten seconds where others take one: this many in a hundred.
_ON_WARP = 5


def main() -> int:
    """Print the tally; 1 if a case does not hold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=200, help="cases to draw (200)")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws others (0)")
    parser.add_argument("--only", type=int, metavar="N", help="carry out the N-th draw alone")
    args = parser.parse_args()
    console = Console()
    cases = drawn(args.runs, args.seed)
    chosen = [args.only] if args.only is not None else range(args.runs)
    held, broken = Counter[str](), Counter[str]()
    places: dict[str, set[str]] = defaultdict(set)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        Path(name).chmod(0o755)  # sessions without rights must get in
        tables = _Tables(Path(name))
        for number in chosen:
            case = cases[number]
            places[case.how].add(case.where)
            try:
                tables.of(case).carry_out(case, seed=args.seed * 1_000_003 + number)
                held[case.how] += 1
            except (Broken, OSError) as error:
                broken[case.how] += 1
                console.print(f"[red]draw {number}, {case.name} does not hold:[/] ", end="")
                console.print(f"{type(error).__name__}: {error}", markup=False, highlight=False)
    console.print(_tally(held, broken, places))
    total, kinds = sum(held.values()), len(places)
    console.print(
        f"{total} of {len(chosen)} hold: the bytes of an undisturbed run, nothing left over, the state file "
        f"true throughout. {kinds} kinds of fault, {time.monotonic() - began:.0f} s."
    )
    return 0 if total == len(chosen) else 1


def drawn(runs: int, seed: int) -> list[Case]:
    """The cases of a seed: every kind of fault once, in random order, then whatever comes."""
    draw = random.Random(seed)
    first = one_of_each(draw)
    cases = []
    for _ in range(runs):
        if draw.randrange(100) < _ON_WARP:
            cases.append(draw.choice(WARP_CASES))
        else:
            cases.append(first.pop() if first else draw.choice(CASES))
    # Mounting a file system, even a small one, takes rights; where they lack, another case stands in.
    return [case if can_mount() or not case.needs_mount else CASES[0] for case in cases]


class _Tables:
    """A table for imaginary programs, and one for real ones, made when the first case asks for it."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._tables: dict[str, Table] = {}

    def of(self, case: Case) -> Table:
        if case.kind not in self._tables:
            folder = self._scratch / (case.kind or "imaginary")
            folder.mkdir(mode=0o755)
            self._tables[case.kind] = Table(folder, warp_kind(case.kind) if case.kind else None)
        return self._tables[case.kind]


def _tally(held: Counter[str], broken: Counter[str], places: dict[str, set[str]]) -> Grid:
    grid = Grid(box=None, pad_edge=False)
    for heading, side in (("fault", "left"), ("hold", "right"), ("do not", "right"), ("where", "left")):
        grid.add_column(heading, justify="right" if side == "right" else "left")
    for how in sorted(places):
        where = ", ".join(sorted(places[how]))
        grid.add_row(how, str(held[how]), f"[red]{broken[how]}[/]" if broken[how] else "0", where)
    return grid


if __name__ == "__main__":
    sys.exit(main())
