"""The toolbox a motif is written with: what it asks for, what it gives, functions around it.

A motif asks by name, type and range (`k.input("mass|m", k.real, 0.1, 10.0)`) and never cares whether
the answer is a value an earlier motif gave, an element of an array, a field of a parameter struct,
a scalar argument or a constant. Inside a helper function the same requests become its parameters.

`Kit` is built in steps, one idea each: `statements`, making values (`literals`), the border of a
function (`captures`), `arrays`, asking and giving (`requests`), and here the thread's place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from warpgen.errors import SynthesisError
from warpgen.launch import FillKind
from warpgen.synthesis.kit.draft import Draft
from warpgen.synthesis.kit.requests import Requests
from warpgen.synthesis.language.types import I32, U64, opaque
from warpgen.synthesis.language.values import Value

if TYPE_CHECKING:
    from typing import Self


class Kit(Requests):
    """One function being written: the kernel (parent None) or a helper called from `parent`."""

    def __init__(self, draft: Draft, parent: Self | None = None) -> None:
        super().__init__(draft, parent)

    # -- where the thread stands -----------------------------------------------------------------------
    @property
    def flat(self) -> Value:
        """The thread's number, rows first, in a launch of any rank."""
        place, shape = self.place, self.draft.shape
        value = place[0]
        for axis in range(1, len(place)):
            value = value * self.extent(axis) + place[axis]
        total = 1
        for extent in shape:
            total *= extent
        return value if len(place) == 1 else self.let("index|flat|linear|cell", value.within(0, total - 1))

    def extent(self, axis: int = 0) -> Value:
        """The number of elements along a launch axis: an int argument or a constant."""
        names = (
            "n|count|num_elements|size|length",
            "width|cols|nx|num_cols",
            "depth|nz|channels",
            "batch|nw",
        )[axis]
        if len(self.draft.shape) > 1 and axis == 0:
            names = "height|rows|ny|num_rows"
        return self.size(names, self.draft.shape[axis])

    def size(self, names: str, value: int) -> Value:
        """A count that the program knows under a name, as an int argument or module constant."""
        if self.parent is not None:
            return self._import(names, self.parent.size(names, value))
        key = ("size", names.split("|")[0], value)
        if key not in self._known:
            if self.author.constants and self.rng.chance(0.3):
                known = self.constant(names, value, I32)
            else:
                name = self.name(names)
                self.draft.argument(name, I32, 0, "param", value, value, "constant").value = value
                known = Value(name, I32, value, value, self.author)
            self._known[key] = known
        return self._known[key]  # type: ignore[no-any-return]

    def csr(self, names: str, total: int) -> tuple[Value, Value]:
        """Start and end of this thread's row in a CSR layout of `total` entries."""
        offsets = self.array(names, I32, lo=0, hi=total, kind="offsets")
        i = self.flat
        start, end = offsets[i], offsets[i + 1]
        offsets.spec.fixed = (offsets.spec.need[0],)
        return (
            self.define("start|row_start|begin", start.within(0, total)),
            self.define("end|row_end|stop", end.within(0, total)),
        )

    def guard(self, condition: Value) -> None:
        """`if condition: return`; only in the kernel itself."""
        if self.parent is not None:
            raise SynthesisError("a helper function cannot return from the kernel")
        with self.if_(condition):
            self.leave("return")

    def forward_only(self) -> None:
        """No adjoint for this kernel.

        One would run again what must run once, such as a draw of places by an atomic, or go through a loop
        with what its counter was left at, and reach past arrays.
        """
        options = self.draft.kernel_options
        options[:] = [option for option in options if not option.startswith("enable_backward")]
        options.append("enable_backward=False")

    # -- handles ---------------------------------------------------------------------------------------
    def handle(
        self, names: str, kind: FillKind, shape: tuple[int, ...] = (), *, annotation: str = "", **fill: Any
    ) -> Value:
        """A mesh, bvh, hash grid, volume (ids) or texture argument; `fill` sets low, high, value, of."""
        if self.parent is not None:
            outer = self.parent.handle(names, kind, shape, annotation=annotation, **fill)
            return self._import(names, outer, annotation or "wp.uint64")
        key = ("handle", kind, shape, annotation, tuple(sorted(fill.items())))
        if key not in self._known:
            name = self.name(names)
            type = opaque(annotation.removeprefix("wp.")) if annotation else U64
            spec = self.draft.argument(
                name, type, 0, "handle", fill.get("low", 0.0), fill.get("high", 1.0), kind
            )
            spec.fixed, spec.value, spec.of = shape, fill.get("value", 0.0), fill.get("of", "")
            spec.annotation = annotation
            self._known[key] = Value(name, type, 0, 0, self.author)
        return self._known[key]  # type: ignore[no-any-return]
