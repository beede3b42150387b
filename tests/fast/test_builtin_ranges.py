"""The records of builtins: what a rule claims of a call is what Warp computes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import pytest
import warp as wp
from hypothesis import given, settings
from hypothesis import strategies as st

from warpgen.extraction import warp_api
from warpgen.synthesis.language import registry
from warpgen.synthesis.language.author import Author
from warpgen.synthesis.language.builtins import BUILTINS
from warpgen.synthesis.language.registry import Slot
from warpgen.synthesis.language.types import BOOL, F32, I32, U32, Type, mat, quat, transform, vec, warp_type
from warpgen.synthesis.language.values import Value
from warpgen.synthesis.style.rng import Rng

WITH_RULE = sorted(name for name, builtin in BUILTINS.items() if builtin.rule is not None)
WIDEST = 1e9  # a range wider than this promises nothing
NAMED = {t.name: t for t in (F32, I32, U32)}
# What the registry does not say of builtins that are variadic or written in Python.
TYPES: dict[str, list[tuple[Type, ...]]] = {
    "matrix_from_cols": [(vec(3), vec(3)), (vec(2), vec(2))],
    "matrix_from_rows": [(vec(3), vec(3)), (vec(2), vec(2), vec(2))],
    "where": [(BOOL, F32, F32), (BOOL, vec(3), vec(3))],
}
# The range of an argument that the caller answers for; every other is guarded by the rule itself.
ANSWERED = {
    ("cw_div", 1): (1.0, 3.0), ("poisson", 1): (0.0, 20.0), ("curlnoise", 2): (1, 3),
    ("curlnoise", 3): (1.0, 2.0), ("curlnoise", 4): (0.125, 0.875), ("norm_huber", 1): (0.125, 2.0),
    ("norm_pseudo_huber", 1): (0.125, 2.0), ("smooth_normalize", 1): (0.125, 2.0),
    ("pnoise", 2): (1, 8), ("pnoise", 3): (1, 8), ("pnoise", 4): (1, 8), ("pnoise", 5): (1, 8),
    ("smoothstep", 0): (-2.0, -1.0), ("smoothstep", 1): (0.0, 2.0), ("clamp", 1): (0.0, 0.0),
    ("clamp", 2): (4.0, 4.0), ("randf", 1): (-9.0, 2.0), ("randf", 2): (3.0, 9.0),
    ("randi", 1): (-9, 2), ("randi", 2): (3, 9), ("randu", 1): (0, 2), ("randu", 2): (3, 9),
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _warp() -> None:
    warp_api.start()


def _turned(x: Any, s: Any) -> tuple[Any, Any]:
    q = wp.transform_get_rotation(x)
    return wp.quat_rotate(q, wp.spatial_top(s)), wp.quat_rotate(q, wp.spatial_bottom(s))


def _twist(x: Any, s: Any) -> list[float]:
    w, v = _turned(x, s)
    return [*w, *(v + wp.cross(wp.transform_get_translation(x), w))]


def _wrench(x: Any, s: Any) -> list[float]:
    w, v = _turned(x, s)
    return [*(w + wp.cross(wp.transform_get_translation(x), v)), *v]


class _Wp:
    """Warp's own builtins on the CPU, and the few that it does not run outside of kernels."""

    where = staticmethod(lambda condition, a, b: a if condition else b)
    isfinite = staticmethod(lambda x: all(map(math.isfinite, _numbers(x))))
    isnan = staticmethod(lambda x: any(map(math.isnan, _numbers(x))))
    isinf = staticmethod(lambda x: any(map(math.isinf, _numbers(x))))
    inverse_approx = staticmethod(wp.inverse)
    transform_twist = staticmethod(_twist)
    transform_wrench = staticmethod(_wrench)

    def __getattr__(self, name: str) -> Any:
        return getattr(wp, name)


def _numbers(value: Any) -> Iterator[float]:
    """The components of whatever a builtin gives."""
    try:
        parts = list(value)
    except TypeError:
        yield float(value.value if hasattr(value, "value") else value)
        return
    for part in parts:
        yield from _numbers(part)


def _type(slot: Slot, scalar: Type) -> Type:
    if slot.kind in ("bool", "quat", "transform"):
        return {"bool": BOOL, "quat": quat(), "transform": transform()}[slot.kind]
    if slot.kind == "scalar":
        return NAMED.get(slot.scalar) or {"Float": F32, "Int": I32}.get(slot.scalar, scalar)
    extents = [n or 3 for n in slot.shape] or [3]
    return vec(extents[0]) if len(extents) == 1 else mat(extents[0], extents[1])


def _overloads(name: str) -> list[tuple[Type, ...]]:
    """Argument types of each overload, in floats and in ints where it takes both."""
    found = [
        tuple(_type(slot, scalar) for slot in slots)
        for slots, scalar in itertools.product(registry.signatures(name), (F32, I32))
    ]
    return TYPES.get(name) or list(dict.fromkeys(found))


def _ends(first: float, last: float, t: Type) -> st.SearchStrategy[Any]:
    """Ends of an interval; of floats half of the time where functions that round jump."""
    if t.is_int:
        return st.integers(max(int(first), 0) if t.is_unsigned else int(first), int(last))
    halves = st.integers(math.ceil(2 * first), math.floor(2 * last)).map(lambda x: x / 2)
    return (halves | st.floats(first, last, width=32)).map(lambda x: x + 0.0)  # no negative zero


@st.composite
def _argument(draw: st.DrawFn, name: str, place: int, t: Type) -> tuple[Value, Any]:
    """An argument: what the generator knows of it, and a value of it inside its range."""
    text, author = f"x{place}", Author(Rng("tests"))
    if t is BOOL:
        return Value(text, t, 0, 1, author), draw(st.booleans())
    if t is U32 and place == 0:
        return Value(text, t, 0, U32.limit, author), wp.uint32(draw(st.integers(0, 2**32 - 1)))
    if t.kind in ("quat", "transform") or "from_matrix" in name:
        return _turn(draw, text, t, author)
    first, last = ANSWERED.get((name, place)) or ((-50, 60) if t.kind == "scalar" else (-3, 3))
    ends = _ends(first, last, t)
    lo, hi = sorted((draw(ends), draw(ends)))
    inside = st.sampled_from((lo, hi)) | (st.integers(lo, hi) if t.is_int else st.floats(lo, hi, width=32))
    parts = [draw(inside) for _ in range(t.components)]
    if "inverse" in name:  # far from singular
        parts = [0.1 * x + (2.0 if at % (t.shape[0] + 1) == 0 else 0.0) for at, x in enumerate(parts)]
    number = parts[0] if t in (F32, I32) else warp_type(t)(*parts)
    return Value(text, t, lo, hi, author), number


def _turn(draw: st.DrawFn, text: str, t: Type, author: Author) -> tuple[Value, Any]:
    """A rotation as a quaternion, in a transform or as a matrix."""
    q = wp.normalize(wp.quat(*[draw(st.floats(0.1, 1.0)) * draw(st.sampled_from((-1, 1))) for _ in range(4)]))
    if t.kind == "quat":
        return Value(text, t, -1.0, 1.0, author, unit=True), q
    if t.kind == "mat" and t.shape == (3, 3):
        return Value(text, t, -1.0, 1.0, author), wp.quat_to_matrix(q)
    x = wp.transform(wp.vec3(*[draw(st.floats(-3.0, 3.0)) for _ in range(3)]), q)
    return Value(text, t, -3.0, 3.0, author), _Wp().transform_to_matrix(x) if t.kind == "mat" else x


@pytest.mark.parametrize("name", WITH_RULE)
def test_what_a_builtin_gives_lies_in_the_range_that_its_record_claims(name: str) -> None:
    """Whatever arguments come, inside their ranges: the call as written is finite and in its range."""

    @settings(max_examples=30, deadline=None)
    @given(st.data())
    def holds(data: st.DataObject) -> None:
        types = data.draw(st.sampled_from(_overloads(name)))
        drawn = [data.draw(_argument(name, place, t)) for place, t in enumerate(types)]
        values = [value for value, _ in drawn]
        written = BUILTINS[name].write(*values)
        result = eval(written.text, {"wp": _Wp(), **{f"x{i}": x for i, (_, x) in enumerate(drawn)}})
        if written.magnitude > WIDEST:
            return
        slack = 1e-5 * max(
            1.0, written.magnitude, *(value.magnitude for value, _ in drawn if value.type is not U32)
        )
        numbers = list(_numbers(result))
        assert len(numbers) == written.type.components
        for number in numbers:
            assert written.lo - slack <= number <= written.hi + slack, (written, drawn)

    holds()
