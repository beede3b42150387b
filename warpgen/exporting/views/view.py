"""What a view is: one kernel's place in an export, and the columns that all views share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pyarrow as pa

from warpgen.exporting.columns import TEXT
from warpgen.exporting.kernels import Kernel

Record = dict[str, Any]

LANGUAGES = {"cpu": "cpp", "cuda": "cuda"}  # what `code` is written in, by target


class View(NamedTuple):
    """A projection of the dataset: a stream of kernels in, a stream of records out, in the same order."""

    about: str
    schema: pa.Schema
    records: Callable[[Iterator[Kernel]], Iterator[Record]]


def each(records: Callable[[Kernel], Iterator[Record]]) -> Callable[[Iterator[Kernel]], Iterator[Record]]:
    """The records of kernels that are looked at one by one."""
    return lambda kernels: (record for kernel in kernels for record in records(kernel))


def schema(fields: dict[str, pa.DataType]) -> pa.Schema:
    """`fields` between those that every view but `rows` has."""
    common = {"id": TEXT, "kernel_id": TEXT, "category": TEXT}
    return pa.schema({**common, **fields, "licence": TEXT, "cluster": TEXT, "split": TEXT})


def common(kernel: Kernel, ending: str = "") -> Record:
    """The fields that every view but `rows` has; `ending` tells the records of a kernel apart."""
    row = kernel.rows[0]
    return {
        "id": row.kernel_id + ending,
        "kernel_id": row.kernel_id,
        "category": row.category,
        "licence": row.provenance.licence,
        "cluster": kernel.cluster,
        "split": kernel.split,
    }
