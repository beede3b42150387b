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
        "def f():\n    [0 for open in ()]\n    return open('f')\nX = f()\n",
        "def f():\n    def g():\n        open = 1\n    return open('f')\nX = f()\n",
        "class A(IntEnum):\n    open = 1\n    x = open('f')\n",
        "class A(IntEnum):\n    _a_ = 1\nX = A._a_\n",
        "class A(IntEnum):\n    _a = 1\nX = B._a\n",
        "X = (lambda math: math.pi)(1)\n",
        "@wp.func\ndef f(math: float, x: float = math):\n    return x\n",
    ):
        with pytest.raises(VerificationError):
            require_allowed("import warp as wp\n" + text)


FOREIGN = {
    "type of an element": "@wp.kernel\ndef k(a: wp.array(dtype=Any)):\n    a[0] = type(a[0])(2.0)\n",
    "type of a component": "@wp.func\ndef f(a: Any):\n    return type(a[0, 1])(0.5) + type(a.x)(1)\n",
    "type of a sum": "@wp.func\ndef f(a: Any, b: Any):\n    return type(a + b)(0.5)\n",
    "type of a result": "@wp.func\ndef f(a: Any, b: Any):\n    return type(wp.dot(a, b))(0.5)\n",
    "docstring": "@wp.func\n"
    'def f(a: int):\n    """The "first" of plasma.\n\n    #1: asm\n    """\n    return a\n',
    "docstring of a module": '"""Plasma.\n\n# of cells\n"""\n',
    "printed": "@wp.func\ndef f(a: int):\n    wp.printf('asm #%d\\n', a)\n    return a\n",
    "private field": "@wp.struct\nclass B:\n    _pad: int\n"
    "@wp.func\ndef f(b: B):\n    b._pad = 1\n    return b._pad\n",
    "private field of an element": "@wp.struct\nclass B:\n    _pad: int\n"
    "@wp.func\ndef f(b: wp.array(dtype=B)):\n    return b[0]._pad\n",
    "handle": "@wp.func\ndef f(m: wp.handle):\n    return m\n",
    "queries": "@wp.func\n"
    "def f(a: wp.MeshQueryPoint, b: wp.BvhQuery, c: wp.HashGridQuery, d: wp.MeshQueryAABB):\n"
    "    return a.result\n",
    "fabric arrays": "@wp.func\n"
    "def f(a: wp.fabricarray(dtype=float), b: wp.indexedfabricarray(dtype=float)):\n"
    "    return a[0] + b[0]\n",
    "arguments like modules": "@wp.func\n"
    "def f(math: wp.array(dtype=float), warp: int, typing: float, /, *, input: float):\n"
    "    dir = math[warp]\n    return dir + typing + input\n",
    "names of nothing": "@wp.func\ndef f(a: int):\n    _, __ = g(a)\n    return __\n",
    "private members": "class M(IntEnum):\n    _HIDDEN = 1\n    open = 2\n"
    "@wp.func\ndef f(a: int):\n    return a + int(M._HIDDEN)\n",
    "C++ for each target": "@wp.func_native('''\n#if defined(__CUDA_ARCH__) && 1 // asm\n#pragma unroll 4\n"
    "for (;;) break;\n  # else\n#ifndef X\n#endif\n#endif\n''')\ndef f(): ...\n",
    "C++ by a name": "S = 'return x;'\n@wp.func_native(S)\ndef f(x: int) -> int: ...\n",
    "C++ with comments": "@wp.func_native('// # of asm\\nreturn x;')\ndef f(x: int) -> int: ...\n",
    "C++ of two": "@wp.func_native(snippet='return x;', adj_snippet=None)\ndef f(x: int) -> int: ...\n",
}


@pytest.mark.parametrize("source", FOREIGN.values(), ids=FOREIGN)
def test_what_people_write_passes(source: str) -> None:
    """Types of expressions, texts, private fields and the types of the manual are part of kernels."""
    require_allowed("import warp as wp\n" + source if not source.startswith('"') else source)


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
        "@wp.func_native('x = 1;\\n# include </etc/hostname>')\ndef f(): ...",
        "@wp.func_native('%:include </etc/hostname>')\ndef f(): ...",
        "@wp.func_native('/**/#include </etc/hostname>')\ndef f(): ...",
        "@wp.func_native('#if __has_include(<etc>)\\n#endif')\ndef f(): ...",
        "@wp.func_native('#if 1 \\\\\\n#include <x>\\n#endif')\ndef f(): ...",
        "@wp.func_native('#define a as##m\\n')\ndef f(): ...",
        "@wp.func_native('#ifdef X\\nasm(0);\\n#endif')\ndef f(): ...",
        "@wp.func_native('/* // */ asm(0);')\ndef f(): ...",
        "@wp.func_native('x = \"//\"; asm(0);')\ndef f(): ...",
        "@wp.func_native('x = 1; \\\\\\n#include </etc/hostname>')\ndef f(): ...",
        "@wp.func_native(chr(35) + 'include </etc/hostname>')\ndef f(): ...",
        "S = 'x'\nS = '#include <x>'\n@wp.func_native(S)\ndef f(): ...",
        "f = wp.func_native",
        "@wp.func\ndef f(a: int):\n    wp.printf('\"); asm(\"nop')\n    return a",
        "@wp.func\ndef f(a: int):\n    return wp._src",
        "@wp.struct\nclass B:\n    _src: int\n@wp.func\ndef f(a: int):\n    return wp._src",
        "@wp.struct\nclass B:\n    _src: int\n@wp.func\ndef f(wp: B):\n    return wp._src",
        "@wp.func\ndef f(a: B):\n    return a._pad",
        "@wp.func\ndef f(a: int):\n    return type(type(a))",
        "X = type(wp.vec3())",
        "import enum\nX = enum.bltns.exec('1')",
        "import enum as E\nX = E.bltns.exec('1')",
        "import typing as t\ndef f(x):\n    return x.sys\nX = f(t)",
        "import math as enum\nimport enum as e\nX = enum.bltns",
        "X = wp._src.build.os\nclass wp:\n    _src = 1",
        "class A(IntEnum):\n    _b = 1\nA = wp.Mesh\nX = A._b",
        "class A(IntEnum):\n    _b = 1\nfrom math import sin as A\nX = A._b",
        "from enum import bltns",
        "import typing\nX = typing.sys.modules",
        "X = wp.types\nY = X.ctypes",
        "x = (",
        "#" * (MOST_CHARACTERS + 1),
    ],
)
def test_anything_else_is_refused(line: str) -> None:
    """What could reach files, the machine or Warp's own machinery is named and refused."""
    with pytest.raises(VerificationError):
        require_allowed("import warp as wp\n" + line)
