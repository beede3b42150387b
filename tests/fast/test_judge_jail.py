"""Nothing gets out of the jail: each way is tried from inside, where any code may run."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import signal
import socket
import struct
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from warpgen.verification.jail import confine

pytestmark = pytest.mark.skipif(bool(confine.missing()), reason="this machine lacks a part of the jail")

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.syscall.restype = ctypes.c_long
_LIBC.getenv.restype = ctypes.c_char_p


def locked(
    way: Callable[[], object], readable: Sequence[Path] = (), writable: Sequence[Path] = ()
) -> tuple[int, str]:
    """Wait status of a child that does something inside, and what it brought out by its one shared area."""
    with mmap.mmap(-1, 4096) as area:
        child = os.fork()
        if child == 0:
            try:
                confine.lock(5.0, readable=readable, writable=writable)
                said = f"open: {way()!r}"
            except BaseException as error:
                said = f"{type(error).__name__}: {error}"
            area[:] = said.encode()[:4096].ljust(4096, b"\0")
            os._exit(0)
        return os.waitpid(child, 0)[1], area[:].rstrip(b"\0").decode()


def call(number: int, *values: int) -> int:
    """A system call by its number; raises OSError where it fails."""
    made = int(_LIBC.syscall(ctypes.c_long(number), *(ctypes.c_long(value) for value in values)))
    if made < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return made


def address(of: ctypes.Array[ctypes.c_char]) -> int:
    return ctypes.addressof(of)


PARENT = os.getppid()
PATH = ctypes.create_string_buffer(b"/etc/passwd")
NAME = ctypes.create_string_buffer(b"warpgen")
BUFFER = ctypes.create_string_buffer(4096)


def _variable() -> str:
    found = _LIBC.getenv(b"WARPGEN_SECRET")
    if found is None and "WARPGEN_SECRET" not in os.environ:
        raise KeyError("nothing is there")
    return "there"


def _descriptors() -> list[int]:
    held = []
    for number in range(256):
        try:
            os.fstat(number)
            held.append(number)
        except OSError as error:
            if error.errno not in (1, 9):  # not permitted, or not there
                held.append(number)
    if not held:
        raise OSError("none is there")
    return held


WAYS: dict[str, Callable[[], object]] = {
    "read a file": lambda: Path("/etc/passwd").read_text(),
    "read its own memory's map": lambda: Path("/proc/self/maps").read_text(),
    "read its own environment": lambda: Path("/proc/self/environ").read_bytes(),
    "read another's memory through /proc": lambda: os.open(f"/proc/{PARENT}/mem", os.O_RDONLY),
    "list a folder": lambda: os.listdir("/"),
    "look at a file": lambda: os.stat("/etc/passwd"),
    "write a file": lambda: Path(tempfile.gettempdir(), "warpgen-out").write_text("out"),
    "make a folder": lambda: os.mkdir("/tmp/warpgen-out"),
    "remove a file": lambda: os.unlink("/tmp/warpgen-nothing"),
    "open a file by an old call": lambda: call(2, address(PATH), 0),
    "open a file by a new call": lambda: call(437, -100, address(PATH), address(BUFFER), 24),
    "make a file in memory": lambda: call(319, address(NAME), 0),
    "shared memory of System V": lambda: call(29, 0, 4096, 0o1600),
    "a queue of messages": lambda: call(68, 0, 0o1600),
    "a semaphore": lambda: call(64, 0, 1, 0o1600),
    "a socket of the network": lambda: socket.socket(),
    "a socket of this machine": lambda: socket.socket(socket.AF_UNIX),
    "a pair of sockets": socket.socketpair,
    "a pipe": os.pipe,
    "a new process": os.fork,
    "a new process, without memory of its own": lambda: call(58),
    "a new process by the newest call": lambda: call(435, address(BUFFER), 64),
    "a thread": lambda: threading.Thread(target=print).start(),
    "another program": lambda: os.execv("/bin/true", ["true"]),
    "a signal to its parent": lambda: os.kill(os.getppid(), 0),
    "a signal to all": lambda: os.kill(-1, 0),
    "a signal to itself": lambda: signal.raise_signal(signal.SIGTERM),
    "a handler of signals": lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),
    "a hold on its parent": lambda: call(434, PARENT, 0),
    "trace its parent": lambda: call(101, 16, PARENT, 0, 0),
    "read another's memory": lambda: call(310, PARENT, address(BUFFER), 1, address(BUFFER), 1, 0),
    "write another's memory": lambda: call(311, PARENT, address(BUFFER), 1, address(BUFFER), 1, 0),
    "memory that can be run": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC),
    "data become code": lambda: call(10, address(BUFFER) & ~4095, 4096, 7),
    "a ring of calls": lambda: call(425, 8, address(BUFFER)),
    "a program in the kernel": lambda: call(321, 5, address(BUFFER), 64),
    "counters of the processor": lambda: call(298, address(BUFFER), 0, -1, -1, 0),
    "faults in its own hands": lambda: call(323, 0),
    "a mount": lambda: call(165, address(PATH), address(PATH), 0, 0, 0),
    "another namespace": lambda: call(272, 0x10000000),
    "another root": lambda: os.chroot("/"),
    "another user": lambda: os.setuid(0),
    "a key of the kernel": lambda: call(250, 0, 0, 0),
    "higher limits": lambda: call(160, 0, address(BUFFER)),
    "a timer": lambda: signal.setitimer(signal.ITIMER_REAL, 1.0),
    "a sleep": lambda: call(35, address(BUFFER), 0),
    "watching files": lambda: call(253),
    "another name for itself": lambda: call(157, 15, address(NAME)),
    "a variable of its environment": _variable,
    "an open descriptor": _descriptors,
}


def _try_all() -> str:
    """The ways that are open, or end otherwise than in an error of the system."""
    found = []
    for name, way in WAYS.items():
        try:
            found.append(f"{name}: {way()!r}")
        except (OSError, KeyError) as error:
            if isinstance(error, OSError) and error.errno not in (
                None,
                errno.EPERM,
                errno.EACCES,
                errno.EBADF,
            ):
                found.append(f"{name}: {error!r}")
        except RuntimeError as error:
            found += [] if "can't start new thread" in str(error) else [f"{name}: {error!r}"]
    return f"{len(WAYS)} tried; {found}"


def test_no_way_leads_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of 50 is refused inside: not for a mistake of the test's, but as not permitted, or not there."""
    monkeypatch.setenv("WARPGEN_SECRET", "secret")
    assert len(WAYS) >= 50
    assert locked(_try_all) == (0, f"open: '{len(WAYS)} tried; []'")


@pytest.mark.parametrize("name", ["read a file", "a pipe", "a new process", "a variable of its environment"])
def test_outside_the_ways_are_open(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So it is the jail that shuts them."""
    monkeypatch.setenv("WARPGEN_SECRET", "secret")
    with mmap.mmap(-1, 1) as area:
        child = os.fork()
        if child == 0:
            WAYS[name]()
            area[:] = b"1"
            os._exit(0)
        os.waitpid(child, 0)
        assert area[:] == b"1"


def test_calls_of_another_table_kill() -> None:
    """The numbers of 32-bit pointers are other calls: the filter does not let them be mistaken."""
    status, _ = locked(lambda: call(0x40000000 | 39))
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGSYS


def test_arithmetic_and_memory_are_left() -> None:
    """A kernel needs no more."""
    assert locked(lambda: sum(bytearray(1 << 24)))[1] == "open: 0"


def test_memory_and_time_end() -> None:
    """What asks for more than its share gets an error, what does not end is ended."""
    assert locked(lambda: len(bytearray(confine.MEMORY + (1 << 30))))[1].startswith("MemoryError")
    with mmap.mmap(-1, 1) as area:
        child = os.fork()
        if child == 0:
            confine.lock(0.5)
            area[:] = b"1"
            while True:
                pass
        status = os.waitpid(child, 0)[1]
        assert area[:] == b"1" and os.WIFSIGNALED(status)


def test_a_compiler_has_its_folders_alone(tmp_path: Path) -> None:
    """It reads the headers, writes its own folder, and starts, sends and signals nothing."""
    headers, own = tmp_path / "headers", tmp_path / "own"
    headers.mkdir()
    own.mkdir()
    (headers / "a.h").write_text("int a;")
    (tmp_path / "other").write_text("other")

    def tried(way: Callable[[], object]) -> str:
        return locked(way, readable=[headers], writable=[own])[1]

    assert tried(lambda: (headers / "a.h").read_text()) == "open: 'int a;'"
    assert tried(lambda: (own / "a.o").write_text("o")) == "open: 1"
    for refused in (
        lambda: (headers / "a.h").write_text(""),
        lambda: (tmp_path / "other").read_text(),
        lambda: os.rename(own / "a.o", headers / "a.o"),
        WAYS["read a file"],
        WAYS["a new process"],
        WAYS["another program"],
        WAYS["a socket of the network"],
        WAYS["a signal to its parent"],
        WAYS["trace its parent"],
    ):
        said = tried(refused)
        assert said.startswith(("PermissionError", "OSError")), said
    assert (headers / "a.h").read_text() == "int a;"


def test_objects_are_of_one_process() -> None:
    """What a child writes into an object that its parent loaded is nobody else's: the watch is such a one."""
    from warpgen.verification.native.object_file import LoadedObject

    loaded = LoadedObject(_object(), lambda name: 0)
    place = ctypes.c_uint64.from_address(loaded.address("word"))
    assert place.value == 7
    child = os.fork()
    if child == 0:
        place.value = 8
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert place.value == 7


def _object() -> bytes:
    """An ELF object with a constant and one writable word, 7, called `word`."""
    names, word = b"\0.data\0.symtab\0.strtab\0.text\0", struct.pack("<Q", 7)
    strings = b"\0word\0"
    symbols = bytes(24) + struct.pack("<IBBHQQ", 1, 0x11, 0, 1, 0, 8)
    places, body = [], b""
    for part in (word, symbols, strings, names):
        places.append(64 + len(body))
        body += part + bytes(-len(part) % 8)
    table = 64 + len(body)
    sections = [
        bytes(64),
        struct.pack("<IIQQQQIIQQ", 1, 1, 3, 0, places[0], len(word), 0, 0, 8, 0),
        struct.pack("<IIQQQQIIQQ", 7, 2, 0, 0, places[1], len(symbols), 3, 1, 8, 24),
        struct.pack("<IIQQQQIIQQ", 15, 3, 0, 0, places[2], len(strings), 0, 0, 1, 0),
        struct.pack("<IIQQQQIIQQ", 15, 3, 0, 0, places[3], len(names), 0, 0, 1, 0),
        struct.pack("<IIQQQQIIQQ", 23, 1, 2, 0, places[0], len(word), 0, 0, 8, 0),
    ]
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", 1, 62, 1, 0, 0, table, 0, 64, 0, 0, 64, len(sections), 4)
    return head + body + b"".join(sections)
