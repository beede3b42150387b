"""The bars that a default dataset must clear, and whether it does: the table of docs/quality.md."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from warpgen.reporting.manifest import Manifest
from warpgen.reporting.quality import Quality


class Line(msgspec.Struct, frozen=True):
    """One figure beside its bar."""

    figure: str
    bar: str
    measured: str
    holds: bool


def table(quality: Quality, manifest: Manifest) -> tuple[Line, ...]:
    """Every figure that the dataset and its manifest give, in the order of the bars."""
    return (*_variety(quality), *_code(quality), *_sizes(quality), *_use(quality), *_failures(manifest))


def _variety(q: Quality) -> Iterator[Line]:
    yield Line("distinct structures", "1.000", f"{q.structures:.3f}", q.structures == 1)
    yield Line("distinct skeletons", "≥ 0.97", f"{q.skeletons:.3f}", q.skeletons >= 0.97)
    yield Line("near-duplicates", "≤ 0.02", f"{q.near_duplicates:.4f}", q.near_duplicates <= 0.02)
    yield Line(
        "builtins used",
        "≥ 290 of 300",
        f"{q.builtins_used} of {q.builtins}",
        30 * q.builtins_used >= 29 * q.builtins,
    )
    yield Line("distinct signatures, first 2,000 rows", "≥ 1,400", f"{q.signatures:,}", q.signatures >= 1400)


def _code(q: Quality) -> Iterator[Line]:
    yield Line(
        "ops / bigrams / trigrams, first 1,000 rows",
        "≥ 250 / 3,000 / 10,000",
        " / ".join(f"{count:,}" for count in q.operations),
        all(count >= least for count, least in zip(q.operations, (250, 3_000, 10_000), strict=True)),
    )
    ratio = q.zstd_ratio
    yield Line("zstd-19 ratio, first 1,000 rows, comments out", "≤ 24", f"{ratio:.1f}", ratio <= 24)


def _sizes(q: Quality) -> Iterator[Line]:
    s = q.statements
    yield Line(
        "statements p50 / p95 / max",
        "8 to 20 / ≥ 50 / ≥ 180",
        str(s),
        8 <= s.p50 <= 20 and s.p95 >= 50 and s.max >= 180,
    )
    d = q.loop_depth
    yield Line("loop depth p95 / max", "≥ 2 / ≥ 4", f"{d.p95} / {d.max}", d.p95 >= 2 and d.max >= 4)
    b = q.branches
    yield Line("branches p50 / p95", "≥ 1 / ≥ 8", f"{b.p50} / {b.p95}", b.p50 >= 1 and b.p95 >= 8)


def _use(q: Quality) -> Iterator[Line]:
    yield Line(
        "share of the largest / smallest category",
        "≤ 10 % / ≥ 1 %",
        f"{100 * q.largest_category:.1f} % / {100 * q.smallest_category:.1f} %",
        q.largest_category <= 0.1 and q.smallest_category >= 0.01,
    )
    yield Line(
        "bits per character, warp.examples, 1 MB read",
        "≤ 1.66",
        f"{q.bits_read:.3f} (nothing read: {q.bits_nothing:.3f})",
        q.bits_read <= 1.66,
    )


def _failures(manifest: Manifest) -> Iterator[Line]:
    failed = len({f.index for f in manifest.failures if f.reason in ("synthesis", "extraction")})
    made = manifest.figures.last_index + 1
    yield Line(
        "programs that fail synthesis or code generation",
        "≤ 1 in 1,000",
        f"{failed} of {made:,}",
        1000 * failed <= made,
    )


def markdown(lines: tuple[Line, ...], quality: Quality, manifest: Manifest) -> str:
    """The page of one dataset."""
    rows = "\n".join(
        f"| {line.figure} | {line.bar} | {line.measured} | {'yes' if line.holds else '**no**'} |"
        for line in lines
    )
    missing = ", ".join(f"`{name}`" for name in quality.builtins_missing) or "none"
    return f"""# Quality of the {manifest.target} dataset

Measured by `scripts/quality` on {quality.rows:,} rows ({manifest.figures.bytes:,} bytes, SHA-256
`{manifest.figures.sha256}`), which `{manifest.command}` makes.
What each figure means is written beside the function that computes it, in `warpgen/reporting/`.

| figure | bar | measured | holds |
|---|---|---|---|
{rows}

Builtins that no program calls: {missing}.
"""
