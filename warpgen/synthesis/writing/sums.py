"""Sums as functions: many people keep the loop that adds things up out of their kernels."""

from __future__ import annotations

import ast
import re
import textwrap

import msgspec

from warpgen.synthesis.writing.draft import Draft
from warpgen.synthesis.writing.inferring import local_types
from warpgen.synthesis.writing.rng import Rng

_START = re.compile(
    r"^(\w+) = (?:(float|int|wp\.uint32|wp\.uint64)\(-?(?:0x)?[\da-fA-F.e+-]+\)"
    r"|(wp\.vec[234]|wp\.mat33)\((?:0\.0)?(?:, 0\.0)*\))$"
)
_LOOP = re.compile(r"^(?:for|while) ")
_PLAIN = re.compile(r"^[a-z]\w* = [^=]*$|^#")
# What a function cannot do for a kernel, or what changes more than what it returns.
_APART = re.compile(
    r"\breturn\b|\bwp\.(?:rand|sample_|poisson|atomic|printf|tile|static|tid|grad|block_dim)|\bstate\b"
)
_STORE = re.compile(r"^ *\w+(?:\.\w+)*\[.*\](?:\[.*\])* (?:[-+*/|&^]|<<|>>|//)?= ", re.MULTILINE)
_ASSIGNED = re.compile(r"^ *(\w+(?:, *\w+)*) (?:[-+*/|&^%]|<<|>>|//)?=(?!=) |\bfor (\w+) in ", re.MULTILINE)
_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?!\w*=(?!=))")
_KEYWORDS = frozenset(
    "for in if elif else and or not while break continue wp True False range int float".split()
)
_VAGUE = frozenset("total acc sum value result s dot weighted out y best partial found seen hit".split())
_SUMMED = {
    "exp": "of_exponentials",
    "log": "of_logarithms",
    "abs": "of_absolute_values",
    "length_sq": "of_squares",
}
_LINES = 40  # longer kernels are read as a whole, and are what they are for their length
_CHANCE = 0.95


class _Sum(msgspec.Struct, frozen=True):
    """A loop and what stands before it, lines `start` to `end`; `results` begin in the first of them."""

    start: int
    end: int
    results: dict[str, str]


def outline_sums(draft: Draft, rng: Rng) -> None:
    """Perhaps move the loops of a short kernel that add up into functions of their own."""
    lines = draft.text.rstrip("\n").split("\n")
    if draft.tiled or "wp.tile" in draft.text or len(lines) > _LINES or not rng.chance(_CHANCE):
        return
    at = 0
    while found := _next(lines, at):
        call = _outlined(draft, lines, found)
        if call:
            lines[found.start : found.end] = call.split("\n")
        at = found.start + 1
    draft.text = "\n".join(lines) + "\n"


def _next(lines: list[str], at: int) -> _Sum | None:
    """The first sum from line `at` on that is not within another block."""
    for start in range(at, len(lines)):
        loop = start
        results: dict[str, str] = {}
        while loop < len(lines) and _PLAIN.match(lines[loop]) and (results or _START.match(lines[loop])):
            if found := _START.match(lines[loop]):
                results[found[1]] = found[2] or found[3]
            loop += 1
        if not results or loop == len(lines) or not _LOOP.match(lines[loop]):
            continue
        end = loop + 1
        while end < len(lines) and (not lines[end] or lines[end].startswith((" ", ")"))):
            end += 1
        while not lines[end - 1]:
            end -= 1
        return _Sum(start, end, results)
    return None


def _outlined(draft: Draft, lines: list[str], found: _Sum) -> str:
    """The line that calls the function that was made of it, or "" where it cannot be one."""
    block = "\n".join(lines[found.start : found.end])
    code = _code(block)
    after = set(_NAME.findall(_code("\n".join(lines[found.end :]))))
    made, before = _assigned(code), _assigned(_code("\n".join(lines[: found.start])))
    results = [name for name in found.results if name in after]
    if _APART.search(code) or _STORE.search(code) or not 1 <= len(results) <= 2:
        return ""
    types = local_types(lines[: found.start], {p.name: p.annotation for p in draft.parameters})
    read = [n for n in dict.fromkeys(_NAME.findall(code)) if n not in made and n not in _KEYWORDS]
    taken = [n for n in read if n in types or n in before]
    odd = any(n not in types or "indexed" in types[n] or "Texture" in types[n] for n in taken)
    if odd or made & (set(types) | before) or (made - set(results)) & after:
        return ""
    name = _named(draft, results, code, _code("\n".join(lines[found.end :])))
    if not name:
        return ""
    given = [p.name for p in draft.parameters]
    # Arrays as the kernel has them, then what it knows of its thread, then other arguments.
    taken.sort(
        key=lambda n: (1, 0) if n not in given else (0 if "wp.array" in types[n] else 2, given.index(n))
    )
    result = f" -> {found.results[results[0]]}" if len(results) == 1 else ""
    heads = [f"{n}: {types[n]}" for n in taken]
    signature = f"def {name}({', '.join(heads)}){result}:"
    if len(signature) > 100:
        signature = "\n".join([f"def {name}(", *(f"    {head}," for head in heads), f"){result}:"])
    body = textwrap.indent(f"{block}\nreturn {', '.join(results)}", "    ")
    draft.functions.append(f"@wp.func\n{signature}\n{body}")
    call = f"{', '.join(results)} = {name}({', '.join(taken)})"
    if len(call) > 100:
        rows = textwrap.indent(textwrap.fill(", ".join(taken), 90), "    ")
        call = f"{', '.join(results)} = {name}(\n{rows}\n)"
    return call


def _code(text: str) -> str:
    return "\n".join(line.split("#")[0].rstrip() for line in text.split("\n"))


def _assigned(code: str) -> set[str]:
    parts = [part for group in _ASSIGNED.findall(code) for part in group if part]
    return {name.strip() for part in parts for name in part.split(",")}


def _named(draft: Draft, results: list[str], code: str, after: str) -> str:
    """A name for the function that nothing else in the program has, or "" where none says what it does."""
    found = any(re.search(rf"^    +{result} = (?!.*\b{result}\b)", code, re.MULTILINE) for result in results)
    name = f"{'find' if found else 'compute'}_{'_and_'.join(results)}"
    if len(results) > 1 and ("_sum" in name or len(name) > 28):  # no person's name any more
        return ""
    if any(result in _VAGUE or len(result) < 3 or result == "count" for result in results):
        changes = re.findall(rf"^ +(?:{'|'.join(results)}) (\S*=) (.*)$", code, re.MULTILINE)
        if set(re.findall(r"^ +(\w+) [+-]= ", code, re.MULTILINE)) - set(results):  # not a plain sum
            return ""
        if any(sign not in ("+=", "-=") for sign, _ in changes) or len(results) > 1:
            return ""
        counts = all(value == "1" for _, value in changes)
        if counts and "if " not in code:
            return ""
        addends = [value for _, value in changes]
        name = "count_matches" if counts else _after_output(results[0], after) or _after_addends(addends)
    text = "\n".join([draft.text, *draft.functions, *(p.text for p in draft.pieces)])
    return name if name and not re.search(rf"\b{name}\b", text) else ""


def _after_output(result: str, after: str) -> str:
    """A name after the array that the sum is stored in as it is."""
    stored = re.search(rf"^(\w+)\[.*\] = {result}$", after, re.MULTILINE)
    named = stored and len(stored[1]) > 3 and not stored[1].startswith(("out", "result"))
    return f"compute_{stored[1]}" if stored and named else ""


def _after_addends(addends: list[str]) -> str:
    """A name after what is added up, where it is one kind of thing."""
    kinds = {_kind_of(ast.parse(addend, mode="eval").body) for addend in addends}
    return f"sum_{kinds.pop()}" if len(kinds) == 1 and "" not in kinds else ""


def _kind_of(addend: ast.expr) -> str:
    if isinstance(addend, ast.BinOp) and isinstance(addend.op, ast.Mult):
        same = ast.unparse(addend.left) == ast.unparse(addend.right)
        return "of_squares" if same else "of_products"
    if isinstance(addend, ast.Subscript) and isinstance(addend.value, ast.Name):
        return addend.value.id if len(addend.value.id) > 2 else "elements"
    if isinstance(addend, ast.Call) and isinstance(addend.func, ast.Attribute):
        name = _SUMMED.get(addend.func.attr, "")
        of = addend.args[0] if addend.args else None
        return (
            name.replace("values", "differences")
            if isinstance(of, ast.BinOp) and isinstance(of.op, ast.Sub)
            else name
        )
    return ""
