"""`a // b` rounds down and `a % b` is what is left of rounding to zero.

Upstream: none needed
Kind: limit, documented by Warp (`wp.mod`: truncated division; `wp.floordiv`: rounds down)
Sure: yes; in Python, and in mathematics, a == a // b * b + a % b
"""

import sys

import warp as wp


@wp.kernel
def kernel(a: int, y: wp.array(dtype=float)):
    y[0] = float(a // 2 * 2 + a % 2)


y = wp.zeros(1, dtype=float, device="cpu")
try:
    wp.launch(kernel, dim=1, inputs=[-7], outputs=[y], device="cpu")
    result = float(y.numpy()[0])
except Exception as error:
    print(str(error).strip().splitlines()[-1])
    result = float("nan")
expected, actual = -7.0, result
print(f"expected {expected}, actual {actual}")
sys.exit(not abs(actual - expected) < 1e-3)
