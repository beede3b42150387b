"""Try published attacks, planted faults and right rewrites on `row.check`, and write what came of them.

A planted fault counts where it changes some bit of an output or gradient on one of many draws of inputs; an
attack and a right rewrite count as they are made. An attack that happens to be right for a row (a parameter
that its kernel does not use, hard-coded) is listed as accepted all the same, by the row, for a person to
look at.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import warpgen
from tools.audit_attacks import CPP, PYTHON, attacks_of
from tools.audit_rewrites import RIGHT
from tools.rewrite_score import _of_cpp, _of_python, _Originals, _right_texts
from warpgen import durable
from warpgen.errors import VerificationError
from warpgen.extraction import warp_api
from warpgen.verdict import Language, Verdict

_START, _END = "<!-- figures: written by tools/audit.py -->\n", "<!-- end -->"
# Seconds for a text; attacks that never end cost all of theirs.
_TIMEOUT, _ATTACKS_TIMEOUT = 60.0, 10.0


class Case(NamedTuple):
    """A text for a row, what it is, and whether it is right."""

    row: warpgen.Row
    group: str
    kind: str
    language: Language
    right: bool
    text: str


class Told(NamedTuple):
    """A case and its verdict; none where the check raised."""

    case: Case
    verdict: Verdict | None
    seconds: float


def main() -> int:
    """Judge all cases of some rows; 1 where one was taken for the other sort."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, default=Path("data/samples/cpu_sample.jsonl"), help="CPU rows")
    parser.add_argument("--rows", type=int, default=5, help="how many of them, evenly spread (5)")
    parser.add_argument("--mutants", type=int, default=4, help="planted faults of each language and row (4)")
    parser.add_argument("--page", type=Path, help="a page whose marked block is written anew")
    args = parser.parse_args()
    rows = list(warpgen.open(args.data))
    rows = rows[:: max(1, len(rows) // args.rows)][: args.rows]
    told: list[Told] = []
    with tempfile.TemporaryDirectory(prefix="warpgen-audit-") as name:
        warp_api.start(Path(name) / "kernels")
        originals = _Originals(Path(name) / "originals")
        for number, row in enumerate(rows):
            for case in _cases(row, number, args.mutants, originals):
                told.append(_judged(case))
            wrong = sum(_misjudged(t) for t in told)
            print(f"{number + 1} of {len(rows)} rows, {len(told)} texts, {wrong} misjudged", flush=True)
            if args.page:  # after each row: a run that is ended early has told something
                _write(args.page, _report(told, number + 1))
    print(_report(told, len(rows)))
    return int(any(map(_misjudged, told)))


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


def _judged(case: Case) -> Told:
    start = time.monotonic()
    try:
        verdict = case.row.check(
            case.text,
            case.language,
            timeout=_ATTACKS_TIMEOUT if case.group == "attack" else _TIMEOUT,
            extract=case.kind.startswith("an answer"),
        )
    except VerificationError as error:
        print(f"{case.row.id}: {error}", flush=True)
        verdict = None
    told = Told(case, verdict, time.monotonic() - start)
    if _misjudged(told):
        print(
            f"    misjudged: {case.group} {case.kind!r} in {case.language} of {case.row.id}: {verdict}",
            flush=True,
        )
    return told


def _misjudged(told: Told) -> bool:
    return told.verdict is None or told.verdict.right != told.case.right


def _report(told: list[Told], rows: int) -> str:
    lines = [f"{len(told)} texts of {rows} rows, at most {max(t.seconds for t in told):.0f} s for one.", ""]
    lines += ["| texts | language | tried | taken for the other sort | ended at |", "|---|---|---|---|---|"]
    names = {"attack": "published attacks", "mutant": "planted faults", "rewrite": "right rewrites"}
    for group, title in names.items():
        for language in ("python", "cpp"):
            some = [t for t in told if (t.case.group, t.case.language) == (group, language)]
            stages = Counter(t.verdict.stage if t.verdict else "raised" for t in some)
            ends = ", ".join(f"{stage} {count}" for stage, count in stages.most_common())
            lines.append(f"| {title} | {language} | {len(some)} | {sum(map(_misjudged, some))} | {ends} |")
    lines += ["", "| attack | language | seen or described in | tried | accepted |", "|---|---|---|---|---|"]
    for attack in (*PYTHON, *CPP):
        some = [
            t
            for t in told
            if (t.case.kind, t.case.language, t.case.group) == (attack.name, attack.language, "attack")
        ]
        what = f"{attack.name} | {attack.language} | {attack.source}"
        lines.append(f"| {what} | {len(some)} | {sum(map(_misjudged, some))} |")
    lines += ["", "| right rewrite | language | tried | rejected |", "|---|---|---|---|"]
    kinds = sorted(
        {(t.case.kind, t.case.language) for t in told if t.case.group == "rewrite"},
        key=lambda k: (k[1] == "cpp", k[0]),
    )
    for kind, language in kinds:
        some = [
            t for t in told if (t.case.kind, t.case.language, t.case.group) == (kind, language, "rewrite")
        ]
        lines.append(f"| {kind} | {language} | {len(some)} | {sum(map(_misjudged, some))} |")
    wrong = [t for t in told if _misjudged(t)]
    named = [f"{t.case.kind} ({t.case.language}) of {t.case.row.name}" for t in wrong]
    return "\n".join([*lines, "", f"Taken for the other sort: {'; '.join(named) or 'none'}.", ""])


if __name__ == "__main__":
    sys.exit(main())
