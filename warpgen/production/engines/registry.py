"""The engines by name: one more is a file beside this one and a line here."""

from __future__ import annotations

from collections.abc import Callable

from warpgen.production.engines import Engine
from warpgen.production.engines.local import LocalEngine
from warpgen.production.engines.ray import RayEngine
from warpgen.production.engines.serial import SerialEngine
from warpgen.production.run_options import RunOptions

# Each is made of the run's options and of the lock's descriptor, which its workers must not keep.
ENGINES: dict[str, Callable[[RunOptions, int], Engine]] = {
    "local": lambda options, lock: LocalEngine(options, [lock]),
    "serial": lambda options, lock: SerialEngine(),
    "ray": lambda options, lock: RayEngine(options),
}


def engine_of(options: RunOptions, lock: int) -> Engine:
    """The engine that the options name; its workers do not keep the lock."""
    return ENGINES[options.engine](options, lock)
