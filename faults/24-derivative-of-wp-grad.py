"""What `wp.grad(f)` returns inside a kernel takes a value, and no gradient.

Upstream: none needed
Kind: limit, documented by Warp (`wp.grad`: forward-only; a warning says so when the kernel is built)
Sure: yes; y = 3 * x * x, the derivative of x ** 3, so dy/dx = 6 * x
"""

import sys

import warp as wp


@wp.func
def cube(x: float):
    return x * x * x


@wp.kernel
def kernel(x: wp.array(dtype=float), y: wp.array(dtype=float)):
    y[0] = wp.grad(cube)(x[0])


x = wp.array([3.0], dtype=float, device="cpu", requires_grad=True)
y = wp.zeros(1, dtype=float, device="cpu", requires_grad=True)
with wp.Tape() as tape:
    wp.launch(kernel, dim=1, inputs=[x], outputs=[y], device="cpu")
tape.backward(loss=y)
expected, actual = 18.0, float(x.grad.numpy()[0])
print(f"expected {expected}, actual {actual}")
sys.exit(not abs(actual - expected) < 1e-3)
