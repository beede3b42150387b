"""verl: a reward function for `custom_reward_function`, and the files of prompts that it trains by.

    python -m warpgen.adapters.verl cpu_code_dataset.jsonl folder

    reward.custom_reward_function.path=.../warpgen/adapters/verl.py
    reward.custom_reward_function.name=compute_score
    +reward.custom_reward_function.reward_kwargs.dataset=cpu_code_dataset.jsonl

Each process that computes rewards keeps a judge of its own.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from warpgen import dataset as datasets
from warpgen.judge import Judge
from warpgen.prompt import prompt
from warpgen.record import Row
from warpgen.verdict import Language

SOURCE = "warpgen"


async def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: Mapping[str, Any] | None = None,
    *,
    dataset: str,
    workers: int | None = None,
    weights: Mapping[str, float] | None = None,
    **_: Any,
) -> dict[str, float]:
    """The score of a response, and what it is made of; `ground_truth` is the id of the row."""
    language: Language = (extra_info or {}).get("language", "python")
    verdict = await _judge(dataset, workers).acheck(ground_truth, solution_str, language, extract=True)
    return {
        "score": verdict.reward(weights),
        "acc": float(verdict.right),
        "compiles": float(verdict.compiles),
        "outputs": verdict.outputs,
        "unjudged": float(verdict.stage == "judge"),
    }


@functools.cache
def _judge(dataset: str, workers: int | None) -> Judge:
    return Judge(dataset, workers=workers)


def record(row: Row, language: Language = "python") -> dict[str, Any]:
    """A row as verl's files of prompts have it."""
    return {
        "data_source": SOURCE,
        "prompt": [{"role": "user", "content": prompt(row, language)}],
        "ability": "code",
        "reward_model": {"style": "rule", "ground_truth": row.id},
        "extra_info": {
            "index": row.provenance.index,
            "split": row.split,
            "category": row.category,
            "language": language,
        },
    }


def write(path: str, out: Path, language: Language = "python") -> list[Path]:
    """A Parquet file of each split of the dataset at `path`, in the folder `out`. Memory: all prompts."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    splits: dict[str, list[dict[str, Any]]] = {}
    for row in datasets.open(path):
        splits.setdefault(row.split, []).append(record(row, language))
    out.mkdir(parents=True, exist_ok=True)
    made = []
    for split, records in splits.items():
        made.append(out / f"{split}.parquet")
        pq.write_table(pa.Table.from_pylist(records), made[-1])
    return made


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("python -m warpgen.adapters.verl DATASET FOLDER")
    print(*write(sys.argv[1], Path(sys.argv[2])), sep="\n")
