"""Copy rows of a dataset, alter some, each in another way, and hold that exactly those are named."""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.alterations import ALTERED, Change, Row, named
from tools.sampling import spread


def main() -> int:
    """Print what verify says and whether it is right; 1 if it is not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", type=Path, help="a .jsonl file with rows verified at level run")
    parser.add_argument("--sample", type=int, default=200, help="rows to copy, evenly spaced (200)")
    parser.add_argument("--workers", default="2", help="processes of verify (2)")
    args = parser.parse_args()
    rows = [json.loads(line) for line in spread(args.dataset, max(args.sample, len(ALTERED)))]
    if len(rows) < len(ALTERED):
        raise SystemExit(
            f"{args.dataset} has {len(rows)} rows, and each of {len(ALTERED)} alterations needs its own"
        )
    expected: dict[int, str] = {}
    for number, change in enumerate(ALTERED):
        line = _alter(rows, number * len(rows) // len(ALTERED), change, expected)
        expected[line] = change[2]
    with tempfile.TemporaryDirectory(prefix="warpgen-altered-") as folder:
        altered = Path(folder) / "altered.jsonl"
        altered.write_text("".join(json.dumps(row) + "\n" for row in rows))
        command = [sys.executable, "-m", "warpgen.verify", str(altered), "--workers", args.workers]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    print(done.stdout, end="")
    found = named(done.stdout)
    wrong = sorted(line for line in found.keys() | expected if found.get(line) != expected.get(line))
    for line in wrong:
        print(f"line {line}: {found.get(line, 'holds')}, expected {expected.get(line, 'holds')}")
    print(
        f"{len(expected)} rows of {len(rows)} altered: "
        + ("exactly those are named" if not wrong else "FAILED")
    )
    return 1 if wrong else 0


def _alter(rows: list[Row], start: int, change: Change, taken: dict[int, str]) -> int:
    """Alter the first row from `start` on that the change says anything to; the number of its line."""
    alter, value, _ = change
    for at in itertools.chain(range(start, len(rows)), range(start)):
        row = copy.deepcopy(rows[at])
        try:
            alter(row, value)
        except LookupError:
            continue
        if at + 1 not in taken and row != rows[at]:
            rows[at] = row
            return at + 1
    raise SystemExit(f"no row can be altered by {change}")


if __name__ == "__main__":
    sys.exit(main())
