"""Kinds of fault to plant in the CUDA texts that Warp generates: what threads in blocks can get wrong."""

from __future__ import annotations

import re
from collections.abc import Callable

# (text of one kernel function, which of the places to change) -> changed text, or None without a place
Change = Callable[[str, int], str | None]

# A step of all threads of a block: a function of tiles that is called.
_STEP = r"^( +)((?:var_\d+ = )?wp::(?:adj_)?tile_(?!\w*_t<)\w+(?:<[^;]*>)?\([^;]*;)"
_IN_BLOCK = r"static_cast<size_t>(blockDim.x) * static_cast<size_t>(blockIdx.x) +"
_BOUND = "_idx < dim.size;"
# `machine.cpp` as mutation_cuda.py makes it has these: the n-th barrier from here is passed by, the masks of
# functions of a warp lose what is not in this one.
HOOKS = 'extern "C" void wg_lose(int);\nextern "C" void wg_narrow(unsigned);\n'


def _swap(pattern: str, replacement: str) -> Change:
    compiled = re.compile(pattern, re.MULTILINE)

    def change(text: str, which: int) -> str | None:
        places = list(compiled.finditer(text))
        if not places:
            return None
        place = places[which % len(places)]
        return text[: place.start()] + place.expand(replacement) + text[place.end() :]

    return change


def _word(old: str, new: str) -> Change:
    return lambda text, _: text.replace(old, new, 1) if old in text else None


def _hooked(pattern: str, replacement: str) -> Change:
    swap = _swap(pattern, replacement)

    def change(text: str, which: int) -> str | None:
        changed = swap(text, which)
        return changed and HOOKS + changed

    return change


def _lost(text: str, which: int) -> str | None:
    """The first barrier of a step, or its second, is not waited at."""
    return _hooked(_STEP, rf"\1wg_lose({1 + which % 2});\n\1\2\n\1wg_lose(0);")(text, which // 2)


def _plain(text: str, which: int) -> str | None:
    """An element is read, changed and stored, where an atomic function did all at once."""
    call = r"wp::atomic_(add|sub|min|max)\((var_\w+), ([^;]*), (var_\d+)\);"
    put = (
        r"\1{ auto old = wp::load(wp::address(\4, \5));"
        r" wp::array_store(\4, \5, wp::\3(old, \6)); \2old; }"
    )
    return _swap(r"^( +)(var_\d+ = |)" + call, put)(text, which)


FAULTS: dict[str, Change] = {
    "block's index off by one": _word("(blockIdx.x) +", "(blockIdx.x + 1) +"),
    "block's index forgotten": _word("(blockIdx.x) +", "(0) +"),
    "blocks of half their size": _word(_IN_BLOCK, _IN_BLOCK.replace("(blockDim.x)", "(blockDim.x / 2)")),
    "one thread too many": _word(_BOUND, "_idx <= dim.size;"),
    "one thread too few": _word(_BOUND, "_idx + 1 < dim.size;"),
    "a warp left out": _word(_BOUND, "_idx < dim.size && threadIdx.x / 32 != 0;"),
    "idle threads do the last element again": _word(
        "static_cast<size_t>(threadIdx.x);\n",
        "static_cast<size_t>(threadIdx.x), _last = dim.size - 1,"
        " _again = (_idx = _idx > _last ? _last : _idx);\n",
    ),
    "atomic function made plain": _plain,
    "barrier lost": _lost,
    "mask of half a warp": _hooked(_STEP, r"\1wg_narrow(0xffff);\n\1\2\n\1wg_narrow(0);"),
    "step of a block in a branch": _swap(_STEP, r"\1if (threadIdx.x < 64) {\n\1\2\n\1}"),
}
# Shared memory is asked for at launch: no text says how much.
SHARED = "shared memory halved"
