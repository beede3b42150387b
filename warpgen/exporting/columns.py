"""The row as typed columns, and back.

Everything keeps its name and nesting but for two things that columns cannot hold: objects with free keys
become lists of entries (`fill.fields` by `name`, `verified` by `check`), and a check's evidence, whose
fields depend on the check, is a JSON text.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pyarrow as pa

from warpgen.errors import DamageError
from warpgen.launch import Fill
from warpgen.record import Row

# How deep fills nest, as an array of structs in a struct does. Columns need a bound.
_DEPTH = 5

TEXT, WHOLE, REAL, YES = pa.string(), pa.int64(), pa.float64(), pa.bool_()


def _struct(**fields: pa.DataType) -> pa.DataType:
    return pa.struct(list(fields.items()))


def _fill_type(depth: int) -> pa.DataType:
    plain = {"kind": TEXT, "shape": pa.list_(WHOLE), "low": REAL, "high": REAL, "value": REAL, "of": TEXT}
    if depth > 1:
        inner = [("name", TEXT), *((field.name, field.type) for field in _fill_type(depth - 1))]
        plain["fields"] = pa.list_(pa.struct(inner))
    return _struct(**plain)


ARGS = pa.list_(_struct(name=TEXT, type=TEXT, role=TEXT, fill=_fill_type(_DEPTH)))
LAUNCH = _struct(dim=pa.list_(WHOLE), seed=WHOLE, tiled=YES)
SPAN = pa.list_(WHOLE)
_COUNTS = ("statements", "loops", "loop_depth", "branches", "functions", "structs", "args", "python_lines")

ROW = pa.schema(
    {
        "id": TEXT,
        "kernel_id": TEXT,
        "target": TEXT,
        "category": TEXT,
        "name": TEXT,
        "python_source": TEXT,
        "code": TEXT,
        "forward": SPAN,
        "backward": SPAN,
        "args": ARGS,
        "launch": LAUNCH,
        "features": _struct(
            **dict.fromkeys(_COUNTS, WHOLE),
            builtins=pa.list_(TEXT),
            dtypes=pa.list_(TEXT),
            differentiable=YES,
        ),
        "source_hash": TEXT,
        "structure_hash": TEXT,
        "split": TEXT,
        "verified": pa.list_(_struct(check=TEXT, verdict=TEXT, evidence=TEXT)),
        "provenance": _struct(
            origin=TEXT,
            seed=WHOLE,
            index=WHOLE,
            warpgen=TEXT,
            warp=TEXT,
            licence=TEXT,
            package=TEXT,
            file=TEXT,
            line=WHOLE,
        ),
    }
)


def record(row: Row) -> dict[str, Any]:
    """A row as a record of the schema ROW."""
    return {name: getattr(row, name) for name in ROW.names} | {
        "args": args(row),
        "launch": launch(row),
        "features": _plain(row.features),
        "verified": [
            {"check": check, "verdict": evidence.get("verdict", ""), "evidence": _json(evidence)}
            for check, evidence in row.verified.items()
        ],
        "provenance": _plain(row.provenance),
    }


def args(row: Row) -> list[dict[str, Any]]:
    """The arguments as a record of the type ARGS."""
    return [_plain(arg) | {"fill": _fill(arg.fill, _DEPTH, row.id)} for arg in row.args]


def launch(row: Row) -> dict[str, Any]:
    """The launch as a record of the type LAUNCH."""
    return _plain(row.launch)


def restore(made: dict[str, Any]) -> Row:
    """The row of a record, as it stands in the dataset."""
    verified = {entry["check"]: msgspec.json.decode(entry["evidence"]) for entry in made["verified"]}
    arguments = [arg | {"fill": _unfill(arg["fill"])} for arg in made["args"]]
    return msgspec.convert({**made, "verified": verified, "args": arguments}, Row)


def _plain(value: msgspec.Struct) -> dict[str, Any]:
    """The fields of a struct, defaults too."""
    return {name: getattr(value, name) for name in value.__struct_fields__}


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _fill(fill: Fill, depth: int, row: str) -> dict[str, Any]:
    made = _plain(fill)
    if depth > 1:
        made["fields"] = [
            {"name": name, **_fill(inner, depth - 1, row)} for name, inner in fill.fields.items()
        ]
    elif made.pop("fields"):
        raise DamageError(f"{row}: the fill of an argument nests deeper than {_DEPTH}")
    return made


def _unfill(made: dict[str, Any]) -> dict[str, Any]:
    inner = {field["name"]: _unfill(field) for field in made.get("fields", ())}
    return {name: value for name, value in made.items() if name != "name"} | {"fields": inner}
