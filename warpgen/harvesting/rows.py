"""From harvested kernels to rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import msgspec

from warpgen import __version__
from warpgen.errors import ProgramError
from warpgen.explain import first_line
from warpgen.extraction.codegen import Code
from warpgen.extraction.features import Inspection, inspect_source
from warpgen.extraction.versions import warp_version
from warpgen.harvesting.collecting import UNKNOWN, Kernel, collect
from warpgen.harvesting.finding import Package
from warpgen.harvesting.holding import Held, Holder, unheld
from warpgen.harvesting.machine import MachinePaths
from warpgen.program import Program
from warpgen.record import TARGETS, UNVERIFIED, Provenance, Row, Target, Verified, encode
from warpgen.reporting.harvested import Failure, Level, Reason, Yield
from warpgen.split import split_of
from warpgen.verification import Judgement, check_unit

Place = tuple[str, int, str]  # file, line and name of a kernel

CATEGORY = "harvest"
# Kernels per translation unit: what suits the compilers.
_BLOCK = 64


class Harvester:
    """Writes the rows of packages, one after the other, into one file per target."""

    def __init__(self, out: dict[Target, BinaryIO], verify: Level, scratch: Path) -> None:
        self._out, self._verify, self._scratch = out, verify, scratch
        self._seen: set[str] = set()
        self._index = 0
        self._paths = MachinePaths()
        self._not_imported: set[str] = set()
        self._licences: dict[str, str] = {}  # of files that have their own
        self._holder: Holder | None = None

    def add(self, package: Package) -> Yield:
        """Harvest one package."""
        made = Yield(
            name=package.name, version=package.version, licence=package.licence, files=len(package.sources)
        )
        self._not_imported = set()
        self._licences = {source.file: source.licence for source in package.sources if source.licence}
        folder = self._scratch / "import"
        folder.mkdir(exist_ok=True)
        self._paths = MachinePaths(*{source.folder for source in package.sources})
        alive: set[Place] = set()
        emitted: set[Place] = set()
        attempted: dict[Place, list[Failure]] = {}
        harvests = self._kernels(package, made, folder, alive)
        while block := list(islice(harvests, _BLOCK)):
            for kernel, judged in zip(block, self._judge(block), strict=True):
                place = (kernel.file, kernel.line, kernel.name)
                if kernel.attempt and place in emitted:
                    continue
                before = len(made.failures)
                if self._write(package, made, kernel, judged):
                    emitted.add(place)
                if kernel.attempt:
                    attempted.setdefault(place, []).extend(made.failures[before:])
                    del made.failures[before:]
        made.failures += [failed[0] for place, failed in attempted.items() if place not in emitted]
        self._miss(package, made, alive)
        made.failures = _once(made.failures)
        made.imported, made.emitted = len(alive), len(emitted)
        made.failed = dict(sorted(Counter(failure.reason for failure in made.failures).items()))
        return made

    def _kernels(self, package: Package, made: Yield, folder: Path, alive: set[Place]) -> Iterator[Kernel]:
        """Kernels with code; all others are noted as failures. Those that exist go into `alive`."""
        for source, harvest in collect(package.sources, folder):
            if harvest.failed:
                self._fail(made, (source.file, 0, ""), "import", harvest.failed)
                self._not_imported.add(source.file)
            for kernel in harvest.kernels:
                place = (kernel.file, kernel.line, kernel.name)
                alive.add(place)
                if kernel.failed:
                    self._fail(made, place, "extraction", kernel.failed)
                else:
                    yield kernel

    def _miss(self, package: Package, made: Yield, alive: set[Place]) -> None:
        """Note kernels that no import has made, and count all that are known of."""
        told = {(source.file, line, name) for source in package.sources for name, line in source.kernels}
        there = {place[:2] for place in alive}  # what has got another name is the same kernel
        missed = [place for place in sorted(told) if place[:2] not in there]
        made.found = len(alive) + len(missed)
        for place in missed:
            if place[0] not in self._not_imported:
                why = "importing does not make it: a function, another branch or running the file does"
                self._fail(made, place, "not made", why)

    def _judge(self, block: Sequence[Kernel]) -> list[tuple[dict[Target, Judgement], Held]]:
        if self._verify == "none":
            unverified = {target: Judgement(UNVERIFIED) for target in TARGETS}
            return [(unverified, unheld("nothing was run")) for _ in block]
        codes = [kernel.codes for kernel in block]
        checks = self._scratch / "checks"
        judged = check_unit(list(map(_program, block)), codes, "compile", "keep", TARGETS, checks)
        if self._holder is None:
            self._holder = Holder(self._scratch / "runs")
        return list(zip(judged, self._holder.hold(block), strict=True))

    def _write(
        self, package: Package, made: Yield, kernel: Kernel, judged: tuple[dict[Target, Judgement], Held]
    ) -> bool:
        """Write a kernel's rows; False where there is none."""
        inspection = inspect_source(kernel.source, kernel.name, [a.type for a in kernel.args])
        judgements, held = judged
        place = (kernel.file, kernel.line, kernel.name)
        if held.different:
            self._fail(made, place, "verification", held.different)
            return False
        if inspection.source_hash in self._seen:
            self._fail(made, place, "duplicate", "the same program came before")
            return True
        self._seen.add(inspection.source_hash)
        wrote = False
        errors: list[str] = []
        for target, code in kernel.codes.items():
            judgement = judgements[target]
            if judgement.verified is None:
                errors.append(f"{judgement.reason}: {judgement.error}")
                continue
            verified = msgspec.structs.replace(judgement.verified, forward=held.forward)
            row = self._row(package, kernel, inspection, target, code, verified)
            if held.args:
                row = msgspec.structs.replace(row, args=held.args, launch=held.launch)
            self._out[target].write(encode(row))
            made.rows[target] = made.rows.get(target, 0) + 1
            wrote = True
        if errors:
            self._fail(made, place, "verification", errors[0])
        self._index += wrote
        return wrote

    def _row(
        self,
        package: Package,
        kernel: Kernel,
        inspection: Inspection,
        target: Target,
        code: Code,
        verified: Verified,
    ) -> Row:
        kernel_id, about = f"h{inspection.source_hash[:16]}", f"{package.name} {package.version}".strip()
        licence = self._licences.get(kernel.file, package.licence)
        where = licence, about, kernel.file, kernel.line
        return Row(
            id=f"{kernel_id}-{target}",
            kernel_id=kernel_id,
            target=target,
            category=CATEGORY,
            name=kernel.name,
            python_source=kernel.source,
            code=code.text,
            forward=code.forward,
            backward=code.backward,
            args=kernel.args,
            launch=UNKNOWN,
            features=inspection.features,
            source_hash=inspection.source_hash,
            structure_hash=inspection.structure_hash,
            split=split_of(inspection.structure_hash),
            summary="",  # only its author knows
            verified=verified,
            provenance=Provenance("harvest", 0, self._index, __version__, warp_version(), *where),
        )

    def _fail(self, made: Yield, place: Place, reason: Reason, error: str) -> None:
        said = first_line(ProgramError(self._paths.removed(error)))
        made.failures.append(Failure(*place, reason, said))


def _once(failures: Sequence[Failure]) -> list[Failure]:
    """The first of each kernel and reason: a factory that files call several times has one."""
    first: dict[tuple[Place, Reason], Failure] = {}
    for failure in failures:
        first.setdefault(((failure.file, failure.line, failure.name), failure.reason), failure)
    return list(first.values())


def _program(kernel: Kernel) -> Program:
    return Program(0, 0, CATEGORY, kernel.name, kernel.source, kernel.args, UNKNOWN)
