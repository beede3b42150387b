"""A motif as a helper function: `@wp.func` with what it asked for as parameters."""

from __future__ import annotations

from collections.abc import Callable

from warpgen.synthesis.emit.comments import with_comments
from warpgen.synthesis.emit.docstrings import function_comment, function_docstring
from warpgen.synthesis.emit.inlining import inlined
from warpgen.synthesis.emit.liveness import live
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.kit.pool import Given
from warpgen.synthesis.language.expressions import Call, Expression, Name
from warpgen.synthesis.language.statements import Assign, Do, names_in
from warpgen.synthesis.language.values import Value

_SECOND_CALL = 0.12  # a helper that is called once is common, but most exist to be called again


def outline(k: Kit, write: Callable[[Kit], None], names: str, title: str = "") -> list[str]:
    """Write `write` as a function of its own, call it from `k` and give its results there.

    Returns the names that the results have in `k`.
    """
    inner = Kit(k.draft, parent=k)
    write(inner)
    # What shows in what was made of it was an intermediate; if all does, the last one is the result.
    given = [g for g in inner.pool.given if not g.shown][-4:] or inner.pool.given[-1:]
    results = [g.value for g in given]
    if results:
        inner.leave("return", *results)
    body = inlined(live(inner.body), k.author)
    if not body:  # all that it wrote was dead
        return []
    used = names_in(body)
    parameters = [p for p in inner.parameters if p.name in used]
    name = k.draft.module_name(names)
    signature = ", ".join(f"{p.name}: {p.annotation}" for p in parameters)
    head = [*function_comment(k.author, title), "@wp.func"]
    returns = ""
    if len(results) == 1 and k.rng.chance(0.35):
        returns = f" -> {k.draft.use_type(results[0].type)}"
    head.append(f"def {name}({signature}){returns}:")
    if title and k.author.docstring:
        text = function_docstring(k.author, title, [p.name for p in parameters], [v.text for v in results])
        head += [f"    {line}" if line else "" for line in text]
    k.draft.declare(name, "\n".join(head), with_comments(body, k.author, "element"))
    first = [p.argument for p in parameters]
    locals_ = _call(k, name, first, given, results)
    if results and k.rng.chance(_SECOND_CALL) and any(p.again for p in parameters):
        second = [p.again().node if p.again is not None else p.argument for p in parameters]
        if any(a.text != b.text for a, b in zip(first, second, strict=True)):
            _call(k, name, second, given, results)
    return locals_


def _call(
    k: Kit, name: str, arguments: list[Expression], given: list[Given], results: list[Value]
) -> list[str]:
    """Write a call of the helper and give its results."""
    call = Call(name, tuple(arguments))
    if not results:
        k.write(Do(call))
        return []
    locals_ = [k.name(g.names) for g in given]
    k.write(Assign(tuple(map(Name, locals_)), call, tuple(locals_)))
    for local, g, v in zip(locals_, given, results, strict=True):
        k.give(g.names, Value(local, v.type, v.lo, v.hi, k.author, unit=v.unit))
    return locals_
