"""A component of a vector that is a field of a struct takes a value, and no gradient.

Upstream: none found (issues searched: "struct vector component assignment gradient zero adjoint"; NVIDIA/warp#583 is of arrays)
Kind: fault
Sure: yes; y = 5 * x, so dy/dx = 5; a whole vector stored to the field is right
"""

import sys

import warp as wp


@wp.struct
class Body:
    v: wp.vec3


@wp.kernel
def kernel(x: wp.array(dtype=float), y: wp.array(dtype=float)):
    s = Body()
    s.v[1] = x[0]
    y[0] = 5.0 * s.v[1]


x = wp.array([3.0], dtype=float, device="cpu", requires_grad=True)
y = wp.zeros(1, dtype=float, device="cpu", requires_grad=True)
with wp.Tape() as tape:
    wp.launch(kernel, dim=1, inputs=[x], outputs=[y], device="cpu")
tape.backward(loss=y)
expected, actual = 5.0, float(x.grad.numpy()[0])
print(f"expected {expected}, actual {actual}")
sys.exit(not abs(actual - expected) < 1e-3)
