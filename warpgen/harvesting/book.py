"""The module of one kernel as it grows: its parts in their order, and who has which name."""

from __future__ import annotations

import enum
import math
import types
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import warp as wp

from warpgen.errors import ExtractionError
from warpgen.harvesting.naming import Names
from warpgen.harvesting.reading import Reader
from warpgen.harvesting.spelling import components, literal, plain, spelled, type_name
from warpgen.harvesting.surroundings import Place
from warpgen.verification.native import warp_native

Key = int | Place


class Book:
    """Writes values, functions and types into a module, each once.

    `avoid` are names that nothing may have; `is_foreign` tells texts that must not get into a row.
    With `apart`, each use of what was an attribute stays a constant of its own, as Warp has it; with
    `values`, static expressions become their values.
    """

    def __init__(
        self, avoid: frozenset[str], is_foreign: Callable[[str], bool], apart: bool, values: bool
    ) -> None:
        self._is_foreign = is_foreign
        self.apart, self.values = apart, values
        self.statics = 0  # static expressions that were taken along
        self.parts: list[str] = []
        self.authored: list[str] = []  # functions as they stand in their files
        self.names = Names(avoid)
        self._known: dict[Key, str] = {}  # constants by their place, all else by what it is
        self._same: dict[tuple[str, str], str] = {}  # constants by their name and value
        self._kept: list[Any] = []  # ids stay unique only while their objects live
        self._imports: set[str] = set()

    def header(self) -> str:
        """The lines that import."""
        return "\n".join([*sorted(self._imports), "import warp as wp"])

    def take(self, candidates: tuple[str, ...], value: Any) -> str:
        """A name for a value that is known by what it is."""
        chosen = self.names.take(*candidates)
        self._known[id(value)] = chosen
        self._kept.append(value)
        return chosen

    def write(self, candidates: tuple[str, ...], value: Any, place: Place) -> str:
        """Put a value into the module, if it is not there, and give the expression that stands for it.

        Raises ExtractionError, with the module as it was, where the value cannot be written down.
        """
        return self._once(candidates, value, place, self._written)

    def write_python(
        self, candidates: tuple[str, ...], value: Any, place: Place, arrays: bool = False
    ) -> str:
        """The same for a static expression, which may hold lists, dictionaries and functions of Python.

        With `arrays`, NumPy's too, as lists.
        """
        return self._once(candidates, value, place, partial(self._written_python, arrays=arrays))

    def _once(self, candidates: tuple[str, ...], value: Any, place: Place, written: Any) -> str:
        known = self._known.get(id(value)) if _has_identity(value) else self._known.get(place)
        if known is not None:
            return known
        before = self.state()
        try:
            return str(written(candidates, value, place))
        except ExtractionError:
            self.restore(before)
            raise

    def state(self) -> tuple[Any, ...]:
        """What `restore` takes to undo whatever comes after."""
        copies = list(self.parts), dict(self._known), dict(self._same), set(self._imports)
        return *copies, self.names.state()

    def restore(self, state: tuple[Any, ...]) -> None:
        """Undo what came after `state`."""
        parts, known, same, imports, names = state
        self.parts, self._known, self._same = list(parts), dict(known), dict(same)
        self._imports = set(imports)
        self.names.restore(names)

    def _written(self, candidates: tuple[str, ...], value: Any, place: Place) -> str:
        if isinstance(value, wp.Function):
            return self._function(candidates, value)
        if warp_native.is_struct(value):
            return self.struct(value)
        if isinstance(value, type) and issubclass(value, enum.Enum):
            return self._enum(value)
        if isinstance(value, enum.Enum) and value.name in type(value).__members__:
            kind = type(value)
            return f"{self._once((kind.__name__,), kind, (0, ''), self._written)}.{value.name}"
        if isinstance(value, type) or warp_native.array_family(value):
            return self._type(candidates, value)
        text = literal(value)
        if text is None and hasattr(type(value), "_shape_"):
            kind = type(value)
            made = self._once((f"{candidates[0]}_type",), kind, (0, ""), self._written)
            text = f"{made}({components(value)})"
        if text is not None:
            return self._constant(candidates, value, place, text)
        name = getattr(value, "__name__", "")
        if name and getattr(wp, name, None) is value:
            return f"wp.{name}"
        if name and getattr(math, name, None) is value:
            return f"{self.math()}.{name}"
        raise ExtractionError(f"the kernel uses {candidates[0]}, a {type(value).__name__}")

    def _written_python(self, candidates: tuple[str, ...], value: Any, place: Place, arrays: bool) -> str:
        try:
            return self._once(candidates, value, place, self._written)
        except ExtractionError:
            if isinstance(value, types.FunctionType):
                chosen = self.take((*candidates, value.__name__), value)
                self.parts.append(self.function_text(value, "", chosen))
                return chosen
            text = plain(value, arrays)
            if text is None:
                raise
        return self._constant(candidates, value, place, text)

    def spell(self, kind: Any) -> str:
        """An expression for a type."""
        return spelled(kind, self.struct)

    def _constant(self, candidates: tuple[str, ...], value: Any, place: Place, text: str) -> str:
        if self._is_foreign(text):
            raise ExtractionError("a path of this machine is in a value that the kernel uses")
        key = candidates[0], f"{type(value).__name__} {text}"
        chosen = self._same.get(key)
        if chosen != candidates[0]:  # a qualified name says whose it is
            chosen = self._same[key] = self.names.take(*candidates)
            bare = isinstance(value, (tuple, list, dict, str, type(None))) or literal(value) is None
            self.parts.append(f"{chosen} = {text}" if bare else f"{chosen} = wp.constant({text})")
        self._known[place] = chosen
        self._kept.append(value)
        return chosen

    def _type(self, candidates: tuple[str, ...], value: Any) -> str:
        if value in (int, float, bool):
            return str(value.__name__)
        short = type_name(value) if isinstance(value, type) else ""
        if short:  # not `float` for `wp.float32`: the two make another call of it
            return f"wp.{short}"
        text = self.spell(value)
        if "(" not in text:
            return text
        chosen = self.take(candidates, value)
        self.parts.append(f"{chosen} = {text}")
        return chosen

    def _enum(self, value: type[enum.Enum]) -> str:
        base = next(b.__name__ for b in value.__mro__ if b.__module__ == "enum")
        if issubclass(value, int):
            base = "IntFlag" if issubclass(value, enum.Flag) else "IntEnum"
        members = [(name, literal(member.value)) for name, member in value.__members__.items()]
        if any(text is None for _, text in members):
            raise ExtractionError(f"the values of {value.__name__} cannot be written down")
        self._imports.add(f"from enum import {base}")
        self.names.reserve(base)
        chosen = self.take((value.__name__,), value)
        self.parts.append(
            "\n".join([f"class {chosen}({base}):", *(f"    {name} = {text}" for name, text in members)])
        )
        return chosen

    def struct(self, value: Any) -> str:
        """The name of a struct, which is written down if it is not there."""
        known = self._known.get(id(value))
        if known is not None:
            return known
        fields = [f"    {name}: {self.spell(var.type)}" for name, var in value.vars.items()]
        chosen = self.take((value.cls.__name__,), value)
        self.parts.append("\n".join(["@wp.struct", f"class {chosen}:", *(fields or ["    pass"])]))
        return chosen

    def _function(self, candidates: tuple[str, ...], value: Any) -> str:
        if getattr(wp, value.key, None) is value or value.func is None:
            return f"wp.{value.key}"
        own = value.func.__name__
        chosen = self.take((own, *candidates), value)
        overloads = [*value.user_templates.values(), *value.user_overloads.values()]
        written: list[Any] = []
        for overload in overloads or [value]:
            if overload.generic_parent is not None or any(overload.func is one.func for one in written):
                continue
            written.append(overload)
            self._known[id(overload)] = chosen
            self._kept.append(overload)
            adj = overload.adj
            text = self.function_text(overload.func, _decorator(overload), chosen, {}, adj.arg_types, adj)
            self.parts.append(text)
        own_adjoints = [("grad", one.custom_grad_func) for one in written]
        own_adjoints += [("replay", one.custom_replay_func) for one in written]
        for kind, other in own_adjoints:
            if other is not None and other.func is not None:
                name = self.take((other.func.__name__,), other)
                decorator = f"@wp.func_{kind}({chosen})"
                self.parts.append(self.function_text(other.func, decorator, name, adj=other.adj))
        return chosen

    def function_text(
        self,
        func: Any,
        decorator: str,
        name: str,
        arg_types: Mapping[str, Any] = types.MappingProxyType({}),
        known_types: Mapping[str, Any] = types.MappingProxyType({}),
        adj: Any = None,
    ) -> str:
        """A function's own text under a decorator and a name, with foreign names replaced.

        `arg_types` are written in place of annotations that say another type, all others of those that cannot
        be taken along.
        """
        reader = Reader(self, func, adj)
        self.authored.append(reader.source)
        reader.annotate({**known_types, **arg_types})
        reader.read({**known_types, **arg_types})
        text = reader.text.written(name)
        return f"{decorator}\n{text}" if decorator else text

    def math(self) -> str:
        """What the module calls Python's `math`, which is imported."""
        known = self._known.get(id(math))
        if known is None:
            known = self.take(("math",), math)
            self._imports.add("import math" if known == "math" else f"import math as {known}")
        return known

    def typing(self, name: str) -> str:
        """Import a name of `typing`."""
        self._imports.add(f"from typing import {name}")
        return self.names.reserve(name)


def _has_identity(value: Any) -> bool:
    """Whether a value is known by what it is, not by its name and place as constants are."""
    return (
        isinstance(value, (wp.Function, type, types.FunctionType))
        or warp_native.is_struct(value)
        or bool(warp_native.array_family(value))
    )


def _decorator(function: Any) -> str:
    """The decorator that makes a function what it is."""
    if function.native_snippet is None:
        hint = getattr(function, "inline_hint", None)
        return "@wp.func" if hint is None else f"@wp.func(inline={hint == 'forceinline'})"
    given = [repr(function.native_snippet)]
    if function.adj_native_snippet is not None:
        given.append(f"adj_snippet={function.adj_native_snippet!r}")
    if function.replay_snippet is not None:
        given.append(f"replay_snippet={function.replay_snippet!r}")
    return f"@wp.func_native({', '.join(given)})"
