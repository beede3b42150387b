"""`python -m warpgen.merge`: join the shards of `run --partition i/n` into the datasets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from warpgen import places
from warpgen.command import Parser, call
from warpgen.extraction.versions import check_versions

_EPILOG = """\
The order of the roots has no influence. The datasets are those of one run of the recipe, byte for byte.
Where programs are missing it says which; make them and merge again: what was merged is kept.

example:
  python -m warpgen.run --size 1GiB --partition 1/2 --root a     on one machine
  python -m warpgen.run --size 1GiB --partition 2/2 --root b     on another
  python -m warpgen.merge a b --root whole
exit codes:
  0 done, 2 the shards do not make a dataset, 129, 130 or 143 stopped by a signal (merge again to go on)
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Join the roots named; returns the exit code. Raises UsageError."""
    check_versions()  # before imports that an unfit Python or Warp would break with a traceback
    from warpgen.production import run_options, session
    from warpgen.production.partial import gather
    from warpgen.production.state import chronicle, roots
    from warpgen.production.work import worker

    parser = Parser("merge", "Join shards made by `run --partition i/n` into datasets.", _EPILOG)
    parser.add_argument("shards", nargs="+", type=places.root, metavar="ROOT", help="the root of one shard")
    parser.add_argument(
        "--root", type=places.root, default=Path(), help="folder or address for the datasets (this one)"
    )
    args = parser.parse_args(argv)
    joined = gather.parts(args.shards)
    recipe = joined[0].story.begun.recipe
    with roots.held(args.root) as (layout, lock):
        found = gather.prepare(layout, joined, session.now())
        if found is None:
            print(roots.here_already(layout))
            return 0
        return session.Session(
            layout=layout,
            found=found,
            options=run_options.RunOptions(engine="merge", workers=1),
            chronicle=chronicle.Chronicle(layout, recipe),
            job=worker.ShardMaker(layout, recipe),
            lock=lock,
            engine=gather.GatheredEngine(joined),
        ).carry_out()


if __name__ == "__main__":
    call(main)
