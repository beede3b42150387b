"""What the caller of `run` or `resume` asks for: options in, recipe and run options out."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import msgspec

from warpgen import __version__, places
from warpgen.command import natural, positive
from warpgen.errors import RecipeError, UsageError
from warpgen.extraction.versions import warp_version
from warpgen.machine import check_workers
from warpgen.production.engines import ray
from warpgen.production.engines.registry import ENGINES
from warpgen.production.run_options import RunOptions
from warpgen.production.state.journal import Share
from warpgen.recipe import HEAVIEST, Recipe, parse_size

LEVELS = ("none", "compile", "run")

_PART = re.compile(r"[0-9]{1,6}")  # of --partition: a million tasks are more than any batch system takes


def add_recipe(group: argparse._ActionsContainer) -> None:
    """The options that decide every byte."""
    group.add_argument(
        "--target", choices=("cpu", "cuda", "both"), default="both", help="what to make (both)"
    )
    amount = group.add_mutually_exclusive_group()
    amount.add_argument("--size", help="least size of each file: 4096, 8MiB, 1.5GB ... (200MiB)")
    amount.add_argument("--rows", type=positive, help="exact number of rows of each file, instead of a size")
    group.add_argument("--seed", type=natural, default=0, help="another seed gives other programs (0)")
    group.add_argument("--categories", default="", metavar="NAME=WEIGHT,...", help="only these, so often")
    group.add_argument(
        "--complexity",
        choices=("small", "medium", "large", "mixed"),
        default="mixed",
        help="how large the programs are (mixed)",
    )
    group.add_argument(
        "--verify",
        choices=LEVELS,
        default="run",
        help="what each row must pass: nothing, the compiler of its target, or a run with its gradients too, "
        "which takes about thirty times as long as making it (run)",
    )
    group.add_argument(
        "--gradients",
        choices=("keep", "strict"),
        default="keep",
        help="keep rows whose adjoint Warp itself gets wrong, marked so and a tenth of all at most, "
        "or drop them: strict (keep)",
    )


def add_run_options(group: argparse._ActionsContainer) -> None:
    """The options that change no byte."""
    group.add_argument(
        "--root",
        type=places.root,
        default=Path(),
        help="folder for data/, manifests/ ..., or an address such as s3://bucket/prefix (this one)",
    )
    group.add_argument("--workers", type=positive, help="worker processes (one per core)")
    group.add_argument(
        "--engine",
        choices=tuple(ENGINES),
        default="local",
        help="worker processes, none, or a Ray cluster (local)",
    )
    group.add_argument(
        "--ray-address", default="", metavar="ADDRESS", help="of the cluster (one started on this machine)"
    )
    group.add_argument(
        "--stock-codegen",
        action="store_true",
        help="do without the fast path of code generation: the same text in twice the time",
    )


def share(text: str) -> Share:
    """`2/4` for argparse's `type`."""
    number, _, of = text.partition("/")
    if not (_PART.fullmatch(number) and _PART.fullmatch(of) and 1 <= int(number) <= int(of)):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not i/n with i from 1 to n, as 2/4 is")
    return Share(int(number), int(of))


def recipe_of(args: argparse.Namespace) -> Recipe:
    """The recipe asked for; raises RecipeError."""
    size = None if args.rows is not None else parse_size(args.size or "200MiB")
    weights = weights_of(args.categories)
    if weights:
        from warpgen.synthesis.generator import (
            Options,
            category_weights,
        )  # a second that others need not wait

        category_weights(Options(categories=weights))  # raises for an unknown one, naming those there are
    return Recipe(
        seed=args.seed,
        target=args.target,
        size=size,
        rows=args.rows,
        categories=weights,
        complexity=args.complexity,
        verify=args.verify,
        gradients=args.gradients,
        warpgen=__version__,
        warp=warp_version(),
    )


def run_options_of(args: argparse.Namespace) -> RunOptions:
    """The run options asked for."""
    options = RunOptions(engine=args.engine, stock_codegen=args.stock_codegen, ray_address=args.ray_address)
    workers = 1 if args.engine == "serial" else args.workers or options.workers
    if not args.ray_address:  # else they are processes of a cluster's machines
        check_workers(workers)
    if args.engine == "ray":
        workers = ray.connect(args.ray_address, args.workers)
    elif args.ray_address:
        raise UsageError("--ray-address is for --engine ray")
    return msgspec.structs.replace(options, workers=workers)


def weights_of(text: str) -> dict[str, float]:
    """Weights by category, of `NAME=WEIGHT,NAME`. Raises RecipeError."""
    weights: dict[str, float] = {}
    for part in filter(None, text.split(",")):
        name, _, number = (piece.strip() for piece in part.partition("="))
        try:
            weight = float(number or "1")
        except ValueError:
            raise RecipeError(f"the weight {number!r} of category {name!r} is not a number") from None
        if not weight > 0:
            raise RecipeError(f"the weight {number!r} of category {name!r} is not more than zero")
        if weight > HEAVIEST:
            raise RecipeError(
                f"the weight {number!r} of category {name!r} is too large: {HEAVIEST:g} is the most"
            )
        if name in weights:
            raise RecipeError(f"category {name!r} is named twice")
        weights[name] = weight
    return dict(sorted(weights.items()))
