"""Is the Python, Warp and NVRTC that runs here what datasets are made with? Costs no import of Warp.

What decides a byte is pinned here to one version, and pyproject.toml and requirements.txt say the same: Warp
writes every row's code, NVRTC judges the CUDA rows, and both stand in them. Older Warps are taken for who is
bound to one: the recipe names it, so their datasets are others. Of all other packages the version has no
influence.
"""

from __future__ import annotations

import importlib.metadata
import platform
import shlex
import sys
from collections.abc import Collection
from pathlib import Path

from warpgen.errors import UsageError

PYTHON_LEAST = (3, 10)
PINNED = {"warp-lang": "1.19.0", "nvidia-cuda-nvrtc": "13.4.92"}
OLDER_WARPS = ("1.17.0", "1.18.0")  # which `scripts/versions` holds to the same promises

# Of x86-64-v3, for which the objects of a run are compiled; any processor since 2015 has them.
INSTRUCTIONS = {"avx2", "bmi2", "f16c", "fma"}


def check_versions() -> None:
    """Raise UsageError, saying what to do, if this Python or its Warp would make other bytes than others."""
    if sys.version_info < PYTHON_LEAST:
        found = ".".join(map(str, sys.version_info[:3]))
        raise UsageError(f"Python {found} is too old: use Python {_dotted(PYTHON_LEAST)} or newer")
    if sys.flags.optimize > 1:  # what rows say of programs are the algorithms' docstrings
        raise UsageError(
            "Python runs without docstrings, which programs are made of: leave out -OO and PYTHONOPTIMIZE"
        )
    if warp_version() not in OLDER_WARPS:
        _check_pinned("warp-lang", "Warp")


def check_tools(targets: Collection[str], level: str) -> None:
    """Raise UsageError, saying what to do, if rows of these targets cannot be verified at this level here."""
    if level == "none":
        return
    runs = level == "run" or "cpu" in targets
    if sys.platform != "linux" or (runs and not (platform.machine() == "x86_64" and _has_instructions())):
        raise UsageError(
            "verification needs Linux on an x86-64 processor with AVX2: use such a machine, or --verify none"
        )
    if "cuda" in targets:
        _check_pinned("nvidia-cuda-nvrtc", "NVRTC")


def warp_version() -> str:
    """Version of the installed Warp, empty if there is none."""
    return _version("warp-lang")


def _check_pinned(package: str, name: str) -> None:
    wanted, found = PINNED[package], _version(package)
    if found != wanted:
        there = f"{name} {found} is installed" if found else f"{name} is not installed"
        python = shlex.quote(sys.executable)
        raise UsageError(
            f"{there}, and rows are made with {wanted}: run {python} -m pip install '{package}=={wanted}'"
        )


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _has_instructions() -> bool:
    """Whether the processor has what objects are compiled for; where nobody says, it is taken to have it."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True
    flags = next((line.split() for line in text.splitlines() if line.startswith("flags")), None)
    return flags is None or set(flags) >= INSTRUCTIONS


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
