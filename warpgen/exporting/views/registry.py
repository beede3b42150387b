"""The views by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from warpgen.exporting.kernels import Kernel
from warpgen.exporting.views.gradient import gradient
from warpgen.exporting.views.repair import preference, repair
from warpgen.exporting.views.texts import ADJOINT, PRETRAIN, ROWS, TRANSLATE
from warpgen.exporting.views.tuning import CHAT, EXPLAIN, FIM
from warpgen.exporting.views.versions import versions
from warpgen.exporting.views.view import View

_TEXTS = {"rows": ROWS, "pretrain": PRETRAIN, "translate": TRANSLATE, "adjoint": ADJOINT}
_TEXTS |= {"chat": CHAT, "fim": FIM, "explain": EXPLAIN}

# Views whose records need a file of faults.
OF_FAULTS = ("repair", "preference")


def view(
    name: str,
    levels: Sequence[str] = (),
    planted: Path = Path(),
    beside: Callable[[], Iterator[Kernel]] = lambda: iter(()),
    outputs: bool = True,
) -> View:
    """The view of a name.

    `levels` are those of `ladder` and `translate`, `planted` is a file of faults, `beside` gives the kernels
    that `versions` compares with, `outputs` says whether `instruct` runs its kernels.
    """
    if name == "versions":
        return versions(beside)
    if name == "gradient":
        return gradient(planted if planted.is_file() else None)
    if name in OF_FAULTS:
        return {"repair": repair, "preference": preference}[name](planted)
    if name == "instruct":
        # Imports Warp.
        from warpgen.exporting.views.instruct import instruct

        return instruct(outputs)
    if name == "translate" and levels:
        from warpgen.exporting.views.levels import translate

        return translate(levels)
    if name == "ladder":
        from warpgen.exporting.views.ladder import ladder

        return ladder(levels)
    return _TEXTS[name]
