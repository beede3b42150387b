"""A kernel in words: its own sentence, its arguments and its launch, all of which the row says."""

from __future__ import annotations

from warpgen.launch import Argument
from warpgen.record import Row

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


def order(row: Row) -> str:
    """What to write: name, purpose, launch, and the arguments in their order."""
    return "\n".join(
        [
            f"Write a kernel `{row.name}` in Python for NVIDIA Warp. {row.summary} It is {grid(row)}.",
            "Arguments, in this order:",
            *arguments(row),
        ]
    )


def explanation(row: Row) -> str:
    """What a kernel does, on what, and whether it may be differentiated."""
    parts = [
        f"`{row.name}` is {grid(row)}. {row.summary}",
        "It takes these arguments:",
        *arguments(row),
    ]
    gradient = _GRADIENTS.get(row.verified.gradient.verdict)
    return "\n".join(parts + ([gradient] if gradient else []))


def arguments(row: Row) -> list[str]:
    """A line for each argument: type, shape and what is done with it."""
    return [f"- `{arg.name}`: {arg.type}{_shape(arg)}, {_role(arg)}" for arg in row.args]


def grid(row: Row) -> str:
    """How it is launched."""
    size = " x ".join(map(str, row.launch.dim))
    worker = "block" if row.launch.tiled else "thread"
    return f"launched with one {worker} per element of a grid of {size}"


def _role(arg: Argument) -> str:
    known = _OBJECTS.get(arg.fill.kind)
    return f"is the id of {known}" if arg.role == "handle" and known else _ROLES[arg.role]


def _shape(arg: Argument) -> str:
    if arg.role == "handle":  # of what it stands for
        return ""
    return f" of shape ({', '.join(map(str, arg.fill.shape))})" if arg.fill.shape else ""
