"""Draw cases from the crash table by seed, carry each out in a root of its own, and count those that hold.

A case that does not hold is named with its draw, so that it can be tried alone: --only N.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

from tests.support.crash_session import Broken, Case
from tests.support.crash_surroundings import can_mount
from tests.support.crash_table import CASES, Table, one_of_each
from tests.support.crash_warp import CASES as WARP_CASES
from tests.support.crash_warp import warp_kind
from tools import drawing

# Cases on real Warp take ten seconds where others take one: this many in a hundred.
_ON_WARP = 5


def main() -> int:
    """Print the tally; 1 if a case does not hold."""
    args = drawing.options(__doc__, cases=200)
    cases = drawn(args.cases, args.seed)
    found: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        scratch = Path(name)
        scratch.chmod(0o755)  # sessions without rights must get in

        @cache
        def table(kind: str) -> Table:
            folder = scratch / (kind or "imaginary")
            folder.mkdir(mode=0o755)
            return Table(folder, warp_kind(kind) if kind else None)

        for number in args.numbers:
            case = cases[number]
            try:
                table(case.kind).carry_out(case, seed=args.seed * 1_000_003 + number)
                found[case.how, case.where]["hold"] += 1
            except (Broken, OSError) as error:
                found[case.how, case.where]["do not"] += 1
                drawing.say_broken(number, case.name, error)
    drawing.tally(("fault", "where"), ("hold", "do not"), dict(sorted(found.items())))
    held = sum(counts["hold"] for counts in found.values())
    drawing.CONSOLE.print(
        f"{held} of {len(args.numbers)} hold: the bytes of an undisturbed run, nothing left over, the state "
        f"file true throughout. {len({how for how, _ in found})} kinds of fault, "
        f"{time.monotonic() - began:.0f} s."
    )
    return 0 if held == len(args.numbers) else 1


def drawn(count: int, seed: int) -> list[Case]:
    """The cases of a seed: every kind of fault once, in random order, then whatever comes."""
    draw = random.Random(seed)
    first = one_of_each(draw)
    cases = []
    for _ in range(count):
        if draw.randrange(100) < _ON_WARP:
            cases.append(draw.choice(WARP_CASES))
        else:
            cases.append(first.pop() if first else draw.choice(CASES))
    # Mounting a file system, even a small one, takes rights; where they lack, another case stands in.
    return [case if can_mount() or not case.needs_mount else CASES[0] for case in cases]


if __name__ == "__main__":
    sys.exit(main())
