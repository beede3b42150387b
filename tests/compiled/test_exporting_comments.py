"""Comments go, code stays: what `--comments strip` does to generated C++ and CUDA C++."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.commands import SAMPLES
from warpgen.exporting.comments import strip
from warpgen.extraction import warp_api
from warpgen.extraction.codegen import lower
from warpgen.jsonl import rows
from warpgen.record import TARGETS, Row
from warpgen.synthesis.generator import Options, synthesize
from warpgen.verification.compiling.compiler import Compiler


def test_stripped_code_compiles(tmp_path: Path) -> None:
    """Clang and NVRTC accept it."""
    warp_api.start(tmp_path / "kernels")
    programs = [synthesize(3, index, Options()) for index in range(10)]
    codes = [lower(program, TARGETS) for program in programs]
    compiler = Compiler(tmp_path)
    for target in TARGETS:
        texts = {i: strip(code[target].text).text for i, code in enumerate(codes)}
        assert compiler.compile(target, texts).failures == {}


def test_stripped_code_has_the_same_tokens() -> None:
    """The preprocessor reads the same from both."""
    if (gcc := shutil.which("g++")) is None:
        pytest.skip("there is no g++ to compare with")
    for path in SAMPLES.values():
        for _, row in list(rows(path, Row))[::3]:
            code = re.sub(r"^#include.*$", "", row.code, flags=re.MULTILINE)
            assert _preprocessed(gcc, code) == _preprocessed(gcc, strip(code).text)


def _preprocessed(gcc: str, code: str) -> list[str]:
    command = [gcc, "-E", "-P", "-x", "c++", "-"]
    made = subprocess.run(command, input=code, capture_output=True, text=True, check=True, timeout=60)
    return made.stdout.split()
