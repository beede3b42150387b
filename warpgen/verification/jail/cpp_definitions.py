"""What a stranger's C++ may define: nothing that counts as Warp's or CUDA's atomics, nor what no watch sees.

The watch takes an access for an atomic one by the name of the function that makes it (`watch.py`): a name in
Warp's namespace, or one called like CUDA's. So nobody may open that namespace, give it another name, or
specialise its templates, by whatever name; and nobody may define what is called like an atomic. One of its
names may stand by itself (`using wp::vec3;`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from warpgen.verification.jail.cpp_tokens import Refused, Token

_ATOMIC = re.compile(r"atomic[A-Z]")
_WARP = "wp"
# What begins the head of a class, and what ends its name.
_CLASSES = frozenset({"struct", "class", "union", "enum"})
_ENDS = frozenset({"<", ">", ">>", "{", ";", ":", ",", ")", "="})
# Tokens of a head, at most: none is looked at as often as there are heads.
_LONGEST = 64
# What a colon may stand behind, with a name between, and what it may stand behind at once: no fields.
_NO_TYPES = _CLASSES | {"case", "goto", "else", "do"}
_NO_FIELDS = frozenset({"public", "private", "protected", "default"})
_STATEMENTS = frozenset({"if", "while", "for", "switch", "case"})
_LOOKED_AT = _CLASSES | {"namespace", "using", "template"}
_SIGNS = frozenset("([{)]}?;:")


def hold_definitions(found: Sequence[Token]) -> None:
    """Raises Refused for a definition that the watch would take for another's, or cannot follow."""
    _hold_bit_fields(found)
    using = [place for place, token in enumerate(found) if token.text == "using"]
    taken = {found[place + 3].text for place in using if _takes_name(found, place)}
    names = {token.text for token in found if token.kind == "name"}
    looked_at = {name for name in names if name in _LOOKED_AT or _ATOMIC.match(name)}
    for place, token in enumerate(found):
        if token.text not in looked_at:
            continue
        if token.text == "namespace":
            _hold_namespace(found, place)
        elif token.text == "using":
            _hold_using(found, place)
        elif token.text == "template":
            _hold_specialisation(found, place, taken)
        elif token.text in _CLASSES:
            if _names(found, place + 1, _ENDS, {_WARP, "::", *taken}):
                raise Refused(f"a class within another, or Warp's, in line {token.line}")
        else:
            _hold_atomic(found, place)


def _hold_namespace(found: Sequence[Token], place: int) -> None:
    """Of one's own: no other name of Warp's, nor what is called like it."""
    if place and found[place - 1].text == "using":
        return
    for token in found[place + 1 : place + _LONGEST]:
        if token.text == "{":
            return
        if (token.kind != "name" and token.text != "::") or token.text == _WARP:
            break
    raise Refused(f"a namespace that is not one's own, in line {found[place].line}")


def _takes_name(found: Sequence[Token], place: int) -> bool:
    """Whether the `using` at a place is followed by `wp::name;`."""
    after = found[place + 1 : place + 5]
    texts = [token.text for token in after]
    return texts[:2] == [_WARP, "::"] and texts[3:] == [";"] and after[2].kind == "name"


def _hold_using(found: Sequence[Token], place: int) -> None:
    """A type may have another name, and a name of Warp's stand by itself. All of them may not."""
    if _takes_name(found, place):
        return
    if _names(found, place + 1, frozenset({";", "="}), {_WARP}):
        raise Refused(f"names of Warp's elsewhere, in line {found[place].line}")


def _hold_specialisation(found: Sequence[Token], place: int, taken: set[str]) -> None:
    """Of one's own functions, by their plain names: another name of a class of Warp's tells nothing of it.

    Those that are `taken` from Warp are its own. Classes are held by their heads.
    """
    after = [token.text for token in found[place + 1 : place + 4]]
    if after[:2] != ["<", ">"] or set(after[2:]) & {"template", *_CLASSES}:
        return
    if _names(found, place + 3, frozenset({"(", "{", ";", "="}), {_WARP, "::", *taken}):
        raise Refused(f"a specialisation that may be of Warp's, in line {found[place].line}")


def _names(found: Sequence[Token], place: int, ends: frozenset[str], words: set[str]) -> bool:
    """Whether one of the words stands before one of the ends, brackets apart."""
    return any(token.text in words for token in _before(found, place, ends))


def _before(found: Sequence[Token], place: int, ends: frozenset[str]) -> Iterator[Token]:
    depth = 0
    for token in found[place : place + _LONGEST]:
        if not depth and token.text in ends:
            return
        depth += (token.text == "(") - (token.text == ")")
        if not depth:
            yield token
    if found[place + _LONGEST :]:
        raise Refused(f"a declaration without end in line {found[place].line}")


def _hold_bit_fields(found: Sequence[Token]) -> None:
    """A field of three bytes is read and written as a whole, and the watch sees no access of such a size."""
    opened = [("{", -1)]  # brackets, and where
    asked = [0]  # of each, how often `?` waits for its `:`
    closed: dict[int, int] = {}  # where a bracket closes: where it opened
    for place, token in enumerate(found):
        if token.text not in _SIGNS:
            continue
        if token.text in "([{":
            opened.append((token.text, place))
            asked.append(0)
        elif token.text in ")]}" and len(opened) > 1:
            closed[place] = opened.pop()[1]
            asked.pop()
        elif token.text == "?":
            asked[-1] += 1
        elif token.text == ";":
            asked[-1] = 0
        elif token.text == ":" and asked[-1]:
            asked[-1] -= 1
        elif token.text == ":" and opened[-1][0] == "{" and _is_field(found, place, closed):
            raise Refused(f"a bit-field in line {token.line}")


def _is_field(found: Sequence[Token], place: int, closed: dict[int, int]) -> bool:
    """Whether the `:` at a place, which is none of an expression, stands behind the name of a field."""
    texts = ["", "", "", *(token.text for token in found[max(place - 3, 0) : place])]
    further, before, name = texts[-3:]
    if name == "]":
        return before == "]"  # an attribute
    if found[place - 1].kind != "name" or name in _NO_FIELDS or (name == "final" and further in _CLASSES):
        return False
    if before in (")", "}"):
        return _is_type(found, closed[place - 2])
    return before in (",", ">", ">>") or (found[place - 2].kind == "name" and before not in _NO_TYPES)


def _is_type(found: Sequence[Token], place: int) -> bool:
    """Whether the bracket that opens at a place is of a type: `decltype(x)`, `enum {...}`."""
    at = place - 1
    if found[place].text == "(":
        head = found[at].kind == "name" and found[at].text not in _STATEMENTS
        return head and found[at - 1].text not in _CLASSES
    while at >= 0 and found[at].text not in (";", "{", "}", ")"):
        if found[at].text in _CLASSES:
            return True
        at -= 1
    return False


def _hold_atomic(found: Sequence[Token], place: int) -> None:
    """It may be called alone: what one defines so is no atomic, whatever it is called."""
    token, depth, at = found[place], 0, place + 1
    if at == len(found) or found[at].text != "(":
        raise Refused(f"{token.text[:40]} without a call in line {token.line}")
    while at < len(found):
        depth += (found[at].text == "(") - (found[at].text == ")")
        at += 1
        if not depth:
            break
    if at < len(found) and (found[at].text in ("{", "->") or found[at].kind == "name"):
        raise Refused(f"a definition of {token.text[:40]} in line {token.line}")
