"""Plots of the datasets as PNG files beside the report. The same manifests give the same bytes.

They need matplotlib, which the extra `plots` brings. Only `drawn` imports it.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warpgen import durable
from warpgen.record import Target
from warpgen.reporting.manifest import Manifest
from warpgen.reporting.survey import BUCKETS, Spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Manifests = Mapping[Target, Manifest]

_NAME: dict[Target, str] = {"cpu": "C++", "cuda": "CUDA C++"}
_COLOUR: dict[Target, str] = {"cpu": "#2d6cdf", "cuda": "#5c9e00"}
_SOFT, _LINE = "#5d6c7b", "#dfe5ea"
_TONES = {"pass": "#5c9e00", "not differentiable": "#b9c3cc", "unchecked": "#9aa7b4"}
_BAD = ("#d14343", "#e58a2b", "#8e44ad")

_SHAPES = ("statements", "loop_depth", "branches", "args", "python", "code")

_STYLE: Any = {
    "font.size": 9.0,
    "font.family": "DejaVu Sans",  # comes with matplotlib, so it is the same everywhere
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _SOFT,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "xtick.color": _SOFT,
    "ytick.color": _SOFT,
    "grid.color": _LINE,
    "legend.frameon": False,
}


def available() -> bool:
    """Whether plots can be drawn here."""
    return find_spec("matplotlib") is not None


def draw(manifests: Manifests, folder: Path) -> dict[str, str]:
    """Write the plots into `folder`; returns what each shows by file name."""
    import matplotlib

    shown = {}
    durable.make_folder(folder)
    with matplotlib.rc_context(_STYLE):
        for name, about, figure in _figures(manifests):
            file = io.BytesIO()
            # Without the version of matplotlib in the file, or two machines would differ by it alone.
            figure.savefig(file, format="png", dpi=110, metadata={"Software": None})
            durable.write(folder / f"{name}.png", file.getvalue())
            shown[f"{name}.png"] = about
    return shown


def _figures(manifests: Manifests) -> Iterator[tuple[str, str, Figure]]:
    yield "categories", "rows per category", _categories(manifests)
    yield "shapes", "what programs contain and how large they are", _shapes(manifests)
    yield "builtins", "how many rows call each builtin", _builtins(manifests)
    if any(manifest.figures.verdicts for manifest in manifests.values()):
        yield "verdicts", "what the checks found", _verdicts(manifests)
    if len(next(iter(manifests.values())).circumstances.moments) > 2:
        yield "throughput", "speed of the run over time", _throughput(manifests)


def _figure(height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(9, height), layout="constrained")


def _categories(manifests: Manifests) -> Figure:
    names = sorted({name for manifest in manifests.values() for name in manifest.figures.categories})
    first = next(iter(manifests.values())).figures.categories
    names.sort(key=lambda name: -first[name].rows if name in first else 0)
    figure = _figure(1.2 + 0.09 * len(names))
    columns = figure.subplots(1, 2, sharex=True)
    half = -(-len(names) // 2)
    for axes, part in zip(columns, (names[:half], names[half:]), strict=True):
        for place, (target, manifest) in enumerate(manifests.items()):
            shares = manifest.figures.categories
            rows = [shares[name].rows if name in shares else 0 for name in part]
            high = 0.8 / len(manifests)
            at = [k - 0.4 + (place + 0.5) * high for k in range(len(part))]
            axes.barh(at, rows, high * 0.9, color=_COLOUR[target], label=_NAME[target])
        axes.set_yticks(range(len(part)), part)
        axes.set_ylim(half - 0.4, -0.6)
        axes.grid(axis="x")
        axes.tick_params(length=0)
    columns[0].set_title("rows per category")
    columns[1].legend(loc="lower right")
    return figure


def _shapes(manifests: Manifests) -> Figure:
    figure = _figure(4.6)
    for axes, name in zip(figure.subplots(2, 3).flat, _SHAPES, strict=True):
        size = name in ("python", "code")
        spreads = {
            target: (manifest.figures.sizes if size else manifest.figures.features)[name]
            for target, manifest in manifests.items()
        }
        _histogram(axes, spreads, size)
        axes.set_title(
            {"python": "bytes of Python", "code": "bytes of code"}[name] if size else name.replace("_", " ")
        )
    figure.axes[1].legend()
    figure.supylabel("% of rows", color=_SOFT, fontsize=9)
    return figure


def _histogram(axes: Axes, spreads: Mapping[Target, Spread], size: bool) -> None:
    used = {low for spread in spreads.values() for low in spread.histogram}
    buckets = [low for low in BUCKETS if min(used, default=0) <= low <= max(used, default=0)]
    for place, (target, spread) in enumerate(spreads.items()):
        total = sum(spread.histogram.values()) or 1
        wide = 0.84 / len(spreads)
        at = [k - 0.42 + (place + 0.5) * wide for k in range(len(buckets))]
        shares = [100 * spread.histogram.get(low, 0) / total for low in buckets]
        axes.bar(at, shares, wide * 0.95, color=_COLOUR[target], label=_NAME[target])
    every = -(-len(buckets) // 7)
    places = range(0, len(buckets), every)
    axes.set_xticks(places, [_short(buckets[k]) if size else str(buckets[k]) for k in places])
    axes.grid(axis="y")
    axes.tick_params(length=0)


def _short(size: int) -> str:
    return f"{size}" if size < 1024 else f"{size / 1024:g}k"


def _builtins(manifests: Manifests) -> Figure:
    figure = _figure(3)
    axes = figure.subplots()
    for target, manifest in manifests.items():
        counts = sorted(manifest.figures.called.values(), reverse=True)
        axes.plot(range(1, len(counts) + 1), counts, color=_COLOUR[target], label=_NAME[target], linewidth=2)
    names = next(iter(manifests.values())).figures.called
    ordered = sorted(names, key=lambda name: (-names[name], name))
    axes.set_yscale("log")
    for place in sorted({0, *(len(ordered) * part // 6 for part in range(1, 6)), len(ordered) - 1}):
        if 0 <= place < len(ordered):
            axes.annotate(
                ordered[place],
                (place + 1, names[ordered[place]]),
                xytext=(4, 14 if place > len(ordered) * 0.9 else 6),
                textcoords="offset points",
                ha="right" if place > len(ordered) * 0.9 else "left",
                color=_SOFT,
            )
    axes.set_title("rows that call a builtin, from the commonest to the rarest", pad=14)
    axes.set_xlabel("builtins", color=_SOFT)
    axes.grid(axis="y")
    axes.legend(loc="upper right")
    return figure


def _verdicts(manifests: Manifests) -> Figure:
    checks = [
        (f"{_NAME[target]}: {check}", counts)
        for target, manifest in manifests.items()
        for check, counts in manifest.figures.verdicts.items()
    ]
    colours = dict(_TONES)
    for _, counts in checks:
        for name in counts:
            colours.setdefault(name, _BAD[(len(colours) - len(_TONES)) % len(_BAD)])
    figure = _figure(1 + 0.26 * len(checks))
    axes = figure.subplots()
    for place, (_, counts) in enumerate(checks):
        left, total = 0.0, sum(counts.values())
        for name in sorted(counts, key=list(colours).index):
            share = 100 * counts[name] / total
            axes.barh(place, share, 0.7, left=left, color=colours[name])
            left += share
    for name, colour in colours.items():
        if any(name in counts for _, counts in checks):
            axes.barh(0, 0, color=colour, label=name)
    axes.set_yticks(range(len(checks)), [name for name, _ in checks])
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_title("verdicts, % of rows")
    axes.tick_params(length=0)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def _throughput(manifests: Manifests) -> Figure:
    moments = next(iter(manifests.values())).circumstances.moments
    figure = _figure(2.4)
    axes = figure.subplots()
    seconds, speeds = [moments[0].seconds], []
    for before, after in itertools.pairwise(moments):
        if after.seconds > before.seconds:
            seconds.append(after.seconds)
            speeds.append((after.bytes - before.bytes) / 2**20 / (after.seconds - before.seconds))
    axes.stairs(speeds, seconds, fill=True, color=_COLOUR["cuda"], alpha=0.35)
    axes.stairs(speeds, seconds, color=_COLOUR["cuda"], linewidth=1.5)
    axes.set_title("MiB of rows per second, all datasets together")
    axes.set_xlabel("seconds", color=_SOFT)
    axes.set_xlim(0, max(seconds[-1], 0.1))  # a small run is over before a tenth of a second is
    axes.set_ylim(bottom=0)
    axes.grid(axis="y")
    return figure
