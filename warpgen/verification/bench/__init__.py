"""Rows run and other people's kernels judged by them, in a process that is kept."""
