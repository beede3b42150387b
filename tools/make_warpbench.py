"""Freeze the tasks of warpbench: from datasets of its own seed, without what other datasets hold.

A kernel is left out where a kernel of the other datasets has its source or its structure, is a near-duplicate
of it, or is right in its place (tried with the one whose task in words is nearest); and where it is a
near-duplicate of an earlier one of its own. Each kernel left is in one task. The same datasets give the same
bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import msgspec
import zstandard

import warpgen
from warpgen import durable, tasks
from warpgen.errors import UsageError
from warpgen.exporting.clusters import Clusters
from warpgen.exporting.comments import without_comments
from warpgen.exporting.kernels import Datasets, Kernel
from warpgen.planting.edits import edited
from warpgen.planting.plant import Check, repair_of
from warpgen.planting.turns import Turns
from warpgen.prompt import prompt
from warpgen.record import Row
from warpgen.warpbench import frozen
from warpgen.warpbench.baselines import Neighbours
from warpgen.warpbench.frozen import KINDS, Kind, Task

# Longer answers are left out: of characters of the code, some twelve thousand tokens.
_MOST = 40_000


def main() -> int:
    """Write the file and pin its checksum, or hold what is there to it; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--root", type=Path, required=True, help="datasets of warpbench's seed, verified by runs"
    )
    parser.add_argument(
        "--against", type=Path, nargs="+", default=[], help="roots or files of other datasets"
    )
    parser.add_argument("--each", type=int, default=60, help="tasks of each kind (60)")
    parser.add_argument("--workers", type=int, help="processes that judge (as many as processors)")
    parser.add_argument("--out", type=Path, default=frozen.FILE, help="the file (warpgen/warpbench/)")
    args = parser.parse_args()
    with warpgen.Judge(args.root, workers=args.workers, timeout=60.0) as judge:
        made = chosen(args.root, args.against, args.each, judge)
    lines = frozen.encode(made)
    digest = hashlib.sha256(lines).hexdigest()
    durable.write(args.out, zstandard.ZstdCompressor(level=19).compress(lines))
    if args.out == frozen.FILE:
        path = Path(frozen.__file__)
        text = re.sub(r'^SHA256 = ".*"$', f'SHA256 = "{digest}"', path.read_text(), flags=re.MULTILINE)
        durable.write(path, text.encode())
    kinds = Counter(task.kind for task in made)
    print(f"{args.out}: {dict(kinds)}, {args.out.stat().st_size} bytes, sha256 {digest}")
    return 0


def chosen(root: Path, against: Sequence[Path], each: int, judge: warpgen.Judge) -> list[Task]:
    """The tasks, by kind and then by index. Raises UsageError where there are too few kernels."""
    datasets = Datasets(root)
    if any(manifest.recipe.seed != frozen.SEED for manifest in datasets.manifests.values()):
        raise UsageError(f"{root} is not of warpbench's seed: make it with --seed {frozen.SEED}")

    def task(kind: Kind, kernel: Kernel) -> Task | None:
        return turns.run(lambda check: _task(kind, check, others, kernel))

    turns = Turns(judge)
    dealt = _dealt(_unseen(datasets, against), each)
    others = Neighbours(row for path in against for row in warpgen.open(path)) if against else None
    with ThreadPoolExecutor(judge.workers + 1) as threads:
        found = {kind: threads.map(partial(task, kind), own) for kind, own in dealt.items()}
        made = {kind: [task for task in own if task is not None][:each] for kind, own in found.items()}
    short = {kind: len(own) for kind, own in made.items() if len(own) < each}
    if short:
        raise UsageError(f"{root} has too few kernels, of {each} tasks of a kind: {short}")
    return [
        msgspec.structs.replace(task, id=f"warpbench/{kind}/{number:02}")
        for kind, own in made.items()
        for number, task in enumerate(own)
    ]


def _dealt(kernels: Iterator[Kernel], each: int) -> dict[Kind, list[Kernel]]:
    """Kernels by kind of task, to that which has fewest by now; some to spare, which may be left out yet."""
    wanted = each + each // 3 + 1
    dealt: dict[Kind, list[Kernel]] = {kind: [] for kind in KINDS}
    for kernel in kernels:
        sound = kernel.cpu is not None and kernel.cpu.verified.gradient.verdict == "pass"
        able = [kind for kind in KINDS if len(dealt[kind]) < wanted and (sound or kind != "adjoint")]
        if able:
            dealt[min(able, key=lambda kind: len(dealt[kind]))].append(kernel)
    return dealt


def _unseen(datasets: Datasets, against: Sequence[Path]) -> Iterator[Kernel]:
    """Kernels with both rows, of a length, alone in their cluster and in none of the other datasets."""
    kernels = [
        kernel
        for kernel in datasets.kernels()
        if kernel.cpu and kernel.cuda and max(len(row.code) for row in kernel.rows) <= _MOST
    ]
    sources: set[str] = set()
    with tempfile.TemporaryFile() as file:
        clusters = Clusters(file)
        others = 0
        for row in (row for path in against for row in warpgen.open(path)):
            if row.source_hash not in sources:
                clusters.add(row.python_source, row.structure_hash)
                others += 1
            sources.add(row.source_hash)
        for kernel in kernels:
            clusters.add(kernel.rows[0].python_source, kernel.rows[0].structure_hash)
        found = clusters.settle()[others:]
    for place, (kernel, cluster) in enumerate(zip(kernels, found, strict=True), others):
        if cluster.first == place and kernel.rows[0].source_hash not in sources:
            yield kernel


def _copied(row: Row, others: Neighbours, check: Check) -> bool:
    """Whether the nearest kernel of the other datasets is right in this one's place."""
    near = others.nearest(row)
    if [arg.type for arg in near.args] != [arg.type for arg in row.args]:
        return False  # the judge refuses it
    return check(row.id, near.python_source, "python", 1).right


def _task(kind: Kind, check: Check, others: Neighbours | None, kernel: Kernel) -> Task | None:
    """The kernel as a task of this kind; None where copying is enough, or no fault is found wrong."""
    cpu, cuda = kernel.cpu, kernel.cuda
    assert cpu is not None and cuda is not None
    if others is not None and _copied(cpu, others, check):
        return None
    row, language, part = cpu, "python", "whole"
    asked, answer = prompt(cpu), cpu.python_source
    if kind == "lowering":
        row, language, asked, answer = cuda, "cuda", prompt(cuda, "cuda"), cuda.code
    elif kind == "adjoint":
        language, part = "cpp", "adjoint"
        asked, answer = tasks.adjoint(cpu), cpu.code[slice(*cpu.backward)]
    elif kind == "back":
        row = (cpu, cuda)[kernel.index % 2]
        asked = tasks.back(_stripped(kernel, row))
    elif kind == "repair":
        repair = repair_of(cpu, check)
        if repair is None:
            return None
        (turn,) = repair.turns
        asked = tasks.repair(cpu, edited(cpu.python_source, turn.edits), turn.stage, turn.why)
    reference = tasks.block(language, answer)  # type: ignore[arg-type]
    return Task("", kind, asked, reference, language, part, row)  # type: ignore[arg-type]


def _stripped(kernel: Kernel, row: Row) -> Row:
    """The row with its code without comments, in which Warp echoes the Python."""
    bare = without_comments(kernel)
    made = bare.cpu if row.target == "cpu" else bare.cuda
    assert made is not None
    return msgspec.structs.replace(row, code=made.code)


if __name__ == "__main__":
    sys.exit(main())
