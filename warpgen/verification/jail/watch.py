"""A watch over a kernel's arrays: which thread reads, writes or changes by an atomic each element.

On the CPU threads run one after the other, so a sum without atomics comes out right; on a GPU it does not.
So kernels are compiled with clang's instrumentation for threads (`-fsanitize=thread`: a call before every
access to memory, also of raw pointers), which calls what is here in place of its own library. Two accesses
of different threads to one element, one of them a write, not both atomic, are a race; but for a write of
what is there already: threads may all store the same. An access is atomic if a function of Warp's called
`atomic_…` makes it; only Warp's headers can define one, as `cpp_screen.py` sees to, and what such a function
calls of a stranger's, as an operator of his own, is not part of it.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpgen.verification.native.object_file import LoadedObject

FLAG = "-fsanitize=thread"
# Functions that the watch has in place of those of libraries.
_IN_PLACE = frozenset(
    """
    malloc memcpy memmove memset memcmp bcmp strlen modf modff sincos sincosf printf puts putchar
    """.split()
)
_EXCHANGE = re.compile(r"_Z(?:N2wp10atomic_cas|9atomicCAS)")
_CUDA_ATOMIC = re.compile(r"_Z\d+atomic[A-Z]")
# Functions of Warp's headers and of CUDA's, within which an atomic one is still at work.
_OF_HEADERS = re.compile(r"_Z+N?K?2wp|_Z\d+wg_|_Z\d+atomic[A-Z]")

# Arrays that are watched at once, gradients apart; those of a launch have fewer.
_MOST = 64
# Elements that are watched in one launch: 16 bytes are kept of each.
MOST_ELEMENTS = 1 << 22

# Of an element: who gave it another value, who changed it by an atomic, who read it, who wrote what it
# held. Each is 0 for nobody, a thread's number plus one, or that with the top bit for more than one thread.
_MANY = np.uint32(1 << 31)

SOURCE = """
typedef unsigned long long u64;
typedef unsigned int u32;
struct region { u64 start, end, shift; u32* cells; };
extern "C" {
struct {
    u64 on, thread, depth, regions, atomics; u64* ranges; region region[MOST]; u64 low, high, accesses;
    void (*store)(); u64 shared[4], strangers; u64* strange; u64 exchanges; u64* exchange; u64 askew, most;
} warpgen_watch;
void* malloc(u64);
double modf(double, double*);
float modff(float, float*);
void sincos(double, double*, double*);
void sincosf(float, float*, float*);
}
#define HERE ((u64)__builtin_return_address(0))

// A write that is about to happen: whether it changes anything is seen at the next access.
static struct { u64 place, size, thread; unsigned char before[16]; } pending;
// A read that has happened. An exchange of the same place that follows at once looks whether it still holds:
// the two are one atomic access.
static struct { u64 place, size, thread; } looked;
static u64 exchanging; // a thread's number plus one

static bool within(u64 place, const u64* ranges, u64 high)
{
    u64 low = 0;
    while (low < high) {
        u64 middle = (low + high) / 2;
        if (place < ranges[2 * middle]) high = middle;
        else if (place >= ranges[2 * middle + 1]) low = middle + 1;
        else return true;
    }
    return false;
}
static bool is_atomic(u64 place) { return within(place, warpgen_watch.ranges, warpgen_watch.atomics); }
static bool is_exchange(u64 place) { return within(place, warpgen_watch.exchange, warpgen_watch.exchanges); }
static bool is_strange(u64 place) { return within(place, warpgen_watch.strange, warpgen_watch.strangers); }

// How deep within atomic functions, in its last byte: those before are of functions that called a stranger's.
static bool atomic_now() { return (warpgen_watch.depth & 255) != 0; }

static region* region_of(u64 start, u64 size)
{
    for (u64 r = 0; r < warpgen_watch.regions; ++r) {
        region& in = warpgen_watch.region[r];
        if (start < in.end && start + size > in.start) return &in;
    }
    return 0;
}

static void mark(region& in, u64 start, u64 size, u64 kind, u64 thread)
{
    u64 end = start + size;
    u32 me = (u32)thread + 1;
    u64 first = ((start > in.start ? start : in.start) - in.start) >> in.shift;
    u64 last = ((end < in.end ? end : in.end) - 1 - in.start) >> in.shift;
    for (u64 cell = first; cell <= last; ++cell) {
        u32& known = in.cells[4 * cell + kind];
        if (!known) known = me;
        else if ((known & 0x7fffffffu) != me) known |= 0x80000000u;
    }
}

static void settle_looked()
{
    if (region* in = looked.size ? region_of(looked.place, looked.size) : 0)
        mark(*in, looked.place, looked.size, 2, looked.thread);
    looked.size = 0;
}

extern "C" void warpgen_settle()
{
    settle_looked();
    if (!pending.size) return;
    bool changed = __builtin_memcmp((void*)pending.place, pending.before, pending.size) != 0;
    if (region* in = region_of(pending.place, pending.size))
        mark(*in, pending.place, pending.size, changed ? 0 : 3, pending.thread);
    pending.size = 0;
}

static void touch(u64 start, u64 size, u64 kind)
{
    if (++warpgen_watch.accesses > warpgen_watch.most) __builtin_trap();
    // Nearly all is on the stack. While nothing is watched, nothing lies between the two.
    if (start >= warpgen_watch.high || start + size <= warpgen_watch.low) return;
    u64 me = warpgen_watch.thread;
    if (looked.place == start && looked.thread == me && exchanging == me + 1) looked.size = 0;
    warpgen_settle();
    region* in = region_of(start, size);
    if (!in) return;
    if (atomic_now()) kind = 1;
    if (kind == 2) {
        looked.place = start, looked.size = size, looked.thread = me;
        return;
    }
    if (kind != 0 || size > 16) {
        mark(*in, start, size, kind, warpgen_watch.thread);
        return;
    }
    pending.place = start, pending.size = size, pending.thread = warpgen_watch.thread;
    __builtin_memcpy(pending.before, (void*)start, size);
}

// Before a store to memory that threads of CUDA share: the others of the block come as far, so that what one
// has read there by now is no longer so.
static void meet(u64 place)
{
    if (!warpgen_watch.on || atomic_now() || !warpgen_watch.store) return;
    for (u64 r = 0; r < 4; r += 2)
        if (place >= warpgen_watch.shared[r] && place < warpgen_watch.shared[r + 1]) warpgen_watch.store();
}

static void copied(u64 to, u64 from, u64 size)
{
    touch(from, size, 2);
    touch(to, size, __builtin_memcmp((void*)to, (void*)from, size) || size <= 16 ? 0 : 3);
}

extern "C" {
void __tsan_init() {}
void __tsan_func_entry(void*)
{
    if (!warpgen_watch.on) return;
    if (is_atomic(HERE)) {
        ++warpgen_watch.depth;
        if (is_exchange(HERE)) exchanging = warpgen_watch.thread + 1;
    } else if (warpgen_watch.depth && is_strange(HERE)) warpgen_watch.depth <<= 8;
}
void __tsan_func_exit()
{
    if (!warpgen_watch.depth) return;
    if (is_atomic(HERE)) {
        --warpgen_watch.depth;
        if (is_exchange(HERE)) exchanging = 0;
    } else if (is_strange(HERE)) warpgen_watch.depth >>= 8;
}
// Memory that was given back holds nothing of the launch before.
void* warpgen_malloc(u64 size)
{
    void* made = malloc(size);
    if (made) __builtin_memset(made, 0xA5, size);
    return made;
}
// What clang takes for aligned, to eight bytes at most. A GPU stops where it is not.
#define ASKEW(p, n) warpgen_watch.askew |= (u64)(p) & (n - 1) & 7
#define ACCESS(n) \\
    void __tsan_read##n(void* p) { ASKEW(p, n), touch((u64)p, n, 2); } \\
    void __tsan_write##n(void* p) { ASKEW(p, n), meet((u64)p), touch((u64)p, n, 0); } \\
    void __tsan_unaligned_read##n(void* p) { touch((u64)p, n, 2); } \\
    void __tsan_unaligned_write##n(void* p) { meet((u64)p), touch((u64)p, n, 0); }
ACCESS(1) ACCESS(2) ACCESS(4) ACCESS(8) ACCESS(16)
void __tsan_read_range(void* p, u64 n) { touch((u64)p, n, 2); }
void __tsan_write_range(void* p, u64 n) { touch((u64)p, n, 0); }
void* __tsan_memcpy(void* to, const void* from, u64 n)
{
    if (n) meet((u64)to), copied((u64)to, (u64)from, n);
    return __builtin_memcpy(to, from, n);
}
void* __tsan_memmove(void* to, const void* from, u64 n)
{
    if (n) meet((u64)to), copied((u64)to, (u64)from, n);
    return __builtin_memmove(to, from, n);
}
void* __tsan_memset(void* to, int value, u64 n)
{
    if (n) meet((u64)to), touch((u64)to, n, 0);
    return __builtin_memset(to, value, n);
}
// Functions of libraries that read or write where they are told: by their addresses clang knows none.
void* warpgen_memcpy(void* to, const void* from, u64 n) { return __tsan_memcpy(to, from, n); }
void* warpgen_memmove(void* to, const void* from, u64 n) { return __tsan_memmove(to, from, n); }
void* warpgen_memset(void* to, int value, u64 n) { return __tsan_memset(to, value, n); }
int warpgen_memcmp(const void* a, const void* b, u64 n)
{
    if (n) touch((u64)a, n, 2), touch((u64)b, n, 2);
    return __builtin_memcmp(a, b, n);
}
int warpgen_bcmp(const void* a, const void* b, u64 n) { return warpgen_memcmp(a, b, n); }
u64 warpgen_strlen(const char* a)
{
    u64 n = __builtin_strlen(a);
    touch((u64)a, n + 1, 2);
    return n;
}
#define WRITTEN(p) meet((u64)(p)), touch((u64)(p), sizeof *(p), 0)
double warpgen_modf(double x, double* whole) { WRITTEN(whole); return modf(x, whole); }
float warpgen_modff(float x, float* whole) { WRITTEN(whole); return modff(x, whole); }
void warpgen_sincos(double x, double* s, double* c) { WRITTEN(s); WRITTEN(c); sincos(x, s, c); }
void warpgen_sincosf(float x, float* s, float* c) { WRITTEN(s); WRITTEN(c); sincosf(x, s, c); }
// Nobody reads what is printed, and a format can have what is printed counted in memory.
int warpgen_printf(const char*, ...) { return 0; }
int warpgen_puts(const char*) { return 0; }
int warpgen_putchar(int c) { return c; }
}
""".replace("MOST", str(_MOST))


class _Region(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint64) for name in ("start", "end", "shift", "cells"))


class _State(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_uint64) for name in ("on", "thread", "depth", "regions", "atomics", "ranges")),
        ("region", _Region * _MOST),
        *((name, ctypes.c_uint64) for name in ("low", "high", "accesses", "store")),
        ("shared", ctypes.c_uint64 * 4),
        *(
            (name, ctypes.c_uint64)
            for name in ("strangers", "strange", "exchanges", "exchange", "askew", "most")
        ),
    )


class Watch:
    """The watch in this process, out of its compiled object."""

    def __init__(self, path: Path, find: Any) -> None:
        self._object = LoadedObject(path, find)
        self._state = _State.from_address(self._object.address("warpgen_watch"))
        self._settle = ctypes.CFUNCTYPE(None)(self._object.address("warpgen_settle"))
        self._ranges: NDArray[np.uint64] = np.zeros(0, np.uint64)
        self._strange: NDArray[np.uint64] = np.zeros(0, np.uint64)
        self._exchange: NDArray[np.uint64] = np.zeros(0, np.uint64)
        self._cells: NDArray[np.uint32] = np.zeros((0, 4), np.uint32)
        self._ends: NDArray[np.int64] = np.zeros(0, np.int64)
        self.thread = ctypes.addressof(self._state) + _State.thread.offset
        self._state.most = (1 << 64) - 1

    def address(self, name: str) -> int:
        """Where the function is that it has for a name that kernels call, 0 where it has none."""
        if name.startswith("__tsan_"):
            return self._object.address(name)
        return self._object.address(f"warpgen_{name}") if name in _IN_PLACE else 0

    def know_atomics(self, functions: Sequence[tuple[str, int, int]], cuda: bool = False) -> None:
        """Take name, start and size of a kernel's functions: which are Warp's atomics, or CUDA's own."""
        known = _is_cudas if cuda else is_atomic
        self._ranges = _sorted(f for f in functions if known(f[0]))
        self._strange = _sorted(f for f in functions if not _OF_HEADERS.match(f[0]))
        self._state.atomics, self._state.ranges = len(self._ranges) // 2, self._ranges.ctypes.data
        self._exchange = _sorted(f for f in functions if _EXCHANGE.match(f[0]))
        self._state.exchanges, self._state.exchange = len(self._exchange) // 2, self._exchange.ctypes.data
        self._state.strangers, self._state.strange = len(self._strange) // 2, self._strange.ctypes.data

    def know_shared(self, store: int, places: Sequence[tuple[int, int]]) -> None:
        """Call a function before each store to memory that threads share: two places, by start and end."""
        self._state.store = store
        self._state.shared[:] = [address for place in places for address in place]

    def begin(self, arrays: Sequence[NDArray[Any]]) -> bool:
        """Watch these arrays from now on; False, and none is watched, if they are too many or too large."""
        sizes = [array.nbytes // array.itemsize for array in arrays]
        self._rest()
        if len(arrays) > _MOST or sum(sizes) > MOST_ELEMENTS:
            return False
        self._cells = np.zeros((sum(sizes), 4), np.uint32)
        self._ends = np.cumsum(sizes, dtype=np.int64)
        parts = np.split(self._cells, self._ends)[:-1]
        for place, (array, cells) in enumerate(zip(arrays, parts, strict=True)):
            start = array.ctypes.data
            shift = array.itemsize.bit_length() - 1
            self._state.region[place] = _Region(start, start + array.nbytes, shift, cells.ctypes.data)
        regions = self._state.region[: len(arrays)]
        self._state.low = min((region.start for region in regions), default=0)
        self._state.high = max((region.end for region in regions), default=0)
        self._state.regions, self._state.depth, self._state.on = len(arrays), 0, 1
        return True

    @property
    def accesses(self) -> int:
        """How often memory was read or written until now, watched or not: work that no clock tells."""
        return int(self._state.accesses)

    def allow(self, accesses: int) -> None:
        """Trap after so many more."""
        self._state.most = self._state.accesses + accesses

    @property
    def askew(self) -> bool:
        """Whether a number was read or written until now whose address is no multiple of its size."""
        return bool(self._state.askew)

    def end(self) -> list[NDArray[np.bool_]]:
        """For each array, the elements that threads raced for."""
        self._settle()
        self._rest()
        return np.split(_raced(self._cells), self._ends)[:-1]

    def _rest(self) -> None:
        self._state.on = self._state.low = self._state.high = 0


def _sorted(functions: Iterable[tuple[str, int, int]]) -> NDArray[np.uint64]:
    """Where functions begin and end, in order."""
    return np.array(sorted((start, start + size) for _, start, size in functions), np.uint64).reshape(-1)


def is_atomic(name: str) -> bool:
    """Whether a mangled name is that of one of Warp's atomics."""
    stem = name.removeprefix("_ZN2wp").lstrip("0123456789")
    return name.startswith("_ZN2wp") and stem.startswith("atomic_")


def _is_cudas(name: str) -> bool:
    """As `is_atomic`, or one of CUDA's, which the screen lets nobody define."""
    return is_atomic(name) or _CUDA_ATOMIC.match(name) is not None


def _raced(cells: NDArray[np.uint32]) -> NDArray[np.bool_]:
    wrote, changed, read, rewrote = cells.T
    found = (wrote & _MANY) != 0
    for one, other in ((wrote, changed), (wrote, read), (changed, read), (changed, rewrote)):
        found |= _meet(one, other)
    return np.asarray(found, np.bool_)


def _meet(a: NDArray[np.uint32], b: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Where two different threads did one thing and the other."""
    return np.asarray((a != 0) & (b != 0) & ((a != b) | (((a | b) & _MANY) != 0)), np.bool_)
