"""NVRTC of the PyPI package nvidia-cuda-nvrtc, called directly: it can stop after the language checks.

Warp carries NVRTC too, but always goes on to PTX, which costs twenty times as much. The options
are Warp's own, so with `ptx` the text that comes out is the one Warp would get.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib.util
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from warpgen.errors import UsageError
from warpgen.extraction.versions import PINNED
from warpgen.verification.native.warp_native import WARP_FOLDER

_OPTIONS = (
    f"--include-path={os.path.join(WARP_FOLDER, 'native')}",
    "-pch",
    "--std=c++17",
    "--Ofast-compile=0",
    "--define-macro=NDEBUG",
    "--undefine-macro=WP_VERIFY_FP",
    "--define-macro=WP_ENABLE_MATHDX=1",
    "--fmad=true",
    "--device-as-default-execution-space",
    "--extra-device-vectorization",
    "--restrict",
    "--diag-suppress=177,550",
)
_LIBRARY = os.path.join("cu13", "lib", "libnvrtc.so.13")


@functools.cache
def library() -> ctypes.CDLL:
    """The package's library; raises UsageError where it is not installed."""
    found = importlib.util.find_spec("nvidia")
    for folder in (found.submodule_search_locations or []) if found else []:
        path = os.path.join(folder, _LIBRARY)
        if os.path.exists(path):
            return ctypes.CDLL(path)
    package = f"nvidia-cuda-nvrtc=={PINNED['nvidia-cuda-nvrtc']}"
    raise UsageError(f"NVRTC is not installed: run {shlex.quote(sys.executable)} -m pip install '{package}'")


def version() -> str:
    """Major and minor version of the library."""
    major, minor = ctypes.c_int(), ctypes.c_int()
    library().nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
    return f"{major.value}.{minor.value}"


def check(text: str, name: str, headers: Path, *, cubin: bool = False) -> tuple[bool, str]:
    """Whether NVRTC accepts a CUDA text, and its log; with `cubin`, down to machine code for sm_90."""
    ends = ("--gpu-architecture=compute_90", "--fdevice-syntax-only")
    with _compiled(text, name, headers, _MACHINE if cubin else ends) as program:
        return program.accepted, program.log()


def assemble(text: str, name: str, headers: Path) -> tuple[str, bytes, str]:
    """PTX, machine code for sm_90 and the assembler's report; raises ValueError with NVRTC's log."""
    with _compiled(text, name, headers, (*_MACHINE, "--ptxas-options=-v")) as program:
        if not program.accepted:
            raise ValueError(program.log())
        return program.output("PTX").rstrip(b"\0").decode(), program.output("CUBIN"), program.log()


_MACHINE = ("--gpu-architecture=sm_90",)


class _Program(NamedTuple):
    """A program that NVRTC has compiled, or refused."""

    nvrtc: ctypes.CDLL
    handle: ctypes.c_void_p
    accepted: bool

    def log(self) -> str:
        return self.output("ProgramLog").rstrip(b"\0").decode(errors="replace")

    def output(self, what: str) -> bytes:
        size = ctypes.c_size_t()
        getattr(self.nvrtc, f"nvrtcGet{what}Size")(self.handle, ctypes.byref(size))
        data = ctypes.create_string_buffer(max(size.value, 1))
        getattr(self.nvrtc, f"nvrtcGet{what}")(self.handle, data)
        return data.raw[: size.value]


@contextlib.contextmanager
def _compiled(text: str, name: str, headers: Path, ends: Sequence[str]) -> Iterator[_Program]:
    nvrtc = library()
    handle = ctypes.c_void_p()
    # NVRTC looks for headers in the folder of the name first, without one in the current folder.
    source, path = text.encode(), os.fsencode(headers / name)
    if nvrtc.nvrtcCreateProgram(ctypes.byref(handle), source, path, 0, None, None) != 0:
        raise RuntimeError("NVRTC made no program")
    options = [*_OPTIONS, f"--pch-dir={headers}", *ends]
    array = (ctypes.c_char_p * len(options))(*[option.encode() for option in options])
    try:
        status = nvrtc.nvrtcCompileProgram(handle, len(options), array)
        yield _Program(nvrtc, handle, status == 0)
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(handle))
