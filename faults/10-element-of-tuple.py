"""What goes through a tuple that a variable holds, by `t[0]` or `a, b = t`, gets no gradient.

Upstream: none found (issues searched: "tuple indexing in kernel gradient zero adjoint lost")
Kind: fault, or a limit that is not documented
Sure: yes; y = 5 * x, so dy/dx = 5; `a, b = f(x)` without a variable between is right
"""

import sys

import warp as wp


@wp.kernel
def kernel(x: wp.array(dtype=float), y: wp.array(dtype=float)):
    t = (x[0], 5.0)
    y[0] = t[0] * t[1]


x = wp.array([3.0], dtype=float, device="cpu", requires_grad=True)
y = wp.zeros(1, dtype=float, device="cpu", requires_grad=True)
with wp.Tape() as tape:
    wp.launch(kernel, dim=1, inputs=[x], outputs=[y], device="cpu")
tape.backward(loss=y)
expected, actual = 5.0, float(x.grad.numpy()[0])
print(f"expected {expected}, actual {actual}")
sys.exit(not abs(actual - expected) < 1e-3)
