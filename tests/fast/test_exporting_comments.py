"""Comments go, code stays: what `--comments strip` does to generated C++ and CUDA C++."""

from __future__ import annotations

import re

import pytest

from tests.support.commands import SAMPLES
from warpgen.exporting.comments import strip
from warpgen.jsonl import rows
from warpgen.record import Row


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
    for path in SAMPLES.values():
        for _, row in rows(path, Row):
            made = strip(row.code)
            for span in (row.forward, row.backward):
                start, end = made.span(span)
                assert made.text[start:end] == strip(row.code[slice(*span)]).text


def test_no_python_is_left_behind() -> None:
    """No statement of the source, and no comment at all, is in stripped code; a fifth or more was echo."""
    before = after = 0
    for path in SAMPLES.values():
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
