"""The judge in the words of training libraries: policies that answer right, wrong and hostile.

Libraries that are not installed, as they are heavy, leave their tests out.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import warpgen
from tests.support.commands import REPOSITORY, SAMPLES
from tests.support.libraries import needs

pytestmark = [
    pytest.mark.usefixtures("own_cache"),
    pytest.mark.filterwarnings("ignore"),  # of libraries that are not ours
]

FILE = str(SAMPLES["cpu"])


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[warpgen.Judge]:
    with warpgen.Judge(FILE, workers=1, cache=tmp_path_factory.mktemp("cache")) as judge:
        yield judge


@pytest.fixture(scope="module")
def row() -> warpgen.Row:
    """One that costs little, of those that train."""
    return min(warpgen.open(FILE).filter(split="train"), key=lambda row: len(row.code))


def answers(row: warpgen.Row) -> dict[str, str]:
    """What the three policies say to a row."""
    right = row.python_source
    head, call, _ = right.rpartition("wp.tid()")
    assert call
    return {
        "right": f"Here it is:\n```python\n{right}```\n",
        "wrong": f"```python\n{head}wp.tid()\n```",
        "hostile": f"```python\nimport os\nos._exit(0)\n{right}```\n",
    }


REWARDS = {"right": 1.0, "wrong": 0.0, "hostile": 0.0}


def test_trl_rewards_completions(judge: warpgen.Judge, row: warpgen.Row) -> None:
    """Conversations and plain texts, in their order."""
    from warpgen.adapters import trl

    said = answers(row)
    reward = trl.reward(judge)
    chats = [[{"role": "assistant", "content": said[name]}] for name in REWARDS]
    ids = [row.id] * len(said)
    assert reward(prompts=["?"] * 3, completions=chats, row_id=ids, trainer_state=None) == [1.0, 0.0, 0.0]
    assert reward(completions=[said["right"]], row_id=[row.id]) == [1.0]  # a plain text
    prompts = trl.prompts(judge, split=None)
    assert prompts["row_id"] == list(judge.rows)
    assert row.summary in prompts[prompts["row_id"].index(row.id)]["prompt"][0]["content"]


def test_trl_has_an_environment(judge: warpgen.Judge, row: warpgen.Row) -> None:
    """Its tool says what is wrong; the last kernel decides the reward."""
    from warpgen.adapters import trl

    made, said = trl.environment(judge)(), answers(row)
    made.reset(row_id=row.id, prompt="?")
    assert made.get_reward() == 0.0
    for name, reward in sorted(REWARDS.items(), reverse=True):  # wrong, right, hostile
        told = made.submit(said[name])
        assert (made.get_reward(), told.startswith("right")) == (reward, name == "right")


@needs("trl")
def test_trl_trains_by_it(judge: warpgen.Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two steps of GRPO on a tiny random model, whose rewards are zero."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "inductor"))
    pytest.importorskip("torch", reason="torch is not installed: it is no part of the group dev")
    from tests.support.tiny_model import train_two_steps

    assert train_two_steps(judge, tmp_path) == 2


def test_verl_scores_a_response(row: warpgen.Row, tmp_path: Path) -> None:
    """As its reward loop calls it; its prompts carry what the score needs."""
    from warpgen.adapters import verl

    made = verl.record(row)

    async def scores() -> dict[str, dict[str, float]]:
        return {
            name: await verl.compute_score(
                data_source=made["data_source"],
                solution_str=text,
                ground_truth=made["reward_model"]["ground_truth"],
                extra_info={**made["extra_info"], "num_turns": None, "rollout_reward_scores": {}},
                dataset=FILE,
                workers=1,
            )
            for name, text in answers(row).items()
        }

    found = asyncio.run(scores())
    verl._judge(FILE, 1).close()
    assert {name: score["score"] for name, score in found.items()} == REWARDS
    assert all(score["unjudged"] == 0.0 for score in found.values())
    files = verl.write(FILE, tmp_path / "verl")
    import pyarrow.parquet as pq

    assert sum(pq.read_metadata(path).num_rows for path in files) == len(list(warpgen.open(FILE)))


@needs("verifiers")
def test_verifiers_has_a_taskset_without_end(row: warpgen.Row) -> None:
    """In an order that the seed decides, each time another; its reward is the judge's."""
    import verifiers.v1 as vf

    from warpgen.adapters import verifiers

    def tasks(seed: int, count: int) -> list[Any]:
        config = verifiers.KernelConfig(dataset=FILE, seed=seed, task=verifiers.KernelTaskConfig(workers=1))
        return list(verifiers.KernelTaskset(config).take(count))

    of_split = len(list(warpgen.open(FILE).filter(split="train")))
    first = [task.data.row_id for task in tasks(0, 3 * of_split)]
    assert first == [task.data.row_id for task in tasks(0, 3 * of_split)]
    assert first != [task.data.row_id for task in tasks(1, 3 * of_split)]
    epochs = [first[i : i + of_split] for i in range(0, len(first), of_split)]
    assert epochs[0] != epochs[1] and sorted(epochs[0]) == sorted(epochs[1]) == sorted(epochs[2])
    task = next(task for task in tasks(0, of_split) if task.data.row_id == row.id)
    for name, text in answers(row).items():
        trace = vf.Trace(
            task=vf.TraceTask(type="KernelTask", data=task.data, key=task.key, hash=task.hash),
            agent=vf.AgentInfo.model_construct(),
            root_reply=text,
        )
        asyncio.run(task.score(trace))
        assert trace.reward == REWARDS[name]
    verifiers._judge(FILE, 1).close()


OPENENV = REPOSITORY / "warpgen" / "adapters" / "openenv"


@needs("openenv")
def test_openenv_takes_the_environment() -> None:
    """As a package that `openenv validate` passes."""
    command = [str(Path(sys.executable).with_name("openenv")), "validate", str(OPENENV), "--level", "static"]
    done = subprocess.run([*command, "--skip-build"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "Verdict: PASS" in done.stdout, done.stdout + done.stderr


@needs("openenv")
def test_openenv_judges_an_episode(row: warpgen.Row, monkeypatch: pytest.MonkeyPatch) -> None:
    """A seed decides the row; the episode ends with a kernel that is right, or the last that may be tried."""
    from warpgen.adapters.openenv.models import KernelAction
    from warpgen.adapters.openenv.server import environment

    monkeypatch.setenv(environment.DATASET, FILE)
    monkeypatch.setenv(environment.WORKERS, "1")
    made = environment.KernelEnvironment()
    assert made.reset(seed=3).row_id == made.reset(seed=3).row_id
    seed = next(seed for seed in range(1000) if made.reset(seed=seed).row_id == row.id)
    seen = made.reset(seed=seed)
    assert row.summary in seen.prompt and not seen.done
    said = answers(row)
    wrong = made.step(KernelAction(text=said["wrong"]))
    assert (wrong.reward, wrong.done, wrong.tries_left) == (0.0, False, 2) and wrong.stage
    right = made.step(KernelAction(text=said["right"]))
    assert (right.reward, right.done, right.stage) == (1.0, True, "right")
    made.reset(seed=seed)
    last = [made.step(KernelAction(text=said["hostile"])) for _ in range(3)]
    assert [one.reward for one in last] == [0.0] * 3 and [one.done for one in last] == [False, False, True]
    environment.judge().close()


def test_harbor_judges_what_the_agent_left(row: warpgen.Row, tmp_path: Path) -> None:
    """The script that its verifier runs: with no kernel, and with the solution's."""
    from warpgen.exporting.formats.harbor import TaskFolders

    made = TaskFolders(tmp_path / "data")
    record = msgspec.to_builtins(row)
    made.add("train", record)
    made.add("train", {**record, "target": "cuda", "id": "of the other target"})
    (told,) = made.finish()
    assert (told.split, told.rows) == ("train", 1)
    place = tmp_path / "data" / "train" / row.kernel_id
    assert row.summary in (place / "instruction.md").read_text()
    assert row.python_source not in (place / "instruction.md").read_text()
    kernel = tmp_path / "kernel.py"
    known = {"KERNEL": str(kernel), "LOGS": str(tmp_path), "PYTHONPATH": str(REPOSITORY)}
    known["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

    def reward(script: str) -> float:
        subprocess.run(["bash", place / script], env={**os.environ, **known}, check=True, timeout=120)
        return float(json.loads((tmp_path / "reward.json").read_text())["reward"])

    assert reward("tests/test.sh") == 0.0
    subprocess.run(["bash", place / "solution" / "solve.sh"], env={**os.environ, **known}, check=True)
    assert kernel.read_text() == row.python_source
    assert reward("tests/test.sh") == 1.0


def test_harbor_reads_the_task(row: warpgen.Row, tmp_path: Path) -> None:
    """Its configuration is TOML with what Harbor asks for, whatever stands in a summary."""
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has no tomllib")
    from warpgen.exporting.formats.harbor import TaskFolders

    made = TaskFolders(tmp_path)
    odd = 'It "quotes" \\ and é.'
    made.add("test", msgspec.to_builtins(msgspec.structs.replace(row, summary=odd)))
    config = tomllib.loads((tmp_path / "test" / row.kernel_id / "task.toml").read_text())
    assert config["task"]["description"] == odd
    assert config["artifacts"] == ["/app/kernel.py"] and config["verifier"]["environment_mode"] == "separate"
