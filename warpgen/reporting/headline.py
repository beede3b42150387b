"""What a newcomer asks first: what datasets are and how good, in words that report, README and card share."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from warpgen.record import Target
from warpgen.reporting.manifest import Manifest
from warpgen.reporting.survey import Survey
from warpgen.terminal import percent, printable, size_text

Manifests = Mapping[Target, Manifest]

LANGUAGE: dict[Target, str] = {"cpu": "C++", "cuda": "CUDA C++"}

LEVELS = {
    "none": "No compiler or run was asked for (`--verify none`): the code is what Warp generated, unproven.",
    "compile": "Each row was compiled (`--verify compile`); none was run.",
    "run": "Each row was compiled and, on the CPU, run forward and backward (`--verify run`).",
}

_FIGURES: dict[str, Callable[[Survey], str]] = {
    "rows": lambda f: f"{f.rows:,}",
    "size": lambda f: f"{size_text(f.bytes)} ({f.bytes:,} bytes)",
    "rows with an adjoint": lambda f: percent(f.adjoint_share),
    "different structures": lambda f: f"{f.structures:,}",
    "Warp builtins called": lambda f: f"{len(f.called):,}",
    "domains": lambda f: f"{len(f.categories):,}",
}


def figures(manifests: Manifests) -> str:
    """A table in Markdown of what the datasets hold."""
    languages = (LANGUAGE[target] for target in manifests)
    lines = ["| | " + " | ".join(languages) + " |", "|---" * (1 + len(manifests)) + "|"]
    for name, tell in _FIGURES.items():
        lines.append(f"| {name} | " + " | ".join(tell(m.figures) for m in manifests.values()) + " |")
    return "\n".join(lines) + "\n"


def good(manifest: Manifest) -> str:
    """What was checked of a dataset's rows, and how varied they are: a few sentences, a line each."""
    held, language = manifest.figures, LANGUAGE[manifest.target]
    whole = [check for check, counts in held.verdicts.items() if counts.get("pass") == held.rows]
    parts = [LEVELS[manifest.recipe.verify]]
    if whole:
        parts.append(printable(f"All {language} rows pass {', '.join(whole)}."))
    for check, counts in held.verdicts.items():
        if check not in whole:
            told = (f"{percent(n / held.rows)} {verdict}" for verdict, n in _by_number(counts))
            parts.append(printable(f"{check.capitalize()}: {', '.join(told)}."))
    parts.append(
        f"{percent(held.adjoint_share)} have an adjoint, {len(held.called)} of Warp's builtins are called, "
        f"{held.structures:,} structures differ."
    )
    return "\n".join(parts)


def _by_number(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
