"""Programs rewritten so that every float in them has 64 bits."""
