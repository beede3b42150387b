"""Sizes of arrays as arguments: people seldom ask an array for its shape, they pass a count."""

from __future__ import annotations

import re

from warpgen.launch import Fill
from warpgen.synthesis.writing.draft import Draft, Parameter
from warpgen.synthesis.writing.rng import Rng

_TAKEN = re.compile(r"^(\w+) = (\w+)\.shape\[(\d)\]\n", re.MULTILINE)
_ASKED = re.compile(r"\b([a-z]\w*)\.shape\[(\d)\]")
_SINGULAR = (("tices", "tex"), ("dices", "dex"), ("trices", "trix"), ("ies", "y"))
_ES = re.compile(r"(?<=ch|sh|ss)es$|(?<=x)es$|s$")
_NAMES = ("n", "count")  # of the one size that a kernel asks for


def pass_counts(draft: Draft, rng: Rng) -> None:
    """Make arguments of the sizes that the kernel takes from its arrays."""
    for name, array, axis in _TAKEN.findall(draft.text):
        line = f"{name} = {array}.shape[{axis}]\n"
        if len(re.findall(rf"^ *{name}(?:, \w+)* (?:[-+*/]|//)?= ", draft.text, re.MULTILINE)) == 1:
            _pass(draft, name, array, int(axis), draft.text.replace(line, "", 1))
    asked = dict.fromkeys(_ASKED.findall(draft.text))
    flat = {p.name for p in draft.parameters if len(p.fills[0].shape) == 1}
    for array, axis in asked:
        name = ""
        if axis == "0" and array in flat and re.fullmatch(r"(?!.*(?:counts|pos)$)\w{3,}[^s]s", array):
            name = f"num_{array}" if rng.chance(0.5) else f"{_singular(array)}_count"
            if re.search(rf"slot\w* < {array}\.shape", draft.text):  # there is room for so many, not so many
                name = f"max_{array}"
        elif len(asked) == 1 and array in flat:
            name = rng.choice(_NAMES)
        if name and not re.search(rf"\b{name}\b", "\n".join([draft.text, *draft.prelude, *draft.functions])):
            _pass(draft, name, array, int(axis), draft.text.replace(f"{array}.shape[{axis}]", name))


def _singular(plural: str) -> str:
    for end, one in _SINGULAR:
        if plural.endswith(end):
            return plural.removesuffix(end) + one
    return _ES.sub("", plural)


def _pass(draft: Draft, name: str, array: str, axis: int, text: str) -> None:
    """Let `text` be the kernel's, with the size of an array under a name of its own, where that can be."""
    sized = {p.name: p.fills[0].shape for p in draft.parameters if p.annotation.startswith("wp.array")}
    taken = {p.name for p in draft.parameters}
    if name in taken or array not in sized or not re.search(rf"\b{array}\b", text):
        return
    shape = sized[array]
    if len(shape) == 2:
        about = f"number of {'columns' if axis else 'rows'} in `{array}`"
    else:
        about = f"length of `{array}`" if len(shape) == 1 else f"size of `{array}` along axis {axis}"
    fill = Fill(name, "constant", value=float(shape[axis]))
    count = Parameter(name, "int", "int32", "param", (fill,), about=about)
    first = next((i for i, p in enumerate(draft.parameters) if p.role == "output"), len(draft.parameters))
    draft.parameters.insert(first, count)
    draft.text = text
