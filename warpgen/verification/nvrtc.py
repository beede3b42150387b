"""NVRTC of the PyPI package nvidia-cuda-nvrtc, called directly: it can stop after the language checks.

Warp carries NVRTC too, but always goes on to PTX, which costs twenty times as much. The options
are Warp's own, so with `ptx` the text that comes out is the one Warp would get.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import os
from pathlib import Path

from warpgen.verification.warp_native import WARP_FOLDER

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
def library() -> ctypes.CDLL | None:
    """The package's library, None where it is not installed."""
    found = importlib.util.find_spec("nvidia")
    for folder in (found.submodule_search_locations or []) if found else []:
        path = os.path.join(folder, _LIBRARY)
        if os.path.exists(path):
            return ctypes.CDLL(path)
    return None


def version() -> str:
    """Major and minor version of the library, '' where it is not installed."""
    nvrtc = library()
    if nvrtc is None:
        return ""
    major, minor = ctypes.c_int(), ctypes.c_int()
    nvrtc.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
    return f"{major.value}.{minor.value}"


def check(text: str, name: str, headers: Path, *, cubin: bool = False) -> tuple[bool, str]:
    """Whether NVRTC accepts a CUDA text, and its log; with `cubin`, down to machine code for sm_90."""
    nvrtc = library()
    if nvrtc is None:
        raise RuntimeError("the package nvidia-cuda-nvrtc is not installed")
    program = ctypes.c_void_p()
    source = text.encode()
    if nvrtc.nvrtcCreateProgram(ctypes.byref(program), source, name.encode(), 0, None, None) != 0:
        raise RuntimeError("NVRTC made no program")
    ends = (
        ("--gpu-architecture=sm_90",) if cubin else ("--gpu-architecture=compute_90", "--fdevice-syntax-only")
    )
    options = [*_OPTIONS, f"--pch-dir={headers}", *ends]
    array = (ctypes.c_char_p * len(options))(*[option.encode() for option in options])
    try:
        status = nvrtc.nvrtcCompileProgram(program, len(options), array)
        size = ctypes.c_size_t()
        nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
        log = ctypes.create_string_buffer(max(size.value, 1))
        nvrtc.nvrtcGetProgramLog(program, log)
        return status == 0, log.value.decode(errors="replace")
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
