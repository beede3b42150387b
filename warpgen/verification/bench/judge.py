"""Is a stranger's kernel right? It is read, compiled and launched in the jail, and compared here."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from warpgen.errors import ProgramError, WarpgenError
from warpgen.helper import TooLate
from warpgen.record import Target
from warpgen.verdict import Difference, Language, Stage, Verdict
from warpgen.verification.bench import comparing, draws, pardon, results
from warpgen.verification.bench.comparing import BACKWARD, FORWARD, Finding
from warpgen.verification.bench.doubt import Doubt
from warpgen.verification.bench.results import Arrays, Measured
from warpgen.verification.bench.store import Store
from warpgen.verification.bench.subject import Subject
from warpgen.verification.compiling.translation_unit import without_fast_path
from warpgen.verification.jail.cell import Broken, Cell
from warpgen.verification.jail.driver import driven, has_adjoint
from warpgen.verification.jail.job import Build, Clean, Draw, Lower, Shape, Shaped
from warpgen.verification.judging import tolerance
from warpgen.verification.running.memory_layout import MemoryLayout, nameless

# Accesses to memory in a row's own launches, after which its draws are enough: half a second or so, and for a
# seed the same draws on every machine. Where one of each kind takes as many as `_MOST`, these are enough. A
# draw that takes more than `_ENDLESS` is taken to have no end.
_ENOUGH, _MOST, _ENDLESS = 20_000_000, 60_000_000, 30_000_000
# How many draws are launched together, before what they took is looked at.
_TOGETHER = 8
# On so many draws, outputs are looked at first: a kernel that is wrong on them is launched on no others.
_FIRST = 3
# Seconds of processor time for draws on which the row's own kernel hangs without an access to memory. On a
# busy machine no draw may be lost that the row stands: the end of all, in seconds of wall time, is far.
_PART, _OWN_SECONDS = 6.0, 50.0
# A stranger's launches may take so many times what the row's own took, and at least a few seconds.
_SLOWER, _AT_LEAST = 20.0, 4.0
_PATH = re.compile(r"(?:/[\w.+@~-]+)+/")

_PARDONED = "gradients not judged: Warp's adjoint of such a kernel is wrong by design at times"
_HOW = {
    "python": "the C++ that Warp makes of it, on the CPU",
    "cpp": "on the CPU",
    "cuda": "CUDA as C++, its threads in several orders on the CPU, not on a GPU",
}


class Question(msgspec.Struct, frozen=True):
    """A text to be judged, and how."""

    text: str
    language: Language
    seed: int
    timeout: float
    extract: bool
    gradients: bool


class _Over(Exception):
    """The kernel came no further."""

    def __init__(self, stage: str, why: str, **found: Any) -> None:
        super().__init__(why)
        self.stage, self.found = stage, found


class Judge:
    """Judges in one jail; `refused` says what NVRTC has against a text of CUDA, '' for nothing."""

    def __init__(self, cell: Cell, refused: Callable[[str], str], store: Store | None = None) -> None:
        self.cell, self.refused, self.store = cell, refused, store

    def build(
        self, text: str, seconds: float, target: Target, arguments: int, both: bool = False
    ) -> bytes | Broken:
        """The object of a text whose kernel takes so many arguments, with what the jail drives it by.

        `both`: if it is a template, both of its instances are run.
        """
        text = driven(text, both) if target == "cpu" else text
        made = self.cell.build(Build(text, seconds, target, arguments))
        if isinstance(made, Broken):
            return made
        return made.object or Broken("compile", made.why)

    def check(self, subject: Subject, question: Question) -> Verdict:
        """The verdict. Raises VerificationError where the row's own kernel does not run."""
        return _Check(self, subject, question).verdict()


class _Check:
    """One check, stage by stage."""

    def __init__(self, judge: Judge, subject: Subject, question: Question) -> None:
        self._judge, self._subject, self._question = judge, subject, question
        self._cell, self._store = judge.cell, judge.store
        self._end = time.monotonic() + question.timeout
        self._seconds: dict[str, float] = {}
        self._most_cpu = self._cpu = 0.0  # seconds that the stranger's launches may take, and took
        self._python = self._kernel = ""  # the module of a kernel in Python, and its name
        self._kind = tolerance.operations(subject.program)

    def verdict(self) -> Verdict:
        found: dict[str, Any] = {}
        try:
            stage, why, found = self._judged()
        except _Over as over:
            stage, why, found = cast(Stage, over.stage), str(over), over.found
        except TooLate as error:
            stage, why = "timeout", str(error)
        except ProgramError:
            raise  # the row's own fault
        except WarpgenError as error:  # the jailer was lost; another is started for the next check
            stage, why = "judge", str(error)
        return Verdict(
            right=stage == "right",
            stage=stage,
            language=self._question.language,
            seed=self._question.seed,
            why=_PATH.sub("", why[:2000])[:300],
            seconds={name: round(spent, 4) for name, spent in self._seconds.items()},
            how=_HOW[self._question.language],
            **found,
        )

    def _judged(self) -> tuple[Stage, str, dict[str, Any]]:
        """Forward first: nobody waits for the adjoint of a kernel whose outputs are wrong."""
        with self._stage("read"):
            read = self._read()
        text = read.source
        forward, backward = read.halves or (text, "")
        made = self._built(forward, read.once)
        with self._stage("row"):
            measured = self._measured()
        self._end += self._seconds["row"]  # that the row is new is no fault of the stranger's
        forwards = [results.forward(each) for each in measured]
        actual: list[Arrays] = []
        for some in (forwards[:_FIRST], forwards[_FIRST:]):
            theirs = self._theirs(some, made, text) if some else []
            with self._stage("compare"):
                stage, why, found = self._of_outputs(some, theirs)
            actual += theirs
            if stage != "right":
                return stage, why, found
        with self._stage("compare"):
            pairs = zip(measured, actual, strict=True)
            second = [part for each, a in pairs if (part := results.backward(each, a)) is not None]
        if backward:  # it must compile, launched or not
            made = self._built(backward, read.once, **found)
        if second:
            if not has_adjoint(text, self._subject.target):
                return "gradients", "the kernel has no adjoint", {**found, "gradients": 0.0}
            stage, why, found = self._adjoint(second, made, text, found)
        if stage == "right" and self._subject.target == "cuda":
            with self._stage("nvrtc"):
                refused = self._judge.refused(text)
            if refused:
                return "compile", f"NVRTC refuses it: {refused}", found
        return stage, why, found

    def _built(self, text: str, once: bool, **found: Any) -> bytes:
        subject, both = self._subject, self._question.language == "cpp" and not once
        with self._stage("compile"):
            made = self._judge.build(text, self._left(60.0), subject.target, len(subject.layouts), both)
        if isinstance(made, Broken):
            raise _Over("timeout" if made.stage == "timeout" else "compile", made.why, **found)
        return made

    @contextlib.contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        start = time.monotonic()
        try:
            yield
        finally:
            self._seconds[name] = self._seconds.get(name, 0.0) + time.monotonic() - start

    def _left(self, most: float) -> float:
        """Seconds that a task may take."""
        left = min(self._end - time.monotonic(), most)
        if left <= 0.0:
            raise _Over("timeout", "the time for the check is over")
        return left

    def _read(self) -> Shaped:
        """The C++ that is to be compiled, screened."""
        question, program = self._question, self._subject.program
        text = question.text
        if question.language == "python":
            types = tuple(argument.type for argument in program.args)
            shape = self._cell.shape(Shape(text, program.name, types, question.extract, self._left(20.0)))
            if isinstance(shape, Broken) or shape.stage:
                raise _Over(*_reading(shape))
            self._python, self._kernel = shape.source, shape.kernel
            low = self._cell.lower(Lower(shape.source, shape.kernel, self._left(30.0)))
            if isinstance(low, Broken):
                raise _Over("timeout" if low.stage == "timeout" else "compile", low.why)
            if low.layouts:
                _match(low.names, low.layouts, self._subject.layouts)
            if low.why:
                raise _Over("compile", low.why)
            text = without_fast_path(low.text)
        python = question.language == "python"
        language, extract = ("cpp", False) if python else (question.language, question.extract)
        clean = self._cell.clean(Clean(text, language, extract, self._left(20.0), self._subject.text))
        if isinstance(clean, Broken) or clean.stage:
            raise _Over(*_reading(clean))
        return clean

    def _measured(self) -> list[Measured]:
        """The draws that a stranger's kernel is held to, placed; from the store where it has them."""
        key = (self._subject.object, self._subject.program, self._question.seed, self._question.gradients)
        kept = self._store.get(key, results.Kept) if self._store is not None else None
        if kept is None:
            stood, cpu = self._own()
            chosen = results.chosen(stood)
            if self._store is not None:
                self._store.put(key, results.kept(chosen, cpu))
        else:
            chosen, cpu = results.restored(kept), kept.cpu
        self._most_cpu = max(_SLOWER * cpu, _AT_LEAST)
        return results.placed(chosen)

    def _own(self) -> tuple[list[Measured], float]:
        """The draws of the plan that its own kernel stands, with what it makes of them; processor time."""
        subject = self._subject
        first, more = draws.plan(subject.program, subject.layouts, self._question.seed)
        end = time.monotonic() + _OWN_SECONDS
        stood, spent, accesses = list[Measured](), 0.0, 0
        for at in range(0, len(first), _TOGETHER):
            if accesses < _MOST:
                also, added, work = self._stood(first[at : at + _TOGETHER], end)
                stood, spent, accesses = stood + also, spent + added, accesses + work
        room = len(first) * (_ENOUGH - accesses) // max(accesses, 1)
        also, added, _ = self._stood(more[: max(room, 0)], end)
        return stood + also, spent + added

    def _stood(self, pending: list[Draw], end: float) -> tuple[list[Measured], float, int]:
        if not self._question.gradients:
            pending = [msgspec.structs.replace(draw, backward=False) for draw in pending]
        stood: list[Measured] = []
        spent, accesses = 0.0, 0
        while pending and (seconds := end - time.monotonic()) > 0.0:
            left = self._cell.run(self._subject.own_run(pending, seconds, _PART, _ENDLESS))
            spent += left.cpu
            made, work = results.own(left.area, pending[: left.draw])
            stood, accesses = stood + made, accesses + work
            if left.broken is None:
                break
            at = pending[left.draw : left.draw + 1]
            again = [
                msgspec.structs.replace(d, backward=False) for d in at if d.backward and "back" in left.phase
            ]
            pending = again + pending[left.draw + 1 :]
        return stood, spent, accesses

    def _theirs(self, measured: Sequence[Measured], made: bytes, text: str) -> list[Arrays]:
        """What the stranger's kernel leaves on the same draws."""
        pending = [each.draw for each in measured]
        with self._stage("run"):
            left = self._cell.run(
                self._subject.run(made, text, pending, self._left(60.0), self._most_cpu - self._cpu)
            )
            self._cpu += left.cpu
            if left.broken is not None:
                label = pending[min(left.draw, len(pending) - 1)].label
                why = f"{left.broken.why} ({left.phase}, draw of kind {label!r})"
                raise _Over(left.broken.stage, why)
            return [results.theirs(left.area, each) for each in measured]

    def _excused(self) -> bool:
        """Whether a wrong gradient may be Warp's fault: it is wrong by design for some kernels."""
        if self._question.language != "python":
            return False
        own = self._subject.program
        return pardon.excused(self._python, self._kernel, own.source, own.launch)

    def _of_outputs(
        self, measured: Sequence[Measured], actual: Sequence[Arrays]
    ) -> tuple[Stage, str, dict[str, Any]]:
        for each, arrays in zip(measured, actual, strict=True):
            _hold_memory(each, arrays)
        outputs = self._differing(measured, actual, FORWARD)
        found: dict[str, Any] = {"outputs": outputs.share, "first": outputs.first}
        if outputs.first is not None:
            return "outputs", _told(outputs), found
        race = _merged([comparing.raced(m, a, "race") for m, a in zip(measured, actual, strict=True)])
        if race.first is not None:
            where = f"{race.first.path}{list(race.first.index)}"
            return "race", f"threads race for {where}", {**found, "first": race.first}
        return "right", "", found

    def _adjoint(
        self, measured: Sequence[Measured], made: bytes, text: str, found: dict[str, Any]
    ) -> tuple[Stage, str, dict[str, Any]]:
        """The verdict on gradients, behind outputs that are right."""
        try:
            actual = self._theirs(measured, made, text)
        except _Over as over:
            if over.stage == "crash" and self._excused():
                return "right", _PARDONED, found
            over.found = found
            raise
        with self._stage("compare"):
            return self._of_slopes(measured, actual, found)

    def _of_slopes(
        self, measured: Sequence[Measured], actual: Sequence[Arrays], found: dict[str, Any]
    ) -> tuple[Stage, str, dict[str, Any]]:
        pairs = list(zip(measured, actual, strict=True))
        for m, a in pairs:
            _hold_memory(m, a)
        slopes = self._differing(measured, actual, BACKWARD)
        race = _merged([comparing.raced(m, a, "race backward") for m, a in pairs])
        over = _merged([comparing.behind(m, a) for m, a in pairs])
        beside = any(
            not a.all()
            for m, arrays in pairs
            for p, a in zip(m.parts, arrays, strict=True)
            if p.what == "intact"
        )
        if slopes.first is None and race.first is None and over.first is None and not beside:
            return "right", "", {**found, "gradients": 1.0}
        if self._excused():
            return "right", _PARDONED, found
        if not self._subject.measure:
            return "judge", "the row's own gradients are no measure", found
        if slopes.first is None:
            first = race.first or over.first
            why = "threads race in the adjoint"
            if over.first:
                why = f"the adjoint writes over {over.first.path}"
            if beside:
                why = "the adjoint writes beside an array"
            return "gradients", why, {**found, "gradients": 0.0, "first": first}
        return "gradients", _told(slopes), {**found, "gradients": slopes.share, "first": slopes.first}

    def _differing(
        self, measured: Sequence[Measured], actual: Sequence[Arrays], whats: Sequence[str]
    ) -> Finding:
        """All elements of some kinds; those that differ at first sight are looked at twice."""
        finding, doubt = Finding(), Doubt(self._cell, self._subject, self._kind, self._left)
        what = "gradients" if whats == BACKWARD else "outputs"
        for each, arrays in zip(measured, actual, strict=True):
            strays = {s.part: s for s in comparing.strays(each, arrays, whats, self._kind)}
            for part, described in enumerate(each.parts):
                if described.what in whats:
                    bad: NDArray[np.bool_] = np.zeros(each.arrays[part].shape, np.bool_)
                    if part in strays:
                        bad = doubt.settled(each, arrays, strays[part], finding.bad > 0)
                    finding.add(what, each, part, bad, arrays[part])
        return finding


def _reading(made: Any) -> tuple[str, str]:
    if isinstance(made, Broken):
        late = made.stage == "timeout"
        return ("timeout", made.why) if late else ("extract", f"it cannot be read: {made.why}")
    return made.stage, made.why


def _hold_memory(measured: Measured, actual: Arrays) -> None:
    """Nothing may be written beside an array, nor over an input."""
    for part, described in enumerate(measured.parts):
        mine, theirs = measured.arrays[part], actual[part]
        if described.what == "intact" and not described.path and not theirs.all():
            raise _Over("crash", "something was written beside an array")
        if described.what == "inputs" and mine.tobytes() != theirs.tobytes():
            finding = Finding()
            bad = (mine != theirs) & ~((mine != mine) & (theirs != theirs))
            finding.add("inputs", measured, part, bad, theirs)
            raise _Over("outputs", f"the input {described.path} was written over", first=finding.first)


def _merged(findings: Sequence[Finding]) -> Finding:
    first: Difference | None = next((f.first for f in findings if f.first is not None), None)
    return Finding(sum(f.elements for f in findings), sum(f.bad for f in findings), first)


def _told(finding: Finding) -> str:
    assert finding.first is not None
    first = finding.first
    return f"{first.path}{list(first.index)} is {first.actual:.9g}, not {first.expected:.9g}"


def _match(names: Sequence[str], taken: Sequence[MemoryLayout], layouts: Sequence[MemoryLayout]) -> None:
    """The kernel must take arguments that lie in memory as the row's do."""
    if len(taken) != len(layouts):
        raise _Over("compile", f"the kernel takes {len(taken)} arguments, the row's {len(layouts)}")
    for number, (name, mine, theirs) in enumerate(zip(names, taken, layouts, strict=True), 1):
        if nameless(mine) != nameless(theirs):
            raise _Over("compile", f"argument {number} ({name}) is not of the type of the row's")
