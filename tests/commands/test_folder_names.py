"""Whatever the root, the temporary folder and the checkout are called, commands do the same."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import REPOSITORY, SAMPLES, call, files, finished, python
from tests.support.roots import made_root
from warpgen.errors import CompilerError
from warpgen.verification.compiling import nvrtc
from warpgen.verification.compiling.compiler import Compiler
from warpgen.verification.native import warp_native

NAME = "a b \"c'é\ttab\nnew line $(x)`;*back\\"
_KERNEL = "import warp as wp\n\n\n@wp.kernel\ndef k(a: wp.array(dtype=float)):\n    a[wp.tid()] = 1.0\n"
_VERIFIED = ("--rows", "2", "--complexity", "small", "--verify", "run", "--workers", "1")


@pytest.fixture(scope="module")
def plain() -> dict[str, bytes]:
    """The datasets as a root with a plain name gets them."""
    return files(made_root(*_VERIFIED))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of such a name, with temporary files in another."""
    folder, temporary = tmp_path / NAME, tmp_path / f"temporary {NAME}"
    folder.mkdir()
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    return folder


def test_rows_are_made_verified_run_and_exported(place: Path, plain: dict[str, bytes]) -> None:
    """By every command that calls a compiler, with the bytes and verdicts of a plain folder."""
    code, _, errors = call("run", *_VERIFIED, "--root", place)
    assert code == 0, errors
    assert files(place) == plain
    dataset = place / "data" / "production_cpu" / "cpu_code_dataset.jsonl"
    found = call("verify", dataset, "--workers", "1")
    assert found == (0, "2 rows: 2 holds, 0 invalid, 0 altered, 0 refuted\n", "")
    program = (
        "import sys, warpgen; row = warpgen.open(sys.argv[1]).first(); "
        "print(len(row.run().outputs) > 0, row.check(row.python_source).right)"
    )
    ran = python("-c", program, place)
    assert (ran.returncode, ran.stdout) == (0, "True True\n"), ran.stderr
    ladder = ("--view", "ladder", "--levels", "ptx,sass,llvm,asm")
    code, told, errors = call("export", *ladder, "--format", "parquet", "--root", place, "--out", place / "o")
    assert code == 0 and "2" in told, errors
    assert not any(Path(os.environ["TMPDIR"]).iterdir())


def test_a_folder_is_harvested(place: Path) -> None:
    """Its kernels compile, and no row holds the folder's name."""
    people = place / "people"
    people.mkdir()
    (people / "kernels.py").write_text(_KERNEL)
    code, told, errors = call("harvest", people, "--root", place)
    assert code == 0, errors
    assert "rows: 1 cpu, 1 cuda" in told
    assert place.name.encode() not in (place / "data" / "harvest" / "cpu_harvest.jsonl").read_bytes()


def test_a_path_that_the_author_wrote_is_the_same_on_every_machine(place: Path) -> None:
    """So it may stay in a row, also where it is a folder of this one."""
    named = _KERNEL.replace("    a[", f"    # in {Path.home()}/data\n    a[")
    (place / "kernels.py").write_text(named)
    code, told, errors = call("harvest", place, "--root", place, "--verify", "none")
    assert code == 0, errors
    assert "rows: 1 cpu, 1 cuda" in told


def test_a_checkout_finds_its_packages(place: Path) -> None:
    """Its Python, made by the scripts, imports warpgen from anywhere."""
    for name in ("scripts", "warpgen"):
        (place / name).mkdir()
    (place / "scripts" / "environment.sh").write_bytes((REPOSITORY / "scripts/environment.sh").read_bytes())
    (place / "warpgen" / "__init__.py").touch()
    (place / "requirements.txt").touch()
    (place / "call").write_text("set -eu\nsource scripts/environment.sh\nprepare\n")
    done = finished(["bash", "call"], 100, cwd=place)
    assert done.returncode == 0, done.stderr
    python = place / ".venv" / "bin" / "python"
    done = finished(
        [python, "-c", "import warpgen; print(warpgen.__file__)"],
        60,
        cwd="/",
        env={"PATH": os.environ["PATH"]},
    )
    assert done.stdout == f"{place}/warpgen/__init__.py\n", done.stderr


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_a_compiler_that_dies_of_its_headers_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: Any
) -> None:
    """Not the end of the process that asked: Warp's clang dies of an option that it cannot take."""
    if target == "cuda" and nvrtc.library() is None:
        pytest.skip("Warp's own NVRTC is not called for headers alone")
    monkeypatch.setattr(warp_native, "compile_object", _die)
    monkeypatch.setattr(nvrtc, "check", _die)
    with pytest.raises(CompilerError, match=f"compiler for {target} refuses .* \\(segfault SIGSEGV\\)"):
        Compiler(tmp_path).compile(target, {0: "int x;"})


def test_a_folder_that_compilers_cannot_take_is_refused(tmp_path: Path) -> None:
    """A name that is no UTF-8, which Warp does not hand on."""
    folder = tmp_path / os.fsdecode(b"\xff")
    with pytest.raises(CompilerError, match="not UTF-8: choose another root or TMPDIR"):
        Compiler(folder).compile("cpu", {0: "int x;"})


@pytest.mark.parametrize("command", ["run", "verify", "harvest"])
def test_a_compiler_that_cannot_be_used_is_told_of(tmp_path: Path, command: str) -> None:
    """One sentence and exit code 2, from every command that compiles in processes of its own."""
    (tmp_path / "kernels.py").write_text(_KERNEL)
    sample = SAMPLES["cpu"]
    arguments: dict[str, list[str | Path]] = {
        "run": ["--rows", "1", "--engine", "serial", "--root", tmp_path / "root"],
        "verify": [sample, "--sample", "1", "--workers", "1"],
        "harvest": [tmp_path, "--root", tmp_path / "root"],
    }
    program = (
        "import os, signal, warpgen.command, warpgen.verification.native.warp_native as native; "
        "native.compile_object = lambda *_: os.kill(os.getpid(), signal.SIGSEGV); "
        f"from warpgen.{command} import main; warpgen.command.call(main)"
    )
    done = python("-c", program, *arguments[command])
    assert done.returncode == 2, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("warpgen: ")]
    assert len(said) == 1 and "the compiler for cpu refuses Warp's own headers" in said[0]
    assert "Traceback" not in done.stderr


def _die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)
