"""Rows as Python objects: `warpgen.open(path)` reads, filters and joins them; a row runs and checks itself.

Importing this imports neither Warp nor NumPy; running a row starts a process that does.
"""

from __future__ import annotations

import builtins
import contextlib
import hashlib
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import xxhash

from warpgen import places, record
from warpgen.errors import DamageError, UsageError
from warpgen.jsonl import refuse_old
from warpgen.record import Target
from warpgen.store import Remote

if TYPE_CHECKING:
    from warpgen.execution import Run
    from warpgen.verdict import Language, Verdict

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

    def check(
        self,
        text: str,
        language: Language = "python",
        *,
        seed: int | None = None,
        timeout: float = 60.0,
        extract: bool = False,
        gradients: bool = True,
        strict: bool = False,
    ) -> Verdict:
        """Whether somebody else's kernel does the same as this row's: a reward to train by.

        `text` is a module with one `@wp.kernel` whose arguments have the types of the row's, in their order
        (`python`), or a whole text like the row's `code` (`cpp`, `cuda`); with `extract`, an answer that
        holds it among other things. Names are free. It must give the same outputs and, with `gradients`, the
        same gradients on draws that nobody can foresee: they follow from `seed`, which is secret unless it
        is given. A text that takes longer than `timeout` seconds counts as wrong, and so does whatever else
        a text does: the verdict tells it. Raises VerificationError where the row itself cannot be run and,
        with `strict`, where this machine lacks a part of the jail. docs/judge.md says more.
        """
        from warpgen.execution import check

        given = {"seed": seed, "timeout": timeout, "extract": extract, "gradients": gradients}
        return check(self, text, language, **given, strict=strict)  # type: ignore[arg-type]


class Dataset:
    """Rows of one or more files, in order. Iterating reads the files anew; nothing is kept in memory."""

    def __init__(
        self,
        files: Collection[Path],
        tests: tuple[Test, ...] = (),
        known: Mapping[Path, _Known] | None = None,
        held: object = None,
    ) -> None:
        self.files = tuple(files)
        self._tests = tests
        self._known = known or {}
        self._held = held

    def __repr__(self) -> str:
        names = ", ".join(path.name for path in self.files)
        return f"<warpgen.Dataset of {names}, {len(self._tests)} filters>"

    def __iter__(self) -> Iterator[Row]:
        """Rows that pass all filters.

        Raises DamageError at a line that is no row, and at the end of a file that is not the one that its
        manifest describes; UsageError at rows of version 1.
        """
        for path in self.files:
            for number, line in self._lines(path):
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
            tests.append(_found(verdict))
        return Dataset(self.files, tuple(tests), self._known, self._held)

    def pairs(self) -> Iterator[tuple[Row, Row]]:
        """CPU row and CUDA row of each kernel that has both, in the order of the CPU rows.

        Memory: about a hundred bytes for each CUDA row.
        """
        places: dict[str, tuple[Path, int]] = {}
        for path in self.files:
            place = 0
            for number, line in self._lines(path):
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

    def _lines(self, path: Path) -> Iterator[tuple[int, bytes]]:
        known = self._known.get(path)
        state = known.algorithm() if known else None
        with builtins.open(path, "rb") as file:
            number = 0
            while line := file.readline(_LONGEST_LINE):
                number += 1
                if number == 1:
                    refuse_old(path.name, line)
                if state:
                    state.update(line)
                yield number, line
        if state and known and state.hexdigest() != known.checksum:
            raise DamageError(f"{path.name} is damaged or another file than that of its manifest")


class _Known(msgspec.Struct, frozen=True):
    """What a manifest says of a file."""

    algorithm: Callable[[], Any]
    checksum: str


class _Key(msgspec.Struct):
    """What joins two rows."""

    kernel_id: str
    target: Target


def open(path: str | Path, *, origin: Origin = "synthesis") -> Dataset:
    """The rows of a dataset file, or of all finished datasets under a root.

    What is in an object store is fetched into a folder of this machine, which goes with the Dataset.

    Under a root, `origin` chooses between what was synthesised and what was harvested. Raises UsageError
    where nothing is found, DamageError where a file is not what its manifest describes.
    """
    place = places.at(places.root(str(path)))
    with contextlib.ExitStack() as stack:
        with places.looking_at(place):
            is_file = place.is_file()
        if is_file:
            return Dataset([stack.enter_context(places.file_at_hand(place))], held=_Held(stack))
        if isinstance(place, Path) and not place.is_dir():
            raise UsageError(
                f"there is no file or folder {path}: name a dataset (….jsonl) or the root of a run"
            )
        known = _harvested(place) if origin == "harvest" else _synthesised(place, stack)
        if not known:
            raise UsageError(
                f"there is no finished dataset under {path}: make one with "
                f"`python -m warpgen.{'harvest' if origin == 'harvest' else 'run'}`, or name a .jsonl file"
            )
        return Dataset(known, known=known, held=_Held(stack))


class _Held:
    """Keeps what was fetched as long as there is this."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        weakref.finalize(self, stack.pop_all().close)


def _synthesised(place: Path | Remote, stack: contextlib.ExitStack) -> dict[Path, _Known]:
    """The datasets that `run` made. A manifest may be kept without its dataset."""
    from warpgen.paths import dataset_path
    from warpgen.reporting import finished

    root, targets = stack.enter_context(finished.at_hand(place, whole=False))
    return {
        finished.path_of(root, manifest): _Known(xxhash.xxh3_128, manifest.figures.xxh3_128)
        for target, manifest in finished.described(root, targets).items()
        if dataset_path(root, target).is_file()
    }


def _harvested(place: Path | Remote) -> dict[Path, _Known]:
    from warpgen.reporting import harvested as harvest

    if not isinstance(place, Path) or not harvest.is_there(place):
        return {}
    files = harvest.read(place)[0].files
    known = {harvest.dataset_path(place, t): _Known(hashlib.sha256, files[t].sha256) for t in files}
    return {path: what for path, what in known.items() if path.is_file()}


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


def _found(verdicts: Mapping[str, str]) -> Test:
    asked, unknown = dict(verdicts), set(verdicts) - set(record.CHECKS)
    if unknown:
        raise UsageError(f"there is no check {unknown.pop()!r}: the checks are {', '.join(record.CHECKS)}")
    return lambda row: all(getattr(row.verified, check).verdict == word for check, word in asked.items())
