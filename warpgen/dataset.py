"""Rows as Python objects: `warpgen.open(path)` reads, filters and joins them; a row runs and checks itself.

Importing this imports neither Warp nor NumPy; running a row starts a process that does.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from warpgen import record
from warpgen.errors import DamageError, UsageError
from warpgen.record import TARGETS, Target

if TYPE_CHECKING:
    from warpgen.execution import Check, Language, Run

Origin = Literal["synthesis", "harvest"]
Test = Callable[["Row"], bool]

# A row's line is a few hundred KB at most; a longer one is not worth parsing.
_LONGEST_LINE = 8 << 20


class Row(record.Row, frozen=True):
    """One kernel lowered to one target; docs/record.md explains its fields."""

    def run(self) -> Run:
        """Compile the row's program for the CPU and launch it as the row says, forward and backward.

        A CUDA row runs on the CPU too: as the C++ that Warp makes of the same program. It happens in a
        process of its own, under limits. Raises VerificationError where the row contradicts itself, has no
        known launch, or crashes.
        """
        from warpgen.execution import run

        return run(self)

    def check(self, source: str, language: Language = "python", gradients: bool = True) -> Check:
        """Whether somebody else's kernel does the same as this row's: compiles, and gives the same outputs
        and, with `gradients`, the same gradients on several draws of the row's inputs.

        `source` is a module with one `@wp.kernel` whose arguments have the types of the row's, in their
        order (`python`), or a whole text like the row's `code` (`cpp`, `cuda`). Names are free. It runs in a
        process of its own, under limits. Raises VerificationError where the row itself cannot be run;
        whatever is wrong with `source` is told in the result.
        """
        from warpgen.execution import check

        return check(self, source, language, gradients)


class Dataset:
    """Rows of one or more files, in order. Iterating reads the files anew; nothing is kept in memory."""

    def __init__(self, files: Collection[Path], tests: tuple[Test, ...] = ()) -> None:
        self.files = tuple(files)
        self._tests = tests

    def __repr__(self) -> str:
        names = ", ".join(path.name for path in self.files)
        return f"<warpgen.Dataset of {names}, {len(self._tests)} filters>"

    def __iter__(self) -> Iterator[Row]:
        """Rows that pass all filters. Raises DamageError at a line that is no row."""
        for path in self.files:
            for number, line in _lines(path):
                row = _decode(path, number, line, Row)
                if all(test(row) for test in self._tests):
                    yield row

    def __getitem__(self, id: str) -> Row:
        """The row of an id. Raises KeyError where there is none."""
        for row in self:
            if row.id == id:
                return row
        raise KeyError(id)

    def first(self) -> Row:
        """The first row. Raises LookupError where there is none."""
        for row in self:
            return row
        raise LookupError("no row passes the filters")

    def filter(
        self,
        test: Test | None = None,
        *,
        category: str | Collection[str] | None = None,
        target: Target | None = None,
        split: str | None = None,
        feature: str | None = None,
        verdict: Mapping[str, str] | None = None,
    ) -> Dataset:
        """The rows that pass whatever is given.

        `feature` is the name of a builtin that is called (`atomic_add`), of an element type (`float64`) or
        of a count or flag of the row's features that must not be zero (`loops`, `differentiable`).
        `verdict` says what checks must have found, such as `{"gradient": "pass"}`.
        """
        tests = list(self._tests)
        if test is not None:
            tests.append(test)
        if category is not None:
            wanted = {category} if isinstance(category, str) else set(category)
            tests.append(lambda row: row.category in wanted)
        if target is not None:
            tests.append(lambda row: row.target == target)
        if split is not None:
            tests.append(lambda row: row.split == split)
        if feature is not None:
            tests.append(_has(feature))
        if verdict is not None:
            asked = dict(verdict)
            tests.append(lambda row: all(_verdict(row, check) == word for check, word in asked.items()))
        return Dataset(self.files, tuple(tests))

    def pairs(self) -> Iterator[tuple[Row, Row]]:
        """CPU row and CUDA row of each kernel that has both, in the order of the CPU rows.

        Memory: about a hundred bytes for each CUDA row.
        """
        places: dict[str, tuple[Path, int]] = {}
        for path in self.files:
            place = 0
            for number, line in _lines(path):
                key = _decode(path, number, line, _Key)
                if key.target == "cuda":
                    places[key.kernel_id] = (path, place)
                place += len(line)
        for row in self.filter(target="cpu"):
            found = places.get(row.kernel_id)
            if found is not None:
                with builtins.open(found[0], "rb") as file:
                    file.seek(found[1])
                    other = _decode(found[0], 0, file.readline(), Row)
                if all(test(other) for test in self._tests):
                    yield row, other


class _Key(msgspec.Struct):
    """What joins two rows."""

    kernel_id: str
    target: Target


def open(path: str | Path, *, origin: Origin = "synthesis") -> Dataset:
    """The rows of a dataset file, or of all finished datasets under a root.

    Under a root, `origin` chooses between what was synthesised and what was harvested. Raises UsageError
    where nothing is found.
    """
    path = Path(path)
    if path.is_file():
        return Dataset([path])
    if not path.is_dir():
        raise UsageError(f"there is no file or folder {path}: name a dataset (….jsonl) or the root of a run")
    if origin == "synthesis":
        files = [path / "data" / f"production_{t}" / f"{t}_code_dataset.jsonl" for t in TARGETS]
    else:
        files = [path / "data" / "harvest" / f"{t}_harvest.jsonl" for t in TARGETS]
    there = [file for file in files if file.is_file()]
    if not there:
        command = "run" if origin == "synthesis" else "harvest"
        raise UsageError(
            f"there is no finished dataset under {path}: make one with `python -m warpgen.{command}`, "
            "or name a .jsonl file"
        )
    return Dataset(there)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with builtins.open(path, "rb") as file:
        number = 0
        while line := file.readline(_LONGEST_LINE):
            number += 1
            yield number, line


def _decode(path: Path, number: int, line: bytes, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DamageError(f"line {number} of {path.name} is no row: {error}") from error


def _has(feature: str) -> Test:
    counts = {field for field in record.Features.__struct_fields__ if field not in ("builtins", "dtypes")}
    if feature in counts:
        return lambda row: bool(getattr(row.features, feature))
    return lambda row: feature in row.features.builtins or feature in row.features.dtypes


def _verdict(row: Row, check: str) -> str:
    found = row.verified.get(check)
    return str(found.get("verdict", "")) if isinstance(found, dict) else ""
