"""The views by name."""

from __future__ import annotations

from collections.abc import Sequence

from warpgen.exporting.views.texts import ADJOINT, PRETRAIN, ROWS, TRANSLATE
from warpgen.exporting.views.tuning import CHAT, EXPLAIN, FIM
from warpgen.exporting.views.view import View

_TEXTS = {"rows": ROWS, "pretrain": PRETRAIN, "translate": TRANSLATE, "adjoint": ADJOINT}
_TEXTS |= {"chat": CHAT, "fim": FIM, "explain": EXPLAIN}


def view(name: str, levels: Sequence[str] = ()) -> View:
    """The view of a name; `levels` are those of the view `ladder`."""
    if name == "instruct":
        # Imports Warp, and every category for its description.
        from warpgen.exporting.views.instruct import INSTRUCT

        return INSTRUCT
    if name == "ladder":
        from warpgen.exporting.views.ladder import ladder

        return ladder(levels)
    return _TEXTS[name]
