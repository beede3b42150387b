"""From a program's Python to the C++ and CUDA C++ that Warp writes of it."""
