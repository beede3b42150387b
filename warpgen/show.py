"""`python -m warpgen.show`: one synthesised program, and the code Warp makes of it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console
from rich.syntax import Syntax

from warpgen.command import Parser, call, natural
from warpgen.errors import ProgramError
from warpgen.extraction.versions import check_versions
from warpgen.record import TARGETS
from warpgen.terminal import printable

if TYPE_CHECKING:
    from warpgen.program import Program

_LEXERS = {"python": "python", "cpu": "cpp", "cuda": "cuda"}


def parser() -> Parser:
    """The options of `warpgen show`."""
    made = Parser(
        "show",
        "Print the program of one index, highlighted on a terminal. Without --category it is the program "
        "that a dataset of this seed holds at this index.",
    )
    made.add_argument("--category", help="draw from this category alone")
    made.add_argument("--seed", type=natural, default=0, help="seed of the recipe (0)")
    made.add_argument("--index", type=natural, default=0, help="which program of the seed (0)")
    made.add_argument(
        "--complexity",
        choices=("small", "medium", "large", "mixed"),
        default="mixed",
        help="how large programs are (mixed)",
    )
    made.add_argument("--code", choices=TARGETS, help="print the code that Warp generates for this target")
    made.add_argument("--launch", action="store_true", help="print how it is launched, as in a row")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Print the program; returns the exit code, 1 where this index gives no program or no code."""
    args = parser().parse_args(argv)
    check_versions()  # before imports that an unfit Python or Warp would break with a traceback
    try:
        _show(args)
    except ProgramError as error:
        print(f"index {args.index}: {printable(str(error))}", file=sys.stderr)
        return 1
    return 0


def _show(args: argparse.Namespace) -> None:
    from warpgen.synthesis.generator import Options, synthesize

    weights = {} if args.category is None else {args.category: 1.0}
    program = synthesize(args.seed, args.index, Options(categories=weights, complexity=args.complexity))
    if args.code is None:
        _print(program.source, "python")
    else:
        _print(_code(program, args.code), args.code)
    if args.launch:
        launch = {"category": program.category, "args": program.args, "launch": program.launch}
        _print(msgspec.json.format(msgspec.json.encode(launch)).decode(), "json")


def _code(program: Program, target: str) -> str:
    # Imports Warp, which a look at the Python does not need.
    from warpgen.extraction.codegen import lower

    return next(iter(lower(program, [t for t in TARGETS if t == target]).values())).text


def _print(text: str, language: str) -> None:
    """Highlighted on a terminal; elsewhere the plain text, so that it can go into a file."""
    console = Console()
    text = printable(text)
    if console.is_terminal:
        console.print(Syntax(text, _LEXERS.get(language, language), background_color="default"))
    else:
        print(text.rstrip("\n"))


if __name__ == "__main__":
    call(main)
