"""Feed every parser altered files for some seconds each, in a process of its own.

It may answer with a value or an error of its own, within ten seconds and within 500 MiB.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.support.fuzzing import PARSERS, fuzz_once

_MEMORY = 500 << 20  # bytes
_PATIENCE = 10  # seconds for one file


def main() -> int:
    """Print a line for each parser; 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="for each parser (60)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=PARSERS, help="this one")
    args = parser.parse_args()
    failed = 0
    for name in [args.only] if args.only else PARSERS:
        child = os.fork()
        if child == 0:
            _fuzz(name, args.seconds, args.seed)
        _, status, used = os.wait4(child, 0)
        failed += status != 0
        print(f"{name:<11} {'FAILED' if status else 'holds'}, at most {used.ru_maxrss >> 10} MiB", flush=True)
    return 1 if failed else 0


def _fuzz(name: str, seconds: float, seed: int) -> None:
    code = 1
    try:
        resource.setrlimit(resource.RLIMIT_AS, (_mapped() + _MEMORY, -1))
        draw = random.Random(f"{name} {seed}")
        end, count, taken = time.monotonic() + seconds, 0, 0
        with tempfile.TemporaryDirectory() as folder:
            while time.monotonic() < end:
                signal.alarm(_PATIENCE)
                taken += fuzz_once(PARSERS[name], Path(folder), draw)
                count += 1
        print(f"{name:<11} {count} files, {taken} of them taken as good", flush=True)
        code = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


def _mapped() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    sys.exit(main())
