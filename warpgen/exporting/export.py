"""An export: the finished datasets of a root, projected, split and written in a format that others read.

Two passes over the datasets. The first finds the clusters that a split must keep together, the second
writes. What is in memory is one row group per split, and some hundred bytes a program.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec

from warpgen import __version__, durable, scratch
from warpgen.errors import UsageError
from warpgen.exporting.clusters import Cluster, Clusters
from warpgen.exporting.comments import without_comments
from warpgen.exporting.decontaminate import Benchmarks
from warpgen.exporting.difficulty import Difficulties, easiest_first
from warpgen.exporting.fitting.byte_bpe import NAME
from warpgen.exporting.fitting.spans import Span, with_span
from warpgen.exporting.fitting.tokens import Fitting
from warpgen.exporting.formats.croissant import croissant
from warpgen.exporting.formats.files import DataFiles, JsonlShard, Kind, ParquetShard, TarShard
from warpgen.exporting.formats.forms import all_to_learn, ranked
from warpgen.exporting.formats.harbor import TaskFolders
from warpgen.exporting.formats.huggingface import card
from warpgen.exporting.formats.summary import Summary
from warpgen.exporting.kernels import Datasets, Kernel
from warpgen.exporting.views.registry import OF_FAULTS, view
from warpgen.exporting.views.view import View
from warpgen.extraction.versions import OLDER_WARPS, PINNED, warp_version
from warpgen.planting.planted import path_of
from warpgen.split import split_of

Format = Literal["parquet", "hf", "jsonl", "nemo", "verl", "webdataset", "harbor"]

# Of files of data; Parquet of all others.
_KINDS: dict[str, Kind] = {"jsonl": JsonlShard, "nemo": JsonlShard, "webdataset": TarShard}


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to export. `shares` are percentages of train, validation and test; None leaves all in train.

    `most` is the most tokens of a record, 0 for any number.
    """

    root: Path
    out: Path
    format: Format
    view: str = "rows"
    shares: tuple[int, int, int] | None = None
    comments: Literal["keep", "strip"] = "keep"
    exclude: tuple[Path, ...] = ()
    levels: tuple[str, ...] = ()
    tokenizer: str = NAME
    most: int = 0
    span: Span = "whole"
    order: Literal["index", "curriculum"] = "index"
    planted: Path | None = None  # a file of faults; None for that of the root
    beside: Path | None = None  # the root that the view `versions` compares with
    outputs: bool = True  # of the view `instruct`: its kernels are run


def export(request: Request) -> Summary:
    """Write the export to `request.out`, which must not exist or be an empty folder; all of it or nothing.

    Raises UsageError where it cannot be written and DamageError where a dataset is not what it was.
    """
    if {"llvm", "asm"} & set(request.levels) and warp_version() in OLDER_WARPS:
        raise UsageError(
            f"the clang of Warp {warp_version()} writes no LLVM IR: leave out the levels llvm and asm, "
            f"or install warp-lang=={PINNED['warp-lang']}"
        )
    datasets = Datasets(request.root)
    beside = _beside(request, datasets)
    benchmarks = Benchmarks(request.exclude) if request.exclude else None
    if request.levels and all(m.recipe.verify == "none" for m in datasets.manifests.values()):
        raise UsageError("levels are of verified kernels: make the datasets with --verify compile or run")

    def others() -> Iterator[Kernel]:
        return _shaped(request, benchmarks, beside.kernels()) if beside else iter(())

    chosen = view(request.view, request.levels, _planted(request), others, request.outputs)
    with appearing(request.out) as folder:
        clusters, difficulties = _looked_at(datasets, folder)
        marked = _Marked(request, datasets, clusters, difficulties)
        summary = _write(request, chosen, _sources(datasets, beside), marked, benchmarks, folder)
        durable.write(folder / "_export.json", msgspec.json.format(msgspec.json.encode(summary)) + b"\n")
        if request.format == "hf":
            durable.write(folder / "README.md", card(summary, chosen, datasets.manifests).encode())
            durable.write(folder / "croissant.json", croissant(summary, chosen, datasets.manifests))
    return summary


def _beside(request: Request, datasets: Datasets) -> Datasets | None:
    """The datasets to compare with. Raises RootError where they do not go together."""
    if request.beside is None:
        return None
    beside = Datasets(request.beside)
    datasets.check_beside(beside)
    return beside


def _planted(request: Request) -> Path:
    """The file of faults. Raises UsageError where the view needs one and there is none."""
    path = request.planted or path_of(request.root)
    if not path.is_file() and (request.planted or request.view in OF_FAULTS):
        raise UsageError(
            f"there is no file of faults {path}: make one with `python -m warpgen.plant`, or name one with "
            "--planted"
        )
    return path


def _looked_at(datasets: Datasets, folder: Path) -> tuple[list[Cluster], list[float]]:
    """The first pass: cluster and difficulty of every kernel."""
    difficulties = Difficulties()
    with tempfile.TemporaryFile(dir=folder) as file:
        clusters = Clusters(file)
        for kernel in datasets.kernels():
            row = kernel.rows[0]
            clusters.add(row.python_source, row.structure_hash)
            difficulties.add(row)
        return clusters.settle(), difficulties.settle()


def _sources(datasets: Datasets, beside: Datasets | None) -> dict[str, dict[str, str]]:
    """What the export is made of: by target, and of what is compared with by its Warp, too."""
    found = {str(target): manifest for target, manifest in datasets.manifests.items()}
    if beside:
        found |= {f"{target}-warp-{m.recipe.warp}": m for target, m in beside.manifests.items()}
    return {
        name: {
            "recipe_hash": manifest.recipe_hash,
            "sha256": manifest.figures.sha256,
            "command": manifest.command,
        }
        for name, manifest in found.items()
    }


def _shaped(request: Request, benchmarks: Benchmarks | None, kernels: Iterator[Kernel]) -> Iterator[Kernel]:
    """The kernels without what benchmarks have, and of their code what is asked for."""
    if benchmarks is not None:
        kernels = _without(benchmarks, kernels)
    if request.comments == "strip":
        kernels = map(without_comments, kernels)
    if request.span != "whole":
        kernels = filter(None, map(partial(with_span, span=request.span), kernels))
    return kernels


def _write(
    request: Request,
    chosen: View,
    sources: dict[str, dict[str, str]],
    marked: _Marked,
    benchmarks: Benchmarks | None,
    folder: Path,
) -> Summary:
    data = folder / "data"
    data.mkdir()
    files = _files(request, data, chosen, sources)
    kernels = _shaped(request, benchmarks, marked.kernels())
    fitting = Fitting(request.tokenizer, request.most)
    records = chosen.records(kernels)
    if request.format == "verl":
        records = filter(all_to_learn, records)
    records = fitting.measured(chosen, records)
    if request.format == "nemo":
        records = map(ranked, records)
    for record in easiest_first(records, folder) if request.order == "curriculum" else records:
        files.add(record["split"], record)
    made = files.finish()
    if not made:
        why = f" with at most {request.most} tokens" if request.most else ""
        raise UsageError(f"the view {request.view} has no record{why} of these datasets: nothing was written")
    splits: Counter[str] = Counter()
    for file in made:
        splits[file.split] += file.rows
    return Summary(
        format=request.format,
        view=request.view,
        levels=request.levels,
        comments=request.comments,
        span=request.span,
        order=request.order,
        tokens=fitting.fit(),
        warpgen=__version__,
        sources=sources,
        licence=marked.licence,
        shares=request.shares,
        clusters={
            "kernels": len(marked.clusters),
            "clusters": len({cluster.first for cluster in marked.clusters}),
            "largest": max(cluster.size for cluster in marked.clusters),
            "moved": marked.moved,
        },
        exclude=benchmarks.counted() if benchmarks else [],
        splits=dict(splits),
        files=tuple(made),
    )


def _files(
    request: Request, data: Path, chosen: View, sources: dict[str, dict[str, str]]
) -> DataFiles | TaskFolders:
    if request.format == "harbor":
        return TaskFolders(data)
    kind = _KINDS.get(request.format, ParquetShard)
    metadata = {"warpgen": __version__, "view": request.view}
    for target, source in sources.items():
        metadata |= {f"{target}.{name}": source[name] for name in ("recipe_hash", "sha256")}
    return DataFiles(data, kind, chosen.schema, {f"warpgen.{k}": v for k, v in metadata.items()})


class _Marked:
    """The kernels with cluster, split and difficulty; `moved` counts those that their row puts elsewhere."""

    def __init__(
        self, request: Request, datasets: Datasets, clusters: list[Cluster], difficulties: list[float]
    ) -> None:
        self._request, self._datasets = request, datasets
        self.clusters, self._difficulties = clusters, difficulties
        self.licence = next(iter(datasets.manifests.values())).licence
        self.moved = 0

    def kernels(self) -> Iterator[Kernel]:
        """In order of index. A cluster has the split of its first program."""
        marks: dict[int, tuple[str, str]] = {}  # of clusters of several programs
        found = zip(self._datasets.kernels(), self.clusters, self._difficulties, strict=True)
        for kernel, cluster, difficulty in found:
            row = kernel.rows[0]
            mark = marks.get(cluster.first) or (row.kernel_id, self._split(row.structure_hash))
            if cluster.size > 1:
                marks[cluster.first] = mark
            self.moved += self._request.shares is not None and mark[1] != row.split
            yield msgspec.structs.replace(kernel, cluster=mark[0], split=mark[1], difficulty=difficulty)

    def _split(self, structure_hash: str) -> str:
        shares = self._request.shares
        return "train" if shares is None else split_of(structure_hash, *shares[1:])


def _without(benchmarks: Benchmarks, kernels: Iterator[Kernel]) -> Iterator[Kernel]:
    """The kernels without the rows that share code with a benchmark."""
    for kernel in kernels:
        cpu, cuda = (row and (None if benchmarks.share(row) else row) for row in (kernel.cpu, kernel.cuda))
        if cpu or cuda:
            yield msgspec.structs.replace(kernel, cpu=cpu, cuda=cuda)


@contextlib.contextmanager
def appearing(out: Path) -> Iterator[Path]:
    """A folder that becomes `out` when all went well, and is gone otherwise."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is there already: name a folder that is new or empty with --out")
    out = out.absolute()
    try:
        with scratch.kept_if_used(out.parent), scratch.folder(f".{out.name}-", out.parent) as folder:
            yield folder
            folder.chmod(0o755)  # as a folder that anyone makes
            durable.sync_tree(folder)  # or a power cut after the rename would leave empty files
            durable.rename(folder, out)
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror}") from error
