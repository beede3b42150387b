"""Where a stencil's neighbours are: in the text, whatever memory and edges are like, and in NumPy."""

from __future__ import annotations

import math
import re
import textwrap
from typing import Any

import numpy as np

from warpgen.synthesis.library import indexing
from warpgen.synthesis.writing.draft import Draft

NAMES = {"dt": "time_step|delta_time", "dx": "h|cell_size|spacing"}

# Names of the extents and of what comes before and behind an index, as one hand gives them.
_SIZES = (("nx", "ny", "nz"), ("nx", "ny", "nz"), ("size_i", "size_j", "size_k"), ("dim_x", "dim_y", "dim_z"))
_SIDES = ("{}m", "{}p"), ("{}m", "{}p"), ("{}_prev", "{}_next"), ("{}l", "{}r"), ("{}0", "{}1")

_MODES = {"periodic": "wrap", "wrap": "wrap", "mirror": "reflect"}
_HELPERS = {"wrap": indexing.WRAP, "mirror": indexing.MIRROR, "clamp func": indexing.CLAMP}


class Grid:
    """A regular grid of one, two or three axes, whose edges are treated in one of these ways.

    "periodic", "clamp": neighbours' indices are locals; "wrap", "mirror", "clamp func": helpers make them;
    "fixed": cells at the border do what `border` says, and leave; "interior": they are not launched.
    """

    def __init__(
        self,
        d: Draft,
        ndim: int,
        edges: tuple[str, ...] = ("periodic", "wrap", "clamp", "fixed", "interior"),
        layouts: tuple[str, ...] = ("nd", "nd", "flat"),
        reach: int = 1,
        sizes: tuple[int, ...] = (),
        ahead: bool = False,
    ) -> None:
        self.ndim = ndim
        self.edges = d.option("edges", *edges)
        flat = ndim > 1 and d.option("layout", *layouts) == "flat"
        self.flat = flat
        if flat and self.edges == "interior":  # one index runs over all cells: those at the border return
            self.edges = "fixed"
        self.reach = reach
        each = sizes or {1: (64, 96, 128, 200), 2: (12, 16, 20, 24), 3: (6, 7, 8)}[ndim]
        self.sides = tuple(d.pick(*each) for _ in range(ndim))
        self.inside = self.edges in ("fixed", "interior")
        self.shape: tuple[int, ...] = (math.prod(self.sides),) if flat else self.sides
        # Where nothing before a cell is read, no index is negative
        helpers = _HELPERS | {"wrap": indexing.WRAP_AHEAD} if ahead else _HELPERS
        self.helper = d.use(helpers[self.edges]) if self.edges in helpers else ""
        self._letters = "ijk"[:ndim]
        self.sizes = d.pick(*_SIZES)[:ndim]
        self._before, self._behind = d.pick(*_SIDES[: 5 if reach == 1 else 2])

    def sized(self, d: Draft) -> None:
        """Declare the extents, where no array tells them."""
        if self.flat:
            for name, side in zip(self.sizes, self.sides, strict=True):
                d.param(name, "int", side)

    def index(self, *offset: int) -> str:
        """The index of the cell at `offset` from the thread's."""
        steps = offset or (0,) * self.ndim
        if self.flat and (self.inside or not any(steps)):
            strides = [" * ".join(self.sizes[axis:]) for axis in range(1, self.ndim + 1)]
            text = "tid"
            for step, stride in zip(steps, strides, strict=True):
                size = abs(step)
                by = stride if size == 1 and stride else f"{size} * {stride}" if stride else str(size)
                text += f" {'+' if step > 0 else '-'} {by}" if step else ""
            return text
        parts = [self._part(axis, step) for axis, step in enumerate(steps)]
        if not self.flat:
            return ", ".join(parts)
        text = parts[0]
        for axis, part in enumerate(parts[1:], 1):
            text = f"({text})" if " " in text and axis > 1 else text
            text = f"{text} * {self.sizes[axis]} + {part}"
        return text

    def at(self, name: str, *offset: int) -> str:
        """The element of array `name` there."""
        return f"{name}[{self.index(*offset)}]"

    def _part(self, axis: int, step: int) -> str:
        letter = self._letters[axis]
        if not step:
            return letter
        plain = f"{letter} {'+' if step > 0 else '-'} {abs(step)}"
        if self.inside:
            return plain
        if self.helper:
            return f"{self.helper}({plain}, {self.sizes[axis]})"
        return self._beside(letter, step)

    def _beside(self, letter: str, step: int) -> str:
        name = (self._behind if step > 0 else self._before).format(letter)
        return name + name[-1] * (abs(step) - 1)

    def code(self, d: Draft, body: str, field: str, border: str = "", **blocks: str) -> None:
        """The kernel: indices, what happens at the border, and `body`; `field` tells extents."""
        body = textwrap.dedent(body.strip("\n"))
        sides = [n - 2 * self.reach if self.edges == "interior" and not self.flat else n for n in self.sides]
        d.launch(*((math.prod(self.sides),) if self.flat else sides))
        d.code("\n".join([*self._head(body + " ".join(blocks.values()), field, border), body]), **blocks)

    def _head(self, body: str, field: str, border: str) -> list[str]:
        letters, r = self._letters, self.reach
        sizes = self.sizes
        shifted = self.edges == "interior" and not self.flat
        lines: list[str] = []
        if self.flat:
            lines.append("tid = wp.tid()")
            n = sizes[-1]
            lines += (
                [f"i = tid // {n}", f"j = tid % {n}"]
                if self.ndim == 2
                else [f"i = tid // ({sizes[1]} * {n})", f"j = (tid // {n}) % {sizes[1]}", f"k = tid % {n}"]
            )
        else:
            lines.append(", ".join(f"t{c}" if shifted else c for c in letters) + " = wp.tid()")
        if shifted:
            lines.append("# Only interior cells are launched, so offset the indices")
            lines += [f"{c} = t{c} + {r}" for c in letters]
        guard: list[str] = []
        if self.inside and not shifted:
            low = [f"{c} == 0" if r == 1 else f"{c} < {r}" for c in letters]
            high = [
                f"{c} == {n} - 1" if r == 1 else f"{c} >= {n} - {r}"
                for c, n in zip(letters, sizes, strict=True)
            ]
            test = " or ".join(low + high)
            guard = [f"if {test}:", *([textwrap.indent(border, "    ")] if border else []), "    return"]
        after: list[str] = []
        for c, n in zip(letters, sizes, strict=True):
            for step in range(1, r + 1):
                m, p = self._beside(c, -step), self._beside(c, step)
                if self.edges == "periodic":
                    pair = (m, f"({c} + {n} - {step}) % {n}"), (p, f"({c} + {step}) % {n}")
                else:
                    pair = (m, f"wp.max({c} - {step}, 0)"), (p, f"wp.min({c} + {step}, {n} - 1)")
                if not self.inside and not self.helper:
                    after += [f"{name} = {value}" for name, value in pair if re.search(rf"\b{name}\b", body)]
        if not self.flat:
            used = "\n".join([*guard, *after, body])
            lines += [
                f"{n} = {field}.shape[{axis}]" for axis, n in enumerate(sizes) if re.search(rf"\b{n}\b", used)
            ]
        return lines + guard + after

    # in NumPy

    def grid(self, values: Any) -> Any:
        """An argument's values as a grid."""
        whole = values.shape[: self.ndim] == self.sides
        return values if whole else values.reshape(self.sides + values.shape[len(self.shape) :])

    def near(self, values: Any, *offset: int) -> Any:
        """For each cell the value of the one at `offset`; meaningless at the border of fixed grids."""
        values, r = self.grid(values), self.reach
        widths = [(r, r)] * self.ndim + [(0, 0)] * (values.ndim - self.ndim)
        padded = np.pad(values, widths, _MODES.get(self.edges, "edge"))  # type: ignore[call-overload]
        return padded[tuple(slice(r + o, r + o + n) for o, n in zip(offset, self.sides, strict=True))]

    def result(self, values: Any, border: Any = 0.0) -> Any:
        """What the array holds afterwards: `border` where the kernel does not compute."""
        values = self.grid(values)
        if self.inside:
            r = self.reach
            kept = np.array(np.broadcast_to(np.asarray(border, values.dtype), values.shape))
            inner = (slice(r, -r),) * self.ndim
            kept[inner] = values[inner]
            values = kept
        return values.reshape(self.shape + values.shape[self.ndim :])


def unit(axis: int, ndim: int, step: int = 1) -> tuple[int, ...]:
    """The offset of `step` cells along an axis."""
    return tuple(step if a == axis else 0 for a in range(ndim))


def total(terms: list[str], tail: str = "", width: int = 76) -> str:
    """The sum of terms, on several lines if it is long; `tail` is added as it stands (`- 4.0 * u[i]`)."""
    signed = [terms[0], *(f"+ {term}" for term in terms[1:]), *([tail] if tail else [])]
    text = " ".join(signed)
    if len(text) <= width:
        return text
    lines = [""]
    for term in signed:
        if lines[-1] and len(lines[-1]) + len(term) > width:
            lines.append("")
        lines[-1] += f"{' ' if lines[-1] else ''}{term}"
    return "(\n    " + "\n    ".join(lines) + "\n)"
