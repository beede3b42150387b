"""Run one measurement, or list them all; alone, make docs/performance.md again."""

from __future__ import annotations

import importlib
import runpy
import sys

# Each has a first line of its docstring that says what is measured.
_NAMES = ("index", "judge", "levels", "speed")
# All that docs/performance.md shows.
_PAGE = "speed --page --memory 19200 --growth 8MiB 64MiB 512MiB".split()


def main() -> int:
    """Hand the other arguments on to the measurement that the first one names; alone, make the page again."""
    if not sys.argv[1:]:
        sys.argv[1:] = _PAGE
    if sys.argv[1:2] and sys.argv[1] in _NAMES:
        name = sys.argv.pop(1)
        runpy.run_module(f"benchmarks.{name}", run_name="__main__")
        return 0
    print("./scripts/bench writes docs/performance.md; ./scripts/bench NAME [--help] measures")
    for name in _NAMES:
        about = importlib.import_module(f"benchmarks.{name}").__doc__ or ""
        print(f"    {name:8}{about.splitlines()[0]}")
    return 0 if sys.argv[1] in ("-h", "--help") else 2


if __name__ == "__main__":
    sys.exit(main())
