"""Functions of an entry and its place, which take parts of a matrix; by them systems are preconditioned."""

from __future__ import annotations

OVER = '''
@wp.func
def over(r: float, entry: float) -> float:
    """Jacobi preconditioner: divide a residual entry by the diagonal entry."""
    return r / entry
'''

ON_DIAGONAL = '''
@wp.func
def on_diagonal(entry: float, row: int, col: int) -> float:
    """Keep diagonal entries, zero elsewhere."""
    return wp.where(row == col, entry, 0.0)
'''

NEAR_DIAGONAL = '''
@wp.func
def near_diagonal(entry: float, row: int, col: int) -> float:
    """Keep tridiagonal entries, zero elsewhere."""
    return wp.where(wp.abs(row - col) <= 1, entry, 0.0)
'''
