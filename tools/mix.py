"""Weights of algorithms, balanced so that a dataset is as varied as its other figures let it be.

    python -m tools.mix RUN [--write]

RUN is the root of a run of the default recipe and target cpu, of a size that meets every algorithm;
`--verify none` will do. Each weight moves by at most a third from what it is and stays below what its
algorithm's forms allow, so that the expected number of different trigrams of operations in a thousand
programs rises while rows stay short enough, enough of them have an adjoint, enough are long and no category
is small. `--write` puts the weights into the algorithms' files.
"""

from __future__ import annotations

import argparse
import ast
from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from tools.forms import forms, write
from warpgen.jsonl import rows
from warpgen.paths import dataset_path
from warpgen.record import Provenance
from warpgen.reporting.quality import operations, windows
from warpgen.reporting.shape import shape_of
from warpgen.synthesis.algorithms import all_algorithms
from warpgen.synthesis.generator import dealt
from warpgen.synthesis.writing.algorithm import Algorithm

Floats = NDArray[np.float64]

# What the mix must reach, each with a little to spare: bytes of a row, shares of programs.
_BYTES = 200 * 2**20 / 6100
_ADJOINT, _LONG, _PRESET, _CATEGORY = 0.712, 0.0535, 0.154, 0.0105
_STATEMENTS = 51  # of a long program
_PROGRAMS = 1000  # whose trigrams count
# A weight moves between these parts of what it was; an algorithm is drawn again every so many of its forms.
_LEAST, _MOST, _FORMS = 0.75, 1.35, 3
_STEPS = 6000


class _Row(msgspec.Struct):
    """What is read of a row."""

    python_source: str
    code: str
    provenance: Provenance


class Mix:
    """What each algorithm's programs are like on average: one entry for each in every array."""

    def __init__(self, path: Path) -> None:
        self.algorithms: list[Algorithm] = list(all_algorithms())
        place = {algorithm: n for n, algorithm in enumerate(self.algorithms)}
        count = np.zeros(len(place))
        self.bytes, self.adjoint, self.long, self.preset = (np.zeros(len(place)) for _ in range(4))
        seen: Counter[tuple[int, tuple[str, ...]]] = Counter()
        for line, row in rows(path, _Row):
            at = place[dealt(row.provenance.seed, row.provenance.index)[0]]
            count[at] += 1
            self.bytes[at] += len(line)
            self.adjoint[at] += "_cpu_kernel_backward" in row.code
            self.long[at] += shape_of(row.python_source).statements >= _STATEMENTS
            self.preset[at] += preset(row.python_source)
            seen.update((at, gram) for gram in set(windows(operations(row.code), 3)))
        if not count.all():
            raise SystemExit(
                f"{path}: no program of {self.algorithms[int(np.argmin(count))].name}; make more"
            )
        for sums in (self.bytes, self.adjoint, self.long, self.preset):
            sums /= count
        self.bytes /= _BYTES
        numbers = {gram: n for n, gram in enumerate(dict.fromkeys(gram for _, gram in seen))}
        self._owner = np.array([at for at, _ in seen])
        self._gram = np.array([numbers[gram] for _, gram in seen])
        # Of how much less a trigram's absence becomes likely with a program of an algorithm
        self._rate = -np.log1p(-np.minimum(0.98, np.array(list(seen.values())) / count[self._owner]))
        names = [a.category for a in self.algorithms]
        self.members = np.array([[name == other for name in names] for other in dict.fromkeys(names)], float)

    def trigrams(self, weights: Floats) -> tuple[float, Floats]:
        """How many are to be expected, and how many more with one more program of each algorithm."""
        programs = _PROGRAMS * weights / weights.sum()
        absent = np.exp(-np.bincount(self._gram, weights=self._rate * programs[self._owner]))
        more = np.bincount(self._owner, weights=self._rate * absent[self._gram], minlength=len(weights))
        return float((1.0 - absent).sum()), more.astype(np.float64)

    def figures(self, weights: Floats) -> str:
        """A line for a reader."""
        share = weights / weights.sum()
        return (
            f"{int(weights.sum())} programs a turn, {self.trigrams(weights)[0]:.0f} trigrams expected, "
            f"{share @ self.bytes * _BYTES:.0f} bytes a row, {share @ self.adjoint:.3f} with an adjoint, "
            f"{share @ self.long:.4f} long, {share @ self.preset:.3f} preset, "
            f"smallest category {(self.members @ share).min():.4f}"
        )

    def balanced(self, start: Floats, most: Floats) -> Floats:
        """Weights by ascent along the trigrams' gradient; prices rise as long as their bounds do not hold."""
        low, high = np.log(np.maximum(1.0, np.floor(_LEAST * start))), np.log(np.maximum(most, 1.0))
        prices = np.zeros(4)
        x = np.log(start)
        for _ in range(_STEPS):
            weights = np.exp(x)
            share = weights / weights.sum()
            small = (self.members @ share < _CATEGORY) @ self.members
            lacking = (
                share @ self.bytes - 1.0,
                _ADJOINT - share @ self.adjoint,
                _LONG - share @ self.long,
                share @ self.preset - _PRESET,
            )
            prices = np.maximum(0.0, prices + np.array((240.0, 2e4, 1e5, 2e4)) * lacking)
            gain = _PROGRAMS * self.trigrams(weights)[1] + 3000.0 * small
            gain += prices @ np.array((-self.bytes, self.adjoint, self.long, -self.preset))
            x += 2e-6 * (gain - share @ gain) - 5e-4 * (x - np.log(start))
            x = np.clip(x, low, high)
        return np.maximum(1.0, np.round(np.exp(x)))


def preset(source: str) -> bool:
    """Whether a kernel sets a name to a constant and then changes it in blocks alone, as an accumulator."""
    kernel = next(n for n in reversed(ast.parse(source).body) if isinstance(n, ast.FunctionDef))
    first: dict[str, bool] = {}  # of each name, whether it is set to a constant at first
    outside, inside = set[str](), set[str]()
    for statement in kernel.body:
        within = isinstance(statement, (ast.If, ast.For, ast.While))
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                if node.id in first:
                    (inside if within else outside).add(node.id)
                else:
                    first[node.id] = not within and _constant(statement)
    return any(constant and name in inside - outside for name, constant in first.items())


def _constant(statement: ast.stmt) -> bool:
    """Whether it assigns a number, or what is made of numbers."""
    return isinstance(statement, ast.Assign) and all(
        isinstance(node, (ast.Constant, ast.Call, ast.Attribute, ast.UnaryOp, ast.USub, ast.Load))
        or (isinstance(node, ast.Name) and node.id in ("wp", "float", "int", "bool"))
        for node in ast.walk(statement.value)
    )


def most(algorithm: Algorithm, count: int) -> float:
    """The greatest weight that an algorithm of so many forms may get."""
    now = algorithm.weight
    wished = now + 2.0 if now <= 3 else np.ceil(_MOST * now)
    return float(max(now if now <= 3 else 1, min(wished, count // _FORMS)))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    mix = Mix(dataset_path(asked.run, "cpu"))
    start = np.array([float(a.weight) for a in mix.algorithms])
    bounds = np.array([most(a, forms(a)) for a in mix.algorithms])
    weights = mix.balanced(np.minimum(start, bounds), bounds)
    print(f"now: {mix.figures(start)}\nthen: {mix.figures(weights)}")
    for algorithm, weight in zip(mix.algorithms, weights, strict=True):
        if weight != algorithm.weight:
            print(f"{algorithm.category}.{algorithm.name}: {algorithm.weight} -> {int(weight)}")
            if asked.write:
                write(algorithm, int(weight))


if __name__ == "__main__":
    main()
