"""Tokens of records, what fits a context, parts of the code, and the views for trainers."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.support.commands import call
from tests.support.roots import exported, root
from tools.learn_tokens import _characters
from warpgen.errors import UsageError
from warpgen.exporting.fitting.byte_bpe import MERGES, NAME, PATTERN, ByteBpe
from warpgen.exporting.fitting.spans import part_of
from warpgen.exporting.kernels import Datasets
from warpgen.exporting.views.registry import view
from warpgen.exporting.views.view import texts_of
from warpgen.record import Row


def rows() -> list[Row]:
    return [row for kernel in Datasets(root()).kernels() for row in kernel.rows]


def records(folder: Path, name: str, **options: Any) -> list[dict[str, Any]]:
    exported(folder / name, view=name, **options)
    made: list[dict[str, Any]] = pq.read_table(folder / name).to_pylist()
    return made


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same merges as a `tokenizer.json` of the package `tokenizers`."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    shown = _characters()
    lines = MERGES.read_text().splitlines()
    spelled = [["".join(shown[b] for b in bytes.fromhex(part)) for part in line.split()] for line in lines]
    merges = [(first, second) for first, second in spelled]
    known = dict.fromkeys([*shown.values(), *("".join(pair) for pair in merges)])
    made = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(known)}, merges=merges))
    bytewise = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(PATTERN), "isolated"), bytewise])
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    made.save(str(path))
    return path


def test_counts_are_those_of_a_library(tokenizer: Path, tmp_path: Path) -> None:
    """Of every text of every view that needs no compiler, by name as by file."""
    own = records(tmp_path / "own", "rows")
    theirs = records(tmp_path / "theirs", "rows", tokenizer=str(tokenizer))
    assert own == theirs
    assert ByteBpe().counts(["", "a", "\ud800"]) == [0, 1, 3]
    own_counter = ByteBpe()
    for name in ("translate", "ladder", "chat"):
        for record in records(tmp_path, name):
            texts = texts_of(view(name), record)
            found = dict(zip(texts, own_counter.counts(list(texts.values())), strict=True))
            assert record["tokens"] == sum(found.values())
            assert len(found) == 1 or all(record[f"{text}_tokens"] == n for text, n in found.items())


def test_what_does_not_fit_is_left_out_and_counted(tmp_path: Path) -> None:
    """By the option; shares are of all records, and stand in the manifest and in the card."""
    whole = sorted(record["tokens"] for record in records(tmp_path / "whole", "pretrain"))
    most = whole[len(whole) // 2]
    out = tmp_path / "some"
    told = ("--root", root(), "--format", "hf", "--view", "pretrain", "--max-tokens", most, "--out", out)
    code, output, errors = call("export", *told)
    assert code == 0, errors
    kept = sorted(pq.read_table(out / "data").to_pydict()["tokens"])
    assert kept == [length for length in whole if length <= most]
    fit = json.loads((out / "_export.json").read_text())["tokens"]
    assert (fit["tokenizer"], fit["most"], fit["dropped"]) == (NAME, most, len(whole) - len(kept))
    assert fit["fits"]["8192"] == round(sum(length <= 8192 for length in whole) / len(whole), 4)
    assert f"{len(whole) - len(kept)} records left out" in output
    assert (
        f"{len(whole) - len(kept):,} records with more than {most:,} tokens"
        in (out / "README.md").read_text()
    )
    with pytest.raises(UsageError, match="has no record with at most 1 tokens"):
        exported(tmp_path / "none", view="pretrain", most=1)


def test_parts_of_the_code_are_the_rows_own(tmp_path: Path) -> None:
    """Spans point at the same functions; adjoints alone leave out rows without one."""
    for row in rows():
        kernel, forward, adjoint = (part_of(row, span) for span in ("kernel", "forward", "adjoint"))
        assert kernel is not None and forward is not None
        assert kernel.code[slice(*kernel.forward)] == forward.code == row.code[slice(*row.forward)]
        assert "#define" not in kernel.code and kernel.code in row.code
        assert (adjoint is None) == (row.backward == (0, 0))
        assert adjoint is None or adjoint.code == kernel.code[slice(*kernel.backward)]
    made = records(tmp_path, "pretrain", span="adjoint")
    assert sum(r["language"] != "python" for r in made) == sum(row.backward != (0, 0) for row in rows())


def test_a_conversation_asks_in_the_rows_own_words(tmp_path: Path) -> None:
    """Purpose, arguments, shapes and launch, never counts of what the program holds."""
    made = {record["kernel_id"]: record["messages"] for record in records(tmp_path, "chat")}
    for kernel in Datasets(root()).kernels():
        row = kernel.rows[0]
        asked, answered = made[row.kernel_id]
        assert (asked["role"], answered["role"]) == ("user", "assistant")
        assert row.summary in asked["content"] and "branch" not in asked["content"].replace(row.summary, "")
        assert all(f"- `{arg.name}`: {arg.type}" in asked["content"] for arg in row.args)
        assert answered["content"] == f"```python\n{row.python_source.rstrip()}\n```"


def test_a_hole_is_statements_and_closes_again(tmp_path: Path) -> None:
    """Prefix, middle and suffix are the text; the middle is whole lines of one function."""
    known = {row.kernel_id: row for row in rows() if row.target == "cpu"}
    languages = set()
    for record in records(tmp_path, "fim"):
        text = record["prefix"] + record["middle"] + record["suffix"]
        languages.add(record["language"])
        assert record["middle"].strip() and record["middle"].endswith("\n")
        row = known.get(record["kernel_id"])
        if record["language"] == "python":
            ast.parse(text)
            assert "def " not in record["middle"]
            assert row is None or text == row.python_source
        elif record["language"] == "cpp" and row is not None:
            assert text == row.code and len(record["prefix"]) >= row.forward[0]
            assert len(record["prefix"] + record["middle"]) <= row.forward[1]
    assert languages == {"python", "cpp", "cuda"}


def test_an_explanation_goes_with_each_text(tmp_path: Path) -> None:
    """In words that the row says."""
    for record in records(tmp_path, "explain"):
        assert record["explanation"].count("\n- `") >= 1 and "launched with one" in record["explanation"]
        assert "wp::" in record["code"] or record["language"] == "python"


def test_what_cannot_be_counted_is_said(tmp_path: Path) -> None:
    """Exit code 2 and a sentence, before anything is written."""
    (tmp_path / "broken.json").write_text("{}")
    base = ("--root", root(), "--format", "parquet", "--out", tmp_path / "out")
    for options, why in (
        (("--tokenizer", tmp_path / "broken.json"), "is no tokenizer"),
        (("--max-tokens", "0"), "is no number of tokens"),
        (("--max-tokens", "many"), "is no number of tokens"),
        (("--span", "forward"), "is of no use to the view rows"),
    ):
        code, _, errors = call("export", *base, *options)
        assert code == 2 and why in errors and "Traceback" not in errors, errors
    assert not (tmp_path / "out").exists()
