"""What a view is: one kernel's place in an export, and the columns that all views share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import pyarrow as pa

from warpgen.exporting.columns import NUMBER, TEXT, WHOLE
from warpgen.exporting.kernels import Kernel

Record = dict[str, Any]

LANGUAGES = {"cpu": "cpp", "cuda": "cuda"}  # what `code` is written in, by target

# What every view ends with.
ENDS = {"difficulty": NUMBER, "licence": TEXT, "cluster": TEXT, "split": TEXT}

MESSAGES = pa.list_(pa.struct([("role", TEXT), ("content", TEXT)]))


class View(NamedTuple):
    """A projection of the dataset: a stream of kernels in, a stream of records out, in the same order.

    `texts` are the columns that a model reads or writes, whose tokens are counted.
    """

    about: str
    schema: pa.Schema
    records: Callable[[Iterator[Kernel]], Iterator[Record]]
    texts: tuple[str, ...]


def each(records: Callable[[Kernel], Iterator[Record]]) -> Callable[[Iterator[Kernel]], Iterator[Record]]:
    """The records of kernels that are looked at one by one."""
    return lambda kernels: (record for kernel in kernels for record in records(kernel))


def counts(texts: tuple[str, ...]) -> dict[str, pa.DataType]:
    """The columns for tokens: of the whole record, and of each text where there are several."""
    return dict.fromkeys(tokens_of(dict.fromkeys(texts, 0)), WHOLE)


def tokens_of(found: Mapping[str, int]) -> dict[str, int]:
    """The values of those columns, from the tokens of each text."""
    own = {f"{name}_tokens": count for name, count in found.items()} if len(found) > 1 else {}
    return {"tokens": sum(found.values())} | own


def texts_of(view: View, record: Record) -> dict[str, str]:
    """What a model reads or writes of a record; of messages all contents."""
    return {
        name: record[name]
        if isinstance(record[name], str)
        else "\n".join(message["content"] for message in record[name])
        for name in view.texts
    }


def schema(fields: dict[str, pa.DataType], texts: tuple[str, ...]) -> pa.Schema:
    """`fields` between those that every view but `rows` has."""
    common = {"id": TEXT, "kernel_id": TEXT, "category": TEXT}
    return pa.schema({**common, **fields, **counts(texts), **ENDS})


def common(kernel: Kernel, ending: str = "") -> Record:
    """The fields that every view but `rows` has; `ending` tells the records of a kernel apart."""
    row = kernel.rows[0]
    return {
        "id": row.kernel_id + ending,
        "kernel_id": row.kernel_id,
        "category": row.category,
        "difficulty": kernel.difficulty,
        "licence": row.provenance.licence,
        "cluster": kernel.cluster,
        "split": kernel.split,
    }
