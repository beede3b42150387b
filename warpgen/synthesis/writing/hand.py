"""The hand that writes a program down: everything a style guide would argue about, drawn once per program."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping

from warpgen.synthesis.writing.rng import Rng

LINE_LENGTH = 100

# Code stands at even places of what this splits, docstrings and comments at odd ones.
_PROSE = re.compile(r'("""[\s\S]*?"""|#[^\n]*)')
_ARRAY = re.compile(r"wp\.array(?:([2-4])d)?\(dtype=([\w.]+)\)")
_VECTORS = re.compile(r"\bwp\.(vec[234]|mat22|mat33|mat44|quat|transform|spatial_vector|spatial_matrix)\b")
_FLOAT = re.compile(r"(?<![\w.])float\b")
_INT = re.compile(r"(?<![\w.])int\b")
_NUMBER = r"\d+\.\d*(?:e[+-]?\d+)?|\d+e[+-]?\d+|wp\.(?:pi|PI|tau|TAU|e|E)\b"
_LITERAL = re.compile(rf"(?<![\w.])(?:float\((-?(?:{_NUMBER}))\)|({_NUMBER}))(?![\w.])")
_AUGMENTED = re.compile(r"^( *)([A-Za-z_]\w*) ([-+*])= (.+)$", re.MULTILINE)
_COMMENT_LINE = re.compile(r"^ *#[^\n]*\n", re.MULTILINE)
_COMMENT_BEHIND = re.compile(r" *  #[^\n]*")
_WORD = re.compile(r"[A-Za-z_]\w*")
_SUFFIX = {"float64": "d", "float16": "h"}
# Shares here and below as in the kernels of warp.tests 1.19, rarer spellings a little more often.
_ARRAYS = {"bracket": 0.7, "dtype": 0.23, "ranked": 0.07}
_THREAD = {"tid": 0.5, "i": 0.42, "idx": 0.05, "index": 0.03}


class Hand:
    """Habits of whoever writes."""

    def __init__(self, rng: Rng) -> None:
        self.rng = rng
        self.full_scalars = rng.chance(0.29)  # wp.float32 rather than float
        self.full_integers = rng.chance(0.85 if self.full_scalars else 0.1)
        self.full_vectors = rng.chance(0.12)  # wp.vec3f rather than wp.vec3
        self.array_style = rng.weighted(_ARRAYS)
        self.comments = rng.chance(0.55)
        self.docstring = rng.weighted({"none": 0.6, "sentence": 0.22, "long": 0.18})
        self.augments = rng.chance(0.8)  # a += b rather than a = a + b
        self.own_names = rng.choice((0.25, 0.5, 0.75, 1.0))  # how often the first name of a thing is taken
        self.order = rng.weighted({"declared": 0.7, "params first": 0.15, "params behind inputs": 0.15})
        self.line_length = rng.choice((60, 80, LINE_LENGTH, 120))

    def rename(self, code: str, synonyms: Mapping[str, str]) -> dict[str, str]:
        """New names for those in `code` that have synonyms (`"a|b|c"`), none of them taken."""
        taken = set(_WORD.findall(code))
        made: dict[str, str] = {}
        for name, others in {"tid": "|".join(_THREAD), **synonyms}.items():
            if name not in taken:
                continue
            options = others.split("|")
            if name == "tid":
                new = self.rng.weighted(_THREAD)
            elif self.rng.chance(self.own_names):
                new = name
            else:
                new = self.rng.choice(options)
            if new != name and new not in taken:
                taken.add(new)
                made[name] = new
        return made

    def renamed(self, text: str, names: Mapping[str, str]) -> str:
        """`text` with these names in its code, and in comments where they stand in backticks."""
        if names:
            every = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
            plain = re.compile(rf"(?<![\w.])({every})\b")
            text = _in_code(text, lambda code: plain.sub(lambda m: names[m[1]], code))
        return quoted(text, names)

    def commented(self, text: str) -> str:
        """`text` with its comments, or without any."""
        if self.comments:
            return text
        return _COMMENT_BEHIND.sub("", _COMMENT_LINE.sub("", text))

    def assigned(self, text: str) -> str:
        """`a += b` of local names as this hand writes it."""
        return text if self.augments else _AUGMENTED.sub(_spelled_out, text)

    def spelled(self, text: str, real: str) -> str:
        """Types as this hand spells them, for programs that compute in `real`."""
        full_scalars = self.full_scalars and "wp.texture_sample" not in text  # it takes `float` alone

        def code(part: str) -> str:
            if real != "float32":
                part = _LITERAL.sub(lambda m: f"float({m[1] or m[2]})", part)  # a bare one has 32 bits
                part = _VECTORS.sub(rf"wp.\1{_SUFFIX[real]}", part)
                part = _FLOAT.sub(f"wp.{real}", part)
            else:
                if self.full_vectors:
                    part = _VECTORS.sub(_full, part)
                if full_scalars:
                    part = _FLOAT.sub("wp.float32", part)
            if self.full_integers:
                part = _INT.sub("wp.int32", part)
            return _ARRAY.sub(self._array, part)

        return _in_code(text, code)

    def _array(self, found: re.Match[str]) -> str:
        ndim, dtype = found[1], found[2]
        if self.array_style == "bracket":
            return f"wp.array{ndim}d[{dtype}]" if ndim else f"wp.array[{dtype}]"
        if self.array_style == "ranked":
            return f"wp.array{ndim or 1}d(dtype={dtype})"
        return found[0]


def quoted(text: str, names: Mapping[str, str]) -> str:
    """`text` with what stands in backticks under its new name, and without them."""
    return re.sub(r"`(\w+)`", lambda m: names.get(m[1], m[1]), text).replace("`", "")


def _in_code(text: str, change: Callable[[str], str]) -> str:
    """`text` with its code changed, its comments and docstrings left."""
    parts = _PROSE.split(text)
    parts[::2] = map(change, parts[::2])
    return "".join(parts)


def _full(found: re.Match[str]) -> str:
    # Only the short name of a spatial vector can be made of two halves.
    return found[0] if found[1] == "spatial_vector" else found[0] + "f"


def _spelled_out(found: re.Match[str]) -> str:
    indent, name, sign, value = found[1], found[2], found[3], found[4]
    try:
        tree = ast.parse(value.strip(), mode="eval").body
    except SyntaxError:  # it goes on in the next line
        return found[0]
    loose = isinstance(tree, (ast.IfExp, ast.Compare, ast.BoolOp)) or (
        isinstance(tree, ast.BinOp)
        and isinstance(
            tree.op,
            (ast.Add, ast.Sub) if sign in "+-" else (ast.Add, ast.Sub, ast.Div, ast.FloorDiv, ast.Mod),
        )
    )
    return f"{indent}{name} = {name} {sign} {f'({value})' if loose else value}"
