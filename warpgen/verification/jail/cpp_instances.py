"""Whether the two instances of a kernel's template can differ: one sets the strides of arrays without gaps.

Where that is all that it does, and in the words of the row's own text, one instance is compiled: a fifth less
work. For that instance arguments are copied, so nothing may tell a copy: neither an assignment of one's own,
nor a reference to an argument.
"""

from __future__ import annotations

import re

from warpgen.verification.compiling.translation_unit import without_fast_path
from warpgen.verification.native.generated import kernel_name

# The arguments; the head of a kernel, with the lines that tell its instances apart; what chooses between
# them; each line that takes an argument.
_FRAME = re.compile(
    r"""^(?:struct\ wp_args_\w+\s*\{[^{}]*\};
      | template\ <bool\ wp_linear_contiguous>\n
        (?:static\ void\ \w+_cpu_kernel_(?:forward|backward)\([^{}]*\)\n
           \{\n\s*static\ constexpr\ bool\ wp_linear_tid\ =\ wp_linear_contiguous;\n
           (?:[^{}]*if\ constexpr\ \(wp_linear_contiguous\)\n\s*\{[^{}]*\}\n)?
         | static\ (?:WP_FORCEINLINE|inline)\ void\ \w+_cpu_(?:forward|backward)_tasks\(.*?^extern\ "C")
      | [^\n;{}]*=\ _wp_(?:adj_)?args->\w+;$)""",
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
# What else Warp writes of the arguments, and directives.
_ENTRIES = re.compile(
    r"""\bwp_args_\w+\ \*_wp_(?:adj_)?args\b | _dispatch\(dim,\ _wp_args(?:,\ _wp_adj_args)?\)
      | ^[ ]*\#.*$""",
    re.VERBOSE | re.MULTILINE,
)
_TELLING = re.compile(
    r"\b(?:wp_linear_contiguous|wp_linear_tid|wp_contiguous\w*|_wp_args|_wp_adj_args|operator\s*=(?!=))"
)


def alike(text: str, own: str) -> bool:
    """Whether nothing but the frame of a text tells instances apart, as in `own`.

    The text is as `cpp_screen` writes it.
    """
    mine, theirs = _frame(own), _frame(text)
    if not any("wp_linear_contiguous" in piece for piece in mine) or mine != theirs:
        return False
    return _TELLING.search(_ENTRIES.sub("", _FRAME.sub("", text))) is None


def _frame(text: str) -> list[str]:
    """Its pieces, whatever the kernel is called, with one instance in place of two."""
    name = kernel_name(text)
    pieces = (without_fast_path(piece[0]).replace(name, "kernel") for piece in _FRAME.finditer(text))
    return ["".join(piece.replace("WP_FORCEINLINE", "inline").split()) for piece in pieces]
