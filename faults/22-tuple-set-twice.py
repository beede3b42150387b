"""A name that holds a tuple cannot be given another of the same types; in a loop, not even once.

Upstream: none found (issues searched: "assigning to existing symbol tuple_t with different type")
Kind: fault
Sure: yes; both tuples are of two floats
"""

import sys

import warp as wp


@wp.kernel
def kernel(y: wp.array(dtype=float)):
    t = (1.0, 2.0)
    t = (3.0, 4.0)
    y[0] = t[0]


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
