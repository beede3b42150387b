"""Judges programs: do both texts compile, does the kernel run, and are its values and gradients right?"""

from warpgen.verification.check import Judgement, check_unit

__all__ = ["Judgement", "check_unit"]
