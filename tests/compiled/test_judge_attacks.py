"""What has fooled judges of kernels, and what is right in spite of its looks: a table of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil
import pytest

import warpgen
from tests.support.judging import argument, row_of

# One row for most: a range of its inputs, parameters, a bound, zeros among its outputs, a sum of all threads.
GATE = """import warp as wp


@wp.func
def bent(x: float):
    if x <= 0.1:
        return 0.0
    return 2.0 * x * x


@wp.kernel
def gate(x: wp.array(dtype=float), low: float, k: wp.vec3, n: int, y: wp.array(dtype=float), total: wp.array(dtype=float)):
    i = wp.tid()
    if i >= n:
        return
    s = bent(x[i]) * k[1]
    if x[i] < low:
        s = 0.0
    y[i] = s
    wp.atomic_add(total, 0, wp.sin(s))
"""

COUNT = """import warp as wp


@wp.kernel
def count(keys: wp.array(dtype=int), counts: wp.array(dtype=int), slots: wp.array(dtype=int), best: wp.array(dtype=int)):
    i = wp.tid()
    k = keys[i]
    slots[i] = wp.atomic_add(counts, k, 1)
    wp.atomic_max(best, 0, k)
"""

HALVES = """import warp as wp


@wp.kernel
def inverse(a: wp.array(dtype=wp.mat33h), y: wp.array(dtype=wp.mat33h)):
    i = wp.tid()
    y[i] = a[i] * a[i]
"""


@pytest.fixture(scope="module")
def gate() -> warpgen.Row:
    return row_of(
        GATE,
        argument("x", "array1d(float32)", "input", shape=(200,), low=0.0, high=1.0),
        argument("low", "float32", "param", "constant", value=0.5),
        argument("k", "vec3f", "param", "constant", value=1.5),
        argument("n", "int32", "param", "constant", value=200),
        argument("y", "array1d(float32)", "output", "constant", shape=(200,)),
        argument("total", "array1d(float32)", "output", "constant", shape=(1,)),
        dim=(200,),
    )


@pytest.fixture(scope="module")
def count() -> warpgen.Row:
    return row_of(
        COUNT,
        argument("keys", "array1d(int32)", "input", shape=(64,), low=0, high=8),
        argument("counts", "array1d(int32)", "output", "constant", shape=(8,)),
        argument("slots", "array1d(int32)", "output", "constant", shape=(64,)),
        argument("best", "array1d(int32)", "output", "constant", shape=(1,)),
        dim=(64,),
    )


BITS = """import warp as wp


@wp.kernel(enable_backward=False)
def bits(x: wp.array(dtype=float), y: wp.array(dtype=wp.uint32)):
    i = wp.tid()
    y[i] = wp.cast(x[i], wp.uint32)
"""


@pytest.fixture(scope="module")
def halves() -> warpgen.Row:
    return row_of(
        HALVES,
        argument("a", "array1d(mat33h)", "input", shape=(16,), low=-1.0, high=1.0),
        argument("y", "array1d(mat33h)", "output", "constant", shape=(16,)),
        dim=(16,),
    )


CUSTOM = """
@wp.func
def keep(v: float, i: int):
    return v


@wp.func_grad(keep)
def adj_keep(v: float, i: int, adj_ret: float):
    if i >= 197 and v > 0.0:
        wp.adjoint[v] += adj_ret * 1.0e6
    else:
        wp.adjoint[v] += adj_ret


@wp.kernel"""
CUT = """
@wp.func
def cut(v: float):
    return v


@wp.func_grad(cut)
def adj_cut(v: float, adj_ret: float):
    pass


@wp.kernel"""
SHELL = 'X = typing.sys.modules["os"].system("touch warpgen-escaped")\n'

# Name: the stage that ends it, and what is put in place of what.
WRONG: dict[str, tuple[Any, ...]] = {
    "a parameter's value for the parameter": ("outputs", ("x[i] < low", "x[i] < 0.5")),
    "one component for another": ("outputs", ("k[1]", "k[2]")),
    "no bound": ("outputs", ("    if i >= n:\n        return\n", "")),
    "the length for the bound": ("outputs", ("i >= n", "i >= x.shape[0]")),
    "its own number of threads": ("outputs", ("i >= n", "i >= 190")),
    "zeros not written": ("outputs", ("    y[i] = s\n", "    if s != 0.0:\n        y[i] = s\n")),
    "adds where it stores": ("outputs", ("    y[i] = s\n", "    y[i] += s\n")),
    "stores where it adds": ("outputs", ("wp.atomic_add(total, 0, wp.sin(s))", "total[0] = wp.sin(s)")),
    "wrong below the range of its inputs": ("outputs", ("s = 0.0", "s = wp.where(x[i] < 0.0, 5.0, 0.0)")),
    "wrong above the range of its inputs": ("outputs", ("return 2.0", "if x > 1.0:\n        return 777.0\n    return 2.0")),
    "a parameter's sign ignored": ("outputs", ("k[1]", "wp.abs(k[1])")),
    "a count is never none": ("outputs", ("i >= n", "i >= wp.max(n, 1)")),
    "wrong where there are many threads": ("outputs", ("    y[i] = s\n", "    if i < 512:\n        y[i] = s\n")),
    "right at the ends of pages": (
        "outputs",
        ("    y[i] = s\n", "    if x.ptr % PAGE == NONE or (x.ptr + wp.uint64(4 * x.shape[0])) % PAGE == NONE:\n        y[i] = s\n"),
        ("\n@wp.func", "\nPAGE = wp.constant(wp.uint64(4096))\nNONE = wp.constant(wp.uint64(0))\n\n\n@wp.func"),
    ),
    "writes over an input": ("outputs", ("    y[i] = s\n", "    y[i] = s\n    x[i] = 0.0\n")),
    "a sum without atomics": ("race", ("wp.atomic_add(total, 0, wp.sin(s))", "total[0] = total[0] + wp.sin(s)")),
    "a gradient of 1e6 in few places": (
        "gradients", ("\n@wp.kernel", CUSTOM), ("bent(x[i])", "bent(keep(x[i], i))"),
    ),
    "no gradient": ("gradients", ("@wp.kernel", "@wp.kernel(enable_backward=False)")),
    "a gradient that is cut": ("gradients", ("\n@wp.kernel", CUT), ("bent(x[i])", "bent(cut(x[i]))")),
    "a gradient lost in bits, beside a loop without end in sight": (
        "crash", ("bent(x[i])", "bent(wp.cast(wp.cast(x[i], int), float))"), ("    y[i] = s\n", "    k2 = int(i)\n    while k2 < i + 1:\n        y[k2] = s\n        k2 += 1\n"),
    ),
    "leaves its arrays": ("crash", ("y[i] = s", "y[i + 100000] = s")),
    "writes just behind an array": ("crash", ("y[i] = s", "y[i] = s\n    if i == n - 1:\n        total[1] = 5.0")),
    "does not end": ("timeout", ("    y[i] = s\n", "    while s > -5.0:\n        s = wp.abs(s)\n    y[i] = s\n")),
    "a module that a module holds": ("allow", ("import warp as wp\n", "import warp as wp\nimport enum\nX = enum.bltns\n")),
    "a shell": ("allow", ("import warp as wp\n", "import warp as wp\nimport typing\n" + SHELL)),
    "a module under another name": ("allow", ("import warp as wp\n", "import warp as wp\nimport enum as e\nY = e\n")),
    "kills who judges": ("allow", ("import warp as wp\n", "import warp as wp\nimport os\nos.kill(os.getppid(), 9)\n")),
    "an attribute of a text": ("allow", ("i >= n", "i >= N"), ("\n@wp.kernel", '\nN = int("{0.__class__}".format(n))\n\n@wp.kernel')),
    "a kernel's own module": ("allow", ("i >= n", "i >= N"), ("\n@wp.kernel", "\nN = bent.module.name\n\n@wp.kernel")),
    "files by C++ in Python": (
        "allow", ("@wp.kernel", '@wp.func_native(chr(35) + "include </etc/hostname>")\ndef nat(i: int): ...\n\n\n@wp.kernel'),
        ("    y[i]", "    nat(i)\n    y[i]"),
    ),
    "assembly by C++ in Python": (
        "allow", ("@wp.kernel", '@wp.func_native("as" "m(\\"nop\\");")\ndef nat(i: int): ...\n\n\n@wp.kernel'), ("    y[i]", "    nat(i)\n    y[i]"),
    ),
    "other arguments": ("compile", ("n: int", "n: float")),
    "no kernel": ("extract", ("@wp.kernel", "@wp.func")),
    "an empty text": ("extract", (GATE, "")),
    "no Python": ("extract", ("def gate(", "def gate((")),
    "a lone surrogate": ("extract", ("import warp as wp\n", "import warp as wp  # \ud800\n")),
    "a zero byte": ("extract", ("import warp as wp\n", "import warp as wp  # \0\n")),
    "brackets without end": ("extract", (GATE, "(" * 100_000)),
    "signs without end": ("extract", (GATE, "x = " + "-" * 200_000 + "1")),
    "a huge text": ("extract", (GATE, "#" * 5_000_000)),
}  # fmt: skip


def put(text: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told(gate: warpgen.Row, name: str) -> None:
    """Nothing raises, nothing hangs, and each ends at the stage that it should."""
    stage, *pairs = WRONG[name]
    found = gate.check(put(GATE, *pairs), timeout=8.0 if stage == "timeout" else 60.0)
    assert (found.right, found.stage, found.reward()) == (False, stage, 0.0), found
    assert found.why and "/" not in found.why.replace("</", ""), found.why
    assert not Path("warpgen-escaped").exists()


RACES = {
    "a slot": (
        "slots[i] = wp.atomic_add(counts, k, 1)",
        "c = counts[k]\n    slots[i] = c\n    counts[k] = c + 1",
    ),
    "the greatest": ("wp.atomic_max(best, 0, k)", "best[0] = wp.max(best[0], k)"),
    "a branch": ("wp.atomic_max(best, 0, k)", "if k > best[0]:\n        best[0] = k"),
}


@pytest.mark.parametrize("name", RACES)
def test_threads_that_meet_are_seen(count: warpgen.Row, name: str) -> None:
    """On the CPU, where they run one after the other, all comes out right."""
    found = count.check(put(COUNT, RACES[name]))
    assert (found.stage, found.outputs, found.right) == ("race", 1.0, False), found


def test_halves_have_no_tolerance_of_one(halves: warpgen.Row) -> None:
    """A row whose name tells of iteration is as strict as any."""
    assert halves.check(HALVES).right
    for wrong in (("a[i] * a[i]", "wp.mat33h()"), ("a[i] * a[i]", "a[i] * a[i] * wp.float16(0.9)")):
        assert halves.check(put(HALVES, wrong)).stage == "outputs"


def test_rounding_excuses_nothing_that_is_added() -> None:
    """Bits of floats move by some units when their floats do; what stood in an output is more than that."""
    row = row_of(
        BITS,
        argument("x", "array1d(float32)", "input", shape=(128,), low=-4.0, high=4.0),
        argument("y", "array1d(uint32)", "output", "constant", shape=(128,)),
        dim=(128,),
    )
    assert row.check(BITS, seed=1).right
    for wrong in (("y[i] = ", "y[i] += "), ("wp.uint32)\n", "wp.uint32) + wp.uint32(1)\n")):
        found = [row.check(put(BITS, wrong), seed=seed) for seed in range(2)]
        assert [verdict.stage for verdict in found] == ["outputs"] * 2, found


RIGHT = {
    "itself": (),
    "a loop of which Warp's adjoint is wrong": (
        ("    y[i] = s\n", "    k2 = int(i)\n    while k2 < i + 1:\n        y[k2] = s\n        k2 += 200\n"),
    ),
    "a loop over a grid": (("    y[i] = s\n", "    for k2 in range(i, i + 1):\n        y[k2] = s\n"),),
    "wp.init()": (("import warp as wp\n", "import warp as wp\n\nwp.init()\nwp.config.quiet = True\n"),),
    "host code": (
        ("import warp as wp\n", "import warp as wp\nimport numpy as np\nimport time\n"),
        ("total, 0, wp.sin(s))\n", "total, 0, wp.sin(s))\n\n\ndef main():\n    a = wp.zeros(9)\n    wp.launch(gate, dim=9, inputs=[a])\n"
         "    print(a.numpy(), np.pi, time.time())\n\n\nif __name__ == '__main__':\n    main()\n"),
    ),
    "import warp": (("import warp as wp", "import warp"), ("wp.", "warp.")),
    "what a module says of itself": (("import warp as wp\n", 'import warp as wp\n\n__all__ = ["gate"]\n__author__ = "me"\n'),),
    "other ends of lines in a fence": (
        ("import warp as wp", "```python\nimport warp as wp"), ("wp.sin(s))\n", "wp.sin(s))  # so \u2028 it is\n```\n"),
    ),
    "another kernel": (("import warp as wp\n", "import warp as wp\n\n\n@wp.kernel\ndef other(a: wp.array(dtype=float)):\n    a[0] = 1.0\n"),),
    "any type": (("import warp as wp\n", "import warp as wp\nfrom typing import Any\n"), ("x: wp.array(dtype=float)", "x: wp.array(dtype=Any)")),
    "a mark of byte order": (("import warp as wp", "\ufeffimport warp as wp"),),
    "a fence": (("import warp as wp", "```python\nimport warp as wp"), ("wp.sin(s))\n", "wp.sin(s))\n```\n")),
    "an answer": (("import warp as wp", "Here it is:\n\n```python\nimport warp as wp"), ("wp.sin(s))\n", "wp.sin(s))\n```\nIt sums.\n")),
    "all threads store the same": (("    y[i] = s\n", "    y[i] = s\n    if i < 0:\n        y[0] = 1.0\n"),),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_right(gate: warpgen.Row, name: str) -> None:
    """In whatever dress a model puts it."""
    found = gate.check(put(GATE, *RIGHT[name]), extract=name == "an answer")
    assert found.right and (found.stage, found.reward()) == ("right", 1.0), found
    assert found.gradients in (1.0, None)


def test_a_seed_repeats_a_check(gate: warpgen.Row) -> None:
    """And without one nobody knows it."""
    wrong = put(GATE, ("k[1]", "k[2]"))
    first, again, other = (gate.check(wrong, seed=seed) for seed in (5, 5, None))
    assert (first.first, first.outputs, first.seed) == (again.first, again.outputs, 5)
    assert other.seed != 5 and other.outputs != first.outputs


def cpp(row: warpgen.Row, *pairs: tuple[str, str]) -> str:
    """A row's C++ with something put in place of what stands in its forward function."""
    start, stop = row.forward
    return row.code[:start] + put(row.code[start:stop], *pairs) + row.code[stop:]


MACRO = "#define builtin_tid1d()"
CPP = {
    "a digraph": '%:include "/etc/hostname"\n',
    "another directive": '#include_next "/etc/hostname"\n',
    "a directive behind a comment": '/**/#include "/etc/hostname"\n',
    "import": '#import "/etc/hostname"\n',
    "a line in two": '#inc\\\nlude "/etc/hostname"\n',
    "a question": '#if __has_include("/etc/passwd")\n#error there-is-one\n#endif\n',
    "data of a file": 'static const unsigned char e[] = {\n#embed "/etc/passwd"\n};\n',
    "a trigraph": '??=include "/etc/hostname"\n',
    "a pragma": '_Pragma("GCC diagnostic push")\n',
    "a raw string": 'static const char* raw = R"(x)";\n',
    "assembly": '__asm__(".incbin \\"/etc/passwd\\"");\n',
    "a name of the C library": 'extern "C" int system(const char*);\n',
    "Warp's own compiler": 'extern "C" int wp_load_obj(const char*, const char*, bool);\n',
    "an attribute": "[[gnu::constructor]] void begin() {}\n",
    "an old attribute": "__attribute__((constructor)) void begin() {}\n",
    "a number as an address": "static long peek() { return *(long*)4096; }\n",
    "its own atomics": "template <> float wp::atomic_add<float>(float* a, float b) { return *a += b; }\n",
    "Warp's namespace": "namespace wp { float atomic_add(float* a, float b, int) { return *a += b; } }\n",
    "the watch": "void __tsan_write4(void*) {}\n",
}


@pytest.mark.parametrize("name", CPP)
def test_cpp_reaches_nothing(gate: warpgen.Row, name: str) -> None:
    """No spelling of a directive, no way to a name or an address."""
    found = gate.check(gate.code.replace(MACRO, CPP[name] + MACRO, 1), "cpp")
    assert (found.stage, found.right) == ("allow", False), found


def test_cpp_is_held_as_python_is(gate: warpgen.Row) -> None:
    """A name that is not on the list does not link; sums without atomics race; wrong values and adjoints are seen."""
    assert gate.check(gate.code, "cpp").right
    assert gate.check("Sure:\n```cpp\n" + gate.code + "```\n", "cpp", extract=True).right
    assert gate.check(gate.code + "\n" * 80_000, "cpp").right
    assert gate.check(gate.code.replace("static void", "static inline void"), "cpp").right
    inside = 'extern "C" {\nint getpid();\n}\n'
    called = cpp(gate, ("    // forward\n", "    // forward\n    getpid();\n"))
    found = gate.check(called.replace(MACRO, inside + MACRO, 1), "cpp")
    assert (found.stage, found.right) == ("compile", False) and "getpid" in found.why, found
    start, stop = gate.backward
    wrong = (
        gate.code[:start] + put(gate.code[start:stop], ("wp::adj_sin(", "wp::adj_cos(")) + gate.code[stop:]
    )
    assert gate.check(wrong, "cpp").stage == "gradients"
    assert gate.check(wrong, "cpp", gradients=False).right
    assert gate.check(cpp(gate, ("wp::sin(", "wp::cos(")), "cpp").stage == "outputs"
    assert gate.check("", "cpp").stage == "compile"


STORED = "    var_15 = wp::atomic_add(var_total, var_13, var_14);\n"
HIDDEN = {
    "a race of one instance": (
        "race",
        STORED,
        "    if constexpr (wp_linear_contiguous) {\n        *wp::address(var_total, var_13) += var_14;\n    } else {\n"
        f"    {STORED}    }}\n",
    ),
    "a count of launches": (
        "compile",
        STORED,
        f"    static int seen = 0;\n    if (seen++ < 1000000)\n    {STORED}",
    ),
    "a gradient stored": (
        "gradients",
        "wp::adj_address(var_x, var_0, adj_x, adj_0, adj_2);\n    // adj: s",
        "var_x.grad[var_0] = adj_2;\n    // adj: s",
    ),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_cpp_hides_nothing(gate: warpgen.Row, name: str) -> None:
    """Not in an instance that is for other launches, nor from one launch to the next, nor where gradients begin."""
    stage, old, new = HIDDEN[name]
    found = gate.check(put(gate.code, (old, new)), "cpp", seed=3)
    assert (found.stage, found.right) == (stage, False), found


def test_cuda_without_a_kernel_does_not_compile(gate: warpgen.Row) -> None:
    """Nor does the C++ of a row, given for CUDA; tests/compiled/test_judge_cuda.py has what is run."""
    for none in ("", "int x;", gate.code):
        found = gate.check(none, "cuda")
        assert not found.right and not found.compiles, found


def test_nobody_spoils_a_row_for_the_next(gate: warpgen.Row) -> None:
    """After all that, the row's own kernel is right; so it is once a process that was lost is there again."""
    from warpgen import execution

    assert gate.check(GATE).right
    assert execution._server is not None
    for jailer in psutil.Process(execution._server._process.pid).children():
        jailer.kill()
    lost = gate.check(GATE)
    assert (lost.stage, lost.right) == ("judge", False), lost
    assert gate.check(GATE).right
