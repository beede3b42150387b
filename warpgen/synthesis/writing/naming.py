"""Names: what a program declares is called as one person would call it throughout."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from warpgen.synthesis.writing.rng import Rng

_WORD = re.compile(r"[A-Za-z_]\w*")
_OWN = re.compile(r"(?<![\w.])[A-Za-z_]\w*\b(?!=(?!=))")  # neither an attribute nor a keyword
# Locals where they are assigned, loops' variables, arguments of functions.
_DECLARED = re.compile(r"^ *([a-z_][\w, ]*?) = |\bfor (\w+) in |[(,] ?([a-z]\w*): ", re.MULTILINE)
_ENTRY = re.compile(r"^( +)(\w+)(?=: )", re.MULTILINE)  # of a docstring's section of arguments
_COMPOUND = re.compile(r"(?<![\w.])[a-zA-Z]\w*_\w+\b")
# What people also call things; what an algorithm says of its names goes before it.
_OTHERWISE = {
    "distance": "dist", "direction": "dir", "value": "val", "previous": "prev",
    "current": "cur|curr", "gradient": "grad", "weight": "wt", "angle": "theta",
    "low": "lo", "high": "hi",
    "normal": "n|nrm", "velocity": "vel", "position": "pos", "error": "err", "sum": "acc|total",
    "square": "sq", "point": "p|pt", "color": "rgb", "matrix": "mat", "index": "idx",
}  # fmt: skip
# Parts of names, for those who write them out and those who do not.
_SHORT = {
    "position": "pos", "velocity": "vel", "acceleration": "accel", "index": "idx", "distance": "dist",
    "direction": "dir", "normal": "nrm", "previous": "prev", "current": "cur", "inverse": "inv",
    "offset": "ofs", "gradient": "grad", "value": "val", "vector": "vec", "matrix": "mat", "rotation": "rot",
    "center": "ctr", "temperature": "temp", "density": "dens", "coefficient": "coef", "relative": "rel",
    "reference": "ref", "target": "tgt", "source": "src", "destination": "dst", "element": "elem",
    "vertex": "vert", "neighbor": "nbr", "component": "comp", "squared": "sq", "product": "prod",
    "difference": "diff", "derivative": "deriv", "iteration": "iter", "buffer": "buf", "image": "img",
    "transform": "xform", "magnitude": "mag", "frequency": "freq", "amplitude": "amp",
    "probability": "prob", "control": "ctrl", "initial": "init",
    "tangent": "tan", "weight": "wt", "total": "tot", "factor": "fac", "stiffness": "stiff",
    "damping": "damp", "friction": "fric", "linear": "lin", "angular": "ang", "number": "num",
    "positions": "pos", "velocities": "vel", "estimate": "est", "residual": "res", "correction": "corr",
    "translation": "trans", "orientation": "orient", "pressure": "press", "concentration": "conc",
    "specular": "spec", "accumulated": "accum", "normalized": "unit", "barycentric": "bary",
}  # fmt: skip
# These stand for more than one word, or nobody writes them out.
_KEPT = {"col", "temp", "tan", "unit", "corr", "trans", "res", "num", "comp", "inv", "spec", "diff"}
_LONG = {short: long for long, short in reversed(_SHORT.items()) if short not in _KEPT}
_STYLES: dict[str, dict[str, str]] = {"as written": {}, "short": _SHORT, "long": _LONG}
# Whoever calls one of these in another way calls the other so, too: low and high, not vmin and high.
_PAIRS = (
    "low high", "lo hi", "lower upper", "first second", "ahead behind", "left right", "a b", "near far",
    "start end", "starts ends", "gx gy", "src dst", "re im", "row col", "rows cols", "i j", "even odd",
    "x v", "x_new v_new", "mu lam", "ke kd", "positions velocities", "sun moon",
    "s1 s2", "z1 z2", "attack release", "fg bg", "below above", "A B", "numerators denominators",
)  # fmt: skip
_OPPOSITES = {pair.split()[k]: pair.split()[1 - k] for pair in _PAIRS for k in (0, 1)}
_NOT_ALONE = {"iter", "vec", "mat", "tan", "len", "ref"}  # they mean something else by themselves
# Shares are about those of newton, warp.examples and warp.tests.
_THREAD = {"tid": 0.5, "i": 0.42, "idx": 0.05, "index": 0.03}


class Naming:
    """How one person names things."""

    def __init__(self, rng: Rng) -> None:
        self._rng = rng
        self._own_names = rng.choice((0.1, 0.3, 0.5, 0.8))  # how often the first name of a thing is taken
        self._parts = _STYLES[rng.weighted({"as written": 0.4, "short": 0.3, "long": 0.3})]

    def rename(self, own: Sequence[str], shared: str, synonyms: Mapping[str, str]) -> dict[str, str]:
        """New names for what the texts of `own` declare and name, none of them taken there or in `shared`."""
        code = "\n".join(own)
        taken = {"ret", *_WORD.findall(code), *_WORD.findall(shared)}  # Warp calls results so in C++
        fixed = set(_WORD.findall(shared))
        made: dict[str, str] = {}
        declared = dict.fromkeys(
            n.strip() for found in _DECLARED.findall(code) for n in ",".join(found).split(",")
        )
        known = {"tid": "", **_OTHERWISE, **synonyms}
        called: dict[str, str] = {}
        for name in [*known, *(n for n in declared if n not in known)]:
            if name not in taken or (name not in known and name in fixed):
                continue
            new = self._called(name, known[name]) if name in known else name
            other = _OPPOSITES.get(name, "")
            if other in called and name in known and other in known:
                new = _alike(called[other], known[other], known[name]) or name
            called[name] = new
            new = self._in_parts(new) if name != "tid" and name in declared else new
            if new != name and new not in taken:
                taken.add(new)
                made[name] = new
        for name, other in _OPPOSITES.items():
            if name in made and other in called and other not in made and (name in known) == (other in known):
                del made[name]
        return made

    def _called(self, name: str, others: str) -> str:
        if name == "tid":
            own = others.split("|") if others and self._rng.chance(0.6) else []
            return self._rng.choice(own) if own else self._rng.weighted(_THREAD)
        return name if self._rng.chance(self._own_names) else self._rng.choice(others.split("|"))

    def _in_parts(self, name: str) -> str:
        new = "_".join(self._parts.get(part, part) for part in name.split("_"))
        return name if new in _NOT_ALONE else new


def _alike(called: str, of: str, others: str) -> str:
    """What stands where `called` does among the names `of` its opposite; none if nothing does."""
    names = dict(zip(of.split("|"), others.split("|"), strict=False))
    return names.get(called, "")


def renamed(code: str, names: Mapping[str, str]) -> str:
    """Code with these names for the draft's own."""
    return _OWN.sub(lambda m: names.get(m[0], m[0]), code)


def mentioned(text: str, names: Mapping[str, str]) -> str:
    """Prose with these names: what stands in backticks, has an underscore or is an entry of arguments."""
    text = re.sub(r"`(\w+)`", lambda m: f"`{names.get(m[1], m[1])}`", text)
    text = _COMPOUND.sub(lambda m: names.get(m[0], m[0]), text)
    return _ENTRY.sub(lambda m: m[1] + names.get(m[2], m[2]), text)
