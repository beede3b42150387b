"""Hold right and wrong rewrites of rows' kernels against `row.check`, in Python and in C++.

A wrong rewrite counts where it changes an output or gradient by more than rounding on one of many draws of
inputs; a right one is right by how it is made. Both must be told by `row.check` alone.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import warpgen
from tools.launches import differ, executable, launched
from tools.rewrites import REWRITES, rename, rewritten
from warpgen.errors import ProgramError, VerificationError
from warpgen.extraction import warp_api
from warpgen.extraction.codegen import lower
from warpgen.hunting.oracles import layouts_of
from warpgen.planting.generated_faults import FAULTS
from warpgen.program import Program
from warpgen.verification.compiling.compiler import Compiler
from warpgen.verification.device.compiling import DeviceCompiler
from warpgen.verification.native.isolation import isolated
from warpgen.verification.recheck import program_of
from warpgen.verification.running.arguments import Arguments

# Draws on which a wrong rewrite must differ, else it is not counted.
_DRAWS = 24


class Case(NamedTuple):
    """A rewrite of a row's kernel."""

    row: warpgen.Row
    kind: str
    right: bool
    source: str  # what is given to row.check
    text: str  # its C++


def main() -> int:
    """Judge right and wrong rewrites of both languages; 1 when one is taken for the other sort."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, default=Path("data/samples/cpu_sample.jsonl"), help="CPU rows")
    parser.add_argument(
        "--count", type=int, default=50, help="right and wrong rewrites of each language (50)"
    )
    args = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="warpgen-rewrites-") as name:
        folder = Path(name)
        warp_api.start(folder / "kernels")
        originals = _Originals(folder / "originals")
        for language in ("python", "cpp"):
            for right in (True, False):
                failed += _score(args.data, language, right, args.count, originals)
    return 1 if failed else 0


def _score(data: Path, language: str, right: bool, count: int, originals: _Originals) -> int:
    """Judge `count` rewrites; returns how many were taken for the other sort."""
    make = _of_python if language == "python" else _of_cpp
    used: Counter[str] = Counter()
    misjudged, judged = [], 0
    for row in warpgen.open(data):
        if judged == count:
            break
        case = make(row, right, used, judged, originals)
        if case is None:
            continue
        try:
            found = row.check(case.source, "python" if language == "python" else "cpp")
        except VerificationError:  # the row itself does not run: it was not verified
            continue
        used[case.kind] += 1
        judged += 1
        if found.right != right:
            misjudged.append((case, found))
    word = "right" if right else "wrong"
    print(f"{language}: {judged} {word} rewrites, {judged - len(misjudged)} told", flush=True)
    for kind, number in used.most_common():
        print(f"    {number} {kind}")
    for case, found in misjudged:
        print(f"    misjudged: {case.kind} in {case.row.id}: {found}")
    if judged < count:
        print(f"    only {judged} of {count} could be made: give more rows with --data")
    return len(misjudged) + (judged < count)


def _of_python(
    row: warpgen.Row, right: bool, used: Counter[str], turn: int, originals: _Originals
) -> Case | None:
    for rewrite in sorted((r for r in REWRITES if r.right == right), key=lambda r: used[r.kind]):
        source = rewritten(row.python_source, row.name, [rewrite.change, rename], turn)
        text = _lowered(row, source)
        if source is not None and text is not None and (right or _differs(row, text, originals)):
            return Case(row, rewrite.kind, right, source, text)
    return None


def _lowered(row: warpgen.Row, source: str | None) -> str | None:
    """The C++ of a rewritten program, None where Warp refuses it."""
    if source is None:
        return None
    program = program_of(row)
    try:
        made = Program(0, 0, "", "rewritten", source, program.args, program.launch)
        return lower(made, ("cpu",))["cpu"].text
    except ProgramError:
        return None


def _of_cpp(
    row: warpgen.Row, right: bool, used: Counter[str], turn: int, originals: _Originals
) -> Case | None:
    for kind, text in _right_texts(row, turn, used) if right else _wrong_texts(row, turn, used):
        if text != row.code and (right or _differs(row, text, originals)):
            renamed = re.sub(r"\bvar_(\d+)", r"value\1", text)
            return Case(row, kind, right, renamed, renamed)
    return None


def _wrong_texts(row: warpgen.Row, turn: int, used: Counter[str]) -> Iterator[tuple[str, str]]:
    for fault in sorted(FAULTS, key=lambda f: used[f.kind]):
        start, stop = row.backward if fault.adjoint else row.forward
        changed = fault.change(row.code[start:stop], turn)
        if changed is not None:
            yield fault.kind, row.code[:start] + changed + row.code[stop:]


RIGHT_TEXTS: dict[str, Callable[[str], str]] = {
    "renamed": lambda text: text,
    "comments removed": lambda text: re.sub(r"^ *//.*\n", "", text, flags=re.MULTILINE),
    "sums exchanged": lambda text: re.sub(r"= wp::add\((\w+), (\w+)\);", r"= wp::add(\2, \1);", text),
    "operators for calls": lambda text: re.sub(r"= wp::(add|sub)\((\w+), (\w+)\);", _operator, text),
    "difference as sum": lambda text: re.sub(
        r"= wp::sub\((\w+), (\w+)\);", r"= wp::add(\1, wp::neg(\2));", text
    ),
    "value named": lambda text: re.sub(
        r"( +)wp::array_store\((.*), (var_\d+)\);",
        r"\1{ const auto named = \3; wp::array_store(\2, named); }",
        text,
    ),
    "declarations turned round": lambda text: re.sub(
        r"(?:^ +wp::\w+ var_\d+;\n)+",
        lambda m: "".join(reversed(m[0].splitlines(keepends=True))),
        text,
        flags=re.MULTILINE,
    ),
}


def _operator(match: re.Match[str]) -> str:
    return f"= {match[2]} {'+' if match[1] == 'add' else '-'} {match[3]};"


def _right_texts(row: warpgen.Row, turn: int, used: Counter[str]) -> Iterator[tuple[str, str]]:
    start, stop = row.forward
    for kind in sorted(RIGHT_TEXTS, key=lambda k: used[k]):
        text = row.code[:start] + RIGHT_TEXTS[kind](row.code[start:stop]) + row.code[stop:]
        if kind == "renamed" or text != row.code:
            yield kind, text + " " * (kind == "renamed")


class _Originals:
    """Rows' own objects, each compiled once."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.compiler, self.device = Compiler(folder), DeviceCompiler(folder / "device")
        self._paths: dict[str, Path | None] = {}

    def path(self, row: warpgen.Row) -> Path | None:
        if row.id not in self._paths:
            self._paths[row.id] = self.compiler.compile("cpu", {0: row.code}).objects.get(0)
        return self._paths[row.id]


def _differs(row: warpgen.Row, text: str, originals: _Originals) -> bool:
    """Whether a rewrite changes any output or gradient by more than rounding on many draws of inputs."""
    program = program_of(row)
    own, other = originals.path(row), originals.compiler.compile("cpu", {0: text}).objects.get(0)
    if own is None or other is None:
        return False  # what does not compile is no test

    layouts = layouts_of(program)

    def task(draw: int, note: Any) -> Any:
        made = []
        for code, path in ((row.code, own), (text, other)):
            arguments = Arguments(program.args, layouts, program.launch.seed, draw)
            made.append(launched(executable(path, code, program.launch), arguments, draw))
        return any(differ(a, b) for a, b in zip(*made, strict=True))

    found = isolated(_DRAWS, task, seconds=20.0)
    other.unlink()
    # A draw on which a child dies says nothing here.
    return any(result is True for result in found)


if __name__ == "__main__":
    sys.exit(main())
