"""On a GPU, the adjoints of two `wp.tile_sum` in a row share memory with no barrier between them.

Upstream: none found (issues searched: "adj_tile_sum shared scratch race barrier", "two tile_sum wrong gradient")
Kind: fault
Sure: yes of the text: `adj_tile_sum` has no barrier behind its reads; seen without a GPU, by warpgen, as 21
"""

import sys
import tempfile
from pathlib import Path

from warpgen.extraction import warp_api
from warpgen.extraction.codegen import lower
from warpgen.extraction.loading import load
from warpgen.launch import Argument, Fill, Launch
from warpgen.program import Program
from warpgen.verification.device.compiling import DeviceCompiler
from warpgen.verification.device.text import run_cuda_row
from warpgen.verification.native import warp_native
from warpgen.verification.running.memory_layout import describe

SOURCE = """import warp as wp
@wp.kernel
def kernel(x: wp.array[float], y: wp.array[float], u: wp.array[float], v: wp.array[float]):
    wp.tile_store(u, wp.tile_sum(wp.tile_load(x, shape=8)))
    wp.tile_store(v, wp.tile_sum(wp.tile_load(y, shape=8)))
"""
roles = {"x": ("input", 8), "y": ("input", 8), "u": ("output", 1), "v": ("output", 1)}
fills = {name: (Fill(name, "uniform", (size,)),) for name, (_, size) in roles.items()}
arguments = tuple(Argument(n, "array1d(float32)", role, fills[n]) for n, (role, _) in roles.items())
program = Program(0, 0, "fault", "kernel", SOURCE, arguments, Launch((1,), 1, tiled=True))
with tempfile.TemporaryDirectory() as folder:
    warp_api.start(Path(folder))
    with load(program) as live:
        layouts = [describe(kind) for _, kind in warp_native.argument_types(live.kernel)]
    text = lower(program, ("cuda",))["cuda"].text
    ran = run_cuda_row(text, program, layouts, DeviceCompiler(Path(folder)), orders=(0,))[0]
expected, actual = float(ran.gradients["y"][0]), float(ran.gradients["y"][1])  # of all elements of a sum
print(f"expected {expected:.4f}, actual {actual:.4f}")
sys.exit(not abs(actual - expected) < 1e-3)
