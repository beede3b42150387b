"""What algorithms' data never reach, or always: branches, loops, and sides of minima, maxima and choices.

    python -m tools.reach DOMAIN[.ALGORITHM]... [--drafts N]

Programs are drawn as `tools.prove` draws them, given counters, and run on two draws of their inputs. Printed
is what nearly all threads of all programs of an algorithm take one way: data to widen, code to leave out, or
a guard against what is rare, which only a reader can tell apart.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.counted import ARGUMENT, Site, counted
from tools.prove import DRAWS, Lowered, covering, lowered
from warpgen.extraction import warp_api
from warpgen.synthesis.algorithms import domains
from warpgen.synthesis.writing.module import Written
from warpgen.verification.compiling.compiler import Compiler
from warpgen.verification.native import warp_native
from warpgen.verification.native.isolation import Died, Note, isolated
from warpgen.verification.running.arguments import Arguments
from warpgen.verification.running.execute import Executable

_RARE = 0.004  # a share of threads below which a side counts as not taken
_WORD = re.compile(r"\b[A-Za-z_]\w*\b")

Counts = Mapping[Site, tuple[int, int]]


def reached(written: Sequence[Written], compiler: Compiler) -> list[Counts | None]:
    """How often each site of each program is taken, either way; None for a program that cannot be counted.

    Sites are written in the draft's own names.
    """
    found: dict[int, Counts] = {}
    for choices in (True, False):  # some choose between vectors, which do not compare
        left = [i for i in range(len(written)) if i not in found]
        found |= _counts(written, left, choices, compiler)
    return [found.get(i) for i in range(len(written))]


def _counts(
    written: Sequence[Written], wanted: Sequence[int], choices: bool, compiler: Compiler
) -> dict[int, Counts]:
    made = {i: counted(written[i].program, choices) for i in wanted}
    ready = {
        wanted[n]: each
        for n, each in lowered([made[i][0] for i in wanted], ("cpu",)).items()
        if isinstance(each, Lowered)
    }
    texts = {i: each.codes["cpu"].text for i, each in ready.items()}
    objects = compiler.compile("cpu", texts).objects
    order, libraries = list(objects), dict[Path, warp_native.Library]()

    def load() -> None:
        libraries.update({path: warp_native.Library(path) for path in set(objects.values())})

    def task(number: int, note: Note) -> Any:
        i = order[number]
        program = made[i][0]
        kernel = Executable(libraries[objects[i]], texts[i], program.launch)
        return sum(
            _run(kernel, Arguments(program.args, ready[i].layouts, program.launch.seed, draw))
            for draw in range(DRAWS)
        ).tolist()

    results = isolated(len(order), task, before=load)
    for path in set(objects.values()):
        path.unlink(missing_ok=True)
    return {
        i: _by_site(written[i], made[i][1], result)
        for i, result in zip(order, results, strict=True)
        if not isinstance(result, Died)
    }


def _run(kernel: Executable, arguments: Arguments) -> Any:
    kernel.run(arguments)
    return next(leaf.values.reshape(-1).astype(int) for leaf in arguments.leaves if leaf.path == ARGUMENT)


def _by_site(written: Written, sites: Sequence[Site], counts: Sequence[int]) -> Counts:
    back = {new: old for old, new in written.names.items()}
    made: dict[Site, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for number, site in enumerate(sites):
        text, function = (
            _WORD.sub(lambda word: back.get(word[0], word[0]), s) for s in (site.text, site.function)
        )
        own = Site(site.kind, text, function)
        taken, not_taken = made[own]
        made[own] = taken + counts[2 * number], not_taken + counts[2 * number + 1]
    return made


def one_sided(counts: Sequence[Counts]) -> Iterator[str]:
    """A line for each site that programs of an algorithm nearly always take one way, or never come to."""
    sums: dict[Site, list[int]] = defaultdict(lambda: [0, 0, 0])
    for each in counts:
        for site, (taken, not_taken) in each.items():
            total = sums[site]
            sums[site] = [total[0] + taken, total[1] + not_taken, total[2] + 1]
    for site, (taken, not_taken, programs) in sums.items():
        rare = _RARE * (taken + not_taken)
        if site.kind == "loop":
            how = "" if taken else "never begins"
        elif taken <= rare and not_taken <= rare:
            how = "is never reached"
        else:
            how = "never holds" if taken <= rare else "always holds" if not_taken <= rare else ""
        if how:
            what = site.text if site.kind == "loop" else f"{site.kind}: {site.text}"
            yield f"{site.function}: {what} {how} ({taken} to {not_taken}, {programs} programs)"


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="+")
    parser.add_argument(
        "--drafts", type=int, default=8, help="the least number of programs for each algorithm"
    )
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        warp_api.start(Path(folder) / "kernels")
        compiler = Compiler(Path(folder))
        for what in asked.what:
            domain, _, name = what.partition(".")
            for algorithm in (a for a in domains()[domain].algorithms if name in ("", a.name)):
                made = reached(covering(algorithm, asked.drafts)[0], compiler)
                for line in one_sided([each for each in made if each is not None]):
                    print(f"{domain}.{algorithm.name} {line}")
                if lost := made.count(None):
                    print(f"{domain}.{algorithm.name}: {lost} of {len(made)} programs cannot be counted")
    return 0


if __name__ == "__main__":
    sys.exit(main())
