"""How fast warpgen is beside Warp's own code generator, as one table from one go."""
