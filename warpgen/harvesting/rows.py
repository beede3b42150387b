"""From harvested kernels to rows."""

from __future__ import annotations

import os
import sys
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
from warpgen.harvesting.finding import Package, Source
from warpgen.program import Program
from warpgen.record import NO_LAUNCH, TARGETS, UNVERIFIED, Provenance, Row, Target, Verified, encode
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

    def add(self, package: Package) -> Yield:
        """Harvest one package."""
        made = Yield(
            name=package.name, version=package.version, licence=package.licence, files=len(package.sources)
        )
        made.found = sum(len(source.kernels) for source in package.sources)
        folder = self._scratch / "import"
        folder.mkdir(exist_ok=True)
        emitted: set[Place] = set()
        attempted: dict[Place, list[Failure]] = {}
        harvests = self._kernels(package, made, folder)
        while block := list(islice(harvests, _BLOCK)):
            for (source, kernel), judgements in zip(block, self._judge(block), strict=True):
                place = (source.file, kernel.line, kernel.name)
                if kernel.attempt and place in emitted:
                    continue
                before = len(made.failures)
                if self._write(package, made, source, kernel, judgements):
                    emitted.add(place)
                if kernel.attempt:
                    attempted.setdefault(place, []).extend(made.failures[before:])
                    del made.failures[before:]
        made.failures += [failed[0] for place, failed in attempted.items() if place not in emitted]
        made.emitted = len(emitted)
        made.failed = dict(sorted(Counter(failure.reason for failure in made.failures).items()))
        return made

    def _kernels(self, package: Package, made: Yield, folder: Path) -> Iterator[tuple[Source, Kernel]]:
        """Kernels with code; all others are noted as failures."""
        for source, harvest in collect(package.sources, folder):
            if harvest.failed:
                self._fail(made, source, 0, "", "import", harvest.failed)
                continue
            made.imported += len({(kernel.line, kernel.name) for kernel in harvest.kernels})
            alive = {kernel.name for kernel in harvest.kernels}
            for name, line in source.kernels:
                if name not in alive:
                    why = "importing the file does not make it: a function does, when called"
                    self._fail(made, source, line, name, "not made", why)
            for kernel in harvest.kernels:
                if kernel.failed:
                    self._fail(made, source, kernel.line, kernel.name, "extraction", kernel.failed)
                else:
                    yield source, kernel

    def _judge(self, block: Sequence[tuple[Source, Kernel]]) -> list[dict[Target, Judgement]]:
        if self._verify == "none":
            return [{target: Judgement(UNVERIFIED) for target in TARGETS} for _ in block]
        programs = [_program(kernel) for _, kernel in block]
        codes = [kernel.codes for _, kernel in block]
        return check_unit(programs, codes, "compile", "keep", TARGETS, self._scratch / "checks")

    def _write(
        self,
        package: Package,
        made: Yield,
        source: Source,
        kernel: Kernel,
        judgements: dict[Target, Judgement],
    ) -> bool:
        """Write a kernel's rows; False where there is none."""
        inspection = inspect_source(kernel.source, kernel.name, [a.type for a in kernel.args])
        if inspection.source_hash in self._seen:
            self._fail(made, source, kernel.line, kernel.name, "duplicate", "the same program came before")
            return True
        self._seen.add(inspection.source_hash)
        wrote = False
        for target, code in kernel.codes.items():
            judgement = judgements[target]
            if judgement.verified is None:
                error = f"{judgement.reason}: {judgement.error}"
                self._fail(made, source, kernel.line, kernel.name, "verification", error)
                continue
            line = encode(self._row(package, source, kernel, inspection, target, code, judgement.verified))
            if any(msgspec.json.encode(path)[1:-1] in line for path in _machine(source)):
                why = "a path of this machine is in its row"
                self._fail(made, source, kernel.line, kernel.name, "extraction", why)
                continue
            self._out[target].write(line)
            made.rows[target] = made.rows.get(target, 0) + 1
            wrote = True
        self._index += wrote
        return wrote

    def _row(
        self,
        package: Package,
        source: Source,
        kernel: Kernel,
        inspection: Inspection,
        target: Target,
        code: Code,
        verified: Verified,
    ) -> Row:
        kernel_id, about = f"h{inspection.source_hash[:16]}", f"{package.name} {package.version}".strip()
        where = package.licence, about, source.file, kernel.line
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
            verified=msgspec.structs.replace(verified, forward=NO_LAUNCH),
            provenance=Provenance("harvest", 0, self._index, __version__, warp_version(), *where),
        )

    def _fail(self, made: Yield, source: Source, line: int, name: str, reason: Reason, error: str) -> None:
        for path in _machine(source):
            error = error.replace(path, "")
        made.failures.append(Failure(source.file, line, name, reason, first_line(ProgramError(error))))


def _machine(source: Source) -> list[str]:
    """Folders of this machine, the longest first."""
    return sorted({source.folder, sys.prefix, os.path.expanduser("~"), os.getcwd()} - {"/", ""}, key=len)[
        ::-1
    ]


def _program(kernel: Kernel) -> Program:
    return Program(0, 0, CATEGORY, kernel.name, kernel.source, kernel.args, UNKNOWN)
