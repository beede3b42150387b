"""Faults planted in the kernels of a dataset, each known to be one by the judge's word."""
