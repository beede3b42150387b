"""Docstrings and comments around a kernel, in the habits of its author."""

from __future__ import annotations

from warpgen.synthesis.kit.draft import Argspec
from warpgen.synthesis.language.author import Author
from warpgen.synthesis.language.expressions import Call, inside
from warpgen.synthesis.language.statements import Comment, For, Leave, Statement, walk
from warpgen.synthesis.style.english import joined, phrase

_HEADINGS = {
    "handle": "inputs",
    "input": "inputs",
    "inout": "inputs",
    "param": "parameters",
    "output": "outputs",
}
# What single letters and other short names usually stand for.
_SHORT = {
    "n": "number of elements",
    "dt": "time step",
    "h": "spacing",
    "x": "positions",
    "v": "velocities",
    "f": "forces",
    "w": "weights",
    "m": "masses",
    "q": "orientations",
    "eps": "small number against division by zero",
    "tol": "tolerance",
    "nx": "extent along x",
    "ny": "extent along y",
    "width": "extent along the fast axis",
    "height": "extent along the slow axis",
}
_PLAIN = {
    "param": "scalar parameter",
    "input": "input values",
    "inout": "values to update",
    "output": "result",
}
# First words of titles that name something to compute, not something to do.
_QUANTITIES = frozenset(
    (
        "Gradient Distance Stress Energy Normal Error Mean Loss Weighted Nearest Central Elastic Signed Area"
        " Stiffness Deformation Derivative Velocity Centroid Torque Wrench Inertia Mass Penalty Correlation"
        " Envelope Phase Speed Angle Average Product Divergence Payoff Implied Growth Pressure Bending"
        " Surface Light Color Price Differences Matrix Diffusion Damped Contact Inner Orthonormal Invariants"
        " Partial Barycentric Lumped Axial Area-weighted Fraction Displacement Angular Rotation Determinant"
        " Cholesky Eigenvalues Singular Covariance Attention Sensitivities Option Utility Squared Hash"
    ).split()
)
_VERBS = (
    "Compute the ",
    "Evaluate the ",
    "Computes the ",
    "Kernel for the ",
    "Calculate the ",
    "Update the ",
)

_LAUNCHED = (
    "Launched with one thread per {thing}.",
    "One thread handles one {thing}.",
    "Each thread processes a single {thing}.",
    "The kernel should be launched with one thread for each {thing}.",
    "Every thread works on its own {thing}.",
)
_WRITTEN = ("The results are written to {names}.", "On return {names} {verb} updated.")
_READ = (
    "Reads the {three} of each {thing}.",
    "The {two} must be given for every {thing}.",
    "Uses the {three} at the index of the {thing}.",
)
_ATOMIC = (
    "Contributions are accumulated with atomics, in any order of the threads.",
    "Uses atomic operations since several threads may update the same entry.",
    "The accumulated outputs are expected to be zero before the launch.",
)
_RETURNING = ("Threads that have nothing to do return early.", "Returns early where there is nothing to do.")
_LOOPING = ("The inner loop runs sequentially within each thread.", "Each thread loops over its own entries.")


def docstring(
    author: Author, title: str, specs: list[Argspec], thing: str, body: list[Statement]
) -> list[str]:
    """The docstring's lines without indentation; one line, a paragraph, or with the arguments."""
    rng = author.rng
    first = title
    if title.split(" ", 1)[0].rstrip(",") in _QUANTITIES:
        first = rng.choice(("", "", *_VERBS)) + title
        first = first if first == title else first[: -len(title)] + title[0].lower() + title[1:]
    style = rng.unit()
    if style < 0.45 or not specs:
        return [f'"""{first}."""']
    lines = [f'"""{first}.', ""]
    if style < 0.85:
        lines += _wrapped(rng.sample(_facts(author, specs, thing, body), 1 if style < 0.6 else 3))
    if style >= 0.75:
        if lines[-1]:
            lines.append("")
        lines.append("Args:")
        lines += [f"    {s.name}: {describe(author, s, thing)}" for s in specs]
    return [*lines, '"""']


def function_comment(author: Author, title: str) -> list[str]:
    """A comment above a function, by authors who explain it there and not in a docstring."""
    if author.docstring or not title or not author.rng.chance(author.function_comments):
        return []
    text = title if author.capitals else title[0].lower() + title[1:]
    return [f"# {text}." if author.full_stops else f"# {text}"]


def _facts(author: Author, specs: list[Argspec], thing: str, body: list[Statement]) -> list[str]:
    """Sentences that hold for the kernel."""
    choice, chance = author.rng.choice, author.rng.chance
    written = [s.name for s in specs if s.role in ("output", "inout")]
    read = [phrase(s.name) for s in specs if s.role == "input" and phrase(s.name)]
    facts = [choice(_LAUNCHED).format(thing=thing)]
    if written:
        names = joined([f"``{n}``" if chance(0.5) else n for n in written[:3]])
        verb = "are" if len(written) > 1 else "is"
        facts.append(choice(_WRITTEN).format(names=names, verb=verb))
    if read:
        facts.append(choice(_READ).format(three=joined(read[:3]), two=joined(read[:2]), thing=thing))
    code = list(walk(body))
    nodes = [node for statement in code for node in inside(*statement.parts)]
    if any(isinstance(node, Call) and node.name.startswith("wp.atomic_") for node in nodes):
        facts.append(choice(_ATOMIC))
    # A comment that speaks of a return or of what something is for has always been taken for code.
    said = [statement.words for statement in code if isinstance(statement, Comment)]
    returns = any(isinstance(statement, Leave) and statement.word == "return" for statement in code)
    if returns or any(words.endswith("return") for words in said):
        facts.append(choice(_RETURNING))
    if any(isinstance(statement, For) for statement in code) or any("for " in words for words in said):
        facts.append(choice(_LOOPING))
    if any(s.role == "inout" for s in specs):
        facts.append("The values are updated in place.")
    return facts


def _wrapped(sentences: list[str]) -> list[str]:
    """The sentences as lines of a paragraph."""
    lines = [""]
    for word in " ".join(sentences).split(" "):
        if lines[-1] and len(lines[-1]) + len(word) > 95:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return lines


def describe(author: Author, spec: Argspec, thing: str = "element") -> str:
    """A few words on an argument, made of its name and its place."""
    words = (_SHORT.get(spec.name) or phrase(spec.name)) if spec.name in _SHORT or len(spec.name) > 2 else ""
    words = words or _PLAIN.get(spec.role, "handle")
    lower = words
    words = words[0].upper() + words[1:]
    choice = author.rng.choice
    if spec.role == "output":
        return choice(
            (
                f"Output {lower}.",
                f"{words} (output).",
                f"{words}, written here.",
                f"The computed {lower}.",
                f"{words} of each {thing} (output).",
            )
        )
    if spec.role == "handle":
        return choice((f"{words} to query.", f"Id of the {lower}.", f"Handle of the {lower}."))
    if spec.ndim:
        return choice(
            (
                f"{words} of each {thing}.",
                f"{words}.",
                f"Input {lower}.",
                f"Array of {lower}.",
                f"The {lower} of the {thing}s.",
            )
        )
    return choice((f"{words}.", f"{words}.", f"The {lower}."))


def function_docstring(author: Author, title: str, parameters: list[str], results: list[str]) -> list[str]:
    """A helper's docstring: mostly one line, sometimes with what goes in and what comes out."""
    out = [phrase(r) for r in results if phrase(r)]
    style = author.rng.unit()
    if style < 0.7 or not out:
        return [f'"""{title}."""']
    if style < 0.85:
        return [
            f'"""{title}.',
            "",
            author.rng.choice(
                (
                    f"Returns the {joined(out)}.",
                    f"The {joined(out)} is returned." if len(out) == 1 else f"Returns {joined(out)}.",
                )
            ),
            '"""',
        ]
    lines = [f'"""{title}.', ""]
    if parameters:
        lines.append("Args:")
        for name in parameters:
            words = _SHORT.get(name) or phrase(name) or "value"
            lines.append(f"    {name}: {author.rng.choice(('The ' + words, words[0].upper() + words[1:]))}.")
        lines.append("")
    return [*lines, "Returns:", f"    The {joined(out)}.", '"""']


def signature_lines(author: Author, specs: list[Argspec], parts: list[str]) -> list[str]:
    """The parameters one per line, under headings or with comments where the author has that habit."""
    lines: list[str] = []
    heading = ""
    for spec, part in zip(specs, parts, strict=True):
        now = _HEADINGS[spec.role]
        if author.headings and now != heading:
            text = author.heading.format(now.capitalize() if author.capitals else now)
            lines.append(f"    # {text}")
        heading = now
        remark = (
            f"  # {describe(author, spec).rstrip('.').lower()}"
            if author.rng.chance(author.parameter_comments)
            else ""
        )
        lines.append(f"    {part},{remark}")
    return lines
