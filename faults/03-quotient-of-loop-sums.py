"""A quotient of two sums that a loop of run-time length collects has a gradient that is not a number.

Upstream: NVIDIA/warp#729
Kind: limit, documented by Warp (user guide, Differentiability, Dynamic Loops)
Sure: yes; y = (n * x) / n, so dy/dx = 1
"""

import sys

import warp as wp


@wp.kernel
def kernel(x: wp.array(dtype=float), n: int, y: wp.array(dtype=float)):
    s = float(0.0)
    w = float(0.0)
    for _ in range(n):
        s += x[0]
        w += 1.0
    y[0] = s / w


x = wp.array([3.0], dtype=float, device="cpu", requires_grad=True)
y = wp.zeros(1, dtype=float, device="cpu", requires_grad=True)
with wp.Tape() as tape:
    wp.launch(kernel, dim=1, inputs=[x, 3], outputs=[y], device="cpu")
tape.backward(loss=y)
expected, actual = 1.0, float(x.grad.numpy()[0])
print(f"expected {expected}, actual {actual}")
sys.exit(not abs(actual - expected) < 1e-3)
