"""The category `signal`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category("signal", "filters, Fourier and wavelet transforms, windows, resampling, oscillators")
