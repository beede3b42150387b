"""What goes through an array made inside a kernel, `wp.zeros(shape=...)`, gets no gradient.

Upstream: none needed
Kind: limit, documented by Warp (`wp.zeros`: not differentiable)
Sure: yes; y = x * x, so dy/dx = 2 * x
"""

import sys

import warp as wp


@wp.kernel
def kernel(x: wp.array(dtype=float), y: wp.array(dtype=float)):
    t = wp.zeros(shape=2, dtype=float)
    t[0] = x[0]
    y[0] = t[0] * x[0]


x = wp.array([3.0], dtype=float, device="cpu", requires_grad=True)
y = wp.zeros(1, dtype=float, device="cpu", requires_grad=True)
with wp.Tape() as tape:
    wp.launch(kernel, dim=1, inputs=[x], outputs=[y], device="cpu")
tape.backward(loss=y)
expected, actual = 6.0, float(x.grad.numpy()[0])
print(f"expected {expected}, actual {actual}")
sys.exit(not abs(actual - expected) < 1e-3)
