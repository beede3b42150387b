"""Programs from a seed and an index, and from nothing else."""
