"""Plant known faults in generated code, let the hunt find and reduce them, and write faults/planted.json.

Each fault is planted in a program of its own, which is sound without it. What is left must call what was
planted; docs/warp_faults.md shows how small it is and what it cost.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple
from unittest import mock

import msgspec

from tools.bisect import FAULTS
from warpgen.extraction import warp_api
from warpgen.extraction.codegen import Code, lower
from warpgen.hunting import oracles
from warpgen.hunting.found import Case
from warpgen.hunting.session import drawn_of, smaller
from warpgen.program import Program
from warpgen.record import Target
from warpgen.verification import rounding
from warpgen.verification.judging.causes import Oracle, cause_of

MEASURED = FAULTS / "planted.json"
_SEED, _LINES = 7, 25  # programs are drawn from the seed until one has so many lines and is sound


class Planted(NamedTuple):
    """Every match of `pattern` in the generated text becomes `text`; programs with `word` show it."""

    oracle: Oracle
    word: str
    pattern: str
    text: str


class Left(msgspec.Struct):
    """What became of a fault: lines before and after, seconds of processor time, whether it is there yet."""

    before: int
    after: int
    seconds: float
    kept: bool


def _other(oracle: Oracle, word: str, other: str) -> Planted:
    prefix = "wp::adj_" if oracle == "adjoint" else "wp::"
    return Planted(oracle, f"wp.{word}(", rf"{prefix}{word}\(", f"{prefix}{other}(")


_ADJOINTS = {
    "sin": "cos",
    "cos": "sin",
    "tanh": "cbrt",
    "atan": "sin",
    "erf": "sin",
    "sinh": "cosh",
    "degrees": "radians",
    "max": "min",
    "min": "max",
}
_VALUES = {
    "tanh": "atan",
    "erf": "tanh",
    "floor": "ceil",
    "sign": "abs",
    "frac": "floor",
    "degrees": "radians",
    "max": "min",
    "min": "max",
    "quat_rotate": "quat_rotate_inv",
}

# Another builtin's semantics in the place of one's own, in an adjoint or in the forward text; and the
# adjoints of functions that code generation has lost.
PLANTED = (
    *(_other("adjoint", word, other) for word, other in _ADJOINTS.items()),
    *(_other("values", word, other) for word, other in _VALUES.items()),
    Planted("adjoint", "early(", r"(?m)^ +adj_early_\d+\(.*$", ""),
    Planted("adjoint", "both(", r"(?m)^ +adj_both_\d+\(.*$", ""),
)


@contextlib.contextmanager
def planted(faults: Sequence[Planted]) -> Iterator[None]:
    """Within it, the code of a program whose index is that of a fault has the fault."""

    def wrong(program: Program, targets: Sequence[Target]) -> dict[Target, Code]:
        fault = faults[program.index]
        made = lower(program, targets)
        return {
            target: msgspec.structs.replace(code, text=re.sub(fault.pattern, fault.text, code.text))
            for target, code in made.items()
        }

    with mock.patch.object(oracles, "lower", wrong), mock.patch.object(rounding, "lower", wrong):
        yield


def suits(fault: Planted, program: Program) -> bool:
    """Whether a program is large, calls what the fault is planted in, and has nothing known to be wrong."""
    if fault.word not in program.source.split("@wp.kernel")[1] or program.source.count("\n") < _LINES:
        return False
    return fault.oracle == "values" or not cause_of(program, "adjoint", "")


def hosts(fault: Planted) -> Iterator[Program]:
    """Programs that the fault may be planted in."""
    drawn = (program for n in itertools.count() for _, program in drawn_of(_SEED, n, n + 1))
    return (program for program in drawn if suits(fault, program))


def hold(faults: Sequence[Planted], folder: Path) -> Iterator[Program]:
    """For each fault a program that is sound without it and told with it, under the fault's number."""
    left = {number: hosts(fault) for number, fault in enumerate(faults)}
    while left:
        drawn = [msgspec.structs.replace(next(programs), index=n) for n, programs in left.items()]
        plain = oracles.judge(drawn, folder, oracles.cpu)
        with planted(faults):
            told = oracles.judge(drawn, folder, oracles.cpu)
        for program, before, after in zip(drawn, plain, told, strict=True):
            oracle = faults[program.index].oracle
            sound = before == (None, "") or (oracle == "values" and before.oracle == "adjoint")
            if sound and after.oracle == oracle:
                del left[program.index]
                yield program


def reduced(faults: Sequence[Planted], program: Program, folder: Path) -> tuple[Program, Left]:
    """What the reducer leaves of a program with its fault planted."""
    fault = faults[program.index]
    with planted(faults):
        (told,) = oracles.judge([program], folder, oracles.cpu)
        assert told.oracle == fault.oracle, told
        made = smaller(Case("stress", program, told.oracle, told.error), folder)
    left = made.case.program
    kept = fault.word.removeprefix("wp.") in left.source
    return left, Left(program.source.count("\n"), left.source.count("\n"), made.seconds, kept)


def main() -> int:
    """Plant all, write after each; 1 where one was lost."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--on", action="store_true", help="keep what was measured, and measure the others")
    told = read() if parser.parse_args().on and MEASURED.exists() else {}
    faults = [fault for fault in PLANTED if named(fault) not in told]
    with tempfile.TemporaryDirectory(prefix="warpgen-planted-") as name:
        folder = Path(name)
        warp_api.start(folder / "kernels")
        for program in hold(faults, folder / "checks"):
            told[named(faults[program.index])] = reduced(faults, program, folder / "checks")[1]
            MEASURED.write_text(json.dumps(msgspec.to_builtins(told), indent=1) + "\n")
    print(summary(told))
    return int(not all(left.kept for left in told.values()))


def named(fault: Planted) -> str:
    """What it is called where it is measured."""
    return f"{fault.oracle} {fault.word}"


def read() -> dict[str, Left]:
    """What was measured last."""
    return msgspec.json.decode(MEASURED.read_bytes(), type=dict[str, Left])


def summary(told: dict[str, Left]) -> str:
    """How small and how dear they were."""
    left = list(told.values())
    before, lines, seconds = ([getattr(one, name) for one in left] for name in ("before", "after", "seconds"))
    kept = sum(one.kept for one in left)
    return (
        f"{len(left)} of {len(PLANTED)} planted faults were tried, {kept} are what is left of programs: "
        f"of {median(before):g} lines in the median {median(lines):g}, {max(lines)} at most; "
        f"{median(seconds):.0f} seconds of processor time in the median, {max(seconds):.0f} at most."
    )


if __name__ == "__main__":
    sys.exit(main())
