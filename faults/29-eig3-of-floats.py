"""`wp.eig3` of 32 bits stops early: the product of its factors is off by hundredths of the matrix.

Upstream: none found (issues searched: "eig3 float32 accuracy eigenvectors sweeps", "eig3 wrong eigenvectors")
Kind: fault
Sure: yes; Q * diag(d) * Q^T is the matrix by definition, and rounding alone would be off by 1e-6
"""

import sys

import warp as wp


@wp.kernel
def kernel(y: wp.array(dtype=float)):
    q, d = wp.eig3(wp.mat33(-6.0, -2.0, 1.0, -2.0, 2.0, -6.0, 1.0, -6.0, -4.0))
    product = q * wp.diag(d) * wp.transpose(q)
    for i in range(3):
        for j in range(3):
            y[3 * i + j] = product[i, j]


y = wp.zeros(9, dtype=float, device="cpu")
wp.launch(kernel, dim=1, outputs=[y], device="cpu")
matrix = [-6.0, -2.0, 1.0, -2.0, 2.0, -6.0, 1.0, -6.0, -4.0]
off = [abs(found - given) for found, given in zip(y.numpy().tolist(), matrix, strict=True)]
at = off.index(max(off))
expected, actual = matrix[at], float(y.numpy()[at])
print(f"expected {expected}, actual {actual:.4f}")
sys.exit(not abs(actual - expected) < 1e-3)
