"""`python -m warpgen.resume`: go on with an interrupted run."""

from __future__ import annotations

from collections.abc import Sequence

from warpgen.command import Parser, call
from warpgen.errors import RootError
from warpgen.extraction.versions import check_tools, check_versions

_EPILOG = """\
The recipe is that of the run; workers and engine may be others. The datasets become the same bytes as if
nothing had happened.

exit codes:
  0 done, 2 the request cannot be done, 129, 130 or 143 stopped by a signal (just resume again)
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Go on from the journal under the root; returns the exit code. Raises UsageError."""
    check_versions()  # before imports that an unfit Python or Warp would break with a traceback
    from warpgen.production import request, session
    from warpgen.production.state import chronicle, journal, recovery, roots
    from warpgen.production.work import worker

    parser = Parser("resume", "Go on with the unfinished run in a root, from where it stopped.", _EPILOG)
    request.add_run_options(parser)
    args = parser.parse_args(argv)
    roots.check_resumable(args.root)
    with roots.held(args.root) as (layout, lock):
        roots.check_resumable(
            args.root, held=True
        )  # again: another may have ended the run before we held the lock
        story = journal.read(layout.journal_at)
        if story.begun.share:
            raise RootError(
                f"this root holds part {story.begun.share} of a recipe, which goes on by the command that "
                "began it: `python -m warpgen.run ... --partition`"
            )
        recipe = story.begun.recipe
        roots.check_same_versions(recipe)
        check_tools(recipe.targets, recipe.verify)
        roots.check_space(layout, recipe)
        return session.Session(
            layout=layout,
            found=recovery.recover(layout, story),
            options=request.run_options_of(args),
            chronicle=chronicle.Chronicle(layout, recipe),
            job=worker.ShardMaker(layout, recipe, args.stock_codegen),
            lock=lock,
        ).carry_out()


if __name__ == "__main__":
    call(main)
