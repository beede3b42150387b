"""Warp's code generator, remembering what it would otherwise work out again for every kernel.

Each function here that carries `@replaces` stands in for the function of Warp that it names, and is
installed only if the source of that function is the one it was written for. None changes a byte of the
generated text: `tools/compare_codegen.py` holds both against each other.

    sources    the functions of Warp that it knows: the table to renew for another Warp
    patches    install, uninstall and the register of stand-ins
    lasting    types that outlive a program, their C++ names
    calls      calls of builtins: overload, return type and spelling by argument types
    analysis   walks over the syntax tree and look-ups of names
    text       the bodies of functions
"""

from __future__ import annotations

from warpgen.extraction.fast_path import analysis, calls, lasting, text
from warpgen.extraction.fast_path.patches import install, uninstall

__all__ = ["analysis", "calls", "install", "lasting", "text", "uninstall"]
