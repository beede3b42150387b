"""Docstrings and remarks around a kernel, in the habits of its author."""

from __future__ import annotations

from warpgen.synthesis.author import Author
from warpgen.synthesis.draft import Argspec

_HEADINGS = {
    "handle": "inputs",
    "input": "inputs",
    "inout": "inputs",
    "param": "parameters",
    "output": "outputs",
}
# What single letters and other short names usually stand for.
_SHORT = {
    "n": "number of elements",
    "dt": "time step",
    "h": "spacing",
    "x": "positions",
    "v": "velocities",
    "f": "forces",
    "w": "weights",
    "m": "masses",
    "q": "orientations",
    "eps": "small number against division by zero",
    "tol": "tolerance",
    "nx": "extent along x",
    "ny": "extent along y",
    "width": "extent along the fast axis",
    "height": "extent along the slow axis",
}
_PLAIN = {
    "param": "scalar parameter",
    "input": "input values",
    "inout": "values to update",
    "output": "result",
}


def docstring(author: Author, title: str, specs: list[Argspec], axes: int) -> list[str]:
    """The docstring's lines without indentation; one line, a paragraph, or with the arguments."""
    rng = author.rng
    style = rng.unit()
    if style < 0.6 or not specs:
        return [f'"""{title}."""']
    body = [f'"""{title}.', ""]
    if style < 0.75:
        each = ("element", "entry", "cell")[min(axes, 3) - 1]
        body.append(rng.choice((f"Launched with one thread per {each}.", f"One thread handles one {each}.")))
    else:
        body.append("Args:")
        body += [f"    {s.name}: {describe(author, s)}" for s in specs]
    return [*body, '"""']


def describe(author: Author, spec: Argspec) -> str:
    """A few words on an argument, made of its name and its place."""
    if len(spec.name) <= 2 or spec.name in _SHORT:
        words = _SHORT.get(spec.name) or _PLAIN.get(spec.role, "handle")
    else:
        words = " ".join(w for w in spec.name.split("_") if w not in ("out", "in", "id"))
    words = words[0].upper() + words[1:] if words else "Result"
    lower = words.lower()
    if spec.role == "output":
        return author.rng.choice((f"Output {lower}.", f"{words} (output).", f"{words}, written here."))
    if spec.role == "handle":
        return f"{words} to query."
    if spec.ndim:
        return author.rng.choice((f"{words} of each element.", f"{words}.", f"Input {lower}."))
    return f"{words}."


def signature_lines(author: Author, specs: list[Argspec], parts: list[str]) -> list[str]:
    """The parameters one per line, under headings or with remarks where the author has that habit."""
    lines: list[str] = []
    heading = ""
    for spec, part in zip(specs, parts, strict=True):
        now = _HEADINGS[spec.role]
        if author.headings and now != heading:
            lines.append(f"    # {now}")
        heading = now
        remark = (
            f"  # {describe(author, spec).rstrip('.').lower()}" if author.rng.chance(author.remarks) else ""
        )
        lines.append(f"    {part},{remark}")
    return lines
