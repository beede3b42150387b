"""Functions of an entry and its place, which take parts of a matrix; by them systems are preconditioned."""

from __future__ import annotations

OVER = '''
@wp.func
def over(r: float, entry: float) -> float:
    """Entry of the residual over that of the matrix's diagonal (Jacobi preconditioner)."""
    return r / entry
'''

ON_DIAGONAL = '''
@wp.func
def on_diagonal(entry: float, row: int, col: int) -> float:
    """The diagonal of a matrix, zero elsewhere."""
    return wp.where(row == col, entry, 0.0)
'''

NEAR_DIAGONAL = '''
@wp.func
def near_diagonal(entry: float, row: int, col: int) -> float:
    """The tridiagonal part of a matrix."""
    return wp.where(wp.abs(row - col) <= 1, entry, 0.0)
'''
