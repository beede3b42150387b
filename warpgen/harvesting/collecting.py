"""Import files in confined children and make a stand-alone program of each kernel that comes to life there.

Importing runs the package's own code: the limits guard against accidents, not against malice.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from warpgen.errors import ExtractionError, ProgramError
from warpgen.extraction import warp_api
from warpgen.extraction.codegen import Code, lower
from warpgen.harvesting.arguments import arguments_of
from warpgen.harvesting.embedding import embed
from warpgen.harvesting.finding import Source
from warpgen.harvesting.overloads import overloads
from warpgen.launch import Argument, Launch
from warpgen.program import Program
from warpgen.record import TARGETS, Target
from warpgen.verification.native.isolation import Died, Note, isolated

# CPU seconds for one file: its import with all that it imports, and code generation for its kernels.
FILE_SECONDS = 300.0
# Bytes above what is mapped already; libraries that packages bring map much that they never touch.
_MEMORY = 16 << 30

# Programs made of a generic kernel whose types nobody says.
_ATTEMPTS = 3

# Of a launch nothing is known: no dimensions.
UNKNOWN = Launch(dim=(), seed=0)


class Kernel(msgspec.Struct, frozen=True):
    """One kernel of a file: a program with its code, or why there is none.

    Of a generic kernel whose types nobody says there are a few attempts: the first that compiles is kept.
    """

    name: str
    line: int
    source: str = ""
    args: tuple[Argument, ...] = ()
    codes: dict[Target, Code] = {}
    failed: str = ""
    attempt: bool = False


class Harvest(msgspec.Struct, frozen=True):
    """What a file gave. `failed` says why it could not be imported."""

    kernels: tuple[Kernel, ...] = ()
    failed: str = ""


def _lowered(program: Program) -> dict[Target, Code]:
    """Code for both targets, or for the one that takes the kernel. Raises ExtractionError where none does."""
    try:
        return lower(program, TARGETS)
    except ExtractionError as error:
        codes: dict[Target, Code] = {}
        for target in TARGETS:
            with contextlib.suppress(ExtractionError):
                codes |= lower(program, (target,))
        if not codes:
            raise error
        return codes


def collect(sources: Sequence[Source], scratch: Path) -> Iterator[tuple[Source, Harvest]]:
    """Harvest files, in their order. One that dies or cannot be imported costs itself alone."""
    recorded: list[Any] = []

    def before() -> None:
        os.chdir(scratch)  # what a module writes beside itself is lost
        warp_api.reset_config()
        recorded[:] = [warp_api.record_kernels()]

    def task(number: int, note: Note) -> Any:
        source = sources[number]
        note("import")
        _import(source)
        note("extraction")
        kernels = [k for k in recorded[0] if _is_of(k, source)]
        harvest = Harvest(tuple(_harvest(kernels)))
        (scratch / f"{number}.msgpack").write_bytes(msgspec.msgpack.encode(harvest))
        return None

    results = isolated(len(sources), task, seconds=FILE_SECONDS, memory=_MEMORY, silent=600.0, before=before)
    for number, (source, result) in enumerate(zip(sources, results, strict=True)):
        if isinstance(result, Died):
            yield source, Harvest(failed=f"{result.reason}: {result.error}")
        else:
            path = scratch / f"{number}.msgpack"
            yield source, msgspec.msgpack.decode(path.read_bytes(), type=Harvest)
            path.unlink()


def _import(source: Source) -> None:
    if source.folder not in sys.path:
        sys.path.insert(0, source.folder)
    try:
        importlib.import_module(source.module)
    except SystemExit as error:
        raise ImportError(f"the module ends the process: {error}") from error
    found = getattr(sys.modules[source.module], "__file__", "") or ""
    if os.path.realpath(found) != source.path:
        raise ImportError(f"another module is called {source.module}")


def _is_of(kernel: Any, source: Source) -> bool:
    code = getattr(kernel.func, "__code__", None)
    return code is not None and os.path.realpath(code.co_filename) == source.path


def _harvest(kernels: Sequence[Any]) -> Iterator[Kernel]:
    """Every kernel once for each of its overloads; a kernel made twice from one place is taken once."""
    seen: set[str] = set()
    for kernel in kernels:
        name, line = kernel.func.__name__, kernel.func.__code__.co_firstlineno
        problem, made = "", 0
        guessed = kernel.is_generic and not kernel.overloads
        for arg_types in overloads(kernel):
            try:
                text = embed(kernel, arg_types)
                if text in seen:
                    made += 1
                    continue
                args = arguments_of(text, name, arg_types)
                codes = _lowered(Program(0, 0, "", name, text, args, UNKNOWN))
            except ProgramError as error:
                problem = problem or str(error)
                continue
            except Exception as error:  # of the package's own objects, which may do anything
                problem = problem or f"{type(error).__name__}: {error}"
                continue
            seen.add(text)
            made += 1
            yield Kernel(name, line, text, args, codes, attempt=guessed)
            if guessed and made == _ATTEMPTS:
                break
        if not made:
            yield Kernel(name, line, failed=problem or "no overload of it is used")
