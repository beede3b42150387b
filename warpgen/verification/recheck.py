"""Judge rows again, from the rows alone. A row is untrusted: it may be damaged, altered or malicious."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from warpgen.errors import ProgramError, VerificationError
from warpgen.extraction.codegen import Code, lower
from warpgen.extraction.features import inspect_source
from warpgen.program import Program
from warpgen.reasons import Reason
from warpgen.record import AUTHOR, CHECKS, UNVERIFIED, Row, Verified
from warpgen.verification.allowlist import require_allowed
from warpgen.verification.check import Judgement, check_unit
from warpgen.verification.device.machine import MOST_SHARED
from warpgen.verification.native.isolation import Died, Note, isolated
from warpgen.verification.running.arguments import MOST_BYTES

Level = Literal["none", "compile", "run"]
Claims = Callable[[Row], dict[str, Any]]
Verdict = Literal["holds", "invalid", "altered", "refuted"]

# Programs that do not end, or not within their memory, are none that a row may hold.
_UNFIT = (Reason.TIMEOUT, Reason.MEMORY, Reason.ERROR)

# A row's line is a few hundred KB at most; a longer one is not worth parsing.
LONGEST_LINE = 8 << 20


class StrictRow(Row, frozen=True, forbid_unknown_fields=True):
    """A row with nothing else in it."""


class Finding(msgspec.Struct, frozen=True):
    """What became of one line: `invalid` is no row, `altered` contradicts itself, `refuted` fails a check."""

    line: int
    id: str
    verdict: Verdict
    why: str = ""


def level_of(verified: Verified) -> Level:
    """The level that a row claims to have been verified at."""
    checks = set(verified.verdicts)
    if verified.forward.references == AUTHOR:  # who is not at hand
        checks.discard("forward")
    return "run" if checks - {"compile"} else "compile" if checks else "none"


def recheck(
    lines: Sequence[tuple[int, bytes]], most: Level, workdir: Path, claims: Claims | None = None
) -> list[Finding]:
    """Findings on numbered lines, in their order; each is checked at its own level, at most at `most`.

    `claims` may name further fields and what they must be; it runs in a confined child.
    """
    findings: dict[int, Finding] = {}
    rows: dict[int, StrictRow] = {}
    for number, line in lines:
        try:
            rows[number] = parse(line)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            findings[number] = Finding(number, "", "invalid", f"no row: {_short(error)}")
    for number, finding in contradictions(rows, claims).items():
        findings[number] = finding
        del rows[number]
    for number, finding in _rejudged(rows, most, workdir).items():
        findings[number] = finding
    return [findings[number] for number, _ in lines]


def parse(line: bytes) -> StrictRow:
    """The row of a line. Raises msgspec's errors or a ValueError where it is none."""
    if len(line) > LONGEST_LINE:
        raise ValueError(f"the line is longer than {LONGEST_LINE >> 20} MiB")
    return msgspec.json.decode(line, type=StrictRow)


def contradictions(rows: Mapping[int, Row], claims: Claims | None = None) -> dict[int, Finding]:
    """Rows that must not run, or whose parts do not belong together."""
    numbers = list(rows)

    def task(at: int, note: Note) -> Any:
        return _inspect(rows[numbers[at]], claims)

    found: dict[int, Finding] = {}
    for number, result in zip(numbers, isolated(len(numbers), task), strict=True):
        if isinstance(result, Died):
            why = f"{result.reason} while generating code: {result.error}"
            found[number] = Finding(number, rows[number].id, "invalid", why)
        elif result:
            found[number] = Finding(number, rows[number].id, result[0], result[1])
    return found


def _inspect(row: Row, more: Claims | None) -> tuple[Verdict, str] | None:
    try:
        _refuse_large(row)
        require_allowed(row.python_source)
        inspection = inspect_source(row.python_source, row.name, [argument.type for argument in row.args])
        code = lower(program_of(row), (row.target,))[row.target]
    except ProgramError as error:
        return "invalid", str(error)
    claims: dict[str, tuple[Any, Any]] = {
        "source_hash": (row.source_hash, inspection.source_hash),
        "structure_hash": (row.structure_hash, inspection.structure_hash),
        "features": (row.features, inspection.features),
        "code": (row.code, code.text),
        "forward": (row.forward, code.forward),
        "backward": (row.backward, code.backward),
        "id": (row.id, f"{row.kernel_id}-{row.target}"),
    }
    if row.provenance.origin == "synthesis":
        # The hash in it is of a recipe, which is not in the row.
        name = f"s{row.provenance.seed}-{row.provenance.index}"
        own = re.fullmatch(rf"{name}-[0-9a-f]{{8}}", row.kernel_id)
        claims["kernel_id"] = (row.kernel_id, row.kernel_id if own else name)
    if more is not None:
        claims |= {name: (getattr(row, name), value) for name, value in more(row).items()}
    wrong = [name for name, (stored, made) in claims.items() if stored != made]
    if wrong:
        return "altered", f"{', '.join(wrong)} not as made from the source"
    if row.verified.verdicts and code.shared > MOST_SHARED:
        return "refuted", f"a block takes {code.shared} bytes of shared memory"
    return None


def _refuse_large(row: Row) -> None:
    """Raise VerificationError for a row whose inputs would fill the memory."""
    elements = sum(math.prod(fill.shape) for argument in row.args for fill in argument.fills)
    if elements > MOST_BYTES:
        raise VerificationError(f"the arguments take more than {MOST_BYTES >> 20} MiB")


def _rejudged(rows: dict[int, StrictRow], most: Level, workdir: Path) -> dict[int, Finding]:
    """The checks themselves, on rows of one level and target at a time."""
    order: tuple[Level, ...] = ("none", "compile", "run")
    groups: dict[tuple[Level, Any], list[int]] = {}
    for number, row in rows.items():
        level = min(level_of(row.verified), most, key=order.index)
        groups.setdefault((level, row.target), []).append(number)
    found: dict[int, Finding] = {}
    for (level, target), numbers in groups.items():
        if level == "none":
            judgements = [Judgement(UNVERIFIED) for _ in numbers]
        else:
            programs = [program_of(rows[number]) for number in numbers]
            codes = [{target: _code(rows[number])} for number in numbers]
            made = check_unit(programs, codes, level, "keep", (target,), workdir)
            judgements = [judgement[target] for judgement in made]
        for number, judgement in zip(numbers, judgements, strict=True):
            found[number] = _compare(number, rows[number], judgement)
    return found


def _compare(number: int, row: StrictRow, judgement: Judgement) -> Finding:
    if judgement.verified is None:
        verdict: Verdict = "invalid" if judgement.reason in _UNFIT else "refuted"
        return Finding(number, row.id, verdict, f"{judgement.reason}: {judgement.error}")
    made, claimed = judgement.verified, row.verified
    if claimed.forward.references == AUTHOR and row.provenance.origin != "harvest":
        return Finding(
            number, row.id, "refuted", "a program without an author is held to its author's kernel"
        )
    if row.provenance.origin == "harvest" and "forward" not in made.verdicts:
        made = msgspec.structs.replace(made, forward=claimed.forward)  # its author's kernel is not at hand
    # What the row claims and nobody asked to check again stands unchecked.
    asked = [check for check in CHECKS if check in made.verdicts or check not in claimed.verdicts]
    wrong = [check for check in asked if getattr(made, check) != getattr(claimed, check)]
    if wrong:
        return Finding(
            number, row.id, "refuted", f"the evidence of {', '.join(wrong)} is not what the checks find"
        )
    return Finding(number, row.id, "holds")


def program_of(row: Row) -> Program:
    """The program that a row was made of."""
    source, provenance = row.python_source, row.provenance
    return Program(provenance.seed, provenance.index, row.category, row.name, source, row.args, row.launch)


def _code(row: StrictRow) -> Code:
    return Code(row.code, row.forward, row.backward)


def _short(error: BaseException) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
