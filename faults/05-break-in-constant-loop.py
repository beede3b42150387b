"""A loop of constant length that is left by `break` has a wrong adjoint.

Upstream: none found (issues searched: "break in loop gradient zero adjoint"; NVIDIA/warp#1552 is of `continue`)
Kind: fault
Sure: yes; three terms are added, so dy/dx = 3
"""

import sys

import warp as wp


@wp.kernel
def kernel(x: wp.array(dtype=float), n: int, y: wp.array(dtype=float)):
    s = float(0.0)
    for k in range(6):
        if k == n:
            break
        s += x[0]
    y[0] = s


x = wp.array([3.0], dtype=float, device="cpu", requires_grad=True)
y = wp.zeros(1, dtype=float, device="cpu", requires_grad=True)
with wp.Tape() as tape:
    wp.launch(kernel, dim=1, inputs=[x, 3], outputs=[y], device="cpu")
tape.backward(loss=y)
expected, actual = 3.0, float(x.grad.numpy()[0])
print(f"expected {expected}, actual {actual}")
sys.exit(not abs(actual - expected) < 1e-3)
