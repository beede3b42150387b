"""Everything that is found out about one program by running it, inside a confined child."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpgen.errors import VerificationError
from warpgen.program import Program
from warpgen.reasons import Reason
from warpgen.record import Alive, Bounds, Compile, Forward, Gradient, Verified
from warpgen.verification.judging import causes, tolerance
from warpgen.verification.judging import gradient as slopes_of
from warpgen.verification.judging import races as races_of
from warpgen.verification.judging import values as values_of
from warpgen.verification.judging.subject import Failed as Failed
from warpgen.verification.judging.subject import Subject as Subject
from warpgen.verification.judging.variations import variations
from warpgen.verification.native.isolation import Note
from warpgen.verification.oracle import Reading, Unsupported
from warpgen.verification.running.arguments import Arguments
from warpgen.verification.running.execute import Executable
from warpgen.verification.running.memory_layout import MemoryLayout, widened
from warpgen.verification.running.roles import only_written

# How often inputs are moved by a rounding to see how much the kernel amplifies it; and by more, where
# elements disagree, to see whether rounding can carry them across a branch.
_TURNS, _HARD_TURNS = 2, 12
_LAUNCHES = 2  # beside the row's own
# Draws at which the adjoint is held to the slope: what only some inputs come to, as the far side of a branch,
# one draw seldom shows.
SLOPES = 16
# Draws of all inputs, and turns of one of them beside each, that are tried before outputs are called blind.
_BLIND_DRAWS, _BLIND_TURNS = 4, 3


_Compare = Callable[..., values_of.Agreement]


def examine(subject: Subject, note: Note) -> Verified:
    """Evidence of all checks that run. Raises Failed where the program must not be kept."""
    run = Examination(subject)
    note("forward")
    run.first()
    bounds, forward = Bounds("pass", subject.kernel.threads), run.forward()
    note("races")
    run.races()
    note("other launches")
    for other in itertools.islice(run.variations(), _LAUNCHES):
        other.forward()
    note("alive")
    alive = run.alive()
    note("adjoint")
    return Verified(Compile(), bounds, forward, alive, run.gradient())


class Examination:
    """Runs of one program, each made once; `draw` numbers the draws of its inputs.

    Outputs whose first values do not matter begin with `junk`, or as the launch says.
    """

    def __init__(self, subject: Subject, junk: bool = True, like: Examination | None = None) -> None:
        self.subject, self.program = subject, subject.program
        program = self.program
        self._junk: frozenset[str] = frozenset()
        self.kind, self.narrowest, self.wide_layouts = "", "", list[MemoryLayout]()
        self._unread = False  # whether the oracle is known not to reach
        self._draws: dict[int, Arguments] = {}
        self._outputs: dict[int, list[NDArray[Any]]] = {}
        self._wide: dict[int, list[list[NDArray[Any]]]] = {}
        self._known: dict[int, list[NDArray[Any]]] = {}  # what the oracle makes of all threads
        self._spreads: dict[int, list[NDArray[np.float64]]] = {}
        if like is not None:  # the same kernel at another launch
            self._junk, self.wide_layouts = like._junk, like.wide_layouts
            self.kind, self.narrowest = like.kind, like.narrowest
            self._reading: Reading | None = like._read().under(program)
            return
        if junk:
            self._junk = only_written(program.source, program.name, program.args)
        self.kind = tolerance.operations(program)
        self.narrowest = tolerance.coarsest(program, self.draw(0).leaves)
        if subject.wide:
            self.wide_layouts = [widened(layout) for layout in subject.layouts]
        self._reading = None

    def draw(self, variant: int) -> Arguments:
        """Arguments whose every input is drawn anew for each variant."""
        if variant not in self._draws:
            seed = self.program.launch.seed
            self._draws[variant] = Arguments(
                self.program.args, self.subject.layouts, seed, variant, junk=self._junk
            )
        return self._draws[variant]

    def outputs(self, variant: int) -> list[NDArray[Any]]:
        """What the row's own kernel makes of a draw."""
        if variant not in self._outputs:
            self._outputs[variant] = self._launch(self.draw(variant))
        return self._outputs[variant]

    def _launch(self, arguments: Arguments) -> list[NDArray[Any]]:
        held = arguments.held()
        self.subject.kernel.run(arguments)
        if not arguments.intact():
            raise Failed(Reason.BOUNDS, "something was written beside an array")
        if arguments.altered(held):
            raise Failed(Reason.INPUT, f"{arguments.altered(held)} is written")
        made = [leaf.values.copy() for leaf in arguments.outputs()]
        arguments.reset()
        return made

    def first(self) -> None:
        """Hold the first outputs to be numbers."""
        for leaf, values in zip(self.draw(0).outputs(), self.outputs(0), strict=True):
            if leaf.floating and not np.isfinite(values).all():
                raise Failed(Reason.NOT_FINITE, f"{leaf.path} holds nan or inf")

    def variations(self) -> Iterator[Examination]:
        """Examinations of other launches that the oracle finds to be in bounds."""
        made: list[Examination] = []

        def allowed(program: Program) -> bool:
            try:
                made[:] = [Examination(self.subject.under(program), like=self)]
                return made[0].regular()
            except (Unsupported, VerificationError, ValueError):  # of fills that do not go with the shapes
                return False

        with contextlib.suppress(Unsupported):  # where the oracle does not reach, nobody knows the bounds
            self._read()
            for _ in variations(self.program, allowed):
                yield made[0]

    def regular(self) -> bool:
        """Whether the launch is in bounds and gives numbers, by the oracle and by the kernel itself."""
        reached = self._read().reaches(self.draw(0))
        if reached is None or not values_of.numbers(reached):
            return False
        self._known[0] = reached
        return values_of.numbers(self.outputs(0))

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
            digest=values_of.digest(self.draw(0).as_filled(reference), self.kind, self.codes()),
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
        begun = self.draw(variant).begun()
        return values_of.agree(
            self.outputs(variant), reference, sensitivity, self.kind, self.codes(), begun=begun
        )

    def _against_oracle(self, variant: int, disputed: bool = False, few: bool = False) -> values_of.Agreement:
        reference, known = self._known_outputs(variant, every=disputed)
        actual, sensitivity = self.outputs(variant), self.sensitivity(variant, disputed, few)
        begun = self.draw(variant).begun()
        agreement = values_of.agree(
            actual, reference, sensitivity, self.kind, self.codes(), known=known, begun=begun
        )
        if agreement.share and self._read().unordered:
            raise Unsupported("the order in which a query finds things")
        return agreement

    def _known_outputs(
        self, variant: int, every: bool
    ) -> tuple[list[NDArray[Any]], list[NDArray[np.bool_]] | None]:
        """The oracle's outputs, and which of them are known: all, once every thread has been read."""
        if every and variant not in self._known:
            self._known[variant] = self._read().outputs(self.draw(variant), every=True)[0]
        if variant in self._known:
            return self._known[variant], None
        return self._read().outputs(self.draw(variant))

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
        if not disputed:
            return sensitivity
        sensitivity = [np.maximum(a, b) for a, b in zip(sensitivity, self._spread(variant), strict=True)]
        if self.subject.wide is not None and (few or self._unread):
            # No slack: an element may be across the branch, but no farther. Where the oracle does not read
            # the program, there is no other measure of what rounding does inside it.
            hard = self._perturbed(variant, tolerance.HARD[self.narrowest], _HARD_TURNS)
            far = values_of.movement(self._wide_outputs(variant)[0], hard)
            sensitivity = [np.maximum(a, b / values_of.SLACK) for a, b in zip(sensitivity, far, strict=True)]
        return sensitivity

    def _spread(self, variant: int) -> list[NDArray[np.float64]]:
        """How far the oracle's outputs go when every result in them is rounded at random."""
        if variant not in self._spreads:
            try:
                reference, _ = self._known_outputs(variant, every=True)
                spread = self._read().spread(self.draw(variant), self.narrowest)
                self._spreads[variant] = values_of.movement(reference, spread)
            except Unsupported:
                self._unread = True
                self._spreads[variant] = self._passed_through(variant)
        return self._spreads[variant]

    def _passed_through(self, variant: int) -> list[NDArray[np.float64]]:
        """How far values may be off because narrower floats than their own lie on their way."""
        made = []
        for values in self.outputs(variant):
            wider = values.dtype.kind == "f" and values.dtype.str[-2:] > self.narrowest
            share = tolerance.forward(self.kind, self.narrowest) if wider else 0.0
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
            self._wide[variant] = base + self._perturbed(variant, tolerance.ROUNDING[self.narrowest], _TURNS)
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

    def races(self) -> None:
        """Raise Failed where the order of threads decides a value."""
        kernel = self.subject.watched
        assert kernel is not None
        if self.subject.wide is not None:
            self.race(kernel, self.wide(0), tolerance.REORDERED["f4" if self.subject.coarse else "f8"])
        else:
            self.race(kernel, self.draw(0), tolerance.REORDERED[self.narrowest])

    def race(self, kernel: Executable, arguments: Arguments, rounding: float) -> None:
        """As `races`, of a kernel whose text is watched; sums in another order may differ by `rounding`."""

        def launch(step: int) -> tuple[list[NDArray[Any]], NDArray[Any]]:
            arguments.reset()
            log = kernel.watched(arguments, step)
            return [leaf.values.copy() for leaf in arguments.outputs()], log

        addresses, what = races_of.race(launch, kernel.threads, rounding)
        arguments.reset()
        if what:
            raise Failed(Reason.RACE, f"an element of {arguments.at(addresses)}: {what}")

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
        outputs = self.draw(0).as_filled(self.outputs(0))
        if not names and not any(values.any() for values in outputs):
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
                yield values_of.differ(base, self._launch(arguments))
            arguments.collapse(name)
            yield values_of.differ(base, self._launch(arguments))

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
        first = self._slope(0, allowed)
        others = [self._slope(v, allowed) for v in range(1, SLOPES) if self.finite(v)]
        if first.verdict == "pass":
            worst = slopes_of.worst([first, *others])
        else:
            worst = slopes_of.decided(others or [first])
        found = tolerance.told(worst.error, allowed), allowed, worst.directions
        if worst.verdict == "kink":
            return Gradient("not differentiable", *found, why="kinks")
        if worst.verdict == "fail":
            if not slopes_of.known_wrong(self.program):
                error = f"the adjoint is off by {worst.error:.1g} of the slope"
                raise Failed(Reason.GRADIENT, causes.told(self.program, "adjoint", error))
            return Gradient("wrong", *found)
        return Gradient("pass", *found)

    def finite(self, variant: int) -> bool:
        """Whether the outputs of a draw are numbers: only those of the first must be."""
        return all(bool(np.isfinite(a).all()) for a in self.outputs(variant) if a.dtype.kind == "f")

    def _slope(self, variant: int, allowed: float) -> slopes_of.Slope:
        kernel = self.subject.wide
        assert kernel is not None
        key = (self.program.launch.seed, variant)
        weights, tape = self.backward(variant)
        wide, turns = self.wide(variant), 1 if variant or len(tape) > 3 else 2
        return slopes_of.compare(
            tape, wide, lambda: kernel.run(wide), weights, key, allowed, self.subject.coarse, turns
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
