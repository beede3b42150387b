"""What a worker does with a unit: make its rows, store them as a shard, say where they are."""

from __future__ import annotations

import ctypes
import errno
import gc
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xxhash

from warpgen import durable
from warpgen.errors import UsageError
from warpgen.explain import first_line
from warpgen.extraction.versions import check_tools, check_versions
from warpgen.process import output_to
from warpgen.production.state import shard
from warpgen.production.state.layout import Layout
from warpgen.production.state.meter import free_bytes
from warpgen.production.unit import Outcome, Unit
from warpgen.recipe import Recipe

if TYPE_CHECKING:
    from warpgen.production.work.rows import Source

# Bytes that must be free before a unit is begun: a compiler that runs out of disk looks like one that
# refuses the program, and that must never cost a row.
_ROOM = 8 << 20

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # <malloc.h>


class ShardMaker:
    """The job of a run on real Warp."""

    def __init__(
        self, layout: Layout, recipe: Recipe, stock_codegen: bool = False, source: Source | None = None
    ) -> None:
        """`source` writes the programs in place of synthesis."""
        # Absolute: a task of a cluster has another folder.
        self._layout = Layout(layout.root.absolute(), layout.address)
        self._recipe = recipe
        self._stock_codegen = stock_codegen
        self._source: dict[str, Any] = {} if source is None else {"source": source}
        self._log = self._workdir = Path(os.devnull)

    def preload(self) -> None:
        """Import and start Warp, so that forked workers share it."""
        from warpgen.extraction import fast_path, warp_api  # 0.7 s and 120 MB that a merge does without
        from warpgen.production.work import rows  # noqa: F401  (its imports are what takes the time)

        # Compilers' files, which have any mode, are loaded from here.
        durable.make_folder(self._layout.scratch, mode=0o700)
        warp_api.start(self._layout.scratch / "kernels")
        if not self._stock_codegen:
            fast_path.install()
        _keep_memory()
        gc.collect()
        gc.freeze()  # the workers' collectors need not touch, and so copy, what they share
        gc.disable()  # each collects behind a unit: within, a twentieth of its time went into it

    def begin(self, name: str) -> None:
        """Give this process a folder of its own for kernels, temporary files and its output."""
        from warpgen.extraction import warp_api

        scratch = self._layout.scratch / name
        durable.make_folder(scratch, mode=0o700)
        os.environ["TMPDIR"] = tempfile.tempdir = str(scratch)  # what crashes leave there goes with the run
        warp_api.start(scratch / "kernels")
        self._log = scratch / "output"
        self._workdir = scratch / "checks"

    def __call__(self, unit: Unit) -> Outcome:
        """Build and store one shard; trouble with the machine is fatal, anything else is raised."""
        from warpgen.production.work.rows import build

        try:
            check_versions()  # a cluster's machine may have others than the one that the run was begun on
            check_tools(self._recipe.targets, self._recipe.verify)
            if free_bytes(self._layout.work) < _ROOM:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            with output_to(self._log):
                data = build(unit, self._recipe, self._workdir, **self._source)
            if free_bytes(self._layout.work) < _ROOM:  # then a refusal by a compiler proves nothing
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except (OSError, UsageError) as error:
            return Outcome(unit.start, unit.stop, error=first_line(error), fatal=True)
        gc.collect()
        return store(self._layout.shards_at, unit, data)


def _keep_memory() -> None:
    """Have the C library keep what is freed.

    Texts of hundreds of kilobytes come and go with every program, and to get new pages for each from the
    kernel costs 3 % of all work. Only where it is glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, 32 << 20)  # the most that it takes
        mallopt(_M_TRIM_THRESHOLD, 1 << 30)


def store(folder: shard.Folder, unit: Unit, data: bytes) -> Outcome:
    """Put a shard's bytes on disk under the unit's name."""
    try:
        durable.write(shard.path_of(folder, unit), data)
    except OSError as error:
        return Outcome(unit.start, unit.stop, error=first_line(error), fatal=True)
    return Outcome(unit.start, unit.stop, xxhash.xxh3_128_hexdigest(data), len(data))
