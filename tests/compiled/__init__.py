"""What Warp's code generator and the compilers make, called in this process."""
