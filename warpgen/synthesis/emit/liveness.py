"""Nothing dead is left: assignments that nobody reads and blocks that hold nothing are taken out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from warpgen.synthesis.kit.statements import Line


def identifiers(lines: Iterable[Line]) -> set[str]:
    """Every name that occurs in the code (not the comments) of the lines."""
    return {word for line in lines for word in line.words}


def live_lines(lines: list[Line]) -> list[Line]:
    """The lines without assignments to locals that nothing else reads, and without empty blocks."""
    while True:
        kept = _without_dead(lines)
        kept = _without_empty_blocks(kept)
        if len(kept) == len(lines):
            return _tidy(kept)
        lines = kept


def _without_dead(lines: list[Line]) -> list[Line]:
    # A name lives if it is read by a line that is not itself an assignment to that name.
    reads: Counter[str] = Counter()
    for line in lines:
        own = line.defines.split() if " " in line.defines else (line.defines,)
        for word in line.words:
            if word not in own:
                reads[word] += 1
    kept: list[Line] = []
    for line in lines:
        if not line.defines or any(reads[name] for name in line.defines.split()):
            kept.append(line)
            continue
        while kept and kept[-1].comment and kept[-1].text:  # a comment goes with the line it explains
            kept.pop()
    return kept


def _is_header(line: Line) -> bool:
    return line.text.endswith(":") and line.text.split(" ", 1)[0].rstrip(":") in (
        "if",
        "elif",
        "else",
        "for",
        "while",
    )


def _without_empty_blocks(lines: list[Line]) -> list[Line]:
    kept: list[Line] = []
    for at, line in enumerate(lines):
        if not line.comment and _is_header(line):
            body = next((x for x in lines[at + 1 :] if not x.comment), None)
            if body is None or body.depth <= line.depth:
                follower = (
                    body is not None
                    and body.depth == line.depth
                    and body.text.split(" ", 1)[0] in ("elif", "else:")
                )
                if follower:
                    kept.append(line)
                    kept.append(Line(line.depth + 1, "pass"))
                continue
        kept.append(line)
    return kept


def _tidy(lines: list[Line]) -> list[Line]:
    """No comment or blank line without code behind it."""
    kept: list[Line] = []
    for at, line in enumerate(lines):
        if line.comment:
            following = next((x for x in lines[at + 1 :] if not x.comment or x.text), None)
            if following is None or following.depth != line.depth or (line.text and following.comment):
                continue
            if not line.text and (not kept or not kept[-1].text or kept[-1].text.endswith(":")):
                continue
        kept.append(line)
    return kept


def render(lines: list[Line]) -> str:
    """The text of the lines, indented by four spaces a level."""
    return "\n".join("    " * line.depth + line.text if line.text else "" for line in lines)
