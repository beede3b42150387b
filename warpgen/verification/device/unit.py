"""The CUDA texts of a unit of programs, run: evidence for each row, or why it must not be kept."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace as replaced

from warpgen.errors import ProgramError
from warpgen.extraction.codegen import Code, lower
from warpgen.program import Program
from warpgen.reasons import Reason
from warpgen.record import Device, Target, Verified
from warpgen.verification.device.comparing import TOOL, Comparison, Differs
from warpgen.verification.device.compiling import DeviceCompiler
from warpgen.verification.device.kernel import DeviceKernel
from warpgen.verification.device.machine import MOST_SHARED, ORDERS, DeviceCode, Machine, Stuck
from warpgen.verification.judging.examine import Examination, Failed, Subject
from warpgen.verification.judging.prepare import Prepared
from warpgen.verification.judging.widening.widen import widen
from warpgen.verification.native import isolation, warp_native
from warpgen.verification.native.isolation import Died, Note, isolated
from warpgen.verification.oracle import Reading, Unsupported
from warpgen.verification.running.memory_layout import widened

# What computes something else with blocks of 256 threads than with those of one, which a CPU has.
_OF_BLOCKS = re.compile(r"\bwp\.(?:block_dim|tile_rand\w*|tile|untile|tile_from_thread)\(")


class Ready(msgspec.Struct, frozen=True):
    """A program whose C++ is compiled, has run and has left its evidence."""

    program: Program
    prepared: Prepared
    cpu: str
    narrow: Path
    wide: Path | None
    cuda: Code
    verified: Verified

    def subject(self, libraries: Mapping[Path, warp_native.Library]) -> Subject:
        """The C++, loaded."""
        wide = libraries[self.wide] if self.wide else None
        return Subject.of(self.program, self.prepared, self.cpu, libraries[self.narrow], wide)

    @property
    def textured(self) -> bool:
        """Whether it samples textures, which the machine has not."""
        return any(layout.family == "texture" for layout in self.prepared.layouts)

    @property
    def shared(self) -> int:
        """Bytes of dynamic shared memory; of a row alone, which does not say, as many as there are."""
        return self.cuda.shared or (MOST_SHARED if "tile" in self.program.source else 0)


def execute(ready: Mapping[int, Ready], workdir: Path) -> dict[int, Verified | Died]:
    """Evidence of each row with its CUDA text run, or why it fails.

    Raises UnitError if a child was killed from outside.
    """
    return _Unit(ready, workdir).execute()


@functools.lru_cache(maxsize=2)
def _compiler(workdir: Path) -> DeviceCompiler:
    """One compiler per process and folder: it remembers that its headers are warm."""
    return DeviceCompiler(workdir / "device")


class _Loaded:
    """The machine of one child, with the objects that run on it."""

    def __init__(self, machine: Path) -> None:
        self._path, self._codes = machine, dict[Path, DeviceCode]()

    def load(self, paths: Iterable[Path]) -> None:
        self._machine = Machine(self._path)
        self._codes = {path: self._machine.load(path) for path in set(paths)}

    def kernel(self, row: Ready, path: Path, text: str, wide: bool = False) -> DeviceKernel:
        """A text of the row's program, on the row's launch."""
        layouts = [widened(layout) if wide else layout for layout in row.prepared.layouts]
        shared = MOST_SHARED if wide else row.shared
        return DeviceKernel(self._machine, self._codes[path], text, row.program.launch, layouts, shared)


class _Unit:
    def __init__(self, ready: Mapping[int, Ready], workdir: Path) -> None:
        self._ready, self._compiler = ready, _compiler(workdir)
        self._found: dict[int, Verified | Died] = {}

    def execute(self) -> dict[int, Verified | Died]:
        textured = [i for i, row in self._ready.items() if row.textured]
        for i in textured:
            self._unchecked(i, "a GPU filters textures in its own way")
        texts = {i: row.cuda.text for i, row in self._ready.items() if i not in textured}
        compiled = self._compiler.compile("cpu", texts)
        for i, died in compiled.failures.items():
            self._unchecked(i, f"not compiled: {died.error}")
        try:
            self._compare(compiled.objects)
        finally:
            _remove(compiled.objects)
        return self._found

    def _unchecked(self, index: int, why: str) -> None:
        evidence = Device("unchecked", tool=TOOL, why=why[:100])
        self._found[index] = replaced(self._ready[index].verified, device=evidence)

    def _compare(self, objects: Mapping[int, Path]) -> None:
        """Each text beside the C++ of its row; those in which blocks count, beside their own widened text."""
        order, rows = list(objects), self._ready
        paths = {path for i in order for path in (rows[i].narrow, rows[i].wide) if path}
        libraries: dict[Path, warp_native.Library] = {}
        loaded = _Loaded(self._compiler.machine)

        def load() -> None:
            libraries.update({path: warp_native.Library(path) for path in paths})
            loaded.load(objects.values())

        def task(number: int, note: Note) -> Any:
            index = order[number]
            row = rows[index]
            kernel = loaded.kernel(row, objects[index], row.cuda.text)
            own = Examination(row.subject(libraries))
            return _told(
                lambda: replaced(row.verified, device=Comparison(own, kernel, _wrong(row.verified)).run(note))
            )

        found = dict(zip(order, isolated(len(order), task, before=load, seconds=_seconds()), strict=True))
        apart = [i for i in order if _differs(found[i]) and _OF_BLOCKS.search(rows[i].program.source)]
        self._found |= {i: _settled(result) for i, result in found.items() if i not in apart}
        if apart:
            self._examine({i: objects[i] for i in apart})

    def _examine(self, objects: Mapping[int, Path]) -> None:
        """What blocks of 256 threads compute, by its own widened text."""
        order, rows = list(objects), self._ready
        texts = dict(zip(order, isolated(len(order), lambda n, _: _widened(rows[order[n]])), strict=True))
        wide = self._compiler.compile(
            "cpu", {i: text for i, text in texts.items() if isinstance(text, str) and text}
        )
        loaded = _Loaded(self._compiler.machine)

        def load() -> None:
            loaded.load([*objects.values(), *wide.objects.values()])

        def task(number: int, note: Note) -> Any:
            index = order[number]
            row, path, other = rows[index], objects[index], wide.objects.get(index)
            first, again = (loaded.kernel(row, path, row.cuda.text) for _ in range(2))
            reference = loaded.kernel(row, other, str(texts[index]), wide=True) if other else None
            run = _Apart(Subject(row.program, row.prepared.layouts, first, reference, row.prepared.coarse))
            return _told(lambda: run.evidence(row.verified, again, note))

        try:
            results = isolated(len(order), task, before=load, seconds=_seconds())
            self._found |= {i: _settled(result) for i, result in zip(order, results, strict=True)}
        finally:
            _remove(wide.objects)


class _Apart(Examination):
    """A program that is examined by its CUDA texts alone."""

    def _read(self) -> Reading:
        raise Unsupported("a block of more than one thread")

    def evidence(self, verified: Verified, again: DeviceKernel, note: Note) -> Verified:
        """What a CPU row has, found by blocks of 256 threads; `again` runs in other orders of threads."""
        note("blocks")
        self.first()
        found = replaced(verified, forward=self.forward(), alive=self.alive(), gradient=self.gradient())
        device = Comparison(self, again, _wrong(found)).run(note)
        return replaced(found, device=replaced(device, reference="widened"))


def _wrong(verified: Verified) -> bool:
    return verified.gradient.verdict == "wrong"


def _widened(row: Ready) -> str:
    """The CUDA text of the widened program, '' where there is none."""
    cuda: Target = "cuda"
    try:
        return lower(widen(row.program).program, (cuda,))[cuda].text
    except ProgramError:
        return ""


def _told(find: Callable[[], Verified]) -> Any:
    """Evidence, or what was found wanting, as a child tells it."""
    try:
        return msgspec.to_builtins(find())
    except Stuck as stuck:
        return {"failed": Reason.WAIT, "error": str(stuck)}
    except Failed as failed:
        return {"failed": failed.reason, "error": str(failed), "differs": isinstance(failed, Differs)}


def _differs(result: Any) -> bool:
    return isinstance(result, dict) and bool(result.get("differs"))


def _settled(result: Any) -> Verified | Died:
    if isinstance(result, Died):
        return result
    if "failed" in result:
        return Died(Reason(result["failed"]), result["error"])
    return msgspec.convert(result, Verified)


def _remove(objects: Mapping[int, Path]) -> None:
    for path in set(objects.values()):
        path.unlink(missing_ok=True)


def _seconds() -> float:
    """Every order of threads is a launch, and a fiber is slower than a loop."""
    return len(ORDERS) * isolation.ITEM_SECONDS
