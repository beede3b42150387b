"""A small part of each dataset that can be kept with the code: its rows evenly spread, byte for byte."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from warpgen import durable, places
from warpgen.command import Parser, call
from warpgen.jsonl import rows
from warpgen.record import Target
from warpgen.reporting import finished

ROWS = 10  # a person reads no more, and a row is 55 kB


def sample_path(out: Path, target: Target) -> Path:
    """Where the sample of a target lies under a folder."""
    return out / "data" / "samples" / f"{target}_sample.jsonl"


def write_sample(root: Path, out: Path, target: Target, count: int = ROWS) -> Path:
    """Write `count` rows of the dataset under `root`, or all where it has fewer, under `out`.

    Returns the path. Raises RootError where manifest or dataset is missing, DamageError where one is damaged.
    """
    manifest = finished.described(root, (target,))[target]
    total = manifest.figures.rows
    count = min(count, total)
    places = {k * total // count for k in range(count)}
    dataset = finished.path_of(root, manifest, whole=True)
    chosen = [line for place, (line, _) in enumerate(rows(dataset, msgspec.Raw)) if place in places]
    path = sample_path(out, target)
    durable.make_folder(path.parent)
    durable.write(path, b"".join(chosen))
    return path


def main(argv: Sequence[str] | None = None) -> int:
    """Write the samples of all finished datasets under a root; returns the exit code."""
    parser = Parser("reporting.sample", f"Take {ROWS} rows of each finished dataset into data/samples/.")
    parser.add_argument("root", type=places.local, help="folder that holds manifests/ and data/")
    parser.add_argument("--out", type=Path, required=True, help="folder to write data/samples/ in")
    args = parser.parse_args(argv)
    root = args.root
    for target in finished.described(root):
        print(f"wrote {write_sample(root, args.out, target)}")
    return 0


if __name__ == "__main__":
    call(main)
