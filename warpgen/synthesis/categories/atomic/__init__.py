"""The category `atomic`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category("atomic", "threads that meet in memory: counters, bins, queues, flags, compare and swap")
