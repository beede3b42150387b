"""Arguments from fills, and launches of compiled kernels on the CPU."""
