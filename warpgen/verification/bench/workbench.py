"""Rows on the bench: compiled once, then run, or held against other people's kernels.

Rows and kernels are untrusted: sources are screened, and whatever is executed runs in confined children.
"""

from __future__ import annotations

import ast
import itertools
import mmap
import re
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from warpgen.errors import ProgramError, VerificationError
from warpgen.extraction.codegen import lower
from warpgen.extraction.loading import load
from warpgen.launch import Launch
from warpgen.program import Program
from warpgen.reasons import Reason
from warpgen.record import Row
from warpgen.verification.allowlist import require_allowed
from warpgen.verification.bench.candidate import CANDIDATE, DRAWS, OWN, Comparison, Draw, compare, conclude
from warpgen.verification.compiling.compiler import Compiler
from warpgen.verification.compiling.translation_unit import watched
from warpgen.verification.judging import gradient
from warpgen.verification.judging.examine import Examination, Failed, Subject
from warpgen.verification.judging.prepare import Prepared, prepare
from warpgen.verification.native import warp_native
from warpgen.verification.native.generated import kernel_name
from warpgen.verification.native.isolation import Died, Note, isolated
from warpgen.verification.recheck import contradictions, program_of
from warpgen.verification.running.memory_layout import MemoryLayout, describe

# Rows that stay compiled: enough for a batch of rows that are each asked for many times.
_KEPT = 64

# Twice the longest text that Warp's generator may write for a row.
_MOST_CHARACTERS = 1 << 20
_ASSEMBLY = re.compile(r"\b(?:__)?asm(?:__)?\b")
_INCLUDE = re.compile(r"^\s*#\s*include\b\s*(.*?)\s*$", re.MULTILINE)
_HEADERS = ('"builtin.h"', '"deterministic.h"')

_OWN, _WIDE = 0, 1
_PYTHON = "the C++ that Warp makes of it, on the CPU"
_CPP = "on the CPU"


class Staged(msgspec.Struct, frozen=True):
    """A row's program, compiled: its own CPU text and, where it can be, widened to 64 bits."""

    program: Program
    prepared: Prepared
    text: str
    narrow: Path
    wide: Path | None
    others: tuple[Program, ...] = ()  # other launches of the kernel

    def subject(self, path: Path, text: str) -> Subject:
        """A kernel on the row's launch; called inside a child."""
        wide = warp_native.Library(self.wide) if self.wide is not None else None
        return Subject.of(self.program, self.prepared, text, warp_native.Library(path), wide)


class Bench:
    """Keeps its files in `workdir`, which belongs to this process."""

    def __init__(self, workdir: Path) -> None:
        workdir.mkdir(parents=True, exist_ok=True)
        self._compiler = Compiler(workdir)
        self._staged: OrderedDict[bytes, Staged] = OrderedDict()

    def run(self, row: Row) -> dict[str, dict[str, Any]]:
        """Inputs, outputs, cotangents and gradients of one launch: type, shape and bytes by path."""
        staged = self._stage(row)

        def task(_: int, note: Note) -> Any:
            return _launch(staged.subject(staged.narrow, staged.text), note)

        made: dict[str, dict[str, Any]] | Died = isolated(1, task)[0]
        if isinstance(made, Died):
            raise VerificationError(f"the row does not run: {made.reason}: {made.error}")
        return made

    def check(self, row: Row, source: str, language: str, gradients: bool) -> dict[str, Any]:
        """The fields of `warpgen.Check`. Raises VerificationError where the row itself cannot be run."""
        staged = self._stage(row)
        if language == "cuda":
            return self._check_cuda(source)
        how = _CPP
        text = source
        if language == "python":
            how = _PYTHON
            made = self._lowered(source, staged.prepared.layouts)
            if isinstance(made, Died):
                return _refused(made)
            text = made
        else:
            refusal = _refusal_of(text)
            if refusal:
                return _refused(Died(Reason.COMPILE, refusal))
        compiled = self._compiler.compile("cpu", {0: watched(text)})
        if compiled.failures:  # C++ that Warp did not write may not be told what it does to memory
            compiled = self._compiler.compile("cpu", {0: text})
        if compiled.failures:
            return _refused(compiled.failures[0])
        try:
            linked = isolated(1, lambda _, __: warp_native.Library(compiled.objects[0]) and None)[0]
            if isinstance(linked, Died):
                return _refused(linked)
            finding = self._compare(staged, compiled.objects[0], text, gradients)
        finally:
            compiled.objects[0].unlink(missing_ok=True)
        return {"compiles": True, **msgspec.to_builtins(finding), "how": how}

    def _check_cuda(self, source: str) -> dict[str, Any]:
        """All that can be told without a GPU: whether NVRTC makes machine code of it."""
        failures = self._compiler.compile("cuda", {0: source}, foreign=(0,)).failures
        if failures:
            return _refused(failures[0])
        why = "there is no GPU to run it on"
        return {"compiles": True, "outputs": "not run", "gradients": "not run", "why": why, "how": "compiled"}

    def _stage(self, row: Row) -> Staged:
        key = msgspec.msgpack.encode((row.python_source, row.code, row.args, row.launch))
        if key in self._staged:
            self._staged.move_to_end(key)
            return self._staged[key]
        if not row.launch.dim:
            raise VerificationError("the row's launch is not known, so it cannot be run")
        wrong = contradictions({0: row}).get(0)
        if wrong is not None:
            raise VerificationError(f"the row is {wrong.verdict}: {wrong.why}")
        staged = self._compiled(row)
        self._staged[key] = staged
        if len(self._staged) > _KEPT:
            _, old = self._staged.popitem(last=False)
            for path in (old.narrow, old.wide):
                if path is not None:
                    path.unlink(missing_ok=True)
        return staged

    def _compiled(self, row: Row) -> Staged:
        program = program_of(row)
        prepared = prepare([program], [0], [0] if row.target == "cuda" else [])[0]
        if isinstance(prepared, Died):
            raise VerificationError(f"the row cannot be prepared: {prepared.reason}: {prepared.error}")
        text = prepared.cpu if row.target == "cuda" else row.code
        own = self._compiler.compile("cpu", {_OWN: text})
        if own.failures:
            raise VerificationError(f"the row does not compile: {own.failures[_OWN].error}")
        wide = self._compiler.compile("cpu", {_WIDE: prepared.wide} if prepared.wide else {})
        staged = Staged(program, prepared, text, own.objects[_OWN], wide.objects.get(_WIDE))
        return msgspec.structs.replace(staged, others=_others(staged))

    def _lowered(self, source: str, layouts: tuple[MemoryLayout, ...]) -> str | Died:
        """The CPU text of a stranger's program."""

        def task(_: int, note: Note) -> Any:
            try:
                require_allowed(source)
                name = _kernel_of(source)
                program = Program(0, 0, "", name, source, (), Launch((1,), 0))
                with load(program) as live:
                    _match(live.kernel, layouts)
                return {"text": lower(program, ("cpu",))["cpu"].text}
            except ProgramError as error:
                return {"refused": str(error)}

        made: Any = isolated(1, task)[0]
        if isinstance(made, Died):
            return made
        return Died(Reason.PYTHON, made["refused"]) if "refused" in made else str(made["text"])

    def _compare(self, staged: Staged, path: Path, text: str, gradients: bool) -> Comparison:
        subjects: list[Subject] = []
        others = dict(enumerate(staged.others, DRAWS - len(staged.others)))

        def before() -> None:
            subjects[:] = [staged.subject(staged.narrow, staged.text), staged.subject(path, text)]

        def task(variant: int, note: Note) -> Any:
            if fallen[0]:  # it died on an earlier draw: that decides, and a hanging one costs seconds
                return None
            at = [OWN]

            def noted(stage: str) -> None:
                at[:] = [stage]
                fallen[0] = stage == CANDIDATE
                note(stage)

            try:
                own, candidate = subjects
                if variant in others:
                    own, candidate = own.under(others[variant]), candidate.under(others[variant])
                return msgspec.to_builtins(compare(own, candidate, variant, gradients, noted))
            except VerificationError as error:
                reason = error.reason if isinstance(error, Failed) else Reason.ERROR
                return {"reason": reason, "error": f"{at[0]}: {error}"}
            finally:
                fallen[0] = False

        with mmap.mmap(-1, 1) as fallen:  # seen by the children that follow
            made: list[Any] = isolated(DRAWS, task, before=before)
        draws = [_draw(result) for result in made if result is not None]
        return conclude(draws, exact=staged.wide is not None)


def _others(staged: Staged) -> tuple[Program, ...]:
    """Other launches that the row's own kernel takes, at most half as many as there are draws."""

    def task(_: int, note: Note) -> Any:
        examination = Examination(staged.subject(staged.narrow, staged.text))
        made = itertools.islice(examination.variations(), DRAWS // 2)
        return [msgspec.to_builtins(other.program) for other in made]

    found: Any = isolated(1, task)[0]
    return () if isinstance(found, Died) else tuple(msgspec.convert(found, list[Program]))


def _draw(result: Any) -> Draw | Died:
    if isinstance(result, Died):
        return result
    return msgspec.convert(result, Died) if "reason" in result else msgspec.convert(result, Draw)


def _refusal_of(text: str) -> str:
    """Why a stranger's C++ is not even compiled, '' where it is."""
    if not kernel_name(text):
        return "the text has no function <name>_cpu_kernel_forward"
    if len(text) > _MOST_CHARACTERS:
        return f"the text is longer than {_MOST_CHARACTERS} characters"
    if _ASSEMBLY.search(text):
        return "assembly is not allowed"
    foreign = [name for name in _INCLUDE.findall(text) if name not in _HEADERS]
    return f"only Warp's headers may be included, not {foreign[0]}" if foreign else ""


def _refused(died: Died) -> dict[str, Any]:
    """A kernel that does not compile."""
    why = f"{died.reason}: {died.error}"
    return {"compiles": False, "outputs": "not run", "gradients": "not run", "why": why}


def _kernel_of(source: str) -> str:
    """The name of the only kernel in a module."""
    names = [
        node.name
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef) and any("kernel" in ast.unparse(d) for d in node.decorator_list)
    ]
    if len(names) != 1:
        raise VerificationError(f"the source must define one kernel, not {len(names)}")
    return names[0]


def _match(kernel: Any, layouts: Sequence[MemoryLayout]) -> None:
    """Raise VerificationError unless a kernel takes arguments that lie in memory as the row's do."""
    taken = warp_native.argument_types(kernel)
    if len(taken) != len(layouts):
        raise VerificationError(f"the kernel takes {len(taken)} arguments, the row's {len(layouts)}")
    for number, ((name, kind), layout) in enumerate(zip(taken, layouts, strict=True), 1):
        if _nameless(describe(kind)) != _nameless(layout):
            raise VerificationError(f"argument {number} ({name}) is not of the type of the row's")


def _nameless(layout: MemoryLayout) -> MemoryLayout:
    """A layout without the names of fields."""
    fields = tuple(("", _nameless(field), place) for _, field, place in layout.fields)
    of = _nameless(layout.of) if layout.of is not None else None
    return msgspec.structs.replace(layout, fields=fields, of=of)


def _launch(subject: Subject, note: Note) -> dict[str, dict[str, Any]]:
    """One launch of a row, as plain data."""
    examination = Examination(subject, junk=False)
    arguments = examination.draw(0)
    made: dict[str, dict[str, Any]] = {"inputs": {}, "outputs": {}, "cotangents": {}, "gradients": {}}
    made["inputs"] = {
        leaf.path: _plain(leaf.values) for leaf in arguments.leaves if leaf.role not in ("output", "handle")
    }
    note("forward")
    for leaf, values in zip(arguments.outputs(), examination.outputs(0), strict=True):
        made["outputs"][leaf.path] = _plain(values)
    if subject.kernel.has_adjoint and gradient.differentiable(arguments):
        note("adjoint")
        weights, slopes = examination.backward(0)
        floats = [leaf for leaf in arguments.outputs() if leaf.floating and leaf.traced]
        for leaf, weight in zip(floats, weights, strict=True):
            made["cotangents"][leaf.path] = _plain(weight)
        for leaf, slope in zip(gradient.inputs(arguments), slopes, strict=True):
            made["gradients"][leaf.path] = _plain(slope.astype(leaf.values.dtype))
    return made


def _plain(values: NDArray[Any]) -> tuple[str, tuple[int, ...], bytes]:
    return values.dtype.str, values.shape, np.ascontiguousarray(values).tobytes()
