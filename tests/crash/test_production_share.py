"""Shares of a dataset made apart and joined: the same bytes as one run, or a word on what is wrong."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from shlex import quote

import msgspec
import pytest

from tests.support.commands import files
from tests.support.imaginary import (
    FINISHED,
    ImaginaryJob,
    Trouble,
    files_left,
    produce,
    quick,
    recipe_of,
    undisturbed,
)
from warpgen import merge, resume, run
from warpgen.errors import RootError, UsageError
from warpgen.paths import manifest_path
from warpgen.production.engines.registry import engine_of
from warpgen.production.partial import share
from warpgen.production.state import roots
from warpgen.production.state.journal import Share
from warpgen.production.state.layout import Layout
from warpgen.recipe import UNIT_SIZE, Recipe
from warpgen.reporting.manifest import read

ROWS = 900
RECIPE = recipe_of(ROWS)


def make(
    root: Path,
    number: int,
    of: int,
    recipe: Recipe = RECIPE,
    programs: int | None = None,
    trouble: Mapping[int, Trouble] | None = None,
    engine: str = "serial",
) -> int:
    """A share of imaginary programs; the exit code."""
    with roots.held(root) as (layout, lock):
        of_all = Share(number, of)
        stored = share.begin(layout, recipe, of_all, "2020-01-01T00:00:00+00:00", overwrite=False)
        engine_ = engine_of(quick(engine), lock)
        work = share.ShareRun(layout, recipe, of_all, stored, programs)
        return work.carry_out(engine_, ImaginaryJob(layout, recipe, trouble))


def make_all(folder: Path, of: int, programs: int | None = None) -> list[Path]:
    """All shares, each in a root of its own."""
    folders = [folder / f"share-{number}" for number in range(1, of + 1)]
    for number, root in enumerate(folders, 1):
        assert make(root, number, of, programs=programs) == 0
    return folders


def join(root: Path, parts: list[Path]) -> int:
    return merge.main([*map(str, parts), "--root", str(root)])


@pytest.mark.parametrize("of", [1, 2, 4])
def test_shares_joined_are_one_run(tmp_path: Path, of: int) -> None:
    """In any order, the shares left as they were, and with the manifest's counts of one run."""
    parts = make_all(tmp_path, of)
    before = [files_left(part) for part in parts]
    for turn, order in enumerate(itertools.islice(itertools.permutations(parts), 3)):
        assert join(tmp_path / str(turn), list(order)) == 0
        assert files(tmp_path / str(turn)) == undisturbed(ROWS)
        assert files_left(tmp_path / str(turn)) == FINISHED
    assert [files_left(part) for part in parts] == before
    assert join(tmp_path / "0", parts) == 0  # again: nothing to do


def test_too_few_programs_are_named_and_can_be_added(tmp_path: Path) -> None:
    """The merge says how to make more, and goes on with what it has merged."""
    parts = make_all(tmp_path, 3, programs=400)
    with pytest.raises(RootError, match=r"from 512 on.* part 2/3 .*--programs (\d+) ") as told:
        join(tmp_path / "whole", parts)
    assert "production" not in str(told.value)
    assert "blocked" in (tmp_path / "whole" / "DATASET_STATE.md").read_text()
    make_all(tmp_path, 3)
    assert join(tmp_path / "whole", parts) == 0
    assert files(tmp_path / "whole") == undisturbed(ROWS)


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-1])])
def test_a_shard_gone_bad_is_named_and_made_again(tmp_path: Path, damage: Trouble) -> None:
    """Missing or damaged: its share's command makes it, and it alone."""
    parts = make_all(tmp_path, 2)
    (path,) = Layout(parts[1]).shards.glob(f"{UNIT_SIZE:012d}-*.shard")
    damage(path)  # type: ignore[arg-type]
    with pytest.raises(
        RootError, match=f"programs {UNIT_SIZE} to {2 * UNIT_SIZE - 1} of part 2/2 are missing or damaged"
    ):
        join(tmp_path / "whole", parts)
    made: list[int] = []
    make(parts[1], 2, 2, trouble=dict.fromkeys(range(2000), lambda unit: made.append(unit.start)))
    assert set(made) == {UNIT_SIZE}
    assert join(tmp_path / "whole", parts) == 0
    assert files(tmp_path / "whole") == undisturbed(ROWS)


def test_a_share_stopped_goes_on(tmp_path: Path) -> None:
    """By its own command, making nothing twice."""
    parts = [tmp_path / "a", tmp_path / "b"]
    assert make(parts[0], 1, 2) == 0
    stop = {3 * UNIT_SIZE + 8: lambda unit: signal.raise_signal(signal.SIGTERM)}
    assert make(parts[1], 2, 2, trouble=stop) == 143
    made: list[int] = []
    make(
        parts[1], 2, 2, trouble=dict.fromkeys(range(0, 2000, UNIT_SIZE), lambda unit: made.append(unit.start))
    )
    assert made[0] == 3 * UNIT_SIZE
    assert join(tmp_path / "whole", parts) == 0
    assert files(tmp_path / "whole") == undisturbed(ROWS)


def test_a_program_given_up_is_listed(tmp_path: Path) -> None:
    """As a run would list it."""

    def die(unit: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    roots_ = [tmp_path / "a", tmp_path / "b"]
    make(roots_[0], 1, 2, trouble={20: die}, engine="local")
    make(roots_[1], 2, 2)
    assert join(tmp_path / "whole", roots_) == 0
    assert produce(tmp_path / "one", RECIPE, quick("local"), {20: die}) == 0
    assert files(tmp_path / "whole") == files(tmp_path / "one")
    for target in RECIPE.targets:
        one, whole = (read(manifest_path(tmp_path / name, target)) for name in ("one", "whole"))
        assert one.failures == whole.failures
        assert one.dropped == whole.dropped


def test_what_does_not_belong_together_is_named(tmp_path: Path) -> None:
    """Missing and doubled shares, other numbers, other recipes, and roots that hold no share."""
    parts = make_all(tmp_path, 3, programs=192)
    make(tmp_path / "other", 2, 3, msgspec.structs.replace(RECIPE, seed=1), 192)
    make(tmp_path / "quarter", 2, 4, programs=64)
    make(tmp_path / "again", 3, 3, programs=192)
    (tmp_path / "empty").mkdir()
    for named, sentence in (
        ([parts[0], parts[2]], "part 2/3 is missing"),
        ([*parts, tmp_path / "again"], "both hold part 3/3"),
        ([parts[0], tmp_path / "other", parts[2]], "different recipes .seed 0 and 1"),
        ([parts[0], tmp_path / "quarter", parts[2]], "part 1/3 and .* part 2/4"),
        ([tmp_path / "empty"], "holds no shards"),
        ([tmp_path / "nowhere"], "holds no shards"),
    ):
        with pytest.raises(UsageError, match=sentence):
            join(tmp_path / "whole", named)
        assert not (tmp_path / "whole").exists()


def test_a_root_of_a_share_is_nothing_else(tmp_path: Path) -> None:
    """Another share, a whole run, a resume or a merge in it is refused."""
    make(tmp_path, 1, 2, programs=64)
    with pytest.raises(RootError, match="holds part 1/2, and part 2/2 is asked for"):
        make(tmp_path, 2, 2)
    with pytest.raises(RootError, match=r"1/2 of another recipe .there and asked for: seed 0 and 1., and"):
        make(tmp_path, 1, 2, msgspec.structs.replace(RECIPE, seed=1))
    with pytest.raises(RootError, match="holds part 1/2"):
        run.main(["--root", str(tmp_path), "--rows", "9"])
    with pytest.raises(RootError, match="holds part 1/2"):
        resume.main(["--root", str(tmp_path)])
    make(tmp_path / "b", 2, 2, programs=64)
    with pytest.raises(RootError, match="holds part 1/2"):
        join(tmp_path, [tmp_path, tmp_path / "b"])


def test_the_end_of_a_share_tells_what_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was made, where it lies, and the command that joins it with the others."""
    root = tmp_path / "a share"
    for number, of, before, given in (
        (2, 3, "When all 3 are made", f"ROOT_OF_1 {quote(str(root))} ROOT_OF_3"),
        (1, 1, "Next", quote(f"{root}-1")),
        (7, 90, "When all 90 are made", f"{quote(f'{root}-7')} ROOTS_OF_THE_OTHERS"),
    ):
        command = f"{before}: python -m warpgen.merge {given} --root whole"
        place = root if of == 3 else tmp_path / f"a share-{number}"
        assert make(place, number, of, programs=64) == 0
        *rows, end = capsys.readouterr().out.splitlines()
        assert [line.split(":")[0] for line in rows] == [f"part {number}/{of}"] * 2
        assert end == f"It is in {quote(f'{place}/data/work')}. {command}"


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "1/", "/2", "a/b", "-1/2", "1/2/3"])
def test_a_share_that_is_none(tmp_path: Path, text: str) -> None:
    """It is told before anything is made."""
    with pytest.raises(UsageError, match="--partition"):
        run.main([f"--partition={text}", "--root", str(tmp_path)])
    with pytest.raises(UsageError, match="--programs is for --partition"):
        run.main(["--programs", "3", "--root", str(tmp_path)])
    assert files_left(tmp_path) == []


def test_a_part_may_be_asked_for_by_its_old_name(tmp_path: Path) -> None:
    """`--shard` is `--partition`: what is wrong with one is told of both."""
    with pytest.raises(UsageError, match="--partition/--shard: '5/4' is not i/n"):
        run.main(["--shard", "5/4", "--root", str(tmp_path)])
