"""The row of the dataset, defined once; keys are written in the order of the fields, and all of them always.

The columns of exports and the figures of the survey follow from these structs, and a test holds
`docs/record.md` to them. Readers must infer the same columns from any few rows: so nothing is null, a number
that may be a fraction is always a float, and no list of objects is ever empty. No time, machine path or
process history may enter a row.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from warpgen import numbers
from warpgen.launch import Argument, Launch

Target = Literal["cpu", "cuda"]
TARGETS: tuple[Target, ...] = ("cpu", "cuda")


class Features(msgspec.Struct, frozen=True):
    """What the Python program contains, counted on its syntax tree (kernel and helper functions)."""

    statements: int  # of the kernel
    loops: int
    loop_depth: int
    branches: int
    functions: int
    structs: int
    args: int
    python_lines: int
    builtins: tuple[str, ...]  # wp names called, sorted
    dtypes: tuple[str, ...]  # element types of the arguments, sorted
    differentiable: bool  # no builtin that Warp marks as not differentiable is called


Verdict = Literal[
    "not run",
    "pass",
    "wrong",  # Warp's adjoint is known to go wrong on such a kernel, and does here: not verified
    "not differentiable",  # no adjoint, no floats, or only kinks
    "unchecked",  # no float64 reference could be made; of the CUDA text: it could not be run here
]


class Compile(msgspec.Struct, frozen=True):
    """Whether the target's compiler took the code."""

    verdict: Verdict = "not run"
    tool: str = ""  # and its version
    flags: str = ""


class Bounds(msgspec.Struct, frozen=True):
    """No access was out of range, nothing was written beside an array or to an input, no threads raced."""

    verdict: Verdict = "not run"
    threads: int = 0  # of the launch


class Forward(msgspec.Struct, frozen=True):
    """Outputs beside those of references."""

    verdict: Verdict = "not run"
    error: float = 0.0  # the greatest, relative
    tolerance: float = 0.0
    references: str = ""  # "oracle", "widened", "oracle + widened", or of harvested rows "author"
    digest: str = ""  # of the outputs
    why: str = ""  # it was not run


class Alive(msgspec.Struct, frozen=True):
    """Whether outputs change when inputs do."""

    verdict: Verdict = "not run"
    launches: int = 0  # that it took
    inputs: int = 0  # each of which changes an output


class Gradient(msgspec.Struct, frozen=True):
    """The adjoint beside differences of a float64 reference."""

    verdict: Verdict = "not run"
    error: float = 0.0
    tolerance: float = 0.0
    directions: int = 0  # compared
    why: str = ""  # there is nothing to compare


class Device(msgspec.Struct, frozen=True):
    """The CUDA text itself, run thread by thread without a GPU, beside the C++ of the same kernel."""

    verdict: Verdict = "not run"
    tool: str = ""  # and its version
    block: int = 0  # threads of a block
    orders: int = 0  # of threads, in each of which it was launched
    order: Literal["", "independent", "dependent"] = ""  # whether outputs are those of one order of threads
    reference: Literal["", "cpu", "widened"] = (
        ""  # the C++; or, where the size of a block counts, its own text
    )
    error: float = 0.0  # the greatest of outputs, relative
    tolerance: float = 0.0
    gradients: Literal["", "same", "none", "not compared"] = ""  # beside the C++ adjoint's
    why: str = ""  # it could not be run


class Verified(msgspec.Struct, frozen=True):
    """Per check: verdict and evidence. A check that was not made says so, and has the defaults."""

    compile: Compile
    bounds: Bounds
    forward: Forward
    alive: Alive
    gradient: Gradient
    device: Device = Device()

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """What the checks that were made have found."""
        found = {check: getattr(self, check).verdict for check in CHECKS}
        return {check: verdict for check, verdict in found.items() if verdict != "not run"}


CHECKS = Verified.__struct_fields__
UNVERIFIED = Verified(Compile(), Bounds(), Forward(), Alive(), Gradient())
# The reference of a harvested row: its author's own kernel, on the launch that the row holds, bit for bit.
AUTHOR = "author"


class Provenance(msgspec.Struct, frozen=True):
    """Where the row came from; enough to make it again."""

    origin: Literal["synthesis", "harvest"]
    seed: int
    index: int
    warpgen: str
    warp: str
    licence: str
    package: str = ""  # of harvested kernels, as are file and line
    file: str = ""
    line: int = 0


class Row(msgspec.Struct, frozen=True):
    """One kernel lowered to one target."""

    id: str
    kernel_id: str
    target: Target
    category: str
    name: str
    python_source: str
    code: str
    forward: tuple[int, int]  # span of the kernel's forward function in `code`, in characters
    backward: tuple[int, int]  # span of its adjoint, (0, 0) where there is none
    args: tuple[Argument, ...]
    launch: Launch
    features: Features
    source_hash: str  # xxh3-128 hex of the normalised program
    structure_hash: str  # xxh3-128 hex of the program with identifiers and constants abstracted
    split: Literal["train", "validation", "test"]
    summary: str  # one sentence: what the kernel computes
    verified: Verified
    provenance: Provenance


def encode(row: Row) -> bytes:
    """The line of a row in a dataset, whose numbers every reader gives back."""
    return numbers.encode(row) + b"\n"
