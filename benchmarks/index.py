"""The time and memory of the dedup index in a simulated merge of row hashes, whole and in parts by prefix.

One key in fifty repeats an earlier one, half of them its source too; the verdicts are counted and compared.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
import numpy.typing as npt

from benchmarks._usage import peak
from warpgen.production.state.dedup import KEY, NEW, SOURCE, STRUCTURE, Index

_BLOCK = 100_000  # keys drawn at a time
_EVERY = 50  # one key of so many is a repeat

Keys = npt.NDArray[np.uint8]


def main() -> int:
    """Run one simulation and print its figures; 1 when a verdict is wrong."""
    parser = argparse.ArgumentParser(prog="./scripts/bench index", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, help="row hashes (10000000)")
    parser.add_argument("--batch", type=int, default=65_536, help="keys handed over at once (65536)")
    parser.add_argument("--parts", type=int, default=1, help="parts by prefix; the first is measured (1)")
    args = parser.parse_args()
    index = Index(args.parts)
    before = peak() >> 20
    seconds, handed = 0.0, 0
    found = np.zeros(3, np.int64)
    wanted = np.zeros(3, np.int64)
    for block in range(args.rows // _BLOCK):
        keys, verdicts = _keys(block)
        prefix = keys[:, :4].copy().view(">u4")[:, 0].astype(np.uint64)
        mine = prefix * np.uint64(args.parts) >> np.uint64(32) == 0  # as `part_of`, for many
        keys, verdicts = keys[mine], verdicts[mine]
        wanted += np.bincount(verdicts, minlength=3)
        handed += len(keys)
        for place in range(0, len(keys), args.batch):
            batch = keys[place : place + args.batch].tobytes()
            began = time.process_time()
            answer = index.add(batch)
            seconds += time.process_time() - began
            found += np.bincount(np.frombuffer(answer, np.uint8), minlength=3)
    print(
        f"{handed} row hashes in batches of {args.batch}: {seconds:.2f} s of CPU time, "
        f"{handed / seconds / 1e6:.2f} million rows/s\n"
        f"peak memory {peak() >> 20} MiB, of which {before} MiB before the first; "
        f"{index.nbytes / max(len(index), 1):.1f} bytes a row kept\n"
        f"new {found[NEW]}, same source {found[SOURCE]}, same structure {found[STRUCTURE]}"
    )
    return int((found != wanted).any())


def _keys(block: int) -> tuple[Keys, npt.NDArray[np.uint8]]:
    """The keys of one block and the verdicts that are right for them."""
    keys = _fresh(block)
    verdicts = np.full(_BLOCK, NEW, np.uint8)
    if block:
        # Repeats of keys that an earlier block had fresh, each of another one.
        place = np.arange(0, _BLOCK, _EVERY)
        keys[place] = _fresh((block * 7919) % block)[place + 1 + block % (_EVERY - 1)]
        verdicts[place] = SOURCE
        other = place[::2]
        keys[other, 10] ^= 0xFF  # a byte of the source
        verdicts[other] = STRUCTURE
    return keys, verdicts


def _fresh(block: int) -> Keys:
    draw = np.random.Generator(np.random.SFC64(block))
    return np.frombuffer(draw.bytes(_BLOCK * KEY), np.uint8).reshape(-1, KEY).copy()


if __name__ == "__main__":
    sys.exit(main())
