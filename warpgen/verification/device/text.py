"""Any text in CUDA, run without a GPU: kernels that a person or a model wrote, on arguments of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from warpgen.errors import VerificationError
from warpgen.reasons import Reason
from warpgen.verification.device.compiling import DeviceCompiler, functions_of
from warpgen.verification.device.machine import ORDERS, Machine, Pages, Shape, Stuck
from warpgen.verification.native.isolation import Died, Note, isolated

_ALIGNMENT = 256


class Refused(VerificationError):
    """The text does not compile, or lacks the kernel."""


def run_cuda_text(
    code: str,
    kernel: str,
    shape: Shape,
    arguments: Sequence[NDArray[Any] | np.generic],
    compiler: DeviceCompiler,
    orders: Sequence[int] = ORDERS,
) -> list[list[NDArray[Any]] | Died]:
    """Launch a `__global__` function of a text, once in each order of threads, in confined children.

    An array is passed as a pointer to memory of its own, which ends where a page begins that traps; a NumPy
    scalar by value. Blocks, threads and bytes of shared memory are `shape`'s, whose order counts for nothing.
    Per order: what the arrays hold afterwards, in the order of the arguments, or why there is no end: `wait`
    where threads wait in vain. Raises Refused with what the compiler says, or for too many arguments or few.
    """
    types = functions_of(code).get(kernel)
    if types is None:
        raise Refused(f"the text has no `__global__ void {kernel}(...)`")
    if len(types) != len(arguments):
        raise Refused(f"{kernel} takes {len(types)} arguments, not {len(arguments)}")
    compiled = compiler.compile("cpu", {0: code})
    if compiled.failures:
        raise Refused(compiled.failures[0].error)
    path = compiled.objects[0]

    def task(number: int, note: Note) -> Any:
        turned = msgspec.structs.replace(shape, order=orders[number])
        return _launched(compiler.machine, path, kernel, turned, arguments)

    try:
        results = isolated(len(orders), task)
    finally:
        path.unlink()
    arrays = [argument for argument in arguments if isinstance(argument, np.ndarray)]
    return [_settled(result, arrays) for result in results]


def _launched(
    machine: Path, path: Path, kernel: str, shape: Shape, arguments: Sequence[NDArray[Any] | np.generic]
) -> Any:
    """Bytes of the arrays after a launch, or what held it up."""
    here = Machine(machine)
    places, kept = [], []
    for argument in arguments:
        if isinstance(argument, np.ndarray):
            memory = _on_pages(argument)
            kept.append(memory)
            value: NDArray[Any] = np.array([memory.ctypes.data], np.uint64)
        else:
            value = np.array([argument])
        places.append(value)
    pointers = [value.ctypes.data for value in places]
    try:
        here.launch(here.load(path), kernel, pointers, shape)
    except Stuck as stuck:
        return str(stuck)
    return [memory.tobytes() for memory in kept]


def _on_pages(values: NDArray[Any]) -> NDArray[np.uint8]:
    """A copy's bytes, aligned as a GPU does, as near as that allows to a page that traps."""
    pages = Pages(max(values.nbytes, 1) + _ALIGNMENT)
    start = pages.size - values.nbytes
    start -= start % _ALIGNMENT
    memory = pages.bytes[start : start + values.nbytes]
    memory[:] = np.frombuffer(values.tobytes(), np.uint8)
    return memory


def _settled(result: Any, arrays: Sequence[NDArray[Any]]) -> list[NDArray[Any]] | Died:
    if isinstance(result, Died):
        return result
    if isinstance(result, str):
        return Died(Reason.WAIT, result)
    return [
        np.frombuffer(made, array.dtype).reshape(array.shape).copy()
        for made, array in zip(result, arrays, strict=True)
    ]
