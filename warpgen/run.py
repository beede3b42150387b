"""`python -m warpgen.run`: make the datasets of a recipe."""

from __future__ import annotations

from collections.abc import Sequence

from warpgen import command
from warpgen.command import Parser, call
from warpgen.errors import UsageError
from warpgen.extraction.versions import check_tools, check_versions

_EPILOG = """\
The same recipe gives the same bytes on any machine, with any number of workers, interrupted or not.

examples:
  python -m warpgen.run                             200 MiB for each target, in this folder
  python -m warpgen.run --size 1MiB --root try      a quick look
  python -m warpgen.run --target cuda --rows 1000 --seed 7
  python -m warpgen.run --size 1GiB --partition 2/8 --root part-2      an eighth, see warpgen.merge
exit codes:
  0 done, 2 the request cannot be done, 129, 130, 143 stopped by a signal (go on by python -m warpgen.resume)
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a recipe from its start; returns the exit code. Raises UsageError."""
    check_versions()  # before imports that an unfit Python or Warp would break with a traceback
    from warpgen.production import request, session
    from warpgen.production.engines import registry
    from warpgen.production.partial import share
    from warpgen.production.state import chronicle, recovery, roots
    from warpgen.production.work import worker

    parser = Parser("run", "Write Warp kernels, lower them to C++ and CUDA C++, and pack them.", _EPILOG)
    request.add_recipe(parser.add_argument_group("recipe, which decides every byte"))
    circumstances = parser.add_argument_group("circumstances, which change no byte")
    request.add_run_options(circumstances)
    circumstances.add_argument("--overwrite", action="store_true", help="replace what is in the root")
    circumstances.add_argument(
        "--partition",
        "--shard",  # as it was called first
        type=request.share,
        metavar="I/N",
        help="make only every N-th unit, from the I-th, for `python -m warpgen.merge` (all)",
    )
    circumstances.add_argument(
        "--programs",
        type=command.positive,
        help="how many programs all shards together make (what their rows so far say is enough)",
    )
    args = parser.parse_args(argv)
    if args.programs and not args.partition:
        raise UsageError("--programs is for --partition: a whole run ends when its datasets are complete")
    recipe = request.recipe_of(args)
    check_tools(recipe.targets, recipe.verify)
    with roots.held(args.root) as (layout, lock):
        if args.partition:
            roots.check_space(layout, recipe, args.partition.of)
            engine = registry.engine_of(request.run_options_of(args), lock)
            stored = share.begin(layout, recipe, args.partition, session.now(), args.overwrite)
            made = share.ShareRun(layout, recipe, args.partition, stored, args.programs)
            return made.carry_out(engine, worker.ShardMaker(layout, recipe, args.stock_codegen))
        if not args.overwrite:
            wanted = roots.unfinished_part(layout, recipe)
            if wanted is None:
                print(roots.here_already(layout))
                return 0
            recipe = wanted
        roots.check_space(layout, recipe)
        options = request.run_options_of(args)  # joins a cluster if asked to
        history = chronicle.Chronicle(layout, recipe)
        history.beginning()
        return session.Session(
            layout=layout,
            found=recovery.begin(layout, recipe, session.now()),
            options=options,
            chronicle=history,
            job=worker.ShardMaker(layout, recipe, args.stock_codegen),
            lock=lock,
        ).carry_out()


if __name__ == "__main__":
    call(main)
