"""Throughput, latency and memory of `warpgen.Judge`: rows with many candidates each, right and wrong ones.

Times are wall time but for the processor's; a quiet machine gives them. Memory is that of all workers, each
page counted once.
"""

from __future__ import annotations

import argparse
import collections
import itertools
import sys
import time
from collections.abc import Iterator

import numpy as np
import psutil

import warpgen
from warpgen.command import positive
from warpgen.judge import Candidate
from warpgen.verdict import Language

# A candidate that is wrong is the row's own text with one of these exchanged, the first that is there: in
# Python where it stands last, elsewhere where it stands first, before the adjoint.
_PYTHON = (" + ", " - "), (" - ", " + "), (" * ", " + "), ("wp.min(", "wp.max("), ("<", ">"), ("0", "1")
_NATIVE = (
    ("wp::add(", "wp::sub("), ("wp::sub(", "wp::add("), ("wp::mul(", "wp::add("), ("wp::min(", "wp::max("),
)  # fmt: skip


def main() -> int:
    """Print the figures; 1 where a row's own text is not right, or a wrong one has it die."""
    parser = argparse.ArgumentParser(prog="./scripts/bench judge", description=__doc__.split("\n\n")[0])
    parser.add_argument("path", help="a dataset, or the root of a run")
    parser.add_argument("--rows", type=positive, default=64, help="rows (64)")
    parser.add_argument("--candidates", type=positive, default=16, help="candidates of each row (16)")
    parser.add_argument("--workers", type=positive, default=2, help="processes that judge (2)")
    parser.add_argument("--cache", help="folder of the cache (the user's)")
    parser.add_argument("--rounds", type=positive, default=1, help="how often all of it (1)")
    args = parser.parse_args()
    with warpgen.Judge(args.path, workers=args.workers, cache=args.cache) as judge:
        ids = list(itertools.islice(judge.rows, args.rows))
        judge.check(ids[0], "def")  # the processes are up
        for number in range(args.rounds):
            wrong = _round(judge, ids, args.candidates, number)
    return int(wrong > 0)


def _round(judge: warpgen.Judge, ids: list[str], count: int, number: int) -> int:
    """Figures of one round; how many of the rows' own texts were not called right."""
    spent, began = _cpu(), time.monotonic()
    waiting: collections.deque[tuple[Candidate, float]] = collections.deque()

    def asked() -> Iterator[Candidate]:
        for id in ids:
            for candidate in _candidates(judge.rows.row(id), count):
                waiting.append((candidate, time.monotonic()))
                yield candidate

    stages: collections.Counter[str] = collections.Counter()
    seconds, missed = [], 0
    for verdict in judge.check_many(asked()):
        candidate, _ = waiting.popleft()
        stages[verdict.stage] += 1
        seconds.append(sum(verdict.seconds.values()))
        own = candidate.text in (
            judge.rows.row(candidate.row_id).python_source,
            judge.rows.row(candidate.row_id).code,
        )
        if own and not verdict.right:
            missed += 1
            what = f"its own {candidate.language} is not right"
            print(f"{candidate.row_id}: {what}: {verdict.stage} {verdict.why}")
    wall, cpu, checks = time.monotonic() - began, _cpu() - spent, len(seconds)
    p50, p95, most = np.quantile(seconds, (0.5, 0.95, 1.0))
    print(
        f"round {number + 1}: {checks} checks of {len(ids)} rows in {wall:.1f} s: {checks / wall:.2f} a "
        f"second, {cpu / checks:.3f} s of CPU time each; a check's own time: median {p50:.2f} s, "
        f"95 of 100 within {p95:.2f} s, longest {most:.2f} s; {_memory() / 2**20:.0f} MiB\n"
        f"    {', '.join(f'{stage} {n}' for stage, n in sorted(stages.items()))}",
        flush=True,
    )
    return missed


def _candidates(row: warpgen.Row, count: int) -> Iterator[Candidate]:
    """By turns: right in Python, right in C++, wrong in Python, wrong in C++; no two texts are alike.

    For a row in CUDA all are in CUDA.
    """
    native: Language = "cuda" if row.target == "cuda" else "cpp"
    for number in range(count):
        python = number % 2 == 0 and native == "cpp"
        text = row.python_source if python else row.code
        if number % 4 > 1:
            old, new = next((pair for pair in (_PYTHON if python else _NATIVE) if pair[0] in text), ("", ""))
            if old:
                head, _, tail = text.rpartition(old) if python else text.partition(old)
                text = f"{head}{new}{tail}"
        if number > 1:
            text += f"{'#' if python else '//'} {number}\n"
        yield Candidate(row.id, text, "python" if python else native)


def _cpu() -> float:
    """Processor time of all workers, and of what they have waited for."""
    spent = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        spent += times.user + times.system + times.children_user + times.children_system
    return spent


def _memory() -> int:
    """Bytes."""
    used = 0
    for process in psutil.Process().children(recursive=True):
        try:
            used += process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return used


if __name__ == "__main__":
    sys.exit(main())
