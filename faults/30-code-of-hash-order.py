"""Warp's code for a loop that reuses two names of unrolled loops changes with the seed of Python's hashes.

Upstream: none found (issues searched: "generated code PYTHONHASHSEED set iteration order", "promote mutated iter constants"); NVIDIA/warp#1696 and NVIDIA/warp#1738 are of names and of the order of kernels
Kind: fault
Sure: yes; one program has one text, or a kernel cache misses in every second process
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import warp as wp


@wp.kernel
def kernel(n: int, y: wp.array(dtype=float)):
    for i in range(2):
        for j in range(2):
            y[i] += float(j)
    for k in range(n):
        for i in range(2):
            for j in range(2):
                y[i] += float(j + k)


if len(sys.argv) > 1:
    wp.config.kernel_cache_dir = sys.argv[1]
    wp.load_module(device="cpu")
    sys.exit()
texts = set()
for seed in ("1", "2", "3", "4"):
    with tempfile.TemporaryDirectory() as cache:
        env = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, __file__, cache], env=env, check=True, capture_output=True)
        texts |= {path.read_text() for path in Path(cache).rglob("*.cpp")}
print(f"expected 1, actual {len(texts)}")
sys.exit(len(texts) != 1)
