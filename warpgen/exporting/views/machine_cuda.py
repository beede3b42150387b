"""From CUDA C++ to PTX and SASS for sm_90, without a GPU: NVRTC compiles, nvdisasm reads its machine code."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from warpgen.errors import UsageError
from warpgen.exporting.views.ptx import extract
from warpgen.verification.compiling import nvrtc
from warpgen.verification.compiling.translation_unit import TranslationUnit

DIRECTIONS = ("forward", "backward")

_SECONDS = 600  # of nvdisasm, which takes a tenth of a second per kernel

_ENTRY = re.compile(r"Compiling entry function '(\w+)'")
_FIGURES = {
    "stack_bytes": re.compile(r"(\d+) bytes stack frame"),
    "spill_stores": re.compile(r"(\d+) bytes spill stores"),
    "spill_loads": re.compile(r"(\d+) bytes spill loads"),
    "registers": re.compile(r"Used (\d+) registers"),
    "shared_bytes": re.compile(r"(\d+) bytes smem"),
}
_SECTION = re.compile(r"^//-+ \.text\.(\w+) -+\n(.*?)(?=^//-+ |\Z)", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"^\.text\.\w+:\n", re.MULTILINE)
_OFFSET = re.compile(r"/\*[0-9a-f]{4,}\*/ *")


class Usage(msgspec.Struct, frozen=True):
    """What one function takes of a multiprocessor; bytes and registers per thread, shared per block."""

    function: str  # forward or backward
    registers: int
    stack_bytes: int
    spill_stores: int
    spill_loads: int
    shared_bytes: int


class Lowered(msgspec.Struct, frozen=True):
    """One kernel, its forward and backward function."""

    ptx: str
    sass: str
    usage: tuple[Usage, ...]


def tool(name: str) -> Path:
    """A program of NVIDIA's PyPI packages; raises UsageError where it is not installed."""
    found = importlib.util.find_spec("nvidia")
    for folder in (found.submodule_search_locations or []) if found else []:
        path = Path(folder, "cu13", "bin", name)
        if path.is_file():
            return path
    package = "nvidia-cuda-" + {"ptxas": "nvcc"}.get(name, name)
    raise UsageError(f"this needs NVIDIA's {name}: run `python -m pip install '{package}>=13.4'`")


def lower(unit: TranslationUnit, workdir: Path, sass: bool) -> list[Lowered]:
    """The unit's kernels in order. Raises ValueError where NVRTC or its assembler refuses the unit."""
    headers = workdir / "cuda-headers"
    headers.mkdir(exist_ok=True)
    ptx, cubin, log = nvrtc.assemble(unit.text, "unit.cu", headers)
    usage = dict(usage_of(log))
    entries = [[f"{name}_cuda_kernel_{d}" for d in DIRECTIONS] for name in unit.names]
    listings = _disassembled(cubin, workdir) if sass else {}
    made = []
    for names, text in zip(entries, extract(ptx, entries), strict=True):
        listing = "\n".join(listings[name] for name in names if name in listings)
        made.append(Lowered(text, listing, tuple(usage[name] for name in names if name in usage)))
    return made


def usage_of(log: str) -> Iterator[tuple[str, Usage]]:
    """What the assembler says of every entry function, by its name."""
    parts = _ENTRY.split(log)
    for name, said in zip(parts[1::2], parts[2::2], strict=True):
        figures = {what: sum(map(int, pattern.findall(said)[:1])) for what, pattern in _FIGURES.items()}
        yield name, Usage(name.rsplit("_", 1)[1], **figures)


def _disassembled(cubin: bytes, workdir: Path) -> dict[str, str]:
    """Machine code by function: labels and instructions, without their places."""
    path = workdir / "unit.cubin"
    path.write_bytes(cubin)
    command: Sequence[str | os.PathLike[str]] = [tool("nvdisasm"), "-c", path]
    listing = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_SECONDS).stdout
    made = {}
    for section in _SECTION.finditer(listing):
        code = _CODE.split(section[2], maxsplit=1)[-1]
        lines = (_OFFSET.sub("", line).rstrip() for line in code.splitlines())
        made[section[1]] = f"{section[1]}:\n" + "".join(f"{line}\n" for line in lines if line)
    return made
