"""`python -m warpgen.evaluate`: how many tasks of warpbench a model's completions pass, by the judge."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from warpgen import durable
from warpgen.command import Parser, call, folder, natural, positive
from warpgen.errors import UsageError

if TYPE_CHECKING:
    from warpgen.warpbench.frozen import Task
    from warpgen.warpbench.scoring import Completion

_BASELINES = ("empty", "nearest", "lowering", "reference")


def parser() -> Parser:
    """The options of `warpgen evaluate`."""
    made = Parser(
        "evaluate",
        "Judge completions of the 300 tasks of warpbench, on the CPU, and print pass@k by kind of task.",
        "docs/warpbench.md says what the tasks are and what the baselines score.",
    )
    made.add_argument(
        "completions",
        type=Path,
        nargs="?",
        help='lines of {"task_id": …, "completion": …}, any number a task',
    )
    made.add_argument("--write", type=Path, metavar="FILE", help="write the tasks' ids and prompts, and end")
    made.add_argument("--baseline", choices=_BASELINES, help="judge answers that need no model")
    made.add_argument("--train", type=Path, metavar="DATASET", help="what the baseline nearest copies from")
    made.add_argument("--sample", type=natural, default=0, metavar="N", help="only N tasks, 0 for all (0)")
    made.add_argument("--k", type=_ks, default=(1, 10), metavar="K,...", help="the k of pass@k (1,10)")
    made.add_argument("--seed", type=natural, help="of the judge's draws (a secret one)")
    made.add_argument("--workers", type=positive, help="processes that judge (as many as processors)")
    made.add_argument("--timeout", type=positive, default=60, help="seconds that a check may take (60)")
    made.add_argument("--tasks", type=Path, metavar="FILE", help="other tasks than warpbench's own")
    made.add_argument("--out", type=folder, help="folder for results.jsonl and the page report.md")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Judge, print the table and write the page; returns the exit code."""
    args = parser().parse_args(argv)
    if sum(given is not None for given in (args.completions, args.write, args.baseline)) != 1:
        raise UsageError("name a file of completions, or --baseline, or --write")
    from warpgen.warpbench import frozen

    tasks = frozen.tasks(args.tasks, "") if args.tasks else frozen.tasks()
    tasks = frozen.sample(tasks, args.sample)
    if args.write:
        lines = [{"task_id": task.id, "kind": task.kind, "prompt": task.prompt} for task in tasks]
        durable.write(args.write, b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
        print(f"{args.write}: {len(lines)} tasks")
        return 0
    _judge(args, tasks, _given(args, tasks))
    return 0


def _given(args: argparse.Namespace, tasks: list[Task]) -> list[Completion]:
    from warpgen.warpbench import baselines, scoring

    if args.baseline:
        return baselines.answers(args.baseline, tasks, args.train)
    return scoring.completions(args.completions, tasks)


def _judge(args: argparse.Namespace, tasks: list[Task], given: list[Completion]) -> None:
    from warpgen.warpbench import report, scoring, statistics

    results = []
    with scoring.judge_of(tasks, args.workers, args.timeout) as judge:
        for result in scoring.score(tasks, given, judge, args.seed):
            results.append(result)
            if len(results) % 20 == 0:
                right = sum(one.right for one in results)
                print(f"{len(results)} of {len(given)} judged, {right} right", flush=True)
    lines = statistics.lines(tasks, results, args.k)
    print(report.table(lines))
    if args.out is not None:
        args.out.mkdir(parents=True, exist_ok=True)
        said = b"".join(msgspec.json.encode(result) + b"\n" for result in results)
        durable.write(args.out / "results.jsonl", said)
        name = args.baseline or args.completions.name
        about = f"{len(given)} answers to {len(tasks)} tasks of warpbench; intervals are of 95 %."
        durable.write(args.out / "report.md", report.page(name, lines, results, about).encode())
        print(args.out / "report.md")


def _ks(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if not all(part.isdecimal() and 0 < int(part) < 10**6 for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of whole numbers above zero, as 1,10")
    return tuple(sorted({int(part) for part in parts}))


if __name__ == "__main__":
    call(main)
