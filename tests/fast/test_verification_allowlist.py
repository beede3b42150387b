"""A stranger's source runs only if it holds nothing but kernels."""

from __future__ import annotations

import pytest

from tests.support.corpus import PROGRAMS
from warpgen.errors import VerificationError
from warpgen.program import Program
from warpgen.verification.allowlist import MOST_CHARACTERS, require_allowed


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.name)
def test_kernels_pass(program: Program) -> None:
    """Everything that the corpus does is allowed."""
    require_allowed(program.source)


def test_locals_may_be_called_anything() -> None:
    """A direction may be `dir`; outside functions that name is Python's."""
    require_allowed(
        "import warp as wp\n@wp.func\ndef f(x: float, input: float):\n    dir = x\n    return dir + input\n"
    )
    require_allowed("import warp as wp\n@wp.func\ndef f(x: Any):\n    return x * type(x)(2.0)\n")
    require_allowed("import warp as wp\n@wp.struct\nclass Ray:\n    dir: wp.vec3\n    type: int\n")
    for text in (
        "@wp.func\ndef f(x: float = dir()):\n    dir = x\n    return dir\n",
        "@wp.func\ndef f(x: float):\n    open = x\n    return wp.static(open('f').read())\n",
        "S = wp.static\n@wp.func\ndef f(x: float):\n    open = x\n    return S(open('f').read())\n",
        "@wp.struct\nclass Ray:\n    dir: type(1)\n",
        "@wp.func\ndef f(x: float):\n    return type('X', (), {})\n",
        "@wp.func\ndef f(x: float):\n    return wp.static(type(x))\n",
    ):
        with pytest.raises(VerificationError):
            require_allowed("import warp as wp\n" + text)


@pytest.mark.parametrize(
    "line",
    [
        "import os",
        "from os import path",
        "from warp import build",
        "import warp._src.build as wp",
        "X = open('f', 'w')",
        "X = __import__('os')",
        "X = ().__class__",
        "X = eval('1')",
        "X = wp.build",
        "X = wp.config",
        "X = wp.load_module('os')",
        "X = wp.types.ctypes",
        "X = getattr(wp, 'config')",
        "while True: pass",
        "@wp.func_native('asm(\"syscall\");')\ndef f(): ...",
        "x = (",
        "#" * (MOST_CHARACTERS + 1),
    ],
)
def test_anything_else_is_refused(line: str) -> None:
    """What could reach files, the machine or Warp's own machinery is named and refused."""
    with pytest.raises(VerificationError):
        require_allowed("import warp as wp\n" + line)
