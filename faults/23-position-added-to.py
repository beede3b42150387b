"""Adding to the position of a local transform, `t.p += v`, doubles the gradient of what it held before.

Upstream: none found (issues searched: "transform position in-place add t.p += gradient doubled adjoint")
Kind: fault
Sure: yes; y = x + 1, so dy/dx = 1; `v[0] += 1.0` of a local vector is right
"""

import sys

import warp as wp


@wp.kernel
def kernel(x: wp.array(dtype=float), y: wp.array(dtype=float)):
    t = wp.transform(wp.vec3(x[0], 0.0, 0.0), wp.quat(0.0, 0.0, 0.0, 1.0))
    t.p += wp.vec3(1.0, 0.0, 0.0)
    y[0] = t.p[0]


x = wp.array([3.0], dtype=float, device="cpu", requires_grad=True)
y = wp.zeros(1, dtype=float, device="cpu", requires_grad=True)
with wp.Tape() as tape:
    wp.launch(kernel, dim=1, inputs=[x], outputs=[y], device="cpu")
tape.backward(loss=y)
expected, actual = 1.0, float(x.grad.numpy()[0])
print(f"expected {expected}, actual {actual}")
sys.exit(not abs(actual - expected) < 1e-3)
