"""The view `instruct`: a task in words, the program that solves it, its launch, and what must come out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pyarrow as pa

from warpgen.exporting import columns
from warpgen.exporting.columns import TEXT, WHOLE
from warpgen.exporting.kernels import Kernel
from warpgen.exporting.views import parallel
from warpgen.exporting.views.outputs import Output, outputs
from warpgen.exporting.views.view import Record, View, common, each, schema
from warpgen.prompt import order
from warpgen.record import Row

_OUTPUTS = pa.list_(
    pa.struct([("name", TEXT), ("dtype", TEXT), ("shape", pa.list_(WHOLE)), ("values", pa.list_(TEXT))])
)


def instruct(outputs: bool = True) -> View:
    """The view; without `outputs` no kernel is run, which takes seconds instead of minutes."""
    told = {"outputs": _OUTPUTS} if outputs else {}
    return View(
        "a task in words, the program, its launch" + (", and what it computes on the CPU" if outputs else ""),
        schema(
            {
                "task": TEXT,
                "source": TEXT,
                "args": columns.ARGS,
                "launch": columns.LAUNCH,
                "call": TEXT,
                **told,
            },
            ("task", "source"),
        ),
        _records if outputs else each(_record_alone),
        ("task", "source"),
    )


def _records(kernels: Iterator[Kernel]) -> Iterator[Record]:
    for kernel, found in parallel.in_order(_run, (kernel for kernel in kernels if kernel.cpu)):
        if found:
            yield _record(kernel) | {"outputs": [msgspec.to_builtins(output) for output in found]}


def _record_alone(kernel: Kernel) -> Iterator[Record]:
    if kernel.cpu:
        yield _record(kernel)


def _run(kernels: list[Kernel]) -> list[list[Output]]:
    return outputs([kernel.cpu for kernel in kernels if kernel.cpu], parallel.scratch)


def _record(kernel: Kernel) -> Record:
    row = kernel.rows[0]
    return common(kernel) | {
        "task": task(row),
        "source": row.python_source,
        "args": msgspec.to_builtins(row.args),
        "launch": msgspec.to_builtins(row.launch),
        "call": call(row),
    }


def task(row: Row) -> str:
    """What to write, in words: the row's own sentence, its arguments, launch and features."""
    features = row.features
    parts = [order(row)]
    used = [f"`wp.{name}`" for name in features.builtins]
    if used:
        parts.append(f"It uses {_listed(used)}.")
    counts = [
        _count(features.functions, "helper function"),
        _count(features.structs, "struct"),
        _count(features.loops, "loop"),
        _count(features.branches, "branch", "branches"),
    ]
    there = [count for count in counts if count]
    if there:
        parts.append(f"It has {_listed(there)}.")
    if features.differentiable:
        parts.append("Warp must be able to differentiate it.")
    return "\n".join(parts)


def call(row: Row) -> str:
    """The line of Python that launches the kernel."""
    launch = "wp.launch_tiled" if row.launch.tiled else "wp.launch"
    block = ", block_dim=1" if row.launch.tiled else ""
    names = ", ".join(arg.name for arg in row.args)
    return f"{launch}({row.name}, dim={list(row.launch.dim)}, inputs=[{names}]{block})"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}" if number else ""


def _listed(words: list[Any]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
