"""Comments and docstrings on the page: how wide they run, how they begin, and what headings look like."""

from __future__ import annotations

import re
import textwrap

_HEADING = re.compile(r"^( *# )-{2,} (.+?) -{2,}\n(?=( *#)?)", re.MULTILINE)
# One with a single statement below it, which says as much.
_HEADING_OF_ONE = re.compile(
    r"^( *# )-{2,} .+? -{2,}\n((?! *#)[^\n]*[^\n,(\[{](?:\n|\Z))(?=\1-{2,} |\Z)", re.MULTILINE
)
HEADING = "\0"
_OPENING = re.compile(r"^ *# *([A-Z][a-z]+|A(?= [a-z]))(?=[ ,.:;\n]|$)(?! [=*/^+(<>-])")
_NEXT_SENTENCE = re.compile(r"\. +[A-Z]")
# What a comment may begin with and keeps its capital, beside words as Gaussian.
_NAMES = frozenset(
    "Arrhenius Bark Baumgarte Beer Benzeggagh Bernoulli Berry Biot Black Bogacki Boltzmann Brown Butler"
    " Byram Cardano Cauchy Charbonnier Chebyshev Cholesky Coriolis Cornish Coulomb Courant Cramer Crank"
    " Delaunay Dirichlet Drucker Duff Earth Eddington Euler Ewald False Fiala Fick Fourier Fresnel Gauss"
    " Geman Gershgorin Godunov Goertzel Gram Green Greenwich Gribb Gumbel Guo Hable Halley Hamilton"
    " Hargreaves Henyey Hermite Heron Heun Higham Hill Hooke Horn Horner Huber Hunt Illinois Ineichen"
    " Jacobi Jarrow Joseph Kaiser Kalman Kasten Kelvin Kepler Kessler Kirchhoff Lame Laplace Lax Lees"
    " Legendre Lemire Lennard Levenberg Lowe Mach Magnus Malley Malvar Manaster Manning Maxwell Meeus"
    " Meinel Milstein Mitchell Monaghan Monte Morton Neal Nelson Nernst Nesterov Newmark Newton Nyquist"
    " Perlin Perzyna Poisson Raibert Ralston Rayleigh Reinhard Reinsch Reynolds Robin Rodrigues"
    " Rosenbrock Rusanov Russian Saemundsson Schlick Schmidt Schwarzschild Simpson Smagorinsky Smith"
    " Snell Sobel Somigliana Stefan Steiner Stokes Stribeck Student Svensson Tait Taubin Taylor Tian"
    " Timoshenko True Uncharted Van Vashishta Verlet Voce Voigt Von Welford Wendland Weyl Willans Wolfe"
    " Young"
    " Bazett Beasley Christoffel Cox Darboux Dietzfelbinger Fermat Fletcher Frobenius Garner Haurwitz"
    " Hoare January Kirk Kugelstadt Kumaraswamy Lagrange Lindemann Meador Moro Muller Neville Pluecker"
    " Polak Prager Sagnac Stein Tikhonov Umeyama Winkler"
    " Friedewald Hann Hencky Hertz Rothermel Scharr Warp"
    " Adler Blinn Cranley Dormand Hay Lambert Machado Miller Rush Shan Stillinger Troe".split()
)


def plain_headings(text: str) -> str:
    """Headings within a body without the dashes around them, apart from comments that follow.

    A mark at their ends tells them from other comments.
    """
    text = _HEADING_OF_ONE.sub(r"\2", text)
    return _HEADING.sub(lambda found: f"{found[1]}{found[2]}{HEADING}\n" + ("\n" if found[3] else ""), text)


def lowered(text: str) -> str:
    """A comment that begins in lower case, unless it may begin with a name or goes on in another sentence."""
    found = _OPENING.match(text)
    if not found or _NEXT_SENTENCE.search(text):
        return text
    if found[1] in _NAMES or found[1].endswith("ian"):
        return text
    return text[: found.start(1)] + found[1].lower() + text[found.end(1) :]


def wrapped(text: str, width: int, mark: str = "# ") -> str:
    """Lines of prose, each broken where it is wider than `width`; the next line flows into what is left.

    Entries of a list, which are indented in a docstring, stay lines of their own and go on further in.
    """
    lines: list[str] = []
    over = False
    for line in text.splitlines():
        said = line.lstrip(" ").removeprefix(mark)
        entry = not mark and line != said
        if over and said[:1].islower() and not entry:
            line = f"{lines.pop()} {said}"
        over = len(line) > width
        start = line[: len(line) - len(line.lstrip(" "))] + mark
        inner = start + "    " if entry else start
        said = line.removeprefix(start)
        lines += _broken(said, width, start, inner) if over else [line]
    return "\n".join(lines) + ("\n" if text.endswith("\n") else "")


def _broken(said: str, width: int, start: str, inner: str) -> list[str]:
    return textwrap.wrap(
        said,
        width,
        initial_indent=start,
        subsequent_indent=inner,
        break_long_words=False,
        break_on_hyphens=False,
    )
