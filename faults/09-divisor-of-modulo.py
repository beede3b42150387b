"""`a % b` and `wp.mod(a, b)` give the divisor no gradient.

Upstream: none found (issues searched: "mod modulo gradient zero adj_mod second argument divisor")
Kind: fault
Sure: yes; 7 % x = 7 - 2 * x around x = 3, so dy/dx = -2; `mod` is listed as differentiable
"""

import sys

import warp as wp


@wp.kernel
def kernel(x: wp.array(dtype=float), y: wp.array(dtype=float)):
    y[0] = 7.0 % x[0]


x = wp.array([3.0], dtype=float, device="cpu", requires_grad=True)
y = wp.zeros(1, dtype=float, device="cpu", requires_grad=True)
with wp.Tape() as tape:
    wp.launch(kernel, dim=1, inputs=[x], outputs=[y], device="cpu")
tape.backward(loss=y)
expected, actual = -2.0, float(x.grad.numpy()[0])
print(f"expected {expected}, actual {actual}")
sys.exit(not abs(actual - expected) < 1e-3)
