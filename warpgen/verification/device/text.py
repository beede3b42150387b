"""Any text in CUDA, run without a GPU: what a person or a model wrote, and what Warp writes for a program."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from warpgen.errors import VerificationError
from warpgen.program import Program
from warpgen.reasons import Reason
from warpgen.verification.device.compiling import DeviceCompiler, functions_of
from warpgen.verification.device.kernel import DeviceKernel
from warpgen.verification.device.machine import ORDERS, Machine, Pages, Shape, Stuck
from warpgen.verification.device.memory import GuardedArguments
from warpgen.verification.judging import gradient as slopes_of
from warpgen.verification.native.isolation import Died, Note, isolated
from warpgen.verification.running.memory_layout import MemoryLayout

_ALIGNMENT = 256


class Refused(VerificationError):
    """The text does not compile, or lacks the kernel."""


def run_cuda_text(
    code: str,
    kernel: str,
    shape: Shape,
    arguments: Sequence[NDArray[Any] | np.generic],
    compiler: DeviceCompiler,
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
        turned = msgspec.structs.replace(shape, order=ORDERS[number])
        return _launched(compiler.machine, path, kernel, turned, arguments)

    try:
        results = isolated(len(ORDERS), task)
    finally:
        path.unlink()
    arrays = [argument for argument in arguments if isinstance(argument, np.ndarray)]
    return [_settled(result, arrays) for result in results]


class Ran(msgspec.Struct):
    """One launch of a program: outputs, and the gradients of its float inputs, by path."""

    outputs: dict[str, NDArray[Any]]
    gradients: dict[str, NDArray[Any]]


def run_cuda_row(
    code: str,
    program: Program,
    layouts: Sequence[MemoryLayout],
    compiler: DeviceCompiler,
    orders: Sequence[int] = ORDERS,
) -> list[Ran | Died]:
    """Launch a text with Warp's signature, forward and adjoint, on the launch and the inputs of a program.

    Cotangents are those of the program's verification; blocks have as much shared memory as they may.
    Raises Refused with what the compiler says.
    """
    compiled = compiler.compile("cpu", {0: code})
    if compiled.failures:
        raise Refused(compiled.failures[0].error)
    path = compiled.objects[0]
    try:
        return run_cuda_object(path, code, [program], layouts, compiler, orders)
    finally:
        path.unlink()


def run_cuda_object(
    path: Path,
    code: str,
    programs: Sequence[Program],
    layouts: Sequence[MemoryLayout],
    compiler: DeviceCompiler,
    orders: Sequence[int] = (0,),
) -> list[Ran | Died]:
    """As `run_cuda_row` for a text that is compiled, on each of several launches in each order."""
    turns = [(program, order) for program in programs for order in orders]

    def task(number: int, note: Note) -> Any:
        program, order = turns[number]
        machine = Machine(compiler.machine)
        kernel = DeviceKernel(machine, machine.load(path), code, program.launch, layouts)
        kernel.order = order
        try:
            return _both_ways(kernel, program, layouts)
        except Stuck as stuck:
            return str(stuck)

    return [_read(result) for result in isolated(len(turns), task)]


def _both_ways(kernel: DeviceKernel, program: Program, layouts: Sequence[MemoryLayout]) -> Any:
    """Type, shape and bytes by path, of the outputs and of the gradients."""
    seed = program.launch.seed
    arguments = GuardedArguments(program.args, layouts, seed)
    kernel.run(arguments)
    made = {leaf.path: _packed(leaf.values) for leaf in arguments.outputs()}, dict[str, Any]()
    if kernel.has_adjoint:
        slopes_of.seed_cotangents(arguments, (seed, 0))
        kernel.run_backward(arguments)
        made[1].update({leaf.path: _packed(leaf.gradient) for leaf in slopes_of.inputs(arguments)})
    return made


def _packed(values: NDArray[Any]) -> tuple[str, tuple[int, ...], bytes]:
    return values.dtype.str, values.shape, values.tobytes()


def _read(result: Any) -> Ran | Died:
    if isinstance(result, Died):
        return result
    if isinstance(result, str):
        return Died(Reason.WAIT, result)
    outputs, gradients = (
        {path: np.frombuffer(data, code).reshape(shape) for path, (code, shape, data) in part.items()}
        for part in result
    )
    return Ran(outputs, gradients)


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
