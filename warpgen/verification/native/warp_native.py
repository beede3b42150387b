"""What verification does with Warp: its clang, its loader, its launch bounds, its arrays in memory."""

from __future__ import annotations

import ctypes
import functools
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import warp

from warpgen.extraction.versions import OLDER_WARPS
from warpgen.verification.native.object_file import LoadedObject
from warpgen.warp_internals import build, codegen, context, types

VERSION = str(warp.__version__)
WARP_FOLDER = os.path.dirname(os.path.abspath(warp.__file__))

ARRAY_SIZE = ctypes.sizeof(types.array_t)
INDEXED_SIZE = ctypes.sizeof(types.indexedarray_t)

# Threads of a block on CUDA, where Warp is not told otherwise.
DEVICE_BLOCK = 256

# One instruction set for all machines: with Warp's default, -march=native, results would depend on the host.
CPU_TARGET = "x86-64-v3"
# No analyses for warnings, registers given out line by line, clang's own output neither named nor checked by
# itself: a quarter less work for the same verdicts.
_QUICK = "-w -disable-llvm-verifier -discard-value-names"
if VERSION not in OLDER_WARPS:  # whose clang has no way to tell LLVM anything
    _QUICK += " -mllvm=-regalloc=fast -mllvm=-optimize-regalloc=0"
# A local that nothing was written to holds a pattern (of floats: NaN), not what the stack happens to hold.
# Not the memory for tiles, which is of no kernel: its pattern of 256 KiB would double the cost of compiling.
_UNSET = "-ftrivial-auto-var-init=pattern -ftrivial-auto-var-init-max-size=4096"
FLAGS = f"-target-cpu {CPU_TARGET} {_QUICK} {_UNSET}"


def compile_object(source: Path, result: Path, headers: Path, asserts: Path, more: str = "") -> None:
    """Clang at O0 to an object that loads; raises Exception after writing diagnostics to fd 2.

    `asserts` is a header put before all others; it switches on Warp's range checks without the debug
    information that makes `mode="debug"` a third slower. Its name, unlike its folder's, stands in a line that
    is split at white space, and one of that name in the current folder would be taken for it. `more` are
    flags for clang.
    """
    flags = f"-include {asserts.name} {FLAGS} {more}"
    _clang(source, result, headers, 0, flags, [asserts.parent.absolute()])


def compile_device(
    source: Path,
    result: Path,
    headers: Path | None,
    includes: Path,
    shim: str,
    level: int = 0,
    more: Sequence[str] = (),
) -> None:
    """Clang to an object of CUDA text as C++; raises Exception likewise.

    `includes` holds Warp's headers, changed, and `shim`, a header put before all others ('' for none). Locals
    hold a pattern until they are set, and an index beyond an array of a known size traps. `more` are clang's.
    """
    flags = [
        *FLAGS.split(),
        "-fno-threadsafe-statics",
        "-fsanitize=array-bounds",
        "-fsanitize-trap=array-bounds",
        *more,
    ]
    flags += ["-include", shim] if shim else []
    words = (ctypes.c_char_p * (len(flags) + 1))(*[flag.encode() for flag in flags], None)
    text, name, place = source.read_bytes(), str(source).encode(), str(includes).encode()
    keep = str(headers).encode() if headers else None
    compiler = context.runtime.llvm.wp_compile_cpp
    options = (False, False, True, False, words, level, False, headers is not None, keep, DEVICE_BLOCK)
    if compiler(text, name, place, str(result).encode(), *options) != 0:
        raise RuntimeError("clang refused the text")


def compile_plain(source: Path, result: Path) -> None:
    """Clang at -O1 to an object, without Warp's headers; raises Exception likewise."""
    build.build_cpu(
        str(result), str(source), extra_flags=f"-target-cpu {CPU_TARGET} -w", optimization_level=1
    )


def compile_ir(source: Path, result: Path, headers: Path) -> None:
    """Clang at Warp's own -O2 to LLVM IR as it goes into code generation; raises Exception likewise.

    Warp's clang writes no IR by itself: stopped before its first pass of code generation it writes a file of
    machine IR, which holds the LLVM IR as its first document.
    """
    _clang(source, result, headers, 2, f"-target-cpu {CPU_TARGET} -mllvm=-stop-before=atomic-expand")


def _clang(
    source: Path, result: Path, headers: Path, level: int, flags: str, folders: Sequence[Path] = ()
) -> None:
    build.build_cpu(
        str(result),
        str(source),
        extra_flags=flags,
        optimization_level=level,
        use_precompiled_headers=True,
        pch_dir=str(headers),
        block_dim=1,
        extra_include_dirs=folders,
    )


class Library:
    """A compiled object in this process. Raises OSError, naming what the object lacks or may not call.

    It may call Warp and mathematics but not the rest of the C library, which could open files and start
    programs: whatever screens a source does not see through the C++ of its native functions.
    """

    def __init__(self, path: Path) -> None:
        self._object = LoadedObject(path, harmless)

    def entry(self, symbol: str) -> Any:
        """A callable for an entry point, None where there is none."""
        address = self._object.address(symbol)
        return ctypes.CFUNCTYPE(None)(address) if address else None

    def arm(self, armed: bool) -> None:
        """Let the range checks trap, or not."""
        ctypes.c_int.from_address(self._object.address("warpgen_armed")).value = int(armed)

    def word(self, name: str) -> ctypes.c_uint64:
        """A global of eight bytes, to read and to set."""
        return ctypes.c_uint64.from_address(self._object.address(name))


# What Warp's loader hands to generated code without exporting it; all else is in libm and libc.
_INTERNAL: tuple[str, ...] = ("_wp_assert", "_wp_isfinite", "_wp_isnan", "_wp_isinf")
_INTERNAL += ("erfinv", "erfinvf", "erfcinv", "erfcinvf")


@functools.cache
def outside(name: str) -> int:
    """The address of a function that generated code may call, 0 for one that does not exist."""
    if name in _INTERNAL:
        return _internal(name)
    for library in (context.runtime.llvm, context.runtime.core, ctypes.CDLL("libm.so.6"), ctypes.CDLL(None)):
        try:
            return ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0
        except AttributeError:
            continue
    return _internal(name)


class _Place(ctypes.Structure):
    """What `dladdr` tells of an address."""

    _fields_ = (
        ("file", ctypes.c_char_p),
        ("base", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
    )


# Of the C library, what compilers put in for loops and assignments, what `wp.printf` becomes, and memory,
# of which a child has only so much.
_HARMLESS = frozenset(
    "memcpy memmove memset memcmp bcmp strlen printf puts putchar abort malloc calloc realloc free".split()
)


# Mathematics that Warp's headers call by name, for both widths of floats.
_FUNCTIONS = """
acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh erf erfc exp exp2 expm1 fabs floor fma fmax
fmin fmod hypot ldexp lgamma log log10 log1p log2 modf nearbyint pow remainder rint round sin sincos sinh sqrt
tan tanh tgamma trunc
""".split()
MATHEMATICS = frozenset(name + width for name in _FUNCTIONS for width in ("", "f"))

# The files of the C library, which was several until glibc 2.34, and of Python.
_SYSTEM = ("libc.", "libc-", "libdl", "libpthread", "librt", "libutil", "ld-", "python", "libpython")


@functools.cache
def harmless(name: str) -> int:
    """As `_outside`; raises OSError for a function of the C library that is no mathematics."""
    address = outside(name)
    place = _Place()
    ctypes.CDLL(None).dladdr(ctypes.c_void_p(address), ctypes.byref(place))
    file = os.path.basename((place.file or b"").decode())
    if address and name not in _HARMLESS and file.startswith(_SYSTEM):
        raise OSError(f"a kernel may not call {name}")
    return address


def callable_address(name: str) -> int:
    """The address of a function that a stranger's kernel may call; raises OSError for one that it may not."""
    require_callable(name)
    return outside(name)


def require_callable(name: str) -> int:
    """1 for a function that a stranger's kernel may call; raises OSError for one that it may not."""
    if name == "realloc" or not (name in MATHEMATICS or name in _HARMLESS or name in _INTERNAL):
        raise OSError(f"a kernel may not call {name}")
    return 1


def _internal(name: str) -> int:
    """Ask Warp's own loader, by way of a few lines of C++ that need the name."""
    with tempfile.TemporaryDirectory() as folder:
        source, result = os.path.join(folder, "name.cpp"), os.path.join(folder, "name.o")
        with open(source, "w", encoding="utf-8") as file:
            file.write(f'extern "C" {{ void {name}(); void* warpgen_address = (void*)&{name}; }}\n')
        try:
            build.build_cpu(result, source, optimization_level=0)
        except Exception:
            return 0
        handle = f"warpgen_{name}".encode()
        if context.runtime.llvm.wp_load_obj(result.encode(), handle, False) != 0:
            return 0
        place = context.runtime.llvm.wp_lookup(handle, b"warpgen_address")
        return (ctypes.c_uint64.from_address(place).value if place else 0) or 0


def know_internals() -> None:
    """Look the usual names up now, for all children to come."""
    for name in _INTERNAL:
        outside(name)


def launch_bounds(dim: tuple[int, ...], kernel_dim: int) -> Any:
    """The launch's size as kernels take it; dimensions are padded or folded as `wp.launch` does."""
    return context._build_launch_bounds_from_tuple(dim, kernel_dim)


def argument_types(kernel: Any) -> list[tuple[str, Any]]:
    """Names and Warp types of a live kernel's arguments, in launch order."""
    return [(argument.label, argument.type) for argument in kernel.adj.args]


def is_struct(kind: Any) -> bool:
    """Whether a type is a struct of a program."""
    return isinstance(kind, codegen.Struct)


def struct_fields(kind: Any) -> tuple[int, list[tuple[str, Any, int]]]:
    """Size in bytes of a struct, and name, type and offset of each of its fields."""
    fields = [(name, var.type, getattr(kind.ctype, name).offset) for name, var in kind.vars.items()]
    return ctypes.sizeof(kind.ctype), fields


def array_family(kind: Any) -> str:
    """`array`, `indexed`, `other` (fabric arrays, tiles) or nothing for a type that is no array."""
    if types.matches_array_class(kind, types.array):
        return "array"
    if types.matches_array_class(kind, types.indexedarray):
        return "indexed"
    return "other" if types.is_array(kind) else ""


def array_bytes(address: int, gradient: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> bytes:
    """An array descriptor, as kernels take it, over memory that the caller keeps alive."""
    return bytes(types.array_t(address, gradient, len(shape), shape, strides))


def indexed_bytes(data: bytes, indices: list[int], shape: tuple[int, ...]) -> bytes:
    """An indexed-array descriptor: `data` from `array_bytes`, an address (or 0) per axis of `indices`."""
    view = types.indexedarray_t(None, None, shape)
    view.data = types.array_t.from_buffer_copy(data)
    for axis, (address, extent) in enumerate(zip(indices, shape, strict=True)):
        view.indices[axis] = address or None
        view.shape[axis] = extent
    return bytes(view)


def special_vector(kind: Any) -> str:
    """`quat` or `transform` for a vector type that has rules of its own, else ''."""
    generic = getattr(kind, "_wp_generic_type_str_", "")
    return {"quat_t": "quat", "transform_t": "transform"}.get(generic, "")


def scalar_code(kind: Any) -> str:
    """NumPy's code of a scalar type, '' for a type that NumPy does not know."""
    if kind in (float, int, bool):
        return {float: "<f4", int: "<i4", bool: "|b1"}[kind]
    if kind is types.bool:
        return "|b1"
    kind_type = types.warp_type_to_np_dtype.get(kind)
    return "" if kind_type is None or kind is types.bfloat16 else str(kind_type().dtype.str)


def texture_size(kind: Any) -> int:
    """Bytes of the descriptor of a texture type, 0 for any other type."""
    for texture, descriptor in (
        (warp.Texture1D, context.texture1d_t),
        (warp.Texture2D, context.texture2d_t),
        (warp.Texture3D, context.texture3d_t),
    ):
        if kind is texture:
            return ctypes.sizeof(descriptor)
    return 0


def texture_bytes(texture: Any) -> bytes:
    """The descriptor of a live texture."""
    return bytes(texture.__ctype__())


def aligned(data: bytes) -> Any:
    """A copy of the bytes that begins where a word may."""
    words = (ctypes.c_uint64 * max(len(data) // 8, 1))()
    ctypes.memmove(words, data, len(data))
    return words
