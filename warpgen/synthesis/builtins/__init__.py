"""Every builtin of Warp in turn, dealt out over the programs."""
