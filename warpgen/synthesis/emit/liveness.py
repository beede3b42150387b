"""Nothing dead is left: assignments that nobody reads and blocks that hold nothing are taken out."""

from __future__ import annotations

from warpgen.synthesis.language.statements import Blank, Block, Comment, Leave, Statement, walk


def live(body: list[Statement]) -> list[Statement]:
    """The statements without assignments to locals that nothing else reads, and without empty blocks."""
    while True:
        code = walk(body)
        # A name lives if a statement reads it that is not itself an assignment to it.
        read = set().union(*[s.names.difference(s.defines) if s.defines else s.names for s in code])
        if not any(_is_dead(s, read) if s.defines else _is_empty(s) for s in code):
            return _tidy(body)
        body = _without_empty_blocks(_without_dead(body, read))


def _is_dead(statement: Statement, read: set[str]) -> bool:
    return bool(statement.defines) and read.isdisjoint(statement.defines)


def _is_empty(statement: Statement) -> bool:
    return isinstance(statement, Block) and not any(s.is_code for s in statement.body)


def _without_dead(body: list[Statement], read: set[str]) -> list[Statement]:
    kept: list[Statement] = []
    for statement in body:
        if _is_dead(statement, read):
            drop_remark(kept)
        elif isinstance(statement, Block):
            kept.append(statement.around(_without_dead(statement.body, read)))
        else:
            kept.append(statement)
    return kept


def drop_remark(kept: list[Statement]) -> None:
    """A comment goes with the statement that it explains."""
    while kept and isinstance(kept[-1], Comment):
        kept.pop()


def _without_empty_blocks(body: list[Statement]) -> list[Statement]:
    kept: list[Statement] = []
    for at, statement in enumerate(body):
        if _is_empty(statement):
            following = next((s for s in body[at + 1 :] if s.is_code), None)
            if isinstance(following, Block) and following.continues and isinstance(statement, Block):
                kept.append(statement.around([Leave("pass")]))
        elif isinstance(statement, Block):
            kept.append(statement.around(_without_empty_blocks(statement.body)))
        else:
            kept.append(statement)
    return kept


def _tidy(body: list[Statement]) -> list[Statement]:
    """No comment or blank line without code behind it."""
    kept: list[Statement] = []
    for at, statement in enumerate(body):
        if isinstance(statement, Block):
            kept.append(statement.around(_tidy(statement.body)))
        elif statement.is_code or _is_due(statement, kept, body[at + 1 :]):
            kept.append(statement)
    return kept


def _is_due(remark: Statement, before: list[Statement], behind: list[Statement]) -> bool:
    """Whether a comment explains what comes next, or a blank line parts what was from what comes."""
    following = next((s for s in behind if not isinstance(s, Blank)), None)
    if following is None:
        return False
    if isinstance(remark, Comment):
        return following.is_code
    return bool(before) and not isinstance(before[-1], Blank)
