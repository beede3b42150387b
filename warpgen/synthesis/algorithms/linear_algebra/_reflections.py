"""Householder reflections of matrices in tiles: how they are applied, and what they map over entries."""

from __future__ import annotations

from warpgen.synthesis.library.tile_forms import per_col, per_row

FROM_PIVOT = '''
    @wp.func
    def from_pivot(entry: float, row: int, step: int) -> float:
        """Mask out entries above the pivot, which already belong to R."""
        return wp.where(row >= step, entry, 0.0)
'''
WITH_PIVOT = """
    @wp.func
    def with_pivot(entry: float, row: int, step: int, pivot: float) -> float:
        return wp.where(row == step, pivot, entry)
"""
ROW_SIGN = """
    @wp.func
    def row_sign(diagonal: float) -> float:
        return wp.where(diagonal < 0.0, -1.0, 1.0)
"""
UPPER_PART = """
    @wp.func
    def upper_part(entry: float, row: int, col: int) -> float:
        return wp.where(row <= col, entry, 0.0)
"""
ON_DIAGONAL = """
    @wp.func
    def on_diagonal(entry: float, row: int, col: int) -> float:
        return wp.where(row == col, entry, 0.0)
"""
UPDATES = {
    "product": """
        # A - tau v (v^T A), accumulating the outer product in place
        w = wp.tile_matmul(wp.tile_reshape(v, shape=(1, ROWS)), a)
        w_scaled = -tau * w
        wp.tile_matmul(wp.tile_reshape(v, shape=(ROWS, 1)), w_scaled, a)
    """,
    "outer": f"""
        # w = tau A^T v, then A - v w^T
        v_wide = {per_row("v", "ROWS", "COLS")}
        w = tau * wp.tile_sum(v_wide * a, axis=0)
        a -= v_wide * {per_col("w", "ROWS", "COLS")}
    """,
}
