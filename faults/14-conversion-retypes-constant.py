"""`wp.float64(k)` and `wp.int64(k)` change the type of `k` itself where it is a constant or a loop's index.

Upstream: none found (issues searched: "wp.float64() cast of loop index constant changes variable type compile error")
Kind: fault
Sure: yes; without the line that converts, the kernel compiles and gives 3
"""

import sys

import warp as wp


@wp.kernel
def kernel(y: wp.array(dtype=float)):
    k = 2
    d = wp.int64(k)
    y[0] = float(k + 1)


y = wp.zeros(1, dtype=float, device="cpu")
try:
    wp.launch(kernel, dim=1, outputs=[y], device="cpu")
    result = float(y.numpy()[0])
except Exception as error:
    print(str(error).strip().splitlines()[-1])
    result = float("nan")
expected, actual = 3.0, result
print(f"expected {expected}, actual {actual}")
sys.exit(not abs(actual - expected) < 1e-3)
