"""Warp's code generator takes whatever synthesis can write."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.drafting import all_drafts, calling, usable, variants
from warpgen.extraction import warp_api
from warpgen.extraction.codegen import lower
from warpgen.synthesis.categories import categories


@pytest.mark.parametrize("category", list(categories()))
def test_warp_lowers_every_variant_of_every_motif(
    category: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Warp's code generator takes a draft with each option of each motif."""
    warp_api.start(tmp_path / "kernels")
    seen = variants(monkeypatch)
    for motif in categories()[category].motifs:
        seen.clear()
        for program in all_drafts(motif, seen):
            if seen.news():
                lower(program, ("cpu",))


def test_every_overload_lowers_for_both_targets() -> None:
    """A program around each fragment is accepted by Warp for C++ and CUDA."""
    for number, fragment in enumerate(usable()):
        assert {"cpu", "cuda"} == lower(calling(fragment, number), ("cpu", "cuda")).keys()
