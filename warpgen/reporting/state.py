"""DATASET_STATE.md: where the production stands and the exact command to run next, for whoever comes next.

Its second line is a comment with the SHA-256 of the lines below, so that damage, or a person's hand, shows.
"""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from warpgen import durable
from warpgen.record import TARGETS, Target

NAME = "DATASET_STATE.md"

Phase = Literal["P1_CPU", "P2_CUDA", "P3_REPORT"]
Status = Literal["in_progress", "blocked", "completed"]

_LARGEST = 1 << 20  # bytes of an older state file that are read for its session log
_TITLE = "# Dataset Production State"
_LOG = "## Session Log"
_SEAL = re.compile(rb"%s\n<!-- sha256 of the lines below: ([0-9a-f]{64}) -->\n" % _TITLE.encode())
_NOT_AS_WRITTEN = "this file was found damaged, edited or without its seal: the lines above stand as found"


class Output(msgspec.Struct, frozen=True):
    """What there is of one dataset; `path` relative to the root."""

    path: str
    size: int
    rows: int
    notes: str


class State(msgspec.Struct, frozen=True):
    """All that the file says, but for the log of earlier sessions."""

    phase: Phase
    status: Status
    next_action: str
    outputs: dict[Target, Output]
    report: str  # relative path, or why there is none
    session: str  # what this session does or did
    blockers: tuple[str, ...] = ()


class StateFile:
    """The state file of a root. Each session has one line in its log, the last."""

    def __init__(self, root: Path) -> None:
        self._path = root / NAME
        self._date = datetime.date.today().isoformat()
        self._earlier = _log_of(self._path)
        if not is_as_written(root):
            self._earlier.append(f"- {self._date}: {_NOT_AS_WRITTEN}")

    def write(self, state: State) -> None:
        """Replace the file, atomically. Raises OSError."""
        log = [*self._earlier, f"- {self._date}: {state.session}"]
        text = _text(state, log).encode()
        seal = f"{_TITLE}\n<!-- sha256 of the lines below: {hashlib.sha256(text).hexdigest()} -->\n"
        durable.write(self._path, seal.encode() + text)


def is_as_written(root: Path) -> bool:
    """Whether the state file of a root, if there is one, holds what was written. Raises OSError."""
    try:
        with (root / NAME).open("rb") as file:
            data = file.read(_LARGEST)
    except FileNotFoundError:
        return True
    seal = _SEAL.match(data)
    return seal is not None and hashlib.sha256(data[seal.end() :]).hexdigest().encode() == seal[1]


def _text(state: State, log: Sequence[str]) -> str:
    outputs = [_output(target, state.outputs.get(target)) for target in TARGETS]
    return "\n".join(
        [
            f"- **Phase**: {state.phase}",
            f"- **Status**: {state.status}",
            "",
            "## Next Action",
            "In the folder of this file:",
            "```bash",
            state.next_action,
            "```",
            "",
            "## Outputs",
            *outputs,
            f"- Report: {state.report}",
            "",
            "## Blockers (if any)",
            *(f"- {blocker}" for blocker in state.blockers or ("none",)),
            "",
            _LOG,
            *log,
            "",
        ]
    )


def _output(target: Target, output: Output | None) -> str:
    if output is None:
        return f"- {target.upper()} dataset: not asked for"
    size = f"{output.size / 2**20:.1f} MiB ({output.size} bytes)"
    return f"- {target.upper()} dataset: {output.path}, {size}, {output.rows} records, {output.notes}"


def _log_of(path: Path) -> list[str]:
    """The lines of the log in the file at `path`; none where there is no such file or section."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            text = file.read(_LARGEST)
    except FileNotFoundError:
        return []
    _, found, log = text.partition(f"\n{_LOG}\n")
    return [line for line in log.splitlines() if line.startswith("- ")] if found else []
