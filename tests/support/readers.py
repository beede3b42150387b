"""All that reads finished datasets, and what each has to say about a root."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import warpgen
from warpgen import export, report, stats
from warpgen.errors import UsageError
from warpgen.production.state import roots
from warpgen.recipe import Recipe
from warpgen.reporting import sample

Root = Path | str
Reader = Callable[[Root, Path], int]  # of a root, with a folder to write in; 0 says that all is well


def _export(root: Root, out: Path) -> int:
    return export.main(["--root", str(root), "--format", "parquet", "--out", str(out / "exported")])


def _open(root: Root, out: Path) -> int:
    return 0 if len(list(warpgen.open(root))) else 3


# Each reads the datasets whole.
READERS: dict[str, Reader] = {
    "stats --check": lambda root, out: stats.main(["--root", str(root), "--check"]),
    "stats --html": lambda root, out: stats.main(["--root", str(root), "--html", str(out / "page.html")]),
    "report": lambda root, out: report.main(["--root", str(root)]),
    "export": _export,
    "warpgen.open": _open,
}


def samples(root: Root, out: Path) -> int:
    """What takes the samples of this repository."""
    return sample.main([str(root), "--out", str(out)])


def tables(root: Root, out: Path) -> int:
    """`stats` as it is: it reads manifests, and of the datasets what costs nothing."""
    return stats.main(["--root", str(root)])


def again(recipe: Recipe) -> Reader:
    """What `run` finds out about a root that holds this recipe's datasets; 0 if they are said to be there."""

    def look(root: Root, out: Path) -> int:
        with roots.held(root) as (layout, _):
            return 0 if roots.unfinished_part(layout, recipe) is None else 3

    return look


def told(reader: Reader, root: Root) -> str:
    """The sentence that a reader ends with on its errors, or instead of all; empty if all is well with it."""
    errors = io.StringIO()
    with tempfile.TemporaryDirectory() as out:
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
                code = reader(root, Path(out))
        except UsageError as error:
            return str(error)
    assert code in (0, 1)
    assert not code or errors.getvalue().strip()
    return errors.getvalue() if code else ""
