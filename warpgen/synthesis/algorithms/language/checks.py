"""What is checked and printed, and bits read as other types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.language import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Warp manual, Debugging: printf, expect_near, breakpoint",
    names={
        "checked_step": "watched_update|checked_decay|debug_step",
        "x": "state|values|amounts",
        "out": "advanced|x_next|result",
        "dt": "h|time_step",
    },
    weight=11,
)
def checked_step(d: Draft) -> None:
    """Advances a state and reports when it leaves its bounds."""
    alarm = d.option("alarm", "printf", "print", "breakpoint", "expect", "printf first")
    test = d.option("test", "not finite", "too large", "both")
    step = d.option("step", "euler", "midpoint", "exact")
    type_ = d.option("type", "float", "vec3")
    if alarm == "expect" and step == "exact":
        step = "midpoint"  # there is nothing to check in what is exact
    n = d.pick(64, 96, 128)
    where = {
        "not finite": "if it is not finite",
        "too large": "if it exceeds its bounds",
        "both": "if it exceeds its bounds or is NaN",
    }[test]
    d.says({
        "printf": f"Advances a decaying state and calls printf {where}.",
        "print": f"Advances a decaying state and prints it {where}.",
        "breakpoint": f"Advances a decaying state and stops in the debugger {where}.",
        "expect": "Advances a decaying state and checks it against the analytical solution.",
        "printf first": "Advances a decaying state and prints the state of the first thread.",
    }[alarm])  # fmt: skip
    if alarm == "printf first":
        d.calls("debug_step|print_first_state|printing_decay")  # which checks nothing
    d.input("x", type_, n, -2.0, 2.0, about="state per element")
    d.param("rate", "float", 0.5, 1.0, about="decay rate [1/s]")
    d.param("dt", "float", 0.01, 0.05, about="time step [s]")
    if test != "not finite" and alarm not in ("expect", "printf first"):
        d.param("bound", "float", 10.0, 100.0, about="maximum state magnitude")
    d.output("out", type_, n, about="updated state")
    lines = {
        "euler": "moved = x[tid] - dt * rate * x[tid]",
        "midpoint": "half = x[tid] - 0.5 * dt * rate * x[tid]\nmoved = x[tid] - dt * rate * half",
        "exact": "moved = wp.exp(-dt * rate) * x[tid]",
    }[step]
    size = "wp.abs(moved)" if type_ == "float" else "wp.length(moved)"
    condition = {
        "not finite": "not wp.isfinite(moved)",
        "too large": f"{size} > bound",
        "both": f"wp.isnan(moved) or {size} > bound",
    }[test]
    shown, mark = ("moved", "%f") if type_ == "float" else ("moved[0], moved[1], moved[2]", "(%f, %f, %f)")
    left = {"not finite": "not finite", "too large": "beyond its bound"}.get(
        test, "not a number or beyond its bound"
    )
    say = {
        "printf": f'wp.printf("state {mark} of element %d is {left}\\n", {shown}, tid)',
        "printf first": f'wp.printf("the first state is {mark}\\n", {shown})',
        "print": d.pick("print(moved)", "wp.print(moved)"),
        "breakpoint": "wp.breakpoint()",
        "expect": "",
    }[alarm]
    check = "if tid == 0:\n    $say" if alarm == "printf first" else f"if {condition}:\n    $say"
    if alarm == "expect":
        exact = "wp.exp(-dt * rate) * x[tid]"
        order, least = {
            "euler": ("(`rate` * `dt`)^2 / 2", "5.0e-3"),
            "midpoint": ("(`rate` * `dt`)^3 / 6", "2.0e-4"),
        }[step]
        check = f"# Local error of the explicit step, relative to the state: {order}\nwp.expect_near(moved, {exact}, {least})"
        if test == "both":
            check = f"# This check is cheap, so keep it enabled\nexact = {exact}\nwp.expect_near(moved, exact, {least})"
        elif test == "not finite":
            check = f"# Skip the check if the state is not finite\nif wp.isfinite(moved):\n    wp.expect_near(moved, {exact}, {least})"
    d.launch(n)
    d.code("tid = wp.tid()\n$lines\n$check\nout[tid] = moved", lines=lines, check=check, say=say)

    def reference(v: Values) -> Mapping[str, Any]:
        z = v.dt * v.rate
        return {"out": v.x * {"euler": 1 - z, "midpoint": 1 - z + z * z / 2, "exact": np.exp(-z)}[step]}

    d.check(reference)


@DOMAIN.algorithm(
    source="IEEE 754-2019, sec. 3.4; Blinn 1997, Floating-point tricks; Warren 2012, ch. 5",
    names={
        "float_bits": "bit_patterns|reinterpret_bits|word_tricks",
        "x": "values|numbers|samples",
        "bits": "word|pattern|code",
        "out": "result|y",
    },
    adjoint="no",
)
def float_bits(d: Draft) -> None:
    """Manipulates the bit representation of floats."""
    kind = d.option("kind", "sort key", "exponent", "inverse root", "parity", "truncate", "distance", "sign")
    d.calls({
        "sort key": "float_to_sort_key|sortable_bits|ordered_keys",
        "exponent": "binary_exponents|read_exponents|float_exponent",
        "inverse root": "fast_inverse_sqrt|inverse_roots|rsqrt_by_bits",
        "parity": "count_mantissa_bits|mantissa_bits|mantissa_popcount",
        "truncate": "truncate_to_bfloat16|to_bfloat16|cut_mantissa",
        "distance": "ulp_distance|ulps_apart",
        "sign": "read_signs|sign_bits|float_signs",
    }[kind])  # fmt: skip
    apart = d.option("place", "inline", "function")
    spelled = d.option("spelled", "signs", "functions")
    n = d.pick(64, 96, 128)
    d.says({
        "sort key": "Converts floats to unsigned integer sort keys.",
        "exponent": "Extracts binary exponents from the bits of floats.",
        "inverse root": "Computes fast inverse square roots using a bit-level initial guess and one Newton step.",
        "parity": "Counts the set mantissa bits of floats.",
        "truncate": "Truncates floats to bfloat16 precision.",
        "distance": "Computes the ULP distance between pairs of positive floats.",
        "sign": "Extracts the signs of floats as +1 or -1 from the sign bit.",
    }[kind])  # fmt: skip
    signed = kind in ("sort key", "sign", "truncate")
    d.input(
        "x",
        "float",
        n,
        -4.0 if signed else 0.1,
        4.0,
        about="input values" if signed else "positive input values",
    )
    if kind == "distance":
        d.input("other", "float", n, 1.0, 4.0, about="positive values to compare with")
    type_ = {"sort key": "uint32", "inverse root": "float", "truncate": "float"}.get(kind, "int")
    about = {
        "sort key": "unsigned sort keys", "exponent": "binary exponents", "inverse root": "inverse square roots",
        "parity": "number of set mantissa bits", "truncate": "values truncated to bfloat16", "distance": "distance in units in the last place (ULP)",
        "sign": "1 or -1",
    }[kind]  # fmt: skip
    d.output("out", type_, n, about=about)
    functions = spelled == "functions"

    def op(name: str, a: str, b: str) -> str:
        sign = {"bit_and": "&", "rshift": ">>", "bit_xor": "^", "sub": "-"}[name]
        return f"wp.{name}({a}, {b})" if functions else f"({a} {sign} {b})"

    def bare(text: str) -> str:
        """The same without the parentheses around it."""
        return text[1:-1] if text.startswith("(") else text

    def u(x: str) -> str:
        return f"wp.uint32({x})"

    word = "bits = wp.cast(value, wp.uint32)"
    lines, result = {
        "sort key": (
            f"{word}\n# Flip all bits of negative floats, otherwise only the sign bit\n"
            f"sign = {u('0x80000000')}\n"
            f"mask = wp.where({op('bit_and', 'bits', 'sign')} != {u('0')}, {u('0xffffffff')}, sign)",
            bare(op("bit_xor", "bits", "mask")),
        ),
        "exponent": (
            f"{word}\n# Extract the 8-bit exponent and subtract the bias of 127\n"
            f"field = {bare(op('bit_and', op('rshift', 'bits', u('23')), u('0xff')))}",
            bare(op("sub", "int(field)", "127")),
        ),
        "inverse root": (
            f"bits = wp.cast(value, int)\n# Fast inverse square root: initial guess from the exponent bits\n"
            f"guess = wp.cast({bare(op('sub', '0x5f3759df', op('rshift', 'bits', '1')))}, float)",
            "guess * (1.5 - 0.5 * value * guess * guess)",
        ),
        "parity": (
            f"{word}\nmantissa = {bare(op('bit_and', 'bits', u('0x7fffff')))}",
            "wp.bit_count(mantissa)",
        ),
        "truncate": (word, f"wp.cast({bare(op('bit_and', 'bits', u('0xffff0000')))}, float)"),
        "distance": (
            "# Bit patterns of positive floats have the same order as the floats\nbits = wp.cast(value, int)",
            f"wp.abs({bare(op('sub', 'wp.cast(second, int)', 'bits'))})",
        ),
        "sign": (word, f"1 - 2 * int({bare(op('rshift', 'bits', u('31')))})"),
    }[kind]
    function = {
        "sort key": "sort_key_of", "exponent": "exponent_of", "inverse root": "inverse_root", "parity": "count_set_bits",
        "truncate": "truncated", "distance": "ulps_between", "sign": "sign_of",
    }[kind]  # fmt: skip
    two = kind == "distance"
    d.launch(n)
    if apart == "function":
        d.function(
            f"@wp.func\ndef {function}(value: float{', second: float' if two else ''}):\n"
            f"    $lines\n    return {result}",
            lines=lines,
        )
        d.code(f"tid = wp.tid()\nout[tid] = {function}(x[tid]{', other[tid]' if two else ''})")
    else:
        second = "second = other[tid]" if two else ""
        d.code(
            f"tid = wp.tid()\nvalue = x[tid]\n$second\n$lines\nout[tid] = {result}",
            lines=lines,
            second=second,
        )

    def agree(before: Values, after: Values) -> None:
        x = before.x.astype(np.float32)
        if kind == "sort key":
            order = np.argsort(x, kind="stable")
            assert (np.diff(after.out[order].astype(np.int64)) > 0).all()
        elif kind == "exponent":
            assert (after.out == np.floor(np.log2(x))).all()
        elif kind == "inverse root":
            np.testing.assert_allclose(after.out, x**-0.5, rtol=2e-3)
        elif kind == "parity":
            m, _ = np.frexp(x)
            fraction = ((m.astype(float) * 2 - 1) * 2**23).astype(int)
            assert (after.out == [int(f).bit_count() for f in fraction]).all()
        elif kind == "truncate":
            np.testing.assert_allclose(after.out, x, rtol=2.0**-7)
            assert (np.abs(after.out) <= np.abs(x)).all()
            scaled = np.frexp(after.out)[0] * 256
            assert (scaled == np.rint(scaled)).all()
        elif kind == "distance":
            y = before.other.astype(np.float32)
            assert (after.out == np.abs(x.view(np.int32).astype(int) - y.view(np.int32))).all()
        else:
            assert (after.out == np.sign(x)).all()

    d.holds(agree)
