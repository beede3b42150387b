"""All of a run that is on disk, and what reads and writes it."""
