"""From a draft to the program: the module as one hand writes it, its arguments and its launch."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from warpgen.errors import SynthesisError
from warpgen.launch import Argument, Launch
from warpgen.program import Program
from warpgen.synthesis.writing.algorithm import Algorithm
from warpgen.synthesis.writing.counts import pass_counts
from warpgen.synthesis.writing.draft import OF_FLOATS, Draft, Parameter
from warpgen.synthesis.writing.guards import guard
from warpgen.synthesis.writing.hand import SUFFIX, Hand, prose
from warpgen.synthesis.writing.rng import Rng
from warpgen.synthesis.writing.signature import ordered, section, signature
from warpgen.synthesis.writing.sums import outline_sums

_WHOLE = re.compile(r"\((?:u?int\d+|bool|vec\di)\)")  # of arrays without floats
_PROSE = re.compile(r'#[^\n]*|"""[\s\S]*?"""')
# What a text defines, or gives another adjoint.
_DEFINED = re.compile(
    r"^(?:def|class) (\w+)|^@wp\.func_(?:grad|replay)\((\w+)\)|^([A-Za-z]\w*) = ", re.MULTILINE
)
_OF_CONSTANT = re.compile(r"(?<![\w.])float\([A-Z]\w*\)")
_IMPORTS = (("math.", "import math"), ("Any", "from typing import Any"))


class Written(msgspec.Struct, frozen=True):
    """A program, the draft it was made of (with its proof), and the names that the draft's names became."""

    program: Program
    draft: Draft
    real: str  # the floats that it computes with
    names: Mapping[str, str]


def write(algorithm: Algorithm, rng: Rng, seed: int, index: int) -> Written:
    """One program of an algorithm. Raises SynthesisError where the algorithm says too little."""
    draft = Draft(rng)
    algorithm.function(draft)
    if not draft.text or not draft.dim:
        raise SynthesisError(f"algorithm {algorithm.name} has no code or no launch")
    if algorithm.element:
        guard(draft, algorithm.element)
    hand = Hand(rng)
    if hand.counts:
        pass_counts(draft, rng)
    outline_sums(draft, rng)
    real = rng.weighted(
        {"float32": 0.93, "float64": 0.07 * algorithm.double, "float16": 0.03 * algorithm.half}
    )
    real = "float64" if draft.double else real
    if any(map(_OF_CONSTANT.search, [draft.text, *draft.functions])):
        real = "float32"  # fault 14 of Warp: wp.float64(SIZE) makes SIZE a float for all that follows
    if "wp.spatial_vector(" in draft.text:
        real = "float32"  # only one of 32 bits can be made of two halves
    plain = _is_plain(algorithm, draft, rng)
    parameters = ordered(named(draft), hand.order)
    _leave_out_what_nothing_calls(draft)
    own = [*draft.prelude, *map(hand.spaced, draft.functions), hand.spaced(draft.text.rstrip())]
    heads = [f"({p.name}: {p.annotation})" for p in parameters]
    shared = "\n".join(p.text for p in draft.pieces)
    first, others = _called(algorithm, draft, [*own, *heads])
    synonyms = {**algorithm.names, first: others}  # those of the variant count
    names = hand.naming.rename([*own, *heads, first], shared, synonyms)
    if hand.suffix and not names.get(first, first).endswith("_kernel"):
        names[first] = names.get(first, first) + "_kernel"
    name = names.get(first, first)
    own = [hand.commented(hand.assigned(hand.renamed(text, names)), names) for text in own]
    said = section(parameters, names, hand)
    doc = hand.docstring_of(draft.sentence or algorithm.summary, draft.doc, said, names)
    head = signature(name, parameters, names, hand)
    body = textwrap.indent(f"{doc}\n{own[-1]}" if doc else own[-1], "    ")
    own[-1] = "\n".join(["@wp.kernel(enable_backward=False)" if plain else "@wp.kernel", head, body])
    constants, functions = own[: len(draft.prelude)], own[len(draft.prelude) :]
    constants += [p.text for p in draft.pieces if not p.text.startswith(("@", "class", "#"))]
    functions = [*(p.text for p in draft.pieces if p.text.startswith(("@", "class", "#"))), *functions]
    body = "\n\n\n".join(functions)
    if constants:
        body = "\n".join(constants) + "\n\n\n" + body
    body = hand.spelled(body, real)
    code = _PROSE.sub("", body)
    imports = [line for word, line in _IMPORTS if re.search(rf"\b{re.escape(word)}", code)]
    head = "\n".join([*imports, *([""] if imports else []), "import warp as wp"])
    source = f"{head}\n\n{body}\n" if constants else f"{head}\n\n\n{body}\n"
    arguments = tuple(_argument(p, names, real) for p in parameters)
    summary = prose(draft.sentence or algorithm.summary, names)
    launch = Launch(draft.dim, index, draft.tiled)
    program = Program(seed, index, algorithm.category, name, source, arguments, launch, summary)
    return Written(program, draft, real, names)


def _leave_out_what_nothing_calls(draft: Draft) -> None:
    """Functions, structs and constants that a variant has no use for."""
    words = {word for p in draft.parameters for word in _words(p.annotation)} | _words(draft.text)
    constants: list[tuple[list[Any], int, str]] = [
        (draft.prelude, at, t) for at, t in enumerate(draft.prelude)
    ]
    written = [(draft.functions, at, t) for at, t in enumerate(draft.functions)]
    shared = [(draft.pieces, at, piece.text) for at, piece in enumerate(draft.pieces)]
    for texts, at, text in reversed(
        [*constants, *shared, *written]
    ):  # what is called stands before what calls it
        names = {name for found in _DEFINED.findall(text) for name in found if name}
        if names and words.isdisjoint(names):
            del texts[at]
        else:
            words |= _words(text)


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", _PROSE.sub("", text)))


def _called(algorithm: Algorithm, draft: Draft, texts: Sequence[str]) -> tuple[str, str]:
    """What the kernel is called, and what else it may be: by its variant if that has names of its own."""
    if not draft.name:
        return algorithm.name, algorithm.names.get(algorithm.name, algorithm.name)
    words = set(re.findall(r"\w+", "\n".join(texts)))
    free = [name for name in draft.name.split("|") if name not in words]
    if not free:
        raise SynthesisError(f"all of the names {draft.name} of a kernel stand for something else in it")
    return free[0], "|".join(free)


def _is_plain(algorithm: Algorithm, draft: Draft, rng: Rng) -> bool:
    """Whether the kernel has no adjoint. Where there is nothing to differentiate, people seldom say so."""
    floats = any(
        p.role in ("input", "inout") and p.type.startswith("array") and not _WHOLE.search(p.type)
        for p in draft.parameters
    )
    # Run backwards, a loop that waits for what it changes itself may never end.
    waits = any("while " in text for text in (draft.text, *draft.functions))
    if draft.forward or algorithm.adjoint == "no":
        return floats or waits or rng.chance(0.3)
    return algorithm.adjoint == "either" and rng.chance(0.044)


def named(draft: Draft) -> list[Parameter]:
    """The arguments that the variant names, or that another is built over."""
    words = set(re.findall(r"\w+", draft.text)) | {fill.of for p in draft.parameters for fill in p.fills}
    return [p for p in draft.parameters if p.name in words]


def _argument(parameter: Parameter, names: Mapping[str, str], real: str) -> Argument:
    argument = parameter.renamed(names)
    if real == "float32":
        return argument
    type = re.sub(r"\bfloat32\b", real, argument.type)
    type = re.sub(rf"\b({'|'.join(OF_FLOATS)})f\b", rf"\1{SUFFIX[real]}", type)
    return msgspec.structs.replace(argument, type=type)
