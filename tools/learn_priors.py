"""Measure how people write Warp and keep the counts in warpgen/synthesis/style/priors.json.

Reads the installed human-written Warp code (tests, fem, internals; never `warp.examples`, which
judges us) and keeps statistics alone: names with their types, habits, constants, sequences of
operators and statements. No line of code is kept.
"""

from __future__ import annotations

import argparse
import ast
import io
import itertools
import json
import sys
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import warp

TABLE = Path(__file__).resolve().parents[1] / "warpgen" / "synthesis" / "style" / "priors.json"
LEAST = 3  # rarer things are one person's whim
MOST = 60  # entries kept per list
ORDER = (
    "warp habits array_styles argument_order index_names argument_names output_names local_names name_words "
    "comment_openers floats integers statement_pairs operator_pairs"
).split()
SEEN = 20  # arguments of a type that are enough to tell how its names go


def functions() -> Iterator[tuple[str, ast.FunctionDef, str]]:
    """`kernels` or `functions`, each @wp.kernel or @wp.func, and its lines, in the order of the files."""
    root = Path(warp.__file__).parent
    files = [p for folder in ("tests", "_src", "fem", "optim") for p in sorted((root / folder).rglob("*.py"))]
    for path in files:
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                marks = " ".join(ast.unparse(d) for d in node.decorator_list)
                if "kernel" in marks or "wp.func" in marks:
                    kind = "kernels" if "kernel" in marks else "functions"
                    yield kind, node, "\n".join(lines[node.lineno - 1 : node.end_lineno])


def top(counter: Counter[str]) -> dict[str, int]:
    """The most common entries, ties in alphabetical order."""
    ranked = sorted(counter.items(), key=lambda kv: (-kv[1], kv[0]))
    return {k: n for k, n in ranked[:MOST] if n >= LEAST}


def index_names(node: ast.FunctionDef) -> Iterator[list[str]]:
    """What the indices of the thread are called."""
    for statement in node.body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.value) == "wp.tid()":
            target = statement.targets[0]
            parts = target.elts if isinstance(target, ast.Tuple) else [target]
            yield [part.id for part in parts if isinstance(part, ast.Name)]


def array_style(annotation: str) -> str:
    """How the type of an array is spelled; empty for other types."""
    if annotation.startswith("wp.array["):
        return "bracket"
    if annotation.startswith("wp.array(dtype="):
        return "dtype"
    if annotation.startswith(("wp.array1d", "wp.array2d", "wp.array3d", "wp.array4d")):
        return "ranked_bracket" if "[" in annotation else "ranked"
    return ""


def element(annotation: str) -> str:
    """`array:vec3` for arrays of wp.vec3 of any rank, the bare type name for values."""
    style = array_style(annotation)
    inner = annotation
    if style:
        inner = (
            annotation.split("[", 1)[1][:-1]
            if "bracket" in style
            else annotation.split("dtype=", 1)[-1].split(",")[0].rstrip(")")
        )
    inner = inner.removeprefix("wp.")
    inner = {"float32": "float", "int32": "int", "vec3f": "vec3", "vec2f": "vec2"}.get(inner, inner)
    return f"array:{inner}" if style else inner


def stored(node: ast.FunctionDef) -> set[str]:
    """Arguments that the function assigns elements of."""
    targets: list[ast.expr] = []
    for n in ast.walk(node):
        targets += (
            n.targets if isinstance(n, ast.Assign) else [n.target] if isinstance(n, ast.AugAssign) else []
        )
    elements = [t.value for t in targets if isinstance(t, ast.Subscript)]
    return {value.id for value in elements if isinstance(value, ast.Name)}


def statement_kind(node: ast.stmt) -> str:
    """A word for it, the same for all of a kind."""
    if isinstance(node, ast.Expr):
        return "call" if isinstance(node.value, ast.Call) else "docstring"
    if isinstance(node, ast.Assign):
        return "store" if isinstance(node.targets[0], ast.Subscript) else "assign"
    return type(node).__name__.lower()


def sequences(node: ast.AST, statements: Counter[str], operators: Counter[str]) -> None:
    """Pairs of neighbouring statements, and of an operator or call with the one that holds it."""
    for child in ast.walk(node):
        for body in (getattr(child, "body", None), getattr(child, "orelse", None)):
            if isinstance(body, list):
                kinds = [statement_kind(s) for s in body if isinstance(s, ast.stmt)]
                statements.update(f"{a} {b}" for a, b in itertools.pairwise(kinds))
        if isinstance(child, ast.BinOp):
            for part in (child.left, child.right):
                inner = type(part.op).__name__ if isinstance(part, ast.BinOp) else ""
                inner = inner or ("call" if isinstance(part, ast.Call) else "leaf")
                operators[f"{type(child.op).__name__} {inner}"] += 1


def comments(text: str) -> list[str]:
    """Their words, without the sign."""
    tokens = tokenize.generate_tokens(io.StringIO(text.replace("\t", "    ")).readline)
    found = []
    try:
        for token in tokens:
            if token.type == tokenize.COMMENT:
                found.append(token.string.lstrip("# "))
    except (tokenize.TokenError, IndentationError):  # a method cut out of its class, say
        pass
    return [c for c in found if c]


class Counts:
    """What was counted so far."""

    def __init__(self) -> None:
        self.habits: Counter[str] = Counter()
        self.lists: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.index: defaultdict[int, Counter[str]] = defaultdict(Counter)
        self.names: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.outputs: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def add(self, kind: str, node: ast.FunctionDef, text: str) -> None:
        """Count one function."""
        self.habits[kind] += 1
        self.habits[f"{kind} with docstring"] += ast.get_docstring(node) is not None
        self.habits["where"] += text.count("wp.where(")
        self.lists["name_words"].update(node.name.split("_"))
        for names in index_names(node):
            self.index[len(names)][",".join(names)] += 1
        self._comments(text)
        self._arguments(node)
        for n in ast.walk(node):
            self._part(n)
        sequences(node, self.lists["statement_pairs"], self.lists["operator_pairs"])

    def _comments(self, text: str) -> None:
        for comment in comments(text):
            self.habits["comments"] += 1
            self.habits["comments capitalised"] += comment[0].isupper()
            self.habits["comments with full stop"] += comment.endswith(".")
            opener = comment.split()[0].lower()
            self.lists["comment_openers"][opener] += opener.isalpha()

    def _arguments(self, node: ast.FunctionDef) -> None:
        written, roles = stored(node), []
        for arg in node.args.args:
            annotation = ast.unparse(arg.annotation) if arg.annotation else ""
            if not annotation:
                continue
            style = array_style(annotation)
            self.lists["array_styles"][style or "value"] += 1
            self.habits["wp.float32"] += "wp.float32" in annotation
            bare = annotation == "float" or "[float]" in annotation or "dtype=float)" in annotation
            self.habits["float"] += bare
            self.names[element(annotation)][arg.arg] += 1
            roles.append("out" if arg.arg in written else "array" if style else "value")
            if arg.arg in written:
                self.outputs[element(annotation)][arg.arg] += 1
        self.lists["argument_order"][" ".join(dict.fromkeys(roles))] += bool(roles)

    def _part(self, node: ast.AST) -> None:
        self.habits["statements"] += isinstance(node, ast.stmt)
        self.habits["augmented"] += isinstance(node, ast.AugAssign)
        self.habits["ternary"] += isinstance(node, ast.IfExp)
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            self.lists["floats" if isinstance(node.value, float) else "integers"][repr(node.value)] += 1
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            self.lists["local_names"][node.targets[0].id] += 1

    def table(self) -> dict[str, object]:
        """As it is kept, in an order of its own."""
        found: dict[str, object] = {name: top(counter) for name, counter in self.lists.items()}
        found["warp"] = warp.__version__
        found["habits"] = dict(sorted(self.habits.items()))
        found["index_names"] = {str(rank): top(c) for rank, c in sorted(self.index.items())}
        for name, by_type in (("argument_names", self.names), ("output_names", self.outputs)):
            found[name] = {t: top(c) for t, c in sorted(by_type.items()) if c.total() >= SEEN}
        return {name: found[name] for name in ORDER}


def main() -> int:
    """Rewrite the table, or 1 with --check where it is another."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--check", action="store_true", help="only say whether it is what this Warp gives")
    args = parser.parse_args()
    counts = Counts()
    for kind, node, text in functions():
        counts.add(kind, node, text)
    table = json.dumps(counts.table(), indent=1) + "\n"
    if args.check:
        same = TABLE.read_text() == table
        print(f"{TABLE.name} is {'' if same else 'not '}what warp {warp.__version__} gives")
        return 0 if same else 1
    TABLE.write_text(table)
    print(f"{TABLE.name}: {len(table)} bytes from warp {warp.__version__}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
