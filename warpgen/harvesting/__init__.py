"""Rows of the kernels that people wrote: finds them in packages, makes each stand alone, lowers it."""
