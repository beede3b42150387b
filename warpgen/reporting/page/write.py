"""`stats --html`: everything of the datasets under a root in one page."""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from warpgen import durable
from warpgen.errors import UsageError
from warpgen.jsonl import rows
from warpgen.record import Target
from warpgen.reporting import finished
from warpgen.reporting.manifest import Manifest
from warpgen.reporting.nearest import nearest
from warpgen.reporting.page import browser, sections
from warpgen.reporting.page.sample import sample
from warpgen.reporting.quality import FIRST_SIMILAR
from warpgen.reporting.similarity import NearDuplicates

_MOST_COMPARED = 4_000  # programs: their comparison grows with the square


_USE = (
    '<p class="lead"><b>How to use.</b> In Python, <code>warpgen.open(".")</code> reads, runs and judges '
    "the rows; <code>python -m warpgen.export</code> writes them for other tools.</p>"
)


class _Source(msgspec.Struct):
    python_source: str


def write_page(root: Path, targets: Sequence[Target], path: Path) -> int:
    """Write the page on the datasets of `targets` under `root` to `path`; returns its size in bytes.

    Raises RootError where a manifest or dataset is missing, DamageError where one is damaged, UsageError
    where the page cannot be written.
    """
    manifests = finished.described(root, targets)
    datasets = {target: finished.path_of(root, manifest) for target, manifest in manifests.items()}
    data = page(manifests, datasets).encode()
    try:
        durable.write(path, data)
    except OSError as error:
        raise UsageError(f"the page cannot be written to {path}: {error.strerror}") from error
    return len(data)


def page(manifests: Mapping[Target, Manifest], datasets: Mapping[Target, Path]) -> str:
    """The HTML. The same manifests and files give the same text."""
    first = next(iter(manifests.values()))
    groups = _builtins()
    called = {name for m in manifests.values() for name in m.figures.builtins}
    known = {name for names in groups.values() for name in names}
    values, resembling = _likeness(next(iter(datasets.values())))
    body = (
        sections.tiles(manifests, (len(known & called), len(known)), resembling),
        _USE,
        sections.categories(manifests),
        sections.coverage(manifests, groups, first.recipe.warp),
        browser.section(first.figures.rows),
        sections.features(manifests),
        sections.sizes(manifests),
        sections.similarity(values, resembling),
        sections.verdicts(manifests),
        sections.throughput(manifests),
        sections.origin(manifests),
    )
    return _document(manifests, "\n".join(body), sample(datasets, first.figures.rows))


def _document(manifests: Mapping[Target, Manifest], body: str, shown: Sequence[dict[str, Any]]) -> str:
    script, style = _resource("page.js"), _resource("page.css")
    # Nothing but this very script may run and nothing may be loaded, whatever the rows contain.
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{_digest(script)}'; img-src data:"
    )
    recipe = next(iter(manifests.values())).recipe
    about = (
        "Each row is one kernel: a program for NVIDIA Warp in Python, the code that Warp itself generates "
        "for it, its adjoint, the launch that runs it and what was checked. "
        f"Made by warpgen {recipe.warpgen} and Warp {recipe.warp} from seed {recipe.seed}."
    )
    names = "categories coverage rows features sizes similarity verdicts throughput origin".split()
    links = "".join(f'<a href="#{name}">{name}</a>' for name in names)
    legend = "".join(f'<span class="key {t}">{sections.LANGUAGE[t]}</span>' for t in manifests)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>warpgen: what the datasets hold</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<header>
<h1><span>warp</span>gen</h1><nav>{links}</nav>{legend}
<button id="theme" title="light or dark">◐</button>
</header>
<main>
<p class="lead"><b>What.</b> {sections.text(about)}</p>
{body}
</main>
<script type="application/json" id="data">{browser.embedded(shown)}</script>
<script>{script}</script>
</body>
</html>
"""


def _likeness(path: Path) -> tuple[list[float], float]:
    """How like its nearest each of the first programs is, and the share of near-duplicates."""
    first: list[str] = []
    similar = NearDuplicates()
    for _, row in islice(rows(path, _Source), FIRST_SIMILAR):
        similar.add(row.python_source)
        if len(first) < _MOST_COMPARED:
            first.append(row.python_source)
    return nearest(first), similar.share


def _builtins() -> dict[str, list[str]]:
    """Chapter of Warp's manual -> names of its builtins, the largest chapter first."""
    # Imports Warp, whose registry says what is public.
    from warpgen.extraction.builtins import group, public_names

    chapters: dict[str, list[str]] = defaultdict(list)
    for name in public_names():
        chapters[group(name)].append(name)
    return dict(sorted(chapters.items(), key=lambda item: (-len(item[1]), item[0])))


def _resource(name: str) -> str:
    return resources.files("warpgen.reporting.page").joinpath(name).read_text("utf-8")


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
