"""Make stand-alone programs of the kernels that come to life as files are imported, in confined children.

Importing runs the package's own code: the limits guard against accidents, not against malice.
"""

from __future__ import annotations

import contextlib
import inspect
import linecache
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from warpgen.errors import ExtractionError, ProgramError, VerificationError
from warpgen.extraction import warp_api
from warpgen.extraction.codegen import Code, lower
from warpgen.extraction.loading import explain
from warpgen.harvesting.arguments import arguments_of
from warpgen.harvesting.embedding import embed
from warpgen.harvesting.finding import Source
from warpgen.harvesting.importing import import_source
from warpgen.harvesting.machine import MachinePaths
from warpgen.harvesting.overloads import overloads
from warpgen.harvesting.sameness import first_difference
from warpgen.launch import Argument, Launch
from warpgen.program import Program
from warpgen.record import TARGETS, Target
from warpgen.verification.allowlist import require_allowed
from warpgen.verification.native.isolation import Died, Note, isolated, more_time
from warpgen.verification.running.memory_layout import MemoryLayout, describe

# CPU seconds for one file: its import with all that it imports, and then for code generation for each kernel.
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
    `author` is the CPU text of the author's own kernel, `layouts` how its arguments lie in memory; where
    these cannot be told there are none.
    """

    file: str
    name: str
    line: int
    source: str = ""
    args: tuple[Argument, ...] = ()
    codes: dict[Target, Code] = {}
    author: str = ""
    layouts: tuple[MemoryLayout, ...] = ()
    failed: str = ""
    attempt: bool = False


class Harvest(msgspec.Struct, frozen=True):
    """What a file gave. `failed` says why it could not be imported."""

    kernels: tuple[Kernel, ...] = ()
    failed: str = ""


def collect(sources: Sequence[Source], scratch: Path) -> Iterator[tuple[Source, Harvest]]:
    """Harvest files, in their order. One that dies or cannot be imported costs itself alone.

    A file gives the kernels that it defines, and those that files before it define and it has made by calling
    them.
    """
    recorded: list[Any] = []
    taken: set[int] = set()  # of the recorded kernels, which stay alive
    unfinished: set[str] = set()  # files whose import failed: what they hold may lack what comes after
    order = {source.path: number for number, source in enumerate(sources)}

    def before() -> None:
        os.chdir(scratch)  # what a module writes beside itself is lost
        warp_api.reset_config()
        recorded[:] = [warp_api.record_kernels()]

    def task(number: int, note: Note) -> Any:
        source = sources[number]
        if source.broken:
            raise ImportError(source.broken)
        note("import")
        unfinished.add(source.path)
        import_source(source, recorded[0])
        unfinished.remove(source.path)
        note("extraction")
        fresh = [k for k in recorded[0] if id(k) not in taken and _path(k) not in unfinished]
        due = [k for k in fresh if order.get(_path(k), len(sources)) <= number]
        taken.update(map(id, due))
        with warp_api.history_kept():
            kernels = tuple(_harvest(due, {s.path: s for s in sources}))
        (scratch / f"{number}.msgpack").write_bytes(msgspec.msgpack.encode(Harvest(kernels)))
        return None

    seen: set[tuple[str, int, str, str]] = set()  # a child that follows a dead one imports files again
    results = isolated(len(sources), task, seconds=FILE_SECONDS, memory=_MEMORY, silent=600.0, before=before)
    for number, (source, result) in enumerate(zip(sources, results, strict=True)):
        if isinstance(result, Died):
            yield source, Harvest(failed=f"{result.reason}: {result.error}")
        else:
            path = scratch / f"{number}.msgpack"
            harvest = msgspec.msgpack.decode(path.read_bytes(), type=Harvest)
            path.unlink()
            fresh = [k for k in harvest.kernels if (k.file, k.line, k.name, k.source) not in seen]
            seen.update((k.file, k.line, k.name, k.source) for k in fresh)
            yield source, Harvest(tuple(fresh))


def _code(kernel: Any) -> Any:
    """The code whose text the kernel is, as Warp takes it, also where `functools.wraps` stands around."""
    return getattr(inspect.unwrap(kernel.func), "__code__", None)


def _path(kernel: Any) -> str:
    code = _code(kernel)
    return os.path.realpath(code.co_filename) if code is not None else ""


def _harvest(kernels: Sequence[Any], sources: Mapping[str, Source]) -> Iterator[Kernel]:
    """Every kernel, in an order that its file decides and not the process that made it."""
    seen: set[str] = set()
    made: list[tuple[tuple[str, int, str, str, int], list[Kernel]]] = []
    ordered = sorted(kernels, key=lambda k: (_path(k), _code(k).co_firstlineno, k.func.__name__))
    for number, kernel in enumerate(ordered):
        more_time(FILE_SECONDS)
        found = list(_programs(kernel, sources[_path(kernel)], seen))
        if found:
            first = found[0]
            made.append(((first.file, first.line, first.name, first.source, number), found))
    failures: set[tuple[str, int, str]] = set()
    for (file, line, name, _, _), group in sorted(made, key=lambda pair: pair[0]):
        place = (file, line, name)
        if group[0].failed:  # a factory that is called thrice has one failure
            if place in failures:
                continue
            failures.add(place)
        yield from group


def _programs(kernel: Any, source: Source, seen: set[str]) -> Iterator[Kernel]:
    """A kernel once for each of its overloads, without programs that were `seen`."""
    name, line = kernel.func.__name__, _code(kernel).co_firstlineno
    problem, made = "", 0
    guessed = kernel.is_generic and not kernel.overloads
    paths = MachinePaths(source.folder)
    for arg_types in list(overloads(kernel)):
        try:
            program = _program(kernel, arg_types, paths, seen)
        except ProgramError as error:
            problem = problem or str(error)
            continue
        except Exception as error:  # of the package's own objects, which may do anything
            problem = problem or f"{type(error).__name__}: {error}"
            continue
        made += 1
        if program is None:
            continue
        seen.add(program[0])
        yield Kernel(source.file, name, line, *program, _layouts(arg_types), attempt=guessed)
        if guessed and made == _ATTEMPTS:
            break
    if not made:
        yield Kernel(source.file, name, line, failed=problem or "no overload of it is used")


def _program(
    kernel: Any, arg_types: Mapping[str, Any], paths: MachinePaths, seen: set[str]
) -> tuple[str, tuple[Argument, ...], dict[Target, Code], str] | None:
    """Source, arguments and code of a row, and the author's own code; None where the source was `seen`.

    Raises ExtractionError where there is none that is the author's.
    """
    failed: ProgramError | None = None
    file = "".join(linecache.getlines(_path(kernel)))
    is_foreign = partial(paths.are_in, authored=file)
    variants = [(False, False)]
    for values, apart in variants:
        made = embed(kernel, arg_types, is_foreign, apart, values)
        if made.text in seen:
            return None
        if paths.are_in(made.text, file + made.authored):
            raise ExtractionError("a path of this machine is in its row")
        try:
            require_allowed(made.text)
            codes = _lowered(Program(0, 0, "", kernel.func.__name__, made.text, (), UNKNOWN))
            author = _author(kernel, arg_types, codes)
            args = arguments_of(codes.get("cpu") or codes["cuda"], arg_types, made.struct)
            return made.text, args, codes, author
        except ProgramError as error:
            failed = failed or error
            if isinstance(error, _AnotherError) and not apart:
                variants.append((values, True))
            elif made.statics and not values:
                variants.append((True, False))
    raise failed or AssertionError


class _AnotherError(ExtractionError):
    """The row's code is not that of the author's kernel."""


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


def _author(kernel: Any, arg_types: Mapping[str, Any], codes: Mapping[Target, Code]) -> str:
    """The CPU text of the author's own kernel. Raises ExtractionError where a row's code is another."""
    texts: dict[Target, str] = {}
    for target, code in codes.items():
        try:
            own = warp_api.overload(kernel, list(arg_types.values()))
            builder = warp_api.build_alone(own, target)
            _number_replays(builder)
            texts[target] = warp_api.emit(builder, target)
        except Exception as error:
            raise ExtractionError(f"Warp refuses the author's own kernel: {explain(error)}") from error
        difference = first_difference(texts[target], code.text)
        if difference:
            raise _AnotherError(f"the {target} code would not be the author's: {difference}")
    return texts.get("cpu", "")


def _number_replays(builder: Any) -> None:
    """Give custom replays their functions' numbers, by which Warp calls them.

    Both are numbered by their own names: a function of another file, imported before, sets them apart.
    """
    for function in builder.functions:
        if function.custom_replay_func is not None:
            function.custom_replay_func.native_func = f"replay_{function.native_func}"


def _layouts(arg_types: Mapping[str, Any]) -> tuple[MemoryLayout, ...]:
    """How the arguments lie in memory; nothing where one cannot be filled from data."""
    try:
        return tuple(describe(kind) for kind in arg_types.values())
    except VerificationError:
        return ()
