"""Habits of those who write C++ and CUDA: headers that are here without, names of numbers."""

from __future__ import annotations

import pytest

from tests.fast.test_judge_reading import CPP, CUDA, MACRO
from warpgen.verification.jail.cpp_screen import cleaned
from warpgen.verification.jail.cpp_tokens import Refused


def test_what_is_here_without_may_be_included() -> None:
    """The line goes; a name that is not known, a second one or a text beside it is refused as ever."""
    heads = "#include <cuda_runtime.h> // for float4\n  # include <math.h>\n#include <stdio.h>\n"
    assert cleaned(heads + CUDA, "cuda") == cleaned(CUDA, "cuda")
    assert cleaned("#include <cmath>\n" + CPP, "cpp") == cleaned(CPP, "cpp")
    for line in (
        "#include <cuda_runtime.h> int a;",
        "#include <math.h> <x>",
        "#include <../math.h>",
        '#include "math.h"',
    ):
        with pytest.raises(Refused):
            cleaned(f"{line}\n{CUDA}", "cuda")
    with pytest.raises(Refused):
        cleaned("#include <stdio.h>\n" + CPP, "cpp")


def test_numbers_that_are_defined_stand_where_their_names_stood() -> None:
    """And nothing else does: no words, no names of Warp's, nothing twice, no address."""
    line = "int f() { return 1-TILE * LEAST; }\n"
    above = "#define WIDE 16 // so\n#define TILE -(WIDE + 2)\n#define LEAST (-1)\n"
    made = cleaned(CUDA.replace(MACRO, above + line + MACRO), "cuda")
    assert "return1--(16+2)*(-1);" in made.replace(" ", "") and "-- (" not in made
    for defined in (
        "A asm",
        "WP_X 1",
        "A 1\n#define A 2",
        "A 1 + x",
        "A WIDE + 1\n#define WIDE 2",
        "A ()",
        "A(x) 1",
        "A 4096\nlong a = *(long*)A;",
        "A",
    ):
        with pytest.raises(Refused):
            cleaned(f"#define {defined}\n{CUDA}", "cuda")
