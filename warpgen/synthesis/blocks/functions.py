"""Functions that a motif writes for itself and calls as often as it likes: `@wp.func` with parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from warpgen.synthesis.emit.liveness import live
from warpgen.synthesis.kit.captures import Parameter as Shared
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.expressions import Name
from warpgen.synthesis.language.statements import names_in
from warpgen.synthesis.language.types import Type
from warpgen.synthesis.language.values import Value, call

Parameter = tuple[str, Type, float, float]  # names, type, bounds of what callers pass


class Function:
    """A helper of the module; calling it gives the call as a value."""

    def __init__(self, k: Kit, name: str, shared: list[Shared], result: Value) -> None:
        self.name = name
        self._k = k
        self._shared = shared  # what every call passes on: what the body asked the kernel for
        self._result = result

    def __call__(self, *args: Value | float) -> Value:
        """Write a call."""
        r = self._result
        values = [a if isinstance(a, Value) else self._k.lit(a) for a in args]
        passed = [s.argument for s in self._shared]
        return call(self.name, [*values, *passed], r.type, r.lo, r.hi, self._k.author, unit=r.unit)

    def inside(self, inner: Kit) -> Function:
        """The same function, called from a function that `k` is the caller of."""
        shared = []
        for s in self._shared:
            known = next((p for p in inner.parameters if p.argument.text == s.argument.text), None)
            if known is None:
                known = Shared(inner.name(s.name), s.annotation, s.argument, None)
                inner.parameters.append(known)
            shared.append(Shared(known.name, known.annotation, Name(known.name), None))
        return Function(inner, self.name, shared, self._result)


def function(
    k: Kit, names: str, parameters: Sequence[Parameter], write: Callable[..., Value], title: str = ""
) -> Function:
    """Declare a function; `write(inner, *values)` writes its body and gives what it returns.

    Inputs and parameters that the body asks for by itself become further parameters, which every call
    fills with what they are in `k`; so call it where it was made.
    """
    inner = Kit(k.draft, parent=k)
    values, signature = [], []
    for name, type, lo, hi in parameters:
        text = inner.name(name)
        signature.append(f"{text}: {k.draft.use_type(type)}")
        values.append(Value(text, type, lo, hi, k.author))
    result = inner.saturate(write(inner, *values))
    inner.leave("return", result)
    body = live(inner.body)
    used = names_in(body)
    extra = [p for p in inner.parameters if p.name in used]
    signature += [f"{name}: {annotation}" for name, annotation, _, _ in extra]
    returns = f" -> {k.draft.use_type(result.type)}" if k.rng.chance(0.2) else ""
    name = k.draft.module_name(names)
    head = ["@wp.func", f"def {name}({', '.join(signature)}){returns}:"]
    if title and k.author.docstring:
        head.append(f'    """{title}."""')
    k.draft.declare(name, "\n".join(head), body)
    return Function(k, name, extra, result)
