"""The views for trainers: conversations, code with a hole in it, and code with its explanation."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import xxhash

from warpgen.exporting.columns import TEXT
from warpgen.exporting.kernels import Kernel
from warpgen.exporting.views.texts import texts
from warpgen.exporting.views.view import LANGUAGES, MESSAGES, Record, View, common, each, schema
from warpgen.prompt import explanation, order
from warpgen.record import Row

_HOLE = ("prefix", "middle", "suffix")
_EXPLAINED = ("code", "explanation")
# The largest part of a function that a hole takes.
_SHARE = 0.5


def _chat(kernel: Kernel) -> Iterator[Record]:
    row = kernel.rows[0]
    asked = order(row)
    if row.verified.gradient.verdict == "pass":
        asked += "\nGradients must flow through it."
    answer = f"```python\n{row.python_source.rstrip()}\n```"
    messages = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
    yield common(kernel) | {"messages": messages}


def _explain(kernel: Kernel) -> Iterator[Record]:
    said = explanation(kernel.rows[0])
    for language, code in texts(kernel).items():
        yield common(kernel, f"-{language}") | {"language": language, "code": code, "explanation": said}


def _fim(kernel: Kernel) -> Iterator[Record]:
    row = kernel.rows[0]
    holes = {"python": (row.python_source, _blocks(row.python_source))}
    holes |= {LANGUAGES[r.target]: (r.code, _generated(r)) for r in kernel.rows}
    for language, (text, runs) in holes.items():
        found = hole(text, runs, f"{row.kernel_id}-{language}")
        if found is not None:
            start, stop = found
            parts = zip(_HOLE, (text[:start], text[start:stop], text[stop:]), strict=True)
            yield common(kernel, f"-{language}") | {"language": language} | dict(parts)


Lines = tuple[int, int]  # the first and the one after the last, from 0


def hole(text: str, runs: list[list[Lines]], seed: str) -> tuple[int, int] | None:
    """Where a hole begins and ends: some statements in a row of one of the `runs`; None where there is none.

    Each run is a list of statements, as lines. What is drawn depends on `seed` alone.
    """
    runs = [run for run in runs if run]
    if not runs:
        return None
    draw = xxhash.xxh3_128_intdigest(seed.encode())
    draw, which = divmod(draw, len(runs))
    run = runs[which]
    most = max(1, int(len(run) * _SHARE))
    draw, length = divmod(draw, most)
    first = draw % (len(run) - length)
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts[run[first][0]], starts[run[first + length][1]]


def _blocks(source: str) -> list[list[Lines]]:
    """Every block of statements of a program's functions, without docstrings."""
    blocks = []
    for function in ast.parse(source).body:
        if not isinstance(function, ast.FunctionDef):
            continue
        for node in ast.walk(function):
            for name in ("body", "orelse"):
                block = getattr(node, name, [])
                if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                    blocks.append([(s.lineno - 1, s.end_lineno or s.lineno) for s in block if _is_code(s)])
    return blocks


def _is_code(statement: ast.stmt) -> bool:
    return not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))


def _generated(row: Row) -> list[list[Lines]]:
    """The statements of the forward function of a generated text, a line each, behind its declarations."""
    start, stop = row.forward
    start = max(start, row.code.find("// forward\n", start, stop))
    before = row.code.count("\n", 0, start)
    lines = row.code[start:stop].splitlines()
    return [[(before + i, before + i + 1) for i, line in enumerate(lines) if line.rstrip().endswith(";")]]


CHAT = View(
    "a conversation: the kernel asked for in words, and the program that answers, as trainers take it",
    schema({"messages": MESSAGES}, ("messages",)),
    each(_chat),
    ("messages",),
)

FIM = View(
    "code with a hole in it (fill in the middle): some statements in a row of one function",
    schema(dict.fromkeys(("language", *_HOLE), TEXT), _HOLE),
    each(_fim),
    _HOLE,
)

EXPLAIN = View(
    "code in each language, and in words what it computes, on what, and whether its gradients hold",
    schema(dict.fromkeys(("language", *_EXPLAINED), TEXT), _EXPLAINED),
    each(_explain),
    _EXPLAINED,
)
