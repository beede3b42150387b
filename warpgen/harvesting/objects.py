"""For what kind of object a kernel's argument stands, told from generated code: a query is given its number.

The number may go through functions, copies and choices first.
"""

from __future__ import annotations

import re

from warpgen.extraction.codegen import Code
from warpgen.harvesting.effects import bodies, plain, split

_QUERY = re.compile(r"\b(?:tile_)?(mesh|bvh|hash_grid|volume)_\w+(?:<[^()]*>)?\(\s*(var_\w+)")
_CALL = re.compile(r"\b(\w+)\(([^;]*)\);")
_COPY = re.compile(r"\b(var_\w+) = (?:wp::(?:copy|where|select)\(([^;]*)\)|var_\w+);")
_VARIABLE = re.compile(r"\bvar_\w+")


def objects(code: Code) -> dict[str, str]:
    """Arguments of a kernel that stand for objects, and the object's kind."""
    start, end = code.forward
    found = _Functions(plain(code.text[:start])).numbers(plain(code.text[start:end]))
    return {name.removeprefix("var_"): kind for name, kind in found.items()}


class _Functions:
    """The functions of a text, each looked at once."""

    def __init__(self, text: str) -> None:
        self._bodies = bodies(text)
        self._found: dict[str, list[str]] = {}

    def numbers(self, body: str) -> dict[str, str]:
        """Variables of a function that stand for objects."""
        kinds = {name: kind for kind, name in _QUERY.findall(body)}
        for name, inside in _CALL.findall(body):
            arguments = list(split(inside))
            if arguments[0] in self._bodies:  # `tile_map(f, ...)`
                name, *arguments = arguments
            if name in self._bodies:
                pairs = zip(self._of(name), arguments, strict=False)
                kinds |= {argument: kind for kind, argument in pairs if kind}
        for copy in reversed(list(_COPY.finditer(body))):  # what is copied was set above
            if copy[1] in kinds:
                kinds |= dict.fromkeys(_VARIABLE.findall(copy[0]), kinds[copy[1]])
        return kinds

    def _of(self, name: str) -> list[str]:
        """For what each parameter of a function stands, '' for nothing."""
        if name not in self._found:
            head, body = self._bodies[name]
            kinds = self.numbers(body)
            parameters = head.split(",\n") if head.strip() else []
            self._found[name] = [kinds.get(parameter.split()[-1], "") for parameter in parameters]
        return self._found[name]
