"""On a GPU, idle threads of a block add to the gradient of a scalar that `wp.tile_map` takes.

Upstream: NVIDIA/warp#1783 (that `tile_map` calls its function on padding lanes), which does not speak of gradients
Kind: fault
Sure: yes of the text; seen by running it without a GPU, by warpgen (no stock Warp runs CUDA without one)
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
def kernel(x: wp.array(dtype=float), s: wp.array(dtype=float), y: wp.array(dtype=float)):
    wp.tile_store(y, wp.tile_sum(wp.tile_map(wp.add, wp.tile_load(x, shape=8), s[0])))
"""
shapes = (("x", "input", 8), ("s", "input", 1), ("y", "output", 1))
arguments = tuple(
    Argument(n, "array1d(float32)", role, (Fill(n, "uniform", (size,)),)) for n, role, size in shapes
)
program = Program(0, 0, "fault", "kernel", SOURCE, arguments, Launch((1,), 1, tiled=True))
with tempfile.TemporaryDirectory() as folder:
    warp_api.start(Path(folder))
    with load(program) as live:
        layouts = [describe(kind) for _, kind in warp_native.argument_types(live.kernel)]
    text = lower(program, ("cuda",))["cuda"].text
    ran = run_cuda_row(text, program, layouts, DeviceCompiler(Path(folder)), orders=(0,))[0]
expected, actual = float(ran.gradients["x"].sum()), float(ran.gradients["s"][0])
print(f"expected {expected:.4f}, actual {actual:.4f}")
sys.exit(not abs(actual - expected) < 1e-3)
