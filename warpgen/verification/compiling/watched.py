"""Make a CPU text tell what its threads do to memory, in the order that it is asked to run them in.

The widened text of a program is compiled for verification alone, so it may be more than a reference: behind
each load, store and atomic of the generated code goes a call that notes place, value and thread. Nothing is
noted while no log is given.
"""

from __future__ import annotations

import re

# Kinds of access, in the lowest bits of an entry's `what`; the other bits are the size in bytes.
READ, WRITE, ATOMIC = 0, 1, 2

# Goes before Warp's headers, once in an object. `warpgen_step` prime to the number of threads runs them in
# another order: all but one backwards.
STATE = """
extern "C" {
struct warpgen_access { const void* place; unsigned long long value; unsigned thread; unsigned what; };
struct warpgen_access* warpgen_log = 0;
unsigned long long warpgen_count = 0, warpgen_most = 0, warpgen_step = 1;
unsigned warpgen_thread = 0;
const unsigned long long* warpgen_regions = 0;
unsigned long long warpgen_region_count = 0;
void warpgen_keep(const void* place, unsigned size, unsigned kind)
{
    const unsigned long long at = (unsigned long long)place;
    for (unsigned long long r = 0; r < warpgen_region_count; ++r) {
        if (at < warpgen_regions[2 * r] || at >= warpgen_regions[2 * r + 1])
            continue;
        if (warpgen_count++ >= warpgen_most)
            return;
        unsigned long long value = 1469598103934665603ull;
        for (unsigned i = 0; kind != 2 && i < size; ++i)
            value = (value ^ ((const unsigned char*)place)[i]) * 1099511628211ull;
        struct warpgen_access made = { place, value, warpgen_thread, size << 2 | kind };
        warpgen_log[warpgen_count - 1] = made;
        return;
    }
}
}
"""

# Goes behind Warp's headers, once in a unit.
HOOKS = """#ifndef WARPGEN_HOOKS
#define WARPGEN_HOOKS
template <typename T> inline void warpgen_note(unsigned kind, const T* place)
{
    if (warpgen_log)
        warpgen_keep(place, sizeof(T), kind);
}
template <typename T, int... Shape, typename... Offset>
inline void warpgen_box(unsigned kind, wp::tile_tuple_t<Shape...>, const wp::array_t<T>& a, Offset... offset)
{
    if (!warpgen_log)
        return;
    const int shape[] = { Shape... }, from[] = { offset... };
    long long total = 1;
    for (int extent : shape)
        total *= extent;
    for (long long n = 0; n < total; ++n) {
        long long rest = n, at = 0;
        bool inside = true;
        for (int d = sizeof...(Shape) - 1; d >= 0; --d) {
            const long long i = from[d] + rest % shape[d];
            rest /= shape[d];
            inside = inside && i >= 0 && i < a.shape[d];
            at += i * a.strides[d];
        }
        if (inside)
            warpgen_keep((const char*)a.data + at, sizeof(T), kind);
    }
}
#endif
"""

_LOOP = "for (size_t task_index = 0; task_index < dim->size; ++task_index)\n    {\n"
_ORDERED = (
    "for (size_t warpgen_at = 0; warpgen_at < dim->size; ++warpgen_at)\n    {\n"
    "        const size_t task_index = warpgen_at * warpgen_step % dim->size;\n"
    "        warpgen_thread = task_index;\n"
)

# One statement of generated code a line.
_CALL = re.compile(
    r"^\s*(?:var_\w+ = )?wp::(?P<name>load|store|array_store|atomic_\w+|array_atomic_\w+_slot"
    r"|tile_load|tile_store|tile_atomic_add)(?:<(?P<types>.*?)>)?\((?P<given>.*)\);$",
    re.MULTILINE,
)
_SLOT = re.compile(r"(\w+), \w+, \[&\]\(auto& _e\) -> auto& \{ return _e(.*?); \}, (.*)")
_LOCAL = re.compile(
    r"^(    wp::(?:u?int\d+|bool|float\d+|(?:vec|mat|quat|transform)_t<[\w:, ]*>) var_\w+);$", re.MULTILINE
)


def hooked(code: str, prelude_end: str) -> str:
    """The text with hooks."""
    text = _CALL.sub(_hooked, code.replace(_LOOP, _ORDERED))
    return text.replace(prelude_end, prelude_end + HOOKS, 1)


def begun_with_zeros(code: str) -> str:
    """The text with locals that begin as zeros: those of the row's own object begin with a pattern."""
    return _LOCAL.sub(r"\1 = {};", code)


def _hooked(call: re.Match[str]) -> str:
    note = _note(call["name"], call["types"] or "", call["given"])
    return f"{call[0]} {note};" if note else call[0]


def _note(name: str, types: str, given: str) -> str:
    """The call that notes what one statement has done."""
    items = given.split(", ")
    if name == "load":
        return f"warpgen_note({READ}, {given})"
    if name == "store":
        return f"warpgen_note({WRITE}, {given.rpartition(', ')[0]})"
    if name == "array_store":
        return f"warpgen_note({WRITE}, wp::address({', '.join(items[:-1])}))"
    if name.endswith("_slot"):
        slot = _SLOT.fullmatch(given)
        return f"warpgen_note({ATOMIC}, &(wp::index({slot[1]}, {slot[3]}){slot[2]}))" if slot else ""
    if name == "tile_load":
        shape = [part for part in types.split(", ") if part.isdigit()]
        return f"warpgen_box({READ}, wp::tile_tuple_t<{', '.join(shape)}>{{}}, {given})"
    if name.startswith("tile_"):
        kind, shape_of = WRITE if name == "tile_store" else ATOMIC, items[-1]
        return (
            f"warpgen_box({kind}, typename decltype({shape_of})::Layout::Shape{{}}, {', '.join(items[:-1])})"
        )
    last = 2 if name == "atomic_cas" else 1
    if len(items) - last < 2:  # through a pointer
        return f"warpgen_note({ATOMIC}, {items[0]})"
    return f"warpgen_note({ATOMIC}, wp::address({', '.join(items[:-last])}))"
