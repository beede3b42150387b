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
_SHORT = {"n": "number of elements", "dt": "time step", "h": "smoothing length or spacing", "seed": "random seed",
          "eps": "small number against division by zero", "tol": "tolerance", "x": "positions", "v": "velocities",
          "width": "extent along the fast axis", "height": "extent along the slow axis"}  # fmt: skip


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
    words = (
        _SHORT.get(spec.name) or spec.name.replace("_", " ").removeprefix("out ").removesuffix(" out").strip()
    )
    words = words[0].upper() + words[1:]
    if spec.role == "output":
        return author.rng.choice(
            (f"Output {words.lower()}.", f"{words} (output).", f"{words}, written by this kernel.")
        )
    if spec.role == "handle":
        return f"{words} to query."
    if spec.ndim and spec.type.is_int and spec.role == "input":
        return author.rng.choice((f"{words}, one per element.", f"{words}."))
    if spec.ndim:
        return author.rng.choice((f"{words} of each element.", f"{words}.", f"Input {words.lower()}."))
    return author.rng.choice((f"{words}.", f"The {words.lower()}."))


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
