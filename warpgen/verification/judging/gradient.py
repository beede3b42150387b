"""Does the adjoint agree with directional central differences in float64?"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from warpgen.extraction.features import inspect_source
from warpgen.program import Program
from warpgen.verification.judging import tolerance
from warpgen.verification.running.arguments import Arguments, Leaf
from warpgen.verification.running.streams import Stream

STEP = 1e-6
COARSE_STEP = 2e-3
# Where a slope is disputed, it is measured again with the inputs moved by about one rounding of 32-bit floats
# (and, where the step is coarse, with half of it): how far it moves is how far it may be off, times a slack.
# Kinks on both sides of a draw may bend a coarse step evenly, and seldom half of it too.
_TURNS, _SLACK = 2, 4.0
_MAX_UNROLL = 16  # Warp's default: longer loops with constant bounds become loops at run time

_WRITTEN_OVER = re.compile(
    r"wp\.grad\(|= wp\.zeros\(|= wp\.atomic_|\.ptr\b|wp\.tile_(?:axpy|assign|scatter)|_inplace\("
)

Verdict = Literal["pass", "fail", "kink"]


class Slope(msgspec.Struct, frozen=True):
    """Outcome at one draw of inputs: the greatest error over all directions."""

    verdict: Verdict
    error: float
    directions: int


def seed_cotangents(arguments: Arguments, key: Sequence[int | str]) -> list[NDArray[np.float64]]:
    """Random weights, one array per float output, written into the gradients as a loss's derivatives."""
    weights = []
    for leaf in _float_outputs(arguments):
        source = Stream(*key, "cotangent", leaf.path)
        weight = source.signs(leaf.values.shape) * (0.5 + source.uniform(leaf.values.shape))
        weights.append(weight.astype(np.float32).astype(np.float64))
        leaf.gradient[...] = weight
    return weights


def inputs(arguments: Arguments) -> list[Leaf]:
    """Float arrays that a derivative can be taken by."""
    return [leaf for leaf in arguments.leaves if leaf.traced and leaf.role in ("input", "inout")]


def differentiable(arguments: Arguments) -> bool:
    """Whether there is anything to derive, and by anything."""
    return bool(inputs(arguments)) and bool(_float_outputs(arguments))


def _float_outputs(arguments: Arguments) -> list[Leaf]:
    return [leaf for leaf in arguments.outputs() if leaf.floating and leaf.traced]


def compare(
    tape: Sequence[NDArray[np.float64]],
    wide: Arguments,
    launch: Callable[[], None],
    weights: Sequence[NDArray[np.float64]],
    key: Sequence[int | str],
    allowed: float,
    coarse: bool,
    turns: int = 1,
) -> Slope:
    """Per input, the adjoint's slope along `turns` random directions against central differences.

    `tape` are the adjoint's gradients of `inputs(wide)`; `launch` runs the reference from its inputs.
    """
    loss = _Loss(wide, launch, weights)
    step = COARSE_STEP if coarse else STEP
    # What the sums' own rounding does to a difference over 2 steps.
    noise = loss.size * (3e-8 if coarse else 1e-14) / step
    worst, count, kink = 0.0, 0, 0.0
    for number, gradient in enumerate(tape):
        for turn in range(turns):
            source = Stream(*key, "direction", number, turn)
            direction = source.signs(gradient.shape) * (0.5 + source.uniform(gradient.shape))
            slope, bend = loss.slope(number, direction, step)
            terms = gradient * direction
            mine = float(terms.sum())
            count += 1
            if not np.isfinite([slope, mine, bend]).all():
                return Slope("fail", float("inf"), count)
            extent = max(abs(slope) + float(np.sqrt((terms**2).sum())), 1e-30)
            error = max(abs(slope - mine) - noise, 0.0) / extent
            if error > allowed:
                bends = [bend]
                if coarse:  # noise counts twice at half of the step
                    bends.append(loss.slope(number, direction, 0.5 * step)[1] - 2.0 * noise)
                if max(bends) > allowed * extent + 2.0 * noise:
                    kink = max(kink, error)
                    continue
                smaller = 0.5 * step if coarse else step
                sensitivity = loss.sensitivity(number, direction, smaller, slope)
                error = max(error - _SLACK * sensitivity / extent, 0.0)
            worst = max(worst, error)
    if worst > allowed:
        return Slope("fail", worst, count)
    return Slope("kink", kink, count) if kink else Slope("pass", worst, count)


def worst(slopes: Sequence[Slope]) -> Slope:
    """Of a first draw that passes, and others, of which none may fail: near a kink nothing is told."""
    failed = [slope for slope in slopes if slope.verdict == "fail"]
    passed = [slope for slope in slopes if slope.verdict == "pass"]
    error = max(slope.error for slope in failed or passed)
    return Slope("fail" if failed else "pass", error, sum(slope.directions for slope in passed))


def decided(slopes: Sequence[Slope]) -> Slope:
    """Of draws after a first that does not pass: these decide, all but for kinks."""
    failed = [slope for slope in slopes if slope.verdict == "fail"]
    passed = [slope for slope in slopes if slope.verdict == "pass"]
    return (failed or passed or list(slopes))[0]


class _Loss:
    """A weighted sum of the reference's outputs, as a function of its inputs."""

    def __init__(
        self, wide: Arguments, launch: Callable[[], None], weights: Sequence[NDArray[np.float64]]
    ) -> None:
        self._wide, self._launch, self._weights = wide, launch, weights
        wide.reset()
        self._middle, self.size = self._value()

    def _value(self) -> tuple[float, float]:
        """The sum, and the size of what it adds up."""
        self._launch()
        terms = [w * leaf.values for w, leaf in zip(self._weights, _float_outputs(self._wide), strict=True)]
        return math.fsum(float(t.sum()) for t in terms), math.fsum(float(np.abs(t).sum()) for t in terms)

    def slope(
        self, number: int, direction: NDArray[np.float64], step: float, turn: int | None = None
    ) -> tuple[float, float]:
        """Central difference along a direction, and how far the one-sided differences are apart.

        At the draw itself, or at the draw moved by its rounding.
        """
        values = []
        for sign in (1.0, -1.0):
            self._wide.reset()
            if turn is not None:
                self._wide.perturb(tolerance.ROUNDING["f4"], turn)
            inputs(self._wide)[number].values[...] += sign * step * direction
            values.append(self._value()[0])
        ahead, behind = (values[0] - self._middle) / step, (self._middle - values[1]) / step
        return 0.5 * (ahead + behind), abs(ahead - behind)

    def sensitivity(self, number: int, direction: NDArray[np.float64], step: float, slope: float) -> float:
        """How far rounding, and the step, may carry a slope.

        Told by the reference alone, so that no adjoint excuses itself.
        """
        return max(abs(self.slope(number, direction, step, turn)[0] - slope) for turn in range(_TURNS))


def known_wrong(program: Program) -> bool:
    """Whether Warp's adjoint may be wrong by design.

    It may with a loop whose bound is not known before the run or that is left early, an array, a tile or a
    vector's component that is read and written over, a derivative of a derivative, memory behind a pointer,
    or a builtin without adjoint.
    """
    if any(arg.role == "inout" for arg in program.args) or _WRITTEN_OVER.search(program.source):
        return True
    if not inspect_source(program.source, program.name).features.differentiable:
        return True
    tree = ast.parse(program.source)
    if any(isinstance(node, ast.While) or _looping(node) for node in ast.walk(tree)):
        return True
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return any(map(_stores_components, functions))


def _looping(node: ast.AST) -> bool:
    """A `for` that Warp does not unroll."""
    if not isinstance(node, ast.For):
        return False
    left = any(isinstance(inner, (ast.Break, ast.Continue)) for inner in ast.walk(node))
    return left or not _static(node.iter)


def _stores_components(function: ast.FunctionDef) -> bool:
    """Whether a component of a local vector is assigned.

    Without `enable_vector_component_overwrites`, which costs compile time and is off by default, Warp forgets
    the value that was there.
    """
    arguments = {argument.arg for argument in function.args.args}
    for node in ast.walk(function):
        targets = node.targets if isinstance(node, ast.Assign) else []
        inside = [target.value for target in targets if isinstance(target, ast.Subscript)]
        if any(isinstance(base, ast.Name) and base.id not in arguments for base in inside):
            return True
    return False


def _static(iterated: ast.expr) -> bool:
    """A range that Warp unrolls, if nothing leaves it early."""
    if not isinstance(iterated, ast.Call) or getattr(iterated.func, "id", "") != "range":
        return False
    bounds = [_integer(argument) for argument in iterated.args]
    known = [bound for bound in bounds if bound is not None]
    return len(known) == len(bounds) and len(range(*known)) <= _MAX_UNROLL


def _integer(node: ast.expr) -> int | None:
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    return value if isinstance(value, int) else None


def tolerance_of(arguments: Arguments, coarse: bool) -> float:
    """The tolerance for the row's own types."""
    codes = {leaf.values.dtype.str for leaf in arguments.leaves if leaf.floating}
    return tolerance.gradient(codes, coarse)
