"""An element of an array that is read and then overwritten in one kernel has a wrong adjoint.

Upstream: NVIDIA/warp#1350 (between kernels)
Kind: limit, documented by Warp (user guide, Differentiability, Array Overwrites)
Sure: yes; y = 5 * x * x, so dy/dx = 10 * x
"""

import sys

import warp as wp


@wp.kernel
def kernel(x: wp.array(dtype=float), y: wp.array(dtype=float)):
    y[0] = 5.0 * x[0]
    y[0] = y[0] * x[0]


x = wp.array([3.0], dtype=float, device="cpu", requires_grad=True)
y = wp.zeros(1, dtype=float, device="cpu", requires_grad=True)
with wp.Tape() as tape:
    wp.launch(kernel, dim=1, inputs=[x], outputs=[y], device="cpu")
tape.backward(loss=y)
expected, actual = 30.0, float(x.grad.numpy()[0])
print(f"expected {expected}, actual {actual}")
sys.exit(not abs(actual - expected) < 1e-3)
