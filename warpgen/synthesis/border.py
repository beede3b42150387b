"""The border of a function: what comes in from the caller, as parameters of a helper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from warpgen.synthesis.draft import Array, Draft
from warpgen.synthesis.making import Making
from warpgen.synthesis.names import plural
from warpgen.synthesis.values import Value

if TYPE_CHECKING:
    from warpgen.synthesis.kit import Kit


class Border(Making):
    """A function with its caller (`parent`, None for the kernel) and what it takes from there."""

    def __init__(self, draft: Draft, parent: Kit | None) -> None:
        super().__init__(draft)
        self.parent = parent
        self.parameters: list[tuple[str, str, str]] = []  # of a helper: name, annotation, argument text
        self.index: tuple[Value, ...] = ()  # the thread's place, one value per axis
        self._known: dict[Any, Any] = {}  # what was asked for before, by request

    @property
    def i(self) -> Value:
        """The first axis of the thread's place."""
        return self.place[0]

    @property
    def place(self) -> tuple[Value, ...]:
        """The thread's place, one value per launch axis (parameters inside a helper)."""
        if self.parent is not None and not self.index:
            self.index = tuple(
                self._import(("i|tid|row|idx", "j|col", "k", "l")[n], v)
                for n, v in enumerate(self.parent.place)
            )
        return self.index

    def _kernel(self) -> Border:
        return self if self.parent is None else self.parent._kernel()

    def _import(self, names: str, outer: Value, annotation: str = "") -> Value:
        """An outer value as a parameter of this helper (module names and numbers are seen as they are)."""
        text = outer.text
        if text in self.module_names or not any(c.isalpha() for c in text) or text in ("True", "False"):
            return outer
        for name, _, argument in self.parameters:
            if argument == text:
                return Value(name, outer.type, outer.lo, outer.hi, self.author, unit=outer.unit)
        name = self.name(names)
        self.parameters.append((name, annotation or self.draft.use_type(outer.type), text))
        return Value(name, outer.type, outer.lo, outer.hi, self.author, unit=outer.unit)

    def _import_array(self, names: str, outer: Array) -> Array:
        for name, _, argument in self.parameters:
            if argument == outer.name:
                return Array(self.draft, outer.spec, name)
        name = self.name(plural(names))
        self.parameters.append((name, self.draft.annotate(outer.spec), outer.name))
        return Array(self.draft, outer.spec, name)
