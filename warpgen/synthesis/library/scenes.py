"""Scenes of a few solids, written as one function of a point, and its counterpart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from warpgen.synthesis.library import sdf
from warpgen.synthesis.library import sdf_operators as op
from warpgen.synthesis.writing.draft import Draft
from warpgen.synthesis.writing.pieces import Piece

NAMES = {"scene": "scene_sdf|map_scene|sdf_scene|scene_distance|distance_field|sdf"}

Number = float | tuple[float, float, float]


class Scene(NamedTuple):
    """What was drawn: its distance on arrays of points, and whether it may overestimate (no march then)."""

    distance: Callable[[Any], Any]


class _Solid(NamedTuple):
    piece: Piece
    name: str
    sizes: tuple[tuple[Number, ...], ...]  # arguments to choose from, for a solid of about unit size


_SOLIDS = (
    _Solid(sdf.SPHERE, "ball", ((0.5,), (0.6,), (0.45,), (0.7,))),
    _Solid(sdf.BOX, "box", (((0.4, 0.5, 0.3),), ((0.6, 0.2, 0.6),), ((0.35, 0.35, 0.35),))),
    _Solid(sdf.ROUND_BOX, "block", (((0.5, 0.4, 0.4), 0.1), ((0.6, 0.25, 0.4), 0.05))),
    _Solid(sdf.BOX_FRAME, "frame", (((0.5, 0.5, 0.5), 0.06), ((0.6, 0.4, 0.5), 0.1))),
    _Solid(sdf.TORUS, "ring", ((0.6, 0.2), (0.5, 0.15), (0.7, 0.1))),
    _Solid(
        sdf.CAPSULE,
        "rod",
        (((-0.4, 0.0, 0.0), (0.4, 0.2, 0.0), 0.2), ((0.0, -0.5, 0.0), (0.0, 0.5, 0.3), 0.15)),
    ),
    _Solid(sdf.CYLINDER, "pillar", ((0.6, 0.25), (0.4, 0.4), (0.2, 0.55))),
    _Solid(sdf.CAPPED_CONE, "cone", ((0.5, 0.45, 0.15), (0.4, 0.5, 0.1))),
    _Solid(sdf.ELLIPSOID, "egg", (((0.6, 0.4, 0.5),), ((0.4, 0.6, 0.4),))),
    _Solid(sdf.HEX_PRISM, "nut", ((0.5, 0.25), (0.4, 0.4))),
    _Solid(sdf.LINK, "link", ((0.25, 0.35, 0.12), (0.3, 0.3, 0.1))),
    _Solid(sdf.OCTAHEDRON, "gem", ((0.7,), (0.6,))),
)

_ROUND = tuple(s for s in _SOLIDS if s.name in ("ball", "ring", "rod", "egg", "link"))

_OF_REVOLUTION = (sdf.TORUS, sdf.CYLINDER, sdf.CAPPED_CONE)  # about y, the axis of `rotate_y` and `twist`

_FAR: tuple[tuple[float, float, float], ...] = (
    (0.3, 0.1, -0.2),
    (-0.4, 0.0, 0.2),
    (0.2, -0.3, 0.3),
    (-0.25, 0.35, 0.0),
    (0.0, 0.4, 0.3),
    (0.5, 0.2, 0.1),
)

# Name, text of the combination of {a} and {b}, and the same on arrays.
_COMBINED: dict[str, tuple[str, Piece | None, tuple[float, ...], Callable[..., Any]]] = {
    "union": ("wp.min({a}, {b})", None, (), np.minimum),
    "intersection": ("wp.max({a}, {b})", None, (), np.maximum),
    "difference": ("wp.max({a}, -{b})", None, (), lambda a, b: np.maximum(a, -b)),
    "smooth union": ("{f}({a}, {b}, {k})", op.SMOOTH_UNION, (0.1, 0.2, 0.3), op.SMOOTH_UNION),
    "smooth difference": ("{f}({a}, {b}, {k})", op.SMOOTH_SUBTRACTION, (0.1, 0.15), op.SMOOTH_SUBTRACTION),
    "smooth intersection": (
        "{f}({a}, {b}, {k})",
        op.SMOOTH_INTERSECTION,
        (0.1, 0.2),
        op.SMOOTH_INTERSECTION,
    ),
    "exponential union": ("{f}({a}, {b}, {k})", op.EXPONENTIAL_UNION, (8.0, 12.0), op.EXPONENTIAL_UNION),
    "cut": ("{f}({a}, {b})", op.SUBTRACT, (), op.SUBTRACT),
}


def number(value: Number) -> str:
    """A number or vector as code."""
    if isinstance(value, tuple):
        return f"wp.vec3({', '.join(map(number, value))})"
    return repr(float(value))


def draw(
    d: Draft, most: int = 3, floor: bool | None = None, bent: bool = True, smooth: bool = False
) -> Scene:
    """Write `scene(p)` of one to `most` solids near the origin, perhaps over a floor at y = -1.

    With `smooth`, only round solids, smoothly joined: their gradients jump at few places.
    """
    count = d.pick(*range(1, most + 1))
    solids: list[_Solid] = []
    while len(solids) < count:
        chosen = d.pick(*(_ROUND if smooth else _SOLIDS))
        if chosen not in solids:
            solids.append(chosen)
    joins = tuple(_COMBINED)
    if not smooth:  # one spelling of a difference in a scene
        left_out = d.pick("difference", "cut")
        joins = tuple(kind for kind in joins if kind != left_out)
    lines: list[str] = []
    parts: list[Callable[[Any], Any]] = []
    for place, solid in enumerate(solids):
        line, part = _placed(d, solid, place, bent, smooth)
        note = line.split("\n")[0]
        told = note.startswith("#") and any(note in earlier for earlier in lines)
        lines.append(line.split("\n    ", 1)[1] if told else line)
        parts.append(part)
    value: Callable[[Any], Any] = parts[0]
    text = solids[0].name
    for solid, part in zip(solids[1:], parts[1:], strict=True):
        kind = d.pick("smooth union", "exponential union") if smooth else d.pick(*joins)
        form, helper, sizes, counterpart = _COMBINED[kind]
        sharpness = (d.pick(*sizes),) if sizes else ()
        joined = form.format(
            a=text,
            b=solid.name,
            f=d.use(helper) if helper else "",
            k="".join(map(number, sharpness)),
        )
        value = _joined(counterpart, value, part, sharpness)
        text = joined
        if solid is not solids[-1]:
            lines.append(f"body = {joined}")
            text = "body"
    if not smooth and d.pick(False, False, True):
        thickness = d.pick(0.02, 0.03, 0.05)
        lines.append(f"shell = {d.use(op.ONION)}({text}, {thickness})")
        text, value = "shell", _joined(lambda a, t: op.ONION(a, t), value, None, (thickness,))
    if floor is None:
        floor = d.pick(False, True)
    if floor:
        text = f"wp.min({text}, p[1] + 1.0)"
        value = _joined(np.minimum, value, lambda p: p[..., 1] + 1.0, ())
    last = f"{text} = "
    if lines[-1].split("\n    ")[-1].startswith(last):  # nothing was done with it but to return it
        lines[-1] = lines[-1].replace(last, "return ")
    else:
        lines.append(f"return {text}")
    body = "\n    ".join(lines)
    d.function(f"@wp.func\ndef scene(p: wp.vec3) -> float:\n    {body}")
    return Scene(value)


def _joined(combine: Any, a: Any, b: Any, more: tuple[float, ...]) -> Callable[[Any], Any]:
    if b is None:
        return lambda p: combine(a(p), *more)
    return lambda p: combine(a(p), b(p), *more)


def _placed(
    d: Draft, solid: _Solid, place: int, bent: bool, smooth: bool
) -> tuple[str, Callable[[Any], Any]]:
    """A line that takes the distance to a solid somewhere, perhaps in space that is bent."""
    sizes = d.pick(*solid.sizes)
    at = _FAR[(place * 2 + d.pick(0, 1)) % len(_FAR)]
    moved = place > 0 or d.pick(False, True)
    point: Callable[[Any], Any] = (lambda p: p - np.array(at)) if moved else (lambda p: p)
    text = f"p - {number(at)}" if moved else "p"
    factor = 1.0
    kind = d.pick("none", "none", "none", "rotate", "twist", "bend", "mirror", "repeat", "elongate")
    if smooth or (kind in ("twist", "bend") and not bent):
        kind = "rotate" if kind != "none" else kind
    if kind in ("rotate", "twist") and solid.piece is sdf.SPHERE:
        kind = "none"  # it looks the same
    elif kind == "mirror" and not moved and solid.piece is not sdf.CAPSULE:
        kind = "none"  # so do all solids that are symmetric
    elif kind == "twist" and solid.piece in _OF_REVOLUTION:
        kind = "rotate"
    if kind != "none":
        bends: dict[str, tuple[Piece, tuple[Number, ...], float]] = {
            "rotate": (
                op.ROTATE_X if solid.piece in _OF_REVOLUTION else op.ROTATE_Y,
                (d.pick(0.4, 0.7, 1.1),),
                1.0,
            ),
            "twist": (op.TWIST, (d.pick(0.8, 1.2, 1.5),), 0.6),
            "bend": (op.BEND, (d.pick(0.4, 0.6),), 0.7),
            "mirror": (op.MIRROR, (), 1.0),
            "repeat": (op.REPEAT, (d.pick(1.6, 1.8), d.pick(1.0, 2.0)), 1.0),
            "elongate": (op.ELONGATE, ((0.2, 0.1, 0.0),), 1.0),
        }
        helper, arguments, factor = bends[kind]
        if kind == "mirror":  # about the planes of the scene, which makes copies of what lies beside them
            beside = (abs(at[0]), at[1], abs(at[2]))
            text = f"{d.use(helper)}(p)" + (f" - {number(beside)}" if moved else "")
            point = _mirrored(np.array(beside) if moved else np.zeros(3))
        else:
            call = ", ".join([text, *map(number, arguments)])
            text = f"{d.use(helper)}({call})"
            point = _bent(helper, point, arguments)
    call = ", ".join([text, *map(number, sizes)])
    line = f"{solid.name} = {d.use(solid.piece)}({call})"
    if factor != 1.0:
        line = f"{solid.name} = {factor} * {line.split(' = ', 1)[1]}"
    if len(line) > 84:
        line = line.replace(text, f"{solid.name}_p", 1)
        line = f"{solid.name}_p = {text}\n    {line}"
    if factor != 1.0:
        line = f"# scale down the distance since the {kind} stretches space\n    {line}"
    numbers = _arrays(sizes)
    return line, lambda p: factor * solid.piece(point(p), *numbers)


def _mirrored(at: Any) -> Callable[[Any], Any]:
    return lambda p: op.MIRROR(p) - at


def _bent(helper: Piece, point: Callable[[Any], Any], arguments: tuple[Number, ...]) -> Callable[[Any], Any]:
    numbers = _arrays(arguments)
    return lambda p: helper(point(p), *numbers)


def _arrays(numbers: tuple[Number, ...]) -> list[Any]:
    return [np.array(number) if isinstance(number, tuple) else number for number in numbers]
