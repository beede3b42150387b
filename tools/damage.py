"""Cut a file of a run, or flip a bit of it, at random places drawn by seed, and count what came of each.

A case that does not hold is named with its draw, so that it can be tried alone: --only N.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.support.damage_cases import CASES, HARMLESS, MENDED, NAMED, Trials
from tools import drawing

_BROKEN = "broken"


def main() -> int:
    """Damage the files in turn and print the tally; 1 if a case does not hold."""
    args = drawing.options(__doc__, cases=500)
    found: dict[tuple[str, ...], Counter[str]] = {(case.scene, case.name): Counter() for case in CASES}
    with tempfile.TemporaryDirectory(prefix="damage-") as name:
        trials = Trials(Path(name))
        for number in args.numbers:
            case = CASES[number % len(CASES)]
            try:
                _, outcome = trials.carry_out(case, random.Random(f"{args.seed} {number}"))
            except Exception as error:  # whatever it is, the others are tried too
                outcome = _BROKEN
                drawing.say_broken(number, f"{case.scene} {case.name}", error)
            found[case.scene, case.name][outcome] += 1
    drawing.tally(("root", "file"), (MENDED, NAMED, HARMLESS, _BROKEN), found)
    broken = sum(counts[_BROKEN] for counts in found.values())
    drawing.CONSOLE.print(f"{len(args.numbers) - broken} of {len(args.numbers)} hold: never a wrong dataset.")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
