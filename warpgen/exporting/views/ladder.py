"""The view `ladder`: one kernel from Python down to machine code."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from warpgen.exporting.columns import TEXT, WHOLE
from warpgen.exporting.kernels import Kernel
from warpgen.exporting.views import machine_cpu, machine_cuda, parallel
from warpgen.exporting.views.view import Record, View, common, schema
from warpgen.verification.compiling import nvrtc
from warpgen.verification.compiling.translation_unit import TranslationUnit, compose
from warpgen.verification.native.isolation import Died, Note, isolated

LEVELS = ("ptx", "sass", "llvm", "asm")

# CPU seconds for a unit: an optimised kernel takes one, the longest texts twenty.
_UNIT_SECONDS, _KERNEL_SECONDS = 60.0, 20.0

_GPU = pa.list_(
    pa.struct([(n, TEXT if n == "function" else WHOLE) for n in machine_cuda.Usage.__struct_fields__])
)
_CPU = pa.list_(
    pa.struct([(n, TEXT if n == "function" else WHOLE) for n in machine_cpu.Usage.__struct_fields__])
)

Lower = Callable[[TranslationUnit, Path], Sequence[msgspec.Struct]]


def ladder(levels: Sequence[str]) -> View:
    """The view with these levels.

    With any, only kernels are in it whose two texts compiled when they were verified, and whose machine code
    can be made.
    """
    fields = dict.fromkeys(("name", "python", "cpp", "cuda", *levels), TEXT)
    kinds = {"cpu_usage": (_CPU, {"asm"}), "gpu_usage": (_GPU, {"ptx", "sass"})}
    usage = {name: kind for name, (kind, of) in kinds.items() if of & set(levels)}
    about = "one kernel per record: Python, C++, CUDA C++" + "".join(f", {level}" for level in levels)
    texts = ("python", "cpp", "cuda", *levels)
    return View(about, schema({**fields, **usage}, texts), functools.partial(_records, tuple(levels)), texts)


def _records(levels: tuple[str, ...], kernels: Iterator[Kernel]) -> Iterator[Record]:
    both = (kernel for kernel in kernels if kernel.cpu and kernel.cuda)
    if not levels:
        yield from map(_texts, both)
        return
    for level in levels:
        _check_tools(level)
    for kernel, made in parallel.in_order(functools.partial(_lower, levels), filter(compiled, both)):
        if made is not None:
            yield _texts(kernel) | made


def _texts(kernel: Kernel) -> Record:
    assert kernel.cpu is not None and kernel.cuda is not None
    row = kernel.cpu
    texts = {"python": row.python_source, "cpp": row.code, "cuda": kernel.cuda.code}
    return common(kernel) | {"name": row.name} | texts


def compiled(kernel: Kernel) -> bool:
    """Whether the compilers took the kernel's texts when it was verified."""
    return all(row.verified.compile.verdict == "pass" for row in kernel.rows)


def _check_tools(level: str) -> None:
    if level in ("ptx", "sass"):
        nvrtc.library()
    if level == "sass":
        machine_cuda.tool("nvdisasm")
    if level in ("llvm", "asm"):
        machine_cpu.binding()


def _lower(levels: tuple[str, ...], kernels: list[Kernel]) -> list[dict[str, Any] | None]:
    """The levels of a block of kernels; None for one that a compiler refuses."""
    made: list[dict[str, Any] | None] = [{} for _ in kernels]
    for target, usage, lower in (
        ("cuda", "gpu_usage", functools.partial(machine_cuda.lower, sass="sass" in levels)),
        ("cpu", "cpu_usage", functools.partial(machine_cpu.lower, asm="asm" in levels)),
    ):
        wanted = {"cuda": {"ptx", "sass"}, "cpu": {"llvm", "asm"}}[target] & set(levels)
        if not wanted:
            continue
        codes = {i: getattr(kernel, target).code for i, kernel in enumerate(kernels)}
        lowered = dict(_units(codes, lower, parallel.scratch))
        for i in codes:
            fields, found = made[i], lowered.get(i)
            if fields is None or found is None:
                made[i] = None
            else:
                fields |= {name: found[name] for name in sorted(wanted)}
                fields |= {usage: found["usage"]} if found["usage"] else {}
    return made


def _units(codes: Mapping[int, str], lower: Lower, workdir: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """What is made of each text, together where they get on; a unit that fails is halved."""
    pending = compose(list(codes.items()))
    while pending:
        unit = pending.pop()

        def task(_: int, note: Note, unit: TranslationUnit = unit) -> Any:
            return [msgspec.to_builtins(found) for found in lower(unit, workdir)]

        seconds = _UNIT_SECONDS + _KERNEL_SECONDS * len(unit.members)
        result: Any = isolated(1, task, seconds=seconds, silent=20 * seconds)[0]
        if not isinstance(result, Died):
            yield from zip(unit.members, result, strict=True)
        elif len(unit.members) > 1:
            half = len(unit.members) // 2
            for part in (unit.members[:half], unit.members[half:]):
                pending += compose([(member, codes[member]) for member in part])
