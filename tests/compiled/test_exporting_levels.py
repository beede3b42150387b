"""From Python to machine code: each level is whole, and the tools that read it accept it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import llvmlite.binding
import pyarrow.parquet as pq
import pytest

from benchmarks.levels import refusals
from tests.support.roots import made_root
from warpgen.exporting.export import Request, export
from warpgen.exporting.views import machine_cpu, machine_cuda
from warpgen.exporting.views.ladder import LEVELS


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The ladder of a few verified kernels."""
    root, out = made_root("--rows", "4", "--verify", "compile"), tmp_path_factory.mktemp("levels") / "out"
    export(Request(root=root, out=out, format="parquet", view="ladder", levels=LEVELS))
    records: list[dict[str, Any]] = pq.read_table(out).to_pylist()
    return records


def directions(record: dict[str, Any]) -> list[str]:
    """The functions that the kernel has."""
    return ["forward"] if "enable_backward=False" in record["python"] else ["forward", "backward"]


def test_every_level_is_accepted_by_its_tool(made: list[dict[str, Any]], tmp_path: Path) -> None:
    """Ptxas assembles the PTX, LLVM parses and verifies the IR, clang's assembler is LLVM's own."""
    assert len(made) == 4
    machine_cpu.binding()
    for record in made:
        source = tmp_path / "one.ptx"
        source.write_text(record["ptx"])
        command = [str(machine_cuda.tool("ptxas")), "-arch=sm_90", str(source), "-o", str(tmp_path / "out")]
        subprocess.run(command, check=True, timeout=120, capture_output=True)
        source.write_text(record["ptx"].replace("ret;", "rex;", 1))  # a tool that accepts all shows nothing
        assert subprocess.run(command, timeout=120, capture_output=True).returncode != 0
        module = llvmlite.binding.parse_assembly(record["llvm"])
        module.verify()
        defined = {function.name for function in module.functions if not function.is_declaration}
        entries = {f for f in defined if f.endswith(("_cpu_forward", "_cpu_backward"))}
        assert {f.rsplit("_", 1)[1] for f in entries} == set(directions(record))
        assert all(f"\n{entry}:" in record["asm"] for entry in entries)


def test_the_benchmark_tells_what_a_tool_refuses(made: list[dict[str, Any]]) -> None:
    """Nothing of whole levels, and both of two that were broken."""
    assert [list(refusals(record)) for record in made[:2]] == [[], []]
    broken = {name: re.sub(r"\bret\b(;| void)", r"rex\1", made[0][name], count=1) for name in ("ptx", "llvm")}
    assert len(list(refusals(made[0] | broken))) == 2


def test_levels_are_of_the_kernels_own_functions(made: list[dict[str, Any]]) -> None:
    """No neighbour's code, no path of the machine, and figures for both directions."""
    for record in made:
        others = [other["name"] for other in made if other["name"] != record["name"]]
        for level in LEVELS:
            assert record["name"] in record[level]
            assert not any(f"{other}_" in record[level] for other in others)
            assert "/tmp" not in record[level]
        for usage in (record["gpu_usage"], record["cpu_usage"]):
            assert [figures["function"] for figures in usage] == directions(record)
        assert all(0 < figures["registers"] <= 255 for figures in record["gpu_usage"])
        assert all(figures["stack_bytes"] >= 0 for figures in record["cpu_usage"])
        for name in directions(record):
            assert f"{name}:" in record["sass"]
        assert "EXIT" in record["sass"]
