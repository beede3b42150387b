"""From a written kernel to the module text and the launch."""

from __future__ import annotations

import re

from warpgen.launch import Argument, Launch
from warpgen.synthesis.emit import docstrings
from warpgen.synthesis.emit.comments import with_comments
from warpgen.synthesis.emit.inlining import inlined
from warpgen.synthesis.emit.liveness import identifiers, live_lines, render
from warpgen.synthesis.kit.draft import Argspec, Draft
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import Type
from warpgen.synthesis.style.english import things

_WORD = re.compile(r"[A-Za-z_]\w*")
LINE_LENGTH = 110


def _struct_text(name: str, fields: dict[str, str]) -> str:
    body = "\n".join(f"    {field}: {annotation}" for field, annotation in fields.items())
    return f"@wp.struct\nclass {name}:\n{body}"


def _used_declarations(draft: Draft, names: set[str]) -> list[str]:
    """The declarations that these names need, directly or through others, in order."""
    needed = set(names)
    kept: list[str] = []
    for name, declared in reversed(draft.declarations):
        if name not in needed:
            continue
        kept.append(declared)
        needed.update(_WORD.findall(declared))
    return kept[::-1]


def _close_struct(draft: Draft, struct: Type, text: str, member: str) -> None:
    """Write out a struct with the fields that are read; `member` is the pattern of a read."""
    holder = next(spec for spec in draft.arguments.values() if spec.type is struct)
    read = set(re.findall(member.format(re.escape(holder.name)), text))
    fields = {n: t for n, t in struct.fields.items() if n in read}
    holder.fields = {n: holder.fields[n] for n in fields}
    declared = _struct_text(struct.name, {n: draft.use_type(t) for n, t in fields.items()})
    at = next(i for i, (name, _) in enumerate(draft.declarations) if name == struct.name)
    draft.declarations[at] = (struct.name, declared)


def _ordered(draft: Draft, specs: list[Argspec], style: float) -> list[Argspec]:
    """Arguments in the order people use: handles, inputs, parameters, outputs; or as they came up."""
    rank = {"handle": 0, "input": 1, "inout": 1, "param": 2, "output": 3}
    if style < 0.6:
        return sorted(specs, key=lambda s: rank[s.role])
    if style < 0.75:
        return sorted(specs, key=lambda s: {"param": 0, "handle": 0, "output": 3}.get(s.role, 1))
    return sorted(specs, key=lambda s: s.role == "output")


def _signature(draft: Draft, name: str, specs: list[Argspec], parts: list[str]) -> str:
    one = f"def {name}({', '.join(parts)}):"
    if len(one) <= draft.author.rng.choice((60, 88, LINE_LENGTH)):
        return one
    return "\n".join([f"def {name}(", *docstrings.signature_lines(draft.author, specs, parts), "):"])


def assemble(
    k: Kit, name: str, title: str, category: str, seed: int
) -> tuple[str, tuple[Argument, ...], Launch]:
    """Module text, arguments in launch order and the launch."""
    draft = k.draft
    lines = inlined(live_lines(k.lines), draft.author)
    body = render(lines)
    used = identifiers(lines)
    specs = [s for s in draft.arguments.values() if s.name in used]
    if draft.record is not None:
        _close_struct(draft, draft.record, body, r"\b{}\.(\w+)")
    if draft.element is not None:
        _close_struct(draft, draft.element, body, r"\b{}(?:\[[^\]]*\])+\.(\w+)")
    thing = k.rng.choice(things(category).split("|"))
    specs = _ordered(draft, specs, k.rng.unit())
    parts = [f"{s.name}: {draft.annotate(s)}" for s in specs]
    signature = _signature(draft, name, specs, parts)
    declarations = _used_declarations(draft, used | set(_WORD.findall(" ".join(parts))))
    options = f"({', '.join(draft.kernel_options)})" if draft.kernel_options else ""
    kernel = [*docstrings.function_comment(draft.author, title), f"@wp.kernel{options}", signature]
    if draft.author.docstring and title:
        text = docstrings.docstring(draft.author, title, specs, thing, body)
        kernel += [f"    {line}" if line else "" for line in text]
    kernel.append(render(with_comments(lines, draft.author, thing)))
    blocks = ["\n".join(_imports(declarations))] if _imports(declarations) else []
    constants = [d for d in declarations if not d.startswith(("@", "class ", "#"))]
    others = [d for d in declarations if d.startswith(("@", "class ", "#"))]
    if constants:
        blocks.append("\n".join(constants))
    source = "\n\n".join(blocks) + "\n\n\n" + "\n\n\n".join([*others, "\n".join(kernel)]) + "\n"
    arguments = tuple(s.argument() for s in specs)
    return source, arguments, Launch(draft.dim, seed, draft.tiled)


def _imports(declarations: list[str]) -> list[str]:
    words = {w for d in declarations for w in _WORD.findall(d)}
    found = []
    if "IntEnum" in words:
        found.append("from enum import IntEnum")
    if "math" in words:
        found.append("import math")
    if "Any" in words:
        found.append("from typing import Any")
    if found:
        found.append("")
    return [*found, "import warp as wp"]
