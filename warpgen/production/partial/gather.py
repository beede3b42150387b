"""Joins the roots of `share.py`: their shards become those of one run that has only its merge to do."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import msgspec

from warpgen import durable
from warpgen.errors import DamageError, RootError
from warpgen.production.engines import Failing, Job, WorkerView
from warpgen.production.partial.share import sorted_once, what
from warpgen.production.state import journal, recovery, roots, shard
from warpgen.production.state.journal import Begun, Stored, Story
from warpgen.production.state.layout import Layout
from warpgen.production.state.remote import layout_of
from warpgen.production.unit import Outcome, Unit
from warpgen.recipe import UNIT_SIZE, difference


class Part(msgspec.Struct, frozen=True):
    """One of the roots to be joined."""

    layout: Layout
    story: Story

    @property
    def number(self) -> int:
        """Which part of the dataset it is, from 1."""
        share = self.story.begun.share
        return share.number if share else 0


def parts(folders: Sequence[Path | str]) -> list[Part]:
    """All shards of one dataset, by number. Raises RootError when they are not that."""
    found = [_part(folder) for folder in folders]
    first = found[0].story.begun
    for part in found:
        begun = part.story.begun
        if begun.recipe != first.recipe:
            raise RootError(
                f"{folders[0]} and {part.layout.name} hold shards of different recipes "
                f"({difference(first.recipe, begun.recipe)}): merge those of one recipe"
            )
        if begun.share and first.share and begun.share.of != first.share.of:
            raise RootError(
                f"{folders[0]} holds part {first.share} and {part.layout.name} part {begun.share}: "
                "merge parts of the same number"
            )
    by_number: dict[int, Part] = {}
    for part in found:
        if part.number in by_number:
            raise RootError(
                f"{by_number[part.number].layout.name} and {part.layout.name} both hold part "
                f"{part.story.begun.share}: name one of them"
            )
        by_number[part.number] = part
    of = first.share.of if first.share else 1
    missing = [f"{number}/{of}" for number in range(1, of + 1) if number not in by_number]
    if missing:
        raise RootError(
            f"part {', '.join(missing)} is missing: name its root too, or make it with `python -m "
            f"warpgen.run --partition {missing[0]}` and the recipe of the others"
        )
    return [by_number[number] for number in sorted(by_number)]


def prepare(layout: Layout, joined: Sequence[Part], started: str) -> recovery.Found | None:
    """Bring all shards under the root, beside what an earlier merge left there; None when it is finished.

    Raises RootError when something else is in the root or the disk has no room, and OSError.
    """
    begun = Begun(joined[0].story.begun.recipe, started)
    story = Story(begun, (), (), 0)
    if layout.journal_at.exists():
        story = journal.read(layout.journal_at)
        if story.begun.share or story.begun.recipe != begun.recipe:
            held = f"{what(story.begun)}{roots.of_another(story.begun.recipe, begun.recipe)}"
            raise RootError(f"the root to merge into holds {held}: choose another --root")
    elif roots.unfinished_part(layout, begun.recipe) is None:
        return None
    roots.check_space(layout, begun.recipe)
    if not layout.journal_at.exists():
        recovery.begin(layout, begun.recipe, started)
    recovery.lay_out(layout)
    stored = [
        record for part in joined for record in sorted_once(part.story.stored) if _adopt(part, record, layout)
    ]
    journal.create(layout.journal_at, story.begun, (*story.checkpoints, *story.stored, *stored))
    return recovery.recover(layout, journal.read(layout.journal_at))


class GatheredEngine:
    """Makes nothing: asked for a unit, it says which shard should have held it."""

    def __init__(self, joined: Sequence[Part]) -> None:
        self._parts = joined
        self.retries = 0
        self.replaced = 0
        self.failing = Failing()

    @property
    def workers(self) -> list[WorkerView]:
        """None: all was worked on elsewhere."""
        return []

    def run(self, job: Job, units: Iterator[Unit | None]) -> Generator[Outcome | None, None, None]:
        """Raises RootError for the first unit."""
        unit = next(filter(None, units))
        part = self._parts[unit.start // UNIT_SIZE % len(self._parts)]
        name = f"part {part.story.begun.share}"
        again = f"in {part.layout.name}, then merge again"
        if unit.start < max((record.stop for record in part.story.stored), default=0):
            raise RootError(
                f"programs {unit.start} to {unit.stop - 1} of {name} are missing or damaged: "
                f"call its command {again}"
            )
        # A tenth more than all that is there, as the rows so far did not fill the datasets.
        programs = (unit.start + unit.start // 10) // UNIT_SIZE * UNIT_SIZE + UNIT_SIZE * len(self._parts)
        raise RootError(
            f"the datasets need programs from {unit.start} on, which {name} did not make: call the command "
            f"of every shard with --programs {programs} (only what is missing is made), then merge again"
        )
        yield  # an engine is a generator


def _part(folder: Path | str) -> Part:
    layout = layout_of(folder)
    try:
        story = journal.read(layout.journal_at)
    except FileNotFoundError:
        raise RootError(
            f"{folder} holds no shards: make them with `python -m warpgen.run --partition i/n`"
        ) from None
    except DamageError as error:
        raise DamageError(f"{folder}: {error}") from error
    except OSError as error:
        raise RootError(f"{folder} cannot be read ({error.strerror or error})") from error
    if not story.begun.share:
        raise RootError(f"{folder} holds {what(story.begun)} and no shard: go on with it by warpgen.resume")
    return Part(layout, story)


def _adopt(part: Part, record: Stored, layout: Layout) -> bool:
    """Let a shard of another root be found under this one, by a link or else a copy; False if it is gone."""
    unit = Unit(record.start, record.stop)
    source, link = (shard.path_of(folder, unit) for folder in (part.layout.shards_at, layout.shards_at))
    if not source.exists():
        return False
    if isinstance(source, Path) and isinstance(link, Path):
        link.unlink(missing_ok=True)
        os.symlink(source.resolve(), link)
    else:
        with source.open("rb") as file:
            durable.write(link, file.read(shard.LARGEST))
    return True
