"""The functions that a widened program is given: to and from 32 bits, and what Warp has at 32 bits only."""

from __future__ import annotations

PREFIX = "widened_"  # of their names; no program has names like it

_INTEGERS = (*(f"wp.{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)), "wp.bool")
_VALUES = "vec2 vec3 vec4 quat transform mat22 mat33 mat44".split()
_HELPERS = {
    "value": f"""
def {PREFIX}value(x):
    if isinstance(x, float):
        return wp.float64(x)
    if type(x) in (wp.float16, wp.float32):
        return wp.float64(x.value)
    scalar = getattr(type(x), "_wp_scalar_type_", None)
    if scalar in (wp.float16, wp.float32):
        return {PREFIX}types[type(x)](*{PREFIX}flat(x))
    return x


def {PREFIX}flat(x):
    shape = type(x)._shape_
    if len(shape) == 1:
        return [x[i] for i in range(shape[0])]
    return [x[i, j] for i in range(shape[0]) for j in range(shape[1])]


{PREFIX}types = {{"""
    + ", ".join(f"wp.{v}{s}: wp.{v}d" for v in [*_VALUES, "spatial_vector", "spatial_matrix"] for s in "fh")
    + "}\n",
    "twist": f"""
@wp.func
def {PREFIX}twist(a: wp.vec3d, b: wp.vec3d):
    return wp.spatial_vectord(a[0], a[1], a[2], b[0], b[1], b[2])
""",
}


def helpers(used: set[str]) -> str:
    """The text of those used."""
    parts = ['wp.set_module_options({"enable_backward": False})']
    parts += [text for name, text in _HELPERS.items() if name in used]
    if "narrow" in used:
        parts += [_conversion("narrow", v, "d", "f", "wp.float32") for v in _VALUES]
        parts.append(_scalar("narrow", "wp.float64", "wp.float32(x)"))
        parts += [_scalar("narrow", t, "x") for t in _INTEGERS]
    if "wide" in used:
        parts += [_conversion("wide", v, "f", "d", "wp.float64") for v in _VALUES]
        parts.append(_scalar("wide", "wp.float32", "wp.float64(x)"))
        parts += [_scalar("wide", t, "x") for t in _INTEGERS]
    return "\n\n".join(parts)


def _scalar(name: str, kind: str, result: str) -> str:
    return f"@wp.func\ndef {PREFIX}{name}(x: {kind}):\n    return {result}\n"


def _conversion(name: str, kind: str, of: str, to: str, scalar: str) -> str:
    digits = kind[-2:]
    if kind.startswith("mat"):
        n = int(digits[0])
        places = [f"{i}, {j}" for i in range(n) for j in range(n)]
    else:
        places = [str(i) for i in range({"quat": 4, "transform": 7}.get(kind) or int(kind[-1]))]
    items = ", ".join(f"{scalar}(x[{place}])" for place in places)
    if kind == "transform":
        p = ", ".join(f"{scalar}(x[{i}])" for i in range(3))
        q = ", ".join(f"{scalar}(x[{i}])" for i in range(3, 7))
        items = f"wp.vec3{to}({p}), wp.quat{to}({q})"
    return f"@wp.func\ndef {PREFIX}{name}(x: wp.{kind}{of}):\n    return wp.{kind}{to}({items})\n"
