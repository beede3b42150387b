"""`python -m warpgen.report`: write the report on the finished datasets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from warpgen import places
from warpgen.command import Parser, call
from warpgen.errors import RootError
from warpgen.production.state.layout import Layout
from warpgen.reporting import finished
from warpgen.reporting.report import write_report


def main(argv: Sequence[str] | None = None) -> int:
    """Write the report; returns the exit code."""
    parser = Parser(
        "report",
        "Write reports/chief_scientist_report.md: JIT, IR, Warp and the finished datasets in a few minutes' "
        "reading, with plots where matplotlib is installed. `run` does so too when it ends, with plots of "
        "500 rows and more.",
    )
    parser.add_argument(
        "--root",
        type=places.root,
        default=Path(),
        help="folder or address that holds manifests/ and data/ (.)",
    )
    place = parser.parse_args(argv).root
    with finished.at_hand(place) as (root, _):
        written = write_report(root)
        wrote = _publish(root, written, place) if isinstance(place, str) else str(written)
    print(f"wrote {wrote}")
    return 0


def _publish(root: Path, report: Path, address: str) -> str:
    """Put the report and its plots where the datasets are; returns its address. Raises RootError."""
    layout = Layout(root, address.rstrip("/"))
    try:
        for path in sorted(report.parent.glob("**/*")):
            if path.is_file():
                layout.publish(path)
    except OSError as error:
        raise RootError(f"{address} cannot be written ({error.strerror or error}): try again") from error
    return str(layout.published(report))


if __name__ == "__main__":
    call(main)
