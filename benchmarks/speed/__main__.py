"""Measure in rounds, side by side in time, and print the table."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import benchmarks.speed
from benchmarks.speed import against, page
from benchmarks.speed.processes import part, run, seconds_of
from warpgen.recipe import UNIT_SIZE


def main() -> int:
    """Print the table, or the figures as JSON; with --page, write them into the documentation."""
    args = _arguments()
    figures: dict[str, Any] = {"machine": _machine(), "load": os.getloadavg()[0] / (os.cpu_count() or 1)}
    if args.against:
        with against.checkout(args.against):
            pass  # an unknown commit is to be told now
    for number in range(args.repeat):
        _say(f"round {number + 1} of {args.repeat}")
        _round(args, figures)
    _say("verification levels, merge, stages and statistics")
    _rest(args, figures)
    if args.against:
        _say(f"beside {args.against}")
        figures["against"] = against.compare(args.against, args.against_rows, args.repeat)
    table = _table(figures)
    print(json.dumps(figures) if args.json else table)
    if args.against and not args.json:
        print(f"\n{against.table(figures['against'])}")
    if args.page:
        page.write(figures, table, Path(__file__).resolve().parents[2])
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./scripts/bench speed", description=benchmarks.speed.__doc__)
    parser.add_argument("--size", default="32MiB", help="size of each file of the runs (32MiB)")
    parser.add_argument("--repeat", type=int, default=5, help="rounds; the table shows medians (5)")
    parser.add_argument("--merge", type=int, default=500, help="MB of each file in the merge alone (500)")
    parser.add_argument(
        "--verify-programs", type=int, default=128, help="programs per verification level; 0: none (128)"
    )
    parser.add_argument(
        "--growth", nargs="*", default=["8MiB", "64MiB"], metavar="SIZE", help="sizes to compare (8MiB 64MiB)"
    )
    parser.add_argument(
        "--memory", type=int, default=0, metavar="PROGRAMS", help="also one worker's memory over so many (0)"
    )
    parser.add_argument("--against", metavar="COMMIT", help="also run an older commit beside this one")
    parser.add_argument(
        "--against-rows", type=int, default=128, metavar="ROWS", help="rows of each run beside it (128)"
    )
    parser.add_argument("--page", action="store_true", help="write docs/performance.md and its picture")
    parser.add_argument("--json", action="store_true", help="print figures for machines")
    return parser.parse_args()


def _round(args: argparse.Namespace, figures: dict[str, Any]) -> None:
    """Everything that is compared with each other, side by side in time."""
    recipe = ["--target", "both", "--size", args.size, "--verify", "none", "--overwrite"]
    two = run([*recipe, "--workers", "2"])
    programs = two.programs
    floor, loop = part("floor", programs), part("loop", programs)
    _keep(figures, "floor", floor["cpu"] / programs)
    _keep(figures, "loop", loop["cpu"] / programs)
    _keep(figures, "end", two.cpu / programs)
    _keep(figures, "end, stock", run([*recipe, "--workers", "2", "--stock-codegen"]).cpu / programs)
    _keep(figures, "share", two.coordinator / two.cpu)
    _keep(figures, "wall, 2 workers", two.wall)
    _keep(figures, "first row", two.first_row)
    for workers in sorted({1, os.cpu_count() or 1} - {2}):
        _keep(figures, f"wall, {workers} workers", run([*recipe, "--workers", str(workers)]).wall)
    figures["programs"], figures["rows"], figures["bytes"] = programs, two.rows, two.bytes
    figures["memory"] = two.memory
    _keep(figures, "coordinator memory", max(coordinator for _, coordinator, _ in two.memory))
    _keep(figures, "worker memory", max(worker for _, _, worker in two.memory))


def _rest(args: argparse.Namespace, figures: dict[str, Any]) -> None:
    """What stands for itself."""
    figures["stage programs"] = max(1, min(figures["programs"], 512) // UNIT_SIZE) * UNIT_SIZE
    figures["stages"] = part("stages", figures["stage programs"])
    figures["growth"] = [_grown(size) for size in args.growth]
    if args.memory:
        figures["one worker"] = part("memory", args.memory)
    figures["merge"] = part("merge", args.merge)
    if args.verify_programs:
        figures["verify"] = part("verification", args.verify_programs)
        figures["median size"] = figures["verify"].pop("median size")
    with tempfile.TemporaryDirectory(prefix="warpgen-bench-") as root:
        seconds_of(["warpgen.run", "--size", args.size, "--verify", "none", "--root", root])
        figures["stats"] = seconds_of(["warpgen.stats", "--root", root])
        figures["stats --check"] = seconds_of(["warpgen.stats", "--check", "--root", root])


def _grown(size: str) -> dict[str, Any]:
    made = run(["--target", "both", "--size", size, "--verify", "none", "--workers", "2"])
    return {
        "size": size,
        "programs": made.programs,
        "bytes": made.bytes,
        "wall": made.wall,
        "cpu": made.cpu,
        "coordinator memory": max(coordinator for _, coordinator, _ in made.memory),
        "worker memory": max(worker for _, _, worker in made.memory),
    }


def _keep(figures: dict[str, Any], name: str, value: float) -> None:
    figures.setdefault("rounds", {}).setdefault(name, []).append(value)


def _machine() -> dict[str, Any]:
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("warp-lang", "zstandard", "msgspec", "numpy")},
    }


def _cpu_name() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def _table(figures: dict[str, Any]) -> str:
    median = {name: statistics.median(values) for name, values in figures["rounds"].items()}
    lines = ["  ".join(f"{k} {v}" for k, v in figures["machine"].items()), ""]
    lines.append(
        f"{figures['programs']} programs, {figures['rows']} rows, {figures['bytes'] / 2**20:.0f} MiB"
    )
    lines += _rows(_speeds(figures, median))
    lines += ["", "CPU ms per program by stage, fast path on"]
    stages = figures["stages"]
    count = figures["stage programs"]
    lines += _rows([(name, f"{spent / count * 1e3:.2f}") for name, spent in stages.items()])
    if "verify" in figures:
        part_of = figures["median size"]
        lines += [
            "",
            "CPU ms by verification level, both targets: on average, and for a program of median size",
        ]
        lines += _rows(
            [(level, f"{s * 1e3:.1f}, {s * 1e3 * part_of:.1f}") for level, s in figures["verify"].items()]
        )
    if "one worker" in figures:
        rss = figures["one worker"]["rss"]
        lines += ["", "memory of one worker by programs made"]
        lines += _rows([(f"{n:,}", f"{mib:.0f} MiB") for n, mib in rss])
    lines += ["", "memory in MiB by seconds since the start: coordinator, largest worker"]
    memory = figures["memory"]
    shown = memory[:: max(1, len(memory) // 8)]
    lines += _rows([(f"{at:.1f}", f"{one:.0f}  {other:.0f}") for at, one, other in shown])
    return "\n".join(lines)


def _speeds(figures: dict[str, Any], median: dict[str, float]) -> list[tuple[str, str]]:
    merge, rounds = figures["merge"], figures["rounds"]
    table = [
        ("stock floor, CPU per program", _spread(rounds["floor"], 1e3, " ms")),
        ("end to end, CPU per program", _spread(rounds["end"], 1e3, " ms")),
        ("end to end with stock code generation", _spread(rounds["end, stock"], 1e3, " ms")),
        ("plain loop, CPU per program", _spread(rounds["loop"], 1e3, " ms")),
        ("stock floor / end to end", _ratio(rounds["floor"], rounds["end"])),
        ("plain loop / end to end", _ratio(rounds["loop"], rounds["end"])),
    ]
    table += [(name, _spread(values, 1, " s")) for name, values in rounds.items() if name.startswith("wall")]
    table += [
        ("throughput, 2 workers / 1", _ratio(rounds["wall, 1 workers"], rounds["wall, 2 workers"])),
        ("coordinator's share of CPU", f"{median['share'] * 100:.1f} %"),
        ("start to first row", f"{median['first row']:.1f} s"),
        ("merge alone", f"{merge['bytes'] / merge['wall'] / 1e6:.0f} MB/s"),
        ("merge alone, memory per row", f"{merge['grown'] / merge['rows']:.0f} bytes"),
        ("coordinator memory, most", f"{median['coordinator memory']:.0f} MiB"),
        ("worker memory, most", f"{median['worker memory']:.0f} MiB"),
        ("stats, stats --check", f"{figures['stats']:.1f} s, {figures['stats --check']:.1f} s"),
    ]
    return table


def _spread(values: list[float], times: float, unit: str) -> str:
    """The median, then the least and the greatest."""
    low, middle, high = (f"{v * times:.2f}" for v in (min(values), statistics.median(values), max(values)))
    return f"{middle}{unit} ({low} to {high})"


def _ratio(above: list[float], below: list[float]) -> str:
    """Of the two values of each round, which were measured side by side."""
    return _spread([a / b for a, b in zip(above, below, strict=True)], 1, "")


def _rows(pairs: list[tuple[str, str]]) -> list[str]:
    return [f"  {name:42} {value:>26}" for name, value in pairs]


if __name__ == "__main__":
    sys.exit(main())
