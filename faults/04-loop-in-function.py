"""A function that squares what its own loop of run-time length collects has a zero adjoint.

Upstream: NVIDIA/warp#1740, and NVIDIA/warp#1754 for the guide
Kind: limit, documented by Warp (user guide, Differentiability, Dynamic Loops)
Sure: yes; y = (n * x) ** 2, so dy/dx = 2 * n * n * x
"""

import sys

import warp as wp


@wp.func
def squared_sum(a: float, n: int):
    s = float(0.0)
    for _ in range(n):
        s += a
    return s * s


@wp.kernel
def kernel(x: wp.array(dtype=float), n: int, y: wp.array(dtype=float)):
    y[0] = squared_sum(x[0], n)


x = wp.array([3.0], dtype=float, device="cpu", requires_grad=True)
y = wp.zeros(1, dtype=float, device="cpu", requires_grad=True)
with wp.Tape() as tape:
    wp.launch(kernel, dim=1, inputs=[x, 3], outputs=[y], device="cpu")
tape.backward(loss=y)
expected, actual = 54.0, float(x.grad.numpy()[0])
print(f"expected {expected}, actual {actual}")
sys.exit(not abs(actual - expected) < 1e-3)
