"""Records as trainers take them: by the schemas that they document, by their own code where it is installed.

TRL, axolotl and verl bring torch, so they are no part of the group dev. NeMo RL is not on PyPI.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from datasets import load_dataset

import warpgen
from tests.support.commands import REPOSITORY, SAMPLES
from tests.support.faults import faults_of_root
from tests.support.libraries import needs
from tests.support.roots import exported

CONVERSATIONS = {
    "chat": ("messages",),
    "repair": ("messages",),
    "preference": ("prompt", "chosen", "rejected"),
}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of torch is left among the temporary files of whoever runs the tests."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "inductor"))


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


def documented() -> list[dict[str, Any]]:
    """The datasets of axolotl's configuration in the page of training: `repair`, then `preference`."""
    page = (REPOSITORY / "docs" / "training.md").read_text(encoding="utf-8")
    found = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])
    return list(found["datasets"])


@pytest.mark.filterwarnings("ignore")
@needs("axolotl")
def test_axolotl_takes_what_the_page_of_training_says(tmp_path: Path, faults: Path) -> None:
    """Its schema takes the configuration; by its strategies the last answer is learnt, and no other text."""
    from axolotl.prompt_strategies import load
    from axolotl.prompt_strategies.dpo.chat_template import default
    from axolotl.utils.dict import DictDefault
    from axolotl.utils.schemas.datasets import DPODataset, SFTDataset

    from tests.support.tiny_model import tokenizer

    repair, preference = documented()
    assert SFTDataset(**repair).type == "chat_template"
    assert DPODataset(**preference).type == "chat_template.default"
    made = tokenizer()
    common = {"train_on_inputs": False, "sequence_len": 1 << 20, "chat_template": "tokenizer_default"}
    settings = SFTDataset(**repair).model_dump(exclude_none=True)
    strategy = load(settings.pop("type"), made, DictDefault(common), DictDefault(settings))
    for record in loaded(tmp_path, "repair", "hf", planted=faults).select(range(8)):
        found = strategy.tokenize_prompt(record)
        learnt = [token for token in found["labels"] if token != -100]
        answer = made(record["messages"][-1]["content"], add_special_tokens=False)["input_ids"]
        assert learnt[: len(answer)] == answer and len(learnt) - len(answer) <= 1
    transform, _ = default(DictDefault(common | {"datasets": [preference]}))
    for record in loaded(tmp_path, "preference", "hf", planted=faults).select(range(8)):
        told = transform(record, tokenizer=made)
        assert record["prompt"][0]["content"] in told["prompt"]
        assert [told["chosen"], told["rejected"]] == [
            record[name][0]["content"].rstrip() for name in ("chosen", "rejected")
        ]


@pytest.mark.filterwarnings("ignore")
@needs("verl")
def test_verl_learns_the_answers(tmp_path: Path, faults: Path) -> None:
    """By its own dataset for conversations, and by the one for prompts, which takes those of the adapter."""
    pytest.importorskip("torch", reason="torch is not installed: it is no part of the group dev")
    from omegaconf import OmegaConf
    from verl.utils.dataset.multiturn_sft_dataset import MultiTurnSFTDataset
    from verl.utils.dataset.rl_dataset import RLHFDataset

    from tests.support.tiny_model import tokenizer
    from warpgen.adapters import verl

    made = tokenizer()
    summary = exported(tmp_path / "verl", view="repair", format="verl", planted=faults)
    files = [str(tmp_path / "verl" / file.path) for file in summary.files]
    settings = OmegaConf.create({"max_length": 1 << 16, "pad_mode": "no_padding", "truncation": "error"})
    for record, one in zip(
        load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path / "cache")),
        MultiTurnSFTDataset(files, made, settings),
        strict=True,
    ):
        learnt = one["input_ids"][one["loss_mask"].bool()].tolist()
        assert learnt[:-1] == made(record["messages"][-1]["content"], add_special_tokens=False)["input_ids"]
    prompts = [str(path) for path in verl.write(str(SAMPLES["cpu"]), tmp_path / "prompts")]
    settings = OmegaConf.create({"max_prompt_length": 1 << 16, "cache_dir": str(tmp_path / "verl cache")})
    found = RLHFDataset(prompts, made, settings)
    wanted = {row.id: row.provenance.index for row in warpgen.open(SAMPLES["cpu"])}
    assert {found[i]["reward_model"]["ground_truth"]: found[i]["index"] for i in range(len(found))} == wanted
