"""Plant races in synthesised programs; report how many verification finds and how many clean it accuses."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.plant_races import KINDS, Planted, plant
from warpgen.errors import ProgramError
from warpgen.extraction import fast_path, warp_api
from warpgen.extraction.codegen import lower
from warpgen.hunting.oracles import layouts_of
from warpgen.program import Program
from warpgen.reasons import Reason
from warpgen.synthesis.generator import Options, synthesize
from warpgen.verification import Judgement, check_unit
from warpgen.verification.native.generated import kernel_dim
from warpgen.verification.native.isolation import isolated
from warpgen.verification.oracle import Reading, Unsupported
from warpgen.verification.running.arguments import Arguments

_BLOCK = 32


def main() -> int:
    """Print the counts by kind, and every one that is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--races", type=int, default=200, help="races to plant (200)")
    parser.add_argument("--clean", type=int, default=200, help="programs to leave as they are (200)")
    parser.add_argument("--seed", type=int, default=3000, help="seed of the programs (3000)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="warpgen-races-") as name:
        folder = Path(name)
        warp_api.start(folder / "kernels")
        fast_path.install()
        accused = clean(args.seed, args.clean, folder / "checks")
        outcome = planted(args.seed, args.races, folder / "checks")
    missed = [f"{p.kind} in {p.program.name} ({p.program.index})" for p, r in outcome if r != Reason.RACE]
    for kind in KINDS:
        results = Counter(r for p, r in outcome if p.kind == kind)
        print(f"{kind}: {results[Reason.RACE]} of {results.total()} found")
    print(
        f"{len(outcome) - len(missed)} of {len(outcome)} races found; missed: {'; '.join(missed) or 'none'}"
    )
    print(f"{len(accused)} of {args.clean} clean programs accused: {'; '.join(accused) or 'none'}")
    return int(bool(missed or accused))


def clean(seed: int, count: int, workdir: Path) -> list[str]:
    """Programs of the generator that are said to race."""
    accused = []
    for start in range(0, count, _BLOCK):
        programs = [synthesize(seed, i, Options()) for i in range(start, min(count, start + _BLOCK))]
        for program, judgement in zip(programs, _judged(programs, workdir), strict=True):
            if judgement is not None and judgement.reason == Reason.RACE:
                accused.append(f"{program.name} ({program.index}): {judgement.error}")
    return accused


def planted(seed: int, count: int, workdir: Path) -> list[tuple[Planted, str]]:
    """Planted races, and what each was dropped for, '' where it was kept."""
    found: list[tuple[Planted, str]] = []
    source = _plants(seed)
    while len(found) < count:
        block = [next(source) for _ in range(_BLOCK)]
        real = [p for p, differs in zip(block, _decide(block, workdir), strict=True) if differs]
        for p, judgement in zip(real, _judged([p.program for p in real], workdir), strict=True):
            if judgement is not None:
                found.append((p, judgement.reason))
    return found[:count]


def _plants(seed: int) -> Iterator[Planted]:
    """Races in programs one after the other, of the kind that was met least so far."""
    used: Counter[str] = Counter()
    index = 0
    while True:
        index += 1
        made = sorted(plant(synthesize(seed, index, Options())), key=lambda p: used[p.kind])
        if made:
            used[made[0].kind] += 1
            yield made[0]


def _judged(programs: list[Program], workdir: Path) -> list[Judgement | None]:
    """A judgement for each program; none for one that Warp does not take."""
    codes = []
    for program in programs:
        try:
            codes.append(lower(program, ("cpu",)))
        except ProgramError:
            codes.append(None)  # type: ignore[arg-type]
    made = check_unit(programs, codes, "run", "keep", ("cpu",), workdir)
    return [judgement.get("cpu") for judgement in made]


def _decide(block: list[Planted], workdir: Path) -> list[bool]:
    """Whether each race decides a value, as the oracle tells, which runs no native code."""

    def task(at: int, _: Any) -> bool:
        p = block[at]
        try:
            return _matters(p, _alone(p))
        except (ProgramError, Unsupported):
            return False

    return [result is True for result in isolated(len(block), task, seconds=60.0)]


def _alone(p: Planted) -> list[dict[int, Any]]:
    """What each thread stores to the array, by place, if it finds all memory as it was before the launch."""
    layouts = layouts_of(p.program)
    arguments = Arguments(p.program.args, layouts, p.program.launch.seed)
    text = lower(p.program, ("cpu",))["cpu"].text
    reading = Reading(p.program, layouts, kernel_dim(text))
    number = next(i for i, a in enumerate(p.program.args) if a.name == p.output)
    return list(reading.alone(arguments, number))


def _matters(p: Planted, alone: list[dict[int, Any]]) -> bool:
    """Whether threads store different values to a place, or one reads what another changes."""
    stored: dict[int, list[Any]] = {}
    for changes in alone:
        for place, value in changes.items():
            stored.setdefault(place, []).append(value)
    if p.kind == "neighbour read":
        return any(v != 0.0 and place - 1 in stored for place, (v, *_) in stored.items())
    several = [values for values in stored.values() if len(values) > 1]
    if p.kind == "lost atomic" and p.sums:
        return any(sum(value != 0 for value in values) > 1 for values in several)
    return any(any(value != values[0] for value in values) for values in several)


if __name__ == "__main__":
    sys.exit(main())
