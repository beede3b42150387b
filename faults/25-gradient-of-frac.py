"""`wp.frac(x)` has no gradient, and the slope 1.

Upstream: none needed
Kind: limit, documented by Warp (`wp.frac`: not differentiable)
Sure: yes; frac(x) = x - trunc(x), so dy/dx = 1 between whole numbers
"""

import sys

import warp as wp


@wp.kernel
def kernel(x: wp.array(dtype=float), y: wp.array(dtype=float)):
    y[0] = wp.frac(x[0])


x = wp.array([2.25], dtype=float, device="cpu", requires_grad=True)
y = wp.zeros(1, dtype=float, device="cpu", requires_grad=True)
with wp.Tape() as tape:
    wp.launch(kernel, dim=1, inputs=[x], outputs=[y], device="cpu")
tape.backward(loss=y)
expected, actual = 1.0, float(x.grad.numpy()[0])
print(f"expected {expected}, actual {actual}")
sys.exit(not abs(actual - expected) < 1e-3)
