"""Taking single kernels out of the PTX of many, with what each needs to be assembled alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

# A file's statements end with `;`, its functions with the brace that closes them.
_MARK = re.compile(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/|[{};]', re.DOTALL)
_FUNCTION = re.compile(r"\.(?:entry|func)\b\s*(?:\([^)]*\)\s*)?([\w$]+)")
_VARIABLE = re.compile(r"([\w$]+)\s*(?:\[[^\]]*\]\s*)*(?:=|;)")
_WORD = re.compile(r"[\w$%.]+")
# Names of a file's private things carry a hash of the whole file; any other will do.
_PRIVATE = re.compile(r"(_INTERNAL_[0-9a-f]{8}_\d+_\w+?_)[0-9a-f]{8}")
# Some name the function that follows, which must not count as using it.
_COMMENT = re.compile(r"^[ \t]*//.*\n", re.MULTILINE)
_HEADER_END = re.compile(r"^\.address_size \d+\n", re.MULTILINE)


def extract(text: str, entries: Iterable[Iterable[str]]) -> Iterator[str]:
    """For each group of entry names, a PTX text with these and all that they use, in the file's order."""
    text = _PRIVATE.sub(r"\g<1>00000000", text)
    header, items = _items(text)
    by_name: dict[str, list[int]] = {}
    for place, item in enumerate(items):
        by_name.setdefault(_name(item), []).append(place)
    for names in entries:
        wanted: set[int] = set()
        pending = list(names)
        while pending:
            for place in by_name.get(pending.pop(), ()):
                if place not in wanted:
                    wanted.add(place)
                    pending += [word for word in _WORD.findall(items[place]) if word in by_name]
        yield header + "".join(items[place] for place in sorted(wanted))


def _items(text: str) -> tuple[str, list[str]]:
    """The directives that head the file, and its statements and functions."""
    end = _HEADER_END.search(text)
    if end is None:
        raise ValueError("this is no PTX")
    body = _COMMENT.sub("", text[end.end() :])
    items, start, depth, function = [], 0, 0, False
    for mark in _MARK.finditer(body):
        if mark[0] == "{" and depth == 0:
            function = _FUNCTION.search(body, start, mark.start()) is not None
        depth += {"{": 1, "}": -1}.get(mark[0], 0)
        if depth == 0 and (mark[0] == ";" or (mark[0] == "}" and function)):
            items.append(body[start : mark.end()].lstrip("\n") + "\n")
            start = mark.end()
    return text[text.index(".version") : end.end()], items


def _name(item: str) -> str:
    found = _FUNCTION.search(item) or _VARIABLE.search(item)
    return found[1] if found else ""
