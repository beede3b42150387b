"""Records as trainers take them: by the schemas that they document, by their own code where it is installed.

TRL, axolotl and verl bring torch, so they are no part of the group dev. NeMo RL is not on PyPI.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from datasets import load_dataset

from tests.support.faults import faults_of_root
from tests.support.roots import exported

CONVERSATIONS = {
    "chat": ("messages",),
    "repair": ("messages",),
    "preference": ("prompt", "chosen", "rejected"),
}


def needs(library: str) -> pytest.MarkDecorator:
    there = importlib.util.find_spec(library) is not None
    return pytest.mark.skipif(not there, reason=f"{library} is not installed: it is no part of the group dev")


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return faults_of_root(tmp_path_factory.mktemp("faults"))


def loaded(out: Path, name: str, format: str, **options: Any) -> Any:
    """A view as `datasets` loads its files."""
    summary = exported(out / format / name, view=name, format=format, **options)
    kind = "json" if format in ("jsonl", "nemo") else "parquet"
    files = [str(out / format / name / file.path) for file in summary.files]
    return load_dataset(kind, data_files=files, split="train", cache_dir=str(out / "cache"))


@pytest.mark.parametrize("name", ["rows", "pretrain", "fim", "explain", *CONVERSATIONS])
def test_json_lines_hold_what_parquet_holds(name: str, tmp_path: Path, faults: Path) -> None:
    """Record by record, in the same order."""
    lines, columns = (loaded(tmp_path, name, format, planted=faults) for format in ("jsonl", "parquet"))
    assert lines.to_list() == columns.to_list()


def test_conversations_are_of_turns(tmp_path: Path, faults: Path) -> None:
    """Roles by turns from the user's to an answer, texts that are not empty.

    That is what TRL's formats and axolotl's `chat_template` and `chat_template.default` ask for.
    """
    for name, columns in CONVERSATIONS.items():
        for record in loaded(tmp_path, name, "hf", planted=faults):
            told = [message for column in columns for message in record[column]]
            told = told[:-1] if name == "preference" else told  # two answers to one prompt
            roles = [message["role"] for message in told]
            assert roles == ["user", "assistant"] * (len(roles) // 2) and roles
            assert all(message["content"].strip() for message in told)


def test_nemo_reads_conversations(tmp_path: Path, faults: Path) -> None:
    """The schema of `openai_format` and `ResponseDataset` (docs/guides/sft.md of NVIDIA-NeMo/RL).

    Both take `messages` that end with an assistant's, and add a column `task_name`.
    """
    for name in ("chat", "repair"):
        for record in loaded(tmp_path, name, "nemo", planted=faults):
            assert record["messages"][-1]["role"] == "assistant" and "task_name" not in record
            assert all(isinstance(message["content"], str) for message in record["messages"])


def test_nemo_reads_preferences(tmp_path: Path, faults: Path) -> None:
    """The schema of `PreferenceDataset` (docs/guides/dpo.md of NVIDIA-NeMo/RL): rank 0 is the right one."""
    trl, nemo = (loaded(tmp_path, "preference", format, planted=faults) for format in ("jsonl", "nemo"))
    assert len(trl) == len(nemo) > 10
    for one, two in zip(trl, nemo, strict=True):
        assert two["context"] == one["prompt"]
        ranked = {answer["rank"]: answer["completion"] for answer in two["completions"]}
        assert ranked == {0: one["chosen"], 1: one["rejected"]}
        assert not {"prompt", "chosen", "rejected", "task_name"} & set(two)


def test_curator_reads_texts(tmp_path: Path) -> None:
    """As NeMo Curator's `JsonlReaderStage` does, by pandas: documents with `id` and `text`."""
    import pandas as pd

    wanted = loaded(tmp_path, "pretrain", "parquet")
    exported(tmp_path / "lines", view="pretrain", format="nemo")
    (path,) = (tmp_path / "lines" / "data").iterdir()
    frame = pd.read_json(path, lines=True)
    assert (path.suffix, list(frame["text"])) == (".jsonl", wanted["text"])
    assert list(frame["id"]) == wanted["id"] and frame["id"].is_unique


def test_verl_learns_no_wrong_answer(tmp_path: Path, faults: Path) -> None:
    """It learns every answer of `messages`: conversations with a wrong one are left out, others are not."""
    every, left = (loaded(tmp_path, "repair", format, planted=faults) for format in ("parquet", "verl"))
    assert {record["turns"] for record in every} == {1, 2}
    assert [record["id"] for record in left] == [record["id"] for record in every if record["turns"] == 1]
    chats = [loaded(tmp_path, "chat", format).to_list() for format in ("parquet", "verl")]
    assert chats[0] == chats[1]


@pytest.mark.filterwarnings("ignore")
@needs("trl")
def test_trl_formats_them(tmp_path: Path, faults: Path) -> None:
    """By its own functions, with a chat template."""
    from trl.data_utils import apply_chat_template, is_conversational

    from tests.support.tiny_model import tokenizer

    for name, columns in CONVERSATIONS.items():
        for record in loaded(tmp_path, name, "hf", planted=faults):
            example = {column: record[column] for column in columns}
            assert is_conversational(example)
            made = apply_chat_template(example, tokenizer())
            assert all(isinstance(text, str) and text for text in made.values())
