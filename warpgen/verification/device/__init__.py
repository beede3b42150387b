"""The text of a CUDA row is run, without a GPU: as C++ over the CUDA branch of Warp's own headers."""
