"""A motif as a helper function: `@wp.func` with what it asked for as parameters."""

from __future__ import annotations

from collections.abc import Callable

from warpgen.synthesis.kit import Kit
from warpgen.synthesis.liveness import identifiers, live_lines, render
from warpgen.synthesis.values import Value


def outline(k: Kit, write: Callable[[Kit], None], names: str, title: str = "") -> list[str]:
    """Write `write` as a function of its own, call it from `k` and give its results there.

    Returns the names that the results have in `k`.
    """
    inner = Kit(k.draft, parent=k)
    write(inner)
    # What was taken inside was an intermediate; if all was taken, the last one is the result.
    given = [g for g in inner.pool if not g.used][-4:] or inner.pool[-1:]
    results = [g.value for g in given]
    if results:
        inner.line("return " + ", ".join(v.text for v in results))
    lines = live_lines(inner.lines)
    used = identifiers(lines)
    parameters = [p for p in inner.parameters if p[0] in used]
    name = k.draft.module_name(names)
    signature = ", ".join(f"{n}: {annotation}" for n, annotation, _ in parameters)
    head = ["@wp.func"]
    returns = ""
    if len(results) == 1 and k.rng.chance(0.35):
        returns = f" -> {k.draft.use_type(results[0].type)}"
    head.append(f"def {name}({signature}){returns}:")
    if title and k.author.docstring:
        head.append(f'    """{title}."""')
    k.draft.declare(name, "\n".join([*head, render(lines)]))
    call = f"{name}({', '.join(argument for _, _, argument in parameters)})"
    if not results:
        k.line(call)
        return []
    locals_ = [k.name(g.names) for g in given]
    k.line(f"{', '.join(locals_)} = {call}", " ".join(locals_))
    for local, g, v in zip(locals_, given, results, strict=True):
        k.give(g.names, Value(local, v.type, v.lo, v.hi, k.author, unit=v.unit))
    return locals_
