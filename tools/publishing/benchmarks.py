"""Which benchmarks a release is held against: those that are known by name, and any that a user adds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from warpgen.errors import UsageError

_TEXTS = {".py", ".c", ".cc", ".cpp", ".cu", ".cuh", ".h", ".hpp", ".json", ".jsonl"}


class Known(NamedTuple):
    """Where people find a benchmark, and which files of its checkout are its tasks."""

    source: str
    tasks: tuple[str, ...]


KNOWN: Mapping[str, Known] = {
    "KernelBench": Known("https://github.com/ScalingIntelligence/KernelBench", ("KernelBench/level*/*.py",)),
    "ComputeEval": Known("https://github.com/NVIDIA/compute-eval", ("data/**/*",)),
    "robust-kbench": Known(
        "https://github.com/SakanaAI/robust-kbench", ("tasks/**/*.py", "highlighted/**/*.cu")
    ),
}


def gathered(folder: Path, into: Path) -> dict[str, tuple[Path, int]]:
    """By name of each benchmark in `folder` a file of its texts, made in `into`, and how many texts it has.

    A benchmark is a file or a folder, named as it; of a folder that is called as a known one only the tasks
    are read, where they are as in its checkout. Raises UsageError for one without a text.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder: name one that holds a file or a folder per benchmark")
    made = {}
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        name = entry.name if entry.is_dir() else entry.stem
        texts = [text for path in _files(entry, name) for text in _texts(path)]
        if not texts:
            raise UsageError(
                f"the benchmark {entry} has no file of {', '.join(sorted(_TEXTS))}: fetch it anew"
            )
        path = into / f"{name}.jsonl"
        path.write_text("".join(json.dumps(text) + "\n" for text in texts), encoding="utf-8")
        made[name] = path, len(texts)
    return made


def _files(entry: Path, name: str) -> list[Path]:
    if entry.is_file():
        return [entry]
    known = KNOWN.get(name)
    found = {path for pattern in (known.tasks if known else ()) for path in entry.glob(pattern)}
    every = found or set(entry.rglob("*"))
    return sorted(path for path in every if path.is_file() and path.suffix in _TEXTS)


def _texts(path: Path) -> Iterator[Any]:
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        if path.suffix == ".jsonl":
            yield from (json.loads(line) for line in text.splitlines() if line.strip())
        else:
            yield json.loads(text) if path.suffix == ".json" else text
    except json.JSONDecodeError as error:
        raise UsageError(f"the benchmark {path} is not JSON: {error}") from error
