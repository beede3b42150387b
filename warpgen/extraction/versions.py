"""Is the Python and the Warp that runs here one that warpgen knows? Costs no import of Warp."""

from __future__ import annotations

import importlib.metadata
import sys

from warpgen.errors import UsageError

PYTHON_LEAST = (3, 10)
# Warp's internals move with every minor version; the requirement in pyproject.toml says the same.
WARP_LEAST, WARP_BELOW = (1, 19), (1, 20)


def check_versions() -> None:
    """Raise UsageError, naming what to install, if Python or Warp is missing, too old or too new."""
    if sys.version_info < PYTHON_LEAST:
        found = ".".join(map(str, sys.version_info[:3]))
        raise UsageError(f"Python {found} is too old: use Python {_dotted(PYTHON_LEAST)} or newer")
    wanted = f"warp-lang>={_dotted(WARP_LEAST)},<{_dotted(WARP_BELOW)}"
    found = warp_version()
    if not found:
        raise UsageError(f"Warp is not installed: run pip install '{wanted}'")
    numbers = tuple(int(part) for part in found.split(".")[:2])
    if not WARP_LEAST <= numbers < WARP_BELOW:
        age = "old" if numbers < WARP_LEAST else "new"
        raise UsageError(f"Warp {found} is too {age}: run pip install '{wanted}'")


def warp_version() -> str:
    """Version of the installed Warp, empty if there is none."""
    try:
        return importlib.metadata.version("warp-lang")
    except importlib.metadata.PackageNotFoundError:
        return ""


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
