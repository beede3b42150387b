"""warpbench: frozen tasks about Warp kernels, and what completions of them are worth by the judge's word."""
