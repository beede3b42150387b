"""Run the scripts of faults/ with older versions of Warp and write faults/measured.json.

Each version is installed alone into a folder that goes before the checkout's packages; nothing else is
installed or changed. What a script prints last is kept, or the last line of its error.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from warpgen.extraction.versions import warp_version

FAULTS = Path(__file__).resolve().parents[1] / "faults"
MEASURED = FAULTS / "measured.json"
VERSIONS = tuple(f"1.{minor}.0" for minor in range(10, 19))
_PATIENCE = 600  # seconds for a script; the first of a version compiles Warp's headers

# By version and script: the exit code, and the line that says what came out.
Measured = dict[str, dict[str, tuple[int, str]]]


def main() -> int:
    """Install, run, write after each version; 1 where one could not be installed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("versions", nargs="*", help="of Warp (1.10.0 to the one that is used)")
    parser.add_argument("--only", default="", help="scripts whose names begin so, as 24; others stay as told")
    parser.add_argument("--folder", type=Path, help="where versions are kept (a temporary one)")
    args = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="warpgen-bisect-") as temporary:
        folder = args.folder or Path(temporary)
        for version in args.versions or (warp_version(), *VERSIONS):
            place = folder / version
            if version != warp_version() and not _installed(version, place):
                print(f"{version}: cannot be installed", flush=True)
                failed += 1
                continue
            told = {script.stem: run(script, place, folder / "cache") for script in scripts(args.only)}
            _write(version, told)
            there = sum(code == 1 for code, _ in told.values())
            print(f"{version}: {there} of {len(told)} faults", flush=True)
    return 1 if failed else 0


def scripts(begin: str = "") -> list[Path]:
    """The scripts of the ledger whose names begin so, in its order."""
    return sorted(path for path in FAULTS.glob("[0-9][0-9]-*.py") if path.name.startswith(begin))


def run(script: Path, packages: Path, cache: Path) -> tuple[int, str]:
    """Exit code and what was said last, with the packages of a folder before those of the checkout."""
    environment = os.environ | {"PYTHONPATH": str(packages), "WARP_CACHE_PATH": str(cache)}
    done = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, text=True, timeout=_PATIENCE
    )
    said = [line for line in done.stdout.splitlines() if line.startswith("expected ")]
    if said:
        return done.returncode, said[-1]
    errors = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
    return 2, errors[-1][:200]


def _installed(version: str, place: Path) -> bool:
    if (place / "warp").is_dir():
        return True
    words = ["install", "--quiet", "--no-deps", "--target", str(place), f"warp-lang=={version}"]
    return subprocess.run([sys.executable, "-m", "pip", *words], check=False).returncode == 0


def read() -> Measured:
    """What was measured so far."""
    return dict(json.loads(MEASURED.read_text())) if MEASURED.exists() else {}


def _write(version: str, told: dict[str, tuple[int, str]]) -> None:
    measured = read()
    made = measured | {version: dict(sorted((measured.get(version, {}) | told).items()))}
    order = sorted(made, key=lambda name: tuple(map(int, name.split("."))))
    MEASURED.write_text(json.dumps({name: made[name] for name in order}, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
