"""What synthesis hands on: one module text with one kernel, and how to launch it."""

from __future__ import annotations

import msgspec

from warpgen.launch import Argument, Launch


class Program(msgspec.Struct, frozen=True):
    """A pure function of (seed, index, synthesis options); `name` is the kernel's name in `source`."""

    seed: int
    index: int
    category: str
    name: str
    source: str
    args: tuple[Argument, ...]
    launch: Launch
    summary: str = ""  # one sentence: what it computes; of synthesised programs
