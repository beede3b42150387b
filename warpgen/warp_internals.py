"""The one door to what Warp does not document: no other module names `warp._src`.

What is behind it changes between minor versions. A new Warp is looked through here, by who uses what:

    codegen    extraction (text of kernels), synthesis (`func_match_args`: which overload a call takes)
    context    extraction (modules, kernels, builders), verification (launch bounds, libraries, textures)
    types      extraction (concrete types), verification (layout of arrays in memory)
    build      verification (Warp's clang)

`REGISTRY` holds Warp's builtins by name. `extraction/versions.py` pins the version, and the table in
`extraction/fast_path/sources.py` says which of its functions the fast path was written for.
"""

from __future__ import annotations

import warp._src.build as build
import warp._src.codegen as codegen
import warp._src.context as context
import warp._src.types as types

__all__ = ["REGISTRY", "build", "codegen", "context", "types"]

REGISTRY = context.builtin_functions
