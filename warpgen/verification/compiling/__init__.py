"""From texts to objects and verdicts of the two compilers, many texts at a time."""
