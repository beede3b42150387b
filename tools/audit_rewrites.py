"""Right rewrites beyond those of `rewrites.py`: other spellings of a kernel, and the dress of answers."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import warpgen
from tools.rewrites import REWRITES, Change, calls, rewritten

Make = Callable[[warpgen.Row], str | None]


class Right(NamedTuple):
    """A kind of right text, and what makes it of a row."""

    kind: str
    make: Make


def _edited(change: Change) -> Make:
    return lambda row: rewritten(row.python_source, row.name, [change], 1)


def _statements(kernel: ast.FunctionDef, replace: Callable[[ast.stmt], list[ast.stmt] | None]) -> bool:
    """Put others in place of the first statement that `replace` takes."""
    for node in ast.walk(kernel):
        for field in ("body", "orelse"):
            block = getattr(node, field, None)
            for i, statement in enumerate(block if isinstance(block, list) else []):
                made = replace(statement) if isinstance(statement, ast.stmt) else None
                if made is not None:
                    block[i : i + 1] = made  # type: ignore[index]
                    return True
    return False


def _text(template: str, *parts: ast.AST) -> list[ast.stmt]:
    return ast.parse(template.format(*(ast.unparse(part) for part in parts))).body


def _augmented(kernel: ast.FunctionDef, _: int) -> bool:
    """`a += b` of a local as `a = a + b`."""

    def spelt(s: ast.stmt) -> list[ast.stmt] | None:
        if isinstance(s, ast.AugAssign) and isinstance(s.target, ast.Name):
            name = ast.Name(s.target.id, ast.Load())
            return [ast.Assign([s.target], ast.BinOp(name, s.op, s.value))]
        return None

    return _statements(kernel, spelt)


def _range(kernel: ast.FunctionDef, _: int) -> bool:
    """`range(n)` as `range(0, n, 1)`."""
    for node in ast.walk(kernel):
        if isinstance(node, ast.For) and isinstance(node.iter, ast.Call) and len(node.iter.args) == 1:
            node.iter.args = [ast.Constant(0), node.iter.args[0], ast.Constant(1)]
            return True
    return False


def _split_store(kernel: ast.FunctionDef, _: int) -> bool:
    """An index under a name of its own."""

    def spelt(s: ast.stmt) -> list[ast.stmt] | None:
        if (
            isinstance(s, ast.Assign)
            and isinstance(s.targets[0], ast.Subscript)
            and isinstance(s.targets[0].slice, ast.Name)
        ):
            return _text(
                "named_index = {1}\n{0}[named_index] = {2}", s.targets[0].value, s.targets[0].slice, s.value
            )
        return None

    return _statements(kernel, spelt)


def _branched(kernel: ast.FunctionDef, _: int) -> bool:
    """A conditional expression as a branch."""

    def spelt(s: ast.stmt) -> list[ast.stmt] | None:
        if (
            isinstance(s, ast.Assign)
            and isinstance(s.targets[0], ast.Subscript)
            and isinstance(s.value, ast.IfExp)
        ):
            return _text(
                "if {1}:\n    {0} = {2}\nelse:\n    {0} = {3}",
                s.targets[0],
                s.value.test,
                s.value.body,
                s.value.orelse,
            )
        return None

    return _statements(kernel, spelt)


def _expression(matches: Callable[[ast.AST], bool], template: str) -> Change:
    """The first expression that matches, written into a template."""

    def edit(kernel: ast.FunctionDef, _: int) -> bool:
        done = False

        class Replace(ast.NodeTransformer):
            def visit(self, node: ast.AST) -> Any:
                nonlocal done
                if not done and isinstance(node, ast.expr) and matches(node):
                    done = True
                    return ast.parse(template.format(ast.unparse(node)), mode="eval").body
                return self.generic_visit(node)

        kernel.body = [Replace().visit(s) for s in kernel.body]
        return done

    return edit


def _ordered(kernel: ast.FunctionDef, _: int) -> bool:
    """`wp.min(a, b)` as `wp.min(b, a)`."""
    for node in ast.walk(kernel):
        if (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) in ("wp.min", "wp.max", "wp.dot")
            and len(node.args) == 2
        ):
            node.args.reverse()
            return True
    return False


def _atomic_sum(kernel: ast.FunctionDef, _: int) -> bool:
    """`wp.atomic_add(y, i, v)` as `y[i] += v`, which is one for Warp."""

    def spelt(s: ast.stmt) -> list[ast.stmt] | None:
        if (
            isinstance(s, ast.Expr)
            and isinstance(s.value, ast.Call)
            and ast.unparse(s.value.func) == "wp.atomic_add"
        ):
            array, *places, value = s.value.args
            return _text(
                "{0}[{1}] += {2}",
                array,
                ast.Tuple(places, ast.Load()) if len(places) > 1 else places[0],
                value,
            )
        return None

    return _statements(kernel, spelt)


def _wrapped(kernel: ast.FunctionDef, _: int) -> bool:
    """Everything behind the question for the thread inside a branch that is always taken."""
    asks = next((s for s in kernel.body if isinstance(s, ast.Assign) and "wp.tid" in ast.unparse(s)), None)
    if asks is None or any(isinstance(n, ast.Return) for n in ast.walk(kernel)):
        return False
    target = asks.targets[0]
    first = ast.unparse(target.elts[0] if isinstance(target, ast.Tuple) else target)
    at = kernel.body.index(asks) + 1
    kernel.body[at:] = [ast.If(ast.parse(f"{first} >= 0", mode="eval").body, kernel.body[at:], [])]
    return True


def _unused(kernel: ast.FunctionDef, _: int) -> bool:
    kernel.body[0:0] = ast.parse("audit_unused = float(1.0)\naudit_unused = audit_unused * 2.0").body
    return True


def _described(kernel: ast.FunctionDef, _: int) -> bool:
    kernel.body[0:0] = ast.parse('"""Computes what it should — and \'nothing\' else."""').body
    return True


def _helper(row: warpgen.Row) -> str | None:
    """A value that goes through a function of its own."""

    def edit(kernel: ast.FunctionDef, _: int) -> bool:
        stores = [
            s
            for s in ast.walk(kernel)
            if isinstance(s, ast.Assign) and isinstance(s.targets[0], ast.Subscript)
        ]
        if stores:
            stores[0].value = ast.parse(f"audit_same({ast.unparse(stores[0].value)})", mode="eval").body
        return bool(stores)

    made = rewritten(row.python_source, row.name, [edit], 0)
    helper = "from typing import Any\n\n\n@wp.func\ndef audit_same(v: Any):\n    return v\n\n\n@wp.kernel"
    return None if made is None else made.replace("@wp.kernel", helper, 1)


def _constant(row: warpgen.Row) -> str | None:
    """A number under a name at the top of the module."""
    found: list[str] = []

    def edit(kernel: ast.FunctionDef, _: int) -> bool:
        number = next(
            (n for n in ast.walk(kernel) if isinstance(n, ast.Constant) and isinstance(n.value, float)), None
        )
        if number is None or any(
            isinstance(n, ast.Call) and "static" in ast.unparse(n.func) for n in ast.walk(kernel)
        ):
            return False
        found.append(repr(number.value))
        return _expression(lambda n: n is number, "AUDIT_NUMBER")(kernel, 0)

    made = rewritten(row.python_source, row.name, [edit], 0)
    return (
        None
        if made is None
        else made.replace("@wp.kernel", f"AUDIT_NUMBER = wp.constant({found[0]})\n\n\n@wp.kernel", 1)
    )


def _annotated(row: warpgen.Row) -> str | None:
    made = re.sub(r"\bwp\.array\[([\w.]+)\]", r"wp.array(dtype=\1)", row.python_source)
    if made == row.python_source:
        made = re.sub(r"\bwp\.array\(dtype=([\w.]+)\)", r"wp.array1d(dtype=\1)", row.python_source)
    return made if made != row.python_source else None


def _aliased(row: warpgen.Row) -> str | None:
    return re.sub(r"\bwp\.", "warp.", row.python_source.replace("import warp as wp", "import warp"))


_HOST = """

def main():
    rng = np.random.default_rng(0)
    data = wp.array(rng.standard_normal(16), dtype=float)
    with wp.ScopedTimer("run"):
        wp.launch(NAME, dim=16, inputs=[data])
    wp.synchronize()
    print(data.numpy())


if __name__ == "__main__":
    wp.init()
    main()
"""
_SECOND = "\n\n@wp.kernel\ndef audit_other(audit: wp.array(dtype=float)):\n    audit[wp.tid()] = 0.0\n"


def _hosted(row: warpgen.Row) -> str:
    return "import numpy as np\n" + row.python_source + _HOST.replace("NAME", row.name)


def _commented(row: warpgen.Row) -> str:
    return "# Copyright\n\n\n" + row.python_source.replace("\n", "  # so\n\n", 1)


def _answered(row: warpgen.Row) -> str:
    return f"Here is the kernel:\n\n```python\n{row.python_source}```\nIt is fast.\n"


RIGHT: tuple[Right, ...] = (
    *(Right(r.kind, _edited(r.change)) for r in REWRITES if r.right),
    Right("a += b as a = a + b", _edited(_augmented)),
    Right("range with all its bounds", _edited(_range)),
    Right("index named", _edited(_split_store)),
    Right("conditional as a branch", _edited(_branched)),
    Right("arguments of min, max, dot exchanged", _edited(_ordered)),
    Right("atomic sum by +=", _edited(_atomic_sum)),
    Right("inside a branch that is taken", _edited(_wrapped)),
    Right("a local that nothing reads", _edited(_unused)),
    Right("a docstring", _edited(_described)),
    Right("sin(x) negated twice", _edited(_expression(calls({"wp.sin"}), "-(-({0}))"))),
    Right("floor(x) added to nothing", _edited(_expression(calls({"wp.floor"}), "({0} + wp.floor(0.25))"))),
    Right("helper function", _helper),
    Right("constant at the top", _constant),
    Right("other spelling of array types", _annotated),
    Right("import warp", _aliased),
    Right("host code around it", _hosted),
    Right("another kernel beside it", lambda row: row.python_source + _SECOND),
    Right("comments and blank lines", _commented),
    Right("an answer with a fence", _answered),
)
