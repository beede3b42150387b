"""Are the packages here that all of warpgen is built on? Asked before anything imports one of them.

Kept to what any Python 3 reads: whoever calls warpgen by an old one is to see the sentence, too.
"""

from __future__ import annotations

import os
import shlex
import sys
from importlib.util import find_spec
from pathlib import Path

# What is imported -> what is installed for it, as pyproject.toml asks for it.
PACKAGES = {
    "warp": "warp-lang",
    "numpy": "numpy",
    "multiprocess": "multiprocess",
    "zstandard": "zstandard",
    "psutil": "psutil",
    "xxhash": "xxhash",
    "msgspec": "msgspec",
    "rich": "rich",
}

_READING = {"msgspec", "xxhash"}


def check() -> None:
    """Where a package is missing, leave a command with exit code 2 and one sentence on how to get it.

    An import, to which some are enough to read rows, raises ImportError with the same sentence.
    """
    missing = [package for name, package in PACKAGES.items() if find_spec(name) is None]
    is_command = sys.argv[0] == "-m"  # as long as `python -m` imports the package that a command stands in
    if not missing or not (is_command or _READING.intersection(missing)):
        return
    told = f"this Python lacks {_listed(missing)}: {_how_to_get(missing, is_command)}"
    if not is_command:
        raise ImportError(f"warpgen cannot be imported, as {told}")
    print(f"warpgen: {told}", file=sys.stderr)
    raise SystemExit(2)


def _how_to_get(missing: list[str], is_command: bool) -> str:
    wrapper = Path(__file__).resolve().parents[1] / "scripts" / "python"
    if not wrapper.exists():
        return f"run {shlex.quote(sys.executable or 'python')} -m pip install {' '.join(missing)}"
    call = "./scripts/python" if wrapper.parents[1] == Path(os.getcwd()) else shlex.quote(str(wrapper))
    command = getattr(sys, "orig_argv", [])[1:] if is_command else []
    words = " ".join(shlex.quote(word) for word in command)
    return f"run `{call} {words}`, which installs them first" if words else f"use {call}, which has them"


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
