"""Hold algorithms to their references: every option is drawn, run on the CPU, verified and compared.

    python -m tools.prove DOMAIN[.ALGORITHM] [--show] [--drafts N]

Says what is wrong with each; leaves with 1 if anything is. `--show` prints the programs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from warpgen.extraction import fast_path, warp_api
from warpgen.extraction.codegen import Code, lower
from warpgen.extraction.loading import load
from warpgen.program import Program
from warpgen.record import Target
from warpgen.synthesis.algorithms import domains
from warpgen.synthesis.writing.algorithm import Algorithm
from warpgen.synthesis.writing.draft import Values
from warpgen.synthesis.writing.module import Written, write
from warpgen.synthesis.writing.rng import Rng
from warpgen.verification import check_unit
from warpgen.verification.compiling.compiler import Compiler
from warpgen.verification.native import warp_native
from warpgen.verification.native.isolation import Died, Note, isolated
from warpgen.verification.running.arguments import Arguments
from warpgen.verification.running.execute import Executable
from warpgen.verification.running.memory_layout import MemoryLayout, describe

MOST = 600  # draws in which every option must come up
DRAWS = 2  # of the inputs, for each program
_VAIN = "what it claims holds of wrong outputs, too"
_LEAST = {"float16": 2e-2, "float32": 0.0, "float64": 0.0}  # tolerances cannot be finer


def covering(algorithm: Algorithm, least: int = 3) -> tuple[list[Written], list[str]]:
    """Programs, as few as do, in which every option is taken; the options that never came up."""
    drawn: list[tuple[Written, set[tuple[str, object]]]] = []
    sizes: dict[str, int] = {}
    seen: set[tuple[str, object]] = set()
    quiet = 0
    for number in range(MOST):
        written = write(algorithm, Rng("prove", algorithm.category, algorithm.name, number), 0, number)
        options = written.draft.options
        sizes |= {name: size for name, (_, size) in options.items()}
        taken: set[tuple[str, object]] = {(name, at) for name, (at, _) in options.items()}
        taken.add(("real", written.real))
        drawn.append((written, taken))
        quiet = 0 if taken - seen else quiet + 1
        seen |= taken
        if quiet > 60 and sum(sizes.values()) <= sum(name in sizes for name, _ in seen):
            break
    chosen: list[Written] = []
    left = set(seen)
    while left or len(chosen) < least:
        written, taken = max(drawn, key=lambda draw: len(draw[1] & left))
        drawn.remove((written, taken))
        chosen.append(written)
        left -= taken
    wanted = {(name, at) for name, size in sizes.items() for at in range(size)}
    return chosen, sorted(f"{name}:{at}" for name, at in wanted - seen)


class Failure(msgspec.Struct, frozen=True):
    """What is wrong with one program."""

    written: Written
    why: str


def prove(programs: Sequence[Written], compiler: Compiler, verify: Path | None) -> Iterator[Failure]:
    """What is wrong with each program: it cannot be lowered, or is not what it says, or cannot be verified.

    Verification works in the folder `verify`. With None the checks that every row of a dataset passes anyhow,
    gradients among them, are left out, and no adjoint is compiled.
    """
    targets: tuple[Target, ...] = ("cpu", "cuda") if verify else ("cpu",)
    plain = [written.program for written in programs]
    made = lowered(plain if verify else [_forward(program) for program in plain], targets)
    yield from (
        Failure(programs[i], f"not lowered: {each.error}")
        for i, each in made.items()
        if isinstance(each, Died)
    )
    ready = {i: each for i, each in made.items() if isinstance(each, Lowered)}
    if verify:
        codes = [ready[i].codes if i in ready else None for i in made]
        judgements = check_unit(plain, codes, "run", "strict", targets, verify)
        for written, judged in zip(programs, judgements, strict=True):
            wrong = {j.reason: j.error for j in judged.values() if j.verified is None}
            for reason, why in wrong.items():
                yield Failure(written, f"not verified: {reason}: {why}")
    yield from _compared(programs, ready, compiler)


class Lowered(msgspec.Struct, frozen=True):
    """A program's texts, and how its arguments lie in memory."""

    codes: dict[Target, Code]
    layouts: tuple[MemoryLayout, ...]


def lowered(programs: Sequence[Program], targets: Sequence[Target]) -> dict[int, Lowered | Died]:
    """The programs lowered, in a child that remembers of the language what a run's workers do."""

    def task(i: int, note: Note) -> Any:
        with load(programs[i]) as live:
            layouts = tuple(describe(kind) for _, kind in warp_native.argument_types(live.kernel))
        return msgspec.to_builtins(Lowered(lower(programs[i], targets), layouts))

    def begin() -> None:
        fast_path.install()

    made = isolated(len(programs), task, before=begin)
    return {i: m if isinstance(m, Died) else msgspec.convert(m, Lowered) for i, m in enumerate(made)}


def _forward(program: Program) -> Program:
    """The program without an adjoint."""
    source = program.source.replace("@wp.kernel\n", "@wp.kernel(enable_backward=False)\n")
    return msgspec.structs.replace(program, source=source)


def _compared(
    programs: Sequence[Written], lowered: Mapping[int, Lowered], compiler: Compiler
) -> Iterator[Failure]:
    """Programs whose outputs are not those of their references."""
    texts = {i: made.codes["cpu"].text for i, made in lowered.items()}
    compiled = compiler.compile("cpu", texts)
    yield from (Failure(programs[i], f"not compiled: {d.error}") for i, d in compiled.failures.items())
    ready = [i for i in texts if i in compiled.objects]
    libraries: dict[Path, warp_native.Library] = {}

    def load_objects() -> None:
        libraries.update({path: warp_native.Library(path) for path in set(compiled.objects.values())})

    def task(number: int, note: Note) -> Any:
        i = ready[number]
        kernel = Executable(libraries[compiled.objects[i]], texts[i], programs[i].program.launch)
        return [_difference(programs[i], kernel, lowered[i].layouts, variant) for variant in range(DRAWS)]

    results = isolated(len(ready), task, before=load_objects)
    for path in set(compiled.objects.values()):
        path.unlink(missing_ok=True)
    for i, result in zip(ready, results, strict=True):
        if isinstance(result, Died):
            yield Failure(programs[i], f"the check died: {result.reason}: {result.error}")
        else:
            vain = set(result) == {_VAIN}  # of one draw all outputs may be zero, and nothing is to be seen
            whys = [why for why in dict.fromkeys(result) if why and (vain or why != _VAIN)]
            yield from (Failure(programs[i], why) for why in whys)


def _difference(written: Written, kernel: Executable, layouts: Sequence[MemoryLayout], variant: int) -> str:
    """What of a run is not as the draft says; "" if all is."""
    program, draft = written.program, written.draft
    if not draft.references and not draft.properties:
        return "nothing is claimed of it: d.check or d.holds is missing"
    arguments = Arguments(program.args, layouts, program.launch.seed, variant)
    before = _values(written, arguments)
    kernel.run(arguments)
    after = _values(written, arguments)
    arguments.reset()
    wrong = _claims(written, before, after)
    if wrong:
        return wrong
    outputs = {written_name(written, leaf.path) for leaf in arguments.outputs()}
    faults = (
        dict.fromkeys(outputs, "zeros"),
        dict.fromkeys(outputs, "rolled"),
        dict.fromkeys(outputs, "scaled"),
    )
    if not any(_claims(written, before, _planted(after, fault)) for fault in faults):
        return _VAIN
    return ""


def _planted(values: Values, faults: dict[str, str]) -> Values:
    """The values with a fault in the outputs named."""
    made = Values(values)
    for name, fault in faults.items():
        value = np.asarray(values[name])
        changed = {"zeros": np.zeros_like(value), "rolled": np.roll(value, 1), "scaled": value * 3}
        made[name] = changed[fault] if value.dtype.kind != "b" else ~value
    return made


def written_name(written: Written, path: str) -> str:
    """The draft's name for what the program calls by another."""
    head, dot, rest = path.partition(".")
    back = {new: old for old, new in written.names.items()}
    return back.get(head, head) + dot + rest


def _values(written: Written, arguments: Arguments) -> Values:
    """All that the launch sees, by the draft's names."""
    by_value = {a.name for a in written.program.args if not a.type.startswith(("array", "indexedarray"))}
    found = Values({written_name(written, name): drawn for name, drawn in arguments.geometry.items()})
    for leaf in arguments.leaves:
        if leaf.fill is None:
            continue
        values = leaf.values.astype(np.float64) if leaf.floating else leaf.values.copy()
        alone = leaf.argument in by_value and not (leaf.fill.shape and leaf.path != leaf.argument)
        found[written_name(written, leaf.path)] = values[0] if alone else values
    return found


def _claims(written: Written, before: Values, after: Values) -> str:
    with np.errstate(all="ignore"):
        for reference, tolerance in written.draft.references:
            for name, expected in reference(before).items():
                wrong = _compare(
                    np.asarray(after[name]), np.asarray(expected), max(tolerance, _LEAST[written.real])
                )
                if wrong:
                    return f"{name}: {wrong}"
        for holds in written.draft.properties:
            try:
                holds(before, after)
            except AssertionError as error:
                return " ".join(str(error).split())[:300] or "a property does not hold"
    return ""


def _compare(actual: NDArray[Any], expected: NDArray[Any], tolerance: float) -> str:
    expected = np.broadcast_to(expected, actual.shape) if expected.ndim < actual.ndim else expected
    if actual.shape != expected.shape:
        return f"its shape is {actual.shape}, the reference's {expected.shape}"
    if actual.dtype.kind in "iub":
        wrong = actual != expected
        size = 0.0
    else:
        size = float(np.sqrt(np.mean(np.square(expected)))) if expected.size else 0.0
        wrong = ~(np.abs(actual - expected) <= tolerance * (np.abs(expected) + size))
    if not wrong.any():
        return ""
    at = tuple(int(i) for i in np.argwhere(wrong)[0])
    return f"{wrong.mean():.3f} of it differ, first {list(at)}: {actual[at]!r}, not {expected[at]!r}"


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="+")
    parser.add_argument("--show", action="store_true")
    parser.add_argument(
        "--drafts", type=int, default=3, help="the least number of programs for each algorithm"
    )
    asked = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        checks = Path(folder) / "checks"
        checks.mkdir()
        warp_api.start(Path(folder) / "kernels")
        compiler = Compiler(checks)
        for what in asked.what:
            domain, _, name = what.partition(".")
            chosen = [a for a in domains()[domain].algorithms if name in ("", a.name)]
            programs: list[Written] = []
            for algorithm in chosen:
                drafts, left = covering(algorithm, asked.drafts)
                programs += drafts
                if left:
                    wrong += 1
                    print(f"{domain}.{algorithm.name}: options that never come up: {', '.join(left)}")
            if asked.show:
                for written in programs:
                    print(f"# --- {written.draft.options}\n{written.program.source}")
            failures = list(prove(programs, compiler, checks))
            for failure in failures:
                wrong += 1
                program, options = failure.written.program, failure.written.draft.options
                chosen_ = {name: at for name, (at, _) in options.items()}
                print(f"{domain}: {program.name} {chosen_} {failure.written.real}: {failure.why}")
            print(f"{what}: {len(chosen)} algorithms, {len(programs)} programs, {len(failures)} failures")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
