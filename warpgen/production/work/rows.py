"""From a unit to its rows: synthesise, inspect, lower, judge, and write each row as a line of JSON.

Importing this imports Warp; a coordinator that only merges does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from warpgen.errors import VerificationError
from warpgen.explain import first_line
from warpgen.extraction.codegen import Code, lower
from warpgen.extraction.features import Inspection, inspect_source
from warpgen.production.state.shard import Made, Reason, Refusal, Table, encode
from warpgen.production.unit import Unit
from warpgen.program import Program
from warpgen.recipe import Recipe
from warpgen.record import UNVERIFIED, Provenance, Row, Target, Verified
from warpgen.record import encode as encode_row
from warpgen.split import split_of
from warpgen.synthesis.generator import Options, synthesize
from warpgen.verification import check_unit, rounding

LICENCE = "Apache-2.0"

Source = Callable[[int, int, Options], Program]  # of seed, index and options


class _Candidate(msgspec.Struct):
    """A program on its way to its rows; `codes` loses the targets that refuse it."""

    program: Program
    inspection: Inspection
    codes: dict[Target, Code]
    verified: dict[Target, Verified]


def build(unit: Unit, recipe: Recipe, workdir: Path, source: Source | None = None) -> bytes:
    """The shard of `unit`: a pure function of unit and recipe. One program's failure costs itself alone.

    `workdir` is this process's own, for the checks' files; `source` writes the programs in place of
    synthesis. Raises UnitError when a check was disturbed from outside, OSError and MemoryError when the
    machine is at fault.
    """
    batch = _Batch(recipe, source or synthesize)
    for index in range(unit.start, unit.stop):
        batch.add(index)
    batch.judge(workdir)
    return batch.shard(unit)


class _Batch:
    """The programs of one unit."""

    def __init__(self, recipe: Recipe, source: Source) -> None:
        self._recipe = recipe
        self._source = source
        self._options = Options(categories=recipe.categories, complexity=recipe.complexity)
        self._hashes: dict[int, tuple[bytes, bytes]] = {}
        self._candidates: dict[int, _Candidate] = {}
        self._refused: list[Refusal] = []
        self._structures: set[bytes] = set()

    def add(self, index: int) -> None:
        """Take the program of this index as far as its code."""
        self._hashes[index] = (b"", b"")
        try:
            program = self._source(self._recipe.seed, index, self._options)
            types = [argument.type for argument in program.args]
            inspection = inspect_source(program.source, program.name, types)
        except Exception as error:
            _raise_if_machine(error)
            self._refuse(index, self._recipe.targets, "synthesis", error)
            return
        structure = bytes.fromhex(inspection.structure_hash)
        self._hashes[index] = (bytes.fromhex(inspection.source_hash), structure)
        if structure in self._structures:  # the merge will drop it, whatever came before the unit
            return
        self._structures.add(structure)
        self._candidates[index] = _Candidate(program, inspection, self._lower(program), {})

    def judge(self, workdir: Path) -> None:
        """Verify what has code as the recipe's level asks; what does not pass loses its code."""
        recipe, candidates = self._recipe, list(self._candidates.values())
        if recipe.verify == "none" or not candidates:
            return
        judgements = check_unit(
            [candidate.program for candidate in candidates],
            [candidate.codes or None for candidate in candidates],
            recipe.verify,
            recipe.gradients,
            recipe.targets,
            workdir,
        )
        for candidate, by_target in zip(candidates, judgements, strict=True):
            for target in list(candidate.codes):
                judgement = by_target[target]
                if judgement.verified is not None:
                    candidate.verified[target] = judgement.verified
                    continue
                del candidate.codes[target]
                told = rounding.told(candidate.program, judgement, workdir)
                error = VerificationError(f"{judgement.reason}: {told}")
                self._refuse(candidate.program.index, (target,), "verification", error)

    def shard(self, unit: Unit) -> bytes:
        """All that was added, encoded."""
        targets = self._recipe.targets
        rows: list[list[bytes]] = [[] for _ in targets]
        made = []
        for index, (source, structure) in self._hashes.items():
            lines = self._lines(index)
            for place, line in enumerate(lines):
                rows[place].append(line)
            sizes = tuple(len(line) for line in lines)
            made.append(Made(index, source, structure, sizes, self._is_wrong(index)))
        self._refused.sort(key=lambda refusal: (refusal.index, refusal.target))
        table = Table(self._recipe.hash, unit.start, unit.stop, tuple(made), tuple(self._refused), ())
        return encode(table, [b"".join(part) for part in rows])

    def _lower(self, program: Program) -> dict[Target, Code]:
        targets = self._recipe.targets
        try:
            return lower(program, targets)
        except Exception as error:
            _raise_if_machine(error)
            if len(targets) == 1:
                self._refuse(program.index, targets, "extraction", error)
                return {}
        # One target's refusal must not cost the other its row, or `both` would differ from each alone.
        codes: dict[Target, Code] = {}
        for target in targets:
            try:
                codes |= lower(program, (target,))
            except Exception as error:
                _raise_if_machine(error)
                self._refuse(program.index, (target,), "extraction", error)
        return codes

    def _lines(self, index: int) -> list[bytes]:
        candidate = self._candidates.get(index)
        if candidate is None:
            return [b""] * len(self._recipe.targets)
        return [
            _line(candidate, target, self._recipe) if target in candidate.codes else b""
            for target in self._recipe.targets
        ]

    def _is_wrong(self, index: int) -> bool:
        """Whether the program's rows say so of its gradient: it is the same run for all of them."""
        candidate = self._candidates.get(index)
        return candidate is not None and any(
            verified.gradient.verdict == "wrong" for verified in candidate.verified.values()
        )

    def _refuse(self, index: int, targets: Sequence[Target], reason: Reason, error: BaseException) -> None:
        line = first_line(error)
        self._refused += [
            Refusal(index, self._recipe.targets.index(target), reason, line) for target in targets
        ]


def _raise_if_machine(error: Exception) -> None:
    """Let through what is no program's fault: another try, or a person, can help there."""
    if isinstance(error, (MemoryError, OSError)):
        raise error


def _line(candidate: _Candidate, target: Target, recipe: Recipe) -> bytes:
    program, inspection = candidate.program, candidate.inspection
    code = candidate.codes[target]
    kernel_id = recipe.kernel_id(program.index)
    row = Row(
        id=f"{kernel_id}-{target}",
        kernel_id=kernel_id,
        target=target,
        category=program.category,
        name=program.name,
        python_source=program.source,
        code=code.text,
        forward=code.forward,
        backward=code.backward,
        args=program.args,
        launch=program.launch,
        features=inspection.features,
        source_hash=inspection.source_hash,
        structure_hash=inspection.structure_hash,
        split=split_of(inspection.structure_hash),
        summary=program.summary,
        verified=candidate.verified.get(target, UNVERIFIED),
        provenance=Provenance(
            origin="synthesis",
            seed=program.seed,
            index=program.index,
            warpgen=recipe.warpgen,
            warp=recipe.warp,
            licence=LICENCE,
        ),
    )
    return encode_row(row)
