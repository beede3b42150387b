"""`python -m warpgen.hunt`: look for faults of Warp, and make what is found small."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.status import Status

from warpgen.command import Parser, call, folder, natural, positive
from warpgen.errors import UsageError
from warpgen.hunting.found import Unit, grouped
from warpgen.hunting.session import Plan, hunt, read, smalls
from warpgen.hunting.tally import table, tally


def main(argv: Sequence[str] | None = None) -> int:
    """Hunt, and print the causes; returns the exit code."""
    parser = Parser(
        "hunt",
        "Draw programs, of datasets and others that try Warp harder, run all checks on them, and write down "
        "what disagrees: --root holds a file for each 32 programs, and for each case that was made small. "
        "The same command goes on where it was ended.",
    )
    parser.add_argument("--programs", type=positive, default=256, help="how many to draw (256)")
    parser.add_argument("--seed", type=natural, default=0, help="what they are drawn from (0)")
    parser.add_argument("--workers", type=positive, default=1, help="processes (1)")
    parser.add_argument("--minutes", type=positive, help="begin no unit later than this")
    parser.add_argument("--root", type=folder, default=Path("hunt"), help="where findings are kept (hunt)")
    args = parser.parse_args(argv)
    seconds = 60.0 * args.minutes if args.minutes else float("inf")
    plan = Plan(args.root.absolute(), args.seed, args.programs, args.workers, seconds)
    console = Console(stderr=True)
    with console.status("starting") as status:
        for made in hunt(plan):
            _tell(status, made, plan)
    done = read(plan)
    if not done:
        raise UsageError("no unit was finished: give more --minutes")
    print("\n".join(table([tally(done, smalls(plan.root))])))
    return 0


def _tell(status: Status, made: Sequence[Unit], plan: Plan) -> None:
    programs, cases = sum(u.programs for u in made), sum(len(u.cases) for u in made)
    kinds = len(grouped(made))
    status.update(f"{programs} of {plan.count} programs, {cases} disagree, {kinds} kinds")


if __name__ == "__main__":
    call(main)
