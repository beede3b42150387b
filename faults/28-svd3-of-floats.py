"""`wp.svd3` of 32 bits stops early: the product of its factors is off by hundredths of the matrix.

Upstream: NVIDIA/warp#281, closed; since then more sweeps are made of 64 bits, and still four of 32
Kind: fault
Sure: yes; U * diag(S) * V^T is the matrix by definition, and rounding alone would be off by 1e-6
"""

import sys

import warp as wp


@wp.kernel
def kernel(y: wp.array(dtype=float)):
    u, s, v = wp.svd3(wp.mat33(-2.0, -3.0, 2.0, 2.0, 0.0, -1.0, 2.0, 1.0, -1.0))
    product = u * wp.diag(s) * wp.transpose(v)
    for i in range(3):
        for j in range(3):
            y[3 * i + j] = product[i, j]


y = wp.zeros(9, dtype=float, device="cpu")
wp.launch(kernel, dim=1, outputs=[y], device="cpu")
matrix = [-2.0, -3.0, 2.0, 2.0, 0.0, -1.0, 2.0, 1.0, -1.0]
off = [abs(found - given) for found, given in zip(y.numpy().tolist(), matrix, strict=True)]
at = off.index(max(off))
expected, actual = matrix[at], float(y.numpy()[at])
print(f"expected {expected}, actual {actual:.4f}")
sys.exit(not abs(actual - expected) < 1e-3)
