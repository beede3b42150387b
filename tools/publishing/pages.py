"""What lies beside the data of a release: data statement, report on contamination, the end of the card."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tools.publishing.benchmarks import KNOWN
from warpgen.exporting.decontaminate import GRAM
from warpgen.exporting.formats.rai import rai
from warpgen.exporting.formats.summary import Summary
from warpgen.record import Target
from warpgen.reporting.headline import figures, good
from warpgen.reporting.manifest import Manifest

_STATEMENT = """# Data statement

After Bender and Friedman, *Data Statements for Natural Language Processing*, 2018. The same is in
`croissant.json` for machines.

{figures}
## Why these programs

{use}

## Languages

Python {python} with Warp {warp}; the C++ and the CUDA C++ that Warp writes. Names, comments and the
sentence that says what a kernel computes are English.

## Speakers and annotators

{collection} {annotation}

## What was checked

{good}

## How it was made

Raw data: {raw}

{preprocessing}

## Limits and biases

{limits}

## Persons, licence, care

{personal} Licence of every row: {licence}, in its column `provenance.licence`. {care}
"""

_CONTAMINATION = """# Contamination

A row shares code with a benchmark when {gram} tokens in a row of its Python or of its generated code are also
in a text of the benchmark; comments are no tokens. Such rows are not in this release. Each is counted once,
for the first benchmark that it shares code with.

| benchmark | texts compared | rows left out | SHA-256 of the texts |
|---|---|---|---|
{lines}

Rows that are left: {left}.
"""

_CARD = """
## In this folder

| file | what it is |
|---|---|
| `data/` | the rows, as Parquet |
| `croissant.json` | what the files and columns are, for machines, with the properties of responsible AI |
| `DATA_STATEMENT.md` | where the data comes from, its limits and biases |
| `CONTAMINATION.md` | what it shares with benchmarks |
| `manifests/` | per target: recipe, checksums, every figure, failures, versions |
| `LICENSE` | the licence of all rows |
| `SHA256SUMS` | checksums: `sha256sum --check SHA256SUMS` |
"""


def statement(manifests: Mapping[Target, Manifest]) -> str:
    """DATA_STATEMENT.md."""
    told = rai(manifests)
    first = next(iter(manifests.values()))
    return _STATEMENT.format(
        figures=figures(manifests),
        use=_list(told["rai:dataUseCases"]),
        python=re.sub(r"\.\d+$", "", first.versions["python"]),
        warp=first.recipe.warp,
        collection=told["rai:dataCollection"],
        annotation=" ".join(told["rai:dataAnnotationProtocol"]),
        good=good(manifests),
        raw=told["rai:dataCollectionRawData"].replace("There is none", "none", 1),
        preprocessing=_list(told["rai:dataPreprocessingProtocol"]),
        limits=_list([*told["rai:dataLimitations"], *told["rai:dataBiases"]]),
        personal=" ".join(told["rai:personalSensitiveInformation"]),
        licence=", ".join(sorted({m.licence for m in manifests.values()})),
        care=told["rai:dataReleaseMaintenancePlan"],
    )


def contamination(summary: Summary, texts: Mapping[str, int]) -> str:
    """CONTAMINATION.md: per benchmark the rows that shared code with it, which were left out."""
    found = {entry["name"].removesuffix(".jsonl"): entry for entry in summary.exclude}
    lines = []
    for name in dict.fromkeys([*KNOWN, *found]):
        source = f"[{name}]({KNOWN[name].source})" if name in KNOWN else name
        told = "not compared: it was not at hand | - | -"
        if name in found:
            entry = found[name]
            told = f"{texts[name]:,} | {entry['dropped']:,} | `{entry['sha256']}`"
        lines.append(f"| {source} | {told} |")
    return _CONTAMINATION.format(gram=GRAM, lines="\n".join(lines), left=f"{sum(summary.splits.values()):,}")


def card(text: str) -> str:
    """The card with a table of what else is in the folder."""
    return text.rstrip("\n") + "\n" + _CARD


def _list(texts: list[str]) -> str:
    return "\n".join(f"- {text}" for text in texts)
