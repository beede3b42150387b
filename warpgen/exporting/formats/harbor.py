"""Harbor: each kernel as the folder of a task, whose verifier runs the judge where no agent has been."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec

from warpgen import __version__, record
from warpgen.exporting.formats.files import File
from warpgen.prompt import prompt
from warpgen.record import Row

_SCHEMA = "1.4"  # of task.toml, that of Harbor 0.26

_DOCKERFILE = f"""\
FROM python:3.12-slim
RUN pip install --no-cache-dir warpgen=={__version__}
WORKDIR /app
"""

_TEST = """\
#!/bin/bash
# The reward of /app/kernel.py, judged by the row beside this script.
set -eu
mkdir -p "${LOGS:=/logs/verifier}"
python - "$(dirname "$0")/row.jsonl" "${KERNEL:-/app/kernel.py}" >"$LOGS/reward.json" <<'END'
import json, pathlib, sys, warpgen
row, kernel = warpgen.open(sys.argv[1]).first(), pathlib.Path(sys.argv[2])
verdict = row.check(kernel.read_text(errors="replace") if kernel.is_file() else "")
made = {"reward": verdict.reward(), "compiles": float(verdict.compiles), "outputs": verdict.outputs}
print(json.dumps(made))
END
"""

_SOLUTION = """\
#!/bin/bash
cat >"${KERNEL:-/app/kernel.py}" <<'WARPGEN_END'
%sWARPGEN_END
"""


class TaskFolders:
    """A folder for each kernel, under one for its split."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[str, list[Path]] = {}

    def add(self, split: str, record: dict[str, Any]) -> None:
        """The next row of a split; the second row of a kernel, for the other target, asks for nothing new."""
        row = msgspec.convert(record | {"split": split}, Row)
        place = self._folder / split / row.kernel_id
        if not place.exists():
            _write(place, row)
            self._made.setdefault(split, []).append(place)

    def finish(self) -> list[File]:
        """What was written, a folder of tasks for each split."""
        return [self._told(split) for split in ("train", "validation", "test") if split in self._made]

    def _told(self, split: str) -> File:
        digest, size = hashlib.sha256(), 0
        for place in self._made[split]:
            for path in sorted(path for path in place.rglob("*") if path.is_file()):
                data = path.read_bytes()
                digest.update(f"{path.relative_to(self._folder)} {len(data)}\n".encode() + data)
                size += len(data)
        name = f"{self._folder.name}/{split}"
        return File(name, split, len(self._made[split]), size, size, digest.hexdigest())


def _write(place: Path, row: Row) -> None:
    for name in ("environment", "tests", "solution"):
        (place / name).mkdir(parents=True)
    files = {
        "task.toml": _config(row),
        "instruction.md": f"{prompt(row)}\n\nPut the module into /app/kernel.py, without the fence.\n",
        "environment/Dockerfile": _DOCKERFILE,
        "tests/row.jsonl": record.encode(row).decode(),
        "tests/test.sh": _TEST,
        "solution/solve.sh": _SOLUTION % row.python_source,
    }
    for name, text in files.items():
        (place / name).write_text(text, encoding="utf-8")
        if name.endswith(".sh"):
            (place / name).chmod(0o755)


def _config(row: Row) -> str:
    """The verifier has a container of its own, which gets the kernel alone: no agent touches its judge."""

    def text(value: str) -> str:
        return json.dumps(value)  # TOML's strings are JSON's, as far as ours go

    return f"""\
schema_version = "{_SCHEMA}"
artifacts = ["/app/kernel.py"]

[task]
name = {text(f"warpgen/{row.kernel_id}")}
description = {text(row.summary)}
keywords = ["warp", {text(row.category)}]

[metadata]
category = {text(row.category)}
licence = {text(row.provenance.licence)}
warpgen = "{__version__}"

[agent]
timeout_sec = 1800.0

[verifier]
timeout_sec = 300.0
environment_mode = "separate"

[environment]
build_timeout_sec = 1200.0
cpus = 2
memory_mb = 4096
"""
