"""Plant faults in the C++ of synthesised programs and report the share that verification catches, by kind.

A survivor is run on further inputs beside the original. If no bit of any output or gradient ever differs,
it is counted as equivalent; if none ever goes farther than the original's own when the inputs move by one
rounding, times the slack that verification allows, as within rounding; else as missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import multiprocess
import numpy as np
from numpy.typing import NDArray

from tools.launches import executable, launched
from warpgen import durable
from warpgen.errors import ProgramError
from warpgen.extraction import fast_path, warp_api
from warpgen.extraction.codegen import Code, lower
from warpgen.hunting.oracles import layouts_of
from warpgen.planting.generated_faults import FAULTS, Fault
from warpgen.program import Program
from warpgen.synthesis.generator import Options, synthesize
from warpgen.verification import check_unit
from warpgen.verification.compiling.compiler import Compiler
from warpgen.verification.judging.values import SLACK
from warpgen.verification.native.isolation import isolated
from warpgen.verification.running.arguments import Arguments
from warpgen.verification.running.execute import Executable
from warpgen.verification.running.streams import Stream

_BLOCK = 64
# Draws on which a survivor must equal the original to be called equivalent, and how often the inputs of each
# are moved by one rounding.
_DRAWS, _TURNS = 24, 8
_START, _END = "<!-- score: written by tools/mutation_score.py -->\n", "<!-- end -->"


class Subject(NamedTuple):
    """A program that verification keeps."""

    program: Program
    code: Code
    gradient: str  # the verdict on the unchanged adjoint


class Mutant(NamedTuple):
    """The text of a program with a fault planted in it."""

    subject: Subject
    fault: Fault
    text: str


def main() -> int:
    """Print the table of kinds and what became of them."""
    parser = arguments(__doc__)
    parser.add_argument(
        "--complexity", choices=("mixed", "small", "medium"), default="mixed", help="of the programs (mixed)"
    )
    args = parser.parse_args()
    options = Options(complexity=args.complexity)

    def planted(folder: Path) -> tuple[int, list[Mutant]]:
        subjects = _subjects(args.programs, args.seed, options, folder)
        return len(subjects), _mutants(subjects, args.faults)

    more = f" --complexity {args.complexity}"
    score("mutation_score", args, more, planted, _judge, _report, (_START, _END))
    return 0


def arguments(about: str | None) -> argparse.ArgumentParser:
    """What every tool that plants faults is asked; `about` is the tool's docstring."""
    parser = argparse.ArgumentParser(description=(about or "").split("\n\n")[0])
    parser.add_argument("--programs", type=int, default=200, help="programs to plant faults in (200)")
    parser.add_argument("--faults", type=int, default=3, help="faults per program, each in a copy (3)")
    parser.add_argument("--seed", type=int, default=1000, help="seed of the programs (1000)")
    parser.add_argument("--workers", type=int, default=1, help="processes that judge (1)")
    parser.add_argument("--page", type=Path, help="a page whose marked block is written anew with the table")
    return parser


def score(
    tool: str,
    args: argparse.Namespace,
    more: str,
    planted: Callable[[Path], tuple[int, list[Any]]],
    judge: Callable[[list[Any], Path], list[tuple[Any, str]]],
    report: Callable[[list[tuple[Any, str]]], str],
    marks: tuple[str, str],
) -> None:
    """Judge the mutants of `planted`, which also tells of how many programs they are, and print their report.

    `more` are the options that the tool has beside those of `arguments`; `marks` enclose its block of a page.
    """
    with tempfile.TemporaryDirectory(prefix="warpgen-mutation-") as name:
        folder = Path(name)
        warp_api.start(folder / "kernels")
        fast_path.install()
        programs, mutants = planted(folder / "subjects")
        print(f"{programs} programs, {len(mutants)} faults", flush=True)
        shares = [(mutants[i :: args.workers], folder / f"checks-{i}") for i in range(args.workers)]
        with multiprocess.get_context("fork").Pool(args.workers) as pool:
            outcome = [o for part in pool.starmap(judge, shares, chunksize=1) for o in part]
    broken = sum(result == "does not compile" for _, result in outcome)
    asked = f"--programs {args.programs} --faults {args.faults}{more} --seed {args.seed}"
    text = (
        f"`./scripts/python -m tools.{tool} {asked}`: {len(outcome)} faults in "
        f"{programs} programs, of which {broken} did not compile.\n\n{report(outcome)}"
    )
    print(text)
    if args.page is not None:
        refresh(args.page, text, *marks)


def _subjects(wanted: int, seed: int, options: Options, workdir: Path) -> list[Subject]:
    """Programs that verification keeps."""
    found: list[Subject] = []
    index = 0
    while len(found) < wanted:
        programs: list[Program] = []
        codes = []
        while len(programs) < _BLOCK:
            index += 1
            try:
                program = synthesize(seed, index, options)
                codes.append(lower(program, ("cpu",)))
                programs.append(program)
            except ProgramError:
                continue
        made = check_unit(programs, codes, "run", "keep", ("cpu",), workdir)
        for program, code, judgement in zip(programs, codes, made, strict=True):
            verified = judgement["cpu"].verified
            if verified is not None:
                found.append(Subject(program, code["cpu"], verified.gradient.verdict))
    return found[:wanted]


def _mutants(subjects: list[Subject], each: int) -> list[Mutant]:
    """`each` faults per program, the rarest kinds first, so that all kinds are met about as often."""
    used: Counter[str] = Counter()
    made = []
    for number, subject in enumerate(subjects):
        code, taken = subject.code, 0
        for fault in sorted(FAULTS, key=lambda f: used[f.kind]):
            if taken == each or (fault.adjoint and subject.gradient != "pass"):
                continue
            start, stop = code.backward if fault.adjoint else code.forward
            changed = fault.change(code.text[start:stop], 7 * number + taken)
            if changed is None or changed == code.text[start:stop]:
                continue
            made.append(Mutant(subject, fault, code.text[:start] + changed + code.text[stop:]))
            used[fault.kind] += 1
            taken += 1
    return made


def _judge(mutants: list[Mutant], workdir: Path) -> list[tuple[Mutant, str]]:
    """`caught`, `equivalent`, `rounding` or `missed` for each; what does not compile was no fault."""
    outcome: list[tuple[Mutant, str]] = []
    survivors = []
    for start in range(0, len(mutants), _BLOCK):
        block = mutants[start : start + _BLOCK]
        programs = [m.subject.program for m in block]
        codes = [{"cpu": Code(m.text, (0, 0), (0, 0))} for m in block]
        made = check_unit(programs, codes, "run", "keep", ("cpu",), workdir)  # type: ignore[arg-type]
        for mutant, judgement in zip(block, made, strict=True):
            verified, reason = judgement["cpu"].verified, judgement["cpu"].reason
            if verified is None:
                outcome.append((mutant, "does not compile" if reason == "cpu compile" else "caught"))
            elif mutant.fault.adjoint and verified.gradient.verdict != "pass":
                outcome.append((mutant, "caught"))  # kept, but never as verified
            else:
                survivors.append(mutant)
        print(f"{min(start + _BLOCK, len(mutants))} of {len(mutants)}", flush=True)
    return outcome + list(zip(survivors, _compare(survivors, workdir), strict=True))


def _compare(mutants: list[Mutant], workdir: Path) -> list[str]:
    """How each mutant differs from the original on many draws: `equivalent`, `rounding` or `missed`."""
    compiler = Compiler(workdir)
    mine = compiler.compile("cpu", {i: m.text for i, m in enumerate(mutants)}).objects
    theirs = compiler.compile("cpu", {i: m.subject.code.text for i, m in enumerate(mutants)}).objects

    def task(at: int, note: Callable[[str], None]) -> Any:
        mutant = mutants[at]
        program = mutant.subject.program
        layouts, code = layouts_of(program), mutant.subject.code.text
        own, other = (executable(path, code, program.launch) for path in (theirs[at], mine[at]))
        found = "equivalent"
        for draw in range(_DRAWS):
            arguments = Arguments(program.args, layouts, program.launch.seed, draw)
            expected, actual = (_numbers(kernel, arguments, draw, mutant) for kernel in (own, other))
            if all(
                np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
                for a, b in zip(expected, actual, strict=True)
            ):
                continue
            found = "rounding"
            moved = [_numbers(own, arguments, draw, mutant, turn) for turn in range(_TURNS)]
            if any(farther(*arrays) for arrays in zip(actual, expected, *moved, strict=True)):
                return "missed"
        return found

    results = isolated(len(mutants), task, seconds=60.0)
    return [result if isinstance(result, str) else "missed" for result in results]


def _numbers(
    kernel: Executable, arguments: Arguments, draw: int, mutant: Mutant, turn: int | None = None
) -> list[NDArray[Any]]:
    """Outputs of one launch on a draw, or moved by one rounding; of an adjoint's fault gradients too."""
    arguments.reset()
    for leaf in arguments.leaves if turn is not None else ():
        if leaf.floating and leaf.role != "output":
            signs = Stream("rounding", turn or 0, leaf.path).signs(leaf.values.shape)
            leaf.values[...] = leaf.values * (1.0 + np.finfo(leaf.values.dtype).eps * signs)
    return launched(kernel, arguments, draw, mutant.fault.adjoint)


def farther(actual: NDArray[Any], expected: NDArray[Any], *moved: NDArray[Any]) -> bool:
    """Whether an array is farther from the original's than what rounding excuses.

    That is the farthest of those whose inputs were moved by one rounding, times a slack, as results on the
    way are rounded, too. Integers are not rounded.
    """
    if actual.dtype.kind != "f":
        return not np.array_equal(actual, expected)
    with np.errstate(invalid="ignore", over="ignore"):
        far, *rounding = (
            float(np.linalg.norm(other.astype(np.float64) - expected.astype(np.float64)))
            for other in (actual, *moved)
        )
    return not far <= SLACK * max(rounding)


def _report(outcome: list[tuple[Mutant, str]]) -> str:
    """A table in Markdown, and the faults that were missed."""
    kinds: dict[str, Counter[str]] = {fault.kind: Counter() for fault in FAULTS}
    for mutant, result in outcome:
        kinds[mutant.fault.kind][result] += 1
    lines = [
        "| fault | planted | caught | equivalent | within rounding | missed |",
        "|---|---|---|---|---|---|",
    ]
    for adjoint in (False, True):
        total: Counter[str] = Counter()
        for fault in FAULTS:
            if fault.adjoint == adjoint:
                total += kinds[fault.kind]
                lines.append(row(fault.kind, kinds[fault.kind]))
        lines.append(row("**adjoint**" if adjoint else "**forward**", total))
        faults = total["caught"] + total["missed"]
        lines.append(f"| score | | {total['caught'] / max(faults, 1):.3f} | | | |")
    missed = [mutant for mutant, result in outcome if result == "missed"]
    named = [f"{m.fault.kind} in {m.subject.program.name} ({m.subject.program.index})" for m in missed]
    return "\n".join([*lines, "", f"Missed: {'; '.join(named) or 'none'}.", ""])


def row(name: str, counts: Counter[str]) -> str:
    """A line of a table: what was planted, and what became of it."""
    planted = sum(counts.values()) - counts["does not compile"]
    results = [counts[result] for result in ("caught", "equivalent", "rounding", "missed")]
    return "| " + " | ".join(map(str, [name, planted, *results])) + " |"


def refresh(page: Path, text: str, begin: str, finish: str) -> None:
    """Write the block of a page between two marks anew."""
    old = page.read_text()
    start, end = old.index(begin) + len(begin), old.index(finish)
    durable.write(page, (old[:start] + text + old[end:]).encode())


if __name__ == "__main__":
    sys.exit(main())
