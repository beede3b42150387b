"""What Warp itself writes for programs that lie as files: run as a script, knows nothing of warpgen.

    python warp_reference.py FOLDER

For every FOLDER/NAME/kernel.py, FOLDER/NAME/cpu.txt becomes the `.cpp` of Warp's kernel cache after
`wp.load_module(device="cpu")` and cuda.txt the `.cu` of `wp.compile_aot_module`. Each program has a
process to itself, so that none can see what another left behind.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

import warp as wp


def write_reference(folder: Path) -> None:
    wp.config.kernel_cache_dir = str(folder / "cache")
    (folder / "cache").mkdir()
    tempfile.tempdir = str(folder)  # for what Warp would remove when a process ends by itself
    spec = importlib.util.spec_from_file_location(f"reference_{folder.name}", folder / "kernel.py")
    assert spec is not None and spec.loader is not None
    python = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = python
    spec.loader.exec_module(python)
    kernel = python.__dict__[(folder / "name").read_text()]
    with contextlib.suppress(Exception):  # the empty object does not load
        wp.load_module(kernel.module, device="cpu", block_dim=1)  # as launches on the CPU ask for
    (text,) = (folder / "cache").rglob("*.cpp")
    (folder / "cpu.txt").write_text(text.read_text())
    wp.compile_aot_module(kernel.module, arch=90, module_dir=folder / "aot", use_ptx=True)
    (text,) = (folder / "aot").rglob("*.cu")
    (folder / "cuda.txt").write_text(text.read_text())


def _no_cpu(output: str, source: str, **_: Any) -> None:
    Path(output).touch()


def _no_cuda(source: str, arch: int, output: str, **_: Any) -> None:
    Path(output).touch()


def main(root: Path) -> None:
    # The text is on disk before the compilers run: they are left out, as one kernel takes them seconds.
    wp._src.build.build_cpu, wp._src.build.build_cuda = _no_cpu, _no_cuda
    # MathDx would spend minutes on link-time code; warpgen leaves it out, too.
    wp.config.enable_mathdx_gemm = wp.config.enable_mathdx_solver = wp.config.enable_mathdx_fft = False
    wp.init()
    for folder in sorted(root.iterdir()):
        child = os.fork()
        if child == 0:
            try:
                write_reference(folder)
            except Exception:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status:
            sys.exit(f"{folder.name} failed")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
