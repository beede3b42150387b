"""A second opinion on what a kernel computes: its Python source, read without Warp, in float64."""

from warpgen.verification.oracle.launch import Reading
from warpgen.verification.oracle.values import Unsupported

__all__ = ["Reading", "Unsupported"]
