"""The part of the crash table that needs real programs: synthesis, code generation, compilers, runs.

The commands are the real ones, on sixteen small programs.
"""

from __future__ import annotations

import functools
import random
from pathlib import Path

from tests.support.crash_faults import WARP_PLACES, Fault
from tests.support.crash_session import Broken, Case, Kind, Trial, check_exit
from warpgen.recipe import Recipe

# What each place needs the rows to be verified to. One target and few rows: a case takes seconds.
_LEVELS = {
    "synthesis": "none",
    "code generation": "none",
    "compiler clang": "run",
    "compiler nvrtc": "compile",
    "execution": "run",
}
_TARGETS = {"none": "both", "compile": "cuda", "run": "cpu"}


def warp_kind(level: str) -> Kind:
    """Runs of the real commands, verified to the level."""
    target = _TARGETS[level]
    args = ["--rows", "4", "--complexity", "small", "--verify", level, "--target", target, "--workers", "2"]

    def begin(root: Path) -> int:
        from warpgen import run

        return run.main([*args, "--root", str(root)])

    def go_on(root: Path) -> int:
        from warpgen import resume

        return resume.main(["--root", str(root), "--workers", "2"])

    recipe = Recipe(target=target, rows=4, size=None)  # type: ignore[arg-type]
    return Kind(recipe, begin, go_on)


def _disturb(fault: Fault, codes: set[int], trial: Trial, draw: random.Random) -> None:
    session = trial.session(fault)
    if not trial.came(0):
        raise Broken("the fault did not come: the run does not get to its place")
    check_exit(session, codes)
    if session.code != 0:
        trial.finish()
    else:
        trial.check_end()


def _case(where: str, how: str, codes: set[int]) -> Case:
    test = functools.partial(_disturb, Fault(where=where, how=how, process="worker"), codes)
    return Case(where, how, test, _LEVELS[where])


# Compilers and kernels run in a child of the worker: there the parent that is killed is the worker.
_IN_WORKER = ("synthesis", "code generation")
CASES = [
    *(_case(where, "SIGKILL", {0}) for where in WARP_PLACES),
    *(_case(where, "parent killed", {-9} if where in _IN_WORKER else {0}) for where in WARP_PLACES),
    *(_case(where, "disk full", {2}) for where in WARP_PLACES),
    *(_case(where, how, {0}) for where in _IN_WORKER for how in ("segfault", "exit", "out of memory")),
]
