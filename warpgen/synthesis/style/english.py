"""Names of programs as words of English: `rel_vel` is a relative velocity."""

from __future__ import annotations

import functools
import re

# What people shorten when they name things.
_LONG = {
    "acc": "acceleration", "accum": "accumulated", "amp": "amplitude", "ang": "angular",
    "approx": "approximate", "attn": "attention", "avg": "average", "bary": "barycentric", "buf": "buffer",
    "cdf": "cumulative distribution", "cnt": "count", "coeff": "coefficient", "coeffs": "coefficients",
    "col": "column", "cols": "columns", "coord": "coordinate", "coords": "coordinates", "cos": "cosine",
    "cov": "covariance", "cum": "cumulative", "cur": "current", "curr": "current", "dens": "density",
    "deriv": "derivative", "det": "determinant", "diag": "diagonal", "diff": "difference",
    "dim": "dimension", "dir": "direction", "dirs": "directions", "dist": "distance", "div": "divergence",
    "dst": "destination", "dt": "time step", "dx": "grid spacing", "elem": "element", "eps": "epsilon",
    "err": "error", "est": "estimate", "eval": "evaluated", "ext": "external", "fac": "factor",
    "freq": "frequency", "grad": "gradient", "grads": "gradients", "hess": "Hessian", "idx": "index",
    "img": "image", "inc": "increment", "init": "initial", "inv": "inverse", "iter": "iteration",
    "iters": "iterations", "jac": "Jacobian", "kd": "damping", "ke": "stiffness", "lap": "Laplacian",
    "len": "length", "lhs": "left-hand side", "lin": "linear", "lo": "lower bound", "lum": "luminance",
    "mag": "magnitude", "mat": "matrix", "max": "maximum", "mid": "midpoint", "min": "minimum",
    "mul": "product", "nbr": "neighbor", "neigh": "neighbor", "nrm": "normal", "num": "number of",
    "omega": "angular velocity", "orig": "original", "param": "parameter", "params": "parameters",
    "perp": "perpendicular part", "phi": "phase", "pos": "position", "pred": "predicted", "prev": "previous",
    "prob": "probability", "proj": "projection", "ptr": "pointer", "px": "pixel", "quat": "rotation",
    "rad": "radius", "rand": "random", "ref": "reference", "rel": "relative", "res": "residual",
    "ret": "returned", "rgb": "color", "rho": "density", "rhs": "right-hand side", "rms": "root mean square",
    "rng": "random state", "rot": "rotation", "sdf": "signed distance", "seg": "segment",
    "sgn": "sign", "sin": "sine", "sq": "squared", "src": "source", "std": "standard deviation",
    "tau": "torque", "temp": "temperature", "tid": "thread index", "tol": "tolerance", "tot": "total",
    "tri": "triangle", "uv": "texture coordinate", "val": "value", "vals": "values", "var": "variance",
    "vec": "vector", "vel": "velocity", "vert": "vertex", "verts": "vertices", "vol": "volume",
    "wt": "weight", "xform": "transform",
}  # fmt: skip
# Parts of names that tell where a value goes rather than what it is.
_PLACES = frozenset("out in id ids the is doubles double i64 u8 h".split())
_ADJECTIVES = frozenset("new old next last final current previous other total relative first second".split())
_SPLIT = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


@functools.lru_cache(maxsize=4096)
def phrase(name: str) -> str:
    """The name in words, without article; empty if it says nothing (`x`, `t2`)."""
    words = [w.lower() for w in _SPLIT.findall(name.rsplit(".", 1)[-1])]
    words = [w for w in words if len(w) > 1]
    kept = [_LONG.get(w, w) for w in words if not w.isdigit() and w not in _PLACES]
    if not any(len(w) > 2 and w not in _ADJECTIVES for w in kept):
        return ""
    if kept[-1] in ("new", "old", "next", "last", "final") and len(kept) > 1:
        kept = [kept[-1], *kept[:-1]]
    if "number of" in kept and not kept[-1].endswith("s"):
        return ""
    return " ".join(w for at, w in enumerate(kept) if at == 0 or w != kept[at - 1])


def joined(phrases: list[str]) -> str:
    """`a`, `a and b` or `a, b and c`."""
    return phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} and {phrases[-1]}"


# What one thread works on, by the category of the program's main motif.
THINGS = {
    "particle": "particle", "simulation": "cell|agent|particle", "stencil": "grid point|cell|grid cell",
    "image": "pixel", "texture": "pixel|sample", "fem": "element|node", "graph": "node|vertex",
    "geometry_query": "query point|point|triangle", "rigid_body": "body|joint", "raymarch": "ray|pixel",
    "neural": "sample|neuron|unit", "finance": "path|option|asset", "monte_carlo": "sample|path",
    "sparse": "row", "matrix": "matrix|system", "linear_algebra": "system|matrix", "signal": "sample|channel",
    "volume": "voxel|sample point", "integrator": "body|particle|state", "search": "query|key",
    "bitwise": "word|key", "interpolation": "query point|sample", "gather_scatter": "element|entry",
    "vector": "vector|point", "tile": "tile|block", "noise": "sample|point",
}  # fmt: skip


def things(category: str) -> str:
    """Names for what a thread of such a program works on, separated by bars."""
    return THINGS.get(category, "element|thread|entry|item")
