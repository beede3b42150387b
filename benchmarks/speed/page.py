"""docs/performance.md and its plot, from the figures of one go of the benchmark."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from benchmarks.speed import against
from warpgen import durable

# Processes for each core that are ready to run when the benchmark begins, from which its times are in doubt.
_QUIET = 0.5

_PAGE = """\
# Performance

Measured by `./scripts/bench` in one go: medians of {repeat} rounds, with the least and the greatest. What is
compared ran side by side in time: the ratios hold on a noisy machine, the milliseconds are those of this one.
{load}
```
{table}
```

*Stock floor* is the CPU time of unmodified Warp for hash, build and text of both targets, over the same
programs. *End to end* is the CPU time of the whole run, all processes, divided by its programs: synthesis,
features, code generation, hashing, compression, merge, manifest and report. The *plain loop* imports files
of 50 kernels, builds each and dumps it with `json`. With `--stock-codegen` a run does without the fast path.
The coordinator's share is that of its own process, half of it for its start, with Warp for the workers to
share; the children that survey its finished files count with the workers.

{against}## How the cost grows

`--verify none`, both targets, {cores} workers.

{growth}

![CPU time per program by stage, and how it grows with the size](images/performance.png)

## How far one coordinator goes

A program takes {worker:.1f} ms of a worker and gives {kib:.0f} KiB of rows, both targets together. The
coordinator alone merges {merge:.0f} MB/s: it reads shards, checks their hashes, drops repeats and writes the
files. So one coordinator keeps {limit:.0f} cores busy at `--verify none`{verified}.

{cores_table}

Beyond that, [several roots and `python -m warpgen.merge`](scale.md) share the work out.
"""


def write(figures: dict[str, Any], table: str, root: Path) -> None:
    """Put the page and its picture under `root`/docs. The picture needs matplotlib."""
    (root / "docs" / "images").mkdir(parents=True, exist_ok=True)
    durable.write(root / "docs" / "images" / "performance.png", _plot(figures))
    durable.write(root / "docs" / "performance.md", _page(figures, table).encode())


def _page(figures: dict[str, Any], table: str) -> str:
    end, share = _median(figures, "end"), _median(figures, "share")
    worker = end * (1 - share)
    size = figures["bytes"] / figures["programs"]
    rate = figures["merge"]["bytes"] / figures["merge"]["wall"]
    limit = rate * worker / size
    levels = figures.get("verify", {})
    verified = f", and {rate * levels['run'] / size:,.0f} at `--verify run`" if "run" in levels else ""
    return _PAGE.format(
        repeat=len(figures["rounds"]["end"]),
        load=_load(figures["load"]),
        against=_against(figures.get("against")),
        table=table,
        cores=2,
        growth=_growth(figures["growth"]),
        worker=worker * 1e3,
        kib=size / 1024,
        merge=rate / 1e6,
        limit=limit,
        verified=verified,
        cores_table=_cores(worker, size, rate, levels.get("run")),
    )


def _load(load: float) -> str:
    """What to make of figures that were taken beside other work."""
    if load < _QUIET:
        return ""
    return (
        f"\nThe machine had other work ({load:.1f} processes waited for each core): take only the ratios.\n"
    )


def _against(compared: dict[str, Any] | None) -> str:
    if compared is None:
        return ""
    about = (
        f"The same recipe, {compared['rows']} rows of each target, by this commit and by that one in turn."
    )
    return f"## Beside {compared['commit']}\n\n{about}\n\n{against.table(compared)}\n\n"


def _growth(growth: list[dict[str, Any]]) -> str:
    lines = [
        "| size of each file | programs | wall | CPU | CPU per program | coordinator | worker |",
        "|---|---|---|---|---|---|---|",
    ]
    for run in growth:
        lines.append(
            f"| {run['size']} | {run['programs']:,} | {run['wall']:.1f} s | {run['cpu']:.1f} s "
            f"| {run['cpu'] / run['programs'] * 1e3:.1f} ms | {run['coordinator memory']:.0f} MiB "
            f"| {run['worker memory']:.0f} MiB |"
        )
    return "\n".join(lines)


def _cores(worker: float, size: float, rate: float, verified: float | None) -> str:
    """The arithmetic: what so many cores make, and how busy one coordinator is with it."""
    lines = [
        "| cores | level | made | coordinator busy | 200 MiB pair | 1 TB |",
        "|---|---|---|---|---|---|",
    ]
    for cores in (16, 64, 1000):
        for level, cost in (("none", worker), ("run", verified)):
            if cost is None:
                continue
            made = min(cores * size / cost, rate)
            lines.append(
                f"| {cores:,} | {level} | {made / 1e6:,.1f} MB/s | {made / rate:.0%} "
                f"| {2 * 200 * 2**20 / made:,.0f} s | {_time(1e12 / made)} |"
            )
    return "\n".join(lines)


def _time(seconds: float) -> str:
    return f"{seconds / 3600:,.1f} h" if seconds < 86400 * 2 else f"{seconds / 86400:,.1f} days"


def _median(figures: dict[str, Any], name: str) -> float:
    values = sorted(figures["rounds"][name])
    return float(values[len(values) // 2])


def _plot(figures: dict[str, Any]) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    stages = {name: spent for name, spent in figures["stages"].items() if name != "whole unit"}
    count = figures["stage programs"]
    left.barh(list(stages)[::-1], [v / count * 1e3 for v in stages.values()][::-1], color="#2d6cdf")
    left.axvline(_median(figures, "floor") * 1e3, color="#d14343", linestyle="--")
    left.text(_median(figures, "floor") * 1e3, 0, " stock floor", color="#d14343", fontsize=8, ha="right")
    left.set(xlabel="CPU ms per program", title="Where a worker's time goes")
    sizes = [run["bytes"] / 2**20 for run in figures["growth"]]
    costs = [run["cpu"] / run["programs"] * 1e3 for run in figures["growth"]]
    right.plot(sizes, costs, "o-", color="#2d6cdf")
    right.set(xscale="log", xlabel="MiB of rows, both files", ylabel="CPU ms per program", ylim=(0, None))
    right.set_title("The cost per program does not grow")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    out = io.BytesIO()
    figure.savefig(out, dpi=120, metadata={"Software": None})
    return out.getvalue()
