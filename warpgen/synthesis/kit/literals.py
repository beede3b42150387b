"""Making values: the program's types, literals, composites and conversions."""

from __future__ import annotations

import functools
from typing import Any

from warpgen.synthesis.kit.calls import Calls
from warpgen.synthesis.kit.draft import Draft
from warpgen.synthesis.kit.statements import Statements
from warpgen.synthesis.language import guards
from warpgen.synthesis.language.types import F32, F64, I32, Type, mat, quat, spatial_vector, transform, vec
from warpgen.synthesis.language.values import Value, call, literal
from warpgen.synthesis.style import priors


class Literals(Statements):
    """A body that knows its program: which float it computes in, what it has declared."""

    def __init__(self, draft: Draft) -> None:
        super().__init__(draft.rng, draft.author, draft.names, draft.local_names)
        self.draft = draft
        self.wp = Calls(draft.author, draft.real)

    # -- types -----------------------------------------------------------------------------------
    @property
    def real(self) -> Type:
        """The program's floating type."""
        return self.draft.real

    @property
    def vec2(self) -> Type:
        """Two of the program's floats."""
        return vec(2, self.real)

    @property
    def vec3(self) -> Type:
        """Three of them."""
        return vec(3, self.real)

    @property
    def vec4(self) -> Type:
        """Four of them."""
        return vec(4, self.real)

    @property
    def mat22(self) -> Type:
        """A 2 x 2 matrix of them."""
        return mat(2, 2, self.real)

    @property
    def mat33(self) -> Type:
        """A 3 x 3 matrix of them."""
        return mat(3, 3, self.real)

    @property
    def mat44(self) -> Type:
        """A 4 x 4 matrix of them."""
        return mat(4, 4, self.real)

    @property
    def quat(self) -> Type:
        """A rotation of them."""
        return quat(self.real)

    @property
    def transform(self) -> Type:
        """A position and a rotation of them."""
        return transform(self.real)

    @property
    def spatial(self) -> Type:
        """A twist or a wrench of them."""
        return spatial_vector(self.real)

    # -- making values -----------------------------------------------------------------------------
    def lit(self, value: float | int, type: Type | None = None) -> Value:
        """A constant; an int gives int32, a float the program's float, unless a type is named."""
        if type is None:
            type = I32 if isinstance(value, int) else self.real
        return literal(value, type, self.author)

    def number(self, lo: float, hi: float) -> float:
        """A number such as people choose in [lo, hi]: round, few digits."""
        usual = _usual(lo, hi)
        if usual and self.rng.chance(0.7):
            return self.rng.weighted(usual)
        raw = self.rng.uniform(lo, hi)
        for digits in (1, 2, 3, 4, 6):
            if lo <= round(raw, digits) <= hi and (round(raw, digits) != 0 or lo <= 0 <= hi):
                return round(raw, digits)
        return raw

    def setting(self, lo: float, hi: float) -> float:
        """A number for a parameter, if possible neither zero nor one: with those a formula loses terms."""
        drawn = [self.number(lo, hi)]
        while drawn[-1] in (0.0, 1.0) and len(drawn) < 5:
            drawn.append(self.number(lo, hi))
        return drawn[-1]

    def zero(self, t: Type) -> Value:
        """The zero (or identity) of a type, whose alias is declared where it needs one."""
        self.draft.use_type(t)
        return super().zero(t)

    def make(self, type: Type, *parts: Any) -> Value:
        """`wp.vec3(a, b, c)`: a composite from its parts (numbers allowed), or a conversion of one."""
        values = [p if isinstance(p, Value) else literal(p, type.scalar, self.author) for p in parts]
        spelled = self.draft.use_type(type)
        if type.kind == "spatial" and len(values) == 2:  # only this spelling takes two halves
            lo, hi = min(v.lo for v in values), max(v.hi for v in values)
            if type.scalar is F32:
                return call("wp.spatial_vector", list(values), type, lo, hi, self.author)
            top, bottom = (
                v if v.is_name else self.define(n, v)
                for n, v in zip(("top|angular", "bottom|linear"), values, strict=True)
            )
            return call(spelled, [v[n] for v in (top, bottom) for n in range(3)], type, lo, hi, self.author)
        if type.kind == "transform":
            lo, hi = min(values[0].lo, -1.0), max(values[0].hi, 1.0)
        else:
            lo, hi = min(v.lo for v in values), max(v.hi for v in values)
        return call(spelled, list(values), type, lo, hi, self.author)

    def cast(self, value: Value, type: Type) -> Value:
        """A conversion between scalar types (`float(i)`, `wp.float64(x)`)."""
        if value.type is type:
            return value
        name = type.full if self.author.full_scalars and type.is_float else type.short
        lo, hi = value.lo, value.hi
        if type is F64 and value.text in self.unrolled:
            # Warp turns the constant that an unrolled loop's variable is into a double for good.
            value = call(F32.short, [value], F32, lo, hi, self.author)
        if type.is_int and value.type.is_float:
            m = min(type.limit, 2.0**31 - 1)
            if value.magnitude > m:
                value = guards.clamped(value, -1e6 if not type.is_unsigned else 0.0, 1e6)
            if type.is_unsigned and value.lo < 0:
                value = guards.at_least(value, 0.0)
            lo, hi = float(int(value.lo)), float(int(value.hi))
        elif type.is_int and (
            value.lo < -type.limit - 1 or value.hi > type.limit or (type.is_unsigned and value.lo < 0)
        ):
            lo, hi = (0.0 if type.is_unsigned else -type.limit - 1), type.limit
        return call(name, [value], type, lo, hi, self.author)

    def to_real(self, value: Value) -> Value:
        """The value as the program's float."""
        return self.cast(value, self.real)


@functools.lru_cache(maxsize=1024)
def _usual(lo: float, hi: float) -> dict[float, float]:
    """The constants that people choose in [lo, hi], by weight; motifs ask for the same ranges again."""
    return {c: weight for c, weight in priors.floats() if lo <= c <= hi}
