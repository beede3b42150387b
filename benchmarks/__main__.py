"""Run one measurement, or list them all."""

from __future__ import annotations

import importlib
import runpy
import sys

# Each has a first line of its docstring that says what is measured.
_NAMES = ("index", "judge", "levels", "speed")


def main() -> int:
    """Hand the other arguments on to the measurement that the first one names."""
    if sys.argv[1:2] and sys.argv[1] in _NAMES:
        name = sys.argv.pop(1)
        runpy.run_module(f"benchmarks.{name}", run_name="__main__")
        return 0
    print("./scripts/bench NAME [--help] measures")
    for name in _NAMES:
        about = importlib.import_module(f"benchmarks.{name}").__doc__ or ""
        print(f"    {name:8}{about.splitlines()[0]}")
    return 2 if sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
