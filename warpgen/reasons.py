"""Why a program gives no row: each word that drops are counted by, and what it says."""

from __future__ import annotations

from enum import Enum

from warpgen.record import TARGETS

# Behind the error of a wrong gradient, before the numbers of docs/warp_faults.md that may explain it.
FAULTS = "; faults of Warp: "
# Behind the error of what the same program shows nothing of where its floats have 64 bits.
ROUNDED = "; it is rounding"


class Reason(str, Enum):
    """A word, as it stands in manifests, and its sentence."""

    sentence: str

    def __new__(cls, word: str, sentence: str = "") -> Reason:
        """A member whose value is the word."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.sentence = sentence
        return member

    def __str__(self) -> str:
        return str(self.value)

    # Repeats, told apart by what was seen before.
    SOURCE = "source", "The same program was written before, but for comments and layout."
    STRUCTURE = "structure", "The same program was written before, under other names and constants."

    # Compilers.
    COMPILE = "compile", "The target's compiler refuses the text."
    SHARED_MEMORY = "shared memory", "A block asks for more shared memory than it may have."
    PYTHON = "python", "Warp does not take the Python of an answer that is judged."

    # What a run shows.
    FORWARD = "forward", "An output is farther from its reference than rounding explains."
    NO_REFERENCE = "no reference", "Nothing to compare with: it cannot be widened, nor read by the oracle."
    NOT_FINITE = "not finite", "An output holds nan or inf."
    BLIND = "blind", "No output depends on one of its inputs."
    CONSTANT = "constant", "It has no inputs that vary, and every output is zero."
    # Faults that are named are those of docs/warp_faults.md.
    GRADIENT = (
        "gradient",
        "The adjoint is not the slope of the outputs (of CUDA text alone: see faults 21 and 27 of Warp).",
    )
    WRONG_GRADIENT = (
        "wrong gradient",
        "Warp gets its gradient wrong, as of a tenth of the rows already (see faults 01 to 13 of Warp).",
    )
    BOUNDS = "bounds", "Something beside an array is read or written."
    INPUT = "input", "An argument is written that its role says is only read."
    RACE = "race", "Threads meet on an element without an atomic, and the order of threads decides a value."

    # What the CUDA text shows when threads of it run, beside what the words above say of it.
    ORDER = "order", "Another order of threads gives something else, and nothing in the program says so."
    WAIT = "wait", "Threads wait for each other for ever, or call what they may not call there."

    # How a run ends that does not come to its end.
    SEGFAULT = "segfault", "The run touches memory that is not its own."
    TRAP = "trap", "The run comes to an instruction that the processor refuses."
    ABORT = "abort", "The run ends itself by abort."
    DIVISION = "division", "An integer is divided by zero."
    TIMEOUT = "timeout", "The run takes more processor time than it may, or sleeps."
    MEMORY = "memory", "The run asks for more memory than it may have."
    SIGNAL = "signal", "Another signal ends the run."
    EXIT = "exit", "The run ends its process."
    ERROR = "error", "The check comes upon an error of its own."
    LOST = "lost", "The run ends without a word."


def sentence(word: str) -> str:
    """What a word says, also after the target whose compiler said so; '' for a word of none of the checks."""
    for target in TARGETS:
        word = word.removeprefix(f"{target} ")
    known = {reason.value: reason.sentence for reason in Reason}
    return known.get(word, "")
