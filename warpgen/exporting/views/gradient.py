"""The view of gradients: adjoints to be written and to be mended, in generated code and by hand in Python."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

from warpgen import tasks
from warpgen.exporting.columns import TEXT
from warpgen.exporting.kernels import Kernel
from warpgen.exporting.planted import joined
from warpgen.exporting.views.view import MESSAGES, Record, View, common, schema
from warpgen.planting.edits import edited
from warpgen.planting.planted import Planted
from warpgen.record import Row


def gradient(path: Path | None) -> View:
    """The view, with the faults of a file; without one, it holds adjoints to be written alone."""
    return View(
        "gradients to be written and wrong ones to be mended: the adjoint of generated code, and "
        "`wp.func_grad` of a helper function",
        schema(
            {"row_id": TEXT, "kind": TEXT, "part": TEXT, "language": TEXT, "messages": MESSAGES},
            ("messages",),
        ),
        functools.partial(_records, path),
        ("messages",),
    )


def _records(path: Path | None, kernels: Iterator[Kernel]) -> Iterator[Record]:
    if path is None:
        for kernel in kernels:
            yield from _adjoints(kernel)
        return
    for kernel, planted in joined(kernels, path):
        yield from _adjoints(kernel)
        if planted is not None:
            yield from _mends(kernel, planted)
            yield from _gradients(kernel, planted)


def _adjoints(kernel: Kernel) -> Iterator[Record]:
    """Of rows whose adjoint is known to be right."""
    for row in kernel.rows:
        if row.verified.gradient.verdict == "pass":
            yield _record(kernel, row, "adjoint", tasks.adjoint(row), row.code[slice(*row.backward)])


def _mends(kernel: Kernel, planted: Planted) -> Iterator[Record]:
    row = kernel.cpu
    for found in planted.mends if row else ():
        assert row is not None
        right = row.code[slice(*row.backward)]
        asked = tasks.mend_adjoint(row, edited(right, found.turn.edits), found.turn.why)
        yield _record(kernel, row, "mend adjoint", asked, right)


def _gradients(kernel: Kernel, planted: Planted) -> Iterator[Record]:
    row = kernel.rows[0]
    for found in planted.gradients:
        yield _record(kernel, row, "func_grad", tasks.func_grad(row, found.function), found.text)
        if found.wrong is not None:
            wrong = edited(found.text, found.wrong.edits)
            asked = tasks.mend_func_grad(row, found.function, wrong, found.wrong.why)
            yield _record(kernel, row, "mend func_grad", asked, found.text)


def _record(kernel: Kernel, row: Row, kind: str, asked: str, answer: str) -> Record:
    by_hand = "func_grad" in kind
    language = "python" if by_hand else tasks.language_of(row)
    return common(kernel, f"-{language}-{kind.replace(' ', '-')}") | {
        "row_id": row.id,
        "kind": kind,
        "part": "func_grad" if by_hand else "adjoint",
        "language": language,
        "messages": [
            {"role": "user", "content": asked},
            {"role": "assistant", "content": tasks.block(language, answer)},
        ],
    }
