"""Warp's code generator on a stranger's module, inside the jail."""

from __future__ import annotations

import io
import sys
from typing import Any

from warpgen.errors import ProgramError, VerificationError
from warpgen.extraction.codegen import lower
from warpgen.extraction.loading import load
from warpgen.launch import Launch
from warpgen.program import Program
from warpgen.verification.allowlist import require_allowed
from warpgen.verification.jail.form import shaped
from warpgen.verification.jail.job import Lower, Lowered, Shape
from warpgen.verification.native import warp_native
from warpgen.verification.running.memory_layout import MemoryLayout, describe


def lowered(job: Lower) -> Lowered:
    """Execute the module, which passed the screen, and take Warp's C++ of its kernel."""
    sys.stdout = sys.stderr = io.StringIO()  # the descriptors are gone
    program = Program(0, 0, "", job.kernel, job.source, (), Launch((1,), 0))
    names: tuple[str, ...] = ()
    layouts: tuple[MemoryLayout, ...] = ()
    try:
        require_allowed(job.source)
        with load(program) as live:
            taken = warp_native.argument_types(live.kernel)
            names, layouts = tuple(name for name, _ in taken), tuple(_described(*each) for each in taken)
        return Lowered(lower(program, ("cpu",))["cpu"].text, names, layouts)
    except (ProgramError, RecursionError) as error:
        said = str(error).encode(errors="replace").decode()  # by the stranger, for all that is known
        return Lowered("", names, layouts, said)


def _described(name: str, kind: Any) -> MemoryLayout:
    try:
        return describe(kind)
    except Exception as error:
        raise VerificationError(f"the argument {name} is of a type that no row has") from error


_REHEARSAL = """
import warp as wp
import math
from enum import IntEnum
from typing import Any

class Kind(IntEnum):
    ONE = 1

@wp.struct
class Body:
    x: wp.vec3
    m: wp.mat33

@wp.func
def helper(a: Any, s: Any):
    return a * s

@wp.func_native("return x;")
def native(x: float) -> float: ...

@wp.kernel
def rehearsal(x: wp.array(dtype=float), y: wp.array(dtype=float), bodies: wp.array(dtype=Body), m: wp.uint64):
    i = wp.tid()
    t = wp.tile_load(x, shape=4, offset=0)
    s = wp.static(math.pi)
    total = float(0.0)
    for k in range(x.shape[0]):
        total += wp.sin(x[k]) * s
    b = bodies[i]
    q = wp.mesh_query_point(m, b.x, 1.0)
    wp.printf("%f", total)
    if q.result and Kind.ONE == 1:
        wp.atomic_add(y, i, helper(total, 2.0) + native(wp.length(b.m * b.x)))
"""


def rehearse() -> None:
    """Do all of it once with a kernel of our own: whatever is imported at the first time is then there."""
    form = shaped(Shape(_REHEARSAL, "rehearsal", (), False, 0.0))
    made = lowered(Lower(form.source, form.kernel, 0.0))
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    if not made.text:
        raise RuntimeError(f"Warp does not lower a kernel of our own: {form.why}{made.why}")
    bad = lowered(Lower(form.source.replace("wp.sin(x[k])", "wp.sin(x)"), form.kernel, 0.0))
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    if not bad.why:
        raise RuntimeError("Warp lowers a kernel that is wrong")
