"""Landlock: which files this process may still open, and that it may reach no network and signal nobody."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path

from warpgen.process import LIBC

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # system calls, the same on all machines
_VERSION, _BENEATH = 1, 1

# Rights over files, by their bits; how many of them a kernel knows depends on its version of Landlock.
_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3
_KNOWN = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_NETWORK, _SCOPES = 3, 3  # bind and connect; abstract sockets and signals


LIBC.syscall.restype = ctypes.c_long


class _Rules(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def version() -> int:
    """This kernel's version of Landlock, 0 where it has none."""
    return max(0, _call(_CREATE, None, 0, _VERSION))


def restrict(readable: Sequence[Path], writable: Sequence[Path]) -> None:
    """From now on open nothing but what lies beneath these folders. Raises OSError where the kernel refuses.

    `forbid` of seccomp must follow, or no_new_privs be set before.
    """
    known = version()
    every = (1 << _KNOWN.get(known, 16)) - 1
    rules = _Rules(every, _NETWORK if known >= 4 else 0, _SCOPES if known >= 6 else 0)
    size = 24 if known >= 6 else 16 if known >= 4 else 8
    ruleset = _call(_CREATE, ctypes.addressof(rules), size, 0)
    if ruleset < 0:
        raise OSError(ctypes.get_errno(), "landlock: no rules")
    try:
        for folders, allowed in ((readable, _READ_FILE | _READ_FOLDER), (writable, every)):
            for folder in folders:
                _allow(ruleset, folder, allowed)
        if _call(_RESTRICT, ruleset, 0) != 0:
            raise OSError(ctypes.get_errno(), "landlock: not restricted")
    finally:
        os.close(ruleset)


def _allow(ruleset: int, folder: Path, allowed: int) -> None:
    descriptor = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = _Beneath(allowed, descriptor)
        if _call(_ADD, ruleset, _BENEATH, ctypes.addressof(rule), 0) != 0:
            raise OSError(ctypes.get_errno(), f"landlock: {folder.name}")
    finally:
        os.close(descriptor)


def _call(number: int, *values: int | None) -> int:
    return int(LIBC.syscall(ctypes.c_long(number), *(ctypes.c_void_p(value) for value in values)))
