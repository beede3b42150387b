"""Every motif in every variant: each can be written, Warp takes it, and a fault in one is not drawn away."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable

import pytest

from tests.support.drafting import all_drafts, variants
from warpgen.errors import SynthesisError
from warpgen.synthesis import generator
from warpgen.synthesis.blocks.motif import Category
from warpgen.synthesis.categories import categories
from warpgen.synthesis.generator import Options, synthesize
from warpgen.synthesis.kit.kit import Kit


@pytest.mark.parametrize("category", list(categories()))
def test_every_variant_of_every_motif_can_be_written(category: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No option among which a motif chooses is at fault or always rejected; each gives Python text."""
    seen = variants(monkeypatch)
    for motif in categories()[category].motifs:
        seen.clear()
        for program in all_drafts(motif, seen):
            ast.parse(program.source)
        assert not seen.left(), f"{category}.{motif.name} never takes these: {seen.left()}"


ONLY = Options({"search": 1.0})


def only(write: Callable[[Kit], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs of `ONLY` are about this motif."""
    category = Category("search", "a single motif")
    category.motif(inline=True)(write)
    monkeypatch.setattr(generator, "categories", lambda: {"search": category})


@pytest.mark.parametrize("error", [SynthesisError, ZeroDivisionError])
def test_a_fault_in_a_motif_is_no_rejected_draft(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong in a motif comes out of synthesis at the first draft."""
    drafts = []

    def wrong(k: Kit) -> None:
        """Never drawn in earnest."""
        drafts.append(k)
        if error is ZeroDivisionError:
            drafts[len(drafts) // 0]
        k.wp.lower_bound(k.lit(1.0), k.lit(2.0))

    only(wrong, monkeypatch)
    with pytest.raises(error):
        synthesize(0, 0, ONLY)
    assert len(drafts) == 1


def test_rejected_drafts_are_counted_by_motif(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another draft is drawn, and whoever rejected the first is known."""
    drafts = iter(range(100))

    def picky(k: Kit) -> None:
        """Never drawn in earnest."""
        k.expect(next(drafts) > 1, "not this one")
        k.give("x", k.load("x", k.real) * 2.0)

    only(picky, monkeypatch)
    rejections: Counter[str] = Counter()
    program = synthesize(0, 0, ONLY, rejections)
    assert "wp.kernel" in program.source
    assert rejections == {"search.picky": 2}


def test_an_index_whose_drafts_are_all_rejected_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last reason stands in the error."""

    def never(k: Kit) -> None:
        """Never drawn in earnest."""
        k.expect(False, "it is never right")

    only(never, monkeypatch)
    with pytest.raises(SynthesisError, match="it is never right"):
        synthesize(0, 0, ONLY)
