"""Try published attacks, planted faults and right rewrites on `row.check`, and write what came of them.

A planted fault counts where it changes an output or gradient by more than rounding on one of many draws of
inputs; those that do not are equivalent, and are not judged. An attack and a right rewrite count as they are
made; an attack that happens to be right for a row (a parameter that its kernel does not use, hard-coded) is
listed as accepted all the same, for a person to look at. Verdicts are noted in a file as they come: a run
that was ended goes on there, and the page is made of all that such files hold.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

import msgspec

import warpgen
from tools.audit_attacks import CPP, PYTHON, attacks_of
from tools.audit_cuda import CUDA, attacks_on_cuda, mutants_of_cuda, rights_of_cuda
from tools.audit_rewrites import RIGHT
from tools.rewrite_score import _of_cpp, _of_python, _Originals, _right_texts
from warpgen import durable
from warpgen.extraction import warp_api
from warpgen.verdict import Language, Verdict

_START, _END = "<!-- figures: written by tools/audit.py -->\n", "<!-- end -->"
# Seconds for a text; attacks that never end cost all of theirs.
_TIMEOUT, _ENDLESS_TIMEOUT = 60.0, 4.0
_ENDLESS = ("never ends", "an endless number while code is made", "templates without end")
_LANGUAGES: tuple[Language, ...] = ("python", "cpp", "cuda")
_TITLES = {"attack": "published attacks", "mutant": "planted faults", "rewrite": "right rewrites"}


class Case(msgspec.Struct, frozen=True):
    """A text for a row, what it is, and whether it is right."""

    row: warpgen.Row
    group: str
    kind: str
    language: Language
    right: bool
    text: str


class Told(msgspec.Struct, frozen=True):
    """What came of a case, as it is noted."""

    row: str
    name: str
    group: str
    kind: str
    language: Language
    number: int  # of its kind and row
    right: bool  # what it is
    called: bool  # what the judge called it
    stage: str
    why: str
    seconds: float
    seed: int = 0  # of the draws

    @property
    def key(self) -> tuple[str, ...]:
        """What a case is known by."""
        return self.row, self.group, self.kind, self.language, str(self.number)

    @property
    def misjudged(self) -> bool:
        """Whether it was taken for the other sort."""
        return self.called != self.right


def main() -> int:
    """Judge all cases of some rows; 1 where one was taken for the other sort."""
    args = _arguments()
    told = _noted(args.results)
    if args.rows:
        with tempfile.TemporaryDirectory(prefix="warpgen-audit-") as name:
            warp_api.start(Path(name) / "kernels")
            _audit(args, _Originals(Path(name) / "originals"), told, Path(name) / "cache")
    for path in args.beside:
        told = _noted(path) | told
    report = _report(list(told.values()))
    if args.page:
        _write(args.page, report)
    print(report)
    return int(any(t.misjudged for t in told.values()))


def _audit(
    args: argparse.Namespace, originals: _Originals, told: dict[tuple[str, ...], Told], cache: Path
) -> None:
    """Judge what is not noted of so many rows."""
    # Of a text that no run judges, no verdict is right: of CUDA that samples textures.
    rows = [row for row in warpgen.open(args.data) if row.verified.device.verdict != "unchecked"]
    rows = rows[args.first :: max(1, (len(rows) - args.first) // args.rows)][: args.rows]
    with (
        warpgen.Judge(args.data, workers=args.workers, timeout=_TIMEOUT, cache=cache) as judge,
        warpgen.Judge(args.data, workers=1, timeout=_ENDLESS_TIMEOUT, cache=cache) as hasty,
    ):
        for number, row in enumerate(rows):
            _audit_row(row, number, args, originals, told, (judge, hasty))
            wrong = sum(t.misjudged for t in told.values())
            print(f"{number + 1} of {len(rows)} rows, {len(told)} texts, {wrong} misjudged", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, default=Path("data/samples/cpu_sample.jsonl"), help="rows")
    parser.add_argument("--rows", type=int, default=5, help="how many of them, evenly spread (5); 0: none")
    parser.add_argument("--first", type=int, default=0, help="the row that the first of them is (0)")
    parser.add_argument("--mutants", type=int, default=4, help="planted faults of each language and row (4)")
    parser.add_argument("--workers", type=int, default=1, help="processes that judge (1)")
    parser.add_argument("--results", type=Path, help="a file that verdicts are noted in, and taken from")
    parser.add_argument("--beside", type=Path, nargs="*", default=(), help="such files of other runs")
    parser.add_argument("--page", type=Path, help="a page whose marked block is written anew")
    return parser.parse_args()


def _noted(path: Path | None) -> dict[tuple[str, ...], Told]:
    if path is None or not path.exists():
        return {}
    lines = path.read_bytes().splitlines()
    return {made.key: made for made in (msgspec.json.decode(line, type=Told) for line in lines)}


def _audit_row(
    row: warpgen.Row,
    number: int,
    args: argparse.Namespace,
    originals: _Originals,
    told: dict[tuple[str, ...], Told],
    judges: tuple[warpgen.Judge, warpgen.Judge],
) -> None:
    """Judge what is not noted of one row."""
    cases = _cuda_cases if row.target == "cuda" else _cases
    used: Counter[tuple[str, str, str]] = Counter()
    planted = sum(t.row == row.id and t.group == "mutant" for t in told.values())
    pending: list[tuple[Case, int, Future[Verdict]]] = []
    for case in cases(row, number, 0 if planted else args.mutants, originals):
        kind = case.group, case.kind, case.language
        if (row.id, *kind, str(used[kind])) not in told:
            judge = judges[case.kind in _ENDLESS]
            extract = case.kind.startswith("an answer")
            future = judge.submit(row.id, case.text, case.language, extract=extract)
            pending.append((case, used[kind], future))
        used[kind] += 1
    for case, place, future in pending:
        made = _told(case, place, future.result())
        told[made.key] = made
        if args.results is not None:
            with args.results.open("ab") as file:
                file.write(msgspec.json.encode(made) + b"\n")


def _write(page: Path, text: str) -> None:
    """The marked block of a page anew."""
    old = page.read_text(encoding="utf-8")
    start, end = old.index(_START) + len(_START), old.index(_END)
    durable.write(page, (old[:start] + text + old[end:]).encode())


def _cases(row: warpgen.Row, number: int, mutants: int, originals: _Originals) -> Iterator[Case]:
    for attack, text in attacks_of(row):
        yield Case(row, "attack", attack.name, attack.language, False, text)
    for right in RIGHT:
        made = right.make(row)
        if made is not None:
            yield Case(row, "rewrite", right.kind, "python", True, made)
    for kind, text in _right_texts(row, number, Counter()):
        yield Case(row, "rewrite", kind, "cpp", True, text)
    used: Counter[str] = Counter()
    for turn in range(mutants):
        for language, make in (("python", _of_python), ("cpp", _of_cpp)):
            case = make(row, False, used, 7 * number + turn, originals)
            if case is not None:
                used[case.kind] += 1
                yield Case(
                    row, "mutant", case.kind, "cpp" if language == "cpp" else "python", False, case.source
                )


def _cuda_cases(row: warpgen.Row, number: int, mutants: int, originals: _Originals) -> Iterator[Case]:
    """As `_cases` for a row in CUDA."""
    for attack, text in attacks_on_cuda(row):
        yield Case(row, "attack", attack.name, "cuda", False, text)
    for kind, text in rights_of_cuda(row):
        yield Case(row, "rewrite", kind, "cuda", True, text)
    for kind, text in mutants_of_cuda(row, 7 * number, mutants, originals.device):
        yield Case(row, "mutant", kind, "cuda", False, text)


def _told(case: Case, number: int, found: Verdict) -> Told:
    told = Told(
        case.row.id,
        case.row.name,
        case.group,
        case.kind,
        case.language,
        number,
        case.right,
        found.right,
        found.stage,
        found.why,
        round(sum(found.seconds.values()), 2),
        found.seed,
    )
    if told.misjudged:
        print(f"    misjudged: {told}", flush=True)
    return told


def _report(told: Sequence[Told]) -> str:
    rows = {language: len({t.row for t in told if t.language == language}) for language in _LANGUAGES}
    count = f"{rows['cpp']} rows in Python and C++, {rows['cuda']} in CUDA"
    longest = max((t.seconds for t in told), default=0.0)
    lines = [f"{len(told)} texts of {count}, at most {longest:.0f} s for one.", ""]
    lines += ["| texts | language | tried | taken for the other sort | ended at |", "|---|---|---|---|---|"]
    for group, title in _TITLES.items():
        for language in _LANGUAGES:
            some = [t for t in told if (t.group, t.language) == (group, language)]
            ends = ", ".join(f"{stage} {n}" for stage, n in Counter(t.stage for t in some).most_common())
            wrong = sum(t.misjudged for t in some)
            lines.append(f"| {title} | {language} | {len(some)} | {wrong} | {ends} |")
    lines += ["", "| attack | language | seen or described in | tried | accepted |", "|---|---|---|---|---|"]
    for attack in (*PYTHON, *CPP, *CUDA):
        some = _of(told, "attack", attack.name, attack.language)
        what = f"{attack.name} | {attack.language} | {attack.source}"
        lines.append(f"| {what} | {len(some)} | {sum(t.misjudged for t in some)} |")
    lines += ["", "| right rewrite | language | tried | rejected |", "|---|---|---|---|"]
    kinds = {(t.kind, t.language) for t in told if t.group == "rewrite"}
    for kind, language in sorted(kinds, key=lambda k: (_LANGUAGES.index(k[1]), k[0])):
        some = _of(told, "rewrite", kind, language)
        lines.append(f"| {kind} | {language} | {len(some)} | {sum(t.misjudged for t in some)} |")
    named = [f"{t.kind} ({t.language}) of {t.name}" for t in told if t.misjudged]
    return "\n".join([*lines, "", f"Taken for the other sort: {'; '.join(named) or 'none'}.", ""])


def _of(told: Sequence[Told], group: str, kind: str, language: Language) -> list[Told]:
    return [t for t in told if (t.group, t.kind, t.language) == (group, kind, language)]


if __name__ == "__main__":
    sys.exit(main())
