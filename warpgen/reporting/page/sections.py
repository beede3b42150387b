"""The sections of the page, each a function from manifests to HTML. Whatever comes from rows is escaped."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from warpgen.record import Target
from warpgen.reporting.manifest import Manifest
from warpgen.reporting.page import charts
from warpgen.reporting.similarity import NEAR
from warpgen.reporting.survey import Spread
from warpgen.terminal import compact, percent, printable, size_text

Manifests = Mapping[Target, Manifest]

LANGUAGE: dict[Target, str] = {"cpu": "C++", "cuda": "CUDA C++"}

# Verdicts that are neither good nor bad: nothing was claimed, so nothing can be wrong.
_NEUTRAL = ("not differentiable", "unchecked")

_MOST_FAILURES = 12  # shown; the manifest holds all


def text(value: object) -> str:
    """Safe inside an element and inside an attribute in quotes."""
    return html.escape(printable(str(value)))


def section(name: str, title: str, about: str, *parts: str) -> str:
    """A chapter of the page. `about` is HTML."""
    return f'<section id="{name}"><h2>{title}</h2><p class="about">{about}</p>{"".join(parts)}</section>'


def tiles(manifests: Manifests, builtins: tuple[int, int], resembling: float) -> str:
    """The figures at the top. `resembling` is the share of programs with a near-duplicate."""
    first = next(iter(manifests.values()))
    figures = first.figures
    shown = [
        (f"{m.figures.rows:,}", f"rows of {LANGUAGE[t]}", size_text(m.figures.bytes))
        for t, m in manifests.items()
    ]
    shown += [
        (f"{len(_categories(manifests))}", "categories", f"{figures.structures:,} different structures"),
        (f"{builtins[0]} of {builtins[1]}", "Warp builtins", "called in at least one row"),
        (f"{100 * resembling:.1f} %", "near-duplicates", "share 70 % of their 5-grams with an earlier one"),
        _checked(manifests),
        (percent(figures.adjoint_share), "with an adjoint", "the derivative, written by Warp"),
        (_speed(first), "made per second", f"{first.circumstances.workers} workers, no GPU"),
    ]
    return (
        '<div class="tiles">'
        + "".join(
            f"<div><b>{text(big)}</b><span>{text(name)}</span><small>{text(small)}</small></div>"
            for big, name, small in shown
        )
        + "</div>"
    )


def _checked(manifests: Manifests) -> tuple[str, str, str]:
    verdicts = [m.figures.verdicts for m in manifests.values()]
    total = sum(n for checks in verdicts for counts in checks.values() for n in counts.values())
    if not total:
        return "0", "checks", "none were asked for"
    passed = sum(counts.get("pass", 0) for checks in verdicts for counts in checks.values())
    neutral = sum(
        counts.get(name, 0) for checks in verdicts for counts in checks.values() for name in _NEUTRAL
    )
    share = percent(passed / max(1, total - neutral))
    return share, "of checks passed", f"{total - neutral:,} in the rows; {neutral:,} had nothing to check"


def _speed(manifest: Manifest) -> str:
    how = manifest.circumstances
    size = how.moments[-1].bytes if how.moments else manifest.figures.bytes
    return f"{size_text(size / max(how.wall_seconds, 0.1))}"


def categories(manifests: Manifests) -> str:
    """Rows and bytes per category, the most rows first."""
    first = next(iter(manifests.values()))
    names = sorted(
        _categories(manifests),
        key=lambda name: (
            -(first.figures.categories[name].rows if name in first.figures.categories else 0),
            name,
        ),
    )
    largest = max((s.rows for m in manifests.values() for s in m.figures.categories.values()), default=1)
    lines = []
    for name in names:
        shares = {t: m.figures.categories.get(name) for t, m in manifests.items()}
        bars = "".join(
            f'<i class="{t}" style="width:{100 * s.rows / largest:.1f}%" '
            f'title="{s.rows:,} rows of {LANGUAGE[t]}, {size_text(s.bytes)}"></i>'
            for t, s in shares.items()
            if s is not None
        )
        held = [s for s in shares.values() if s is not None]
        lines.append(
            f'<button data-find="category:{text(name)}"><span>{text(name)}</span>'
            f'<span class="bars">{bars}</span><span class="num">{max(s.rows for s in held):,}</span>'
            f'<span class="num">{size_text(sum(s.bytes for s in held))}</span></button>'
        )
    return section(
        "categories",
        "Categories",
        f"{len(names)} domains of kernels: rows and bytes of both targets. A click finds their rows below.",
        f'<div class="categories">{"".join(lines)}</div>',
    )


def _categories(manifests: Manifests) -> set[str]:
    """Those that have a row for any target."""
    return {name for m in manifests.values() for name in m.figures.categories}


def sizes(manifests: Manifests) -> str:
    """Histograms of the sizes of a row and its parts."""
    return section(
        "sizes",
        "Sizes",
        "Bytes of whole rows and of their parts (1k is 1,024), on a scale of half "
        "octaves; forward and backward are the kernel's own functions in the generated text.",
        _histograms({t: m.figures.sizes for t, m in manifests.items()}, sizes=True),
    )


def features(manifests: Manifests) -> str:
    """Histograms of what the kernels contain."""
    return section(
        "features",
        "Features",
        "What a program contains, counted on its syntax tree: shares of rows over half octaves.",
        _histograms({t: m.figures.features for t, m in manifests.items()}, sizes=False),
        _types(manifests),
    )


def _histograms(spreads: Mapping[Target, Mapping[str, Spread]], sizes: bool) -> str:
    shown = []
    for name in next(iter(spreads.values())):
        spread = {target: found[name] for target, found in spreads.items()}
        first = next(iter(spread.values()))
        facts = (first.p50, first.p95, first.max)
        median, high, most = map(compact, facts) if sizes else (f"{n:,}" for n in facts)
        shown.append(
            f"<figure><figcaption><b>{text(name.replace('_', ' '))}</b>"
            f"<span>median {median} · 95 % {high} · most {most}</span></figcaption>"
            + charts.histogram({t: s.histogram for t, s in spread.items()}, sizes)
            + "</figure>"
        )
    return f'<div class="charts">{"".join(shown)}</div>'


def _types(manifests: Manifests) -> str:
    figures = next(iter(manifests.values())).figures
    ordered = sorted(figures.dtypes.items(), key=lambda item: (-item[1], item[0]))
    chips = "".join(_chip(name, count, ordered[0][1], f"{count:,} rows", name) for name, count in ordered)
    return f'<h3>Element types of arguments</h3><div class="chips">{chips}</div>'


def coverage(manifests: Manifests, groups: Mapping[str, Sequence[str]], warp: str) -> str:
    """The map of builtins by chapter of Warp's manual; what no row calls shows as a hole."""
    used: dict[str, int] = {}
    for manifest in manifests.values():
        for name, count in manifest.figures.builtins.items():
            used[name] = max(used.get(name, 0), count)
    most = max(used.values(), default=1)
    known = {name for names in groups.values() for name in names}
    blocks = [_chapter(title, names, used, most) for title, names in groups.items()]
    others = sorted(used.keys() - known)
    if others:
        blocks.append(_chapter("Types and others", others, used, most))
    holes = sum(name not in used for name in known)
    return section(
        "coverage",
        "Builtin coverage",
        f"Every builtin that Warp {text(warp)} documents, darker where more rows call it; "
        f"{f'the {holes} that no row calls are' if holes else 'one that no row calls would be'} "
        '<span class="chip hole">outlined like this</span>. A click finds rows.',
        f'<div class="map">{"".join(blocks)}</div>',
    )


def _chapter(title: str, names: Sequence[str], used: Mapping[str, int], most: int) -> str:
    chips = "".join(
        _chip(name, used[name], most, f"{used[name]:,} rows", f"builtin:{name}")
        if name in used
        else f'<span class="chip hole" title="no row calls it">{text(name)}</span>'
        for name in names
    )
    met = sum(name in used for name in names)
    heading = f"<h3>{text(title)} <small>{met} of {len(names)}</small></h3>"
    return f'<div>{heading}<div class="chips">{chips}</div></div>'


def _chip(name: str, count: int, most: int, title: str, find: str) -> str:
    strength = math.log1p(count) / math.log1p(most)
    return (
        f'<button class="chip" style="--s:{strength:.2f}" title="{text(title)}" data-find="{text(find)}">'
        f"{text(name)}</button>"
    )


def similarity(values: Sequence[float], resembling: float) -> str:
    """How like its nearest neighbour each program is."""
    counts = [sum(min(19, int(20 * v)) == k for v in values) for k in range(20)]
    shares = [100 * count / max(1, len(values)) for count in counts]
    labels = [f"{k / 20:.2f}" for k in range(20)]
    return section(
        "similarity",
        "Similarity",
        f"For each of {len(values):,} programs, the Jaccard similarity of its token 5-grams with those of "
        "the program most like it: 0 shares nothing, 1 is the same text but for numbers. From "
        f"{NEAR} on two are near-duplicates: {100 * resembling:.1f} % of all programs are one of an earlier.",
        _wide(lambda width: charts.bars(labels, {"cuda": shares}, "% of programs", width)),
    )


def verdicts(manifests: Manifests) -> str:
    """Per check the share of each verdict."""
    parts = []
    for target, manifest in manifests.items():
        for check, counts in manifest.figures.verdicts.items():
            total = sum(counts.values())
            ordered = sorted(counts.items(), key=lambda item: (item[0] != "pass", -item[1], item[0]))
            bar = "".join(
                f'<i class="{_tone(name)}" style="width:{100 * n / total:.2f}%" '
                f'title="{text(name)}: {n:,}"></i>'
                for name, n in ordered
            )
            said = ", ".join(f"{text(name)} {n:,}" for name, n in ordered)
            parts.append(
                f"<div><span>{LANGUAGE[target]}: <b>{text(check)}</b></span>"
                f'<span class="stack">{bar}</span><span>{said}</span></div>'
            )
    about = (
        "What compilers and runs said of the rows. Only what was checked carries a verdict."
        if parts
        else "No compiler or run was asked for (<code>--verify none</code>), so no row carries a verdict. "
        "<code>--verify run</code> compiles every row and runs it forward and backward."
    )
    return section("verdicts", "Verdicts", about, f'<div class="verdicts">{"".join(parts)}</div>')


def _tone(name: str) -> str:
    return "good" if name == "pass" else "plain" if name in _NEUTRAL else "bad"


def throughput(manifests: Manifests) -> str:
    """MiB per second over the run, and what it took."""
    manifest = next(iter(manifests.values()))
    how = manifest.circumstances
    points = [
        (after.seconds, (after.bytes - before.bytes) / 2**20 / (after.seconds - before.seconds))
        for before, after in zip(how.moments, how.moments[1:], strict=False)
        if after.seconds > before.seconds
    ]
    curve = _wide(lambda width: charts.steps(points, "cuda", "MiB/s", width))
    return section(
        "throughput",
        "Throughput",
        "MiB of rows per second of the run, all datasets together, verification included. It changes "
        "no byte of them.",
        curve if points else "<p>This manifest tells no moments, only the whole.</p>",
        _facts(_circumstances(manifest)),
    )


def _circumstances(manifest: Manifest) -> Iterator[tuple[str, str]]:
    how = manifest.circumstances
    yield "wall clock", f"{how.wall_seconds:,.1f} s in {how.sessions} session{'s' * (how.sessions != 1)}"
    yield "processor", f"{how.cpu_seconds:,.1f} s on {how.cores} cores, {how.workers} workers, {how.engine}"
    yield "memory", f"coordinator {size_text(how.peak_rss)}, largest worker {size_text(how.peak_worker_rss)}"
    yield "disk", f"{size_text(how.peak_disk)} at most"
    yield "trouble", f"{how.retries} units tried again, {how.workers_replaced} workers replaced"
    yield "machine", f"{how.machine}, {how.system}, Python {how.python}"


def origin(manifests: Manifests) -> str:
    """How to make the files again, their checksums, and what gave no row."""
    parts = []
    for target, manifest in manifests.items():
        figures = manifest.figures
        dropped = [
            f"{text(reason)} {count:,}"
            for reasons in manifest.dropped.values()
            for reason, count in reasons.items()
        ]
        parts.append(
            f"<h3>{LANGUAGE[target]}</h3>"
            + _facts(
                (
                    ("file", f"{manifest.file}, {figures.bytes:,} bytes"),
                    ("SHA-256", figures.sha256),
                    ("recipe", manifest.recipe_hash),
                    ("made by", manifest.command),
                    ("versions", ", ".join(f"{name} {v}" for name, v in manifest.versions.items())),
                    ("splits", ", ".join(f"{name} {rows:,}" for name, rows in figures.splits.items())),
                    ("licence", manifest.licence),
                    ("repeats dropped", ", ".join(dropped) or "none"),
                    ("failed", f"{len(manifest.failures):,} program{'s' * (len(manifest.failures) != 1)}"),
                )
            )
            + _failures(manifest)
        )
    return section(
        "origin",
        "Origin",
        "The same command gives the same bytes, with any number of workers, interrupted or not.",
        *parts,
    )


def _failures(manifest: Manifest) -> str:
    lines = "".join(
        f"<li>index {failure.index}, {failure.reason}: <code>{text(failure.error)}</code></li>"
        for failure in manifest.failures[:_MOST_FAILURES]
    )
    left = len(manifest.failures) - _MOST_FAILURES
    more = f"<li>and {left:,} more in the manifest</li>" if left > 0 else ""
    return f"<ul>{lines}{more}</ul>" if lines else ""


def _wide(draw: Callable[[int], str]) -> str:
    """A chart that takes the whole page, drawn again for a narrow one: made smaller nobody could read it."""
    return (
        f'<div class="charts one"><figure class="wide">{draw(charts.WIDE)}</figure>'
        f'<figure class="narrow">{draw(charts.NARROW)}</figure></div>'
    )


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    return "<dl>" + "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in facts) + "</dl>"
