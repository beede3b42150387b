"""Put a compiled object into this process's memory (ELF, x86-64, as clang writes it for Warp).

Warp's own loaders take a second or more for an object of 64 kernels and a hundred thousand
instructions' worth of templates; reading its few kinds of relocation with NumPy takes milliseconds.
"""

from __future__ import annotations

import ctypes
import mmap
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SYMBOL = np.dtype(
    [("name", "<u4"), ("info", "u1"), ("other", "u1"), ("section", "<u2"), ("value", "<u8"), ("size", "<u8")]
)
_RELOCATION = np.dtype([("offset", "<u8"), ("kind", "<u4"), ("symbol", "<u4"), ("addend", "<i8")])

# Section types and flags, and the "sections" of symbols that are in none.
_SYMTAB, _RELA, _NOBITS = 2, 4, 8
_WRITE, _ALLOC = 1, 2
_UNDEFINED, _ABSOLUTE = 0, 0xFFF1
_FUNCTION, _SECTION = 2, 3  # kinds of symbols

# Relocations of 64-bit code that may be anywhere: each fills in eight bytes.
_ABS64, _PC64, _GOTOFF64, _GOT64, _GOTPC64 = 1, 24, 25, 27, 29
_TABLE = "_GLOBAL_OFFSET_TABLE_"


class LinkError(OSError):
    """The object needs what is not there, or is of a kind that this loader does not know."""


class _Section:
    """A section header, and where the section lies in memory."""

    def __init__(self, header: tuple[int, ...]) -> None:
        self.name, self.type, self.flags, _, self.offset, self.size, self.link, self.info, align, _ = header
        self.align = max(align, 1)
        self.place = 0


class LoadedObject:
    """An object's code and data in memory; `find` gives the address of a name from elsewhere, 0 for none."""

    def __init__(self, object: Path | bytes, find: Callable[[str], int]) -> None:
        self._data = object if isinstance(object, bytes) else object.read_bytes()
        self._sections = self._read_sections()
        table = next((s for s in self._sections if s.type == _SYMTAB), None)
        if table is None:
            raise LinkError("the object has no symbols")
        self._symbols = np.frombuffer(self._data, _SYMBOL, table.size // _SYMBOL.itemsize, table.offset)
        self._strings = self._sections[table.link].offset
        code, total = self._arrange()
        self._code = code
        private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS  # a child must not write into its parent's
        self._memory = mmap.mmap(-1, total, private, mmap.PROT_READ | mmap.PROT_WRITE)
        self._bytes = np.frombuffer(self._memory, np.uint8)
        self._base = int(self._bytes.ctypes.data)
        self._copy()
        self._addresses = self._resolve(find)
        self._table = self._base + total - 8 * len(self._symbols)
        self._words(total - 8 * len(self._symbols), self._addresses)
        self._relocate()
        if ctypes.CDLL(None).mprotect(ctypes.c_void_p(self._base), ctypes.c_size_t(code), 5) != 0:
            raise LinkError("the code cannot be made executable")

    def address(self, name: str) -> int:
        """Where a defined name is, 0 if it is not."""
        if not hasattr(self, "_names"):
            places = np.flatnonzero(self._symbols["section"] != _UNDEFINED)
            self._names = {self._name(i): int(self._addresses[i]) for i in places}
        return self._names.get(name, 0)

    def sections(self, name: str) -> list[tuple[int, int]]:
        """Address and size of every section of a name."""
        (table,) = struct.unpack_from("<H", self._data, 62)
        strings, wanted = self._sections[table].offset, name.encode() + b"\0"
        return [
            (self._base + section.place, section.size)
            for section in self._sections
            if section.size and self._data.startswith(wanted, strings + section.name)
        ]

    def variables(self) -> list[tuple[str, str]]:
        """Name and section of everything in it that code may write to."""
        (table,) = struct.unpack_from("<H", self._data, 62)
        strings, made = self._sections[table].offset, list[tuple[str, str]]()
        for i in np.flatnonzero(self._symbols["info"] & 15 != _SECTION):
            number = int(self._symbols["section"][i])
            if 0 < number < len(self._sections) and self._sections[number].flags & _WRITE:
                start = strings + self._sections[number].name
                section = self._data[start : self._data.index(b"\0", start)].decode(errors="replace")
                made.append((self._name(i), section))
        return made

    @property
    def written(self) -> tuple[int, int]:
        """Where its data that may be written begin and end."""
        return self._base + self._code, self._base + len(self._bytes)

    def functions(self) -> list[tuple[str, int, int]]:
        """Name, address and size of every function in it."""
        mine = (self._symbols["section"] != _UNDEFINED) & (self._symbols["info"] & 15 == _FUNCTION)
        return [
            (self._name(i), int(self._addresses[i]), int(self._symbols["size"][i]))
            for i in np.flatnonzero(mine)
        ]

    def _read_sections(self) -> list[_Section]:
        if self._data[:6] != b"\x7fELF\x02\x01":
            raise LinkError("not an object of this machine")
        (table,) = struct.unpack_from("<Q", self._data, 40)
        width, count = struct.unpack_from("<HH", self._data, 58)
        headers = [struct.unpack_from("<IIQQQQIIQQ", self._data, table + width * i) for i in range(count)]
        return [_Section(header) for header in headers]

    def _arrange(self) -> tuple[int, int]:
        """Give every section its place: what is only read first, then what is written, then the table."""
        end = code = 0
        for writable in (False, True):
            for section in self._sections:
                if section.flags & _ALLOC and bool(section.flags & _WRITE) == writable:
                    end += -end % section.align
                    section.place = end
                    end += section.size
            end += -end % mmap.PAGESIZE
            code = code or end
        total = end + 8 * len(self._symbols)
        return code, total + -total % 8

    def _copy(self) -> None:
        for section in self._sections:
            if section.flags & _ALLOC and section.type != _NOBITS:
                content = self._data[section.offset : section.offset + section.size]
                self._memory[section.place : section.place + section.size] = content

    def _resolve(self, find: Callable[[str], int]) -> NDArray[np.uint64]:
        """The address of every symbol."""
        section = self._symbols["section"]
        if ((section > len(self._sections)) & (section != _ABSOLUTE)).any():
            raise LinkError("a symbol in no section")
        places = np.array([self._base + s.place for s in self._sections], np.uint64)
        inside = (section != _UNDEFINED) & (section != _ABSOLUTE)
        addresses = self._symbols["value"].copy()
        addresses[inside] += places[section[inside]]
        for i in np.flatnonzero((section == _UNDEFINED) & (self._symbols["name"] != 0)):
            name = self._name(i)
            addresses[i] = 0 if name == _TABLE else find(name)
            if addresses[i] == 0 and name != _TABLE:
                raise LinkError(f"undefined symbol: {name}")
        return np.asarray(addresses, np.uint64)

    def _name(self, symbol: Any) -> str:
        start = self._strings + int(self._symbols["name"][symbol])
        return self._data[start : self._data.index(b"\0", start)].decode(errors="replace")

    def _relocate(self) -> None:
        # All sections at once: there is one for each function, and few entries in most.
        tables = [
            (np.frombuffer(self._data, _RELOCATION, s.size // _RELOCATION.itemsize, s.offset), target.place)
            for s in self._sections
            if s.type == _RELA and (target := self._sections[s.info]).flags & _ALLOC
        ]
        if not tables:
            return
        entries = np.concatenate([entries for entries, _ in tables])
        targets = np.repeat([place for _, place in tables], [len(entries) for entries, _ in tables])
        places = entries["offset"] + targets.astype(np.uint64)
        here = places + np.uint64(self._base)
        there = self._addresses[entries["symbol"]]
        table = np.uint64(self._table)
        kind = entries["kind"]
        slot = entries["symbol"].astype(np.uint64) * np.uint64(8)
        values = np.select(
            [kind == _ABS64, kind == _PC64, kind == _GOTOFF64, kind == _GOT64, kind == _GOTPC64],
            [there, there - here, there - table, slot, table - here],
        )
        known = np.isin(kind, (_ABS64, _PC64, _GOTOFF64, _GOT64, _GOTPC64))
        if not known.all():
            raise LinkError(f"a relocation of kind {int(kind[~known][0])}")
        values = values + entries["addend"].view(np.uint64)
        spots = places.astype(np.int64)[:, None] + np.arange(8)
        self._bytes[spots] = values.view(np.uint8).reshape(-1, 8)

    def _words(self, place: int, values: NDArray[np.uint64]) -> None:
        self._bytes[place : place + 8 * len(values)] = values.view(np.uint8)
