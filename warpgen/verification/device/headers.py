"""Warp's headers with what no compiler of C++ takes put another way; all else in them stays as it is.

Each change says how often it must be found, so that headers of another Warp are refused, not half changed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from warpgen.errors import CompilerError
from warpgen.verification.native.warp_native import VERSION, WARP_FOLDER

SOURCES = Path(__file__).parent / "native"


class Change(NamedTuple):
    """A pattern of a header, what stands in its place, and how often it must be found.

    `older` is how often in the headers of older Warps, by version, where that differs.
    """

    file: str
    pattern: str
    put: str
    times: int = 1
    older: Mapping[str, int] = {}

    @property
    def wanted(self) -> int:
        """How often it must be found in the headers that are installed."""
        return self.older.get(VERSION, self.times)


_SOFT = r"wp_bfloat16_bits_to_float_sw"

# An aligned array of characters in shared memory: CUDA takes the words in an order that C++ does not.
_ALIGNED = r"__shared__ alignas\((\w+)\)"

CHANGES = (
    # Statements of assembly, each by what it does.
    Change("builtin.h", r'asm\("rcp\.approx\.f32 [^;]*;[^;]*;', "r = 1.0f / a;"),
    Change("builtin.h", r'asm\("rcp\.approx\.ftz\.f64 [^;]*;[^;]*;', "r = 1.0 / a;"),
    Change("builtin.h", r'asm\("div\.approx\.f32 [^;]*;[^;]*;', "r = a / b;"),
    Change(
        "builtin.h",
        r'asm\("\{  cvt\.rn\.f16\.f32 [^;]*;[^;]*;',
        "h.u = wg_bits<unsigned short>((_Float16)x);",
    ),
    Change("builtin.h", r'asm\("\{  cvt\.f32\.f16 [^;]*;[^;]*;', "val = (float)wg_bits<_Float16>(x.u);"),
    Change(
        "builtin.h", r'asm\("\{  cvt\.rn\.bf16\.f32 [^;]*;[^;]*;', "h.u = wp_float_to_bfloat16_bits_sw(x);"
    ),
    *(
        Change(
            "builtin.h",
            rf'asm\("\{{  {name}\.bf16 [^;]*;[^;]*;',
            f"result.u = wp_float_to_bfloat16_bits_sw({_SOFT}(a.u) {sign} {_SOFT}(b.u));",
        )
        for name, sign in (("add", "+"), ("sub", "-"), ("mul", "*"))
    ),
    Change(
        "builtin.h", r'asm volatile\("\{ atom\.add\.noftz\.f16 [^;]*;[^;]*;', "r = *buf; *buf = r + value;"
    ),
    Change(
        "builtin.h", r'asm volatile\("atom\.add\.noftz\.bf16 [^;]*;[^;]*;', "old = *buf; *buf = old + value;"
    ),
    Change("builtin.h", r'asm volatile\("\{ atom\.add\.f64 [^;]*;[^;]*;', "r = atomicAdd(buf, value);"),
    Change(
        "texture.h",
        r'asm\("tex\.level\.[23]d.*?"r"\(level\)\);',
        "value = wg_texture<vec4f>();",
        2,
        {"1.17.0": 0, "1.18.0": 0},
    ),
    # Stores.
    Change("array.h", r"(void array_store\(const A<T>& buf, [^)]*T value\)\n\{)", r"\1 wg_store();", 4),
    # Shared memory.
    Change("tile_reduce.h", _ALIGNED, r"__shared__ __attribute__((aligned(alignof(\1))))", 8, {"1.17.0": 0}),
    Change(
        "tile.h", r"extern __shared__ char dynamic_smem_base\[\];", "char* dynamic_smem_base = wg_dynamic;"
    ),
)


# What people include for names that are here without: Warp's headers and the shim come before every text.
_EMPTY = """
cuda.h cuda_runtime.h device_launch_parameters.h math.h cmath stdint.h cstdint stdio.h cstdio float.h cfloat
limits.h climits
"""


def patched(folder: Path) -> None:
    """Make `folder`, with Warp's headers in it, changed. Raises CompilerError where they are others."""
    source = Path(WARP_FOLDER) / "native"
    changed: dict[str, str] = {}
    for change in CHANGES:
        text = changed.get(change.file) or (source / change.file).read_text(encoding="utf-8")
        text, times = re.subn(change.pattern, change.put, text, flags=re.DOTALL)
        if times != change.wanted:
            raise CompilerError(
                f"no CUDA text can be run with this Warp: in its {change.file}, {change.pattern!r} is found "
                f"{times} times, not {change.wanted}: install the pinned version of warp-lang"
            )
        changed[change.file] = text
    folder.mkdir(parents=True)
    for name in _EMPTY.split():
        (folder / name).touch()
    for entry in source.iterdir():
        place = folder / entry.name
        if entry.name in changed:
            place.write_text(changed[entry.name], encoding="utf-8")
        elif entry.suffix == ".h" or entry.is_dir():
            place.symlink_to(entry)
