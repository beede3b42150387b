"""Rows by hand, to judge kernels by."""

from __future__ import annotations

import ast
from typing import Any

import warpgen
from warpgen.extraction.codegen import lower
from warpgen.extraction.features import inspect_source
from warpgen.launch import Argument, Fill, FillKind, Launch, Role
from warpgen.program import Program
from warpgen.record import UNVERIFIED, Provenance


def argument(name: str, kind: str, role: Role, fill: FillKind = "uniform", **more: Any) -> Argument:
    """An argument without parts; arrays have the shape that is given."""
    return Argument(name, kind, role, (Fill(name, fill, **more),))


def row_of(source: str, *args: Argument, dim: tuple[int, ...], seed: int = 1) -> warpgen.Row:
    """The row of a program's only kernel."""
    functions = [n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)]
    name = next(f.name for f in functions if "kernel" in ast.unparse(f.decorator_list[0]))
    program = Program(0, 0, "test", name, source, args, Launch(dim, seed))
    code = lower(program, ("cpu",))["cpu"]
    seen = inspect_source(source, name, [a.type for a in args])
    return warpgen.Row(
        id="s0-0-0123abcd-cpu",
        kernel_id="s0-0-0123abcd",
        target="cpu",
        category="test",
        name=name,
        python_source=source,
        code=code.text,
        forward=code.forward,
        backward=code.backward,
        args=args,
        launch=program.launch,
        features=seen.features,
        source_hash=seen.source_hash,
        structure_hash=seen.structure_hash,
        split="train",
        summary="Does nothing.",
        verified=UNVERIFIED,
        provenance=Provenance("synthesis", 0, 0, "", "", "Apache-2.0"),
    )
