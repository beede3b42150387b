"""`wp.grad` of a function with a `wp.func_grad` of its own does not compile.

Upstream: NVIDIA/warp#1794
Kind: fault
Sure: yes; the derivative of x * x at 3 is 6
"""

import sys

import warp as wp


@wp.func
def square(x: float):
    return x * x


@wp.func_grad(square)
def adj_square(x: float, adj_ret: float):
    wp.adjoint[x] += 2.0 * x * adj_ret


@wp.kernel
def kernel(y: wp.array(dtype=float)):
    y[0] = wp.grad(square)(3.0)


y = wp.zeros(1, dtype=float, device="cpu")
try:
    wp.launch(kernel, dim=1, outputs=[y], device="cpu")
    result = float(y.numpy()[0])
except Exception as error:
    print(str(error).strip().splitlines()[-1])
    result = float("nan")
expected, actual = 6.0, result
print(f"expected {expected}, actual {actual}")
sys.exit(not abs(actual - expected) < 1e-3)
