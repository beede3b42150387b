"""The adjoint of `wp.tile_transpose` changes the values of the tile that was transposed.

Upstream: none found (issues searched: "tile_transpose adjoint gradient wrong", "adj_tile_transpose assign overwrites")
Kind: fault
Sure: yes; its values become the sum of themselves and their transpose, as `adj_tile_transpose` in tile.h says
"""

import sys

import numpy as np
import warp as wp


@wp.kernel
def kernel(x: wp.array2d(dtype=float), y: wp.array2d(dtype=float), z: wp.array2d(dtype=float)):
    tile = wp.tile_load(x, shape=(2, 2))
    wp.tile_store(y, wp.tile_matmul(tile, tile))
    wp.tile_store(z, wp.tile_transpose(tile))


x = wp.array(np.eye(2), dtype=float, device="cpu", requires_grad=True)
y, z = (wp.zeros((2, 2), dtype=float, device="cpu", requires_grad=True) for _ in range(2))
with wp.Tape() as tape:
    wp.launch_tiled(kernel, dim=1, inputs=[x], outputs=[y, z], block_dim=1, device="cpu")
one = np.ones((2, 2), dtype=np.float32)
tape.backward(grads={y: wp.array(one, device="cpu"), z: wp.array(0.0 * one, device="cpu")})
expected, actual = 2.0, float(x.grad.numpy()[0, 0])  # of the sum of x @ x at the identity
print(f"expected {expected}, actual {actual}")
sys.exit(not abs(actual - expected) < 1e-3)
