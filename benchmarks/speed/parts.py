"""What is measured in a process of its own: each part prints one JSON object.

    python -m benchmarks.speed.parts PART ARGUMENTS…

CPU times are of the part's own process, in seconds; imports, and whatever a part needs first, do not count.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

from benchmarks._usage import cpu_seconds, resident
from warpgen.extraction import fast_path, warp_api
from warpgen.extraction.features import inspect_source
from warpgen.extraction.loading import load
from warpgen.production.state import shard
from warpgen.production.state.append_only import prove
from warpgen.production.state.journal import Checkpoint
from warpgen.production.state.layout import Layout
from warpgen.production.state.merge import Merge, files
from warpgen.production.unit import Unit
from warpgen.production.work import rows
from warpgen.program import Program
from warpgen.recipe import UNIT_SIZE, Level, Recipe
from warpgen.record import TARGETS
from warpgen.synthesis.generator import Options, synthesize
from warpgen.warp_internals import context

_PER_FILE = 50  # kernels that the plain loop puts into one module
_WARM_UP = 2  # units made before the stages are timed: the fast path remembers as it goes


class Watch:
    """CPU seconds by name."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}

    @contextlib.contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Count what the block takes under this name."""
        start = time.process_time()
        try:
            yield
        finally:
            self.spent[name] = self.spent.get(name, 0.0) + time.process_time() - start


def _programs(first: int, last: int) -> Iterator[Program]:
    for index in range(first, last):
        with contextlib.suppress(Exception):
            yield synthesize(0, index, Options())


def _generate(program: Program, watch: Watch) -> None:
    """Hash, build and write out one program, unless Warp refuses it; one build serves both targets."""
    with contextlib.ExitStack() as stack, contextlib.suppress(Exception):
        with watch.of("execute"):
            live = stack.enter_context(load(program))
        with watch.of("hash"):
            live.module.get_module_hash(live.module.options["block_dim"])
        with watch.of("build"):
            builder = warp_api.build(live.module, None)
        with watch.of("text"):
            for target in TARGETS:
                warp_api.emit(builder, target)


def floor(count: str) -> dict[str, Any]:
    """Hash, build and text of both targets by unmodified Warp: what no pipeline around it can go below."""
    warp_api.start()
    watch = Watch()
    for program in _programs(0, int(count)):
        _generate(program, watch)
    return {"cpu": sum(watch.spent[name] for name in ("hash", "build", "text")), **watch.spent}


def stages(count: str) -> dict[str, Any]:
    """Every stage of a worker with the fast path on, once it has met the language."""
    warp_api.start()
    fast_path.install()
    recipe = Recipe(verify="none")
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(_WARM_UP):
            rows.build(_unit(number), recipe, Path(scratch))
        gc.collect()
        gc.freeze()
        watch = Watch()
        for number in range(_WARM_UP, _WARM_UP + max(1, int(count) // UNIT_SIZE)):
            with watch.of("whole unit"):
                rows.build(_unit(number), recipe, Path(scratch))
            for index in range(_unit(number).start, _unit(number).stop):
                _stages_of(index, watch)
            gc.collect()
    parts = sum(spent for name, spent in watch.spent.items() if name != "whole unit")
    return {**watch.spent, "rows, compression": watch.spent.pop("whole unit") - parts}


def verification(count: str) -> dict[str, Any]:
    """CPU seconds a program at each level, children included and the start of the compilers not.

    Also what part of them falls to a kernel of median size, by the bytes of its rows.
    """
    warp_api.start()
    fast_path.install()
    units, sizes = max(1, int(count) // UNIT_SIZE), []
    spent = {}
    with tempfile.TemporaryDirectory() as scratch:
        for level in get_args(Level):
            recipe, folder = Recipe(verify=level), Path(scratch) / level
            rows.build(Unit(0, 16), recipe, folder)
            start = cpu_seconds()
            shards = [rows.build(_unit(1 + number), recipe, folder) for number in range(units)]
            spent[level] = (cpu_seconds() - start) / (units * UNIT_SIZE)
            if level == "none":
                for number, data in enumerate(shards):
                    made = shard.Shard(data, recipe.hash, _unit(1 + number)).table.made
                    sizes += [sum(program.rows) for program in made if any(program.rows)]
    return {**spent, "median size": statistics.median(sizes) / statistics.mean(sizes)}


def memory(count: str) -> dict[str, Any]:
    """The resident memory of one worker, in MiB, ten times on its way through so many programs."""
    warp_api.start()
    fast_path.install()
    recipe, units = Recipe(verify="none"), max(10, int(count) // UNIT_SIZE)
    rss = []
    with tempfile.TemporaryDirectory() as scratch:
        gc.collect()
        gc.freeze()
        for number in range(units):
            rows.build(_unit(number), recipe, Path(scratch))
            gc.collect()
            if (number + 1) % (units // 10) == 0:
                rss.append(((number + 1) * UNIT_SIZE, resident() / 2**20))
    return {"rss": rss}


def _stages_of(index: int, watch: Watch) -> None:
    with contextlib.suppress(Exception):
        with watch.of("synthesis"):
            program = synthesize(0, index, Options())
        with watch.of("features"):
            inspect_source(program.source, program.name, [a.type for a in program.args])
        _generate(program, watch)


def _unit(number: int) -> Unit:
    return Unit(number * UNIT_SIZE, (number + 1) * UNIT_SIZE)


def loop(count: str) -> dict[str, Any]:
    """The usual script: files of 50 kernels are imported, each kernel is built, its text dumped by json."""
    warp_api.start()
    programs = list(_programs(0, int(count)))
    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w") as out:
        start = time.process_time()
        for number in range(0, len(programs), _PER_FILE):
            _plain_file(Path(folder) / f"kernels_{number}.py", programs[number : number + _PER_FILE], out)
        return {"cpu": time.process_time() - start}


def _plain_file(path: Path, programs: list[Program], out: Any) -> None:
    path.write_text("KERNELS = []\n" + "".join(f"{p.source}\nKERNELS.append({p.name})\n" for p in programs))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    with contextlib.suppress(Exception):  # a kernel that Warp refuses while it is read costs the rest
        spec.loader.exec_module(module)
    for program, kernel in zip(programs, module.__dict__["KERNELS"], strict=False):
        with contextlib.suppress(Exception):
            options = kernel.module.resolve_options(context.warp.config) | {"output_arch": None}
            builder = context.ModuleBuilder(kernel.module, options, context.ModuleHasher([kernel], options))
            for target in TARGETS:
                row = {"id": program.index, "python_source": program.source, "code": builder.codegen(target)}
                out.write(json.dumps(row) + "\n")


def merge(megabytes: str) -> dict[str, Any]:
    """The coordinator's work alone: shards on disk, of real rows with made-up hashes, become datasets."""
    warp_api.start()
    fast_path.install()
    recipe = Recipe(size=int(megabytes) * 10**6, verify="none")
    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(Path(folder))
        model = rows.build(_unit(0), recipe, layout.root)
        layout.shards.mkdir(parents=True)
        units = _store_copies(layout, recipe, model)
        for path in files(layout, recipe).values():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        known = {name: prove(path, ()) for name, path in files(layout, recipe).items()}
        merging = Merge(layout, recipe, Checkpoint(), known)
        memory, start, wall = resident(), time.process_time(), time.perf_counter()
        for unit in units:
            merging.add(shard.Shard(shard.path_of(layout.shards, unit).read_bytes(), recipe.hash, unit))
        merging.close()
        cpu, wall = time.process_time() - start, time.perf_counter() - wall
        made = sum(dataset.rows for dataset in merging.datasets)
        return {"bytes": merging.size, "cpu": cpu, "wall": wall, "rows": made, "grown": resident() - memory}


def _store_copies(layout: Layout, recipe: Recipe, model: bytes) -> list[Unit]:
    """Shards enough for the recipe, with the rows of one real shard each and hashes of their own."""
    first = shard.Shard(model, recipe.hash, _unit(0))
    lengths = [sum(made.rows[place] for made in first.table.made) for place in range(len(TARGETS))]
    parts = [first.rows(place).take(length) for place, length in enumerate(lengths)]
    units: list[Unit] = []
    while len(units) * min(lengths) < (recipe.size or 0) + min(lengths):
        unit = _unit(len(units))
        made = tuple(
            shard.Made(unit.start + n, os.urandom(16), os.urandom(16), old.rows)
            for n, old in enumerate(first.table.made)
        )
        table = shard.Table(recipe.hash, unit.start, unit.stop, made, (), ())
        with shard.path_of(layout.shards, unit).open("wb") as file:
            file.write(shard.encode(table, parts))
        units.append(unit)
    return units


_PARTS: dict[str, Callable[..., dict[str, Any]]] = {
    "floor": floor,
    "stages": stages,
    "memory": memory,
    "verification": verification,
    "loop": loop,
    "merge": merge,
}

if __name__ == "__main__":
    print(json.dumps(_PARTS[sys.argv[1]](*sys.argv[2:])))
