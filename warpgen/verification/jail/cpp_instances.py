"""Whether the two instances of a kernel's template can differ: one sets the strides of arrays without gaps.

Where that is all that it does, and in the words of the row's own text, one instance is compiled: a fifth less
work.
"""

from __future__ import annotations

import re

from warpgen.verification.compiling.translation_unit import without_fast_path
from warpgen.verification.native.generated import kernel_name

# The head of a kernel, with the lines that tell its instances apart; what chooses between them.
_FRAME = re.compile(
    r"""template\ <bool\ wp_linear_contiguous>\n
        (?:static\ void\ \w+_cpu_kernel_(?:forward|backward)\([^{}]*\)\n
           \{\n\s*static\ constexpr\ bool\ wp_linear_tid\ =\ wp_linear_contiguous;\n
           (?:[^{}]*if\ constexpr\ \(wp_linear_contiguous\)\n\s*\{[^{}]*\}\n)?
         | static\ (?:WP_FORCEINLINE|inline)\ void\ \w+_cpu_(?:forward|backward)_tasks\(.*?^extern\ "C")""",
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
# What else Warp writes of the arguments: one instance has them in a place of its own, by which it could tell.
_TAKEN = re.compile(
    r"""=\ _wp_(?:adj_)?args->\w+; | \bwp_args_\w+\ \*_wp_(?:adj_)?args\b
      | _dispatch\(dim,\ _wp_args(?:,\ _wp_adj_args)?\) | ^[ ]*\#.*$""",
    re.VERBOSE | re.MULTILINE,
)
_NAMES = re.compile(r"\b(?:wp_linear_contiguous|wp_linear_tid|wp_contiguous\w*|_wp_args|_wp_adj_args)\b")


def alike(text: str, own: str) -> bool:
    """Whether nothing but the frame of a text tells instances apart, as in `own`.

    The text is as `cpp_screen` writes it.
    """
    mine, theirs = _frame(own), _frame(text)
    return bool(mine) and mine == theirs and _NAMES.search(_TAKEN.sub("", _FRAME.sub("", text))) is None


def _frame(text: str) -> list[str]:
    """Its pieces, whatever the kernel is called, with one instance in place of two."""
    name = kernel_name(text)
    pieces = (without_fast_path(piece[0]).replace(name, "kernel") for piece in _FRAME.finditer(text))
    return ["".join(piece.replace("WP_FORCEINLINE", "inline").split()) for piece in pieces]
