"""The row as typed columns, and back: names, nesting and types follow from `record.py`."""

from __future__ import annotations

from typing import Any

import msgspec
import pyarrow as pa
from msgspec import inspect

from warpgen.launch import Argument, Launch
from warpgen.record import Row

TEXT, WHOLE, NUMBER = pa.string(), pa.int64(), pa.float64()


def column(kind: inspect.Type) -> pa.DataType:
    """The Arrow type of what a field of a struct holds."""
    match kind:
        case inspect.StrType() | inspect.LiteralType():
            return TEXT
        case inspect.BoolType():
            return pa.bool_()
        case inspect.IntType():
            return WHOLE
        case inspect.FloatType():
            return NUMBER
        case inspect.VarTupleType(item_type=item):
            return pa.list_(column(item))
        case inspect.TupleType(item_types=(item, *_)):
            return pa.list_(column(item))
        case inspect.StructType(fields=fields):
            return pa.struct([(field.encode_name, column(field.type)) for field in fields])
    raise TypeError(f"there is no column for {kind}")


def columns(struct: type[msgspec.Struct]) -> pa.DataType:
    """A struct's fields as columns of one Arrow struct."""
    return column(inspect.type_info(struct))


ROW = pa.schema(columns(Row))
ARGS = pa.list_(columns(Argument))
LAUNCH = columns(Launch)


def record(row: Row) -> dict[str, Any]:
    """A row as a record of the schema ROW."""
    made: dict[str, Any] = msgspec.to_builtins(row)
    return made


def restore(made: dict[str, Any]) -> Row:
    """The row of a record, as it stands in the dataset."""
    return msgspec.convert(made, Row)
