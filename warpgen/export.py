"""`python -m warpgen.export`: the finished datasets as Parquet, for Hugging Face, WebDataset or Harbor."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from warpgen import places
from warpgen.command import Parser, call
from warpgen.errors import UsageError
from warpgen.store import Remote

_TEXTS = ("rows", "pretrain", "translate", "adjoint", "ladder", "fim", "explain")
_VIEWS = (*_TEXTS, "instruct", "chat", "repair", "preference", "gradient", "versions")
_FORMATS = ("parquet", "hf", "jsonl", "nemo", "verl", "webdataset", "harbor")
_SPANS = ("whole", "kernel", "forward", "adjoint")
_OF_WHOLE = (
    "rows",
    "ladder",
    "adjoint",
    "gradient",
)  # views whose records are what they are with all of the code
_LEVELS = ("ptx", "sass", "llvm", "asm")


def parser() -> Parser:
    """The options of `warpgen export`."""
    made = Parser(
        "export",
        "Write the finished datasets under a root in a format that other tools load. "
        "The same datasets and options give the same bytes.",
        "docs/export.md shows how to load each format, docs/views.md what each view holds.",
    )
    made.add_argument(
        "--root",
        type=places.root,
        default=Path(),
        help="folder or address that holds manifests/ and data/ (.)",
    )
    made.add_argument("--format", choices=_FORMATS, required=True)
    made.add_argument(
        "--out", type=places.local, required=True, help="folder to make; it must be new or empty"
    )
    made.add_argument(
        "--split",
        nargs="?",
        type=_shares,
        const=(98, 1, 1),
        metavar="T/V/T",
        help="split into train, validation and test by cluster of near-duplicates (98/1/1)",
    )
    _add_records(made)
    _add_sources(made)
    return made


def _add_records(made: Parser) -> None:
    """What a record is, which there are, and in what order."""
    made.add_argument("--view", choices=_VIEWS, default="rows", help="what a record is (rows)")
    made.add_argument(
        "--comments",
        choices=("keep", "strip"),
        default="keep",
        help="strip takes the comments, Warp's echo of the Python, out of generated code (keep)",
    )
    made.add_argument(
        "--span",
        choices=_SPANS,
        default="whole",
        help="generated code: a whole module, the kernel without what all have, or one direction (whole)",
    )
    made.add_argument(
        "--tokenizer",
        default="warpgen-bpe-8k",
        metavar="NAME",
        help="what counts tokens: warpgen's own, a file tokenizer.json or a model of Hugging Face's hub "
        "(warpgen-bpe-8k)",
    )
    made.add_argument(
        "--max-tokens",
        type=_tokens,
        default=0,
        metavar="N",
        help="leave out records with more tokens (any number)",
    )
    made.add_argument(
        "--exclude",
        type=places.local,
        nargs="+",
        default=[],
        metavar="FILE",
        help="benchmarks: drop rows that share 13 tokens of code in a row with one",
    )
    made.add_argument(
        "--order",
        choices=("index", "curriculum"),
        default="index",
        help="of the records: as in the datasets, or the easiest first (index)",
    )


def _add_sources(made: Parser) -> None:
    """What some views need beside the rows."""
    made.add_argument(
        "--planted",
        type=places.local,
        metavar="FILE",
        help="faults for the views repair, preference and gradient (data/planted/planted.jsonl of the root)",
    )
    made.add_argument(
        "--beside",
        type=places.root,
        metavar="ROOT",
        help="with --view versions: a root with datasets of the same recipe, made with another Warp",
    )
    made.add_argument(
        "--levels",
        type=_levels,
        default=(),
        metavar="LEVEL,...",
        help=f"with --view ladder or translate: compile verified kernels down to {', '.join(_LEVELS)}",
    )
    made.add_argument(
        "--no-outputs",
        dest="outputs",
        action="store_false",
        help="with --view instruct: leave out what the kernels compute, which takes minutes to run",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Write the export and print what is in it; returns the exit code."""
    args = parser().parse_args(argv)
    _check(args)
    if find_spec("pyarrow") is None:
        raise UsageError("exports need the package pyarrow: run `python -m pip install 'pyarrow>=25'`")
    from warpgen.exporting.export import Request, export
    from warpgen.reporting import finished

    with contextlib.ExitStack() as at_hand:

        def local(place: Path | Remote) -> Path:  # export holds all that it reads to the checksums
            return at_hand.enter_context(finished.at_hand(place, whole=False))[0]

        summary = export(
            Request(
                root=local(args.root),
                out=args.out,
                format=args.format,
                view=args.view,
                shares=args.split,
                comments=args.comments,
                exclude=tuple(args.exclude),
                levels=args.levels,
                tokenizer=args.tokenizer,
                most=args.max_tokens,
                span=args.span,
                order=args.order,
                planted=args.planted,
                beside=args.beside and local(args.beside),
                outputs=args.outputs,
            )
        )
    for file in summary.files:
        print(f"{args.out / file.path}: {file.rows} records, {file.bytes} bytes")
    fits = ", ".join(f"{100 * share:.1f} % fit {int(size):,}" for size, share in summary.tokens.fits.items())
    left_out = f"; {summary.tokens.dropped} records left out" if summary.tokens.most else ""
    print(f"{summary.tokens.total} tokens of {args.tokenizer}: {fits}{left_out}")
    for benchmark in summary.exclude:
        print(f"{benchmark['name']}: {benchmark['dropped']} rows dropped")
    return 0


def _check(args: argparse.Namespace) -> None:
    """Raise UsageError where options do not go together."""
    if args.levels and args.view not in ("ladder", "translate"):
        raise UsageError("--levels are of the views ladder and translate: add --view ladder")
    if not args.outputs and args.view != "instruct":
        raise UsageError("--no-outputs is of the view instruct: add --view instruct")
    if (args.view == "versions") != (args.beside is not None):
        raise UsageError(
            "--view versions and --beside go together: name the root of the other Warp's datasets"
        )
    if args.format == "harbor" and (args.view, args.comments, args.order) != ("rows", "keep", "index"):
        raise UsageError(
            "a task of Harbor is judged by its row as it is: leave out --view, --comments, --order"
        )
    if args.view == "gradient" and args.comments != "keep":
        raise UsageError("faults are known by their places in the code as it is: leave out --comments")
    if args.span != "whole" and args.view in _OF_WHOLE:
        raise UsageError(f"--span is of no use to the view {args.view}: choose another --view")


def _shares(text: str) -> tuple[int, int, int]:
    parts = text.split("/")
    if len(parts) != 3 or not all(part.isdecimal() for part in parts) or sum(map(int, parts)) != 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not three percentages that make 100, as 98/1/1")
    train, validation, test = map(int, parts)
    return train, validation, test


def _tokens(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 1 << 31:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of tokens, as 8192")
    return int(text)


def _levels(text: str) -> tuple[str, ...]:
    asked = text.split(",")
    unknown = [name for name in asked if name not in _LEVELS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is no level: choose from {','.join(_LEVELS)}")
    return tuple(name for name in _LEVELS if name in asked)


if __name__ == "__main__":
    call(main)
