"""What a compiled kernel makes of the inputs that are drawn for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpgen.launch import Launch
from warpgen.verification.judging import gradient
from warpgen.verification.native import warp_native
from warpgen.verification.running.arguments import Arguments
from warpgen.verification.running.execute import Executable

_ROUNDINGS = 64


def executable(path: Path, text: str, launch: Launch) -> Executable:
    """The kernel of an object and the text that it was compiled from; for a confined child."""
    return Executable(warp_native.Library(path), text, launch)


def launched(kernel: Executable, arguments: Arguments, draw: int, adjoint: bool = True) -> list[NDArray[Any]]:
    """The outputs of one launch and, if asked for, the gradients where there are any."""
    kernel.run(arguments)
    made = [leaf.values.copy() for leaf in arguments.outputs()]
    if adjoint and kernel.has_adjoint and gradient.differentiable(arguments):
        gradient.seed_cotangents(arguments, (draw,))
        kernel.run_backward(arguments)
        made += [leaf.gradient.copy() for leaf in gradient.inputs(arguments)]
    return made


def differ(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether arrays differ somewhere by more than a few roundings of the greatest value in them."""
    if one.dtype.kind != "f":
        return not np.array_equal(one, other)
    a, b = one.astype(np.float64), other.astype(np.float64)
    greatest = float(np.abs(a[np.isfinite(a)]).max(initial=0.0))
    near = _ROUNDINGS * float(np.finfo(one.dtype).eps) * greatest
    with np.errstate(invalid="ignore"):
        alike = (a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= near)
    return not bool(alike.all())
