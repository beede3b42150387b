"""Rows as tasks in words: what a model is asked to write, and in what form it is to answer."""

from __future__ import annotations

import ast
import re

from warpgen.launch import Argument
from warpgen.record import Row
from warpgen.verdict import Language

_ROLES = {
    "input": "is read",
    "output": "is written",
    "inout": "is read and written",
    "param": "is a parameter",
    "handle": "is an object to query",
}
_OBJECTS = {
    "mesh": "a closed triangle mesh",
    "bvh": "a bounding volume hierarchy",
    "hash_grid": "a hash grid",
    "volume": "a sparse volume",
}
_GRADIENTS = {
    "pass": "Its adjoint was compared with finite differences of a float64 reference, and agrees.",
    "wrong": "Warp's adjoint is wrong on it: gradients cannot be relied on.",
    "not differentiable": "It has no gradients to speak of.",
}
_WORD = re.compile(r"\w+")


def prompt(row: Row, language: Language = "python") -> str:
    """What to write so that `row.check` calls it right: a kernel in Python, or what Warp makes of one.

    It says what the row computes, its arguments, their shapes and the launch, and nothing of how it is done.
    """
    return "\n".join(
        [*(_translation(row, language) if language != "python" else _kernel(row)), _form(language)]
    )


def order(row: Row) -> str:
    """What to write: name, purpose, launch, and the arguments in their order."""
    return "\n".join(
        [
            f"Write a kernel `{row.name}` in Python for NVIDIA Warp. {row.summary} It is {_grid(row)}.",
            "Arguments, in this order:",
            *_arguments(row),
        ]
    )


def explanation(row: Row) -> str:
    """What a kernel does, on what, and whether it may be differentiated."""
    parts = [
        f"`{row.name}` is {_grid(row)}. {row.summary}",
        "It takes these arguments:",
        *_arguments(row),
    ]
    gradient = _GRADIENTS.get(row.verified.gradient.verdict)
    return "\n".join(parts + ([gradient] if gradient else []))


def _arguments(row: Row) -> list[str]:
    """A line for each argument: type, shape and what is done with it."""
    return [f"- `{arg.name}`: {arg.type}{_shape(arg)}, {_role(arg)}" for arg in row.args]


def _grid(row: Row) -> str:
    """How it is launched."""
    size = " x ".join(map(str, row.launch.dim))
    worker = "block" if row.launch.tiled else "thread"
    return f"launched with one {worker} per element of a grid of {size}"


def _role(arg: Argument) -> str:
    known = _OBJECTS.get(arg.fill.kind)
    return f"is the id of {known}" if arg.role == "handle" and known else _ROLES[arg.role]


def _kernel(row: Row) -> list[str]:
    parts = [order(row)]
    structs = _structs(row)
    if structs:
        parts.append("with\n```python\n" + "\n\n\n".join(structs) + "\n```")
    if row.backward != (0, 0):
        parts.append("Warp must be able to differentiate it.")
    return parts


def _translation(row: Row, language: Language) -> list[str]:
    target = "C++ for the CPU" if language == "cpp" else "CUDA C++"
    return [
        f"Write the {target} that NVIDIA Warp generates of this kernel, forward and adjoint, whole. "
        f"{row.summary} It is {_grid(row)}.",
        f"```python\n{row.python_source}```",
    ]


def _form(language: Language) -> str:
    what = "one module, with its imports and one kernel" if language == "python" else "the whole text"
    return f"Answer with {what}, in one block that begins with ```{language}."


def _shape(arg: Argument) -> str:
    if arg.role == "handle":  # of what it stands for
        return ""
    return f" of shape ({', '.join(map(str, arg.fill.shape))})" if arg.fill.shape else ""


def _structs(row: Row) -> list[str]:
    """The structs of the program that its arguments have, and those in them, as they are written there."""
    texts = {
        node.name: ast.get_source_segment(row.python_source, node) or ""
        for node in ast.parse(row.python_source).body
        if isinstance(node, ast.ClassDef)
    }
    seen = set(_WORD.findall(" ".join(arg.type for arg in row.args)))
    for name, text in reversed(texts.items()):  # a struct stands behind those that it has
        if name in seen:
            seen.update(_WORD.findall(text))
    return [f"@wp.struct\n{text}" for name, text in texts.items() if name in seen]
