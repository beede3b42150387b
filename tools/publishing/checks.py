"""Is a release whole, and would the hub take it? Asks no network."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stderr
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from warpgen.exporting.formats.files import sha256

SUMS = "SHA256SUMS"


def write_sums(folder: Path) -> None:
    """Checksums of all files but their own, in the form of `sha256sum`."""
    lines = (f"{sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in files(folder))
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def files(folder: Path) -> list[Path]:
    """Of a release, by name, without the checksums."""
    every = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in every if path.name != SUMS)


def problems(folder: Path) -> list[str]:
    """What is wrong with a release, a sentence each."""
    return [*_sums(folder), *_licences(folder), *_card(folder), *_croissant(folder)]


def _sums(folder: Path) -> Iterator[str]:
    lines = (line.partition("  ") for line in (folder / SUMS).read_text("utf-8").splitlines())
    told = {name: digest for digest, _, name in lines}
    found = {path.relative_to(folder).as_posix(): path for path in files(folder)}
    for name in sorted(told.keys() ^ found.keys()):
        yield f"{name} is not in both the folder and {SUMS}"
    for name in sorted(told.keys() & found.keys()):
        if sha256(found[name]) != told[name]:
            yield f"{name} is not what {SUMS} says"


def _licences(folder: Path) -> Iterator[str]:
    for path in sorted((folder / "data").glob("*.parquet")):
        column = pq.ParquetFile(path).read(columns=["provenance.licence"])["provenance"].combine_chunks()
        counts = Counter(column.field("licence").to_pylist())
        without = sum(n for licence, n in counts.items() if licence in (None, "", "unknown"))
        if without:
            yield f"{path.name}: {without} rows say no licence"


def _card(folder: Path) -> Iterator[str]:
    """What the hub reads of a card: its header's fields, its files, its columns and numbers of rows."""
    from datasets import Features
    from huggingface_hub import DatasetCard
    from yaml import YAMLError

    try:
        data: dict[str, Any] = DatasetCard.load(folder / "README.md").data.to_dict()
    except (ValueError, YAMLError) as error:
        yield f"the card's header cannot be read: {error}"
        return
    for field in ("license", "language", "tags", "task_categories", "size_categories", "pretty_name"):
        if not data.get(field):
            yield f"the card says no {field}"
    shards = {path.relative_to(folder).as_posix(): path for path in (folder / "data").glob("*.parquet")}
    splits = {split["name"]: split["num_examples"] for split in data["dataset_info"]["splits"]}
    matched = set()
    for entry in data["configs"][0]["data_files"]:
        names = [name for name in shards if fnmatch(name, entry["path"])]
        matched |= set(names)
        rows = sum(pq.read_metadata(shards[name]).num_rows for name in names)
        if rows != splits.get(entry["split"]):
            told = splits.get(entry["split"])
            yield f"split {entry['split']}: {rows} rows in its files, {told} in the card"
    for name in sorted(shards.keys() - matched):
        yield f"{name} is in no split of the card"
    columns = Features._from_yaml_list(data["dataset_info"]["features"]).arrow_schema
    for path in shards.values():
        if not _same(columns, pq.read_schema(path)):
            yield f"{path.name} has other columns than the card says"


def _same(told: pa.Schema, held: pa.Schema) -> bool:
    return bool(told.remove_metadata().equals(held.remove_metadata()))


def _croissant(folder: Path) -> Iterator[str]:
    logging.disable(logging.CRITICAL)  # what it has to say is told below
    try:
        with redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of packages that it uses, about each other
            import mlcroissant

            dataset = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
    except mlcroissant.ValidationError as error:
        yield f"croissant.json: {error}"
        return
    finally:
        logging.disable(logging.NOTSET)
    yield from (f"croissant.json: {issue}" for issue in sorted(dataset.metadata.ctx.issues.warnings))
    held = json.loads((folder / "croissant.json").read_text("utf-8"))
    for file in held["distribution"]:
        path = folder / file.get("contentUrl", "")
        if path.is_file() and sha256(path) != file["sha256"]:
            yield f"croissant.json: {file['contentUrl']} is another file"
