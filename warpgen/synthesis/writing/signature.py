"""A kernel's head: its arguments in the order that a hand keeps, with what it says of them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from warpgen.synthesis.writing.draft import Parameter
from warpgen.synthesis.writing.hand import Hand, prose

_RANKS = {"params first": {"param": 0}, "params behind inputs": {"handle": 0, "input": 0, "inout": 0}}


def ordered(parameters: list[Parameter], order: str) -> list[Parameter]:
    """Arguments as they were declared, or with values by themselves first or behind the inputs."""
    rank = _RANKS.get(order, {})
    return sorted(parameters, key=lambda p: rank.get(p.role, 1 if p.role != "output" else 2) if rank else 0)


def signature(name: str, parameters: list[Parameter], names: Mapping[str, str], hand: Hand) -> str:
    """`def name(...):`, on one line where it fits and nothing is said of an argument."""
    parts = [f"{names.get(p.name, p.name)}: {p.annotation}" for p in parameters]
    asked = hand.comments and hand.arguments == "behind"
    about = [_about(p, names) if asked else "" for p in parameters]
    says = sum(map(bool, about)) * 2 > len(about)
    head = f"def {name}({', '.join(parts)}):"
    if len(head) <= hand.line_length and not says:
        return head
    rows = [
        f"    {part},  # {text}" if says and text else f"    {part},"
        for part, text in zip(parts, about, strict=True)
    ]
    written = [p.role in ("output", "inout") for p in parameters]
    if written == sorted(written) and not written[0]:
        if True in written and "outputs" in hand.headings:
            rows.insert(written.index(True), f"    {hand.heading('outputs')}")
        if "inputs" in hand.headings:
            rows.insert(0, f"    {hand.heading('inputs')}")
    return "\n".join([f"def {name}(", *rows, "):"])


def section(parameters: list[Parameter], names: Mapping[str, str], hand: Hand) -> str:
    """The docstring's section of arguments, or "" where this hand has none or cannot tell of all."""
    if hand.arguments != "section":
        return ""
    about = {names.get(p.name, p.name): _about(p, names) for p in parameters}
    if not all(about.values()):
        return ""
    stop = "." if hand.full_stops else ""
    lines = [f"    {name}: {hand.marked(text)}{stop}" for name, text in about.items()]
    return "\n".join(["Args:", *lines])


def _about(parameter: Parameter, names: Mapping[str, str]) -> str:
    """What there is to say of an argument beyond its name."""
    text = prose(parameter.about, names)
    return text if _words(text) - _words(names.get(parameter.name, parameter.name)) else ""


def _words(text: str) -> set[str]:
    """Those of meaning, in the singular; a bracket is a unit."""
    return {word.rstrip("s") for word in re.findall(r"[a-z0-9]+|\[", text.lower())} - {
        "the",
        "of",
        "a",
        "an",
        "each",
    }
