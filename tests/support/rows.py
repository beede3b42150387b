"""A row of any kernel, without evidence."""

from __future__ import annotations

from warpgen.extraction.codegen import lower
from warpgen.extraction.features import inspect_source
from warpgen.launch import Argument, Launch
from warpgen.program import Program
from warpgen.record import UNVERIFIED, Provenance, Row


def row_of(name: str, source: str, args: tuple[Argument, ...], launch: Launch) -> Row:
    """The CPU row of the kernel `name` in a source."""
    program = Program(0, 0, "test", name, source, args, launch)
    code = lower(program, ("cpu",))["cpu"]
    seen = inspect_source(source, name, [a.type for a in args])
    return Row(
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
        launch=launch,
        features=seen.features,
        source_hash=seen.source_hash,
        structure_hash=seen.structure_hash,
        split="train",
        summary="Does nothing.",
        verified=UNVERIFIED,
        provenance=Provenance("synthesis", 0, 0, "", "", "Apache-2.0"),
    )
