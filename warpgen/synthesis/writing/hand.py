"""The hand that writes a program down: everything a style guide would argue about, drawn once per program."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping

from warpgen.synthesis.writing.deciding import decided, joined
from warpgen.synthesis.writing.draft import OF_FLOATS
from warpgen.synthesis.writing.folding import folded
from warpgen.synthesis.writing.naming import Naming, mentioned, renamed
from warpgen.synthesis.writing.paragraphs import airy, spaced
from warpgen.synthesis.writing.remarks import HEADING, lowered, plain_headings, wrapped
from warpgen.synthesis.writing.rng import Rng

# Code stands at even places of what this splits, docstrings and comments at odd ones.
_PROSE = re.compile(r'("""[\s\S]*?"""|#[^\n]*)')
_ARRAY = re.compile(r"wp\.array(?:([2-4])d)?\(dtype=([\w.]+)\)")
_VECTORS = re.compile(rf"\bwp\.({'|'.join(OF_FLOATS)})\b")
_IN_FULL = {"float": "wp.float32", "int": "wp.int32"}
_FLOAT = re.compile(r"(?<![\w.])float\b")
_INT = re.compile(r"(?<![\w.])int\b")
_NUMBER = r"\d+\.\d*(?:e[+-]?\d+)?|\d+e[+-]?\d+|wp\.(?:pi|PI|tau|TAU|e|E)\b"
_LITERAL = re.compile(rf"(?<![\w.])(?:float\((-?(?:{_NUMBER}))\)|({_NUMBER}))(?![\w.])")
_AUGMENTED = re.compile(r"^( *)([A-Za-z_]\w*) ([-+*])= (.+)$", re.MULTILINE)
_COMMENTS = re.compile(r"(?:^ *#[^\n]*\n)+", re.MULTILINE)
_COMMENT_BEHIND = re.compile(r" *  #[^\n]*")
# A comment of one line, the one statement it stands before, and what shows that the next is another matter.
_OF_ONE_LINE = re.compile(
    r"^( *)(# (?!-)[^\n\0]{1,48})\n\1"
    r"((?!if |for |while |def |return|else|elif |#|@)[^\s][^\n#]*[^\n#,(\[{\\])"
    r"(?=\n?\Z|\n\n| *\n *#)",
    re.MULTILINE,
)
# A sentence, or what follows a colon, that is a formula and nothing else.
_FORMULA = re.compile(
    r"(?:(?<=^# )|(?<=^)|(?<=: )|(?<=\S[.] ))([\w'][^\n:.]* = [^\n:;]*?)(?=\.?$|\. [A-Z])", re.MULTILINE
)
# Code amid words: a sentinel, a shape, a name in several parts, a call. In formulas operators are beside it.
_AMID = re.compile(
    r"(^|(?<![\w.])(?:[A-Za-z]{3,}|as|at|by|if|in|is|of|on|or|to) )"
    r"(-1|\((?=[^()\n]*[_\d])\w+,(?: \w+,?)*\)|[a-z]\w*_\w+|[a-z]\w*\([^()\n`]*\))"
    r"(?=[.,;:)]|$| [A-Za-z]{2,}\b(?![(]))"
)
# What stands before and behind a name in a formula.
_BEFORE, _BEHIND = re.compile(r"(?:[=*/+^\d-] |\w\([^()]*)\Z"), re.compile(r"[_^']| [=*/+^-] ")
_SAID = re.compile(
    r"\b(?:the|a|an|is|are|of|and|with|for|by|where|in|to|from|so|its|as|times|makes|takes)\b|, [a-z]{4,} |,$"
    r"|^[A-Za-z]{3,} [^=]*="
)
# A comment that begins with a formula, or with a name that has a spelling of its own.
_AS_IT_IS = re.compile(r" *# *(?:[b-z]\b|[a-z]+[A-Z0-9]|\w+(?: *[=(*/^+_,']|\[|\.\w))")
# What takes a vector by its name alone, not one whose type is inferred of a function.
_BY_NAME = re.compile(r"wp\.(?:tile_i?fft|spatial_vector)\b")
_RETURNS = re.compile(r"\) -> [^\n]*:$", re.MULTILINE)
_ZERO = re.compile(r"\bwp\.(vec[234])\(0\.0(?:, 0\.0)+\)")
_AMERICAN = {
    "neighbour": "neighbor", "colour": "color", "centred": "centered", "centre": "center",
    "behaviour": "behavior", "grey": "gray", "normalis": "normaliz", "discretis": "discretiz",
    "quantis": "quantiz", "initialis": "initializ", "generalis": "generaliz",
    "regularis": "regulariz", "linearis": "lineariz", "minimis": "minimiz", "maximis": "maximiz",
    "parametris": "parametriz", "symmetris": "symmetriz", "vectoris": "vectoriz", "optimis": "optimiz",
    "metre": "meter", "fibre": "fiber",
}  # fmt: skip
_BRITISH = re.compile("|".join(_AMERICAN), re.IGNORECASE)
_LONG = 8  # lines of a text that more blank lines make easier to read
_LABEL = 4  # spaces in a comment that is no sentence yet
SUFFIX = {"float64": "d", "float16": "h"}
# Shares here and below are about those of newton, warp.examples and warp.tests.
_ARRAYS = {"bracket": 0.96, "dtype": 0.035, "ndim": 0.005}  # older code than theirs has the latter two


class Hand:
    """Habits of whoever writes."""

    def __init__(self, rng: Rng) -> None:
        self.rng = rng
        self.full_scalars = rng.chance(0.08)  # wp.float32 rather than float
        self.full_integers = rng.chance(0.8 if self.full_scalars else 0.06)
        self.full_elements = rng.chance(0.2)  # wp.array[wp.float32], whatever other arguments have
        self.full_vectors = rng.chance(0.05)  # wp.vec3f rather than wp.vec3
        self.array_style = rng.weighted(_ARRAYS)
        self.comments = rng.chance(0.55)
        self.paragraphs = rng.weighted({"none": 0.25, "some": 0.4, "many": 0.35})  # blank lines in bodies
        self.apart = rng.chance(0.4)  # one of them below the thread's index
        self.rules = rng.chance(0.15)  # headings within bodies stand between dashes
        self.capitals = rng.chance(0.5)  # comments begin with a capital letter
        self.full_stops = self.capitals and rng.chance(0.6)
        self.comment_width = rng.choice((68, 76, 84, 96, 108))
        self.docstring = rng.weighted({"none": 0.54, "sentence": 0.18, "long": 0.28})
        self.opens = rng.chance(0.1)  # docstrings begin below their quotes
        self.imperative = rng.chance(0.9)  # "Compute ...", not "Computes ..."
        self.quotes = rng.weighted({"": 0.15, "`": 0.1, "``": 0.75})  # around names in prose
        self.quoted_comments = bool(self.quotes) and rng.chance(0.5)
        self.so = rng.chance(0.75)  # "so x is y", not "so that x is y"
        self.because = rng.chance(0.7)  # "x because y", not "x, since y"
        self.behind = rng.chance(0.4)  # short comments stand behind their statements
        self.headings = rng.weighted({"": 0.64, "outputs": 0.16, "inputs and outputs": 0.2})  # in signatures
        self.colons = rng.chance(0.2 if self.headings == "outputs" else 0.85)  # "# Outputs:", not "# outputs"
        self.arguments = rng.weighted({"": 0.5, "behind": 0.12, "section": 0.38})  # where it tells of them
        self.zero = rng.weighted({"": 0.5, "0.0": 0.35, "none": 0.15})  # wp.vec3(0.0, 0.0, 0.0), (0.0) or ()
        self.returns = rng.chance(0.45)  # functions say what they return
        self.suffix = rng.chance(0.45)  # names of kernels end in _kernel
        self.counts = rng.chance(0.6)  # sizes of arrays are arguments, not asked of the arrays
        self.augments = rng.chance(0.8)  # a += b rather than a = a + b
        self.joins = rng.chance(0.85)  # results have no names when they are stored at once
        self.decides = rng.weighted({"call": 0.4, "expression": 0.25, "branch": 0.35})  # between two values
        self.naming = Naming(rng)
        self.order = rng.weighted({"declared": 0.7, "params first": 0.15, "params behind inputs": 0.15})
        self.line_length = rng.choice((80, 100, 110, 120))  # of heads and prose
        self.width = rng.weighted({88: 0.2, 120: 0.8})  # of statements

    def renamed(self, text: str, names: Mapping[str, str]) -> str:
        """Code with these names for the draft's own; its docstrings follow, its comments do later."""
        parts = _PROSE.split(text)
        parts[::2] = [renamed(part, names) for part in parts[::2]]
        parts[1::2] = [
            self._documented(code, part, names) if part.startswith('"') else part
            for code, part in zip(parts[::2], parts[1::2], strict=False)
        ]
        return "".join(parts)

    def _documented(self, code: str, text: str, names: Mapping[str, str]) -> str:
        """A docstring with these names and quotes; `code` is what is before it, as snippets are no prose."""
        text = re.sub("`+", self.quotes, mentioned(text, names))
        return self.marked(text) if code.rstrip().endswith(":") else text

    def commented(self, text: str, names: Mapping[str, str]) -> str:
        """Code with its comments as this hand writes them, or without any, and no wider than it writes."""
        if not self.comments:
            return self._folded(_COMMENT_BEHIND.sub("", _COMMENTS.sub("", text)))
        text = text if self.rules else plain_headings(text)
        text = _COMMENTS.sub(lambda found: self._paragraph(found, names), text)
        text = _OF_ONE_LINE.sub(self._moved_behind, text) if self.behind else text
        return self._folded(text.replace(HEADING, ""))

    def _folded(self, text: str) -> str:
        text = folded(text, self.width - 4)
        return airy(text) if self.paragraphs == "many" and text.count("\n") >= _LONG else text

    def _moved_behind(self, found: re.Match[str]) -> str:
        line = f"{found[1]}{found[3]}  {found[2]}"
        whole = found[3].count("(") == found[3].count(")")  # else the statement goes on
        last = re.search(r"^ *#[^\n]*\n\Z", found.string[: found.start()], re.MULTILINE)  # of several lines
        return line if whole and not last and len(line) + 4 <= self.line_length else found[0]

    def heading(self, word: str) -> str:
        """The comment over the arguments that are inputs or outputs."""
        return f"# {word.capitalize()}:" if self.colons else f"# {word}"

    def _paragraph(self, found: re.Match[str], names: Mapping[str, str]) -> str:
        """Lines of comment that belong together."""
        text = self._reasoned(prose(found[0], names, self.quotes if self.quoted_comments else ""))
        if self.quoted_comments:
            text = self.marked(self._quoted(text))
        at = re.match(r" *# *[a-z]", text) if "# `" not in found[0] else None
        if self.capitals and at and not _AS_IT_IS.match(text[at.start() :]):
            text = text[: at.end() - 1] + text[at.end() - 1].upper() + text[at.end() :]
        elif not self.capitals:
            text = lowered(text)
        if self.full_stops and text.rstrip()[-1].isalpha() and text.count(" ") > _LABEL:
            text = text.rstrip() + ".\n"
        return wrapped(text, self.comment_width)

    def _reasoned(self, text: str) -> str:
        text = text.replace("so that", "so") if self.so else text
        return text.replace(", since", " because") if self.because else text

    def docstring_of(self, sentence: str, more: str, arguments: str, names: Mapping[str, str]) -> str:
        """A kernel's docstring, or ""; `arguments` is its section of them, as it stands."""
        if self.docstring == "none":
            return ""
        said = _imperative(sentence) if self.imperative else sentence

        def name(found: re.Match[str]) -> str:
            behind = _BEHIND.match(found.string, found.end())
            formula = behind or _BEFORE.search(found.string, 0, found.start())
            quotes = "" if formula else self.quotes
            return f"{quotes}{names.get(found[1], found[1])}{quotes}"

        said, more = (american(re.sub(r"`(\w+)`", name, text)) for text in (said, more))
        said, more = self.marked(said), self.marked(self._quoted(self._reasoned(more)))
        parts = [
            said,
            *([more] if self.docstring == "long" and more else []),
            *([arguments] if arguments else []),
        ]
        text = wrapped("\n\n".join(parts), self.line_length - len('    """"""'), "")
        if self.opens:
            return f'"""\n{text}\n"""'
        return f'"""{text}\n"""' if "\n" in text else f'"""{text}"""'

    def _quoted(self, text: str) -> str:
        """Prose with its formulas in this hand's quotes."""

        def formula(found: re.Match[str]) -> str:
            plain = found[1].count("(") != found[1].count(")") or _SAID.search(found[1]) or "`" in found[1]
            return found[1] if plain else f"{self.quotes}{found[1]}{self.quotes}"

        return _FORMULA.sub(formula, text) if self.quotes else text

    def marked(self, text: str) -> str:
        """Prose with what is code in it in this hand's quotes."""
        if not self.quotes:
            return text
        quoted = rf"\1{self.quotes}\2{self.quotes}"
        return "\n".join(x if " = " in x else _AMID.sub(quoted, x) for x in text.split("\n"))

    def spaced(self, text: str) -> str:
        """A kernel's body, or a function, with blank lines between its paragraphs, or without."""
        if self.paragraphs == "none" or text.startswith(("class", "@wp.struct")):
            return text
        base = 4 if text.startswith("@") else 0
        return spaced(text, base, self.apart, self.paragraphs == "many")

    def assigned(self, text: str) -> str:
        """`a += b` of locals, what is stored, and choices between two values, as this hand writes them."""
        text = decided(joined(text) if self.joins else text, self.decides)
        return text if self.augments else _AUGMENTED.sub(_spelled_out, text)

    def spelled(self, text: str, real: str) -> str:
        """Types as this hand spells them, for programs that compute in `real`."""
        returns = self.returns or _BY_NAME.search(text)
        full_scalars = self.full_scalars and "wp.texture_sample" not in text  # it takes `float` alone

        def code(part: str) -> str:
            part = part if returns else _RETURNS.sub("):", part)
            if real != "float32":
                part = _LITERAL.sub(lambda m: f"float({m[1] or m[2]})", part)  # a bare one has 32 bits
                part = _VECTORS.sub(rf"wp.\1{SUFFIX[real]}", part)
                part = _FLOAT.sub(f"wp.{real}", part)
            else:
                if self.zero:
                    part = _ZERO.sub(r"wp.\1()" if self.zero == "none" else r"wp.\1(0.0)", part)
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
        if self.full_elements:
            dtype = _IN_FULL.get(dtype, dtype)
        if self.array_style == "bracket":
            return f"wp.array{ndim}d[{dtype}]" if ndim else f"wp.array[{dtype}]"
        if self.array_style == "ndim" and ndim:
            return f"wp.array(dtype={dtype}, ndim={ndim})"
        return f"wp.array{ndim}d(dtype={dtype})" if ndim else f"wp.array(dtype={dtype})"


def prose(text: str, names: Mapping[str, str], quotes: str = "") -> str:
    """`text` with what stands in backticks under its new name, and these quotes in their place."""
    return american(mentioned(text, names).replace("`", quotes))


def american(text: str) -> str:
    """`text` in the spelling that Warp's own authors use."""
    return _BRITISH.sub(
        lambda m: _AMERICAN[m[0].lower()] if m[0].islower() else _AMERICAN[m[0].lower()].capitalize(), text
    )


def _imperative(sentence: str) -> str:
    """`Computes x.` as `Compute x.`; a sentence of several verbs stays."""
    verb, _, rest = sentence.partition(" ")
    if not verb.endswith("s") or re.search(r"\band\b|\bthen\b|;", rest):
        return sentence
    if verb.endswith("ies"):
        stem = verb[:-3] + "y"
    elif verb.endswith(("sses", "shes", "ches", "xes", "zzes")) or verb == "Does":
        stem = verb[:-2]
    else:
        stem = verb[:-1]
    return f"{stem} {rest}"


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
    tight = (ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow) if sign in "+-" else (ast.Mult, ast.Pow)
    loose = isinstance(tree, (ast.IfExp, ast.Compare, ast.BoolOp)) or (
        isinstance(tree, ast.BinOp) and not isinstance(tree.op, tight)
    )
    return f"{indent}{name} = {name} {sign} {f'({value})' if loose else value}"
