"""`k.wp.name(...)`: calls of Warp's builtins, typed by rule or by Warp's own registry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from warpgen.errors import SynthesisError
from warpgen.synthesis.language.author import Author
from warpgen.synthesis.language.builtins import known
from warpgen.synthesis.language.registry import result_types
from warpgen.synthesis.language.types import F32, I32, U32, Type
from warpgen.synthesis.language.values import Value, call, literal


class Calls:
    """Attribute access gives a builtin; numbers among its arguments become literals of the right type."""

    def __init__(self, author: Author, real: Type) -> None:
        self._author = author
        self._real = real

    def __getattr__(self, name: str) -> Callable[..., Value]:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *args: self._call(name, args)

    def _call(self, name: str, args: tuple[Any, ...]) -> Value:
        values = self._coerced(name, args)
        builtin = known(name)
        if builtin.rule is not None:
            return builtin.write(*values)
        types = result_types(name, tuple(v.type for v in values))
        if len(types) != 1:
            raise SynthesisError(f"wp.{name} gives {len(types)} results; use k.wp_all")
        limit = min(types[0].limit, 1e4)
        return call(f"wp.{name}", list(values), types[0], -limit, limit, self._author)

    def _coerced(self, name: str, args: tuple[Any, ...]) -> list[Value]:
        """Literals take the scalar type of the first value among the arguments, where that makes sense."""
        like = next((a for a in args if isinstance(a, Value) and a.type.kind not in ("bool", "opaque")), None)
        result = []
        for a in args:
            if isinstance(a, Value):
                result.append(a)
                continue
            t = like.type.scalar if like is not None else I32 if isinstance(a, int) else self._real
            if t.is_int and isinstance(a, float):
                t = F32
            elif t is U32 and known(name).plain_ints:
                t = I32
            result.append(literal(a, t, self._author))
        return result
