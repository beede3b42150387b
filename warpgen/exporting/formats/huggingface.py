"""The dataset card of an export in Hugging Face's layout: README.md with a header in YAML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from warpgen.exporting.views.view import View
from warpgen.record import Target
from warpgen.reporting.headline import figures, good
from warpgen.reporting.manifest import Manifest

if TYPE_CHECKING:
    from warpgen.exporting.formats.summary import Summary

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_NAMES = {"double": "float64"}  # where Hugging Face says another word than Arrow

_TEXT = """
# {title}

**What.** Training data for models that read and write GPU kernels: programs for
[NVIDIA Warp](https://github.com/NVIDIA/warp) that warpgen {warpgen} wrote, with the C++ and the CUDA C++
that Warp's own code generator makes of them. This export holds the view `{view}`: {what}. The datasets
that it was made of:

{figures}
**How good.** {good}

{apart}

**How to use.**

```python
from datasets import load_dataset

dataset = load_dataset("PATH_OR_NAME_OF_THIS_DATASET")
```

| split | records |
|---|---|
{splits}

## Do records fit?

Column `tokens` counts those of a record by the tokenizer `{tokens.tokenizer}`, without special ones:
{tokens.total:,} in all, {tokens.median:,} in the median record, {tokens.longest:,} in the longest. Share of
records that fit a context:

| tokens | share |
|---|---|
{fits}
{dropped}
## Where it came from

Every program is synthesised; nothing was collected from people. The same command and versions make the same
bytes:

{sources}

`_export.json` tells the options of the export and the checksum of every file. Licence: {licence}.
"""

_APART = (
    "No two programs of different splits are near-duplicates: splits are drawn by cluster (column "
    "`cluster`), and programs that share 0.7 of their token 5-grams, or their structure, are in one cluster."
)


def card(summary: Summary, chosen: View, manifests: Mapping[Target, Manifest]) -> str:
    """The text of README.md."""
    view = summary.view
    made = {
        "pretty_name": f"warpgen {view}",
        "license": summary.licence.lower(),
        "language": ["code"],
        "task_categories": ["text-generation"],
        "tags": ["code", "cuda", "cpp", "warp", "gpu", "synthetic"],
        "size_categories": [_size(sum(summary.splits.values()))],
        "configs": [
            {
                "config_name": view,
                "default": True,
                "data_files": [{"split": s, "path": f"data/{s}-*"} for s in summary.splits],
            }
        ],
        "dataset_info": {
            "config_name": view,
            "features": [_feature(field.name, field.type) for field in chosen.schema],
            "splits": [_split(summary, split) for split in summary.splits],
            "download_size": sum(file.bytes for file in summary.files),
            "dataset_size": sum(file.text_bytes for file in summary.files),
        },
    }
    header = "\n".join(_yaml(made))
    text = _TEXT.format(
        title=made["pretty_name"],
        figures=figures(manifests),
        good=good(manifests),
        warpgen=summary.warpgen,
        view=view,
        what=chosen.about,
        splits="\n".join(f"| {split} | {rows:,} |" for split, rows in summary.splits.items()),
        apart=_APART if summary.shares else "All records are in one split; `cluster` tells near-duplicates.",
        tokens=summary.tokens,
        fits="\n".join(
            f"| {int(size):,} | {100 * share:.1f} % |" for size, share in summary.tokens.fits.items()
        ),
        dropped=_dropped(summary),
        sources="\n".join(f"- {t}: `{source['command']}`" for t, source in summary.sources.items()),
        licence=summary.licence,
    )
    return f"---\n{header}\n---\n{text}"


def _dropped(summary: Summary) -> str:
    found = summary.tokens
    if not found.most:
        return ""
    return f"\nOf these, {found.dropped:,} records with more than {found.most:,} tokens were left out.\n"


def _split(summary: Summary, split: str) -> dict[str, Any]:
    size = sum(file.text_bytes for file in summary.files if file.split == split)
    return {"name": split, "num_bytes": size, "num_examples": summary.splits[split]}


def _size(rows: int) -> str:
    return next((name for most, name in _SIZES if rows < most), "1M<n<10M")


def _feature(name: str, kind: pa.DataType) -> dict[str, Any]:
    return {"name": name} | _kind(kind)


def _kind(kind: pa.DataType) -> dict[str, Any]:
    """A type in the words of `dataset_info`."""
    if pa.types.is_struct(kind):
        return {"struct": [_feature(field.name, field.type) for field in kind]}
    if pa.types.is_list(kind):
        inner = _kind(kind.value_type)
        return {"list": inner.get("dtype") or inner.get("struct") or inner}
    return {"dtype": _NAMES.get(str(kind), str(kind))}


def _yaml(value: dict[str, Any], indent: str = "") -> list[str]:
    """Lines of YAML; a text is written as JSON writes it, which YAML reads as the same."""
    lines = []
    for key, inner in value.items():
        if isinstance(inner, dict):
            lines += [f"{indent}{key}:", *_yaml(inner, indent + "  ")]
        elif isinstance(inner, list):
            lines.append(f"{indent}{key}:")
            for item in inner:
                nested = (
                    _yaml(item, indent + "  ") if isinstance(item, dict) else [f"{indent}  {_text(item)}"]
                )
                lines += [f"{indent}- {nested[0].lstrip()}", *nested[1:]]
        else:
            lines.append(f"{indent}{key}: {_text(inner)}")
    return lines


def _text(value: object) -> str:
    return json.dumps(value)
