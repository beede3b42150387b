"""Any tool reads a dataset with its defaults: the same columns, types and values as warpgen."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

import warpgen
from tests.support.commands import call
from tests.support.reporting_root import CIRCUMSTANCES, finished_root, row, write_rows
from tests.support.roots import made_root
from warpgen.errors import UsageError
from warpgen.exporting.columns import ROW
from warpgen.launch import Argument, Fill
from warpgen.paths import dataset_path
from warpgen.record import TARGETS, UNVERIFIED, Alive, Bounds, Compile, Forward, Gradient, Row, Verified
from warpgen.reporting.finished import checksum
from warpgen.reporting.manifest import write_manifest

Table = tuple[pa.Schema, list[dict[str, Any]]]

_RUN = Verified(
    Compile("pass", "clang", "-O0"),
    Bounds("pass", 64),
    Forward("pass", 1e-13, 0.3, "oracle + widened", "0123456789abcdef"),
    Alive("pass", 2, 1),
    Gradient("not differentiable", why="no floats"),
)
_STRUCT = (
    Fill("body", "struct", (8,)),
    Fill("body.mass", "uniform", (), 0.5, 2.0),
    Fill("body.pose", "struct"),
    Fill("body.pose.points", "unit", (3,)),
)
# More than any reader looks at: polars infers from 100 rows, datasets from 10 MiB, pyarrow from blocks of 1.
_POOR, _WIDE = 220, "x = 1\n" * 10_000


def polars(path: Path) -> Table:
    import polars

    made = polars.read_ndjson(path)
    assert made.schema == polars.DataFrame(ROW.empty_table()).schema
    return ROW, made.to_dicts()


def pandas(path: Path) -> Table:
    import pandas

    made = pandas.read_json(path, lines=True)
    records: Any = made.to_dict("records")
    return pa.Table.from_pylist(records).schema, records


def duckdb(path: Path) -> Table:
    import duckdb

    made = duckdb.read_json(str(path)).to_arrow_table()
    return made.schema, made.to_pylist()


def pyarrow(path: Path) -> Table:
    import pyarrow.json

    made = pyarrow.json.read_json(path)
    return made.schema, made.to_pylist()


def datasets(path: Path) -> Table:
    with tempfile.TemporaryDirectory() as cache, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        import datasets

        made = datasets.load_dataset("json", data_files=str(path), split="train", cache_dir=cache)
        return made.features.arrow_schema, made.to_list()


READERS = (polars, pandas, duckdb, pyarrow, datasets)


def poor_then_rich() -> list[Row]:
    """As little as rows can hold, for longer than readers look, and then all that they can."""
    wide = [row(k, python_source=_WIDE, verified=UNVERIFIED) for k in range(_POOR)]
    rich = row(_POOR, args=(*row(0).args, Argument("body", "array1d(Body)", "input", _STRUCT)), verified=_RUN)
    return [*wide, rich]


@pytest.fixture(scope="module")
def hand_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("read") / "rows.jsonl"
    write_rows(path, poor_then_rich())
    return path


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real rows of all levels, a hundred without a struct first."""
    lines: list[bytes] = []
    for rows, level in ((120, "none"), (4, "compile"), (8, "run")):
        root = made_root("--rows", str(rows), "--verify", level)
        lines += [line for t in TARGETS for line in dataset_path(root, t).read_bytes().splitlines(True)]
    lines.sort(key=lambda line: any(len(arg["fills"]) > 1 for arg in json.loads(line)["args"]))
    first = [max(len(arg["fills"]) for arg in json.loads(line)["args"]) for line in lines]
    assert first[:100] == [1] * 100 and first[-1] > 1
    path = tmp_path_factory.mktemp("read") / "rows.jsonl"
    path.write_bytes(b"".join(lines))
    return path


@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
@pytest.mark.parametrize("file", ["hand_made", "real"])
def test_every_reader_finds_the_columns_and_values(
    file: str, read: Callable[[Path], Table], request: pytest.FixtureRequest
) -> None:
    """With its defaults, and however late in the file something first stands in a column."""
    path: Path = request.getfixturevalue(file)
    schema, records = read(path)
    expected = [
        msgspec.json.decode(msgspec.json.encode(msgspec.json.decode(line, type=Row)))
        for line in path.read_bytes().splitlines()
    ]
    assert schema.remove_metadata() == ROW
    for mine, theirs in zip(expected, records, strict=True):
        assert mine == theirs


def test_columns_are_few() -> None:
    """A reader sees at most 130 leaves, whatever programs the rows hold."""

    def leaves(kind: pa.DataType) -> int:
        if pa.types.is_list(kind):
            return leaves(kind.value_type)
        return sum(leaves(field.type) for field in kind) if pa.types.is_struct(kind) else 1

    assert sum(leaves(field.type) for field in ROW) <= 130


def _holes(kind: pa.DataType, value: Any, path: str = "row") -> list[str]:
    """Where a row's JSON lacks a key, or has another type than the column: 1 for 1.0, say."""
    if pa.types.is_struct(kind):
        names = [field.name for field in kind]
        wrong = [path] if list(value) != names else []
        return wrong + [hole for f in kind for hole in _holes(f.type, value.get(f.name), f"{path}.{f.name}")]
    if pa.types.is_list(kind):
        return [hole for item in value for hole in _holes(kind.value_type, item, path)]
    wanted = {"string": str, "int64": int, "double": float, "bool": bool}[str(kind)]
    return [] if type(value) is wanted else [path]


def test_every_key_is_written_with_its_type(real: Path) -> None:
    """Of every row, in the order of the structs."""
    for line in real.read_bytes().splitlines():
        assert _holes(pa.struct(list(ROW)), json.loads(line)) == []


def version_1(target: str) -> bytes:
    """A line as they were before all keys were written."""
    made = msgspec.to_builtins(row(3, target))  # type: ignore[arg-type]
    made["args"] = [{"name": "x", "type": "float32", "role": "param", "fill": {"kind": "constant"}}]
    made["launch"], made["verified"] = {"dim": [64], "seed": 3}, {}
    made["provenance"] = {k: v for k, v in made["provenance"].items() if k not in ("package", "file", "line")}
    return msgspec.json.encode(made) + b"\n"


_COMMANDS = (
    ("verify", "{root}"),
    ("verify", "{root}/data/production_cpu/cpu_code_dataset.jsonl"),
    ("export", "--root", "{root}", "--format", "parquet", "--out", "{root}/out"),
    ("stats", "--check", "--root", "{root}"),
    ("stats", "--quality", "--root", "{root}"),
    ("stats", "--html", "{root}/page.html", "--root", "{root}"),
    ("report", "--root", "{root}"),
    ("reporting.sample", "{root}", "--out", "{root}/samples"),
    ("reporting.showcase", "{root}", "{root}/page.md"),
)


@pytest.mark.parametrize("command", _COMMANDS, ids=lambda command: " ".join(command[:2]))
def test_rows_of_version_1_are_refused_in_a_sentence(command: tuple[str, ...], tmp_path: Path) -> None:
    """By every command that reads rows: what they are, and what to do; nothing is left behind."""
    for target, manifest in finished_root(tmp_path).items():
        path = dataset_path(tmp_path, target)
        path.write_bytes(version_1(target))
        of_file = {"bytes": path.stat().st_size, "xxh3_128": checksum(path)}
        figures = msgspec.structs.replace(manifest.figures, **of_file)
        write_manifest(tmp_path, target, manifest.recipe, CIRCUMSTANCES, {}, [], figures)
    (tmp_path / "page.md").write_text("<!-- row: written by scripts/sample -->\n<!-- end -->\n")
    before = sorted(tmp_path.rglob("*.*"))
    code, _, errors = call(*(part.format(root=tmp_path) for part in command))
    assert code == 2
    assert "holds rows of version 1" in errors and "python -m warpgen.run --overwrite" in errors
    assert "Traceback" not in errors
    assert before == sorted(tmp_path.rglob("*.*"))


def test_python_refuses_rows_of_version_1(tmp_path: Path) -> None:
    """Iterating, and joining the targets."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(version_1("cpu"))
    with pytest.raises(UsageError, match="holds rows of version 1"):
        list(warpgen.open(path))
    with pytest.raises(UsageError, match="holds rows of version 1"):
        list(warpgen.open(path).pairs())
