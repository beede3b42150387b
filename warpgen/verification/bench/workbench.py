"""Rows on the bench: compiled once, then run, or held against other people's kernels.

Rows and kernels are untrusted: sources are screened, a row's launches run in confined children, and
strangers' kernels in the jail.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from warpgen.errors import VerificationError
from warpgen.extraction.codegen import lower
from warpgen.program import Program
from warpgen.record import Row, Target
from warpgen.verdict import Stage, Verdict
from warpgen.verification.bench import subject
from warpgen.verification.bench.judge import Judge, Question
from warpgen.verification.bench.store import Store
from warpgen.verification.compiling.compiler import Compiler
from warpgen.verification.compiling.translation_unit import without_fast_path
from warpgen.verification.jail import confine
from warpgen.verification.jail.building import DEVICE_FINGERPRINT, FINGERPRINT
from warpgen.verification.jail.cell import Broken, Cell
from warpgen.verification.jail.job import Clean
from warpgen.verification.judging import gradient
from warpgen.verification.judging.examine import Examination, Subject
from warpgen.verification.judging.prepare import Prepared, prepare
from warpgen.verification.native import warp_native
from warpgen.verification.native.isolation import Died, Note, isolated
from warpgen.verification.recheck import contradictions, program_of

# What only the assembler knows the bounds of, in a text that runs here: all else the front end sees.
_BOUNDED = re.compile(r"\b__shared__\b|\b__launch_bounds__\b")
# Rows that stay compiled: enough for a batch of rows that are each asked for many times.
_KEPT = 64
# Seconds that a row's own text may take to compile.
_OWN_SECONDS = 60.0

_OWN = 0


class Staged(msgspec.Struct):
    """A row's program; its own texts, compiled for a run and for the jail when each is first asked for."""

    program: Program
    prepared: Prepared
    text: str
    gradient: str  # the row's own verdict on its adjoint
    narrow: Path | None = None
    cuda: str = ""  # the CUDA text
    subjects: dict[Target, subject.Subject] = {}


class Bench:
    """Keeps its files in `workdir`, which belongs to this process."""

    def __init__(self, workdir: Path) -> None:
        workdir.mkdir(parents=True, exist_ok=True)
        self._compiler = Compiler(workdir)
        self._staged: OrderedDict[bytes, Staged] = OrderedDict()
        self._cell = Cell(workdir / "cell")
        self._store: Store | None = None
        self._judge = Judge(self._cell, self._refused_though_run)

    def ready(self, cache: Path | None = None) -> None:
        """Start what the first check would wait for. What rows cost is kept in the folder `cache`."""
        if cache is not None and self._store is None:
            self._store = Store(cache)
            self._judge = Judge(self._cell, self._refused_though_run, self._store)
        self._cell.ready()

    def end(self) -> None:
        """End the jail; whatever is asked for next starts another."""
        self._cell.end()

    def run(self, row: Row) -> dict[str, dict[str, Any]]:
        """Inputs, outputs, cotangents and gradients of one launch: type, shape and bytes by path."""
        staged = self._stage(row)
        path = self._narrow(staged)

        def task(_: int, note: Note) -> Any:
            library = warp_native.Library(path)
            return _launch(Subject.of(staged.program, staged.prepared, staged.text, library, None), note)

        made: dict[str, dict[str, Any]] | Died = isolated(1, task)[0]
        if isinstance(made, Died):
            raise VerificationError(f"the row does not run: {made.reason}: {made.error}")
        return made

    def check(self, row: Row, question: Question) -> Verdict:
        """The verdict on a stranger's kernel. Raises VerificationError where the row itself cannot be run."""
        if question.language != "cuda":
            return self._judge.check(self._kept_subject(row, "cpu"), question)
        try:
            own = self._kept_subject(row, "cuda")
        except _NotExecuted as error:
            return self._compiled(question, str(error))
        return self._judge.check(own, question)

    def _kept_subject(self, row: Row, target: Target) -> subject.Subject:
        """The row as the jail takes it, from the store where another process has compiled it."""
        if self._store is None or _key(row) in self._staged:
            return self._subject(self._stage(row), target)
        fingerprint = FINGERPRINT if target == "cpu" else DEVICE_FINGERPRINT
        key = (_key(row), row.verified.gradient.verdict, target, fingerprint)
        made = self._store.get(key, subject.Subject)
        if made is None:
            made = self._subject(self._stage(row), target)
            self._store.put(key, made)
        self._know(made.program)
        return made

    def _know(self, program: Program) -> None:
        """Have the jail know what it must before it sees such a row."""
        if any(fill.kind == "volume" for argument in program.args for fill in argument.fills):
            self._cell.know_volumes()

    def lacks(self) -> list[str]:
        """What this machine lacks of the jail."""
        return confine.missing()

    def _narrow(self, staged: Staged) -> Path:
        """The object of a row's own text, for a run."""
        if staged.narrow is None:
            made = self._compiler.compile("cpu", {_OWN: staged.text})
            if made.failures:
                raise VerificationError(f"the row does not compile: {made.failures[_OWN].error}")
            staged.narrow = made.objects[_OWN]
        return staged.narrow

    def _subject(self, staged: Staged, target: Target) -> subject.Subject:
        """The row as the jail takes it. Raises _NotExecuted for CUDA that cannot be."""
        if target not in staged.subjects:
            layouts = staged.prepared.layouts
            if target == "cuda" and any(layout.family == "texture" for layout in layouts):
                raise _NotExecuted("a GPU filters textures in its own way")
            self._know(staged.program)
            text = without_fast_path(staged.text) if target == "cpu" else _cuda(staged)
            built = self._judge.build(text, _OWN_SECONDS, target, len(layouts))
            if isinstance(built, Broken):
                error = _NotExecuted if target == "cuda" else VerificationError
                raise error(f"the row does not compile: {built.why}")
            sound = staged.gradient == "pass"
            measure = sound or (staged.gradient != "wrong" and not gradient.known_wrong(staged.program))
            staged.subjects[target] = subject.Subject(staged.program, layouts, text, built, measure, target)
        return staged.subjects[target]

    def _compiled(self, question: Question, why: str) -> Verdict:
        """All that can be told of CUDA that is not executed: whether NVRTC makes machine code of it."""
        start = time.monotonic()
        clean = self._cell.clean(Clean(question.text, "cuda", question.extract, min(20.0, question.timeout)))
        stage: Stage = "judge"
        why = f"it is not executed without a GPU: {why}"
        if isinstance(clean, Broken):
            stage, why = ("timeout" if clean.stage == "timeout" else "extract"), clean.why
        elif clean.stage:
            stage, why = cast(Stage, clean.stage), clean.why
        elif refused := self._refused(clean.source):
            stage, why = "compile", refused
        seconds = {"compile": round(time.monotonic() - start, 4)}
        return Verdict(False, stage, "cuda", question.seed, why=why, seconds=seconds, how="compiled")

    def _refused_though_run(self, text: str) -> str:
        """What NVRTC has against a text that was compiled, linked and run here."""
        return self._refused(text, fully=bool(_BOUNDED.search(text)))

    def _refused(self, text: str, fully: bool = True) -> str:
        """What NVRTC has against a text of CUDA, down to machine code or by its front end alone."""
        failures = self._compiler.compile("cuda", {0: text}, foreign=(0,) if fully else ()).failures
        return f"{failures[0].reason}: {failures[0].error}" if failures else ""

    def _stage(self, row: Row) -> Staged:
        key = _key(row)
        if key in self._staged:
            self._staged.move_to_end(key)
            return self._staged[key]
        if not row.launch.dim:
            raise VerificationError("the row's launch is not known, so it cannot be run")
        wrong = contradictions({0: row}).get(0)
        if wrong is not None:
            raise VerificationError(f"the row is {wrong.verdict}: {wrong.why}")
        program = program_of(row)
        prepared = prepare([program], [0], [0] if row.target == "cuda" else [], widened=False)[0]
        if isinstance(prepared, Died):
            raise VerificationError(f"the row cannot be prepared: {prepared.reason}: {prepared.error}")
        text = prepared.cpu if row.target == "cuda" else row.code
        self._staged[key] = staged = Staged(program, prepared, text, row.verified.gradient.verdict)
        staged.cuda = row.code if row.target == "cuda" else ""
        if len(self._staged) > _KEPT:
            _, old = self._staged.popitem(last=False)
            if old.narrow is not None:
                old.narrow.unlink(missing_ok=True)
        return staged


class _NotExecuted(VerificationError):
    """CUDA that does not run without a GPU."""


def _cuda(staged: Staged) -> str:
    """The CUDA text of a row; of one for the CPU, what Warp makes of its program."""
    if not staged.cuda:
        cuda: Target = "cuda"
        made = isolated(1, lambda _, __: lower(staged.program, (cuda,))[cuda].text)[0]
        if isinstance(made, Died):
            raise _NotExecuted(f"Warp makes no CUDA of the row: {made.error}")
        staged.cuda = made
    return staged.cuda


def _key(row: Row) -> bytes:
    return msgspec.msgpack.encode((row.python_source, row.code, row.args, row.launch))


def _launch(subject: Subject, note: Note) -> dict[str, dict[str, Any]]:
    """One launch of a row, as plain data."""
    examination = Examination(subject, junk=False)  # what a kernel leaves alone is as the launch says
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
