"""Rigid bodies."""

from __future__ import annotations

from collections.abc import Callable

from warpgen.synthesis.writing.algorithm import Domain, Write

DOMAIN = Domain(
    "rigid_body", "rigid bodies and their joints: motion, inertia, contact, kinematics", element="body"
)


def threads_take(element: str) -> Callable[[Write], Write]:
    """Say of the algorithm below what a thread works on, where that is no body; "" if it skips some itself."""

    def say(write: Write) -> Write:
        DOMAIN.algorithms[-1].element = element
        return write

    return say
