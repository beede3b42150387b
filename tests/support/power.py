"""A disk that loses what was not synced: what is safe on it, and a power cut that takes the rest."""

from __future__ import annotations

import contextlib
import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from tests.support.imaginary import PowerCut
from warpgen import durable
from warpgen.production.state.append_only import AppendOnlyFile


class Disk:
    """All files under `root`. One thread at a time may be made to lose its power at a write to come."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._safe: dict[int, int] = {}  # inode -> bytes that were synced
        # Renames that are not synced yet: what the new name held before, and the old name.
        self._names: dict[Path, tuple[bytes | None, Path]] = {}
        self._victim: threading.Thread | None = None
        self._left: int | None = None

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """See all syncs and renames. Nothing is really synced, which makes a run ten times faster."""
        real_replace, real_init = os.replace, AppendOnlyFile.__init__

        def sync(descriptor: int) -> None:
            self._step()
            path, status = Path(os.readlink(f"/proc/self/fd/{descriptor}")), os.fstat(descriptor)
            if path.is_dir():
                self._names = {name: old for name, old in self._names.items() if name.parent != path}
            else:
                self._safe[status.st_ino] = status.st_size
            self._step()

        def replace(source: Path, target: Path) -> None:
            self._step()
            self._names.setdefault(target, (target.read_bytes() if target.exists() else None, source))
            real_replace(source, target)
            self._step()

        def init(file: AppendOnlyFile, path: Path, *args: Any) -> None:
            real_init(file, path, *args)
            self._safe[path.stat().st_ino] = min(file.length, self.safe(path))  # it was cut to that

        with (
            mock.patch.object(durable, "sync", sync),
            mock.patch.object(os, "replace", replace),
            mock.patch.object(AppendOnlyFile, "__init__", init),
        ):
            yield

    def safe(self, path: Path) -> int:
        """How many bytes of the file a power cut would leave, whatever it takes."""
        return self._safe.get(path.stat().st_ino, 0) if path.exists() else 0

    def arm(self, victim: threading.Thread | None, writes: int | None) -> None:
        """Cut the power of the thread at its so-manieth sync or rename from now; None: never."""
        self._victim, self._left = victim, writes

    def cut(self, draw: random.Random) -> None:
        """Take what is not safe, or a part of it: renames are undone, ends of files are gone."""
        for name, (old, before) in self._names.items():
            if draw.random() < 0.5:
                if name.exists():
                    name.rename(before)
                if old is not None:
                    name.write_bytes(old)
                    self._safe[name.stat().st_ino] = len(old)
        self._names.clear()
        for path in self.root.rglob("*"):
            if path.is_file() and not path.is_symlink():
                size, safe = path.stat().st_size, self.safe(path)
                if size > safe:
                    size = draw.choice((safe, size, draw.randint(safe, size)))
                    os.truncate(path, size)
                self._safe[path.stat().st_ino] = size

    def _step(self) -> None:
        if self._left is not None and threading.current_thread() is self._victim:
            self._left -= 1
            if self._left < 0:  # and again at whatever it tries afterwards
                raise PowerCut
