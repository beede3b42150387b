"""How a kernel comes together: threads, motifs in place, in branches or in helpers, stores."""
