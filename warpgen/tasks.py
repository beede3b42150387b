"""What is asked beside a kernel from its description: to mend one, to write adjoints, to translate back.

Each task has its prompt here, and one way from an answer to the text that the judge takes: `candidate`.
"""

from __future__ import annotations

import ast
import re
from typing import Literal

from warpgen.fences import fenced, named, said
from warpgen.prompt import order
from warpgen.record import Row
from warpgen.verdict import Language

# What an answer holds: a whole module or text, the adjoint of `code`, or the gradient of a helper function.
Part = Literal["whole", "adjoint", "func_grad"]

_TITLES = {"cpp": "C++", "cuda": "CUDA C++"}
_GRADIENT = re.compile(r"wp\.func_grad\((\w+)\)")


def block(language: Language, text: str) -> str:
    """A text as an answer holds it."""
    return f"```{language}\n{text.rstrip()}\n```"


def judged(stage: str, why: str) -> str:
    """The judge's word on a wrong text."""
    return f"The judge ended at `{stage}`: {why}"


def repair(row: Row, wrong: str, stage: str, why: str) -> str:
    """A wrong kernel is to be mended."""
    return (
        f"{order(row)}\n\nThis kernel for it is wrong:\n{block('python', wrong)}\n{judged(stage, why)}\n\n"
        f"{_MEND} Answer with the whole module, in one block that begins with ```python."
    )


def repair_again(stage: str, why: str) -> str:
    """The next turn, where the answer was wrong as well."""
    return f"{judged(stage, why)}\n\n{_MEND}"


_MEND = "Find what is wrong and mend it."


def adjoint(row: Row) -> str:
    """The adjoint of generated code is to be written."""
    return f"{_forward(row)}\nWrite {_backward(row)}"


def mend_adjoint(row: Row, wrong: str, why: str) -> str:
    """A wrong adjoint of generated code is to be mended."""
    language = language_of(row)
    return (
        f"{_forward(row)}\nThis adjoint of it gives wrong gradients:\n{block(language, wrong)}\n"
        f"{judged('gradients', why)}\n\n{_MEND} Write {_backward(row)}"
    )


def func_grad(row: Row, function: str) -> str:
    """The gradient of a helper function is to be written in Python."""
    return f"{_module(row.python_source)}\nWrite {_by_hand(function)}"


def mend_func_grad(row: Row, function: str, wrong: str, why: str) -> str:
    """A wrong gradient of a helper function is to be mended."""
    return (
        f"{_module(row.python_source)}\nThis gradient of `{function}` is wrong:\n{block('python', wrong)}\n"
        f"{judged('gradients', why)}\n\n{_MEND} Write {_by_hand(function)}"
    )


def back(row: Row) -> str:
    """The Python is to be written from which the generated code of a row came."""
    language = language_of(row)
    return (
        f"NVIDIA Warp generated this {_TITLES[language]} of a kernel in Python:\n"
        f"{block(language, row.code)}\n"
        f"{order(row)}\nIt must compute the same. "
        "Answer with one module, with its imports and one kernel, in one block that begins with ```python."
    )


def language_of(row: Row) -> Language:
    """What the code of a row is written in."""
    return "cuda" if row.target == "cuda" else "cpp"


def _forward(row: Row) -> str:
    language = language_of(row)
    return (
        f"This is the forward function that NVIDIA Warp generates in {_TITLES[language]} of a kernel. "
        f"{row.summary}\n{block(language, row.code[slice(*row.forward)])}"
    )


def _backward(row: Row) -> str:
    text = row.code[slice(*row.backward)]
    head = text[: text.index("{")].strip()
    return (
        "the function that adds the gradients of its inputs to those that are there, from the gradients "
        f"of its outputs. It begins so:\n{block(language_of(row), head)}\n"
        f"Answer with this function alone, in one block that begins with ```{language_of(row)}."
    )


def _module(source: str) -> str:
    return f"This is a module for NVIDIA Warp:\n{block('python', source)}"


def _by_hand(function: str) -> str:
    return (
        f"the gradient of `{function}` by hand: a function with the decorator `@wp.func_grad({function})`, "
        f"which takes the arguments of `{function}` and then `adj_ret`, the gradient of its result, and adds "
        "to `wp.adjoint[x]` for each argument x. Answer with this function alone, in one block that begins "
        "with ```python."
    )


def candidate(row: Row, part: Part, answer: str) -> str | None:
    """What the judge is to take of an answer, None where the answer holds no such part.

    A `whole` answer goes to the judge as it is, with `extract=True`; other parts are put into the row's own
    text, to be judged without.
    """
    if part == "whole":
        return answer if answer.strip() else None
    blocks = named(fenced(said(answer))[0], language_of(row) if part == "adjoint" else "python")
    if not blocks:
        return None
    if part == "adjoint":
        start, stop = row.backward
        return row.code[:start] + blocks[-1].strip() + "\n" + row.code[stop:]
    return _with_gradient(row.python_source, blocks[-1])


def _with_gradient(source: str, text: str) -> str | None:
    """The module with the gradient behind its function; None for anything but one gradient, written out."""
    try:
        (made,) = (s for s in ast.parse(text).body if ast.unparse(s) != "import warp as wp")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not isinstance(made, ast.FunctionDef) or "wp.grad" in text:
        return None
    named = [found[1] for mark in made.decorator_list if (found := _GRADIENT.fullmatch(ast.unparse(mark)))]
    if len(named) != 1 or len(made.decorator_list) != 1:
        return None
    ends = {
        node.name: node.end_lineno for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)
    }
    line = ends.get(named[0])
    if line is None:
        return None
    lines = source.splitlines(keepends=True)
    place = sum(map(len, lines[:line]))
    return f"{source[:place]}\n\n{text.strip()}\n{source[place:]}"
