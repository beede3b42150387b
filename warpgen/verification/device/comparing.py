"""Does a row's CUDA text, in several orders of threads, do what the C++ of the row does?"""

from __future__ import annotations

import ast
import re
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from warpgen.reasons import Reason
from warpgen.record import Device
from warpgen.verification.device.kernel import DeviceKernel
from warpgen.verification.device.machine import ORDERS, VERSION
from warpgen.verification.device.memory import GuardedArguments
from warpgen.verification.judging import causes, tolerance
from warpgen.verification.judging import gradient as slopes_of
from warpgen.verification.judging import values as values_of
from warpgen.verification.judging.examine import Examination, Failed
from warpgen.verification.native.isolation import Note
from warpgen.verification.native.warp_native import DEVICE_BLOCK

TOOL = f"C++ on fibers, version {VERSION}"

_STACK = re.compile(r"\bwp\.(?:tile_)?stack_\w+\(|\bwp\.tile_stack\b")

# Inputs are moved by about one rounding of 32-bit floats to see how far gradients move with them.
_PERTURBATION, _TURNS = 2e-7, 2

_Values = list[NDArray[Any]]
Gradients = Literal["same", "none", "not compared"]


class Made(msgspec.Struct):
    """Outputs of one launch, and the gradients of its inputs."""

    outputs: _Values
    gradients: _Values


class Differs(Failed):
    """In the C++'s own order of threads the text gives other outputs than the C++."""


class Comparison:
    """One row's CUDA text beside its C++. `own` runs the C++; `gradients` says how the adjoint is taken.

    `same`: its gradients must be those of the C++ adjoint; `not compared`: it only runs; `none`: no adjoint.
    """

    def __init__(self, own: Examination, kernel: DeviceKernel, wrong: bool) -> None:
        self._own, self._kernel = own, kernel
        if not kernel.has_adjoint:
            self.gradients: Gradients = "none"
        else:
            compared = slopes_of.differentiable(own.draw(0)) and not wrong
            self.gradients = "same" if compared else "not compared"

    def run(self, note: Note) -> Device:
        """Evidence. Raises Failed, and Stuck.

        Each order of threads has a draw of its own: what the inputs of one hide, as a thread that has
        nothing to do, those of another show.
        """
        worst, moved, runs = values_of.Agreement(0.0, 0.0, 0.0, ""), False, []
        for order in ORDERS:
            draw = order if self._own.finite(order) else 0
            note(f"C++, draw {draw}")
            expected = self._expected(draw)
            note(f"order {order}, draw {draw}")
            made = self._launched(order, draw)
            runs.append((order, draw, expected, made))
            agreement = self._agreement(draw, expected.outputs, made.outputs)
            if not agreement.share:
                worst = max(agreement, worst, key=lambda found: found.error)
                continue
            if order:  # is it for the order, or for the draw?
                agreement = self._agreement(draw, expected.outputs, self._launched(0, draw).outputs)
            if agreement.share:
                leaf = self._own.draw(draw).outputs()[int(agreement.where)]
                raise Differs(Reason.FORWARD, f"{leaf.path} differs in {agreement.share:.2g} of its places")
            moved = True
        if moved and not _in_turn(self._own.program.source):
            raise Failed(Reason.ORDER, "outputs change with the order of threads")
        if self.gradients == "same":
            for made_in in runs[:1] if moved else runs:
                self._hold_slopes(*made_in)
        return self._evidence(worst, moved)

    def _expected(self, draw: int) -> Made:
        gradients = self._own.backward(draw)[1] if self.gradients == "same" else []
        return Made(self._own.outputs(draw), gradients)

    def _launched(self, order: int, draw: int) -> Made:
        """One order of threads, forward and backward, on memory that traps behind every array."""
        subject, seed = self._own.subject, self._own.program.launch.seed
        arguments = GuardedArguments(self._own.program.args, subject.layouts, seed, like=self._own.draw(draw))
        self._kernel.order = order
        self._kernel.run(arguments)
        outputs = [leaf.values.copy() for leaf in arguments.outputs()]
        gradients: _Values = []
        if self.gradients != "none":
            slopes_of.seed_cotangents(arguments, (seed, draw))
            self._kernel.run_backward(arguments)
            gradients = [leaf.gradient.astype(np.float64) for leaf in slopes_of.inputs(arguments)]
        if not arguments.intact():
            raise Failed(Reason.BOUNDS, f"something was written beside an array in order {order} of threads")
        return Made(outputs, gradients)

    def _agreement(self, draw: int, expected: _Values, actual: _Values) -> values_of.Agreement:
        """By the tolerances of the row; most texts give the very bits: then nothing else need be known."""
        own = self._own
        if _identical(expected, actual):
            allowed = max(
                (tolerance.forward(own.kind, code) for code in own.codes() if code[-2] == "f"), default=0.0
            )
            return values_of.Agreement(0.0, allowed, 0.0, "")
        begun = own.draw(draw).begun()
        agreement = values_of.agree(
            actual, expected, own.sensitivity(draw), own.kind, own.codes(), begun=begun
        )
        if agreement.share:
            disputed = own.sensitivity(draw, disputed=True, few=agreement.few)
            agreement = values_of.agree(actual, expected, disputed, own.kind, own.codes(), begun=begun)
        return agreement

    def _hold_slopes(self, order: int, draw: int, expected: Made, made: Made) -> None:
        """Hold gradients to those of the C++."""
        if _identical(expected.gradients, made.gradients):
            return
        allowed = slopes_of.tolerance_of(self._own.draw(draw), coarse=False)
        movement = values_of.movement(expected.gradients, self._perturbed(draw))
        leaves = slopes_of.inputs(self._own.draw(draw))
        parts = zip(leaves, made.gradients, expected.gradients, movement, strict=True)
        for leaf, mine, theirs, moved in parts:
            share = float((values_of.errors(mine, theirs, moved) > allowed).mean()) if mine.size else 0.0
            if share:
                where = f"that of {leaf.path} differs in {share:.2g} of its places"
                error = f"{where}, in order {order} of threads"
                raise Failed(Reason.GRADIENT, causes.told(self._own.program, "cuda", error))

    def _perturbed(self, draw: int) -> list[_Values]:
        """Gradients of the C++ for inputs moved by about one rounding, up or down at random."""
        made = []
        for turn in range(_TURNS):
            self._own.draw(draw).perturb(_PERTURBATION, turn)
            made.append(list(self._own.backward(draw)[1]))
        return made

    def _evidence(self, worst: values_of.Agreement, moved: bool) -> Device:
        return Device(
            "pass",
            tool=TOOL,
            block=DEVICE_BLOCK,
            orders=len(ORDERS),
            order="dependent" if moved else "independent",
            reference="cpu",
            error=tolerance.told(worst.error, worst.tolerance),
            tolerance=worst.tolerance,
            gradients=self.gradients,
        )


def _in_turn(source: str) -> bool:
    """Whether a program takes what depends on who came before, from an atomic function or a stack."""
    tree = ast.parse(source)
    dropped = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and id(node) not in dropped)
    names = (str(getattr(call.func, "attr", getattr(call.func, "id", ""))) for call in calls)
    return any(name.startswith(("atomic_", "tile_atomic_")) for name in names) or bool(_STACK.search(source))


def _identical(a: _Values, b: _Values) -> bool:
    return all(np.array_equal(x, y, equal_nan=x.dtype.kind == "f") for x, y in zip(a, b, strict=True))
