"""Which faults of a kernel do harm: each is judged by its row, on draws that the kernel's name seeds.

Of a fault that hangs, or of which the judge can say nothing, nothing is kept: a busy machine must not decide
what is in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import xxhash

from warpgen.planting.differentiate import gradients
from warpgen.planting.edits import Edit, apart, between, edited
from warpgen.planting.generated_faults import FAULTS
from warpgen.planting.planted import Gradient, Mend, Planted, Repair, Turn
from warpgen.planting.python_faults import Fault, faults
from warpgen.record import Row
from warpgen.verdict import Language, Verdict

# (id of a row, text, language, seed) -> what the judge says
Check = Callable[[str, str, Language, int], Verdict]

# Where a wrong text may end for the judge's words to be worth learning from, whatever the machine does.
_TELLING = ("compile", "crash", "outputs", "race", "gradients")
# Faults that are tried before a kernel goes without.
_TRIES = 4


def plant(cpu: Row | None, any_row: Row) -> Callable[[Check], Planted]:
    """All that can be planted in a kernel, once there is a judge; `cpu` is its row for the CPU."""
    return lambda check: _Planting(cpu, any_row, check).all()


def repair_of(row: Row, check: Check) -> Repair | None:
    """The repair of one turn that can be planted in a row whose kernel is known to be right."""
    return next(_Planting(row, row, check).repairs(), None)


class _Planting:
    """One kernel."""

    def __init__(self, cpu: Row | None, row: Row, check: Check) -> None:
        self._cpu, self._row, self._check = cpu, row, check
        self._source, self._name = row.python_source, row.kernel_id
        # The judge's draws: the same for all faults of a kernel, and whenever the file is made.
        self._seed = xxhash.xxh3_64_intdigest(f"planted in {self._name}".encode()) >> 2
        self._tried = self._told = 0

    def all(self) -> Planted:
        if not self._row.launch.dim or not self._stands():
            return Planted(self._row.provenance.index, self._name, self._row.source_hash)
        repairs = tuple(self.repairs())
        mends, slopes = tuple(self._mends()), tuple(self._gradients())
        return Planted(
            index=self._row.provenance.index,
            kernel_id=self._name,
            source_hash=self._row.source_hash,
            tried=self._tried,
            told=self._told,
            repairs=repairs,
            mends=mends,
            gradients=slopes,
        )

    def _stands(self) -> bool:
        """Whether the row's own kernel is right: else the judge's word on others is worth nothing."""
        return self._judged(self._source).right

    def _judged(self, text: str, language: Language = "python") -> Verdict:
        row = self._cpu or self._row
        return self._check(row.id, text, language, self._seed)

    def _wrong(self, text: str, edits: tuple[Edit, ...], language: Language = "python") -> Turn | None:
        """The turn of a text if the judge finds it wrong and says in what."""
        verdict = self._judged(text, language)
        self._tried += 1
        self._told += not verdict.right
        return Turn(edits, verdict.stage, verdict.why) if verdict.stage in _TELLING else None

    def repairs(self) -> Iterator[Repair]:
        """One fault; and, in front of it, a turn with a second one beside it."""
        drawn = list(faults(self._source, self._name))[: 2 * _TRIES]
        found = self._first(drawn[:_TRIES])
        if found is None:
            return
        fault, turn = found
        yield Repair((fault.kind,), (turn,))
        for other in drawn:
            edits = (other.edit, fault.edit)
            if other.kind != fault.kind and apart(*edits):
                both = self._wrong(edited(self._source, edits), edits)
                if both is not None and both.why != turn.why:
                    yield Repair((other.kind, fault.kind), (both, turn))
                    return

    def _first(self, drawn: list[Fault]) -> tuple[Fault, Turn] | None:
        for fault in drawn:
            turn = self._wrong(edited(self._source, (fault.edit,)), (fault.edit,))
            if turn is not None:
                return fault, turn
        return None

    def _mends(self) -> Iterator[Mend]:
        """A fault in the adjoint of the C++, where that is known to be right."""
        row = self._cpu
        if row is None or row.verified.gradient.verdict != "pass":
            return
        start, stop = row.backward
        right = row.code[start:stop]
        kinds = [fault for fault in FAULTS if fault.adjoint]
        kinds.sort(key=lambda fault: xxhash.xxh3_64_intdigest(f"{self._name} {fault.kind}".encode()))
        places = ((kind, kind.change(right, self._seed)) for kind in kinds)
        made = [(fault.kind, text) for fault, text in places if text is not None and text != right]
        for kind, text in made[:_TRIES]:
            turn = self._wrong(row.code[:start] + text + row.code[stop:], (between(right, text),), "cpp")
            if turn is not None and turn.stage == "gradients":
                yield Mend(kind, turn)
                return

    def _gradients(self) -> Iterator[Gradient]:
        """The gradient of a helper function: one that the judge finds right, and one with a fault."""
        if self._row.verified.gradient.verdict != "pass":
            return
        for name, place, text in gradients(self._source):
            spliced = with_gradient(self._source, place, text)
            verdict = self._judged(spliced)
            if not verdict.right or verdict.gradients is None:
                continue
            for fault in list(faults(text, self._name))[:_TRIES]:
                edits = (fault.edit,)
                turn = self._wrong(with_gradient(self._source, place, edited(text, edits)), edits)
                if turn is not None and turn.stage == "gradients":
                    yield Gradient(name, place, text, fault.kind, turn)
                    return  # the others differ in nothing that can be learnt


def with_gradient(source: str, place: int, text: str) -> str:
    """A module with the gradient of a function behind that function."""
    return f"{source[:place]}\n\n{text}{source[place:]}"
