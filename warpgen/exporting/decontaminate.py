"""Finding rows that share code with a benchmark: any 13 tokens in a row that are the same."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from warpgen.errors import UsageError
from warpgen.record import Row

GRAM = 13
_TOKEN = re.compile(r"[A-Za-z_]\w*|\d[\w.]*|[^\s\w]")
# Comments are not code, and what begins one depends on the language: `//` divides in Python.
_COMMENTS = {"python": re.compile(r"#[^\n]*"), "c": re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)}
_LANGUAGES: dict[str, tuple[str, ...]] = {".py": ("python",)}
_LANGUAGES |= dict.fromkeys((".c", ".cc", ".cpp", ".cu", ".cuh", ".h", ".hpp"), ("c",))


class Benchmarks:
    """The 13-grams of the given files, at least one.

    Raises UsageError for a file that cannot be read or holds none.

    Of a .json or .jsonl file every text in it is code. Where the name does not tell the language, the file is
    read as Python and as C++.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._numbers: dict[str, int] = {}
        self._files = []
        self._dropped = [0] * len(paths)
        made, owners = [], []
        for place, path in enumerate(paths):
            data = _read(path)
            found = np.unique(np.concatenate([np.zeros(0, np.uint64), *self._file(path, data)]))
            if not len(found):
                raise UsageError(f"{path} holds no {GRAM} tokens of code in a row: name a benchmark's file")
            self._files.append({"name": path.name, "sha256": hashlib.sha256(data).hexdigest()})
            made.append(found)
            owners.append(np.full(len(found), place))
        self._hashes, firsts = np.unique(np.concatenate(made), return_index=True)
        self._owners = np.concatenate(owners)[firsts]

    def counted(self) -> list[dict[str, Any]]:
        """Per file its name, its checksum and how many rows were dropped for it."""
        return [file | {"dropped": n} for file, n in zip(self._files, self._dropped, strict=True)]

    def share(self, row: Row) -> bool:
        """Whether the row's Python or its code shares a gram; counted for the first file that has it."""
        for text, language in ((row.python_source, "python"), (row.code, "c")):
            numbers = [self._numbers.get(token, 0) for token in tokens(text, language)]
            found = self._grams(numbers)
            places = np.searchsorted(self._hashes, found)
            places[places == len(self._hashes)] = 0
            hits = places[self._hashes[places] == found]
            if len(hits):
                self._dropped[int(self._owners[hits].min())] += 1
                return True
        return False

    def _file(self, path: Path, data: bytes) -> Iterator[NDArray[np.uint64]]:
        for text in _texts(path, data):
            for language in _LANGUAGES.get(path.suffix, tuple(_COMMENTS)):
                yield self._grams([self._known(token) for token in tokens(text, language)])

    def _known(self, token: str) -> int:
        """A number for each token of a benchmark, from 1; 0 is any other token."""
        return self._numbers.setdefault(token, len(self._numbers) + 1)

    def _grams(self, numbers: Sequence[int]) -> NDArray[np.uint64]:
        """A hash of every 13 numbers in a row that are all known."""
        values = np.array(numbers, np.uint64)
        if len(values) < GRAM:
            return np.zeros(0, np.uint64)
        windows = np.lib.stride_tricks.sliding_window_view(values, GRAM)
        windows = windows[(windows != 0).all(axis=1)]
        hashed = np.zeros(len(windows), np.uint64)
        for column in windows.T:  # each step mixes all bits (Fibonacci hashing, as in Knuth 6.4)
            hashed = (hashed ^ column) * np.uint64(0x9E3779B97F4A7C15)
            hashed ^= hashed >> np.uint64(29)
        return hashed


def tokens(text: str, language: str) -> list[str]:
    """Tokens of `python` or `c` (C++, CUDA C++) without comments."""
    return _TOKEN.findall(_COMMENTS[language].sub(" ", text))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"the benchmark {path} cannot be read: {error.strerror}") from error


def _texts(path: Path, data: bytes) -> Iterator[str]:
    text = data.decode("utf-8", errors="replace")
    if path.suffix not in (".json", ".jsonl"):
        yield text
        return
    for document in [text] if path.suffix == ".json" else text.splitlines():
        try:
            yield from _strings(msgspec.json.decode(document)) if document.strip() else ()
        except msgspec.DecodeError as error:
            raise UsageError(f"the benchmark {path} is not JSON: {error}") from error


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
