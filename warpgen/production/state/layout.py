"""Where everything lies under a root."""

from __future__ import annotations

from pathlib import Path

import msgspec

from warpgen.paths import dataset_path
from warpgen.record import Target
from warpgen.store import Remote, RemoteLog


class Layout(msgspec.Struct, frozen=True):
    """The files of one root. `work` holds an unfinished run and goes when it ends.

    Where the root is in an object store, `address` is where, and `root` a folder of this machine for what
    grows; shards and journal are in the store, and what is finished is published there.
    """

    root: Path
    address: str = ""

    @property
    def name(self) -> str:
        """What a person calls the root."""
        return self.address or str(self.root)

    @property
    def outlives_disk(self) -> bool:
        """Is more safe than what this machine's disk holds? Then merged shards stay, to merge them again."""
        return bool(self.address)

    @property
    def data(self) -> Path:
        """All that a run writes, but for manifests and reports."""
        return self.root / "data"

    @property
    def lock(self) -> Path:
        """Held by the session that is at work."""
        return self.data / ".lock"

    @property
    def work(self) -> Path:
        """What an unfinished run keeps."""
        return self.data / "work"

    @property
    def journal(self) -> Path:
        """What is known to be safe."""
        return self.work / "journal"

    @property
    def journal_at(self) -> Path | RemoteLog:
        """Where the journal is: on this machine or in the store."""
        return RemoteLog(f"{self.address}/data/work/journal") if self.address else self.journal

    @property
    def shards(self) -> Path:
        """Units that are made and not merged yet."""
        return self.work / "shards"

    @property
    def shards_at(self) -> Path | Remote:
        """Where the shards are: on this machine or in the store."""
        return Remote(f"{self.address}/data/work/shards") if self.address else self.shards

    @property
    def scratch(self) -> Path:
        """What workers need while they work."""
        return self.work / "scratch"

    @property
    def seen(self) -> Path:
        """The keys of all kept programs, 16 bytes each: the dedup index, to be read back on resume."""
        return self.work / "seen"

    @property
    def failures(self) -> Path:
        """One JSON line per program and target that gave no row for another reason than a repeat."""
        return self.work / "failures.jsonl"

    def published(self, path: Path) -> Path | Remote:
        """Where others find a finished file that is made at `path`."""
        if not self.address:
            return path
        return Remote(f"{self.address}/{path.relative_to(self.root).as_posix()}")

    def publish(self, path: Path) -> None:
        """Let others find a finished file. Raises OSError."""
        place = self.published(path)
        if isinstance(place, Remote):
            place.upload(path)

    def final(self, target: Target) -> Path:
        """The finished dataset of a target."""
        return dataset_path(self.root, target)

    def partial(self, target: Target) -> Path:
        """A dataset under construction: never a part of one under its final name."""
        path = self.final(target)
        return path.with_name(path.name + ".partial")
