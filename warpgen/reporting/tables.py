"""A manifest as tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from warpgen.reasons import sentence
from warpgen.reporting.manifest import Manifest, causes
from warpgen.reporting.survey import BUCKETS, Spread
from warpgen.terminal import bar, compact, percent, printable, size_text, skyline

if TYPE_CHECKING:
    from warpgen.reporting.bars import Line

MOST_USED = 15  # lines of a long table that are shown; the manifest and --json hold all


def manifest_tables(manifest: Manifest) -> RenderableType:
    """Everything a person wants to know of one dataset, most important first."""
    figures = manifest.figures
    parts: list[RenderableType] = [
        Text(f"\n{manifest.file}", style="bold cyan"),
        _facts(manifest),
        _categories(manifest),
        _spreads("size of a row's parts", figures.sizes, sizes=True),
        _spreads("what a kernel contains", figures.features, sizes=False),
        _counts("builtins", figures.called, figures.rows),
        _counts("element types of arguments", figures.dtypes, figures.rows),
    ]
    if figures.verdicts:
        parts.append(_verdicts(figures.verdicts, figures.rows))
    if any((*manifest.dropped.values(), *manifest.refused.values(), manifest.failures)):
        parts.append(_left_out(manifest))
    return Group(*parts)


def bar_table(title: str, lines: Sequence[Line]) -> Table:
    """The quality figures beside their bars."""
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", title_style="bold")
    for name in ("figure", "bar", "measured", ""):
        table.add_column(name)
    for line in lines:
        table.add_row(
            line.figure, line.bar, line.measured, Text("holds") if line.holds else Text("misses", "red")
        )
    return table


def _facts(manifest: Manifest) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, value in _fact_lines(manifest):
        table.add_row(Text(name, style="dim"), Text(printable(value)))
    return table


def _fact_lines(manifest: Manifest) -> Iterator[tuple[str, str]]:
    figures, how = manifest.figures, manifest.circumstances
    yield "rows", f"{figures.rows:,} ({figures.structures:,} different structures)"
    yield "size", f"{size_text(figures.bytes)} ({figures.bytes:,} bytes)"
    yield "generated code", size_text(figures.sizes["code"].total)
    yield "Python", size_text(figures.sizes["python"].total)
    yield "with adjoint", f"{figures.with_backward:,} ({percent(figures.adjoint_share)})"
    yield "SHA-256", figures.sha256
    yield "xxh3-128", figures.xxh3_128
    yield "recipe", manifest.recipe_hash
    yield "verified", manifest.recipe.verify
    yield "splits", ", ".join(f"{name} {rows:,}" for name, rows in figures.splits.items())
    yield "made with", f"warpgen {manifest.recipe.warpgen}, Warp {manifest.recipe.warp}"
    yield "made in", f"{how.wall_seconds:,.0f} s by {how.workers} workers ({how.engine}) on {how.machine}"
    yield "make again", manifest.command


def _categories(manifest: Manifest) -> Table:
    figures = manifest.figures
    table = Table(box=SIMPLE_HEAD, title="categories", title_justify="left", title_style="bold")
    table.add_column("category")
    for name in ("rows", "share", "size"):
        table.add_column(name, justify="right")
    table.add_column("")
    largest = max((share.rows for share in figures.categories.values()), default=0)
    for name, share in sorted(figures.categories.items(), key=lambda item: (-item[1].rows, item[0])):
        table.add_row(
            Text(printable(name)),
            f"{share.rows:,}",
            _percent(share.rows, figures.rows),
            size_text(share.bytes),
            bar(share.rows, largest),
        )
    return table


def _spreads(title: str, spreads: Mapping[str, Spread], sizes: bool) -> Table:
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", title_style="bold")
    table.add_column("")
    for name in ("median", "95 %", "most", "total"):
        table.add_column(name, justify="right")
    table.add_column("rows by half octave")
    for name, spread in spreads.items():
        numbers = (spread.p50, spread.p95, spread.max, spread.total)
        shown = [size_text(n) if sizes else f"{n:,}" for n in numbers]
        table.add_row(name.replace("_", " "), *shown, _skyline(spread))
    return table


def _skyline(spread: Spread) -> str:
    """The histogram between the least values of its first and its last bucket, gaps left open."""
    if not spread.histogram:
        return ""
    first, last = min(spread.histogram), max(spread.histogram)
    buckets = [low for low in BUCKETS if first <= low <= last]
    heights = skyline(spread.histogram.get(low, 0) for low in buckets)
    return f"{compact(first)} {heights} {compact(last)}"


def _counts(name: str, counts: Mapping[str, int], rows: int) -> Table:
    """The most used and, in the title, how many there are."""
    table = Table(
        box=SIMPLE_HEAD,
        title=f"{len(counts)} {name}, the most used",
        title_justify="left",
        title_style="bold",
    )
    table.add_column("name")
    table.add_column("rows", justify="right")
    table.add_column("share", justify="right")
    table.add_column("")
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_USED]
    for key, count in ordered:
        table.add_row(Text(printable(key)), f"{count:,}", _percent(count, rows), bar(count, ordered[0][1]))
    return table


def _verdicts(verdicts: Mapping[str, Mapping[str, int]], rows: int) -> Table:
    table = Table(box=SIMPLE_HEAD, title="checks", title_justify="left", title_style="bold")
    for name in ("check", "verdict"):
        table.add_column(name)
    for name in ("rows", "share"):
        table.add_column(name, justify="right")
    for check, counts in verdicts.items():
        for verdict, count in counts.items():
            table.add_row(
                Text(printable(check)), Text(printable(verdict)), f"{count:,}", _percent(count, rows)
            )
    return table


def _left_out(manifest: Manifest) -> Table:
    table = Table(
        box=SIMPLE_HEAD, title="programs that gave no row", title_justify="left", title_style="bold"
    )
    table.add_column("kind")
    table.add_column("reason")
    table.add_column("programs", justify="right")
    table.add_column("what that says")
    for kind, reasons in manifest.dropped.items():
        for reason, count in reasons.items():
            table.add_row(Text(printable(kind)), Text(printable(reason)), f"{count:,}", sentence(reason))
    for kind, words in manifest.refused.items():
        for word, count in words.items():
            table.add_row(f"failed: {printable(kind)}", Text(printable(word)), f"{count:,}", sentence(word))
    for cause, count in causes(manifest.failures).items():
        where = f"docs/warp_faults.md, {cause.replace('+', ' or ')}"
        table.add_row("of these, caused by", Text(printable(cause)), f"{count:,}", Text(printable(where)))
    for failure in manifest.failures[:MOST_USED]:
        table.add_row(f"failed: {failure.reason}", Text(printable(failure.error)), f"index {failure.index}")
    if len(manifest.failures) > MOST_USED:
        table.add_row("failed", "more, all in the manifest", f"{len(manifest.failures) - MOST_USED:,}")
    return table


def _percent(part: int, whole: int) -> str:
    return percent(part / whole) if whole else "-"
