"""Taking the comments out of generated code: Warp echoes every Python statement in one."""

from __future__ import annotations

import re
from bisect import bisect_right

import msgspec

from warpgen.exporting.kernels import Kernel
from warpgen.record import Row

# What shields a comment's mark, or is a comment. Every alternative begins with a character of its own, so
# that the search skips all others at once; what stands before is looked at afterwards.
_TOKEN = re.compile(
    r"""
      (?P<comment> // (?: \\\n | [^\n] )* | /\* .*? \*/ )
    | " (?<=R") (?P<mark> [^()\\\s"]{0,16} ) \( .*? \) (?P=mark) "
    | " (?: \\. | [^"\\\n] )* "
    | ' (?<=[0-9a-fA-F]') (?<!u8') (?<!case') (?= [0-9a-fA-F] )   # parts the digits of a number
    | ' (?: \\. | [^'\\\n] )+ '
    | \# [ \t]* include [ \t]* < [^>\n]* >
    """,
    re.VERBOSE | re.DOTALL,
)


class Stripped(msgspec.Struct, frozen=True):
    """`text` without comments, and where its places come from."""

    text: str
    ends: tuple[int, ...]  # of what was cut from the original, ascending
    removed: tuple[int, ...]  # characters less in the text up to that end

    def span(self, original: tuple[int, int]) -> tuple[int, int]:
        """Where a span of the original, which begins and ends outside of comments, is now."""
        start, end = original
        return self._place(start), self._place(end)

    def _place(self, original: int) -> int:
        before = bisect_right(self.ends, original)
        return original - (self.removed[before - 1] if before else 0)


def strip(code: str) -> Stripped:
    """C++ or CUDA C++ without its comments: it compiles to the same.

    Lines that held nothing else are gone. Strings, characters and preprocessor lines stay.
    """
    parts, ends, removed = [], [], []
    done = less = 0
    for found in _TOKEN.finditer(code):
        if found["comment"] is None:
            continue
        start, end, instead = _cut(code, *found.span())
        start = max(start, done)
        parts += [code[done:start], instead]
        less += end - start - len(instead)
        done = end
        ends.append(end)
        removed.append(less)
    parts.append(code[done:])
    return Stripped("".join(parts), tuple(ends), tuple(removed))


def _cut(code: str, start: int, end: int) -> tuple[int, int, str]:
    """What to remove for a comment, with the space or line around it, and what to put there."""
    line = code.rfind("\n", 0, start) + 1
    ends_line = end == len(code) or code[end] == "\n"
    if not ends_line:
        return start, end, " "  # a comment parts two words
    before = code[line:start].rstrip(" \t")
    if before:
        return line + len(before), end, ""
    if code[max(line - 2, 0) : line] == "\\\n":
        return line, end, ""  # the line above goes on here: it must end here too
    return line, min(end + 1, len(code)), ""


def without_comments(kernel: Kernel) -> Kernel:
    """The kernel with Warp's comments taken out of its code, and the spans where the functions now stand."""

    def stripped(row: Row | None) -> Row | None:
        if row is None:
            return None
        made = strip(row.code)
        return msgspec.structs.replace(
            row, code=made.text, forward=made.span(row.forward), backward=made.span(row.backward)
        )

    return msgspec.structs.replace(kernel, cpu=stripped(kernel.cpu), cuda=stripped(kernel.cuda))
