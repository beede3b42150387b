"""A function's own text, with other words in some places."""

from __future__ import annotations

import ast
import re
from typing import NamedTuple


class Edit(NamedTuple):
    """Bytes of a function's source to be replaced."""

    start: int
    stop: int
    text: str


class Text:
    """The source that `node` was parsed from, and what is to be written in place of its parts."""

    def __init__(self, source: str, node: ast.FunctionDef) -> None:
        self._data, self._node = source.encode(), node
        self._starts = [0]
        for line in self._data.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._edits: list[Edit] = []
        self._done: set[int] = set()

    def replace(self, node: ast.expr, text: str) -> None:
        """Write this in place of a node."""
        start, stop = self._span(node)
        if self._data[start:stop].decode() != text:
            self._edits.append(Edit(start, stop, text))
        self.leave(node)

    def rename(self, node: ast.Name, name: str) -> None:
        """Write another name for a variable."""
        self._edits.append(Edit(*self._span(node), name))

    def leave(self, node: ast.expr) -> None:
        """Take a node, and all inside, for done."""
        self._done.update(id(inner) for inner in ast.walk(node))

    def is_done(self, node: ast.AST) -> bool:
        """Whether it was replaced or left, itself or around it."""
        return id(node) in self._done

    def drop_return(self) -> None:
        """Leave out what the function says it returns: Warp finds out by itself."""
        assert self._node.returns is not None
        start, stop = self._span(self._node.returns)
        arrow = self._data.rindex(b"->", 0, start)
        self._edits = [edit for edit in self._edits if not arrow <= edit.start < stop]
        self._edits.append(Edit(arrow, stop, ""))

    def state(self) -> tuple[list[Edit], set[int]]:
        """What `restore` takes to undo whatever comes after."""
        return list(self._edits), set(self._done)

    def restore(self, state: tuple[list[Edit], set[int]]) -> None:
        """Undo what came after `state`."""
        self._edits, self._done = state

    def written(self, name: str) -> str:
        """The function from `def` on, under another name."""
        at, made = self._starts[self._node.lineno - 1], []
        # The name as it stands there: Python takes some letters for others, as 𝜃 for θ.
        head = re.compile(rb"def\s+(?:\\\n\s*)?([^\s(\\\[]+)").match(self._data, at)
        assert head is not None  # decorators stand on lines of their own
        renamed = Edit(*head.span(1), name)
        for edit in sorted([renamed, *self._edits]):
            if edit.start < at:
                continue  # of the decorators, or inside a replaced expression
            made += [self._data[at : edit.start], edit.text.encode()]
            at = edit.stop
        made.append(self._data[at:])
        return b"".join(made).decode()

    def _span(self, node: ast.expr) -> tuple[int, int]:
        assert node.end_lineno is not None and node.end_col_offset is not None
        start = self._starts[node.lineno - 1] + node.col_offset
        return start, self._starts[node.end_lineno - 1] + node.end_col_offset
