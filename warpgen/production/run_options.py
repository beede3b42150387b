"""How a run is carried out: what may differ from machine to machine and changes no byte."""

from __future__ import annotations

import msgspec

from warpgen.machine import default_workers

MIB = 1 << 20


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a run may use."""

    engine: str = "local"
    stock_codegen: bool = False  # without the fast path of code generation
    ray_address: str = ""  # of the cluster; empty: one of our own on this machine
    workers: int = msgspec.field(default_factory=default_workers)
    worker_memory: int = 1024 * MIB  # a worker above it between two units is replaced; healthy: 200-400 MiB
    unit_seconds: float = 1200.0  # of CPU time for 128 programs; fully verified they take about 20
    silent_seconds: float = 300.0  # without any CPU time; a check may sleep up to 120 before it is ended
    stalled_seconds: float = 1800.0  # of a run that merges nothing, though its workers work
    checkpoint_seconds: float = 2.0  # a crash costs this much merging again: cheap, as shards are kept
