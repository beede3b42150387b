"""Element by element: how one formula is laid out over threads."""

from __future__ import annotations

from typing import Any

from warpgen.launch import FillKind
from warpgen.synthesis.writing.draft import Draft, spelled


class Form:
    """Applies a formula to each element: over a line, a grid or rows; inline or through a function.

    `elements` become locals of that name, read from arrays; `numbers` are arguments by value, which may
    also be given for each row of a grid. `heads` are further parameters of the function: type, and what is
    given for them.
    """

    def __init__(self, d: Draft, most: int = 192) -> None:
        self.d = d
        self.layout = d.option("layout", "flat", "grid", "rows")
        self.apart = d.option("place", "inline", "function")
        self.shape: tuple[int, ...] = (d.pick(64, 96, 128, most),)
        if self.layout != "flat":
            self.shape = d.pick((12, 16), (16, 8), (10, 20))
        self.at = {"flat": "tid", "grid": "i, j", "rows": "row, j"}[self.layout]
        self.elements: dict[str, str] = {}
        self.numbers: dict[str, str] = {}
        self.heads: dict[str, tuple[str, str]] = {}
        self._types: dict[str, str] = {}

    def element(
        self,
        local: str,
        array: str,
        low: float = 0.0,
        high: float = 1.0,
        type: str = "float",
        kind: FillKind = "uniform",
        about: str = "",
    ) -> None:
        """An array whose elements the formula knows as `local`."""
        self.d.input(array, type, self.shape, low, high, kind, about)
        self.elements[local] = array
        self._types[local] = spelled(type)

    def number(
        self,
        name: str,
        low: float,
        high: float | None = None,
        type: str = "float",
        kind: FillKind = "uniform",
        about: str = "",
    ) -> None:
        """An argument by value."""
        self.d.param(name, type, low, high, kind, about)
        self.numbers[name] = spelled(type)

    def handle(self, name: str, kind: FillKind, type: str = "wp.uint64", **made: Any) -> None:
        """What the formula knows by a number, or a texture."""
        self.d.handle(name, kind, type=type, **made)
        self.numbers[name] = type

    def table(self, name: str, type: str, shape: int, low: float, high: float, about: str = "") -> None:
        """An array that every element reads as it likes."""
        self.d.input(name, type, shape, low, high, about=about)
        self.numbers[name] = f"wp.array(dtype={spelled(type)})"

    def output(self, name: str, type: str = "float", about: str = "") -> None:
        """The array of results."""
        self.d.output(name, type, self.shape, about)
        self.result = name

    def write(self, function: str, lines: str, value: str) -> None:
        """The kernel, and the function if there is one."""
        store = f"{self.result}[{self.at}] = "
        if self.apart == "function":
            heads = [f"{local}: {self._types.get(local, 'float')}" for local in self.elements]
            heads += [f"{name}: {type}" for name, type in self.numbers.items()]
            heads += [f"{name}: {type}" for name, (type, _) in self.heads.items()]
            self.d.function(
                f"@wp.func\ndef {function}({', '.join(heads)}):\n    $lines\n    return {value}", lines=lines
            )
            given = [f"{array}[{self.at}]" for array in self.elements.values()] + list(self.numbers)
            given += [value for _, value in self.heads.values()]
            body = f"{store}{function}({', '.join(given)})"
        else:
            reads = [f"{local} = {array}[{self.at}]" for local, array in self.elements.items()]
            body = "\n".join([*reads, *([lines] if lines else []), store + value])
        if self.layout == "flat":
            self.d.launch(*self.shape)
            self.d.code("tid = wp.tid()\n$body", body=body)
        elif self.layout == "grid":
            self.d.launch(*self.shape)
            self.d.code("i, j = wp.tid()\n$body", body=body)
        else:
            self.d.launch(self.shape[0])
            self.d.code(f"row = wp.tid()\nfor j in range({self.result}.shape[1]):\n    $body", body=body)
