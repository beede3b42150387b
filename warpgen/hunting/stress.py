"""Programs with no purpose but to try Warp: nests, in-place work, odd types, rare builtins, edge launches.

They compute nothing that anybody wants, so they are in no dataset.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from warpgen.launch import Argument, Fill, Launch
from warpgen.program import Program
from warpgen.synthesis.writing.rng import Rng

_Form = Callable[[int], list[str]]

_TRIPS = 3  # what the argument n is: loops with it have no length that Warp knows
_COPIES = 8  # of a statement, by loops that Warp unrolls: half of the time went into a tenth of the programs
_SIZES = (1, 2, 7, 31, 33, 64, 257)
_VALUES = ("x", "y", "z")  # locals; the arrays that they come from have an s behind

# Functions that expressions may call, and the struct of one of them; a program has those that it calls.
_HELPERS = {
    "early": """\
def early(p: float, q: float):
    if p > q:
        return p * q
    r = p * p
    return r + q
""",
    "within": """\
def within(p: float, n: int):
    for k in range(n):
        if p > 0.5 * float(k):
            return p * float(k + 1)
    return p * p
""",
    "gathered": """\
def gathered(p: float, n: int):
    s = float(0.5)
    for k in range(n):
        s += p * float(k)
    return s * s
""",
    "both": """\
def both(p: float, q: float):
    return p * q, p - q
""",
    "own": """\
def own(p: float, q: float):
    return p * wp.sin(q)


@wp.func_grad(own)
def adj_own(p: float, q: float, adj_ret: float):
    wp.adjoint[p] += adj_ret * wp.sin(q)
    wp.adjoint[q] += adj_ret * p * wp.cos(q)
""",
    "body": """\
def body(p: float, q: float):
    s = Body()
    s.mass = p
    s.velocity = wp.vec3(p, q, p * q)
    return s
""",
}
_STRUCT = """\
@wp.struct
class Body:
    mass: float
    velocity: wp.vec3


"""

_CONSTANTS = ("0.5", "1.25", "-0.75", "2.0")
_ONE = ("sin", "cos", "tanh", "atan", "erf", "sinh", "degrees", "frac", "sign", "floor", "abs", "cbrt")
_TWO = (
    "{0} + {1}",
    "{0} - {1}",
    "{0} * {1}",
    "{0} / (2.5 + wp.abs({1}))",
    "wp.max({0}, {1})",
    "wp.min({0}, {1})",
    "{0} % (1.5 + wp.abs({1}))",
    "wp.mod({0}, 2.0 + {1} * {1})",
    "wp.atan2({0}, 2.0 + wp.abs({1}))",
    "wp.pow(0.5 + wp.abs({0}), {1})",
    "wp.lerp({0}, {1}, 0.3)",
    "wp.smoothstep(-2.0, 2.0, {0} + {1})",
    "wp.where({0} > {1}, {0}, {1} * {1})",
    "({0} if {0} < {1} else {0} * {1})",
    "wp.copysign({0}, {1})",
    "early({0}, {1})",
    "within({0}, n)",
    "gathered({0}, n)",
    "own({0}, {1})",
    "body({0}, {1}).mass",
    "body({0}, {1}).velocity[2]",
    "wp.dot(wp.vec3({0}, {1}, 1.0), wp.vec3({1}, 2.0, {0}))",
    "wp.length(wp.vec2({0}, 1.0 + {1} * {1}))",
    "wp.quat_rotate(wp.quat_from_axis_angle(wp.vec3(0.0, 0.6, 0.8), {0}), wp.vec3({1}, 1.0, 2.0))[0]",
    "wp.determinant(wp.mat22({0}, {1}, 1.0, {0}))",
    "float(wp.float64({0})) * {1}",
)


def stress(seed: int, index: int) -> Program:
    """The program of this index: the same for the same (seed, index)."""
    rng = Rng("stress", seed, index)
    size = rng.choice(_SIZES)
    body = ["i = wp.tid()", *(f"{name} = {name}s[i]" for name in _VALUES)]
    body += _Writer(rng).block(rng.integer(2, 5), 0)
    body.append("out[i] += 0.01 * (xs[i] + ys[i] * zs[i])")  # or most would be blind to one of them
    inputs = [_input(f"{name}s", size) for name in _VALUES]
    count = Argument("n", "int32", "param", (Fill("n", "constant", value=float(_TRIPS)),))
    out = Argument("out", "array1d(float32)", "inout", (Fill("out", "constant", (size,)),))
    head = ", ".join(f"{n}s: wp.array(dtype=float)" for n in _VALUES) + ", n: int, out: wp.array(dtype=float)"
    kernel = f"@wp.kernel\ndef tried({head}):\n" + "\n".join(f"    {line}" for line in body)
    helpers = (text for name, text in _HELPERS.items() if re.search(rf"\b{name}\b", kernel))
    called = "".join(f"@wp.func\n{text}\n\n" for text in helpers)
    source = f"import warp as wp\n\n\n{_STRUCT if 'Body' in called else ''}{called}{kernel}\n"
    return Program(seed, index, "stress", "tried", source, (*inputs, count, out), Launch((size,), seed))


def _input(name: str, size: int) -> Argument:
    return Argument(name, "array1d(float32)", "input", (Fill(name, "uniform", (size,), -1.0),))


class _Writer:
    """Statements over the locals, drawn one by one, of a few forms that the program has to itself.

    A program of all forms would show the commonest fault and hide the others behind it.
    """

    def __init__(self, rng: Rng) -> None:
        self._rng, self._made, self._copies = rng, 0, 1
        flat: list[_Form] = [self._set, self._add, self._store, self._vector, self._struct]
        flat += [self._pair, self._tuple, self._array]
        # What shows little but one known fault is rare: a program that a compiler refuses costs ten others.
        flat += [form for form in (self._derived, self._unset) if rng.chance(0.2)]
        deep: list[_Form] = [self._if, self._static, self._dynamic, self._left, self._while, self._best]
        self._flat = [self._set, *rng.sample(flat, 2)]
        self._forms = self._flat + rng.sample(deep, rng.integer(0, 2))
        self._one, self._two = rng.sample(_ONE, 3), rng.sample(_TWO, 5)

    def block(self, count: int, depth: int) -> list[str]:
        return [line for _ in range(count) for line in self._statement(depth)]

    def _statement(self, depth: int) -> list[str]:
        return self._rng.choice(self._forms if depth < 3 else self._flat)(depth)

    def _nested(self, head: str, depth: int, *first: str) -> list[str]:
        inner = [*first, *self.block(self._rng.integer(1, 3), depth + 1)]
        return [head, *(f"    {line}" for line in inner)]

    def _name(self, kind: str) -> str:
        self._made += 1
        return f"{kind}{self._made}"

    def value(self, depth: int = 0) -> str:
        draw = self._rng.integer(0, 4 if depth < 2 else 2)
        if draw < 2:
            return self._rng.choice(_VALUES)
        if draw == 2:
            return self._rng.choice(_CONSTANTS)
        if draw == 3:
            return f"wp.{self._rng.choice(self._one)}({self.value(depth + 1)})"
        return "(" + self._rng.choice(self._two).format(self.value(depth + 1), self.value(depth + 1)) + ")"

    def _target(self) -> str:
        return self._rng.choice(_VALUES)

    def _set(self, depth: int) -> list[str]:
        return [f"{self._target()} = {self._variable()}"]

    def _variable(self) -> str:
        """A value that may be given another in a loop: what holds a constant may not, as Warp says."""
        value = self.value()
        return f"float({value})" if value in _CONSTANTS else value

    def _add(self, depth: int) -> list[str]:
        return [f"{self._target()} {self._rng.choice(('+=', '-=', '*='))} wp.sin({self.value()})"]

    def _store(self, depth: int) -> list[str]:
        return [f"out[i] {self._rng.choice(('=', '=', '+=', '*='))} {self.value()}"]

    def _vector(self, depth: int) -> list[str]:
        name, at = self._name("v"), self._rng.integer(0, 2)
        change = self._rng.choice(("=", "+=", "-=", f"= {name}[{at}] +"))
        lines = [f"{name} = wp.vec3({self.value()}, {self.value()}, {self.value()})"]
        return [*lines, f"{name}[{at}] {change} {self.value()}", f"{self._target()} = wp.dot({name}, {name})"]

    def _struct(self, depth: int) -> list[str]:
        name = self._name("s")
        part = self._rng.choice(("mass", "velocity[1]", "velocity.x"))
        lines = [f"{name} = body({self.value()}, {self.value()})", f"{name}.{part} = {self.value()}"]
        return [*lines, f"{self._target()} = {name}.{part} * {name}.velocity[2]"]

    def _pair(self, depth: int) -> list[str]:
        first, second = self._name("p"), self._name("p")
        lines = [f"{first}, {second} = both({self.value()}, {self.value()})"]
        return [*lines, f"{self._target()} = {first} * {second}"]

    def _tuple(self, depth: int) -> list[str]:
        name = self._name("t")
        return [f"{name} = ({self.value()}, {self.value()})", f"{self._target()} = {name}[0] * {name}[1]"]

    def _if(self, depth: int) -> list[str]:
        made = self._nested(f"if {self.value()} > {self.value()}:", depth)
        return made + (self._nested("else:", depth) if self._rng.chance(0.4) else [])

    def _static(self, depth: int) -> list[str]:
        name, count = self._name("k"), self._rng.integer(2, 4)
        weigh = self._rng.choice(("float", "wp.float32", "wp.int64", "wp.int8"))
        first = f"{self._target()} += 0.1 * float({weigh}({name}))"
        return self._repeated(name, count, depth, first)

    def _repeated(self, name: str, count: int, depth: int, *first: str) -> list[str]:
        """A loop of constant length, as long as not too many would stand in each other."""
        if self._copies * count > _COPIES:
            return self._set(depth)
        self._copies *= count
        made = self._nested(f"for {name} in range({count}):", depth, *first)
        self._copies //= count
        return made

    def _dynamic(self, depth: int) -> list[str]:
        return self._nested(f"for {self._name('k')} in range(n):", depth)

    def _left(self, depth: int) -> list[str]:
        name = self._name("k")
        leave = self._rng.choice(("break", "continue"))
        return self._repeated(name, 5, depth, f"if {name} == n:", f"    {leave}")

    def _while(self, depth: int) -> list[str]:
        name = self._name("k")
        return [f"{name} = int(0)", *self._nested(f"while {name} < n:", depth, f"{name} += 1")]

    def _best(self, depth: int) -> list[str]:
        """The greatest of a few, in either of two ways."""
        name, best, made = self._name("k"), self._name("b"), self._name("c")
        lines = [f"{made} = {self.value()} * float({name} + 1)", f"if {made} <= {best}:", "    continue"]
        head = f"for {name} in range({self._rng.choice(('n', '5'))}):"
        lines = [f"{best} = float(-2.0)", head, *(f"    {line}" for line in (*lines, f"{best} = {made}"))]
        return [*lines, f"{self._target()} = {best}"]

    def _derived(self, depth: int) -> list[str]:
        """A derivative inside the kernel, of a function with or without an adjoint of its own."""
        first, second = self._name("d"), self._name("d")
        of = self._rng.choice(("own", "early"))
        lines = [f"{first}, {second} = wp.grad({of})({self.value()}, {self.value()})"]
        return [*lines, f"out[i] += {first} * {second}"]

    def _unset(self, depth: int) -> list[str]:
        """A local that one path sets and both read, which Python refuses."""
        name = self._name("u")
        lines = [f"if {self.value()} > {self.value()}:", f"    {name} = {self._variable()}"]
        return [*lines, f"{self._target()} = {name}"]

    def _array(self, depth: int) -> list[str]:
        name = self._name("f")
        lines = [f"{name} = wp.zeros(shape=4, dtype=float)", f"{name}[1] = {self.value()}"]
        return [*lines, f"{self._target()} = {name}[1] * {self.value()}"]
