"""How tiles are spelled: extents, loads and stores in the forms that people use."""

from __future__ import annotations

from warpgen.synthesis.writing.draft import Draft

# For `wp.tile_map` over a triangular factor: half the log of a determinant is the sum of what this gives.
LOG_DIAGONAL = '''
    @wp.func
    def log_diagonal(entry: float, row: int, col: int) -> float:
        """Log of a diagonal entry; off-diagonal entries are ignored since half are zero."""
        if row == col:
            return wp.log(entry)
        return 0.0
'''


def extent(d: Draft, name: str, size: int) -> str:
    """An extent of tiles under a constant of the module, or as a number."""
    if d.pick(True, True, False):
        d.module(f"{name} = wp.constant({size})")
        return name
    return str(size)


def as_float(size: str) -> str:
    """An extent as a floating-point number."""
    return f"{size}.0" if size.isdigit() else f"float({size})"


class Flat:
    """Loads and stores of tiles of one extent out of arrays of one axis, block after block."""

    def __init__(self, d: Draft, size: str, block: str = "block") -> None:
        self.size = size
        self.tuples = d.flag("tuples", 0.4)
        named = d.flag("named start", 0.4)
        self.start = "start" if named else f"{block} * {size}"
        self.head = f"start = {block} * {size}" if named else ""

    def load(self, array: str, storage: str = "") -> str:
        """`wp.tile_load(...)` of this block's part."""
        rest = f', storage="{storage}"' if storage else ""
        if self.tuples:
            return f"wp.tile_load({array}, shape=({self.size},), offset=({self.start},){rest})"
        return f"wp.tile_load({array}, shape={self.size}, offset={self.start}{rest})"

    def store(self, array: str, tile: str) -> str:
        """`wp.tile_store(...)` to this block's part."""
        where = f"({self.start},)" if self.tuples else self.start
        return f"wp.tile_store({array}, {tile}, offset={where})"


def per_row(tile: str, rows: str, cols: str) -> str:
    """A tile of one value for each row, seen as a matrix whose columns are all alike."""
    return f"wp.tile_broadcast(wp.tile_reshape({tile}, shape=({rows}, 1)), shape=({rows}, {cols}))"


def per_col(tile: str, rows: str, cols: str) -> str:
    """A tile of one value for each column, seen as a matrix whose rows are all alike."""
    return f"wp.tile_broadcast({tile}, shape=({rows}, {cols}))"


def places(rows: str, cols: str, names: tuple[str, str] = ("row_id", "col_id")) -> str:
    """Lines that number the rows and the columns of a matrix in two tiles of its shape."""
    row, col = (f"wp.tile_arange({extent}, dtype=int)" for extent in (rows, cols))
    return f"{names[0]} = {per_row(row, rows, cols)}\n{names[1]} = {per_col(col, rows, cols)}"
