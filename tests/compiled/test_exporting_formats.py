"""Exports are read by the tools that people use: datasets, DuckDB, pyarrow, mlcroissant, tar."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.commands import REPOSITORY, call, python
from tests.support.roots import exported, root
from warpgen.errors import DamageError, UsageError
from warpgen.exporting.columns import restore
from warpgen.exporting.formats import croissant, files
from warpgen.jsonl import rows
from warpgen.paths import dataset_path
from warpgen.record import TARGETS, Row


def all_rows() -> dict[str, Row]:
    return {row.id: row for target in TARGETS for _, row in rows(dataset_path(root(), target), Row)}


def in_python(code: str, folder: Path) -> str:
    """What a fresh Python without a network prints."""
    made = python("-c", code, env={"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder)})
    assert made.returncode == 0, made.stderr
    return made.stdout


def test_every_row_comes_back_from_parquet(tmp_path: Path) -> None:
    """The typed columns hold all of every row but its split, which is the export's: it can be made again."""
    exported(tmp_path / "out")
    made = pq.read_table(tmp_path / "out").to_pylist()
    expected = {name: msgspec.structs.replace(row, split="train") for name, row in all_rows().items()}
    assert {row["id"]: restore(row) for row in made} == expected


def test_parquet_is_compressed_typed_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """zstd, bounded row groups and files, recipe and checksum in the metadata."""
    monkeypatch.setattr(files, "GROUP_BYTES", 100_000)
    monkeypatch.setattr(files, "FILE_BYTES", 400_000)
    summary = exported(tmp_path / "out")
    names = [Path(file.path).name for file in summary.files]
    assert names == [f"train-{i:05}-of-{len(names):05}.parquet" for i in range(len(names))]
    assert len(names) > 1
    for file in summary.files:
        parquet = pq.ParquetFile(tmp_path / "out" / file.path)
        assert parquet.num_row_groups > 1 or file is summary.files[-1]  # which holds what is left
        for group in range(parquet.num_row_groups):
            found = parquet.metadata.row_group(group)
            assert found.total_byte_size < 200_000 or found.num_rows == 1  # some rows are longer
            assert parquet.metadata.row_group(group).column(0).compression == "ZSTD"
        metadata = parquet.schema_arrow.metadata
        for target in TARGETS:
            assert (
                metadata[f"warpgen.{target}.recipe_hash".encode()].decode()
                == (summary.sources[target]["recipe_hash"])
            )
            assert metadata[f"warpgen.{target}.sha256".encode()].decode() == summary.sources[target]["sha256"]


def test_the_same_options_give_the_same_bytes(tmp_path: Path) -> None:
    """File by file, in every format."""
    for format in ("parquet", "hf", "webdataset"):
        for name in ("one", "two"):
            exported(tmp_path / format / name, format=format, shares=(80, 10, 10))
        one, two = (
            {p.name: p.read_bytes() for p in (tmp_path / format / n).rglob("*.*")} for n in ("one", "two")
        )
        assert one == two


def test_hugging_face_loads_it(tmp_path: Path) -> None:
    """`load_dataset` gives all splits, with the types that the card names."""
    summary = exported(tmp_path / "out", format="hf", shares=(60, 20, 20))
    code = (
        "import datasets, json\n"
        f"d = datasets.load_dataset({str(tmp_path / 'out')!r})\n"
        "info = datasets.get_dataset_config_info(" + repr(str(tmp_path / "out")) + ")\n"
        "same = all(info.features == part.features for part in d.values())\n"
        "ids = [i for part in d.values() for i in part['id']]\n"
        "print(json.dumps([{name: len(part) for name, part in d.items()}, same, ids]))\n"
    )
    splits, same, ids = json.loads(in_python(code, tmp_path))
    assert splits == summary.splits
    assert set(splits) == {"train", "validation", "test"}
    assert same
    assert sorted(ids) == sorted(all_rows())


def test_duckdb_counts_categories(tmp_path: Path) -> None:
    """In one line of SQL."""
    import duckdb

    exported(tmp_path / "out", format="hf")
    query = "select category, count(*) from read_parquet(?) group by category"
    found = duckdb.execute(query, [f"{tmp_path}/out/data/*.parquet"]).fetchall()
    expected: dict[str, int] = {}
    for row in all_rows().values():
        expected[row.category] = expected.get(row.category, 0) + 1
    assert dict(found) == expected


def test_croissant_is_valid(tmp_path: Path) -> None:
    """`mlcroissant validate` accepts it, and reads records through it."""
    exported(tmp_path / "out", format="hf", shares=(60, 20, 20))
    jsonld = tmp_path / "out" / "croissant.json"
    program = "from mlcroissant.scripts.cli import main; main()"
    made = python("-c", program, "validate", "--jsonld", jsonld)
    assert made.returncode == 0, made.stderr
    assert "error" not in made.stderr.lower()
    # A date would make the same export other bytes tomorrow; all else that is recommended is there.
    assert [line.split('"')[1] for line in made.stderr.splitlines() if "recommended" in line] == [
        "https://schema.org/datePublished"
    ]
    assert f'title: "{croissant.TITLE}"' in (REPOSITORY / "CITATION.cff").read_text()
    code = (
        "import mlcroissant\n"
        f"records = mlcroissant.Dataset({str(jsonld)!r}).records('rows')\n"
        "print(len({record['rows/id'] for record in records}))\n"
    )
    assert int(in_python(code, tmp_path)) == len(all_rows())


def test_webdataset_has_texts_beside_json(tmp_path: Path) -> None:
    """Each row is a Python file, a C++ or CUDA file and a JSON file of one key."""
    summary = exported(tmp_path / "out", format="webdataset")
    known = all_rows()
    seen = set()
    for file in summary.files:
        with tarfile.open(tmp_path / "out" / file.path) as tar:
            contents = {member.name: _text(tar, member) for member in tar}
        for name in contents:
            key, _, suffix = name.partition(".")
            if suffix == "json":
                row = known[json.loads(contents[name])["id"]]
                code = "cpp" if row.target == "cpu" else "cu"
                assert contents[f"{key}.py"] == row.python_source
                assert contents[f"{key}.{code}"] == row.code
                seen.add(row.id)
    assert seen == set(known)


def _text(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    stream = tar.extractfile(member)
    assert stream is not None
    return stream.read().decode()


def test_datasets_loads_the_tar_shards(tmp_path: Path) -> None:
    """With its own reader of WebDataset."""
    exported(tmp_path / "out", format="webdataset", view="translate")
    pattern = str(tmp_path / "out" / "data" / "*.tar")
    code = (
        "import datasets\n"
        f"d = datasets.load_dataset('webdataset', data_files={pattern!r}, split='train')\n"
        "print(len(d), sorted({r['json']['source_language'] for r in d}))\n"
    )
    assert "['cpp', 'cuda', 'python']" in in_python(code, tmp_path)


def test_loaders_meet_nothing_but_data(tmp_path: Path) -> None:
    """The whole folder can be named, in Hugging Face's layout and out of it."""
    for format in ("parquet", "hf"):
        exported(tmp_path / format, format=format)
        assert {path.suffix for path in (tmp_path / format / "data").iterdir()} == {".parquet"}
    assert pq.read_table(tmp_path / "parquet").num_rows == len(all_rows())
    code = f"import datasets; print(datasets.load_dataset({str(tmp_path / 'parquet')!r})['train'].num_rows)"
    assert int(in_python(code, tmp_path)) == len(all_rows())


def test_an_altered_dataset_is_not_exported(tmp_path: Path) -> None:
    """One changed byte in a file stops the export, and nothing is left of it."""
    copy = tmp_path / "root"
    shutil.copytree(root(), copy)
    path = dataset_path(copy, "cuda")
    data = path.read_bytes()
    path.write_bytes(
        data.replace(b"thread", b"threat", 1) if b"thread" in data else data.replace(b"wp.", b"wq.", 1)
    )
    with pytest.raises(DamageError, match="not the file of its manifest"):
        exported(tmp_path / "out", root=copy)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["root"]


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    """A folder with something in it is refused; an empty one is taken."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        exported(tmp_path / "full")
    (tmp_path / "empty").mkdir()
    exported(tmp_path / "empty")
    assert (tmp_path / "empty" / "_export.json").is_file()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["empty", "full"]


def test_the_command_answers_wrong_requests_in_a_sentence(tmp_path: Path) -> None:
    """Exit code 2 and no traceback."""
    for args, said in (
        (("--format", "csv"), "invalid choice"),
        (("--format", "hf", "--split", "90/5"), "three percentages"),
        (("--format", "hf", "--split", "90/5/6"), "three percentages"),
        (("--format", "hf", "--levels", "ptx"), "--view ladder"),
        (("--format", "hf", "--view", "ladder", "--levels", "ptx,x"), "is no level"),
        (("--format", "hf", "--view", "ladder", "--levels", "ptx", "--root", str(root())), "verified"),
        (("--format", "hf", "--root", "nowhere"), "no finished dataset"),
        (("--format", "hf", "--exclude", "nowhere.py", "--root", str(root())), "cannot be read"),
    ):
        code, output, errors = call("export", "--out", tmp_path / "out", *args)
        assert (code, output) == (2, "")
        assert said in errors
        assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []


def test_the_schema_of_rows_is_the_row() -> None:
    """Every field of the row is a column; cluster, difficulty and counts of tokens are new."""
    from warpgen.exporting.views.registry import view

    counts = ("tokens", "python_source_tokens", "code_tokens")
    assert set(view("rows").schema.names) == {*Row.__struct_fields__, "cluster", "difficulty", *counts}
    assert isinstance(view("rows").schema, pa.Schema)
