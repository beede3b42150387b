"""`python -m warpgen.stats`: what the finished datasets hold, and whether their manifests are true."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from warpgen.command import Parser, call, folder
from warpgen.errors import RootError, UsageError
from warpgen.harvesting import manifest as harvest
from warpgen.record import TARGETS, Target
from warpgen.reporting import state
from warpgen.reporting.check import first_difference
from warpgen.reporting.manifest import Manifest, manifest_path, present, read
from warpgen.reporting.terminal import printable, size_text

if TYPE_CHECKING:
    from warpgen.reporting.bars import Line


def parser() -> Parser:
    made = Parser(
        "stats",
        "Show rows, bytes, categories, sizes and features of the finished datasets under a root. "
        "Without --check, --quality or --html only the manifests are read, so it is quick.",
        "Exit codes: 0 all is well, 1 a check found a difference, 2 the request cannot be done.",
    )
    made.add_argument("--root", type=folder, default=Path(), help="folder of manifests/ and data/ (.)")
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
        type=Path,
        metavar="FILE",
        help="write charts, the map of builtins and a browser of rows as one page that needs no network",
    )
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Print the statistics; returns the exit code."""
    args = parser().parse_args(argv)
    if ((args.check or args.html) and args.json) or (args.markdown and not args.quality):
        raise UsageError("--json goes with the tables or --quality, --markdown with --quality alone")
    if args.check and args.target is None and _harvest_alone(args.root):
        return _check_harvest(args.root)
    targets = _targets(args.root, args.target)
    if args.check:
        return _check(args.root, targets)
    if args.quality:
        return _quality(args.root, targets, args.json, args.markdown)
    if args.html is not None:
        return _page(args.root, targets, args.html)
    manifests = {target: read(manifest_path(args.root, target)) for target in targets}
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(manifests)).decode())
    else:
        _print_tables(manifests)
    return 0


def _page(root: Path, targets: Sequence[Target], path: Path) -> int:
    # Imports Warp, for its list of builtins.
    from warpgen.reporting.page.write import write_page

    size = write_page(root, targets, path)
    print(f"wrote {path} ({size_text(size)}): open it in a browser")
    return 0


def _targets(root: Path, asked: str | None) -> tuple[Target, ...]:
    """The targets asked for, or those whose manifest is there; raises RootError where there is none."""
    if asked == "both":
        return TARGETS
    there = tuple(t for t in TARGETS if t == asked or (asked is None and manifest_path(root, t).exists()))
    if not there:
        if (root / "data" / "work").exists():
            raise RootError("the run in this root is not finished: go on with `python -m warpgen.resume`")
        raise RootError(
            f"there is no finished dataset under {root}: make one with `python -m warpgen.run`, "
            "or name the right folder with --root"
        )
    return there


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


def _harvest_alone(root: Path) -> bool:
    """Whether nothing but harvested rows is under the root."""
    synthesised = any(manifest_path(root, target).exists() for target in TARGETS)
    return harvest.manifest_path(root).exists() and not synthesised


def _check_harvest(root: Path) -> int:
    """Check the harvest's manifest, where there is one."""
    if not harvest.manifest_path(root).exists():
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
    for target in targets:
        manifest = read(manifest_path(root, target))
        quality = measure(present(root, manifest))
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
