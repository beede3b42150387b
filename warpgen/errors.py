"""Everything that can go wrong, on one page.

WarpgenError
├── UsageError             what the caller asked for cannot be done; the command exits with 2
│   ├── RecipeError        an option of the recipe is wrong or unknown
│   ├── RootError          the root folder is missing, not writable, full, locked or of another recipe
│   ├── CompilerError      a compiler of this machine cannot be used at all
│   └── DamageError        a file on disk is damaged and cannot be made again
└── ProgramError           one program failed; it costs itself alone
    ├── SynthesisError     what writes a program is at fault
    ├── ExtractionError    Warp's code generator refused the program
    └── VerificationError  a check could not be carried out

UnitError                  a unit failed as a whole (worker died, timed out, disk full): "try again"

A message says what is wrong and what to do next; it never carries a path of the machine into a row.
"""

from __future__ import annotations


class WarpgenError(Exception):
    """Root of all errors that warpgen raises on purpose."""


class UsageError(WarpgenError):
    """The caller's request cannot be done; the text is shown as it is and the command exits with 2."""


class RecipeError(UsageError):
    """An option of the recipe is unknown, out of range or contradicts another."""


class RootError(UsageError):
    """The root folder cannot be used for this request."""


class CompilerError(UsageError):
    """A compiler refuses what every program needs: no program can be checked on this machine."""


class DamageError(UsageError):
    """A file on disk is damaged in a way that cannot be mended by making it again."""


class ProgramError(WarpgenError):
    """One program failed; the unit goes on without it."""


class SynthesisError(ProgramError):
    """No program could be made for this index: what writes it is at fault."""


class ExtractionError(ProgramError):
    """Warp's code generator refused the program."""


class VerificationError(ProgramError):
    """A check could not be carried out on this program."""


class UnitError(WarpgenError):
    """A unit failed as a whole; it is worth another try."""
