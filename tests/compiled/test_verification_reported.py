"""Kernels that reports of NVIDIA/warp are about get the right verdict, and so do those with like faults."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.corpus.reported import REPORTED
from tests.support.corpus.writing import N, argument, out, param, program, ramp
from warpgen.extraction import warp_api
from warpgen.extraction.codegen import Code, lower
from warpgen.program import Program
from warpgen.reasons import Reason
from warpgen.verification import Judgement, check_unit

# Of each: why it gives no row, or the verdict on its adjoint.
EXPECTED = {
    "1293_nested_dynamic": "wrong",
    "1697_component_rmw": "wrong",
    "1552_continue_argmax": "pass",
    "1552_nested": "pass",
    "1479_indexedarray": "pass",
    "1694_preloop": "wrong",
    "1740_func_dynamic": "wrong",
    "174_overwrite": "wrong",
    "202_alias": "pass",
    "248_component_store": "pass",
    "831_scalar_over_vec": "pass",
    "1466_vec_sign": "pass",
    "1374_tile_dot": "pass",
    "692_static_range": "unchecked",
    "299_untaken_branch": Reason.NOT_FINITE,
    "110_struct_in_struct": "not differentiable",
    "1451_component_augassign": "pass",
    "926_local_matrix_element": "pass",
    "342_inplace_div": "wrong",
    "158_row_slices": "pass",
    "977_int64_atomic": "not differentiable",
    "1472_advection": "pass",
    "1668_func_grad_tile": "pass",
    "299_uninit_loop": Reason.NOT_FINITE,
}


def _kernel(name: str, *lines: str, more: str = "") -> Program:
    text = "\n    ".join(["i = wp.tid()", *lines])
    source = (
        f"\n@wp.kernel\ndef {name}(x: wp.array(dtype=float), n: int, y: wp.array(dtype=int)):\n    {text}\n"
    )
    return program(name, source, ramp("x"), param("n", "int32", 40.0), out("y", "array1d(int32)"))


FAULTY = {
    "unset integer": (Reason.FORWARD, _kernel("unset", "if x[i] > 0.0:", "    a = n", "y[i] = a")),
    "unset elsewhere": (
        Reason.FORWARD,
        _kernel("elsewhere", "if i < n or x[i] > 2.0:", "    a = int(10.0 * x[i])", "y[i] = a + n"),
    ),
    "unset counter": (
        Reason.FORWARD,
        _kernel("counter", "for k in range(i % 3):", "    a = k + n", "y[i] = a"),
    ),
    "input": (Reason.INPUT, _kernel("input", "y[i] = int(10.0 * x[i]) + n", "x[i] = 0.5")),
}


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("reported")
    warp_api.start(folder / "kernels")
    yield folder / "checks"


def _judged(programs: list[Program], workdir: Path) -> list[Judgement]:
    codes = [lower(p, ("cpu",)) for p in programs]
    return [made["cpu"] for made in check_unit(programs, codes, "run", "keep", ("cpu",), workdir)]


def _told(judgement: Judgement) -> str:
    return judgement.reason if judgement.verified is None else judgement.verified.gradient.verdict


def test_reported_kernels_get_the_right_verdict(workdir: Path) -> None:
    """Wrong adjoints are called wrong, variables that nothing was written to are refused."""
    made = _judged(list(REPORTED.values()), workdir)
    assert {name: _told(judgement) for name, judgement in zip(REPORTED, made, strict=True)} == EXPECTED


def test_what_is_unset_and_what_must_not_be_set_is_told(workdir: Path) -> None:
    """Also of integers, which have no NaN; and inputs stay as they were."""
    made = _judged([p for _, p in FAULTY.values()], workdir)
    assert {name: reason for name, (reason, _) in FAULTY.items()} == {
        name: judgement.reason for name, judgement in zip(FAULTY, made, strict=True)
    }


def test_other_launches_show_what_one_does_not(workdir: Path) -> None:
    """A fault that needs other parameters, or inputs from elsewhere, is found; it is in the C++ alone."""
    p = program(
        "clipped",
        "\n@wp.kernel\ndef clipped(x: wp.array(dtype=float), n: int, y: wp.array(dtype=float)):\n"
        "    i = wp.tid()\n    if i >= n:\n        return\n    y[i] = wp.max(x[i], -3.0)\n",
        argument("x", "array1d(float32)", "input", "uniform", (N,), -2.0, 1.0),
        param("n", "int32", float(N)),
        out("y"),
    )
    code = lower(p, ("cpu",))["cpu"]
    bounds = code.text.replace("(var_0 >= var_n)", "(var_0 >= 64)")
    clips = code.text.replace("-3.0", "-2.5")
    assert code.text not in (bounds, clips)
    codes = [{"cpu": Code(text, (0, 0), (0, 0))} for text in (code.text, bounds, clips)]
    made = check_unit([p] * 3, codes, "run", "keep", ("cpu",), workdir)  # type: ignore[arg-type]
    assert [judgement["cpu"].reason for judgement in made] == ["", Reason.FORWARD, Reason.FORWARD]
