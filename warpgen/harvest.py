"""`python -m warpgen.harvest`: rows of the kernels that people wrote, from installed packages or folders."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from warpgen import __version__, durable, places, scratch
from warpgen.command import Parser, call
from warpgen.errors import RootError
from warpgen.extraction.versions import check_tools, check_versions, warp_version
from warpgen.process import signals_held
from warpgen.record import TARGETS, Target
from warpgen.reporting.harvested import Manifest, dataset_path, describe, manifest_path, write
from warpgen.terminal import printable

if TYPE_CHECKING:
    from warpgen.reporting.harvested import Level, Yield


def parser() -> Parser:
    """The options of `warpgen harvest`."""
    made = Parser(
        "harvest",
        "Find the kernels that people wrote, make each stand alone and lower it to C++ and CUDA C++. "
        "Importing runs the package's own code, in a child process with limits: harvest only what you trust.",
        "Writes data/harvest/ and manifests/harvest_manifest.json under the root; see docs/harvest.md. "
        "Exit codes: 0 done, 2 the request cannot be done.",
    )
    made.add_argument(
        "package", nargs="+", help="an installed package, such as warp.examples, or a folder of Python files"
    )
    made.add_argument("--root", type=places.local, default=Path(), help="folder to write under (.)")
    made.add_argument(
        "--verify",
        choices=("none", "compile"),
        default="compile",
        help="compile both texts of every row, or check nothing (compile)",
    )
    made.add_argument("--overwrite", action="store_true", help="replace what an earlier harvest wrote")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Harvest, write the manifest and print what each package gave; returns the exit code."""
    args = parser().parse_args(argv)
    check_versions()
    check_tools(TARGETS, args.verify)
    # Imports Warp.
    from warpgen.extraction import fast_path, warp_api
    from warpgen.harvesting.finding import find
    from warpgen.harvesting.rows import Harvester

    packages = [find(name) for name in args.package]
    if manifest_path(args.root).exists() and not args.overwrite:
        raise RootError("a harvest is in this root: choose another --root, or replace it with --overwrite")
    with scratch.folder("warpgen-harvest-") as place:
        os.environ["TMPDIR"] = tempfile.tempdir = str(place)
        warp_api.start(place / "kernels")
        fast_path.install()
        made: list[Yield] = []
        with _files(args.root) as out:
            harvester = Harvester(out, args.verify, place)
            for package in packages:
                made.append(harvester.add(package))
                _print(made[-1])
            _finish(args.root, out, args.verify, made)
    return 0


@contextlib.contextmanager
def _files(root: Path) -> Iterator[dict[Target, BinaryIO]]:
    """Files to write rows to, which are gone in the end unless `_finish` gave them their names."""
    partial = {target: _partial(root, target) for target in TARGETS}
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(scratch.kept_if_used(*{path.parent for path in partial.values()}))
            for path in partial.values():
                stack.callback(path.unlink, missing_ok=True)
            yield {target: stack.enter_context(durable.begin(path)) for target, path in partial.items()}
    except OSError as error:
        raise RootError(
            f"the root cannot be written ({error.strerror or error}): choose another --root"
        ) from error


def _finish(root: Path, out: dict[Target, BinaryIO], verify: Level, made: list[Yield]) -> None:
    """Bring the files to the disk, give them their names and write the manifest."""
    for file in out.values():
        file.flush()
        durable.sync(file.fileno())
    with signals_held():  # what has its name has a manifest
        for target in out:
            durable.rename(_partial(root, target), dataset_path(root, target))
        files = {target: describe(root, target) for target in out}
        write(
            root,
            Manifest(warpgen=__version__, warp=warp_version(), verify=verify, files=files, packages=made),
        )


def _partial(root: Path, target: Target) -> Path:
    path = dataset_path(root, target)
    return path.with_name(path.name + ".partial")


def _print(made: Yield) -> None:
    """One package in a few lines."""
    print(f"{printable(made.name)} {printable(made.version)}, licence {printable(made.licence)}:")
    rows = ", ".join(f"{made.rows.get(target, 0)} {target}" for target in TARGETS)
    share = f" ({100.0 * made.emitted / made.imported:.1f} %)" if made.imported else ""
    print(
        f"  {made.found} kernels in {made.files} files; {made.imported} alive once imported; "
        f"{made.emitted} emitted{share}; rows: {rows}"
    )
    for reason, count in made.failed.items():
        example = next(failure for failure in made.failures if failure.reason == reason)
        print(
            f"  {count} {reason}: for example {printable(example.file)}: {printable(example.error)}",
            flush=True,
        )


if __name__ == "__main__":
    call(main)
