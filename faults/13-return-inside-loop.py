"""The adjoint of a function that returns from inside a loop of run-time length is wrong.

Upstream: none found (issues searched: "early return inside loop wp.func wrong gradient")
Kind: fault
Sure: yes; y = 2 * x, so dy/dx = 2
"""

import sys

import warp as wp


@wp.func
def pick(a: float, n: int):
    for k in range(n):
        if k == 2:
            return a * float(k)
    return a * a


@wp.kernel
def kernel(x: wp.array(dtype=float), n: int, y: wp.array(dtype=float)):
    y[0] = pick(x[0], n)


x = wp.array([3.0], dtype=float, device="cpu", requires_grad=True)
y = wp.zeros(1, dtype=float, device="cpu", requires_grad=True)
with wp.Tape() as tape:
    wp.launch(kernel, dim=1, inputs=[x, 5], outputs=[y], device="cpu")
tape.backward(loss=y)
expected, actual = 2.0, float(x.grad.numpy()[0])
print(f"expected {expected}, actual {actual}")
sys.exit(not abs(actual - expected) < 1e-3)
