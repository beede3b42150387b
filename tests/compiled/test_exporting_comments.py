"""Comments go, code stays: what `--comments strip` does to generated C++ and CUDA C++."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.commands import REPOSITORY
from warpgen.exporting.comments import strip
from warpgen.extraction import warp_api
from warpgen.extraction.codegen import lower
from warpgen.jsonl import rows
from warpgen.record import TARGETS, Row
from warpgen.synthesis.generator import Options, synthesize
from warpgen.verification.compiling.compiler import Compiler

SAMPLES = [REPOSITORY / "data" / "samples" / f"{target}_sample.jsonl" for target in TARGETS]


@pytest.mark.parametrize(
    ("code", "left"),
    [
        ("a; // echo\nb;\n", "a;\nb;\n"),
        ("a;\n    // echo\nb;\n", "a;\nb;\n"),
        ("// first\n// second\n", ""),
        ("a; // no end", "a;"),
        ("int/* here */x;\n", "int x;\n"),
        ("/* one\n * two */\nb;\n", "b;\n"),
        ("a; // goes on \\\n still a comment\nb;\n", "a;\nb;\n"),
        ('s = "// kept"; // gone\n', 's = "// kept";\n'),
        ('s = "\\"// kept"; // gone\n', 's = "\\"// kept";\n'),
        ("c = '\"'; // gone \"\nd;\n", "c = '\"';\nd;\n"),
        ("c = '\\''; // gone\n", "c = '\\'';\n"),
        ("n = 1'000'000; // it's gone\n", "n = 1'000'000;\n"),
        ('s = R"x(" // kept)x"; // gone\n', 's = R"x(" // kept)x";\n'),
        ("#include <a//b.h> // gone\n", "#include <a//b.h>\n"),
        ("#error don't // gone\nb;\n", "#error don't\nb;\n"),
        ("#define F(x) \\\n    // gone\nint y;\n", "#define F(x) \\\n\nint y;\n"),
        ("#define F(x) x /* gone */ \\\n    + 1 // gone\n", "#define F(x) x   \\\n    + 1\n"),
        ("a / b; c /d;\n", "a / b; c /d;\n"),
    ],
)
def test_comments_go_and_what_looks_like_one_stays(code: str, left: str) -> None:
    """Strings, characters, numbers, header names and macros are not cut."""
    assert strip(code).text == left


def test_spans_follow_their_functions() -> None:
    """The kernel's functions are where the moved spans say."""
    for path in SAMPLES:
        for _, row in rows(path, Row):
            made = strip(row.code)
            for span in (row.forward, row.backward):
                start, end = made.span(span)
                assert made.text[start:end] == strip(row.code[slice(*span)]).text


def test_no_python_is_left_behind() -> None:
    """No statement of the source, and no comment at all, is in stripped code; a fifth or more was echo."""
    before = after = 0
    for path in SAMPLES:
        for _, row in rows(path, Row):
            left = strip(row.code).text
            before, after = before + len(row.code), after + len(left)
            assert "//" not in re.sub(r'"(?:\\.|[^"\\\n])*"', "", left)
            assert "<L " not in left
            for statement in _statements(row.python_source):
                assert statement not in left
    assert after < 0.8 * before


def _statements(source: str) -> list[str]:
    """Lines that can only be Python: C++ shares `return` or `x = y`, but no `wp.`."""
    return [line.strip() for line in source.splitlines() if "wp." in line and "func_native" not in line]


@pytest.mark.slow
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
    for path in SAMPLES:
        for _, row in list(rows(path, Row))[::3]:
            code = re.sub(r"^#include.*$", "", row.code, flags=re.MULTILINE)
            assert _preprocessed(gcc, code) == _preprocessed(gcc, strip(code).text)


def _preprocessed(gcc: str, code: str) -> list[str]:
    command = [gcc, "-E", "-P", "-x", "c++", "-"]
    made = subprocess.run(command, input=code, capture_output=True, text=True, check=True, timeout=60)
    return made.stdout.split()
