"""What verification reads off a program's text before it runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from warpgen.verification.judging.tolerance import coarsest, operations
from warpgen.verification.running.roles import only_written

HEAD = """
@wp.func
def put(a: wp.array(dtype=float), i: int):
    a[i] = 1.0

@wp.func
def bump(a: wp.array(dtype=float), i: int):
    a[i] += a[i]

@wp.kernel
def k(y: wp.array(dtype=float)):
    i = wp.tid()
"""


@pytest.mark.parametrize(
    ("line", "only"),
    [
        ("y[i] = float(y.shape[0])", True),
        ("put(y, i)", True),
        ("wp.tile_store(y, wp.tile_zeros(shape=4, dtype=float))", True),
        ("y[i] = y[i] + 1.0", False),
        ("bump(y, i)", False),
        ("put(a=y, i=i)", False),
        ("unknown(y)", False),
        ("wp.atomic_add(y, i, 1.0)", False),
    ],
)
def test_outputs_that_nothing_reads_are_told(line: str, only: bool) -> None:
    """By the kernel's own lines and by those of the functions that it hands an array to."""
    output: Any = SimpleNamespace(name="y", role="output", type="array1d(float32)")
    assert only_written(f"{HEAD}    {line}\n", "k", [output]) == (frozenset("y") if only else frozenset())


@pytest.mark.parametrize(
    ("text", "code", "narrowest"),
    [
        ("y[i] = wp.float64(1.0)", "<f8", "f8"),
        ("y[i] = wp.float64(wp.float32(1.0))", "<f8", "f4"),
        ("y[i] = 1.0", "<f4", "f4"),
        ("y[i] = 1.0  # no float16", "<f4", "f4"),
        ("y[i] = float(wp.float16(1.0))", "<f4", "f2"),
        ("y[i] = float(wp.\ufb02oat16(1.0))", "<f4", "f2"),  # a ligature, which Python reads as two letters
        ("y[i] = x", "<f2", "f2"),
    ],
)
def test_the_narrowest_floats_are_found(text: str, code: str, narrowest: str) -> None:
    """In the arguments and in the code, however it is spelled, but not in what it says of itself."""
    program: Any = SimpleNamespace(source=f"def k():\n    {text}\n")
    leaf: Any = SimpleNamespace(values=np.zeros(1, code), floating=True)
    assert coarsest(program, [leaf]) == narrowest


def test_builtins_that_iterate_are_told() -> None:
    """From those that are only named, and however they are spelled."""
    for text, kind in (("wp.svd3(a)", "iterating"), ("wp.\uff53vd3(a)", "iterating"), ("svd3 = 1", "plain")):
        program: Any = SimpleNamespace(source=text)
        assert operations(program) == kind
