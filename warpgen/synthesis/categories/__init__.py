"""One file per kind of program, all of one shape: `CATEGORY` and its motifs."""
