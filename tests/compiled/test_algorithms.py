"""Every algorithm computes what it says: each option of it is drawn, verified and held to its reference."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tools.prove import covering, prove
from warpgen.extraction import warp_api
from warpgen.synthesis.algorithms import domains
from warpgen.synthesis.writing.algorithm import Domain
from warpgen.synthesis.writing.draft import Draft
from warpgen.verification.compiling.compiler import Compiler


@pytest.fixture(scope="module")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> Compiler:
    """One for all, as it spends seconds on Warp's headers at first."""
    warp_api.start(tmp_path_factory.mktemp("kernels"))
    return Compiler(tmp_path_factory.mktemp("checks"))


@pytest.mark.parametrize("domain", list(domains()))
def test_algorithms_compute_what_they_say(domain: str, compiler: Compiler) -> None:
    """Outputs are the reference's, or have the properties claimed, whatever options are taken."""
    programs = []
    for algorithm in domains()[domain].algorithms:
        drafts, left = covering(algorithm, least=1)
        assert not left, f"{algorithm.name} never takes {left}"
        programs += drafts
    failures = list(prove(programs, compiler, verify=None))
    assert not failures, "\n".join(f"{f.written.program.name}: {f.why}" for f in failures)


def doubled(d: Draft) -> None:
    """Doubles each element."""
    factor = d.option("factor", "2.0", "3.0")
    d.input("x", "float", 32, -1.0, 1.0)
    d.output("y", "float", 32)
    d.launch(32)
    d.code("tid = wp.tid()\ny[tid] = $factor * x[tid]", factor=factor)
    d.check(lambda v: {"y": 2.0 * v.x})


def unclaimed(d: Draft) -> None:
    """Copies each element."""
    d.input("x", "float", 32)
    d.output("y", "float", 32)
    d.launch(32)
    d.code("tid = wp.tid()\ny[tid] = x[tid]")


def vacuous(d: Draft) -> None:
    """Copies each element, and claims what holds of anything."""
    unclaimed(d)
    d.holds(lambda before, after: None)


def refused(d: Draft) -> None:
    """Copies each element, by C++ that is none."""
    d.module('snippet = "return no_such_thing(x);"')
    d.function("@wp.func_native(snippet)\ndef same(x: float) -> float: ...")
    unclaimed(d)
    d.code("tid = wp.tid()\ny[tid] = same(x[tid])")


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (doubled, "of it differ"),
        (unclaimed, "nothing is claimed"),
        (vacuous, "holds of wrong outputs"),
        (refused, "not compiled: use of undeclared identifier"),
    ],
)
def test_a_wrong_or_empty_claim_is_found(
    write: Callable[[Draft], None], said: str, compiler: Compiler
) -> None:
    """A formula that is not its reference's, no claim at all, and a claim that cannot fail."""
    domain = Domain("planted", "faults")
    domain.algorithm(source="none")(write)
    failures = list(prove(covering(domain.algorithms[0])[0], compiler, verify=None))
    assert failures
    assert all(said in failure.why for failure in failures)
