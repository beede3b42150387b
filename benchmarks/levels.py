"""What each level below C++ and CUDA C++ costs per kernel, and whether its tool takes what was made.

Times are processor time, that of the compilers' processes and their start included.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks._usage import cpu_seconds
from warpgen.exporting.kernels import Datasets, Kernel
from warpgen.exporting.views import machine_cpu, machine_cuda
from warpgen.exporting.views.ladder import LEVELS, compiled, ladder
from warpgen.exporting.views.view import Record


def main() -> int:
    """Print CPU ms per kernel; 1 when a kernel lacks its levels or a tool refuses one."""
    parser = argparse.ArgumentParser(prog="./scripts/bench levels", description=__doc__.split("\n\n")[0])
    parser.add_argument("--root", type=Path, default=Path(), help="folder of the datasets (.)")
    parser.add_argument("--rows", type=int, default=1000, help="kernels that get all levels (1000)")
    parser.add_argument("--sample", type=int, default=128, help="kernels that get each level alone (128)")
    args = parser.parse_args()
    kernels = list(itertools.islice(_kernels(args.root), args.rows))
    if not kernels:
        print("there is no kernel that both compilers took: make some with --verify run", file=sys.stderr)
        return 2
    sample = kernels[: args.sample]
    for level in LEVELS:
        _, seconds = _lowered(sample, (level,))
        print(f"{level:17} {seconds / len(sample) * 1e3:6.0f} ms, {len(sample)} kernels", flush=True)
    made, seconds = _lowered(kernels, LEVELS)
    print(f"{','.join(LEVELS):17} {seconds / len(kernels) * 1e3:6.0f} ms, {len(kernels)} kernels", flush=True)
    refused = [complaint for record in made for complaint in refusals(record)]
    print(f"{len(made)} of {len(kernels)} kernels have all levels; refused by ptxas or LLVM: {len(refused)}")
    for complaint in refused[:10]:
        print(f"    {complaint}")
    return 1 if refused or len(made) < len(kernels) else 0


def _kernels(root: Path) -> Iterator[Kernel]:
    return (k for k in Datasets(root).kernels() if k.cpu and k.cuda and compiled(k))


def _lowered(kernels: list[Kernel], levels: tuple[str, ...]) -> tuple[list[Record], float]:
    """The records of the view `ladder`, and seconds of processor time."""
    before = cpu_seconds()
    made = list(ladder(levels).records(iter(kernels)))
    return made, cpu_seconds() - before


def refusals(record: Record) -> Iterator[str]:
    """What the assembler says against the PTX, and LLVM against its IR."""
    with tempfile.TemporaryDirectory(prefix="warpgen-levels-") as name:
        source = Path(name, "kernel.ptx")
        source.write_text(record["ptx"], encoding="utf-8")
        command = [str(machine_cuda.tool("ptxas")), "-arch=sm_90", str(source), "-o", f"{source}.cubin"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        if done.returncode:
            yield f"{record['id']}: ptxas: {done.stderr.strip().splitlines()[:1]}"
    try:
        machine_cpu.binding().parse_assembly(record["llvm"]).verify()
    except RuntimeError as error:
        yield f"{record['id']}: LLVM: {error}"


if __name__ == "__main__":
    sys.exit(main())
