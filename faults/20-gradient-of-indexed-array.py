"""No gradient comes through a `wp.indexedarray`: `tape.backward` fails.

Upstream: NVIDIA/warp#1479
Kind: fault
Sure: yes; y is the sum of two elements, so each has the slope 1
"""

import sys

import warp as wp


@wp.kernel
def kernel(x: wp.indexedarray(dtype=float), y: wp.array(dtype=float)):
    wp.atomic_add(y, 0, x[wp.tid()])


x = wp.zeros(4, dtype=float, device="cpu", requires_grad=True)
y = wp.zeros(1, dtype=float, device="cpu", requires_grad=True)
some = wp.indexedarray1d(x, [wp.array([1, 3], dtype=int, device="cpu")])
try:
    with wp.Tape() as tape:
        wp.launch(kernel, dim=2, inputs=[some], outputs=[y], device="cpu")
    tape.backward(loss=y)
    result = float(x.grad.numpy()[3])
except Exception as error:
    print(error)
    result = float("nan")
expected, actual = 1.0, result
print(f"expected {expected}, actual {actual}")
sys.exit(not abs(actual - expected) < 1e-3)
