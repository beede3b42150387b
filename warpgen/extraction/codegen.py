"""Warp's C++ and CUDA C++ for a program: the same bytes that Warp itself would write.

The text equals the `.cpp` of Warp's kernel cache and the `.cu` of `wp.compile_aot_module`, but for the
paths in comments, which become `kernel.py` or a path that begins with `warp/`.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from warpgen.errors import ExtractionError
from warpgen.extraction import warp_api
from warpgen.extraction.loading import Loaded, explain, load
from warpgen.program import Program
from warpgen.record import Target

# Static unrolling can turn 5 kB of Python into megabytes that no compiler finishes with. The longest
# text of a person's kernel in warp.tests is about half of this.
MAX_TEXT = 512 * 1024


class Code(msgspec.Struct, frozen=True):
    """Text for one target; spans of the kernel's own functions in characters, (0, 0) where there is none.

    `shared` is the shared memory, in bytes, that a block of the greedier of the two takes on a GPU.
    """

    text: str
    forward: tuple[int, int]
    backward: tuple[int, int]
    shared: int = 0


def lower(program: Program, targets: Sequence[Target]) -> dict[Target, Code]:
    """Generated code per target. Raises ExtractionError if Warp refuses the program or writes too much."""
    if "tile" not in program.source:
        with load(program) as live:
            return _generate(live, None, targets)
    # A tile's shape and storage may depend on the target: each gets a build of its own, as in Warp.
    codes: dict[Target, Code] = {}
    for target in targets:
        with load(program) as live:
            codes |= _generate(live, target, (target,))
    return codes


def _generate(live: Loaded, target: Target | None, targets: Sequence[Target]) -> dict[Target, Code]:
    try:
        builder = warp_api.build(live.module, target)
        name = live.kernel.get_mangled_name()
        return {
            t: _code(warp_api.emit(builder, t), name, t, warp_api.shared_memory(builder)) for t in targets
        }
    except ExtractionError:
        raise
    except Exception as error:
        raise ExtractionError(explain(error)) from error


def _code(text: str, name: str, target: Target, shared: int) -> Code:
    if len(text) > MAX_TEXT:
        raise ExtractionError(f"the generated text is longer than {MAX_TEXT} characters")
    forward, backward = (_span(text, name, target, direction) for direction in ("forward", "backward"))
    return Code(text, forward, backward, shared if target == "cuda" else 0)


def _span(text: str, name: str, target: Target, direction: str) -> tuple[int, int]:
    """Where a kernel function stands, from the start of its declaration past its closing brace."""
    where = text.find(f" {name}_{target}_kernel_{direction}(")
    if where < 0:
        return (0, 0)
    start = text.rfind("\n", 0, where) + 1
    above = text.rfind("\n", 0, start - 1) + 1
    if text.startswith("template <", above):  # of C++, since Warp 1.19
        start = above
    return (start, text.index("\n}\n", where) + 3)
