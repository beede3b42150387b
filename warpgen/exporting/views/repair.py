"""The views of planted faults: kernels to be mended, and a right kernel beside a wrong one."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from warpgen import tasks
from warpgen.exporting.columns import TEXT, WHOLE
from warpgen.exporting.kernels import Kernel
from warpgen.exporting.planted import joined
from warpgen.exporting.views.view import MESSAGES, Record, View, common, schema
from warpgen.planting.edits import edited
from warpgen.planting.planted import Repair
from warpgen.prompt import order
from warpgen.record import Row

# As `MESSAGES`, with what a trainer learns: an answer that is wrong is shown and not learnt.
_TURNS = pa.list_(pa.struct([("role", TEXT), ("content", TEXT), ("train", pa.bool_())]))
_PREFERRED = ("prompt", "chosen", "rejected")


def repair(path: Path) -> View:
    """The view, with the faults of a file."""
    fields = {"row_id": TEXT, "language": TEXT, "turns": WHOLE, "faults": pa.list_(TEXT), "stage": TEXT}
    return View(
        "a wrong kernel, what the judge says of it, and the right one; in one turn or two",
        schema({**fields, "messages": _TURNS}, ("messages",)),
        functools.partial(_repairs, path),
        ("messages",),
    )


def preference(path: Path) -> View:
    """The view, with the faults of a file."""
    fields = {"row_id": TEXT, "language": TEXT, "fault": TEXT, "stage": TEXT, "reason": TEXT}
    return View(
        "a task in words, the right kernel, a wrong one, and why it is wrong",
        schema({**fields, **dict.fromkeys(_PREFERRED, MESSAGES)}, _PREFERRED),
        functools.partial(_preferences, path),
        _PREFERRED,
    )


def _repairs(path: Path, kernels: Iterator[Kernel]) -> Iterator[Record]:
    for kernel, planted in joined(kernels, path):
        row = kernel.rows[0]
        for found in planted.repairs if planted else ():
            yield common(kernel, f"-repair{len(found.turns)}") | {
                "row_id": row.id,
                "language": "python",
                "turns": len(found.turns),
                "faults": list(found.kinds),
                "stage": found.turns[0].stage,
                "messages": list(_conversation(row, found)),
            }


def _conversation(row: Row, found: Repair) -> Iterator[Record]:
    """Each turn has its wrong kernel; the last answer is the row's own."""
    first, *later = found.turns
    asked = tasks.repair(row, edited(row.python_source, first.edits), first.stage, first.why)
    for turn in later:
        wrong = edited(row.python_source, turn.edits)
        yield {"role": "user", "content": asked, "train": False}
        yield {"role": "assistant", "content": tasks.block("python", wrong), "train": False}
        asked = tasks.repair_again(turn.stage, turn.why)
    yield {"role": "user", "content": asked, "train": False}
    yield {"role": "assistant", "content": tasks.block("python", row.python_source), "train": True}


def _preferences(path: Path, kernels: Iterator[Kernel]) -> Iterator[Record]:
    for kernel, planted in joined(kernels, path):
        row = kernel.rows[0]
        for found in planted.repairs if planted else ():
            if len(found.turns) == 1:
                (turn,) = found.turns
                wrong = edited(row.python_source, turn.edits)
                yield common(kernel, "-preference") | {
                    "row_id": row.id,
                    "language": "python",
                    "fault": found.kinds[0],
                    "stage": turn.stage,
                    "reason": f"{found.kinds[0]}: {turn.why}",
                    "prompt": [{"role": "user", "content": order(row)}],
                    "chosen": [{"role": "assistant", "content": tasks.block("python", row.python_source)}],
                    "rejected": [{"role": "assistant", "content": tasks.block("python", wrong)}],
                }
