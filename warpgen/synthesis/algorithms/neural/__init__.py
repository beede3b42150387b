"""Networks."""

from __future__ import annotations

from collections.abc import Callable

from warpgen.synthesis.writing.algorithm import Domain, Write

DOMAIN = Domain("neural", "layers, losses, optimisers and samplers of neural networks", element="row")


def threads_take(element: str) -> Callable[[Write], Write]:
    """Say of the algorithm below what a thread works on, where that is no row; "" if it skips none."""

    def say(write: Write) -> Write:
        DOMAIN.algorithms[-1].element = element
        return write

    return say
