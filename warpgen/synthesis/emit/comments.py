"""Comments between the lines: what people say about a statement, read off the statement itself."""

from __future__ import annotations

import functools

from warpgen.synthesis.emit.recognition import (
    REASONS,
    asked_of,
    atomic_of,
    is_start,
    leading_call,
    loaded_part,
)
from warpgen.synthesis.language.author import Author
from warpgen.synthesis.language.builtins import known
from warpgen.synthesis.language.expressions import (
    Binary,
    Call,
    Element,
    Expression,
    Group,
    Name,
    inside,
    root,
)
from warpgen.synthesis.language.statements import Assign, Blank, Block, Comment, Do, For, Leave, Statement
from warpgen.synthesis.style import priors
from warpgen.synthesis.style.english import phrase

_VERB_OF = {
    "<": "is below",
    "<=": "is at most",
    ">": "exceeds",
    ">=": "reaches",
    "==": "equals",
    "!=": "differs from",
}
_OUT = (
    "store the result", "write the result", "write {x}", "store {x}", "save {x} for the next step",
    "write {x} to global memory", "output {x}", "write back {x}", "store {x} for each {thing}",
)  # fmt: skip
_SUMS = (
    "accumulate {x}", "add to {x}", "add the contribution of this term", "update {x}",
    "sum up the contributions", "add this contribution to {x}", "add {x}", "keep track of {x}",
)  # fmt: skip
_ATOMICS = {
    "add": ("accumulate {v} into {x}", "add the contribution of this {thing}", "add {v} to {x}"),
    "add 0": (
        "several threads may write to the same element",
        "use an atomic since other threads write here as well",
        "atomic add because the same entry is updated by multiple threads", "sum over all {thing}s",
        "accumulate {v} over all {thing}s", "add {v} to the total",
    ),
    "sub": ("subtract {v} from {x}", "remove the contribution"),
    "max": ("update the maximum", "keep the largest value", "keep track of the largest {v}"),
    "min": ("update the minimum", "keep the smallest value", "keep track of the smallest {v}"),
}  # fmt: skip
_SKIPS = (
    "skip this {thing}", "early exit", "nothing to do for this {thing}", "ignore this {thing}",
    "early return if there is nothing to do", "skip inactive {thing}s", "this {thing} does not contribute",
)  # fmt: skip
_LOOPS = (
    "loop over all {x}", "iterate over {x}", "loop over {x}", "for each of the {x}", "go through all {x}",
    "process {x} one at a time",
)  # fmt: skip
_PLAIN_LOOPS = (
    "iterate a fixed number of times", "loop over the entries", "fixed number of iterations",
    "loop over the neighborhood", "accumulate over the entries", "go through the entries one by one",
)  # fmt: skip
_LOADS = (
    "load {x}", "read {x}", "get {x} of this {thing}", "{x} of this {thing}", "get {x}", "fetch {x}",
    "load {x} for this {thing}", "current {x}", "look up {x}", "get the value of {x}",
)  # fmt: skip
_COMPUTES = (
    "compute {x}", "compute {x} for this {thing}", "calculate {x}", "evaluate {x}", "{x}", "get {x}",
    "determine {x}", "update {x}", "{x} of the {thing}",
)  # fmt: skip
_THREADS = ("one thread per {thing}", "thread index", "get the thread index", "index of this {thing}")
_BOTH = ("check both conditions", "only handle {thing}s that need it", "check the range")
_STARTS = (
    "initialize {x}",
    "start with {x} at zero",
    "reset {x}",
    "accumulator for {x}",
    "initial value of {x}",
)
_ELSE = (
    "otherwise",
    "all other cases",
    "default case",
    "fall back to the default",
    "handle the remaining case",
)


def with_comments(body: list[Statement], author: Author, thing: str) -> list[Statement]:
    """The statements with comments put above some of them, where this author would have one."""
    return _Commenting(author, thing).of(body) if author.statement_comments else body


class _Commenting:
    """Comments on one function; nothing is said twice."""

    def __init__(self, author: Author, thing: str) -> None:
        self._author = author
        self._thing = thing
        self._said: set[str] = set()

    def of(self, body: list[Statement]) -> list[Statement]:
        """A block with comments."""
        rng, kept = self._author.rng, list[Statement]()
        for statement in body:
            quiet = kept and isinstance(kept[-1], Comment)
            chosen = statement.is_code and not quiet and rng.chance(self._author.statement_comments)
            remark = self._remark(statement) if chosen else None
            if remark is not None and isinstance(statement, Block) and statement.continues:
                statement = statement.around([remark, *statement.body])  # above it would end the branch
            elif remark is not None:
                if kept and not isinstance(kept[-1], Blank) and rng.chance(self._author.blank_lines):
                    kept.append(Blank())
                kept.append(remark)
            kept.append(
                statement.around(self.of(statement.body)) if isinstance(statement, Block) else statement
            )
        return kept

    def _remark(self, statement: Statement) -> Comment | None:
        """What this author says above the statement, if anything."""
        text = _comment(statement, self._author, self._thing)
        if not text or text in self._said:
            return None
        self._said.add(text)
        return Comment(text)


def _comment(statement: Statement, author: Author, thing: str) -> str:
    found = _said_of(statement, author, thing)
    if not found:
        return ""
    if author.capitals:
        found = found[0].upper() + found[1:]
    return f"{found}." if author.full_stops else found


def _said_of(statement: Statement, author: Author, thing: str) -> str:
    """What this author says of the statement; empty if nothing comes to mind."""
    rng = author.rng
    for holds, reasons in REASONS:
        if rng.chance(0.3) and holds(statement):
            return rng.choice(reasons)
    match statement:
        case Block(word="else"):
            return rng.choice(_ELSE)
        case Block(word="if" | "elif", parts=(test,)):
            return _of_test(test, author, thing)
        case For(parts=(_, source)):
            return _of_loop(source, author, thing)
        case Leave(word="return", parts=()):
            return _fill(author, _SKIPS, "", thing)
        case Do() | Assign() if atomic := atomic_of(statement):
            return _of_atomic(atomic, author, thing)
        case Assign():
            return _of_assignment(statement, author, thing)
    return ""


def _of_loop(source: Expression, author: Author, thing: str) -> str:
    if not isinstance(source, Call) or source.name != "range":
        return ""
    stop, *step = source.parts if len(source.parts) == 1 else source.parts[1:]
    if any(isinstance(node, (Call, Group)) for node in inside(stop, *step)):
        return ""
    x = phrase(stop.text).removeprefix("number of ")
    return _fill(author, _LOOPS if x.endswith("s") else _PLAIN_LOOPS, x, thing)


def _of_atomic(call: Call, author: Author, thing: str) -> str:
    array, *keys, value = call.parts
    kind = call.name.removeprefix("wp.atomic_")
    total = kind == "add" and [key.text for key in keys] == ["0"]
    options = _ATOMICS.get("add 0" if total else kind)
    target, added = _named(array.text, author), _named(value.text, author)
    return _fill(author, options, target, thing, v=added) if options else ""


def _of_assignment(statement: Assign, author: Author, thing: str) -> str:
    target, operator, value = statement.target, statement.operator, statement.value
    if isinstance(target, Element) and operator in ("", "+", "-"):
        source = value.text if isinstance(value, Name) else root(target)
        return _fill(author, _SUMS if operator else _OUT, _named(source, author), thing)
    if not isinstance(target, Name) or operator not in ("", "+", "-", "*"):
        return ""
    name = target.text
    x = _named(name, author)
    if operator:
        changes = _SUMS if operator == "+" else ("scale {x}", "update {x}", "reduce {x}")
        return _fill(author, changes, x, thing)
    if value.text == "wp.tid()":
        return _fill(author, _THREADS, x, thing)
    if is_start(value):
        return _fill(author, _STARTS, x, thing)
    if (loaded := loaded_part(value)) is not None:
        return _fill(author, _LOADS, _named(loaded or name, author), thing)
    call = leading_call(value)
    said = known(call.name.removeprefix("wp.")).comments if call is not None else ()
    if call is not None and said and author.rng.chance(0.7):
        named = isinstance(first := call.parts[0], Name) and (call is value or len(call.parts) > 1)
        a = _named(first.text, author) if named else "the result"
        return _fill(author, said, x, thing, a=a)
    return _fill(author, _COMPUTES, x, thing)


def _of_test(test: Expression, author: Author, thing: str) -> str:
    """A condition in words."""
    rng = author.rng
    asked = asked_of(test)
    if asked is None:
        both = any(isinstance(node, Binary) and node.operator == "and" for node in inside(test))
        return _fill(author, _BOTH, "", thing) if both else ""
    x = phrase(asked.name)
    if not x:
        return ""
    if not asked.operator:
        state = "is not set" if asked.negated else "is set"
    elif asked.other in ("0", "0.0") and asked.operator in (">", "<", "==", "!="):
        state = {">": "is positive", "<": "is negative", "==": "is zero", "!=": "is not zero"}[asked.operator]
    else:
        other = phrase(asked.other) or asked.other
        the = "the " if other.isalpha() or " " in other else ""
        state = f"{_VERB_OF[asked.operator]} {the}{other}"
    opening = rng.choice(
        ("check if", "check whether", "only if", "handle the case that", "if", "this branch is taken if")
    )
    return f"{opening} the {x} {state}"


def _named(name: str, author: Author) -> str:
    """The name in words, with an article where this author puts one; short names as they are."""
    words = phrase(name)
    if not words or author.rng.chance(author.verbatim):
        return name.rsplit(".", 1)[-1]
    return f"the {words}" if author.articles else words


@functools.cache
def _openings(options: tuple[str, ...]) -> dict[str, float]:
    openers = priors.comment_openers()
    return {o: openers.get(o.split(" ", 1)[0], 1.0) for o in options}


def _fill(author: Author, options: tuple[str, ...], x: str, thing: str, **more: str) -> str:
    """One of the options, those with common first words more often, with its places filled."""
    return author.rng.weighted(_openings(options)).format(x=x or "the value", thing=thing, **more)
