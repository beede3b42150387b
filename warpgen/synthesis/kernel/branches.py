"""Parts of a kernel that only some threads execute: a motif under a condition, or one of several."""

from __future__ import annotations

from collections.abc import Callable

from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.kit.pool import Given
from warpgen.synthesis.language.expressions import Binary, Call, Expression
from warpgen.synthesis.language.statements import Assign, Block, Statement, walk
from warpgen.synthesis.language.types import BOOL, F32, I32
from warpgen.synthesis.language.values import Value, literal

_DECLARABLE = ("scalar", "bool", "vec", "mat", "quat", "spatial", "transform")


def under_conditions(k: Kit, parts: list[Callable[[], None]]) -> None:
    """Write each part in a branch of its own: `if`, `elif` ..., with an `else` if the last one has no choice.

    What a branch gives is declared before it, so that the code behind can use it in any case.
    """
    headers = _headers(k, len(parts))
    known = dict(k._known)
    results: list[Given] = []
    with k.declared_before() as declared:
        for header, write in zip(headers, parts, strict=True):
            with k.pool.branch() as made, k.branch(header):
                write()
            _forget_loads(k, known)
            results += [g for g in made if g.value.type.kind in _DECLARABLE]
        k.pool.join(results)
        inside = {name for s in walk(headers) for name in s.defines} if results else ()
        declared += [_declare(k, g) for g in results if g.value.text in inside]


def _declare(k: Kit, given: Given) -> Statement:
    """The statement that gives a result its value where its branch is not taken."""
    v = given.value
    zero = k.zero(v.type) if v.type.kind != "bool" else literal(False, BOOL, k.author)
    node = zero.node
    if v.type in (F32, I32, BOOL):
        node = Call(v.type.full if k.author.declares == "full" else v.type.short, (node,))
    given.widen(zero)
    return Assign(v.node, node, (v.text,))


def _forget_loads(k: Kit, known: dict[object, object]) -> None:
    """Elements that were read inside the branch are not known behind it; what was known before is again."""
    inside = [key for key in k._known if isinstance(key, tuple) and key[0] == "load"]
    for key in inside:
        if key not in known:
            del k._known[key]
        else:
            k._known[key] = known[key]


def _headers(k: Kit, count: int) -> list[Block]:
    tests = [] if count > 1 and k.rng.chance(0.4) else _different_conditions(k, count)
    if not tests:
        # An element's own, never the launch's: all other branches would be dead.
        mode = k.load("kind|type_id|material|state|phase|mode", I32, 0, count)
        tests = [mode.eq(i) for i in range(count)]
    headers = [Block("elif" if n else "if", test.node) for n, test in enumerate(tests)]
    if count > 1 and k.rng.chance(0.6):
        headers[-1] = Block("else")
    return headers


def _different_conditions(k: Kit, count: int) -> list[Value]:
    """Conditions on different things (behind `flag != 0` nothing gets to `flag == 1`), or none at all."""
    tests: list[Value] = []
    asked: set[str] = set()
    for _ in range(3 * count):
        test = _condition(k)
        subject = _subject(test.node)
        if subject not in asked:
            asked.add(subject)
            tests.append(test)
        if len(tests) == count:
            return tests
    return []


def _subject(test: Expression) -> str:
    """What a condition asks about."""
    while isinstance(test, Binary):
        test = test.parts[0]
    return test.text


def _condition(k: Kit) -> Value:
    """Something a person would ask of an element."""
    rng = k.rng
    how = rng.unit()
    floats = [v for v in k.loaded(k.real) if v.magnitude < 1e3]
    if floats and how < 0.55:
        v = rng.choice(floats)
        middle = (
            0.0
            if v.lo < 0 < v.hi and rng.chance(0.7)
            else round(v.lo + rng.choice((0.3, 0.5)) * (v.hi - v.lo), 2)
        )
        if not v.lo < middle < v.hi:
            middle = 0.5 * (v.lo + v.hi)
        if rng.chance(0.25):
            return k.all(v > middle, v < round(middle + 0.7 * (v.hi - middle), 2) + 0.0)
        return v > middle if rng.chance(0.6) else v <= middle
    if how < 0.7:
        flag = k.load("flag|active|enabled|is_boundary|moving", I32, 0, 1)
        return flag.ne(0) if rng.chance(0.6) else flag.eq(1)
    if how < 0.85:
        return (k.i % rng.choice((2, 3, 4))).eq(0) if rng.chance(0.5) else k.i < k.draft.shape[0] // 2
    v = k.load("weight|score|activation|level", k.real, -1.0, 1.0)
    return v > k.param("threshold|cutoff|limit", k.real, -0.2, 0.2)
