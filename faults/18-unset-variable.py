"""A variable that is set on one path only is read on the other without a word.

Upstream: NVIDIA/warp#299
Kind: fault
Sure: yes; Python raises UnboundLocalError, the generated C++ reads a local that nothing was written to
"""

import sys

import warp as wp


@wp.kernel
def kernel(x: float, y: wp.array(dtype=float)):
    if x > 0.0:
        a = 2.0 * x
    y[0] = a


y = wp.zeros(1, dtype=float, device="cpu")
expected, actual = "an error", "none"
try:
    wp.launch(kernel, dim=1, inputs=[-1.0], outputs=[y], device="cpu")
except Exception:
    actual = "an error"
print(f"expected {expected}, actual {actual}")
sys.exit(actual != expected)
