"""Tokens are counted line by line, and come out as of the whole text."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as some

import warpgen
from tests.support.commands import SAMPLES
from warpgen.exporting.fitting import byte_bpe
from warpgen.exporting.fitting.byte_bpe import PATTERN, ByteBpe

COUNTER = ByteBpe()


def whole(text: str) -> int:
    """The tokens of all pieces of a text."""
    return sum(map(COUNTER._length, re.findall(PATTERN, text)))


@given(some.text(alphabet="a1_ \t\n\r;é\u2028+", max_size=40))
def test_lines_make_up_the_text(text: str) -> None:
    """Whatever stands at their ends."""
    assert COUNTER.counts([text]) == [whole(text)]


def test_what_is_forgotten_is_counted_again() -> None:
    """Texts of rows, with room for few lines."""
    texts = [row.code[:20_000] for row in warpgen.open(SAMPLES["cuda"])][:4]
    few = ByteBpe()
    few._lines._most = few._lengths._most = 7
    assert few.counts(texts) == COUNTER.counts(texts) == list(map(whole, texts))
    assert len(few._lines) <= 7 and byte_bpe.NAME == "warpgen-bpe-8k"
