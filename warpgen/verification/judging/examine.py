"""Everything that is found out about one program by running it, inside a confined child."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from warpgen.errors import VerificationError
from warpgen.program import Program
from warpgen.reasons import Reason
from warpgen.record import Alive, Bounds, Compile, Forward, Gradient, Verified
from warpgen.verification.judging import gradient as slopes_of
from warpgen.verification.judging import tolerance
from warpgen.verification.judging import values as values_of
from warpgen.verification.judging.prepare import Prepared
from warpgen.verification.native.isolation import Note
from warpgen.verification.native.warp_native import Library
from warpgen.verification.oracle import Reading, Unsupported
from warpgen.verification.running.arguments import Arguments
from warpgen.verification.running.execute import Executable, Kernel
from warpgen.verification.running.memory_layout import MemoryLayout, widened

# Inputs are moved by this share of themselves to see how much the kernel amplifies rounding; and further
# and oftener where elements disagree, to see whether rounding can carry them across a branch.
_PERTURBATION, _TURNS = 2e-7, 2
_HARD_PERTURBATION, _HARD_TURNS = 1e-5, 12
# Draws of all inputs, and turns of one of them beside each, that are tried before outputs are called blind.
_BLIND_DRAWS, _BLIND_TURNS = 4, 3


_Compare = Callable[..., values_of.Agreement]


class Failed(VerificationError):
    """A check found the program wanting; `reason` is the word under which drops are counted."""

    def __init__(self, reason: Reason, error: str) -> None:
        super().__init__(error)
        self.reason = reason


class Subject(msgspec.Struct, frozen=True):
    """One program with its loaded kernels; `wide` is absent where the program cannot be widened."""

    program: Program
    layouts: Sequence[MemoryLayout]
    kernel: Kernel
    wide: Kernel | None
    coarse: bool

    @classmethod
    def of(
        cls, program: Program, prepared: Prepared, text: str, narrow: Library, wide: Library | None
    ) -> Subject:
        """A program whose CPU text, and whose widened one if there is any, are compiled and loaded."""
        kernel = Executable(narrow, text, program.launch)
        other = Executable(wide, prepared.wide, program.launch) if wide is not None else None
        return cls(program, prepared.layouts, kernel, other, prepared.coarse)


def examine(subject: Subject, note: Note) -> Verified:
    """Evidence of all checks that run. Raises Failed where the program must not be kept."""
    run = Examination(subject)
    note("forward")
    run.first()
    bounds, forward = Bounds("pass", subject.kernel.threads), run.forward()
    note("alive")
    alive = run.alive()
    note("adjoint")
    return Verified(Compile(), bounds, forward, alive, run.gradient())


class Examination:
    """Runs of one program, each made once; `draw` numbers the draws of its inputs."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.program = subject.program
        self.kind = tolerance.operations(subject.program)
        self.wide_layouts = [widened(layout) for layout in subject.layouts] if subject.wide else []
        self._draws: dict[int, Arguments] = {}
        self._outputs: dict[int, list[NDArray[Any]]] = {}
        self._wide: dict[int, list[list[NDArray[Any]]]] = {}
        self._reading: Reading | None = None
        self._spreads: dict[int, list[NDArray[np.float64]]] = {}

    def draw(self, variant: int) -> Arguments:
        """Arguments whose every input is drawn anew for each variant."""
        if variant not in self._draws:
            seed = self.program.launch.seed
            self._draws[variant] = Arguments(self.program.args, self.subject.layouts, seed, variant)
        return self._draws[variant]

    def outputs(self, variant: int) -> list[NDArray[Any]]:
        """What the row's own kernel makes of a draw."""
        if variant not in self._outputs:
            self._outputs[variant] = self._launch(self.draw(variant))
        return self._outputs[variant]

    def _launch(self, arguments: Arguments) -> list[NDArray[Any]]:
        self.subject.kernel.run(arguments)
        if not arguments.intact():
            raise Failed(Reason.BOUNDS, "something was written beside an array")
        made = [leaf.values.copy() for leaf in arguments.outputs()]
        arguments.reset()
        return made

    def first(self) -> None:
        """Hold the first outputs to be numbers."""
        for leaf, values in zip(self.draw(0).outputs(), self.outputs(0), strict=True):
            if leaf.floating and not np.isfinite(values).all():
                raise Failed(Reason.NOT_FINITE, f"{leaf.path} holds nan or inf")

    def codes(self) -> list[str]:
        """NumPy's codes of the outputs' types."""
        return [leaf.values.dtype.str for leaf in self.draw(0).outputs()]

    def forward(self) -> Forward:
        """The outputs against every reference there is."""
        worst, references, why = values_of.Agreement(0.0, 0.0, 0.0, ""), [], ""
        compared: dict[str, _Compare] = {"oracle": self._against_oracle, "widened": self._against_widened}
        for name, compare in compared.items():
            if name == "widened" and self.subject.wide is None:
                continue
            try:
                fine, agreement = self._settle(compare)
            except Unsupported as error:
                why = str(error)
                continue
            if not fine:
                leaf = self.draw(0).outputs()[int(agreement.where)]
                share = f"{agreement.share:.2g} of its places"
                raise Failed(Reason.FORWARD, f"{leaf.path} differs from the {name} reference in {share}")
            references.append(name)
            worst = max(agreement, worst, key=lambda a: a.error)
        if not references:
            raise Failed(Reason.NO_REFERENCE, f"not widened; not read by the oracle: {why}")
        reference = self._wide_outputs(0)[0] if self.subject.wide else self.outputs(0)
        return Forward(
            "pass",
            error=tolerance.told(worst.error, worst.tolerance),
            tolerance=worst.tolerance,
            references=" + ".join(references),
            digest=values_of.digest(reference, self.kind, self.codes()),
        )

    def _settle(self, compare: _Compare) -> tuple[bool, values_of.Agreement]:
        """Judge by the first draw; where elements disagree, see how far rounding can carry them."""
        agreement = compare(0)
        if agreement.share:
            agreement = compare(0, disputed=True, few=agreement.few)
        if agreement.share and self.subject.wide is None:
            return values_of.settle(compare)
        return agreement.share == 0.0, agreement

    def _against_widened(self, variant: int, **doubt: bool) -> values_of.Agreement:
        reference = self._wide_outputs(variant)[0]
        sensitivity = self.sensitivity(variant, **doubt)
        return values_of.agree(self.outputs(variant), reference, sensitivity, self.kind, self.codes())

    def _against_oracle(self, variant: int, disputed: bool = False, few: bool = False) -> values_of.Agreement:
        reference, known = self._read().outputs(self.draw(variant), every=disputed)
        actual, sensitivity = self.outputs(variant), self.sensitivity(variant, disputed, few)
        agreement = values_of.agree(actual, reference, sensitivity, self.kind, self.codes(), known)
        if agreement.share and self._read().unordered:
            raise Unsupported("the order in which a query finds things")
        return agreement

    def _read(self) -> Reading:
        if self._reading is None:
            subject = self.subject
            self._reading = Reading(subject.program, subject.layouts, subject.kernel.dim)
        return self._reading

    def sensitivity(
        self, variant: int, disputed: bool = False, few: bool = False
    ) -> list[NDArray[np.float64]]:
        """How far rounding moves each output: of the inputs always, of every result where it is disputed.

        Where only a few places are, rounding may have carried them across a branch.
        """
        sensitivity = [np.zeros(values.shape) for values in self.outputs(variant)]
        if self.subject.wide is not None:
            reference, *perturbed = self._wide_outputs(variant)
            sensitivity = values_of.movement(reference, perturbed)
            if disputed and few:
                # No slack: an element may be across the branch, but no farther.
                far = values_of.movement(reference, self._perturbed(variant, _HARD_PERTURBATION, _HARD_TURNS))
                sensitivity = [
                    np.maximum(a, b / values_of.SLACK) for a, b in zip(sensitivity, far, strict=True)
                ]
        if disputed:
            sensitivity = [np.maximum(a, b) for a, b in zip(sensitivity, self._spread(variant), strict=True)]
        return sensitivity

    def _spread(self, variant: int) -> list[NDArray[np.float64]]:
        """How far the oracle's outputs go when every result in them is rounded at random."""
        if variant not in self._spreads:
            try:
                reading, draw = self._read(), self.draw(variant)
                reference, _ = reading.outputs(draw, every=True)
                code = tolerance.coarsest(self.program, draw.leaves)
                self._spreads[variant] = values_of.movement(reference, reading.spread(draw, code))
            except Unsupported:
                self._spreads[variant] = self._passed_through(variant)
        return self._spreads[variant]

    def _passed_through(self, variant: int) -> list[NDArray[np.float64]]:
        """How far values may be off because narrower floats than their own lie on their way."""
        code, made = tolerance.coarsest(self.program, self.draw(variant).leaves), []
        for values in self.outputs(variant):
            wider = values.dtype.kind == "f" and values.dtype.str[-2:] > code
            share = tolerance.forward(self.kind, code) if wider else 0.0
            made.append(np.full(values.shape, share * float(np.abs(values).max(initial=0.0))))
        return made

    def wide(self, variant: int) -> Arguments:
        """The widened program's arguments, with the very values of the row's draw."""
        seed = self.program.launch.seed
        return Arguments(self.program.args, self.wide_layouts, seed, like=self.draw(variant))

    def _wide_outputs(self, variant: int) -> list[list[NDArray[Any]]]:
        """Outputs for the draw itself, then for the draw moved by its rounding, twice."""
        if variant not in self._wide:
            base = self._perturbed(variant, 0.0, 1)
            self._wide[variant] = base + self._perturbed(variant, _PERTURBATION, _TURNS)
        return self._wide[variant]

    def _perturbed(self, variant: int, share: float, turns: int) -> list[list[NDArray[Any]]]:
        """The widened kernel's outputs for inputs moved by a share of themselves, up or down at random."""
        kernel = self.subject.wide
        assert kernel is not None
        arguments, made = self.wide(variant), []
        for turn in range(turns):
            arguments.reset()
            if share:
                arguments.perturb(share, turn)
            kernel.run(arguments)
            made.append([leaf.values.copy() for leaf in arguments.outputs()])
        return made

    def alive(self) -> Alive:
        """Outputs must change when inputs do, all together and each alone."""
        launches = 1
        names = [a.name for a in self.program.args if a.role in ("input", "inout") and self._varies(a.name)]
        for name in names:
            for changed in self._changes(name):
                launches += 1
                if changed:
                    break
            else:
                raise Failed(Reason.BLIND, f"no output depends on {name}")
        zeros = [np.zeros_like(values) for values in self.outputs(0)]
        if not names and not _differs(self.outputs(0), zeros):
            raise Failed(Reason.CONSTANT, "every output is zero")
        return Alive("pass", launches, inputs=len(names))

    def _changes(self, name: str) -> Iterator[bool]:
        """Whether outputs change with one input alone, try by try.

        With other values of it, with all its elements alike (threads in another order, as of a permutation,
        may change nothing), and the same beside other values of all other inputs, which may have hidden it.
        """
        for variant in range(_BLIND_DRAWS):
            arguments, base = self.draw(variant), self.outputs(variant)
            for turn in range(1, _BLIND_TURNS):
                arguments.redraw(name, variant + turn)
                yield _differs(base, self._launch(arguments))
            arguments.collapse(name)
            yield _differs(base, self._launch(arguments))

    def _varies(self, name: str) -> bool:
        return any(leaf.argument == name and not leaf.fixed for leaf in self.draw(0).leaves)

    def gradient(self) -> Gradient:
        """The adjoint against central differences."""
        subject = self.subject
        if not subject.kernel.has_adjoint:
            return Gradient("not differentiable", why="no adjoint")
        if not slopes_of.differentiable(self.draw(0)):
            self.backward(0)
            return Gradient("not differentiable", why="no floats")
        if subject.wide is None:
            self.backward(0)
            return Gradient("unchecked", why="not widened")
        allowed = slopes_of.tolerance_of(self.draw(0), subject.coarse)
        slopes = [self._slope(0, allowed)]
        if slopes[0].verdict != "pass":
            slopes += [self._slope(variant, allowed) for variant in range(1, tolerance.DRAWS)]
        worst = self._verdict(slopes)
        found = tolerance.told(worst.error, allowed), allowed, worst.directions
        if worst.verdict == "kink":
            return Gradient("not differentiable", *found, why="kinks")
        if worst.verdict == "fail":
            if not slopes_of.known_wrong(self.program):
                raise Failed(Reason.GRADIENT, f"the adjoint is off by {worst.error:.1g} of the slope")
            return Gradient("wrong", *found)
        return Gradient("pass", *found)

    def _verdict(self, slopes: Sequence[slopes_of.Slope]) -> slopes_of.Slope:
        """A first draw that passes decides; else the others must, all but for kinks."""
        rest = slopes[1:] or slopes
        failed = [slope for slope in rest if slope.verdict == "fail"]
        passed = [slope for slope in rest if slope.verdict == "pass"]
        return (failed or passed or list(rest))[0]

    def _slope(self, variant: int, allowed: float) -> slopes_of.Slope:
        kernel = self.subject.wide
        assert kernel is not None
        key = (self.program.launch.seed, variant)
        weights, tape = self.backward(variant)
        wide = self.wide(variant)
        return slopes_of.compare(
            tape, wide, lambda: kernel.run(wide), weights, key, allowed, self.subject.coarse
        )

    def backward(self, variant: int) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
        """Cotangents, and the gradients that the row's adjoint makes of them."""
        arguments = self.draw(variant)
        self.subject.kernel.run(arguments)
        weights = slopes_of.seed_cotangents(arguments, (self.program.launch.seed, variant))
        self.subject.kernel.run_backward(arguments)
        if not arguments.intact():
            raise Failed(Reason.BOUNDS, "the adjoint wrote beside an array")
        tape = [leaf.gradient.astype(np.float64) for leaf in slopes_of.inputs(arguments)]
        arguments.reset()
        return weights, tape


def _differs(a: Sequence[NDArray[Any]], b: Sequence[NDArray[Any]]) -> bool:
    return any(not np.array_equal(x, y, equal_nan=x.dtype.kind == "f") for x, y in zip(a, b, strict=True))
