"""`wp.svd2` of a rotation gives factors whose product is another matrix.

Upstream: NVIDIA/warp#1734
Kind: fault
Sure: yes; U * diag(S) * V^T is the matrix by definition
"""

import sys

import warp as wp


@wp.kernel
def kernel(y: wp.array(dtype=float)):
    u = wp.mat22()
    s = wp.vec2()
    v = wp.mat22()
    wp.svd2(wp.mat22(0.0, -2.0, 2.0, 0.0), u, s, v)
    y[0] = (u * wp.diag(s) * wp.transpose(v))[1, 0]


y = wp.zeros(1, dtype=float, device="cpu")
wp.launch(kernel, dim=1, outputs=[y], device="cpu")
expected, actual = 2.0, float(y.numpy()[0])
print(f"expected {expected}, actual {actual}")
sys.exit(not abs(actual - expected) < 1e-3)
