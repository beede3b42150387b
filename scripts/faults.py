"""Run synthesised programs on the CPU with bounds checked and count those that fault or compute nothing.

Every program passes the checks of verification in forked children. Besides, its kernel runs on several
draws of all inputs, and an output that holds the same values after each of them is counted as dead.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from warpgen.errors import ProgramError
from warpgen.extraction import fast_path, warp_api
from warpgen.extraction.codegen import Code, lower
from warpgen.extraction.loading import load
from warpgen.program import Program
from warpgen.synthesis.generator import Options, synthesize
from warpgen.verification import check_unit
from warpgen.verification.compiling.compiler import Compiler
from warpgen.verification.native import warp_native
from warpgen.verification.native.isolation import isolated
from warpgen.verification.running.arguments import Arguments
from warpgen.verification.running.execute import Executable
from warpgen.verification.running.memory_layout import describe

_BLOCK = 64
_DRAWS = 6  # of all inputs; an output is dead if none of them changes it
_FAULTS = ("bounds", "not finite", "segfault", "trap", "abort", "division", "timeout", "memory", "lost")
_BLIND = ("blind", "constant")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--programs", type=int, default=1000, help="programs to run (1000)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the programs (0)")
    parser.add_argument("--first", type=int, default=0, help="index of the first program (0)")
    args = parser.parse_args()
    tally = _Tally()
    with tempfile.TemporaryDirectory(prefix="warpgen-faults-") as name:
        folder = Path(name)
        warp_api.start(folder / "kernels")
        fast_path.install()
        for start in range(args.first, args.first + args.programs, _BLOCK):
            stop = min(start + _BLOCK, args.first + args.programs)
            tally.add(range(start, stop), args.seed, folder / "checks")
            print(f"{stop - args.first} of {args.programs}", file=sys.stderr, flush=True)
    tally.report()
    return 0


class _Tally:
    """What came of the programs so far."""

    def __init__(self) -> None:
        self.programs = self.outputs = 0
        self.reasons: Counter[str] = Counter()
        self.dead: list[str] = []
        self.remarks: list[str] = []

    def add(self, indices: range, seed: int, workdir: Path) -> None:
        programs, codes = [], []
        for index in indices:
            self.programs += 1
            try:
                program = synthesize(seed, index, Options())
                codes.append(lower(program, ("cpu",)))
                programs.append(program)
            except ProgramError as error:
                self._note("no code", f"{index}: {error}")
        for program, judged in zip(
            programs, check_unit(programs, codes, "run", "keep", ("cpu",), workdir), strict=True
        ):
            if judged["cpu"].verified is None:
                self._note(judged["cpu"].reason, f"{program.index} {program.name}: {judged['cpu'].error}")
        for program, result in zip(
            programs, _unchanging(programs, [code["cpu"] for code in codes], workdir), strict=True
        ):
            if isinstance(result, list):  # others have faulted already, which is counted above
                count, unchanged = result
                self.outputs += count
                self.dead += [f"{program.index} {program.name}: {path}" for path in unchanged]

    def _note(self, reason: str, text: str) -> None:
        self.reasons[reason] += 1
        self.remarks.append(f"{reason}: {text.splitlines()[0] if text else ''}")

    def report(self) -> None:
        faults = sum(
            n for reason, n in self.reasons.items() if reason.split()[-1] in _FAULTS or reason in _FAULTS
        )
        blind = sum(self.reasons[reason] for reason in _BLIND)
        other = self.reasons.total() - faults - blind - self.reasons["no code"]
        print(f"| of {self.programs} programs with {self.outputs} outputs | count | bar |\n|---|---|---|")
        print(f"| programs without code | {self.reasons['no code']} | ≤ 1 in 1,000 |")
        print(f"| programs that leave their ranges, fault or are not finite | {faults} | ≤ 10 in 1,000 |")
        print(f"| outputs that no input changes | {len(self.dead)} | ≤ 10 in 1,000 |")
        print(f"| programs blind to an input, or of zeros | {blind} | |")
        print(f"| programs that other checks drop | {other} | |")
        for line in [*self.remarks, *(f"dead: {line}" for line in self.dead)]:
            print(line)


def _unchanging(programs: list[Program], codes: list[Code], workdir: Path) -> list[Any]:
    """Per program the number of its outputs and the paths of those that are alike after every draw."""
    objects = Compiler(workdir).compile("cpu", {i: code.text for i, code in enumerate(codes)}).objects

    def task(at: int, note: Callable[[str], None]) -> Any:
        program, text = programs[at], codes[at].text
        with load(program) as live:
            layouts = [describe(kind) for _, kind in warp_native.argument_types(live.kernel)]
        library = warp_native.Library(objects[at])
        kernel = Executable(library, text, program.launch)
        made = []
        for draw in range(_DRAWS):
            arguments = Arguments(program.args, layouts, program.launch.seed, draw)
            started = [leaf.values.copy() for leaf in arguments.outputs()]
            kernel.run(arguments)
            # What is read and written at once changes with its own start: look at what was done to it.
            made.append(
                [
                    (leaf.path, not np.array_equal(leaf.values, start), leaf.values.copy(), leaf.role)
                    for leaf, start in zip(arguments.outputs(), started, strict=True)
                ]
            )
        dead = []
        for place, (path, _, first, role) in enumerate(made[0]):
            touched = any(draw[place][1] for draw in made)
            varies = any(not np.array_equal(first, draw[place][2]) for draw in made[1:])
            if not (touched if role == "inout" else varies):
                dead.append(path)
        return [len(made[0]), dead]

    return isolated(len(programs), task, seconds=60.0)


if __name__ == "__main__":
    sys.exit(main())
