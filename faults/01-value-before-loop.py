"""A factor made before a loop of run-time length gets no gradient when it multiplies the loop's sum.

Upstream: NVIDIA/warp#1694, closed as a duplicate of NVIDIA/warp#729
Kind: limit, documented by Warp (user guide, Differentiability, Dynamic Loops)
Sure: yes; y = x * x * n, so dy/dx = 2 * x * n
"""

import sys

import warp as wp


@wp.kernel
def kernel(x: wp.array(dtype=float), n: int, y: wp.array(dtype=float)):
    a = x[0] * x[0]
    s = float(0.0)
    for _ in range(n):
        s += 1.0
    y[0] = a * s


x = wp.array([3.0], dtype=float, device="cpu", requires_grad=True)
y = wp.zeros(1, dtype=float, device="cpu", requires_grad=True)
with wp.Tape() as tape:
    wp.launch(kernel, dim=1, inputs=[x, 3], outputs=[y], device="cpu")
tape.backward(loss=y)
expected, actual = 18.0, float(x.grad.numpy()[0])
print(f"expected {expected}, actual {actual}")
sys.exit(not abs(actual - expected) < 1e-3)
