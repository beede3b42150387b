"""An image and this thread's place in it, and loops over the neighbourhood."""

from __future__ import annotations

from contextlib import AbstractContextManager

from warpgen.synthesis.kit.draft import Array
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import Type
from warpgen.synthesis.language.values import Value

GREY = "image|img|src|gray|luma_image|intensity_image"
COLOUR = "rgb_image|image|frame_image|src_image|color_image"


_STEP_NAMES = {
    (0, -1): "im|up|y0|i_prev", (0, 1): "ip|down|y1|i_next",
    (1, -1): "jm|left|x0|j_prev", (1, 1): "jp|right|x1|j_next",
}  # fmt: skip


class Frame:
    """An image and this thread's pixel; `at` reads a neighbour under one rule for the border."""

    def __init__(self, k: Kit, names: str = GREY, t: Type | None = None, hi: float = 1.0) -> None:
        self.k = k
        self.i, self.j = k.place
        self.rows, self.cols = k.draft.shape
        self.type = t or k.real
        self.image: Array = k.array(names, self.type, 2, lo=0.0, hi=hi)
        self.rule = k.rng.choice(("clamp", "clamp", "minmax", "wrap"))
        self.named = k.rng.chance(0.6)  # the image's extents by name rather than number
        self.by_name = k.rng.chance(0.6)
        self.steps: dict[tuple[int, int], Value] = {}

    def _index(self, at: Value, shift: int | Value, axis: int) -> Value:
        k, n = self.k, self.k.draft.shape[axis]
        if isinstance(shift, int) and shift == 0:
            return at
        moved = at + shift
        top = k.extent(axis) - 1 if self.named else k.lit(n - 1)
        if self.rule == "wrap":
            extent = k.extent(axis)
            return ((moved + extent) % extent).within(0, n - 1)
        if self.rule == "clamp" or isinstance(shift, Value):
            return k.wp.clamp(moved, 0, top).within(0, n - 1)
        return k.wp.min(moved, top).within(0, n - 1) if shift > 0 else k.wp.max(moved, 0).within(0, n - 1)

    def _step(self, axis: int, shift: int) -> Value:
        """The index of a neighbour at a fixed distance, named once if this author names such things."""
        if (axis, shift) not in self.steps:
            index = self._index((self.i, self.j)[axis], shift, axis)
            if shift and self.by_name:
                names = _STEP_NAMES.get((axis, shift), f"{'ij'[axis]}{'m' if shift < 0 else 'p'}{abs(shift)}")
                index = self.k.define(names, index)
            self.steps[axis, shift] = index
        return self.steps[axis, shift]

    def at(self, di: int | Value = 0, dj: int | Value = 0) -> Value:
        r = self._step(0, di) if isinstance(di, int) else self._index(self.i, di, 0)
        c = self._step(1, dj) if isinstance(dj, int) else self._index(self.j, dj, 1)
        return self.image[r, c]

    def near(self, di: Value, dj: Value) -> Value:
        """A neighbour whose indices get names of their own, as in the body of a loop."""
        r = self.k.define("r|y|ii|row_n", self._index(self.i, di, 0))
        c = self.k.define("c|x|jj|col_n", self._index(self.j, dj, 1))
        return self.image[r, c]


def window(k: Kit, radius: int) -> tuple[AbstractContextManager[Value], AbstractContextManager[Value]]:
    """The two loops over the neighbourhood; larger ones often have their radius as an argument."""
    if radius > 1 and k.rng.chance(0.7):
        r = k.size("radius|half_width|reach", radius)
        return k.for_("dy|a|di", r + 1, -r), k.for_("dx|b|dj", r + 1, -r)
    return k.for_("dy|a|di", radius + 1, -radius), k.for_("dx|b|dj", radius + 1, -radius)
