"""`python -m warpgen.verify`: check a finished file again, from its rows alone."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from warpgen import dataset, places, scratch
from warpgen.command import Parser, call, positive
from warpgen.errors import ProgramError, UsageError
from warpgen.extraction.versions import check_tools, check_versions
from warpgen.jsonl import LONGEST_ROW, refuse_old
from warpgen.machine import check_workers, default_workers
from warpgen.paths import dataset_path
from warpgen.process import begin_child, cause, kill_group, signals_held
from warpgen.record import TARGETS
from warpgen.reporting import finished
from warpgen.store import Remote
from warpgen.terminal import printable

# Rows per translation unit: what suits the compilers.
_BLOCK = 64


def parser() -> Parser:
    """The options of `warpgen verify`."""
    made = Parser(
        "verify",
        "Check the rows of a dataset again: that they are rows, that code and hashes belong to the source, "
        "and that compilers and runs find what the row says. Rows are untrusted: they run confined.",
        "Exit codes: 0 every stored verdict holds, 1 one does not, 2 the request cannot be done.",
    )
    made.add_argument(
        "dataset",
        type=places.root,
        help="a .jsonl file with one row per line, from anywhere, or a root: all finished datasets in it; "
        "also s3://...",
    )
    made.add_argument("--sample", type=positive, help="check this many rows, evenly spaced (all)")
    made.add_argument(
        "--level",
        choices=("none", "compile", "run"),
        default="run",
        help="the most to check of each row (run)",
    )
    made.add_argument("--workers", type=positive, default=default_workers(), help="processes (one per core)")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Print a table of verdicts and every row that does not hold; returns the exit code."""
    args = parser().parse_args(argv)
    check_versions()
    check_tools(TARGETS, args.level)
    check_workers(args.workers)
    place = places.at(args.dataset)
    with places.looking_at(place):
        files = _files(place)
    good = True
    for file in files:
        if len(files) > 1:
            print(f"{printable(str(file))}:", flush=True)
        good &= _holds(file, args.sample, args.level, args.workers)
    return 0 if good else 1


def _files(place: Path | Remote) -> Sequence[Path | Remote]:
    """The file, or those of a root. Raises UsageError where there is none."""
    if place.is_file():
        return [place]
    if isinstance(place, Path):
        return dataset.open(place).files
    return [dataset_path(place, target) for target in finished.targets(place)]


def _holds(file: Path | Remote, sample: int | None, level: str, workers: int) -> bool:
    """Whether every row of a file holds and, where it has a manifest, none is missing."""
    with places.looking_at(file):
        if not file.stat().st_size:
            raise UsageError(f"{file} is empty: it has no row that could be checked")
        manifest = finished.manifest_beside(file)
    with places.file_at_hand(file) as path:
        good = _verify(path, sample, level, workers)
        # Rows that were cut off or taken out leave others that hold.
        wrong = finished.difference(path, manifest.figures, whole=True) if manifest else ""
    if wrong:
        print(f"{file.name} {wrong}")
    return good and not wrong


def _verify(path: Path, sample: int | None, level: str, workers: int) -> bool:
    """Print what is found of one file; whether every row holds."""
    with path.open("rb") as file:
        refuse_old(path.name, file.readline(LONGEST_ROW))
    wanted = _chosen(path, sample)
    counts: Counter[str] = Counter()
    bad = []
    for finding in _findings(path, wanted, level, workers):
        counts[finding.verdict] += 1
        if finding.verdict != "holds":
            bad.append(finding)
    for finding in sorted(bad, key=lambda f: f.line):
        name = finding.id or "?"
        print(f"line {finding.line}: {printable(name)}: {finding.verdict}: {printable(finding.why)}")
    print(f"{sum(counts.values())} rows: " + ", ".join(f"{counts[v]} {v}" for v in _VERDICTS))
    return not bad


_VERDICTS = ("holds", "invalid", "altered", "refuted")


def _chosen(path: Path, sample: int | None) -> set[int] | None:
    """Line numbers to check, None for all."""
    if sample is None:
        return None
    count, last = 0, b"\n"
    with path.open("rb") as file:
        while part := file.read(1 << 20):  # not by lines, of which one may be endless
            count += part.count(b"\n")
            last = part
    count += not last.endswith(b"\n")
    if sample >= count:
        return None
    return {1 + i * count // sample for i in range(sample)}


def _lines(path: Path, wanted: set[int] | None) -> Iterator[list[tuple[int, bytes]]]:
    """Blocks of numbered lines. A line without end is cut, not read into memory whole."""
    from warpgen.verification.recheck import LONGEST_LINE

    block: list[tuple[int, bytes]] = []
    number = 0
    with path.open("rb") as file:
        while line := file.readline(LONGEST_LINE + 1):
            number += 1
            rest = line
            while rest and not rest.endswith(b"\n"):
                rest = file.readline(LONGEST_LINE)
            if wanted is None or number in wanted:
                block.append((number, line))
            if len(block) == _BLOCK:
                yield block
                block = []
    if block:
        yield block


def _findings(path: Path, wanted: set[int] | None, level: str, workers: int) -> Iterator[Any]:
    """Findings in any order, from worker processes that each take a block at a time."""
    context = multiprocessing.get_context("fork")
    with scratch.folder("warpgen-verify-") as place:
        blocks = _lines(path, wanted)
        idle: dict[Connection, Any] = {}
        try:
            for number in range(workers):
                block = next(blocks, None)
                if block is None:
                    break
                ours, theirs = context.Pipe()
                args = (theirs, level, place / str(number), os.getpid())
                idle[ours] = child = context.Process(target=_work, args=args)
                with signals_held():
                    child.start()
                theirs.close()
                ours.send(block)
            while idle:
                for ready in wait(list(idle)):
                    assert isinstance(ready, Connection)
                    try:
                        found = ready.recv()
                        if isinstance(found, UsageError):
                            raise found
                        yield from found
                        block = next(blocks, None)
                        ready.send(block)
                    except (EOFError, ConnectionError):
                        idle[ready].join()
                        how = cause(idle[ready].exitcode)
                        raise UsageError(f"a worker {how}; run the command again") from None
                    if block is None:
                        idle.pop(ready).join()
        finally:
            for child in idle.values():
                if child.is_alive():
                    kill_group(child.pid)
            for child in idle.values():
                if child.pid:
                    child.join()


def _work(pipe: Connection, level: Any, folder: Path, parent: int) -> None:
    """One worker: blocks of lines come in, findings go out."""
    os.setpgid(0, 0)  # to be killed with what it starts
    begin_child(parent)
    from warpgen.extraction import warp_api
    from warpgen.verification.recheck import recheck

    folder.mkdir()
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    warp_api.start(folder / "kernels")
    try:
        block = pipe.recv()
        while block is not None:
            pipe.send(recheck(block, level, folder / "checks", _claims))
            block = pipe.recv()
    except UsageError as error:
        pipe.send(error)
    except EOFError:
        return


def _claims(row: Any) -> dict[str, Any]:
    """What else can be told of a row: its split, and all of the program where synthesis still makes it."""
    from warpgen.recipe import Recipe
    from warpgen.split import split_of
    from warpgen.synthesis.generator import Options, synthesize

    claims: dict[str, Any] = {"split": split_of(row.structure_hash)}
    origin = row.provenance
    for complexity in ("mixed", "small", "medium", "large") if origin.origin == "synthesis" else ():
        try:
            program = synthesize(origin.seed, origin.index, Options(complexity=complexity))
        except ProgramError:
            continue
        if program.source == row.python_source:
            names = ("category", "name", "args", "launch", "summary")
            claims |= {name: getattr(program, name) for name in names}
            recipe = Recipe(seed=origin.seed, complexity=complexity, warpgen=origin.warpgen, warp=origin.warp)
            claims["kernel_id"] = recipe.kernel_id(origin.index)
            if row.kernel_id == claims["kernel_id"]:
                break  # else another complexity may have made the same of this index
    return claims


if __name__ == "__main__":
    call(main)
