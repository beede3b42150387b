"""A value that is used for nothing makes gradients nan where its slope is infinite.

Upstream: none found (issues searched: "gradient nan unused variable infinite derivative times zero adjoint")
Kind: limit, undocumented
Sure: yes; y is x, so dy/dx = 1 (the adjoint of the unused line adds infinity times zero)
"""

import sys

import warp as wp


@wp.kernel
def kernel(x: wp.array(dtype=float), y: wp.array(dtype=float)):
    root = wp.sqrt(x[0] - 1.0)
    y[0] = x[0]


x = wp.array([1.0], dtype=float, device="cpu", requires_grad=True)
y = wp.zeros(1, dtype=float, device="cpu", requires_grad=True)
with wp.Tape() as tape:
    wp.launch(kernel, dim=1, inputs=[x], outputs=[y], device="cpu")
tape.backward(loss=y)
expected, actual = 1.0, float(x.grad.numpy()[0])
print(f"expected {expected}, actual {actual}")
sys.exit(not abs(actual - expected) < 1e-3)
