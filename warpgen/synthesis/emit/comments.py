"""Comments between the lines: what people say about a statement, read off the statement itself."""

from __future__ import annotations

import re

from warpgen.synthesis.kit.statements import Line
from warpgen.synthesis.language.author import Author
from warpgen.synthesis.language.builtins import known
from warpgen.synthesis.style import priors
from warpgen.synthesis.style.english import phrase

_ASSIGN = re.compile(r"^([A-Za-z_]\w*) (=|\+=|-=|\*=) (.+)$")
_STORE = re.compile(r"^([A-Za-z_]\w*)\[[^=]*\] (=|\+=|-=) (.+)$")
_ELEMENT = re.compile(r"^([A-Za-z_]\w*)(?:\[[^\[\]]*\])+(?:\.(\w+))?$")
_CALL = re.compile(r"^wp\.(\w+)\((.*)\)$")
_ATOMIC = re.compile(r"^(?:\w+ = )?wp\.atomic_(\w+)\(([A-Za-z_]\w*), (.*?), (\w+)\)$")
_TEST = re.compile(r"^(not )?([A-Za-z_]\w*)(?:\[[\w ]+\])? ?(<|<=|>|>=|==|!=)? ?(-?\w+(?:\.\w+)?)?$")
_LOOP = re.compile(r"^for \w+ in range\((?:[^,]+, )?([^,)]+)(?:, [^)]+)?\):$")

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
# Why people write what the line holds, whatever else it does.
_REASONS = (
    (re.compile(r" / .*1(\.0)?e-"),
     ("avoid division by zero", "guard against division by zero", "prevent division by zero",
      "small epsilon for numerical stability", "avoid numerical issues for small values",
      "make sure that the denominator is not zero")),
    (re.compile(r"\(\w+ \+ (\w+ - )?\d\) % \w+"),
     ("wrap around at the boundary", "periodic boundary", "periodic boundary conditions")),
    (re.compile(r"wp\.(min|max|clamp)\(\w+ [+-] 1, "),
     ("clamp at the boundary", "stay inside the grid", "clamp the index to the grid")),
    (re.compile(r"wp\.(acos|asin)\(wp\.clamp"), ("clamp to avoid nan due to rounding",)),
    (re.compile(r"^if \w+ >= \w+ or \w+ >= \w+:$"), ("ignore threads out of bounds", "check the bounds")),
)  # fmt: skip


def with_comments(lines: list[Line], author: Author, thing: str) -> list[Line]:
    """The lines with comments put above some of them, where this author would have one."""
    if not author.statement_comments:
        return lines
    rng = author.rng
    kept: list[Line] = []
    said: set[str] = set()
    for line in lines:
        quiet = line.comment or (kept and kept[-1].comment and kept[-1].text)
        if not quiet and rng.chance(author.statement_comments):
            text = _comment(line.text, author, thing)
            if text and text not in said:
                said.add(text)
                if line.text.startswith(("elif ", "else:")):
                    kept.append(Line(line.depth, line.text))
                    kept.append(Line(line.depth + 1, f"# {text}", comment=True))
                    continue
                if (
                    kept
                    and kept[-1].text
                    and not kept[-1].text.endswith(":")
                    and rng.chance(author.blank_lines)
                ):
                    kept.append(Line(line.depth, "", comment=True))
                kept.append(Line(line.depth, f"# {text}", comment=True))
        kept.append(line)
    return kept


def _comment(text: str, author: Author, thing: str) -> str:
    found = _said_of(text, author, thing)
    if not found:
        return ""
    if author.capitals:
        found = found[0].upper() + found[1:]
    return f"{found}." if author.full_stops else found


def _said_of(text: str, author: Author, thing: str) -> str:
    """What this author says of the statement; empty if nothing comes to mind."""
    rng = author.rng
    for pattern, reasons in _REASONS:
        if rng.chance(0.3) and pattern.search(text):
            return rng.choice(reasons)
    if text == "else:":
        return rng.choice(_ELSE)
    if text.startswith(("if ", "elif ")):
        return _of_test(text.split(" ", 1)[1].rstrip(":"), author, thing)
    if loop := _LOOP.match(text):
        x = phrase(loop[1])
        x = x.removeprefix("number of ")
        return _fill(author, _LOOPS if x.endswith("s") else _PLAIN_LOOPS, x, thing)
    if text == "return":
        return _fill(author, _SKIPS, "", thing)
    if atomic := _ATOMIC.match(text):
        options = _ATOMICS.get("add 0" if atomic[1] == "add" and atomic[3] == "0" else atomic[1])
        target, value = _named(atomic[2], author), _named(atomic[4], author)
        return _fill(author, options, target, thing, v=value) if options else ""
    if store := _STORE.match(text):
        source = store[3] if store[3].isidentifier() else store[1]
        return _fill(author, _OUT if store[2] == "=" else _SUMS, _named(source, author), thing)
    if assign := _ASSIGN.match(text):
        return _of_assignment(assign[1], assign[2], assign[3], author, thing)
    return ""


def _of_assignment(name: str, op: str, right: str, author: Author, thing: str) -> str:
    x = _named(name, author)
    if op != "=":
        return _fill(author, _SUMS if op == "+=" else ("scale {x}", "update {x}", "reduce {x}"), x, thing)
    if right == "wp.tid()":
        return _fill(
            author,
            ("one thread per {thing}", "thread index", "get the thread index", "index of this {thing}"),
            x,
            thing,
        )
    if re.fullmatch(r"(wp\.)?(float|int|float32|int32)\(-?[\d.]+\)|wp\.vec\d\w?\([\d., ]*\)|-?[\d.]+", right):
        return _fill(author, _STARTS, x, thing)
    if element := _ELEMENT.match(right):
        return _fill(author, _LOADS, _named(element[2] or name, author), thing)
    if (call := _CALL.match(right)) and (said := known(call[1]).comments) and author.rng.chance(0.7):
        first = call[2].split(",", 1)[0]
        a = _named(first, author) if first.isidentifier() else "the result"
        return _fill(author, said, x, thing, a=a)
    return _fill(author, _COMPUTES, x, thing)


def _of_test(condition: str, author: Author, thing: str) -> str:
    """A condition in words."""
    rng = author.rng
    test = _TEST.match(condition)
    if test is None or not test[2]:
        return (
            _fill(
                author,
                ("check both conditions", "only handle {thing}s that need it", "check the range"),
                "",
                thing,
            )
            if " and " in condition
            else ""
        )
    x = phrase(test[2])
    if not x:
        return ""
    if test[3] is None:
        state = "is not set" if test[1] else "is set"
    elif test[4] in ("0", "0.0") and test[3] in (">", "<", "==", "!="):
        state = {">": "is positive", "<": "is negative", "==": "is zero", "!=": "is not zero"}[test[3]]
    else:
        other = (phrase(test[4]) if test[4] else "") or test[4] or ""
        if not other:
            return ""
        the = "the " if other.isalpha() or " " in other else ""
        state = f"{_VERB_OF[test[3]]} {the}{other}"
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


def _fill(author: Author, options: tuple[str, ...], x: str, thing: str, **more: str) -> str:
    """One of the options, those with common first words more often, with its places filled."""
    openers = priors.comment_openers()
    choice = author.rng.weighted({o: openers.get(o.split(" ", 1)[0], 1.0) for o in options})
    return choice.format(x=x or "the value", thing=thing, **more)
