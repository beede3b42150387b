"""warpgen writes NVIDIA Warp kernels, lowers them to C++ and CUDA C++, proves and packs them."""

__version__ = "0.1.0"
