"""`wp.norm_l1` takes a `vec3d` by its signature and refuses it.

Upstream: none found (issues searched: "norm_l1 smooth_normalize norm_huber float64 vec3d")
Kind: fault
Sure: yes; `wp.norm_l2` of the same vector compiles, and the signature says `Any`
"""

import sys

import warp as wp


@wp.kernel
def kernel(y: wp.array(dtype=wp.float64)):
    y[0] = wp.norm_l1(wp.vec3d(wp.float64(1.0), wp.float64(-2.0), wp.float64(3.0)))


y = wp.zeros(1, dtype=wp.float64, device="cpu")
try:
    wp.launch(kernel, dim=1, outputs=[y], device="cpu")
    result = float(y.numpy()[0])
except Exception as error:
    print(str(error).strip().splitlines()[-1])
    result = float("nan")
expected, actual = 6.0, result
print(f"expected {expected}, actual {actual}")
sys.exit(not abs(actual - expected) < 1e-3)
