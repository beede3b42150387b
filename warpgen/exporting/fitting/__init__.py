"""Does a record fit a model's context? Counts of tokens, parts of the code, and what is left out."""
