"""A job that makes shards of imaginary programs in no time, and can be told to get into trouble."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec
import xxhash

from tests.support.commands import files
from warpgen.launch import Launch
from warpgen.production import session
from warpgen.production.run_options import RunOptions
from warpgen.production.state import journal, recovery, roots
from warpgen.production.state.chronicle import Chronicle
from warpgen.production.state.layout import Layout
from warpgen.production.state.shard import Made, Refusal, Table, encode
from warpgen.production.unit import Outcome, Unit
from warpgen.production.work.worker import store
from warpgen.recipe import Recipe
from warpgen.record import UNVERIFIED, Features, Gradient, Provenance, Row, Target
from warpgen.record import encode as encode_row

Trouble = Callable[[Unit], None]


def row(index: int, target: Target) -> bytes:
    """The line of an imaginary program; its length differs from index to index."""
    source, structure = hashes(index)
    made = Row(
        id=f"s0-{index}-{target}",
        kernel_id=f"s0-{index}",
        target=target,
        category="imaginary",
        name="k",
        python_source="k = 1\n",
        code=f"{target} {index}\n" * (1 + index % 7),
        forward=(0, 3),
        backward=(0, 0),
        args=(),
        launch=Launch((1,), 0),
        features=Features(1, 0, 0, 0, 0, 0, 0, 1, (), (), True),
        source_hash=source.hex(),
        structure_hash=structure.hex(),
        split="train",
        summary="Does nothing.",
        verified=msgspec.structs.replace(UNVERIFIED, gradient=Gradient("wrong" if wrong(index) else "pass")),
        provenance=Provenance("synthesis", 0, index, "0", "0", "none"),
    )
    return encode_row(made)


def hashes(index: int) -> tuple[bytes, bytes]:
    """Every 7th program repeats the source of the 5th before it, every 11th the structure only."""
    digest = xxhash.xxh3_128_digest
    of_source = index - 5 if index % 7 == 6 else index
    of_structure = of_source - 8 if of_source % 11 == 10 else of_source
    return digest(f"source {of_source}".encode()), digest(f"structure {of_structure}".encode())


def refused(index: int, target: Target) -> bool:
    """Every 13th program has no code for CUDA, every 17th none at all."""
    return index % 17 == 16 or (index % 13 == 12 and target == "cuda")


def wrong(index: int) -> bool:
    """Every 4th program from the 200th on has a gradient that is wrong."""
    return index >= 200 and index % 4 == 3


def shard_of(unit: Unit, recipe: Recipe) -> bytes:
    """The shard of a unit of imaginary programs."""
    rows: list[list[bytes]] = [[] for _ in recipe.targets]
    made, refusals = [], []
    for index in range(unit.start, unit.stop):
        lengths = []
        for place, target in enumerate(recipe.targets):
            line = b"" if refused(index, target) else row(index, target)
            rows[place].append(line)
            lengths.append(len(line))
            if not line:
                refusals.append(Refusal(index, place, "extraction", f"no {index}"))
        made.append(Made(index, *hashes(index), tuple(lengths), wrong(index)))
    table = Table(recipe.hash, unit.start, unit.stop, tuple(made), tuple(refusals), ())
    return encode(table, [b"".join(lines) for lines in rows])


class ImaginaryJob:
    """Stores imaginary shards. `trouble` is called, by an index of the unit, before its shard is made."""

    def __init__(self, layout: Layout, recipe: Recipe, trouble: Mapping[int, Trouble] | None = None) -> None:
        self.layout = layout
        self.recipe = recipe
        self.trouble = trouble or {}

    def preload(self) -> None: ...

    def begin(self, name: str) -> None: ...

    def __call__(self, unit: Unit) -> Outcome:
        for index, trouble in self.trouble.items():
            if unit.start <= index < unit.stop:
                trouble(unit)
        return store(self.layout.shards_at, unit, shard_of(unit, self.recipe))


def recipe_of(rows: int = 400, target: str = "both") -> Recipe:
    """A recipe for imaginary programs."""
    return msgspec.convert(
        {"target": target, "size": None, "rows": rows, "verify": "none", "warpgen": "0", "warp": "0"}, Recipe
    )


def quick(engine: str = "serial", workers: int = 1) -> RunOptions:
    """Options that checkpoint after every shard, and lose patience soon."""
    return RunOptions(
        engine=engine, workers=workers, unit_seconds=0.5, silent_seconds=1.0, checkpoint_seconds=0.0
    )


def produce(
    root: Path | str,
    recipe: Recipe,
    options: RunOptions | None = None,
    trouble: Mapping[int, Trouble] | None = None,
) -> int:
    """A whole run of imaginary programs under `root`; the exit code."""
    with roots.held(root) as (layout, lock):
        history = Chronicle(layout, recipe)
        history.beginning()
        found = recovery.begin(layout, recipe, "2020-01-01T00:00:00+00:00")
        return _carry_out(layout, found, options, trouble, lock, history)


def go_on(
    root: Path | str, options: RunOptions | None = None, trouble: Mapping[int, Trouble] | None = None
) -> int:
    """Resume such a run; the exit code."""
    roots.check_resumable(root)
    with roots.held(root) as (layout, lock):
        roots.check_resumable(root, held=True)
        found = recovery.recover(layout, journal.read(layout.journal_at))
        return _carry_out(layout, found, options, trouble, lock, Chronicle(layout, found.begun.recipe))


def _carry_out(
    layout: Layout,
    found: recovery.Found,
    options: RunOptions | None,
    trouble: Mapping[int, Trouble] | None,
    lock: int,
    history: Chronicle,
) -> int:
    recipe = found.begun.recipe
    return session.Session(
        layout=layout,
        found=found,
        options=options or quick(),
        chronicle=history,
        job=ImaginaryJob(layout, recipe, trouble),
        lock=lock,
    ).carry_out()


@functools.cache
def undisturbed(rows: int) -> dict[str, bytes]:
    """The datasets of `recipe_of(rows)` in one run that nothing disturbs."""
    with tempfile.TemporaryDirectory() as name:
        produce(Path(name), recipe_of(rows))
        return files(Path(name))


def files_left(root: Path) -> list[str]:
    """All files under a root, by their relative names, but for the plots that larger reports have."""
    return without_plots(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def without_plots(names: Iterable[str]) -> list[str]:
    """The names of files in a root, less those of the report's plots."""
    return sorted(name for name in names if not name.startswith("reports/images/"))


# What a finished run of both targets leaves.
FINISHED = [
    "DATASET_STATE.md",
    "data/production_cpu/cpu_code_dataset.jsonl",
    "data/production_cuda/cuda_code_dataset.jsonl",
    "manifests/cpu_manifest.json",
    "manifests/cuda_manifest.json",
    "reports/chief_scientist_report.md",
]


class PowerCut(BaseException):
    """Ends a run as a power cut would: nothing is tidied but what `finally` does."""


def power_cut(unit: Unit) -> None:
    """Trouble of the worst kind."""
    raise PowerCut
