"""The names that an object file needs from elsewhere (ELF, 64 bits, little-endian)."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

_SYMBOLS = 2  # section type SHT_SYMTAB
_SYMBOL = np.dtype(
    [("name", "<u4"), ("info", "u1"), ("other", "u1"), ("section", "<u2"), ("value", "<u8"), ("size", "<u8")]
)


def undefined(path: Path) -> set[str]:
    """Names of all symbols that are used in the object and not defined there."""
    data = path.read_bytes()
    table, width, count = struct.unpack_from("<Q", data, 40)[0], *struct.unpack_from("<HH", data, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, table + width * i) for i in range(count)]
    names: set[str] = set()
    for _, kind, _, _, offset, size, link, *_ in sections:
        if kind != _SYMBOLS:
            continue
        symbols = np.frombuffer(data, _SYMBOL, size // _SYMBOL.itemsize, offset)
        strings = sections[link][4]
        for place in symbols["name"][symbols["section"] == 0]:
            start = strings + int(place)
            names.add(data[start : data.index(b"\0", start)].decode(errors="replace"))
    return names - {""}
