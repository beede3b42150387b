"""Plant faults in the CUDA texts of synthesised programs and report the share that is caught, by kind.

A survivor is run beside the original on further draws of the inputs, in sixteen orders of threads. If no bit
of any output or gradient ever differs, it is counted as equivalent; if none ever goes farther than the
original's own from one order to another, as within rounding; else as missed.
"""

from __future__ import annotations

import functools
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from tools.mutation_cuda_faults import FAULTS, SHARED
from tools.mutation_score import arguments, farther, row, score
from warpgen.errors import ProgramError
from warpgen.extraction.codegen import Code, lower
from warpgen.program import Program
from warpgen.record import TARGETS, Target, Verified
from warpgen.synthesis.generator import Options, synthesize
from warpgen.verification import check_unit
from warpgen.verification.compiling.compiler import Compiler
from warpgen.verification.device import unit
from warpgen.verification.device.compiling import DeviceCompiler
from warpgen.verification.device.headers import SOURCES
from warpgen.verification.device.kernel import DeviceKernel
from warpgen.verification.device.machine import Machine, Stuck
from warpgen.verification.device.memory import GuardedArguments
from warpgen.verification.judging import gradient as slopes_of
from warpgen.verification.judging.prepare import Prepared, prepare
from warpgen.verification.native import warp_native
from warpgen.verification.native.isolation import Died, isolated

_BLOCK = 32
# Draws, and orders of threads, in which a survivor must equal the original to be called equivalent.
_DRAWS, _ORDERS = 4, 16
_START, _END = "<!-- cuda score: written by tools/mutation_cuda.py -->\n", "<!-- cuda end -->"

# What is changed of machine.cpp, so that a text can lose a barrier and lanes of a mask, and threads go on in
# further orders: from the fifth on they are dealt anew.
_HOOKS = (
    ("is off\n};", "is off\n    int losing;\n    u32 lanes;\n};"),
    (
        "thread.depth = 0;\n    }\n    now",
        "thread.depth = 0;\n    thread.losing = 0, thread.lanes = 0;\n    }\n    now",
    ),
    (
        "    thread.kind = kind",
        "    if (kind == BLOCK && thread.losing && !--thread.losing)\n        return value;\n"
        "    if (kind >= SYNC && thread.lanes)\n        mask &= thread.lanes;\n    thread.kind = kind",
    ),
    (
        "{\n    if (order & 2)\n        i =",
        "{\n    if (u32 deal = order >> 2)\n        i = (i * (2 * deal + 1) + 5 * deal) % n;\n"
        "    if (order & 2)\n        i =",
    ),
    ("t = warp * LANES + turned(i, size, order & 1)", "t = warp * LANES + turned(i, size, order & ~2u)"),
    ("abreast = order == 1", "abreast = (order & 3) == 1"),
    (
        "// Ends the launch for",
        "void wg_lose(int n) { threads[now].losing = n; }\n"
        "void wg_narrow(u32 lanes) { threads[now].lanes = lanes; }\n// Ends the launch for",
    ),
)


def hooked() -> str:
    """The machine of threads that can be told to lose a barrier, or lanes of a mask."""
    text = (SOURCES / "machine.cpp").read_text(encoding="utf-8")
    for old, new in _HOOKS:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


class Subject(NamedTuple):
    """A program whose CUDA row verification keeps."""

    program: Program
    cpu: str
    cuda: Code
    verified: Verified


class Mutant(NamedTuple):
    """The CUDA text of a program with a fault planted in it."""

    subject: Subject
    kind: str
    adjoint: bool
    code: Code


class _Faulty(DeviceCompiler):
    """As its base, with a machine that can be told to lose a barrier."""

    def _warm_up(self, target: Target) -> None:
        if target in self._warm:
            return
        super()._warm_up(target)
        source = self.includes.with_suffix(".cpp")
        source.write_text(hooked(), encoding="utf-8")
        warp_native.compile_device(source, self.machine, None, self.includes, "", level=2)


@functools.lru_cache(maxsize=2)
def _compiler(workdir: Path) -> DeviceCompiler:
    return _Faulty(workdir / "faulty")


def main() -> int:
    """Print the table of kinds and what became of them."""
    args = arguments(__doc__).parse_args()

    def planted(folder: Path) -> tuple[int, list[Mutant]]:
        subjects = _subjects(args.programs, args.seed, folder)
        return len(subjects), _mutants(subjects, args.faults)

    score("mutation_cuda", args, "", planted, _judge, _report, (_START, _END))
    return 0


def _subjects(wanted: int, seed: int, workdir: Path) -> list[Subject]:
    """Programs whose CUDA rows verification keeps: every other is of those with tiles."""
    found: list[Subject] = []
    index = 0
    while len(found) < wanted:
        programs: list[Program] = []
        codes = []
        while len(programs) < _BLOCK:
            index += 1
            try:
                program = synthesize(seed, index, Options(categories={"tiles": 1.0} if index % 2 else {}))
                codes.append(lower(program, TARGETS))
                programs.append(program)
            except ProgramError:
                continue
        made = check_unit(programs, codes, "run", "keep", ("cuda",), workdir)
        for program, code, judgement in zip(programs, codes, made, strict=True):
            verified = judgement["cuda"].verified
            if (
                verified is not None
                and verified.device.verdict == "pass"
                and verified.device.reference == "cpu"
            ):
                found.append(Subject(program, code["cpu"].text, code["cuda"], verified))
    return found[:wanted]


def _mutants(subjects: list[Subject], each: int) -> list[Mutant]:
    """`each` faults per program, the rarest kinds first, so that all kinds are met about as often."""
    used: Counter[tuple[str, bool]] = Counter()
    made: list[Mutant] = []
    for number, subject in enumerate(subjects):
        found = list(_faulty(subject, number))
        found.sort(key=lambda m: used[m.kind, m.adjoint])
        for mutant in found[:each]:
            made.append(mutant)
            used[mutant.kind, mutant.adjoint] += 1
    return made


def _faulty(subject: Subject, number: int) -> Iterator[Mutant]:
    """The program's text with each fault that it has a place for."""
    code = subject.cuda
    if code.shared:
        yield Mutant(subject, SHARED, False, msgspec.structs.replace(code, shared=code.shared // 2))
    compared = subject.verified.device.gradients == "same" and subject.verified.gradient.verdict == "pass"
    for adjoint, (start, stop) in ((False, code.forward), (True, code.backward)):
        if adjoint and not compared:
            continue
        for kind, change in FAULTS.items():
            changed = change(code.text[start:stop], number)
            if changed is None:
                continue
            text = code.text[:start] + changed + code.text[stop:]
            yield Mutant(subject, kind, adjoint, msgspec.structs.replace(code, text=text))


def _judge(mutants: list[Mutant], workdir: Path) -> list[tuple[Mutant, str]]:
    """`caught`, `equivalent`, `rounding` or `missed` for each; what does not compile was no fault."""
    unit._compiler = _compiler
    outcome: list[tuple[Mutant, str]] = []
    for start in range(0, len(mutants), _BLOCK):
        block = mutants[start : start + _BLOCK]
        outcome += zip(block, _results(block, workdir), strict=True)
        print(f"{min(start + _BLOCK, len(mutants))} of {len(mutants)}", flush=True)
    return outcome


def _results(block: list[Mutant], workdir: Path) -> list[str]:
    workdir.mkdir(parents=True, exist_ok=True)
    compiler = Compiler(workdir)
    programs = [m.subject.program for m in block]
    prepared = prepare(programs, range(len(block)), ())
    ready = {i: p for i, p in prepared.items() if isinstance(p, Prepared)}
    narrow = compiler.compile("cpu", {i: m.subject.cpu for i, m in enumerate(block)}).objects
    wide = compiler.compile("cpu", {i: p.wide for i, p in ready.items() if p.wide}).objects
    rows = {}
    for i, m in enumerate(block):
        program, cpu, _, verified = m.subject
        rows[i] = unit.Ready(program, ready[i], cpu, narrow[i], wide.get(i), m.code, verified)
    found = unit.execute(rows, workdir)
    results = {i: _result(block[i], verdict) for i, verdict in found.items()}
    survivors = [i for i, result in results.items() if not result]
    results |= dict(
        zip(survivors, _compare([block[i] for i in survivors], rows, survivors, workdir), strict=True)
    )
    for path in {*narrow.values(), *wide.values()}:
        path.unlink()
    return [results[i] for i in range(len(block))]


def _result(mutant: Mutant, verdict: Verified | Died) -> str:
    """What became of a mutant, '' if it is kept as the original is."""
    if isinstance(verdict, Died):
        return "caught"
    return "does not compile" if verdict.device.verdict == "unchecked" else ""


def _compare(
    mutants: list[Mutant], rows: dict[int, unit.Ready], places: list[int], workdir: Path
) -> list[str]:
    """How each mutant differs from the original in many orders of threads."""
    compiler = _compiler(workdir)
    mine = compiler.compile("cpu", {i: m.code.text for i, m in enumerate(mutants)}).objects
    theirs = compiler.compile("cpu", {i: m.subject.cuda.text for i, m in enumerate(mutants)}).objects

    def task(at: int, note: Callable[[str], None]) -> Any:
        machine, mutant, ready = Machine(compiler.machine), mutants[at], rows[places[at]]
        launch, layouts = ready.program.launch, ready.prepared.layouts
        own, other = (
            DeviceKernel(machine, machine.load(path), code.text, launch, layouts, code.shared)
            for path, code in ((theirs[at], mutant.subject.cuda), (mine[at], mutant.code))
        )
        worst = "equivalent"
        for draw in range(_DRAWS):
            expected = [_launched(own, ready, draw, order, mutant.adjoint) for order in range(_ORDERS)]
            for order, right in enumerate(expected):
                try:
                    wrong = _launched(other, ready, draw, order, mutant.adjoint)
                except Stuck:
                    return "missed"
                if not all(map(_same, wrong, right)):
                    worst = "rounding"
                    if any(farther(*arrays) for arrays in zip(wrong, right, *expected, strict=True)):
                        return "missed"
        return worst

    results = isolated(len(mutants), task, seconds=120.0)
    return [result if isinstance(result, str) else "missed" for result in results]


def _same(a: NDArray[Any], b: NDArray[Any]) -> bool:
    return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def _launched(
    kernel: DeviceKernel, ready: unit.Ready, draw: int, order: int, adjoint: bool
) -> list[NDArray[Any]]:
    """Outputs of one launch in an order of threads; of an adjoint's fault gradients."""
    kernel.order = order
    arguments = GuardedArguments(ready.program.args, ready.prepared.layouts, ready.program.launch.seed, draw)
    kernel.run(arguments)
    made = [leaf.values.copy() for leaf in arguments.outputs()]
    if adjoint:
        slopes_of.seed_cotangents(arguments, (draw,))
        kernel.run_backward(arguments)
        made += [leaf.gradient.copy() for leaf in slopes_of.inputs(arguments)]
    return made


def _report(outcome: list[tuple[Mutant, str]]) -> str:
    """A table in Markdown, and the faults that were missed."""
    kinds: dict[str, Counter[str]] = {kind: Counter() for kind in (*FAULTS, SHARED)}
    for mutant, result in outcome:
        kinds[mutant.kind][result] += 1
    total = sum(kinds.values(), Counter[str]())
    share = total["caught"] / max(total["caught"] + total["missed"], 1)
    missed = [
        f"{m.kind} in {m.subject.program.name} ({m.subject.program.index}{', adjoint' * m.adjoint})"
        for m, result in outcome
        if result == "missed"
    ]
    return "\n".join(
        [
            "| fault | planted | caught | equivalent | within rounding | missed |",
            "|---|---|---|---|---|---|",
            *(row(kind, counts) for kind, counts in kinds.items()),
            row("**CUDA**", total),
            f"| score | | {share:.3f} | | | |",
            "",
            re.sub(r"\s+", " ", f"Missed: {'; '.join(missed) or 'none'}."),
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
