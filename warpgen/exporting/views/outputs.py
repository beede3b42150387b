"""What kernels compute: their C++ compiled and run on the launch that their rows describe."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from warpgen.extraction.codegen import lower
from warpgen.extraction.loading import load
from warpgen.record import Row
from warpgen.verification.allowlist import require_allowed
from warpgen.verification.compiling.compiler import Compiler
from warpgen.verification.compiling.translation_unit import without_fast_path
from warpgen.verification.native import warp_native
from warpgen.verification.native.isolation import Died, Note, isolated
from warpgen.verification.recheck import program_of
from warpgen.verification.running.arguments import Arguments
from warpgen.verification.running.execute import Executable
from warpgen.verification.running.memory_layout import MemoryLayout, describe

# Values told of each output. Floats are rounded to digits that compilers and machines agree on.
MOST_VALUES = 64
_DIGITS = {2: 3, 4: 5, 8: 10}  # by bytes


class Output(msgspec.Struct, frozen=True):
    """One output: the argument (or a field of it), NumPy's type, shape, and the first values in C order."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    values: tuple[str, ...]


class _Lowered(msgspec.Struct, frozen=True):
    text: str
    layouts: list[MemoryLayout]


def outputs(rows: Sequence[Row], workdir: Path) -> list[list[Output]]:
    """What each CPU row's kernel writes; nothing for one that cannot be run. Runs isolated.

    What runs is what Warp makes of the screened source: a stranger's code might do anything.
    """

    def lowered(number: int, note: Note) -> Any:
        row = rows[number]
        require_allowed(row.python_source)
        program = program_of(row)
        with load(program) as live:
            layouts = [msgspec.to_builtins(describe(k)) for _, k in warp_native.argument_types(live.kernel)]
        return {"text": lower(program, ("cpu",))["cpu"].text, "layouts": layouts}

    sources = [
        None if isinstance(found, Died) else msgspec.convert(found, _Lowered)
        for found in isolated(len(rows), lowered)
    ]
    texts = {i: without_fast_path(source.text) for i, source in enumerate(sources) if source}
    compiled = _compiler(workdir).compile("cpu", texts)
    ready = sorted(compiled.objects)
    libraries: dict[Path, warp_native.Library] = {}

    def load_all() -> None:
        for path in set(compiled.objects.values()):
            libraries[path] = warp_native.Library(path)

    def run(number: int, note: Note) -> Any:
        index = ready[number]
        row, library, source = rows[index], libraries[compiled.objects[index]], sources[index]
        assert source is not None
        kernel = Executable(library, source.text, row.launch)
        arguments = Arguments(row.args, source.layouts, row.launch.seed)
        kernel.run(arguments)
        return [msgspec.to_builtins(_told(leaf.path, leaf.values)) for leaf in arguments.outputs()]

    made: list[list[Output]] = [[] for _ in rows]
    try:
        for index, result in zip(ready, isolated(len(ready), run, before=load_all), strict=True):
            if not isinstance(result, Died):
                made[index] = msgspec.convert(result, list[Output])
    finally:
        for path in set(compiled.objects.values()):
            path.unlink()
    return made


@functools.lru_cache(maxsize=1)
def _compiler(workdir: Path) -> Compiler:
    """One compiler for all blocks of a process: it remembers that its headers are warm."""
    return Compiler(workdir)


def _told(path: str, values: NDArray[Any]) -> Output:
    flat = np.ascontiguousarray(values).reshape(-1)[:MOST_VALUES]
    digits = _DIGITS.get(values.dtype.itemsize, 5)
    told = tuple(f"{v:.{digits}g}" if values.dtype.kind == "f" else str(v) for v in flat.tolist())
    return Output(path, values.dtype.name, values.shape, told)
