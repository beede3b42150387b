"""One parse for two readers: features walk a program's trees first, Warp's code generator takes them over.

A module is cut at its top-level functions, each of which is parsed as Warp would parse it: alone, from its
first decorator on. The fast path hands these trees to Warp by their text.
"""

from __future__ import annotations

import ast
import re

# A line that begins a top-level statement: neither blank, nor indented, nor the end of a bracket.
_STATEMENT = re.compile(r"^[^\s)\]}]", re.MULTILINE)
_FUNCTION = re.compile(r"@|def ")

TREES: dict[str, ast.Module] = {}  # of the functions of the last program, by text


def parse(source: str) -> list[ast.stmt]:
    """The statements of a module; line numbers count from the start of each function. Raises SyntaxError."""
    TREES.clear()
    pieces = _cut(source)
    try:
        trees = [ast.parse(piece) for piece in pieces]
    except SyntaxError:  # a string with unindented lines was cut in two, or the source is no Python
        return ast.parse(source).body
    for piece, tree in zip(pieces, trees, strict=True):
        if _FUNCTION.match(piece) and len(tree.body) == 1:
            TREES[piece] = tree
    return [statement for tree in trees for statement in tree.body]


def take(text: str) -> ast.Module | None:
    """The tree of a function with exactly this text, if the last program had one; it is given once only."""
    return TREES.pop(text, None)


def _cut(source: str) -> list[str]:
    """The source in pieces: functions with their decorators, and what lies between them."""
    pieces: list[str] = []
    start = 0
    in_function = decorated = False
    for match in _STATEMENT.finditer(source):
        place = match.start()
        begins = _FUNCTION.match(source, place) is not None and not decorated
        if begins or (in_function and not decorated):
            pieces.append(source[start:place])
            start, in_function = place, begins
        decorated = in_function and source[place] == "@"
    pieces.append(source[start:])
    return [_ended(piece) for piece in pieces if piece.strip()]


def _ended(piece: str) -> str:
    """Without the blank lines at its end, as Warp cuts it."""
    return piece.rstrip() + "\n" if piece.endswith("\n") else piece
