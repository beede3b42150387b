"""`python -m warpgen.plant`: faults for the views repair, preference and gradient, each judged to be one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

from warpgen.command import Parser, call, folder, natural, positive
from warpgen.errors import UsageError

# Seconds that a check may take: so many that a busy machine does not decide what is called an endless loop.
_TIMEOUT = 60.0


def parser() -> Parser:
    """The options of `warpgen plant`."""
    made = Parser(
        "plant",
        "Plant faults in the kernels of the finished datasets under a root, have the judge say what is wrong "
        "with each, and write what it says to data/planted/. Ended, it goes on where it was.",
        "docs/training.md says what is planted. The views repair, preference and gradient read the file.",
    )
    made.add_argument(
        "--root", type=folder, default=Path(), help="folder that holds manifests/ and data/ (.)"
    )
    made.add_argument("--kernels", type=natural, default=0, help="only the first N kernels, 0 for all (0)")
    made.add_argument("--workers", type=positive, help="processes that judge (as many as processors)")
    made.add_argument("--overwrite", action="store_true", help="make a file anew that is there")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Plant, and print what came of it; returns the exit code."""
    args = parser().parse_args(argv)
    from warpgen.exporting.kernels import Datasets
    from warpgen.judge import Judge
    from warpgen.planting import write
    from warpgen.planting.planted import path_of

    path = path_of(args.root)
    kernels = itertools.islice(Datasets(args.root).kernels(), args.kernels or None)
    pairs = ((kernel.cpu, kernel.rows[0]) for kernel in kernels)
    if path.exists() and not args.overwrite:
        raise UsageError(f"{path} is there already: add --overwrite to make it anew")
    with Judge(args.root, workers=args.workers, timeout=_TIMEOUT) as judge:
        counts = write.write(args.root, pairs, judge)
    print(f"{path}: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
    return 0


if __name__ == "__main__":
    call(main)
