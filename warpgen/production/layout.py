"""Where everything lies under a root."""

from __future__ import annotations

from pathlib import Path

import msgspec

from warpgen.record import Target
from warpgen.reporting.manifest import dataset_path


class Layout(msgspec.Struct, frozen=True):
    """The files of one root. `work` holds an unfinished run and goes when it ends."""

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def lock(self) -> Path:
        return self.data / ".lock"

    @property
    def work(self) -> Path:
        return self.data / "work"

    @property
    def journal(self) -> Path:
        return self.work / "journal"

    @property
    def shards(self) -> Path:
        return self.work / "shards"

    @property
    def scratch(self) -> Path:
        return self.work / "scratch"

    @property
    def seen(self) -> Path:
        """The keys of all kept programs, 16 bytes each: the dedup index, to be read back on resume."""
        return self.work / "seen"

    @property
    def failures(self) -> Path:
        """One JSON line per program and target that gave no row for another reason than a repeat."""
        return self.work / "failures.jsonl"

    def final(self, target: Target) -> Path:
        return dataset_path(self.root, target)

    def partial(self, target: Target) -> Path:
        """A dataset under construction: never a part of one under its final name."""
        path = self.final(target)
        return path.with_name(path.name + ".partial")
