"""`python -m warpgen.run`: make the datasets of a recipe."""

from __future__ import annotations

from collections.abc import Sequence

from warpgen.command import Parser, call
from warpgen.extraction.versions import check_versions

_EPILOG = """\
The same recipe gives the same bytes on any machine, with any number of workers, interrupted or not.

examples:
  python -m warpgen.run                             200 MiB for each target, in this folder
  python -m warpgen.run --size 1MiB --root try      a quick look
  python -m warpgen.run --target cuda --rows 1000 --seed 7
exit codes:
  0 done, 2 the request cannot be done, 130 or 143 stopped by a signal (go on with python -m warpgen.resume)
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a recipe from its start; returns the exit code. Raises UsageError."""
    check_versions()  # before imports that an unfit Python or Warp would break with a traceback
    from warpgen.production import chronicle, recovery, request, roots, session, worker

    parser = Parser("run", "Write Warp kernels, lower them to C++ and CUDA C++, and pack them.", _EPILOG)
    request.add_recipe(parser.add_argument_group("recipe, which decides every byte"))
    circumstances = parser.add_argument_group("circumstances, which change no byte")
    request.add_means(circumstances)
    circumstances.add_argument("--overwrite", action="store_true", help="replace what is in the root")
    args = parser.parse_args(argv)
    recipe = request.recipe_of(args)
    with roots.held(args.root) as (layout, lock):
        if not args.overwrite:
            wanted = roots.unfinished_part(layout, recipe)
            if wanted is None:
                print("warpgen: the datasets of this recipe are here already; nothing to do")
                return 0
            recipe = wanted
        roots.check_space(layout, recipe)
        history = chronicle.Chronicle(layout, recipe)
        history.beginning()
        return session.Session(
            layout=layout,
            found=recovery.begin(layout, recipe, session.now()),
            means=request.means_of(args),
            chronicle=history,
            job=worker.ShardMaker(layout, recipe, args.stock_codegen),
            lock=lock,
        ).carry_out()


if __name__ == "__main__":
    call(main)
