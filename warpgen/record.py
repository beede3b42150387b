"""The row of the dataset, defined once; keys are written in the order of the fields.

No time, machine path or process history may enter a row. `docs/record.md` explains every field.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

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


class Provenance(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the row came from; enough to make it again."""

    origin: Literal["synthesis", "harvest"]
    seed: int
    index: int
    warpgen: str
    warp: str
    licence: str
    package: str = ""
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
    verified: dict[str, Any]  # per check: verdict and evidence; {} at level none
    provenance: Provenance
