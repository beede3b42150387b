"""Loops as functions of their own: what many people do with an inner sum, and what its adjoint wants."""

from __future__ import annotations

import builtins
import re
from collections.abc import Mapping

from warpgen.synthesis.writing.draft import Draft, filled

_STRING_OR_COMMENT = re.compile(r"#[^\n]*")
_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
_ASSIGNED = re.compile(r"^ *(\w+)(?:, *(\w+))* [-+*/]?= |\bfor (\w+) in ", re.MULTILINE)
_KEYWORDS = frozenset(
    ("for", "in", "if", "else", "elif", "and", "or", "not", "while", "break", "continue", "wp")
)


def outlined(
    d: Draft,
    name: str,
    about: str,
    text: str,
    result: str,
    returns: str,
    types: Mapping[str, str],
    blocks: Mapping[str, str],
) -> str:
    """Write `text` as a `@wp.func` that returns `result`; gives the call that stands for them.

    What it reads becomes parameters: arguments of the kernel by their own types, other names by those
    in `types`. Module constants and functions stay as they are; `blocks` as for `Draft.code`.
    """
    body = filled(text, blocks)
    code = _STRING_OR_COMMENT.sub("", body)
    made = {group for found in _ASSIGNED.finditer(code) for group in found.groups() if group}
    read = [n for n in dict.fromkeys(_NAME.findall(code)) if n not in made and n not in _KEYWORDS]
    arguments = {p.name: p.annotation for p in d.parameters} | dict(types)
    taken = [n for n in arguments if n in read and not hasattr(builtins, n)]
    heads = [f"{n}: {arguments[n]}" for n in taken]
    signature = f"def {name}({', '.join(heads)}) -> {returns}:"
    if len(signature) > 100:
        signature = "\n".join([f"def {name}(", *(f"    {head}," for head in heads), f") -> {returns}:"])
    d.function(f'@wp.func\n{signature}\n    """{about}"""\n    $body\n    return {result}', body=body)
    return f"{name}({', '.join(taken)})"
