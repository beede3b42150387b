"""What tools that draw cases by seed share: their options, what they say of each case, their table."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

CONSOLE = Console()


def options(about: str | None, cases: int) -> argparse.Namespace:
    """`seed`, how many `cases` there are, and the `numbers` of those that are asked for."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=cases, help=f"to draw ({cases})")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws others (0)")
    parser.add_argument("--only", type=int, metavar="N", help="carry out the N-th draw alone")
    args = parser.parse_args()
    args.numbers = range(args.cases) if args.only is None else [args.only]
    return args


def say_broken(number: int, name: str, error: Exception) -> None:
    """Name a case that does not hold."""
    CONSOLE.print(f"[red]draw {number}, {name} does not hold:[/] ", end="")
    CONSOLE.print(f"{type(error).__name__}: {error}", markup=False, highlight=False)


def tally(
    headings: Sequence[str], outcomes: Sequence[str], found: Mapping[tuple[str, ...], Counter[str]]
) -> None:
    """Print a line for each: what it is called, then how often each outcome came."""
    grid = Table(*headings, box=None, pad_edge=False)
    for outcome in outcomes:
        grid.add_column(outcome, justify="right")
    for names, counts in found.items():
        grid.add_row(*names, *(str(counts[outcome]) for outcome in outcomes))
    CONSOLE.print(grid)
