"""How many programs of an algorithm can be drawn before they repeat each other, and the weight to begin with.

    python -m tools.forms [DOMAIN[.ALGORITHM] ...] [--write]

`--write` puts the weights into the algorithms' files.
"""

from __future__ import annotations

import argparse
import inspect
import re
import statistics
from collections.abc import Iterator
from pathlib import Path

from warpgen.reporting.similarity import NEAR, token_grams
from warpgen.synthesis.algorithms import all_algorithms
from warpgen.synthesis.generator import program_of
from warpgen.synthesis.writing.algorithm import Algorithm

_DRAWS = 45
_LONG = 35  # lines of a kernel
# Shares of near-duplicates that are let pass: long kernels have much in common, and are wanted.
_REPEATED = {False: 0.03, True: 0.15}
_HEAD = r"(@DOMAIN\.algorithm\(\n)((?:(?!@DOMAIN)[\s\S])*?)(\)\ndef {name}\()"


def forms(algorithm: Algorithm) -> int:
    """Programs, at most 45, until too many resemble an earlier one."""
    seen: list[frozenset[int]] = []
    lengths: list[int] = []
    repeated: list[int] = []
    for place in range(_DRAWS):
        source = program_of(algorithm, 0, place, place).source
        grams = frozenset(token_grams(source))
        again = any(len(grams & other) >= NEAR * len(grams | other) for other in seen)
        repeated.append(again + (repeated[-1] if repeated else 0))
        seen.append(grams)
        lengths.append(source[source.index("@wp.kernel") :].count("\n"))
    share = _REPEATED[statistics.median(lengths) >= _LONG]
    return max(count for count in range(1, _DRAWS + 1) if count == 1 or repeated[count - 1] <= share * count)


def weight(algorithm: Algorithm, count: int) -> int:
    """One card for four forms; half as many without an adjoint, which is half of what a row teaches."""
    return max(1, round(count / (8 if algorithm.adjoint == "no" else 4)))


def write(algorithm: Algorithm, new: int) -> None:
    """Put a weight into the algorithm's file."""
    path = Path(inspect.getsourcefile(algorithm.function) or "")
    text = path.read_text(encoding="utf-8")
    found = re.search(_HEAD.format(name=algorithm.name), text)
    if found is None:
        raise SystemExit(f"{path}: no decorator of {algorithm.name} that can be edited")
    options = re.sub(r" *weight=\d+,\n", "", found[2]) + (f"    weight={new},\n" if new != 1 else "")
    path.write_text(
        text[: found.start()] + found[1] + options + found[3] + text[found.end() :], encoding="utf-8"
    )


def _asked(names: list[str]) -> Iterator[Algorithm]:
    for algorithm in all_algorithms():
        if not names or {algorithm.category, f"{algorithm.category}.{algorithm.name}"} & set(names):
            yield algorithm


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="*")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    for algorithm in _asked(asked.what):
        count = forms(algorithm)
        new = weight(algorithm, count)
        print(f"{algorithm.category}.{algorithm.name}: {count} forms, weight {algorithm.weight} -> {new}")
        if asked.write and new != algorithm.weight:
            write(algorithm, new)


if __name__ == "__main__":
    main()
