"""Faults of Warp: programs that try it hard, what disagrees, made small and sorted by cause."""
