"""What a function captures: values of its caller that come in as parameters of a helper."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from warpgen.synthesis.kit.draft import Array, Draft
from warpgen.synthesis.kit.literals import Literals
from warpgen.synthesis.language.expressions import Expression
from warpgen.synthesis.language.values import Value
from warpgen.synthesis.style.names import plural, singular

if TYPE_CHECKING:
    from typing import Self


class Parameter(NamedTuple):
    """A parameter of a helper function and what its first caller passes."""

    name: str
    annotation: str
    argument: Expression
    again: Callable[[], Value] | None


class Captures(Literals):
    """A function with its caller (`parent`, None for the kernel) and what it takes from there."""

    def __init__(self, draft: Draft, parent: Self | None) -> None:
        super().__init__(draft)
        self.parent = parent
        self.parameters: list[Parameter] = []
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

    def _kernel(self) -> Self:
        return self if self.parent is None else self.parent._kernel()

    def _import(
        self, names: str, outer: Value, annotation: str = "", again: Callable[[], Value] | None = None
    ) -> Value:
        """An outer value as a parameter of this helper (module names and numbers are seen as they are).

        `again` asks for another such value, for a second call of the helper.
        """
        text = outer.text
        if text in self.module_names or not any(c.isalpha() for c in text) or text in ("True", "False"):
            return outer
        name = next((p.name for p in self.parameters if p.argument.text == text), "")
        if not name:
            name = self.name(singular(names))
            self.parameters.append(
                Parameter(name, annotation or self.draft.use_type(outer.type), outer.node, again)
            )
        return Value(name, outer.type, outer.lo, outer.hi, self.author, unit=outer.unit)

    def _import_array(self, names: str, outer: Array) -> Array:
        for p in self.parameters:
            if p.argument.text == outer.name:
                return Array(self.draft, outer.spec, p.name)
        name = self.name(plural(names))
        self.parameters.append(Parameter(name, self.draft.annotate(outer.spec), outer.node, None))
        return Array(self.draft, outer.spec, name)
