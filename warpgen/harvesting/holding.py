"""Run a row's code and the author's own on the same inputs: they must leave the same bits behind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import xxhash

from warpgen.errors import VerificationError
from warpgen.harvesting import guessing
from warpgen.harvesting.collecting import UNKNOWN, Kernel
from warpgen.harvesting.objects import objects
from warpgen.launch import Argument, Launch
from warpgen.record import AUTHOR, Forward
from warpgen.verification.compiling.compiler import Compiler
from warpgen.verification.compiling.translation_unit import without_fast_path
from warpgen.verification.native import warp_native
from warpgen.verification.native.isolation import Died, Note, isolated
from warpgen.verification.running import scene
from warpgen.verification.running.arguments import Arguments
from warpgen.verification.running.execute import Executable
from warpgen.verification.running.streams import Stream

# Draws that both are run on.
_DRAWS = 3
_SECONDS = 2.0  # of processor time: a loop whose end a guess has moved may have none
_CODE = "its code is the author's but for names"


class Held(msgspec.Struct, frozen=True):
    """What the runs showed; `different` says where a row is not the author's kernel.

    `args` with their fills and `launch` are those of the runs, if there were any.
    """

    forward: Forward
    args: tuple[Argument, ...] = ()
    launch: Launch = UNKNOWN
    different: str = ""


def unheld(why: str) -> Held:
    """A row that is held to its author's code alone."""
    return Held(Forward(why=f"{why}; {_CODE}"))


class Holder:
    """Compiles and runs in `workdir`, which belongs to this process."""

    def __init__(self, workdir: Path) -> None:
        workdir.mkdir(parents=True, exist_ok=True)
        # Locals hold a pattern until they are set: two builds would else find other things on the stack.
        self._compiler = Compiler(workdir)

    def hold(self, kernels: Sequence[Kernel]) -> list[Held]:
        """What became of each kernel, in their order."""
        found = [_obstacle(kernel) for kernel in kernels]
        ready = [i for i, why in enumerate(found) if not why]
        texts = {i: without_fast_path(kernels[i].codes["cpu"].text) for i in ready}
        owns = {i: without_fast_path(kernels[i].author) for i in ready}
        mine, theirs = self._compiler.compile("cpu", texts), self._compiler.compile("cpu", owns)
        order = [i for i in ready if i in mine.objects and i in theirs.objects]
        paths = {*mine.objects.values(), *theirs.objects.values()}
        libraries: dict[Path, warp_native.Library] = {}

        def load() -> None:
            libraries.update({path: warp_native.Library(path) for path in paths})
            _warm([kernels[i] for i in order])

        def task(number: int, note: Note) -> Any:
            i = order[number]
            pair = [(libraries[made.objects[i]], text[i]) for made, text in ((mine, texts), (theirs, owns))]
            try:
                return msgspec.to_builtins(_compare(kernels[i], pair, note))
            except VerificationError as error:
                return msgspec.to_builtins(unheld(str(error)))

        held = [unheld(why or "it does not compile for the CPU") for why in found]
        try:
            results = isolated(len(order), task, seconds=_SECONDS, before=load)
            for i, result in zip(order, results, strict=True):
                if isinstance(result, Died):
                    held[i] = unheld(f"the launch that was guessed ends in {result.reason}")
                else:
                    held[i] = msgspec.convert(result, Held)
        finally:
            for path in paths:
                path.unlink(missing_ok=True)
        return held


def _warm(kernels: Sequence[Kernel]) -> None:
    """Make a volume, if any is to be made: at the first, Warp compiles, which would take a launch's time."""
    filled = map(_filled, kernels)
    fills = {fill.of: fill for args in filled for arg in args for fill in arg.fills if fill.kind == "volume"}
    for of, fill in fills.items():
        scene.make(fill, Stream("warm", 0, of), None)


def _filled(kernel: Kernel) -> tuple[Argument, ...]:
    """The arguments of a kernel that has code for the CPU, with guessed values."""
    return guessing.fills(kernel.args, kernel.layouts, kernel.source, objects(kernel.codes["cpu"]))


def _obstacle(kernel: Kernel) -> str:
    """Why no launch can be guessed, '' where one can."""
    if "cpu" not in kernel.codes or not kernel.author:
        return "there is no code for the CPU"
    if not kernel.layouts and kernel.args:
        return "an argument is of a type that cannot be filled"
    args = _filled(kernel)
    strange = [arg.name for arg in args if arg.role == "handle" and arg.fill.kind == "uniform"]
    return f"nobody says what object {strange[0]} is" if strange else ""


def _compare(kernel: Kernel, pair: Sequence[tuple[Any, str]], note: Note) -> Held:
    """Both on every draw, forward and backward. Raises VerificationError where they cannot be run."""
    launch = guessing.launch(kernel.codes["cpu"].text, "wp.tile" in kernel.source)
    args = _filled(kernel)
    digest = xxhash.xxh3_128()
    changed = False
    for variant in range(_DRAWS):
        began = _memory(Arguments(args, kernel.layouts, launch.seed, variant))
        row, author = (_run(Executable(*made, launch), args, kernel, launch, variant, note) for made in pair)
        for mine, theirs, name in zip(row, author, ("outputs", "gradients"), strict=True):
            if mine != theirs:
                return Held(Forward(), different=f"{name} are not the author's on draw {variant}")
        changed = changed or row[0] != began
        digest.update(row[0])
    if not changed:
        return unheld("the launch that was guessed changes nothing")
    return Held(Forward("pass", references=AUTHOR, digest=digest.hexdigest()), args, launch)


def _run(
    made: Executable, args: Sequence[Argument], kernel: Kernel, launch: Launch, variant: int, note: Note
) -> tuple[bytes, bytes]:
    """All memory after a launch, and all gradients after one backward."""
    arguments = Arguments(args, kernel.layouts, launch.seed, variant)
    note("forward")
    made.run(arguments)
    if not arguments.intact():
        raise VerificationError("the launch that was guessed writes beside an array")
    outputs, gradients = _memory(arguments), b""
    if made.has_adjoint:
        arguments.reset()
        for leaf in arguments.leaves:
            if leaf.traced:
                leaf.gradient[...] = Stream("gradient", variant, leaf.path).uniform(leaf.gradient.shape)
        note("adjoint")
        made.run_backward(arguments)
        gradients = b"".join(leaf.gradient.tobytes() for leaf in arguments.leaves)
    return outputs, gradients


def _memory(arguments: Arguments) -> bytes:
    return b"".join(leaf.values.tobytes() for leaf in arguments.leaves if leaf.role != "handle")
