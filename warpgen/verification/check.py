"""The front of verification: verdicts on a unit of programs and the code generated from them."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from warpgen.extraction.codegen import Code
from warpgen.extraction.versions import warp_version
from warpgen.program import Program
from warpgen.reasons import Reason
from warpgen.record import UNVERIFIED, Compile, Target, Verified
from warpgen.verification.compiling import nvrtc
from warpgen.verification.compiling.compiler import Compiler
from warpgen.verification.compiling.translation_unit import watched
from warpgen.verification.device.machine import MOST_SHARED
from warpgen.verification.device.unit import Ready, execute
from warpgen.verification.judging.examine import Failed, Subject, examine
from warpgen.verification.judging.prepare import Prepared, prepare
from warpgen.verification.native import warp_native
from warpgen.verification.native.isolation import Died, Note, isolated

Level = Literal["compile", "run"]

# A person's C++ inside a program.
_FOREIGN = re.compile(r"\bfunc_native\b")


class Judgement(msgspec.Struct, frozen=True):
    """`verified` is the evidence for the row; None drops it, for `reason` (a word to count by)."""

    verified: Verified | None
    reason: str = ""
    error: str = ""


def check_unit(
    programs: Sequence[Program],
    codes: Sequence[Mapping[Target, Code] | None],
    level: Level,
    gradients: Literal["keep", "strict"],
    targets: Sequence[Target],
    workdir: Path,
) -> list[dict[Target, Judgement]]:
    """A judgement for every program and target; none for a program without code.

    A CPU row is decided by the CPU checks alone, a CUDA row also by its compiler and the run of its own text.
    `workdir` belongs to this process and may be kept between units: it holds the precompiled headers.
    Raises UnitError if a child was killed from outside.
    """
    unit = _Unit(programs, codes, workdir)
    verdicts: list[dict[Target, Judgement]] = [{} for _ in programs]
    try:
        strict = gradients == "strict"
        runs = unit.run(strict) if level == "run" else {}
        for target in targets:
            failures = unit.compile(target)
            executed = unit.execute(runs, strict) if level == "run" and target == "cuda" else {}
            for index in unit.having(target):
                found = runs.get(index), executed.get(index)
                verdicts[index][target] = _judge(target, failures.get(index), *found)
    finally:
        unit.remove()
    return verdicts


def _judge(
    target: Target, refused: Died | None, run: Verified | Died | None, executed: Verified | Died | None
) -> Judgement:
    if refused is not None:
        return Judgement(None, f"{target} {refused.reason}", refused.error)
    if isinstance(run, Died):
        return Judgement(None, run.reason, run.error)
    if isinstance(executed, Died):
        return Judgement(None, f"{target} {executed.reason}", executed.error)
    return Judgement(msgspec.structs.replace(executed or run or UNVERIFIED, compile=_compiled(target)))


def _compiled(target: Target) -> Compile:
    if target == "cpu":
        tool, flags = f"clang of Warp {warp_version()}", f"-O0 -target-cpu {warp_native.CPU_TARGET}"
    else:
        tool, flags = f"NVRTC {nvrtc.version()}", "compute_90 -fdevice-syntax-only"
    return Compile("pass", tool, flags)


@functools.lru_cache(maxsize=2)
def _compiler(workdir: Path) -> Compiler:
    """One compiler per process and folder: it remembers that its headers are warm."""
    return Compiler(workdir)


class _Unit:
    def __init__(
        self, programs: Sequence[Program], codes: Sequence[Mapping[Target, Code] | None], workdir: Path
    ) -> None:
        workdir.mkdir(parents=True, exist_ok=True)
        self._programs, self._codes = programs, codes
        self._workdir = workdir.resolve()
        self._compiler = _compiler(self._workdir)
        self.present = [i for i, code in enumerate(codes) if code is not None]
        self._foreign = {i for i in self.present if _FOREIGN.search(programs[i].source)}
        self._refused: dict[Target, dict[int, Died]] = {}
        self._prepared: dict[int, Prepared] = {}
        self._narrow: dict[int, Path] = {}
        self._wide: dict[int, Path] = {}

    def having(self, target: Target) -> list[int]:
        """Programs with code for a target."""
        return [i for i in self.present if target in (self._codes[i] or {})]

    def compile(self, target: Target) -> dict[int, Died]:
        """Programs that the target's compiler refuses."""
        if target not in self._refused:
            texts = {
                i: code[target].text for i in self.present if (code := self._codes[i]) and target in code
            }
            compiled = self._compiler.compile(target, texts, self._foreign)
            self._refused[target] = self._too_greedy(target) | compiled.failures
            _remove(compiled.objects.values())
        return self._refused[target]

    def _too_greedy(self, target: Target) -> dict[int, Died]:
        """Programs that no launch could give the shared memory they ask for; no compiler says so."""
        sizes = {i: code[target].shared for i in self.having(target) if (code := self._codes[i])}
        return {
            i: Died(Reason.SHARED_MEMORY, f"{size} bytes a block, {MOST_SHARED} are the most")
            for i, size in sizes.items()
            if size > MOST_SHARED
        }

    def run(self, strict: bool) -> dict[int, Verified | Died]:
        """Evidence of each program's run on the CPU, or why it failed."""
        lacking = [i for i in self.present if "cpu" not in (self._codes[i] or {})]
        prepared = prepare(self._programs, self.present, lacking)
        outcome: dict[int, Verified | Died] = {i: p for i, p in prepared.items() if isinstance(p, Died)}
        ready = {i: p for i, p in prepared.items() if isinstance(p, Prepared)}
        texts = {i: self._cpu_text(i, p) for i, p in ready.items()}
        narrow = self._compiler.compile("cpu", texts, self._foreign)
        self._prepared, self._narrow = ready, narrow.objects
        self._refused["cpu"] = {i: died for i, died in narrow.failures.items() if i not in lacking}
        outcome |= narrow.failures
        wide = self._compiler.compile("cpu", {i: p.wide for i, p in ready.items() if p.wide})
        self._wide = wide.objects
        bare = {i: watched(texts[i]) for i in narrow.objects if i not in wide.objects}
        plain = self._compiler.compile("cpu", bare)
        order = [i for i in ready if i in narrow.objects]

        objects = {path for made in (narrow, wide, plain) for path in made.objects.values()}
        libraries: dict[Path, warp_native.Library] = {}

        def task(number: int, note: Note) -> Any:
            index = order[number]
            found = [libraries.get(made.objects.get(index, Path())) for made in (narrow, wide, plain)]
            mine, theirs, twin = found
            assert mine is not None
            subject = Subject.of(self._programs[index], ready[index], texts[index], mine, theirs, twin)
            try:
                return msgspec.to_builtins(examine(subject, note))
            except Failed as failed:
                return {"failed": failed.reason, "error": str(failed)}

        def load() -> None:
            for path in objects:
                libraries[path] = warp_native.Library(path)

        try:
            for index, result in zip(order, isolated(len(order), task, before=load), strict=True):
                outcome[index] = _settled(result, strict)
        finally:
            _remove(plain.objects.values())
        return outcome

    def execute(self, runs: Mapping[int, Verified | Died], strict: bool) -> dict[int, Verified | Died]:
        """Evidence of each CUDA text that is run beside its C++, or why it failed."""
        ready: dict[int, Ready] = {}
        for i in self.having("cuda"):
            run, code = runs.get(i), (self._codes[i] or {})["cuda"]
            if isinstance(run, Verified) and i not in self.compile("cuda"):
                text = self._cpu_text(i, self._prepared[i])
                paths = self._narrow[i], self._wide.get(i)
                ready[i] = Ready(self._programs[i], self._prepared[i], text, *paths, code, run)
        return {i: _strictly(found, strict) for i, found in execute(ready, self._workdir).items()}

    def remove(self) -> None:
        """Objects go with the unit."""
        _remove([*self._narrow.values(), *self._wide.values()])

    def _cpu_text(self, index: int, prepared: Prepared) -> str:
        code = self._codes[index] or {}
        return code["cpu"].text if "cpu" in code else prepared.cpu


def _settled(result: Any, strict: bool) -> Verified | Died:
    if isinstance(result, Died):
        return result
    if "failed" in result:
        return Died(Reason(result["failed"]), result["error"])
    return _strictly(msgspec.convert(result, Verified), strict)


def _strictly(found: Verified | Died, strict: bool) -> Verified | Died:
    if strict and isinstance(found, Verified) and found.gradient.verdict == "wrong":
        return Died(Reason.GRADIENT, "the adjoint is wrong")
    return found


def _remove(paths: Any) -> None:
    for path in set(paths):
        path.unlink(missing_ok=True)
