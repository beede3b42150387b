"""Compressed sparse rows: a struct of the arrays, how a draft declares them, and the dense matrix of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import Piece, piece

NAMES = {
    "offsets": "row_offsets|row_ptr|indptr|row_starts",
    "columns": "col_indices|cols|indices|column_indices",
    "values": "vals|data|coefficients|entries",
    "A": "mat|matrix|op",
    "row": "i|r|row_index",
    "k": "entry|nz|jj",
    "start": "row_begin|beg|first",
    "end": "row_end|stop|last",
    "col": "j|c|column",
    "x": "vec|x_in",
    "b": "rhs|f",
}


def _struct(entry: str, name: str) -> Piece:
    return piece(f"""
@wp.struct
class {name}:
    offsets: wp.array(dtype=int)
    columns: wp.array(dtype=int)
    values: wp.array(dtype={entry})
""")


CSR = _struct("float", "CsrMatrix")
BSR = _struct("wp.mat33", "BsrMatrix")


class Rows:
    """How a text reads a matrix that was declared as three arrays or as one struct."""

    def __init__(self, prefix: str, entries: int, shape: tuple[int, int]) -> None:
        self.prefix = prefix
        self.entries = entries
        self.shape = shape
        self.text = {name: prefix + name for name in ("offsets", "columns", "values")}

    def numbers(self, v: Values) -> tuple[Any, Any, Any]:
        """Row of each entry, its column and its value."""
        rows = np.repeat(np.arange(self.shape[0]), np.diff(v[self.prefix + "offsets"]))
        return rows, v[self.prefix + "columns"], v[self.prefix + "values"]

    def dense(self, v: Values) -> Any:
        """The matrix in full (blocks in the last two axes); entries at one place are summed."""
        rows, columns, values = self.numbers(v)
        made = np.zeros((*self.shape, *values.shape[1:]))
        np.add.at(made, (rows, columns), values)
        return made


def declare(
    d: Draft,
    rows: int,
    columns: int,
    entries: int,
    layout: str = "arrays",
    entry: str = "float",
    low: float = -1.0,
    high: float = 1.0,
) -> Rows:
    """Declare a matrix with `entries` entries anywhere, as arrays or, with layout "struct", as a struct."""
    if layout == "struct":
        fields = {
            "offsets": fill(kind="offsets", high=entries, shape=rows + 1),
            "columns": fill(0, columns, shape=entries),
            "values": fill(low, high, shape=entries),
        }
        about = f"Matrix in {'BSR' if entry == 'mat33' else 'CSR'} format"
        d.struct("A", BSR if entry == "mat33" else CSR, fields, about=about)
        return Rows("A.", entries, (rows, columns))
    what = "block" if entry == "mat33" else "entry"
    d.input("offsets", "int", rows + 1, 0, entries, kind="offsets", about="Row offsets")
    d.input("columns", "int", entries, 0, columns, about=f"Column index per {what}")
    d.input(
        "values", entry, entries, low, high, about="Matrix blocks" if what == "block" else "Nonzero values"
    )
    return Rows("", entries, (rows, columns))
