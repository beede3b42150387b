"""Answers are read as models write them, and hold nothing that a kernel does not need."""

from __future__ import annotations

import time

import pytest

from warpgen.verification.jail.cpp_screen import NoKernel, cleaned
from warpgen.verification.jail.cpp_tokens import MOST_CHARACTERS, Refused
from warpgen.verification.jail.form import shaped
from warpgen.verification.jail.job import Shape, Shaped
from warpgen.verification.native.generated import kernel_name

KERNEL = """import warp as wp


@wp.kernel
def scale(x: wp.array(dtype=float), y: wp.array(dtype=float)):
    i = wp.tid()
    y[i] = 2.0 * x[i]
"""
TYPES = ("array1d(float32)", "array1d(float32)")


def read(text: str, extract: bool = False) -> Shaped:
    return shaped(Shape(text, "scale", TYPES, extract, 1.0))


def test_what_a_kernel_does_not_need_is_left_out() -> None:
    """Its functions, structs and constants stay, and custom adjoints of what it calls; nothing else does."""
    above = "N = 3\nUNUSED = 4\n\n\n@wp.func\ndef f(v: float):\n    return v * float(N)\n\n\n"
    custom = "@wp.func_grad(f)\ndef g(v: float, adj_ret: float):\n    wp.adjoint[v] += adj_ret\n\n\n"
    other = "@wp.func\ndef unused(v: float):\n    return v\n\n\n"
    text = KERNEL.replace("@wp.kernel", above + custom + other + "@wp.kernel").replace(
        "2.0 * x[i]", "f(x[i])"
    )
    source = read(text + "\nprint(scale)\nwp.init()\n").source
    assert all(part in source for part in ("N = 3", "def f(", "def g(", "def scale("))
    assert not any(part in source for part in ("UNUSED", "unused", "print", "init"))


def test_a_factory_is_unfolded() -> None:
    """Its arguments become constants."""
    body = KERNEL.partition("@wp.kernel\n")[2].replace("2.0", "k").replace("scale", "inner")
    inner = "".join(f"    {line}\n" for line in ("@wp.kernel", *body.splitlines()))
    made = read(f"import warp as wp\n\n\ndef make(k):\n{inner}    return inner\n\n\nscale = make(2.0)\n")
    assert (made.kernel, made.stage) == ("inner", "") and "k = 2.0" in made.source


@pytest.mark.parametrize(
    "text",
    [
        f"Here:\n\n```python\n{KERNEL}```\nand a test:\n```python\nprint(1)\n```\n",
        f"```python\nimport warp as wp\n@wp.kernel\ndef bad(x: float):\n    pass\n```\nBetter:\n```py\n{KERNEL}```",
        f"```python\n{KERNEL}",
        f"~~~~python\n{KERNEL}~~~~\n",
        "- so\n  ```python\n" + "".join(f"  {line}\n" for line in KERNEL.splitlines()) + "  ```\n",
        KERNEL.replace("\n", "\r\n"),
        f"````markdown\nHere:\n```python\n{KERNEL}```\n````\n",
        f"<think>\n```python\n@wp.kernel\ndef scale(\n</think>\n```\n{KERNEL}```\n",
        f"<think>It\n</think>\n{KERNEL}",
        f"<think>It</think><answer>\n{KERNEL}</answer>\nSo.",
        "- ```python\n" + "".join(f"  {line}\n" for line in KERNEL.splitlines()) + "  ```\n",
        f"```sh```\n```python\n{KERNEL}```\n",
        f"```\npip install warp-lang\n```\n```warp\n{KERNEL}```\n",
        f"```python\n{KERNEL}```\n```python\nimport mine\nmine.kernel_of(1)\n```\n",
        "```python\n" + KERNEL.replace("i = wp", '"""So:\n    ```python\n    1\n    ```\n    """\n    i = wp') + "```\n",
        "```python\n" + KERNEL.replace("wp.kernel", "kernel").replace("as wp", "as wp\nfrom warp import kernel") + "```\n",
    ],
)  # fmt: skip
def test_answers_hold_their_kernel(text: str) -> None:
    """In the last block that has one; of those in the language, if any is named so."""
    assert "y[i] = 2.0 * x[i]" in read(text, extract=True).source


HOST = """
from typing import Any, Dict, Sequence, TYPE_CHECKING
from warp import launch, zeros, Tape
import logging, contextlib, json
if __name__ == "__main__": input = wp.zeros(3); wp.launch(scale, dim=3, inputs=[input, input])
class Runner: do = lambda self: self._x
def rows(): yield 1
class R(Base): make = staticmethod(lambda self: super().__init__())
def told(x: object): print(scale.__name__, getattr(x, "n"))
""".strip().splitlines()


@pytest.mark.parametrize("line", HOST)
def test_host_code_is_written_as_ever(line: str) -> None:
    """It is left out, whatever is usual in it."""
    found = read(f"{KERNEL}\n\n{line}\n")
    assert found.stage == "" and "def scale" in found.source, found


TOP, SQUARE = "import warp as wp\n", "\n\n@wp.func\ndef square(v: float):\n    return v * v\n"


@pytest.mark.parametrize(
    "pairs, kept",
    [
        ((("wp.array(dtype=float)", "'wp.array(dtype=\"wp.float32\")'"),), "x: wp.array(dtype=wp.float32)"),
        ((("import warp as wp", "import warp"), ("wp.", "warp."), ("dtype=float", "dtype='warp.float32'")), "dtype=wp.float32"),
        (((TOP, TOP + "\n\n@wp.struct\nclass P:\n    a: float\n\n\n@wp.func\ndef a(p: 'P'):\n    return p.a\n"), ("2.0", "a(2.0)")), "class P"),
        (((TOP, TOP + SQUARE.replace("square", "größe").replace("v", "ß")), ("x[i]", "größe(ß=x[i])")), "udf_=x[i]"),
        (((TOP, TOP + "from warp import length\n" + SQUARE.replace("v", "length")), ("2.0", "square(2.0)")), "return length * length"),
        (((TOP, "from warp import *\nimport warp as wp\ntau = 1.0\n"), ("@wp.kernel", "@kernel"), ("2.0 *", "min(tau, sin(2.0)) *")),
         "min(tau, wp.sin(2.0))"),
        (((TOP, TOP + "import numpy as np\nTAU = 2.0 * np.pi\n"), ("2.0 * x", "TAU * x")), "TAU = 2.0 * wp.pi"),
        (((TOP, TOP + "import numpy as np\nR = float(np.deg2rad(np.float32(2.0)))\n"), ("2.0 * x", "R * x")), "R = float(math.radians(float(2.0)))"),
        ((("@wp.kernel\ndef scale", "def scale"), ("2.0 * x[i]\n", "2.0 * x[i]\n\n\nscale = wp.kernel(scale, enable_backward=False)\n")), "@wp.kernel(enable_backward=False)"),
        (((TOP, TOP + "def double(n):\n    return 2.0 * n\n\nN = double(1)\n"), ("2.0 * x", "N * x")), "def double(n)"),
        (((TOP, TOP + "\ndef made(k):\n    @wp.func\n    def f(v: wp.vec3):\n        return k * v.x\n    return f\n\nf = made(2.0)\n"),
          ("2.0 *", "f(wp.vec3(1.0)) *")), "return k * v.x"),
        (((TOP, TOP + "from typing import TypeAlias\nA: TypeAlias = wp.array[float]\n"), ("x: wp.array(dtype=float)", "x: A")), "x: A"),
        ((("x: wp.array(dtype=float)", "x: wp.array(dtype=wp.Float)"),), "x: wp.array(dtype=wp.float32, ndim=1)"),
        ((("@wp.kernel", "@wp.kernel\ndef scale(x: float, y: float):\n    pass\n\n\n@wp.kernel"),), "x: wp.array(dtype=float)"),
        ((("y[i] = 2.0 * x[i]\n", "y[i] = 2.0 * x[i]\n\n\n@wp.overload\ndef scale(x: wp.array(dtype=int), y: float): ...\n"),), "y[i] ="),
    ],
)  # fmt: skip
def test_what_a_kernel_needs_is_kept_as_it_is_meant(pairs: tuple[tuple[str, str], ...], kept: str) -> None:
    """Annotations that are texts, other letters, names that are bound twice, functions that make constants."""
    text = KERNEL
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    found = read(text)
    assert found.stage == "" and kept in found.source, found


@pytest.mark.parametrize("head", ["make(n, k=2.0)", "make(n, *, k=2.0)"])
def test_a_factory_has_defaults(head: str) -> None:
    """And may remember what it made."""
    body = KERNEL.partition("@wp.kernel\n")[2].replace("2.0", "k").replace("scale", "inner")
    inner = "".join(f"    {line}\n" for line in ("@wp.kernel", *body.splitlines()))
    top = "import functools\nimport warp as wp\n\n\n@functools.cache\n"
    found = read(f"{top}def {head}:\n{inner}    return inner\n\n\nscale = make(1)\n")
    assert (found.kernel, found.stage) == ("inner", "") and "k = 2.0" in found.source, found


@pytest.mark.parametrize("head", ["def main():", "class Scaling:", "if __name__ == '__main__':"])
def test_a_kernel_may_stand_in_something(head: str) -> None:
    """If there is none outside."""
    inner = "".join(
        f"    {line}\n" for line in KERNEL.partition("\n\n\n")[2].replace("2.0", "k").splitlines()
    )
    found = read(f"import warp as wp\n\n\n{head}\n    k = 2.0\n\n{inner}    wp.launch(scale, dim=3)\n")
    assert (found.kernel, found.stage) == ("scale", "") and "k = 2.0" in found.source, found
    assert read(f"{KERNEL}\n\n{head}\n{inner}").source == read(KERNEL).source
    of_class = f"import warp as wp\n\n\n{head}\n    k = 2.0\n\n    @staticmethod\n{inner}"
    assert "staticmethod" not in read(of_class).source and read(of_class).stage == ""


def test_an_annotation_runs_nothing() -> None:
    """What a text says is read like all else."""
    for text in ("().__class__", "'().__class__'", "*().__class__"):
        found = read(KERNEL.replace("x: wp.array(dtype=float)", f"x: {text!r}"))
        assert found.stage == "allow" or "__class__" not in found.source, found


def test_what_is_meant_must_be_clear() -> None:
    """Two kernels that both could be meant are none; nor is an answer without one, or prose without extraction."""
    two = KERNEL.replace("scale", "a") + KERNEL.partition("\n\n\n")[2].replace("scale", "b")
    for text, extract, why in (
        (two, False, "2 kernels"),
        ("No.", True, "no Python"),
        ("```python\nx = 1\n```", True, "no block"),
        (f"Here:\n```python\n{KERNEL}```\n", False, "no Python"),
    ):
        found = read(text, extract)
        assert found.stage == "extract" and why in found.why, (text, found)


NAMES = """
import os
import warpgen
import enum; X = enum.bltns
import typing; X = typing.sys
import typing as t; X = t.sys.modules
import enum; Y = enum; X = Y.bltns
from enum import bltns
from typing import sys
from warp import config
from . import x
import math; X = math.__loader__
X = ().__class__
X = "{0.__class__}".format(1)
X = eval("1")
X = __import__("os")
X = getattr(wp, "config")
X = (y for y in (1,)).gi_frame
X = scale.module
X = (lambda: 0)().real
X = wp.types.ctypes
X = wp.context
X = [c for c in wp.float32.mro()]
class A(metaclass=scale.module.x): pass
def f(a=scale.adj): return a
def f(): return (yield)
def f(x=1): return x.real
def f(): y = (lambda open: 1)(2); return open("x")
async def f(): pass
""".strip().splitlines()


@pytest.mark.parametrize("line", NAMES)
def test_no_name_leads_to_another(line: str) -> None:
    """Neither where it is executed, because the kernel needs it, nor, for names of Python's, anywhere."""
    needed = KERNEL.replace("2.0 * x[i]", "wp.static(float(X)) * x[i]" if "X" in line else "2.0 * x[i]")
    name = "A" if line.startswith("class") else "f" if "def f" in line else ""
    needed = needed.replace("2.0 * x[i]", f"wp.static(float({name}())) * x[i]") if name else needed
    text = needed.replace("import warp as wp\n", f"import warp as wp\n{line}\n", 1)
    assert read(text).stage == "allow", read(text)


def test_functions_of_python_have_names_of_their_own() -> None:
    """What a static expression calls: its parameters, variables and the functions inside it."""
    function = (
        "def last(n, *, a=2.0):\n    made = [a * k for k in range(n)]\n\n"
        "    def at(k):\n        return made[k]\n\n    return at(n - 1)\n\n\n"
    )
    text = KERNEL.replace("@wp.kernel", function + "@wp.kernel").replace("2.0 *", "wp.static(last(3)) *")
    assert "def at(k)" in read(text).source, read(text)


MACRO = "#define builtin_tid1d() wp::linear_tid<wp_linear_tid>(task_index, dim)\n"
CPP = (
    '#include "builtin.h"\n' + MACRO + "static void k_cpu_kernel_forward(size_t task_index) { wp::tid(1); }\n"
)


def test_what_is_compiled_is_what_was_read() -> None:
    """Comments and blank lines go, and all that stood in them; the rest stays as it is."""
    text = CPP.replace("{ wp", "{ // gone \\\n also gone\n /* gone \n */ wp") + "\n" * 1000
    made = cleaned(text, "cpp")
    assert "gone" not in made and "wp::tid(1);" in made and made.count("\n") < 10
    assert cleaned(made, "cpp") == made


@pytest.mark.parametrize(
    "line",
    [
        '#include "/etc/hostname"', "#include <stdio.h>", '%:include "x"', '/**/ # /**/ include "x"', '#import "x"',
        '#include_next "builtin.h"', '#inc\\\nlude "x"', '??=include "x"', "#define atomic_add f", "#line 1", "#pragma once",
        "_Pragma(\"x\")", 'int a; /* " */ #error x', "const char* a = R\"(x)\";", "asm(\"\");", "__asm__(\"\");",
        "[[noreturn]] void f();", "__attribute__((alias(\"x\"))) void f();", "namespace wp {}", "using namespace wp;",
        "extern int x;", 'extern "C" int x();', "template <> int wp::f<int>();", "long a = *(long*)1;", "auto a = (long*)(4096);",
        "auto a = reinterpret_cast<long*>(1);", "int \\u0041;", "int \u00e9;", "int a; }", "int a[(1];", "/* open",
        "\"open", "warpgen_watch.on = 0;", "__tsan_init();", "int a\r= 1;", "#embed \"x\"", "#if defined(__CUDACC__) && !defined(_MSC_VER)\nint a;\n#endif",
        "static int a<:3:>;", "void f() <% %>", "<:<:gnu::cold:>:> void f();", "void f(bool& a) { assert((a = true)); }", "assert(f());",
        "#if defined(__CUDA_ARCH__)\nint a;\n#endif", "#if defined(__CUDA_ARCH__)\n#define int(x) cast_int(x)\n#endif", "#if defined(__CUDA_ARCH__)", "#endif", "#if __has_include(\"x\")\n#endif",
    ],
)  # fmt: skip
def test_no_spelling_of_more_passes(line: str) -> None:
    """Of directives, assembly, names of compilers and linkers, casts to addresses, brackets that nothing closes."""
    cleaned(CPP, "cpp")
    with pytest.raises(Refused):
        cleaned(CPP.replace(MACRO, f"{line}\n{MACRO}"), "cpp")


def test_what_the_row_keeps_for_gpus_may_stand() -> None:
    """Nothing else may do another thing there; an assert of a name, as Warp writes it, does nothing."""
    block = "#if defined(__CUDA_ARCH__)\nint a; // so\n#endif\n"
    text = CPP.replace(MACRO, block.replace("; // so", " ;") + MACRO)
    assert "int a ;" in cleaned(text, "cpp", CPP + block)
    assert "assert" in cleaned(CPP.replace("wp::tid(1);", 'assert(((void)"so", var_1));'), "cpp")


@pytest.mark.parametrize(
    "line",
    [
        "using real = float;", "using wp::vec3; using wp::atomic_add;", "template <class T> using Few = wp::vec_t<3, T>;", "typedef unsigned int u32;",
        "namespace mine { inline float f(float x) { return x; } }", "namespace {}", "namespace a::b {} using namespace a::b;",
        "union both { float f; unsigned u; };", "template <> float f<float>(float x) { return x; }",
        "template <> struct op<wp::vec3> { int a; };", "template <class T> struct op<T, T> : public base {};", "volatile int a;",
        "struct a { friend a operator+(a x, a y) { return x; } };", "alignas(16) static const float a[4] = {};",
        "float a = *(const float*)((char*)p + 4);", "auto a = reinterpret_cast<const float4*>(p)[1];", "auto a = (float*)0;",
        "auto a = const_cast<float*>(p);", "[[maybe_unused]] static int a;",
        "enum class a : int { b };", "class a final : b { public: int c; protected: int d; };", "a::a(int x) : b(x) {}",
        "int f(int x) { switch (x) { case 1: case N: case a::b: return c ? x : d ? y > z : 2; default: end: ; } if (x) out: return 1; }",
        "int f() { for (auto x : y) { again: g(); } if (x) {} here: return 2; }",
    ],
)  # fmt: skip
def test_what_a_language_has_passes(line: str) -> None:
    """Names, classes and casts of one's own: they reach no farther than an index does."""
    cleaned(CPP.replace(MACRO, f"{line}\n{MACRO}"), "cpp")


@pytest.mark.parametrize(
    "line",
    [
        "namespace w = wp;", "namespace wp::a {}", "namespace a { inline namespace wp {} }", "using enum wp::a;",
        "using wp::atomic_add; template <> float atomic_add<float>(float* a, float b) { return *a += b; }",
        "namespace a { using wp::vec_t; } template <class T> struct vec_t<3, T*> {};", "using wp::sin, wp::cos;",
        "namespace a { using namespace ::wp; }", "template <unsigned N> struct wp::vec_t<N, mine> { int c; };",
        "template <class T> class CUDA_CALLABLE ::wp::quat_t<T*> {};", "template <class T> struct alignas(8) wp::quat_t<T*> {};",
        "template <> V& V::operator=(const V& o) { return *this; }", "template <> struct V::inner {};",
        "template <> wp::vec3 wp::f<1>(int x) {}", "struct a { friend void atomicAdd(a* p, a v) { *p = v; } };",
        "struct a { unsigned b : 24; char c; };", "struct a { wp::uint32 b : 24; };", "struct a { int b, c : 24; };",
        "struct a { unsigned b [[maybe_unused]] : 24; };", "struct a { decltype(1u) b : N; };", "struct a { vec<1> b : 24; };",
        "struct a { unsigned alignas(4) b : 24; };", "struct a { enum : unsigned {} b : 24; };", "struct a { int z = c ? 1 : 2; int b : 24; };",
        "auto a = (long*)-1;", "auto a = reinterpret_cast<wp::vec_t<3, wp::array_t<int>>*>(4096);", "[[maybe_unused, gnu::cold]] int a;",
        "PNANOVDB_FORCE_INLINE int f();",
    ],
)  # fmt: skip
def test_nothing_is_defined_that_the_watch_mistakes(line: str) -> None:
    """What counts as Warp's by its name, and fields of sizes that no number has."""
    with pytest.raises(Refused):
        cleaned(CPP.replace(MACRO, f"{line}\n{MACRO}"), "cpp")


def test_functions_stay_by_themselves() -> None:
    """What is put into an atomic function would count as a part of it."""
    for word in ("WP_FORCEINLINE", "__forceinline__"):
        line = f"static {word} float f() {{ return 1.0f; }}\n"
        assert "static inline float f" in cleaned(CPP.replace(MACRO, line + MACRO), "cpp")


@pytest.mark.parametrize("hint", ["unroll", "unroll 4", "unroll(N)", "nounroll"])
def test_hints_for_loops_pass(hint: str) -> None:
    """They change nothing."""
    text = CPP.replace("wp::tid(1);", f"\n#pragma {hint}\nfor (int i = 0; i < 4; ++i) {{}}\n")
    assert f"#pragma {hint}" in cleaned(text, "cpp")


CUDA = CPP.replace("static void k_cpu", 'extern "C" __global__ void k_cuda')


@pytest.mark.parametrize(
    "line",
    [
        "static __device__ float atomicAdd(float* p, float v, int) { return *p += v; }",
        "template <class T> T atomicMax(T* p, T v) noexcept { return v; }",
        "__device__ auto atomicAdd(float* p, float v, bool) -> float { return *p += v; }",
        "__device__ float atomicAdd(float* p, float v, bool) <% return *p += v; %>", "auto f = atomicAdd;",
        "int a = wg_armed;", "unsigned a = WG_ALL;", "thread_local int a;", "extern int a;", "#include <fstream>",
    ],
)  # fmt: skip
def test_no_word_of_the_machine_passes(line: str) -> None:
    """Nor a function called like CUDA's atomics, which the watch would take for one of them."""
    with pytest.raises(Refused):
        cleaned(CUDA.replace(MACRO, f"{line}\n{MACRO}"), "cuda")


def test_cuda_as_people_write_it_passes() -> None:
    """Shared memory, shuffles, atomics wherever a value may stand; in C++ there are none of them."""
    line = (
        "__device__ int f(int* a) { extern __shared__ float held[]; __syncthreads(); if (atomicAdd(a, 1)) { return 0; }"
        " return __ldg(a) ? atomicMax(a, 2) : __shfl_down_sync(0xffffffffu, *a, 1) + atomicExch(a, 3); }\n"
    )
    assert "atomicMax" in cleaned(CUDA.replace(MACRO, line + MACRO), "cuda")
    with pytest.raises(Refused):
        cleaned(CPP.replace(MACRO, line + MACRO), "cpp")


def test_a_text_without_a_kernel_is_none() -> None:
    """Of its own language."""
    for text, language in (("", "cpp"), ("int x;", "cuda"), (CPP, "cuda")):
        with pytest.raises(NoKernel):
            cleaned(text, language)


@pytest.mark.parametrize(
    "piece",
    [
        "\n", "\\", "'", '"a', "/*", "//\\\n", "((", "*)", "a", "1e", "#\n", "??", " ",
        "struct ", "namespace ", "using ", "template <> ", "a b {} c : ",
    ],
)  # fmt: skip
def test_no_text_takes_long_to_read(piece: str) -> None:
    """A quarter of the longest text: time grows with length alone."""
    start = time.process_time()
    with pytest.raises((Refused, NoKernel)):
        cleaned(piece * (MOST_CHARACTERS // 4 // len(piece)), "cpp")
    assert time.process_time() - start < 8.0


def test_no_name_takes_long_to_find() -> None:
    """Where a text calls its kernel so, and where it does not."""
    start = time.process_time()
    assert kernel_name(f"int {'a' * 30_000}_kernel_forward(" + "b_kernel_forward(" * 30_000) == ""
    assert kernel_name(f"int {'a' * 30_000}_cpu_kernel_forward(") == "a" * 30_000
    assert time.process_time() - start < 2.0
