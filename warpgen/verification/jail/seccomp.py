"""A filter of system calls for this process: what is not on a short list fails with EPERM."""

from __future__ import annotations

import ctypes
import errno
import platform
from collections.abc import Collection

from warpgen.process import LIBC

_PR_SET_NO_NEW_PRIVS, _PR_GET_SECCOMP, _PR_SET_SECCOMP, _FILTER = 38, 21, 22, 2
_ARCH = 0xC000003E  # AUDIT_ARCH_X86_64
_X32 = 0x40000000  # numbers from here on are another table of calls

# What the answer of a filter is: allow, fail with an error, kill the process.
_ALLOW, _FAIL, _KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000

# Instructions of the kernel's filters: load a word, jump if equal, if not below, if any bit is set, answer.
_LOAD, _EQUAL, _NOT_BELOW, _BITS, _ANSWER = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _MACHINE, _THIRD, _FOURTH = 0, 4, 32, 40  # places in what a filter sees of a call
_PROT_EXEC, _MAP_ANONYMOUS = 4, 0x20

# Numbers of x86-64. Memory, ends, clocks and chance: all that a kernel and Python's own arithmetic take.
_QUIET = {
    "munmap": 11, "brk": 12, "rt_sigprocmask": 14, "rt_sigreturn": 15, "sched_yield": 24, "mremap": 25,
    "madvise": 28, "exit": 60, "gettimeofday": 96, "sigaltstack": 131, "gettid": 186, "time": 201,
    "futex": 202, "restart_syscall": 219, "clock_gettime": 228, "exit_group": 231, "getrandom": 318,
}  # fmt: skip
_MMAP, _MPROTECT = 9, 10
# Files, for a compiler; which ones is Landlock's to say.
_FILES = {
    "read": 0, "write": 1, "open": 2, "close": 3, "stat": 4, "fstat": 5, "lstat": 6, "lseek": 8, "mmap": 9,
    "mprotect": 10, "pread64": 17, "pwrite64": 18, "readv": 19, "writev": 20, "access": 21, "dup": 32,
    "dup2": 33, "fcntl": 72, "fsync": 74, "ftruncate": 77, "getdents": 78, "getcwd": 79, "rename": 82,
    "mkdir": 83, "unlink": 87, "readlink": 89, "umask": 95, "getrlimit": 97, "sysinfo": 99, "getuid": 102,
    "statfs": 137, "fstatfs": 138, "getdents64": 217, "openat": 257, "newfstatat": 262, "unlinkat": 263,
    "renameat": 264, "readlinkat": 267, "faccessat": 269, "renameat2": 316, "statx": 332, "faccessat2": 439,
    "getpid": 39, "uname": 63, "sched_getaffinity": 204, "prlimit64": 302, "utimensat": 280, "link": 86,
    "rmdir": 84, "rt_sigaction": 13,
}  # fmt: skip


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("yes", ctypes.c_ubyte),
        ("no", ctypes.c_ubyte),
        ("value", ctypes.c_uint),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.POINTER(_Instruction)))


def available() -> bool:
    """Whether this kernel and this machine have the filter that `forbid` sets."""
    return platform.machine() == "x86_64" and _prctl(_PR_GET_SECCOMP) >= 0


def forbid(files: bool) -> None:
    """From now on nothing but memory, clocks and an end; with `files`, those of a compiler too.

    Nothing written can be run: memory never becomes executable (but with `files`, where no stranger's code
    runs). Raises OSError where the kernel refuses.
    """
    program = _PROGRAMS[files]
    if _prctl(_PR_SET_NO_NEW_PRIVS, 1) != 0:
        raise OSError(ctypes.get_errno(), "no_new_privs")
    if _prctl(_PR_SET_SECCOMP, _FILTER, ctypes.addressof(program)) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")


def _written(numbers: Collection[int]) -> list[tuple[int, int, int, int]]:
    """The filter: another machine's calls kill, those listed pass, memory passes unless it could be run."""
    code = [
        (_LOAD, 0, 0, _MACHINE),
        (_EQUAL, 1, 0, _ARCH),
        (_ANSWER, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_NOT_BELOW, 0, 1, _X32),
        (_ANSWER, 0, 0, _KILL),
    ]
    for number in sorted(numbers):
        code += [(_EQUAL, 0, 1, number), (_ANSWER, 0, 0, _ALLOW)]
    # Flags without which nor with which a call passes, at the place of its third and fourth argument.
    code += [(_EQUAL, 0, 6, _MMAP), (_LOAD, 0, 0, _THIRD), (_BITS, 3, 0, _PROT_EXEC)]
    code += [(_LOAD, 0, 0, _FOURTH), (_BITS, 0, 1, _MAP_ANONYMOUS), (_ANSWER, 0, 0, _ALLOW)]
    code += [(_ANSWER, 0, 0, _FAIL)]
    code += [(_EQUAL, 0, 3, _MPROTECT), (_LOAD, 0, 0, _THIRD), (_BITS, 1, 0, _PROT_EXEC)]
    code += [(_ANSWER, 0, 0, _ALLOW), (_ANSWER, 0, 0, _FAIL)]
    return code


def _program(files: bool) -> _Program:
    code = _written([*_QUIET.values(), *(_FILES.values() if files else ())])
    return _Program(len(code), (_Instruction * len(code))(*(_Instruction(*each) for each in code)))


_PROGRAMS = {files: _program(files) for files in (False, True)}  # before a fork: each child needs one


def _prctl(option: int, *values: int) -> int:
    padded = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]]
    return int(LIBC.prctl(ctypes.c_int(option), *padded))
