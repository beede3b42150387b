"""What decides a byte is of one version everywhere, or refused with a sentence."""

from __future__ import annotations

import importlib.metadata
import platform
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.commands.test_circumstances import ARGS
from tests.support.commands import REPOSITORY, SAMPLES
from tests.support.imaginary import PowerCut, power_cut, produce
from warpgen import __version__, resume, run, verify
from warpgen.errors import UsageError
from warpgen.exporting.export import Request, export
from warpgen.extraction import versions
from warpgen.extraction.versions import OLDER_WARPS, PINNED, check_tools, check_versions, warp_version
from warpgen.production.state.layout import Layout
from warpgen.production.unit import Unit
from warpgen.production.work.worker import ShardMaker
from warpgen.recipe import Recipe


def install(monkeypatch: pytest.MonkeyPatch, package: str, version: str) -> None:
    """Have this version of the package found, '' for none."""
    known = importlib.metadata.version

    def found(name: str) -> str:
        if name != package:
            return known(name)
        if not version:
            raise importlib.metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(importlib.metadata, "version", found)


def test_what_the_requirements_pin_is_accepted() -> None:
    """This Python, its Warp and its NVRTC."""
    check_versions()
    check_tools(("cpu", "cuda"), "run")


def test_there_is_one_door_to_what_warp_does_not_document() -> None:
    """Of all modules only one names `warp._src`: a new Warp is looked through there."""
    files = (REPOSITORY / "warpgen").rglob("*.py")
    named = [
        p.relative_to(REPOSITORY).as_posix() for p in files if "warp._src" in p.read_text(encoding="utf-8")
    ]
    assert named == ["warpgen/warp_internals.py"]


@pytest.mark.parametrize("found", OLDER_WARPS)
def test_older_warps_that_are_held_to_the_promises_are_accepted(
    monkeypatch: pytest.MonkeyPatch, found: str
) -> None:
    """By name, as `scripts/versions` tries them; the recipe has the name."""
    install(monkeypatch, "warp-lang", found)
    check_versions()
    assert warp_version() == found


def test_older_warps_are_asked_for_no_llvm_ir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their clang does not write it, which is said before anything else is done."""
    install(monkeypatch, "warp-lang", OLDER_WARPS[0])
    request = Request(root=tmp_path, out=tmp_path / "out", format="hf", view="ladder", levels=("ptx", "asm"))
    with pytest.raises(UsageError, match=rf"Warp {OLDER_WARPS[0]} writes no LLVM IR: .* install warp-lang=="):
        export(request)


@pytest.mark.parametrize("found", ["1.18.2", "1.19.1", "1.20.0", ""])
def test_another_warp_is_refused(monkeypatch: pytest.MonkeyPatch, found: str) -> None:
    """Older, newer by one patch, or none: with the command that installs the right one."""
    install(monkeypatch, "warp-lang", found)
    there = f"Warp {re.escape(found)} is installed" if found else "Warp is not installed"
    with pytest.raises(UsageError, match=rf"^{there}, .*pip install 'warp-lang=={PINNED['warp-lang']}'$"):
        check_versions()


@pytest.mark.parametrize("found", ["13.4.91", "13.5.37", ""])
@pytest.mark.parametrize("level", ["compile", "run"])
def test_another_nvrtc_is_refused_where_it_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: str, level: str
) -> None:
    """By a run that verifies CUDA rows, before it writes a file; others may do without."""
    install(monkeypatch, "nvidia-cuda-nvrtc", found)
    pin = f"nvidia-cuda-nvrtc=={PINNED['nvidia-cuda-nvrtc']}"
    for target in ("cuda", "both"):
        with pytest.raises(UsageError, match=f"^NVRTC .*pip install '{pin}'$"):
            run.main([*ARGS, "--root", str(tmp_path), "--verify", level, "--target", target])
    assert list(tmp_path.iterdir()) == []
    check_tools(("cpu",), level)
    check_tools(("cpu", "cuda"), "none")


def test_a_run_is_not_gone_on_with_by_another_nvrtc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`resume` refuses it, and the root stays as it is."""
    recipe = Recipe(size=None, rows=100, verify="run", warpgen=__version__, warp=warp_version())
    with pytest.raises(PowerCut):
        produce(tmp_path, recipe, trouble={70: power_cut})
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    install(monkeypatch, "nvidia-cuda-nvrtc", "13.5.37")
    with pytest.raises(UsageError, match=r"^NVRTC 13\.5\.37 is installed"):
        resume.main(["--root", str(tmp_path)])
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_rows_are_not_refuted_for_want_of_nvrtc(monkeypatch: pytest.MonkeyPatch) -> None:
    """`verify` says what it needs, instead of calling sound rows refuted."""
    install(monkeypatch, "nvidia-cuda-nvrtc", "")
    sample = SAMPLES["cuda"]
    with pytest.raises(UsageError, match=r"^NVRTC is not installed"):
        verify.main([str(sample), "--sample", "1", "--level", "compile"])


def test_a_machine_of_a_cluster_with_another_nvrtc_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its outcome is fatal, as no other try on it can help, and says why."""
    maker = ShardMaker(Layout(tmp_path), Recipe(target="cuda", verify="compile"))
    install(monkeypatch, "nvidia-cuda-nvrtc", "13.5.37")
    outcome = maker(Unit(0, 1))
    assert outcome.fatal
    assert "NVRTC 13.5.37 is installed" in outcome.error


def test_an_old_python_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python before the least one is refused by name."""
    monkeypatch.setattr(versions, "PYTHON_LEAST", (99, 1))
    with pytest.raises(UsageError, match=r"^Python [\d.]+ is too old: use Python 99\.1 or newer$"):
        check_versions()


def test_an_unfit_processor_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Objects for x86-64-v3 are run by no other; what runs nothing is not held up."""
    monkeypatch.setattr(versions, "INSTRUCTIONS", {"avx2", "no_such_instruction"})
    with pytest.raises(UsageError, match=r"AVX2.*or --verify none"):
        check_tools(("cuda",), "run")
    monkeypatch.undo()
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(UsageError, match="x86-64"):
        check_tools(("cpu",), "compile")
    check_tools(("cuda",), "compile")
    check_tools(("cpu", "cuda"), "none")


def test_pins_are_the_same_everywhere() -> None:
    """What `pip install .` and `./scripts/produce` bring is what the code asks for."""
    project = (REPOSITORY / "pyproject.toml").read_text()
    required = (REPOSITORY / "requirements.txt").read_text()
    for package, version in PINNED.items():
        assert re.search(rf'^    "{package}=={re.escape(version)}["; ]', project, re.M), package
        assert re.search(rf"^{package}=={re.escape(version)}(;|$)", required, re.M), package
    pinned = dict(re.findall(r"^([\w-]+)==([\w.]+)", required, re.M))
    listed = project[project.index("\ndependencies") : project.index("\n[project.scripts]")]
    wanted = re.findall(r'^    "([\w-]+)', listed, re.M)
    assert len(wanted) > len(PINNED)
    assert set(wanted) <= set(pinned)


def test_the_tests_have_what_each_extra_brings() -> None:
    """In a pinned version that is in its range; but for heavy ones that train or ask models."""
    trainers = {"trl", "jmespath", "verl", "verifiers", "openenv", "inspect-ai"}
    project = (REPOSITORY / "pyproject.toml").read_text()
    listed = project.partition("[project.optional-dependencies]")[2]
    extras, _, groups = listed.partition("[dependency-groups]")
    pinned = [line.split('"')[1] for line in groups.partition("\n]\n\n[")[0].splitlines() if "==" in line]
    pinned += [line for line in (REPOSITORY / "requirements.txt").read_text().splitlines() if "==" in line]
    ranges = [Requirement(text) for text in re.findall(r'"([^"]+)"', extras)]
    assert trainers < {wanted.name for wanted in ranges}
    for wanted in (wanted for wanted in ranges if wanted.name not in trainers):
        found = [pin for line in pinned if (pin := Requirement(line)).name == wanted.name]
        assert found, wanted.name
        assert all(wanted.specifier.contains(next(iter(pin.specifier)).version) for pin in found), wanted.name


def test_older_warps_are_tried_by_continuous_integration() -> None:
    """All that are accepted, and no other."""
    text = (REPOSITORY / ".github" / "workflows" / "ci.yml").read_text()
    tried = re.search(r"^ +warp: \[(.*)\]$", text, re.M)
    assert tried is not None
    assert tuple(re.findall(r'"(.*?)"', tried[1])) == OLDER_WARPS
