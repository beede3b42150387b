"""Whether a wrong gradient may be Warp's fault, whose adjoints are wrong by design at times."""

from __future__ import annotations

import ast
import re

import msgspec

from warpgen.extraction.features import inspect_source
from warpgen.launch import Launch
from warpgen.program import Program
from warpgen.verification.judging import gradient
from warpgen.verification.native.isolation import isolated

# What a kernel's own adjoint, or C++, looks like in Python: then Warp is not to blame for a wrong gradient.
_OWN_ADJOINT = re.compile(r"func_grad|func_replay|func_native|adjoint|wp\.grad\b")
_CUTS = re.compile(
    r"\bcast\(|enable_backward|\b(?:round|rint|floor|ceil|trunc|sign|step)\(|\.ptr\b"
    r"|\bwp\.(?:zeros|empty|ones|full)\(|\bfloat\d*\((?:wp\.)?u?int\d*\("
)


def excused(source: str, kernel: str, own: str, launch: Launch) -> bool:
    """Whether a stranger's module may have its gradients wrong for Warp's sake; `own` is the row's."""
    if _OWN_ADJOINT.search(source):
        return False
    program = Program(0, 0, "", kernel, source, (), launch)
    made = isolated(1, lambda _, __: _warps_fault(program, own))[0]
    return made is True


def _warps_fault(program: Program, own: str) -> bool:
    """Whether nothing but Warp's adjoint of loops and of stores can make a gradient wrong.

    What cuts a gradient by itself, and is not in the row's `own` source either, is the kernel's doing.
    """
    program = msgspec.structs.replace(program, source=_without_texts(program.source))
    cuts = set(_CUTS.findall(program.source)) - set(_CUTS.findall(own))
    features = inspect_source(program.source, program.name).features
    return features.differentiable and not cuts and gradient.known_wrong(program)


def _without_texts(source: str) -> str:
    """A module whose texts say nothing: what stands in one is done by nobody."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.unparse(tree) + "\n"
