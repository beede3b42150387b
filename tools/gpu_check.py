"""Run a sample of rows on a CUDA GPU and compare with the CPU by the tolerances of verification.

A CPU row is compared with its C++, a CUDA row with its own text as it runs without a GPU.

Rows are run from their source, so only files that `python -m warpgen.verify` accepts should be given.
Exit codes: 0 all agree or there is no GPU, 1 some do not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import warp as wp

from tools.sampling import spread
from warpgen.errors import VerificationError
from warpgen.extraction import warp_api
from warpgen.extraction.loading import load
from warpgen.program import Program
from warpgen.record import Row
from warpgen.verification.allowlist import require_allowed
from warpgen.verification.device.compiling import DeviceCompiler
from warpgen.verification.device.machine import ORDERS
from warpgen.verification.device.text import run_cuda_row
from warpgen.verification.judging import tolerance, values
from warpgen.verification.native import warp_native
from warpgen.verification.native.isolation import Died
from warpgen.verification.recheck import program_of
from warpgen.verification.running.arguments import Arguments
from warpgen.verification.running.memory_layout import MemoryLayout, describe


def main() -> int:
    """Print what differs and how many agree."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("dataset", type=Path, help="a .jsonl file of rows")
    parser.add_argument("--sample", type=int, default=100, help="rows to run, evenly spaced (100)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="warpgen-gpu-") as folder:
        warp_api.start(Path(folder))
        if not wp.get_cuda_device_count():
            print("no CUDA GPU here: nothing was run")
            return 0
        compiler = DeviceCompiler(Path(folder) / "device")
        counts = {"agree": 0, "differ": 0, "skipped": 0}
        for line in spread(args.dataset, args.sample):
            row = msgspec.json.decode(line, type=Row)
            verdict, why = _compare(row, compiler)
            counts[verdict] += 1
            if verdict != "agree":
                print(f"{row.id}: {verdict}: {why}", flush=True)
    print(f"on {wp.get_device('cuda:0').name}: " + ", ".join(f"{n} {name}" for name, n in counts.items()))
    return 1 if counts["differ"] else 0


def _compare(row: Row, compiler: DeviceCompiler) -> tuple[str, str]:
    """Whether the GPU's outputs are within tolerance of those made without one."""
    require_allowed(row.python_source)
    program = program_of(row)
    if program.launch.tiled or any(a.fill.kind in ("texture", "indexed", "struct") for a in program.args):
        return "skipped", "blocks, textures, indexed arrays or structs"
    if any(a.role == "handle" for a in program.args):
        return "skipped", "handles"
    with load(program) as live:
        layouts = [describe(kind) for _, kind in warp_native.argument_types(live.kernel)]
        try:
            gpu = _run(live.kernel, program, layouts, "cuda:0")
            if row.target == "cuda":
                cpu = executed(row, program, layouts, compiler)
            else:
                cpu = _run(live.kernel, program, layouts, "cpu")
        except VerificationError as error:
            return "skipped", str(error)
    codes = [values.dtype.str for values in cpu]
    nothing = [np.zeros(values.shape) for values in cpu]
    agreement = values.agree(gpu, cpu, nothing, tolerance.operations(program), codes)
    # Atomics add in any order on a GPU, and a rounded value may take another branch there.
    if agreement.share <= tolerance.STRAY:
        return "agree", ""
    return "differ", f"{agreement.share:.2g} of places"


def executed(row: Row, program: Program, layouts: list[MemoryLayout], compiler: DeviceCompiler) -> list[Any]:
    """Output arrays of a CUDA row's own text, run here. Raises VerificationError where it does not run."""
    (ran,) = run_cuda_row(row.code, program, layouts, compiler, orders=ORDERS[:1])
    if isinstance(ran, Died):
        raise VerificationError(f"the CUDA text does not run here: {ran.reason}: {ran.error}")
    return list(ran.outputs.values())


def _run(kernel: Any, program: Program, layouts: list[MemoryLayout], device: str) -> list[Any]:
    """Output arrays after one forward launch by Warp itself."""
    arguments = Arguments(program.args, layouts, program.launch.seed)
    values, outputs = [], []
    for (_, kind), layout, leaf in zip(
        warp_native.argument_types(kernel), layouts, arguments.leaves, strict=True
    ):
        if layout.family == "array":
            array = wp.array(leaf.values, dtype=kind.dtype, device=device)
            values.append(array)
            if leaf.role in ("output", "inout"):
                outputs.append(array)
        else:
            item = leaf.values[0]
            values.append(kind(*item.ravel().tolist()) if layout.shape else item.item())
    wp.launch(kernel, dim=program.launch.dim, inputs=values, device=device)
    return [array.numpy() for array in outputs]


if __name__ == "__main__":
    sys.exit(main())
