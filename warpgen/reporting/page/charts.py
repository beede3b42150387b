"""Charts as SVG text. Colours come from the page's style sheet, so that they follow light and dark."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from warpgen.reporting.survey import BUCKETS
from warpgen.terminal import compact

NARROW, _HEIGHT = 300, 112  # of a histogram's drawing area, in SVG units
WIDE = 860  # of a chart that takes the whole page
_WIDEST = 24  # of a bar
_AXIS = 18  # below it, for the labels


def histogram(series: Mapping[str, Mapping[int, int]], sizes: bool) -> str:
    """Shares of rows by half octave, a bar per series; `series` maps a CSS class to bucket -> rows."""
    used = {low for counts in series.values() for low in counts}
    if not used:
        return ""
    # A gap between nothing and the least that is there says nothing on a scale of octaves.
    least = min(used - {0}, default=0)
    buckets = [low for low in BUCKETS if least <= low <= max(used) or (low == 0 and low in used)]
    shares = {
        name: [100 * counts.get(low, 0) / sum(counts.values()) for low in buckets]
        for name, counts in series.items()
    }
    labels = [compact(low) if sizes else f"{low}" for low in buckets]
    return bars(labels, shares, "% of rows")


def bars(labels: Sequence[str], series: Mapping[str, Sequence[float]], unit: str, width: int = NARROW) -> str:
    """Upright bars in groups, one label a group; labels that would touch are left out."""
    largest = max((value for values in series.values() for value in values), default=0) or 1
    step = width / len(labels)
    wide = min(step * 0.84 / len(series), _WIDEST)
    parts = [_grid(largest, "%", width)]
    for place, (name, values) in enumerate(series.items()):
        for group, value in enumerate(values):
            if value > 0:
                height = max(1.0, _HEIGHT * value / largest)  # something that is there must show
                left = (group + 0.5) * step + (place - len(series) / 2) * wide
                parts.append(
                    f'<rect class="{name}" x="{left:.1f}" y="{_HEIGHT - height:.1f}" width="{wide:.1f}" '
                    f'height="{height:.1f}" rx="1"><title>{html.escape(labels[group])}: {value:.1f} {unit} '
                    f"({name})</title></rect>"
                )
    every = -(-len(labels) * max(map(len, labels)) * 7 // width)  # a character is some 7 units wide
    for group in range(0, len(labels), every):
        parts.append(
            f'<text x="{(group + 0.5) * step:.1f}" y="{_HEIGHT + 13}">{html.escape(labels[group])}</text>'
        )
    return _svg(parts, width)


def steps(points: Sequence[tuple[float, float]], css: str, unit: str, width: int) -> str:
    """A quantity over stretches of time: each point is the end of a stretch in seconds and its value."""
    if not points or points[-1][0] <= 0:
        return ""
    last, largest = points[-1][0], max(value for _, value in points) or 1
    line, before = [f"M0,{_HEIGHT}"], 0.0
    boxes = []
    for end, value in points:
        left, right, top = before / last * width, end / last * width, _HEIGHT * (1 - value / largest)
        line.append(f"L{left:.1f},{top:.1f}L{right:.1f},{top:.1f}")
        boxes.append(
            f'<rect class="hover" x="{left:.1f}" y="0" width="{right - left:.1f}" height="{_HEIGHT}">'
            f"<title>{before:.0f} to {end:.0f} s: {value:.2f} {unit}</title></rect>"
        )
        before = end
    line.append(f"L{width},{_HEIGHT}Z")
    ticks = [
        f'<text x="{part / 4 * width:.1f}" y="{_HEIGHT + 13}" class="{anchor}">{last * part / 4:.0f} s</text>'
        for part, anchor in enumerate(("first", "", "", "", "last"))
    ]
    area = f'<path class="area {css}" d="{"".join(line)}"/>'
    return _svg([_grid(largest, unit, width), area, *boxes, *ticks], width)


def _grid(largest: float, unit: str, width: int) -> str:
    return (
        f'<path class="grid" d="M0,0H{width}M0,{_HEIGHT / 2}H{width}"/>'
        f'<path class="axis" d="M0,{_HEIGHT}H{width}"/>'
        f'<text class="most" x="{width}" y="-3">{largest:.3g} {unit}</text>'
    )


def _svg(parts: Sequence[str], width: int) -> str:
    return f'<svg viewBox="-4 -14 {width + 8} {_HEIGHT + _AXIS + 14}" role="img">{"".join(parts)}</svg>'
