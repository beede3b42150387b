"""What generated code does with the memory behind a kernel's arguments: which it reads and which it writes.

In the code every type is known, every view, copy and loaded element a variable of its own: a component of a
vector that was copied can be told from an element of an array.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from warpgen.extraction.codegen import Code

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_FUNCTION = re.compile(r"^(?:static|extern) [^\n;{}()]*?\b(\w+)\(([^{};]*?)\)\n\{", re.MULTILINE)
_FIELDS = re.compile(r"^struct (\w+)\n\{\n(.*?)\n\n", re.MULTILINE | re.DOTALL)
_DECLARED = re.compile(r"^ *(?:const )?(\w[\w:<>, ]*\*?) (var_\w+)(?: = [^;\n]*)?;", re.MULTILINE)
_STATEMENT = re.compile(r"(?:^|[;{}])\s*([^;{}]+)")
_ASSIGNMENT = re.compile(r"(?:[\w:<>, ]+ )?(var_\w+)(?:\.\w+)* = (.*)", re.DOTALL)
_CALL = re.compile(r"(?:\w+::)*(\w+)(?:<[^()]*>)?\((.*)\)", re.DOTALL)
_VARIABLE = re.compile(r"\bvar_\w+")
# What stands inside an array, where another pointer is to a variable of the thread's own.
_ELEMENT = re.compile(r"\bwp::(?:address|index)\(")
_OF_SHAPE = re.compile(r"\.shape\b|\bwp::len\(")


class Effects(NamedTuple):
    """Names of arguments whose memory is read, and of those whose memory is written."""

    read: frozenset[str]
    written: frozenset[str]


def effects(code: Code) -> Effects:
    """Those of a kernel, by its forward function and all that it calls."""
    start, end = code.forward
    return _Functions(plain(code.text[:start])).of_kernel(plain(code.text[start:end]))


def plain(text: str) -> str:
    """Generated text without comments."""
    return _COMMENT.sub("", text)


def bodies(text: str) -> dict[str, tuple[str, str]]:
    """The parameters and the body of each function."""
    heads = list(_FUNCTION.finditer(text))
    ends = [*(head.start() for head in heads[1:]), len(text)]
    return {h[1]: (h[2], text[h.end() : end]) for h, end in zip(heads, ends, strict=False)}


class _Functions:
    """The functions of a text, each looked at once."""

    def __init__(self, text: str) -> None:
        self._parts = bodies(text)
        self._found: dict[str, Effects] = {}
        self._holding = re.compile(r"array_t<")
        for name, fields in _FIELDS.findall(text):
            if self._holding.search(fields):
                self._holding = re.compile(rf"{self._holding.pattern}|\b{name}\b")

    def holds(self, kind: str) -> bool:
        """Whether a type leads to memory: an array, or a struct that has some."""
        return bool(self._holding.search(kind))

    def of_kernel(self, text: str) -> Effects:
        """The effects of a kernel's own function."""
        return _Body(self, text.partition("\n{")[0].rpartition("(")[2].rstrip(")\n"), text).effects()

    def knows(self, name: str) -> bool:
        """Whether the text has a function of this name."""
        return name in self._parts

    def parameters(self, name: str) -> list[str]:
        """Their names."""
        return [named.split()[-1] for named in self._parts[name][0].split(",\n") if named.strip()]

    def of(self, name: str) -> Effects:
        """The effects of one function on its parameters."""
        if name not in self._found:
            head, body = self._parts[name]
            snippet = not _VARIABLE.search(head)
            made = _native(self.parameters(name), body) if snippet else _Body(self, head, body).effects()
            self._found[name] = made
        return self._found[name]


class _Body:
    """One function: of each of its variables, through which parameters its memory is reached."""

    def __init__(self, functions: _Functions, head: str, body: str) -> None:
        self._functions = functions
        parameters = [named.strip().rpartition(" ")[::2] for named in head.split(",\n")]
        declared = [(name, kind) for kind, name in _DECLARED.findall(body)]
        self._kinds = dict(declared) | {name: kind for kind, name in parameters}
        given = {name for _, name in parameters} | set(re.findall(r"(var_\w+) = _wp_args->", body))
        self._roots = {name: {name} for name in given if functions.holds(self._kinds.get(name, ""))}
        self._elements: set[str] = set()  # pointers into arrays
        self._read, self._written = set[str](), set[str]()
        self._statements = [text.strip() for text in _STATEMENT.findall(body)]

    def effects(self) -> Effects:
        """Until nothing more is found: in a loop, what stands below comes before as well."""
        before = None
        while before != (now := self._state()):
            before = now
            for text in self._statements:
                self._look(text)
        names = (frozenset(name.removeprefix("var_") for name in s) for s in (self._read, self._written))
        return Effects(*names)

    def _state(self) -> tuple[int, ...]:
        roots = sum(map(len, self._roots.values()))
        return roots, len(self._elements), len(self._read), len(self._written)

    def _look(self, text: str) -> None:
        assigned = _ASSIGNMENT.fullmatch(text)
        target, value = assigned.groups() if assigned else ("", text)
        called = _CALL.match(value)
        name, arguments = (called[1], list(split(called[2]))) if called else ("", [value])
        if _OF_SHAPE.search(value) or "_wp_args->" in value:
            return
        if self._functions.knows(name):
            self._call(name, arguments, target)
        elif target and self._leads_on(target):
            self._become(target, value)
            if name == "load" and self._is_element(value):
                self._read |= self._reached(value)
        elif name == "assign":
            self._become(arguments[0], value)
        elif called:
            self._touch(name, arguments)

    def _touch(self, name: str, arguments: list[str]) -> None:
        """What one of Warp's own functions does; what comes after the first argument is only read."""
        first, rest = self._reached(arguments[0]), " ".join(arguments[1:])
        element = self._is_element(arguments[0])  # else a variable of the thread's own
        if name == "array_store" or name.startswith("tile_store") or (name == "store" and element):
            self._written |= first
        elif name != "store":
            self._read |= first
        if "atomic" in name or (name.endswith("_inplace") and element):
            self._written |= first
        self._read |= self._reached(rest)

    def _call(self, name: str, arguments: list[str], target: str) -> None:
        done, every = self._functions.of(name), " ".join(arguments)
        for parameter, argument in zip(self._functions.parameters(name), arguments, strict=False):
            plain = parameter.removeprefix("var_")
            self._read |= self._reached(argument) if plain in done.read else set()
            self._written |= self._reached(argument) if plain in done.written else set()
            if parameter.startswith("ret_") and self._leads_on(argument):
                self._become(argument, every)
        if target and self._leads_on(target):
            self._become(target, every)

    def _become(self, target: str, value: str) -> None:
        """A variable leads where a value does."""
        reached = self._reached(value)
        if reached:
            self._roots.setdefault(target, set()).update(reached)
        if self._kinds.get(target, "").endswith("*") and self._is_element(value):
            self._elements.add(target)

    def _leads_on(self, name: str) -> bool:
        kind = self._kinds.get(name, "")
        return kind.endswith("*") or self._functions.holds(kind)

    def _is_element(self, value: str) -> bool:
        return bool(_ELEMENT.search(value)) or any(n in self._elements for n in _VARIABLE.findall(value))

    def _reached(self, value: str) -> set[str]:
        return {root for name in _VARIABLE.findall(value) for root in self._roots.get(name, ())}


def split(arguments: str) -> Iterator[str]:
    """Arguments of a call, at its own commas."""
    depth, start = 0, 0
    for at, letter in enumerate(arguments):
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and not depth:
            yield arguments[start:at].strip()
            start = at + 1
    yield arguments[start:].strip()


def _native(parameters: list[str], snippet: str) -> Effects:
    """What C++ does with each: what is no plain `a[i]` may be anything, as in `f(a)` or `&a[i]`."""
    read, written = set(), set()
    for name in parameters:
        uses = len(re.findall(rf"\b{name}\b", snippet))
        element = rf"(?<!&)(?<!\+\+)(?<!--)\b{name}(?:\.\w+)*\[[^\[\]]*\]"
        after = re.findall(element + r"\s*(\W{,3})", snippet)
        stored = sum(bool(re.match(r"=(?!=)", text)) for text in after)
        loaded = sum(not re.match(r"=(?!=)|[-+*/&|^%]=|<<=|>>=|\+\+|--|\.|\[", text) for text in after)
        if stored or uses > loaded:
            written.add(name)
        if uses > stored:
            read.add(name)
    return Effects(frozenset(read), frozenset(written))
