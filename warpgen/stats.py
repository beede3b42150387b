"""`python -m warpgen.stats`: what the finished datasets hold, and whether their manifests are true."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from warpgen import places
from warpgen.command import Parser, call
from warpgen.errors import UsageError
from warpgen.paths import dataset_path, manifest_path
from warpgen.record import TARGETS, Target
from warpgen.reporting import finished, state
from warpgen.reporting import harvested as harvest
from warpgen.reporting.check import first_difference
from warpgen.reporting.manifest import Manifest
from warpgen.store import Remote
from warpgen.terminal import printable, size_text

if TYPE_CHECKING:
    from warpgen.reporting.bars import Line


def parser() -> Parser:
    """The options of `warpgen stats`."""
    made = Parser(
        "stats",
        "Show rows, bytes, categories, sizes and features of the finished datasets under a root. "
        "Without --check, --quality or --html only the manifests are read, so it is quick.",
        "Exit codes: 0 all is well, 1 a check found a difference, 2 the request cannot be done.",
    )
    made.add_argument(
        "--root",
        type=places.root,
        default=Path(),
        help="folder or address that holds manifests/ and data/ (.)",
    )
    made.add_argument("--target", choices=(*TARGETS, "both"), help="which dataset (all that are there)")
    form = made.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print the figures as one JSON object")
    form.add_argument(
        "--markdown", action="store_true", help="with --quality: print the page docs/quality.md"
    )
    work = made.add_mutually_exclusive_group()
    work.add_argument(
        "--check",
        action="store_true",
        help="compute every figure and the checksums again from the data; exit 1 at the first difference",
    )
    work.add_argument(
        "--quality",
        action="store_true",
        help="measure how varied the programs are and what they teach (a minute or so, reads the data)",
    )
    work.add_argument(
        "--html",
        type=places.local,
        metavar="FILE",
        help="write charts, the map of builtins and a browser of rows as one page that needs no network",
    )
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Print the statistics; returns the exit code."""
    args = parser().parse_args(argv)
    if ((args.check or args.html) and args.json) or (args.markdown and not args.quality):
        raise UsageError("--json goes with the tables or --quality, --markdown with --quality alone")
    asked = tuple(target for target in TARGETS if args.target in (target, "both"))
    if args.check and args.target is None and _harvest_alone(args.root):
        return _check_harvest(args.root)
    if not (args.check or args.quality or args.html):
        return _tables(args.root, asked, args.json)
    with finished.at_hand(args.root, asked, whole=not args.check) as (root, targets):
        if args.check:
            return _check(root, targets)
        if args.quality:
            return _quality(root, targets, args.json, args.markdown)
        return _page(root, targets, args.html)


def _tables(place: Path | str, asked: Sequence[Target], as_json: bool) -> int:
    """What the manifests say, and of the datasets as much as costs no reading."""
    root = places.at(place)
    manifests = finished.described(root, asked)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(manifests)).decode())
    else:
        _print_tables(manifests)
    with places.looking_at(root):
        lacking, wrong = _compare(root, manifests)
    for sentence in (*lacking, *wrong):
        print(printable(sentence), file=sys.stderr)
    return 1 if wrong else 0


def _compare(root: Path | Remote, manifests: dict[Target, Manifest]) -> tuple[list[str], list[str]]:
    """Which datasets are not there, as manifests are kept and sent without them, and which are others."""
    lacking, wrong = [], []
    for target, manifest in manifests.items():
        path = dataset_path(root, target)
        if not path.is_file():
            lacking.append(f"{manifest.file} is not here: make it with `{manifest.command}`")
        elif difference := finished.difference(path, manifest.figures):
            wrong.append(f"{manifest.file} {difference}; {finished.mend(root, manifest)}")
    return lacking, wrong


def _page(root: Path, targets: Sequence[Target], path: Path) -> int:
    # Imports Warp, for its list of builtins.
    from warpgen.reporting.page.write import write_page

    size = write_page(root, targets, path)
    print(f"wrote {path} ({size_text(size)}): open it in a browser")
    return 0


def _check(root: Path, targets: Sequence[Target]) -> int:
    for target in targets:
        difference = first_difference(root, target)
        if difference is not None:
            print(f"{target}: {printable(difference)}", file=sys.stderr)
            return 1
        print(f"{target}: every figure of {manifest_path(Path(), target)} agrees with the dataset")
    if not state.is_as_written(root):  # no part of a dataset, and people may write in it
        print(f"{state.NAME} was damaged or edited after it was written, or has no seal", file=sys.stderr)
    return _check_harvest(root)


def _harvest_alone(root: Path | str) -> bool:
    """Whether nothing but harvested rows is under the root."""
    if isinstance(root, str):  # a harvest is written to folders only
        return False
    synthesised = any(of(root, t).exists() for t in TARGETS for of in (manifest_path, dataset_path))
    return harvest.is_there(root) and not synthesised


def _check_harvest(root: Path) -> int:
    """Check the harvest's manifest, where there is one."""
    if not harvest.is_there(root):
        return 0
    difference = harvest.first_difference(root)
    if difference is not None:
        print(f"harvest: {printable(difference)}", file=sys.stderr)
        return 1
    print(f"harvest: every figure of {harvest.manifest_path(Path())} agrees with the datasets")
    return 0


def _print_tables(manifests: dict[Target, Manifest]) -> None:
    from rich.console import Console

    from warpgen.reporting.tables import manifest_tables

    console = Console()
    for manifest in manifests.values():
        console.print(manifest_tables(manifest))


def _quality(root: Path, targets: Sequence[Target], as_json: bool, as_markdown: bool) -> int:
    # Imports Warp, for its list of builtins.
    from warpgen.reporting.bars import markdown, table
    from warpgen.reporting.quality import measure

    measured = {}
    for target, manifest in finished.described(root, targets).items():
        quality = measure(finished.path_of(root, manifest))
        measured[target] = quality
        if as_markdown:
            print(markdown(table(quality, manifest), quality, manifest), end="")
        elif not as_json:
            _print_bars(manifest.file, table(quality, manifest))
    if as_json and not as_markdown:
        print(msgspec.json.format(msgspec.json.encode(measured)).decode())
    return 0


def _print_bars(title: str, lines: Sequence[Line]) -> None:
    from rich.console import Console

    from warpgen.reporting.tables import bar_table

    Console().print(bar_table(title, lines))


if __name__ == "__main__":
    call(main)
