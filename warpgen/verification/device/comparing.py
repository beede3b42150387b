"""Does a row's CUDA text, thread by thread and in every order of threads, do what the C++ of the row does?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from warpgen.reasons import Reason
from warpgen.record import Device
from warpgen.verification.device.kernel import DeviceKernel
from warpgen.verification.device.machine import ORDERS, VERSION
from warpgen.verification.device.memory import GuardedArguments
from warpgen.verification.judging import gradient as slopes_of
from warpgen.verification.judging import tolerance
from warpgen.verification.judging import values as values_of
from warpgen.verification.judging.examine import Examination, Failed, Subject
from warpgen.verification.native.isolation import Note
from warpgen.verification.native.warp_native import DEVICE_BLOCK

HOW = f"as C++ on one core, machine {VERSION}"

# Inputs are moved by about one rounding of 32-bit floats to see how far gradients move with them.
_PERTURBATION, _TURNS = 2e-7, 2

_Values = list[NDArray[Any]]


class Launched(msgspec.Struct):
    """What one order of threads makes: outputs, and gradients of the inputs where there are any."""

    outputs: _Values
    gradients: _Values


def compare(subject: Subject, kernel: DeviceKernel, slopes: bool, note: Note) -> Device:
    """Evidence of a CUDA text beside the C++ of its row, `subject`; with `slopes`, of its adjoint too.

    Raises Failed, and Stuck.
    """
    own = Examination(subject)
    note("C++")
    expected = Launched(own.outputs(0), own.backward(0)[1] if slopes else [])
    made = []
    for order in ORDERS:
        note(f"order {order}")
        made.append(_launch(own, kernel, order, slopes))
    worst, moved = _outputs(own, expected, made)
    slope = _slopes(own, expected, made[:1] if moved else made) if slopes else 0.0
    return Device(
        "pass",
        how=HOW,
        block=DEVICE_BLOCK,
        orders=len(ORDERS),
        order="dependent" if moved else "independent",
    )
