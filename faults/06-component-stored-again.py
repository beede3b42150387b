"""Storing a component of a local vector a second time leaves the gradient of the first.

Upstream: NVIDIA/warp#1697
Kind: limit, documented by Warp (user guide, Differentiability, Vector, Matrix, and Quaternion Component Assignment)
Sure: yes; y = v[0] = 2 does not depend on x
"""

import sys

import warp as wp


@wp.kernel
def kernel(x: wp.array(dtype=float), y: wp.array(dtype=float)):
    v = wp.vec2(x[0], 1.0)
    v[0] = 2.0
    y[0] = v[0]


x = wp.array([3.0], dtype=float, device="cpu", requires_grad=True)
y = wp.zeros(1, dtype=float, device="cpu", requires_grad=True)
with wp.Tape() as tape:
    wp.launch(kernel, dim=1, inputs=[x], outputs=[y], device="cpu")
tape.backward(loss=y)
expected, actual = 0.0, float(x.grad.numpy()[0])
print(f"expected {expected}, actual {actual}")
sys.exit(not abs(actual - expected) < 1e-3)
