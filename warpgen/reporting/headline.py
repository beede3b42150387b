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


def good(manifests: Manifests) -> str:
    """What was checked of the rows, and how varied they are: sentences, and a list with a line per target."""
    levels = dict.fromkeys(LEVELS[manifest.recipe.verify] for manifest in manifests.values())
    lines = (f"- {LANGUAGE[target]}: {_told(manifest.figures)}" for target, manifest in manifests.items())
    return " ".join(levels) + "\n\n" + "\n".join(lines)


def _told(held: Survey) -> str:
    whole = [check for check, counts in held.verdicts.items() if counts.get("pass") == held.rows]
    parts = [f"all rows pass {', '.join(whole)}"] if whole else []
    for check, counts in held.verdicts.items():
        if check not in whole:
            shares = (f"{percent(n / held.rows)} {verdict}" for verdict, n in _by_number(counts))
            parts.append(f"{check}: {', '.join(shares)}")
    parts.append(f"{percent(held.adjoint_share)} have an adjoint")
    parts.append(f"{len(held.called)} of Warp's builtins are called")
    parts.append(f"{held.structures:,} structures differ")
    return printable("; ".join(parts)) + "."


def _by_number(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
