"""From a written kernel to the module text and the launch."""

from __future__ import annotations

from typing import NamedTuple

from warpgen.launch import Argument, Launch
from warpgen.synthesis.emit import docstrings
from warpgen.synthesis.emit.comments import with_comments
from warpgen.synthesis.emit.inlining import inlined
from warpgen.synthesis.emit.liveness import live
from warpgen.synthesis.emit.unrolled import unrolled_size
from warpgen.synthesis.kit.draft import Argspec, Declaration, Draft
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.expressions import Field, inside, root
from warpgen.synthesis.language.reading import words
from warpgen.synthesis.language.statements import Statement, emit, names_in, walk
from warpgen.synthesis.language.types import Type
from warpgen.synthesis.style.english import things

LINE_LENGTH = 110


def _struct_text(name: str, fields: dict[str, str]) -> str:
    body = "\n".join(f"    {field}: {annotation}" for field, annotation in fields.items())
    return f"@wp.struct\nclass {name}:\n{body}"


class Module(NamedTuple):
    """A program's module, its arguments in launch order, its launch, and how much code it becomes."""

    source: str
    arguments: tuple[Argument, ...]
    launch: Launch
    size: int


def _used_declarations(draft: Draft, names: set[str]) -> tuple[list[Declaration], set[str]]:
    """The declarations that these names need, directly or through others, in order; and what they name."""
    kept: list[Declaration] = []
    needed: set[str] = set()
    for declaration in reversed(draft.declarations):
        if declaration.name in names or declaration.name in needed:
            kept.append(declaration)
            needed |= declaration.needs
    return kept[::-1], needed


def _close_struct(draft: Draft, struct: Type, body: list[Statement]) -> None:
    """Write out a struct with the fields that are read of the argument, or of its elements."""
    holder = next(spec for spec in draft.arguments.values() if spec.type is struct)
    nodes = [node for statement in walk(body) for node in inside(*statement.parts)]
    read = {node.name for node in nodes if isinstance(node, Field) and root(node) == holder.name}
    fields = {n: t for n, t in struct.fields.items() if n in read}
    holder.fields = {n: holder.fields[n] for n in fields}
    declared = _struct_text(struct.name, {n: draft.use_type(t) for n, t in fields.items()})
    at = next(i for i, known in enumerate(draft.declarations) if known.name == struct.name)
    draft.declarations[at] = Declaration(struct.name, declared)


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


def assemble(k: Kit, name: str, title: str, category: str, seed: int) -> Module:
    """The module of a program whose kernel is written."""
    draft = k.draft
    body = inlined(live(k.body), draft.author)
    used = names_in(body)
    specs = [s for s in draft.arguments.values() if s.name in used]
    if draft.record is not None:
        _close_struct(draft, draft.record, body)
    if draft.element is not None:
        _close_struct(draft, draft.element, body)
    thing = k.rng.choice(things(category).split("|"))
    specs = _ordered(draft, specs, k.rng.unit())
    parts = [f"{s.name}: {draft.annotate(s)}" for s in specs]
    signature = _signature(draft, name, specs, parts)
    declarations, needed = _used_declarations(draft, used | words(" ".join(parts)))
    options = f"({', '.join(draft.kernel_options)})" if draft.kernel_options else ""
    head = [*docstrings.function_comment(draft.author, title), f"@wp.kernel{options}", signature]
    if draft.author.docstring and title:
        text = docstrings.docstring(draft.author, title, specs, thing, body)
        head += [f"    {line}" if line else "" for line in text]
    kernel = [*head, emit(with_comments(body, draft.author, thing))]
    blocks = ["\n".join(_imports(needed))]
    constants = [d.written for d in declarations if not d.text.startswith(("@", "class ", "#"))]
    others = [d.written for d in declarations if d.text.startswith(("@", "class ", "#"))]
    if constants:
        blocks.append("\n".join(constants))
    source = "\n\n".join(blocks) + "\n\n\n" + "\n\n\n".join([*others, "\n".join(kernel)]) + "\n"
    arguments = tuple(s.argument() for s in specs)
    code = [*body, *(statement for d in declarations for statement in d.body or ())]
    size = unrolled_size(code, [*head, *(d.text for d in declarations)])
    return Module(source, arguments, Launch(draft.dim, seed, draft.tiled), size)


def _imports(needed: set[str]) -> list[str]:
    found = []
    if "IntEnum" in needed:
        found.append("from enum import IntEnum")
    if "math" in needed:
        found.append("import math")
    if "Any" in needed:
        found.append("from typing import Any")
    if found:
        found.append("")
    return [*found, "import warp as wp"]
