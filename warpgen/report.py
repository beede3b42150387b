"""`python -m warpgen.report`: write the report on the finished datasets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from warpgen.command import Parser, call, folder
from warpgen.reporting.report import write_report


def main(argv: Sequence[str] | None = None) -> int:
    """Write the report; returns the exit code."""
    parser = Parser(
        "report",
        "Write reports/chief_scientist_report.md: JIT, IR, Warp and the finished datasets in a few minutes' "
        "reading, with plots where matplotlib is installed. `run` does so too when it ends, without plots.",
    )
    parser.add_argument(
        "--root", type=folder, default=Path(), help="folder that holds manifests/ and data/ (.)"
    )
    path = write_report(parser.parse_args(argv).root, with_plots=True)
    print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    call(main)
