"""What a row may claim of its author's kernel, which nobody can ask again."""

from __future__ import annotations

import msgspec

from tests.support.imaginary import row as imaginary
from warpgen.record import AUTHOR, UNVERIFIED, Compile, Forward
from warpgen.verification import Judgement
from warpgen.verification.recheck import _compare, level_of, parse


def test_only_a_harvested_row_has_an_author() -> None:
    """Its run beside the author's stands when it is verified again; a synthesised row's claim does not."""
    claimed = msgspec.structs.replace(
        UNVERIFIED, compile=Compile("pass"), forward=Forward("pass", references=AUTHOR)
    )
    assert level_of(claimed) == "compile"
    made = Judgement(msgspec.structs.replace(UNVERIFIED, compile=Compile("pass")))
    row = msgspec.structs.replace(parse(imaginary(0, "cpu")), verified=claimed)
    assert _compare(1, row, made).verdict == "refuted"
    harvested = msgspec.structs.replace(row.provenance, origin="harvest")
    assert _compare(1, msgspec.structs.replace(row, provenance=harvested), made).verdict == "holds"
