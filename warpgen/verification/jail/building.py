"""Clang on one text, inside the jail: with the watch's instrumentation, against Warp's headers alone.

CUDA is compiled as C++ over the CUDA branch of those headers, for threads that are fibers (`..device`).
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import xxhash

from warpgen.verification.compiling.compiler import ASSERTS, Compiler, first_error
from warpgen.verification.compiling.translation_unit import single
from warpgen.verification.device.compiling import MACHINE, SHIM, DeviceCompiler, functions_of, runnable
from warpgen.verification.device.machine import SHARED, Machine
from warpgen.verification.jail import driver, watch
from warpgen.verification.jail.driver import has_adjoint
from warpgen.verification.jail.job import Build
from warpgen.verification.native import warp_native
from warpgen.verification.native.generated import kernel_name
from warpgen.verification.native.kept import Kept
from warpgen.verification.native.object_file import LoadedObject

# Templates that Warp's headers use themselves are instantiated once, with the headers: a quarter less work.
# No number has ten bytes, as on a GPU: the watch would not see it.
FLAGS = f"{watch.FLAG} -fpch-instantiate-templates -mlong-double-64"
NATIVE = Path(warp_native.WARP_FOLDER) / "native"
# What an object depends on besides its text.
FINGERPRINT = xxhash.xxh3_64_hexdigest(
    "\0".join(
        [ASSERTS, watch.SOURCE, driver.LOOP, FLAGS, warp_native.CPU_TARGET, warp_native.VERSION]
    ).encode()
)


# The same of an object of CUDA.
DEVICE_FINGERPRINT = xxhash.xxh3_64_hexdigest(
    b"\0".join([FINGERPRINT.encode(), *(path.read_bytes() for path in (*SHIM, MACHINE))])
)


class _Compiler(Compiler):
    """As its base, with the watch's instrumentation, and the watch beside the precompiled headers."""

    asserts = ASSERTS

    def __init__(self, workdir: Path) -> None:
        super().__init__(workdir)
        self.watch = self.headers / "watch.o"

    @functools.cached_property
    def kept(self) -> Kept:
        """As its base's, and the watch."""
        return Kept("jail", [self.asserts, FLAGS, watch.SOURCE], self._workdir, self._fill)

    def compile_file(self, source: Path, path: Path, headers: Path) -> None:
        """One file to an object; raises Exception after writing diagnostics to fd 2."""
        warp_native.compile_object(source, path, headers, self.kept.secret("asserts"), FLAGS)

    def _clang_bare(self, folder: Path) -> str:
        if not self.watch.exists():
            source = folder / "watch.cpp"
            source.write_text(watch.SOURCE, encoding="ascii")
            warp_native.compile_plain(source, self.watch)
        return super()._clang_bare(folder)


class Builder:
    """Compiles for one process; `folder` keeps the precompiled headers, which its children may only read."""

    def __init__(self, folder: Path) -> None:
        self._compiler = _Compiler(folder)
        _make_ready(self._compiler)
        self.headers = self._compiler.headers
        self.watch = watch.Watch(self._compiler.watch, warp_native.outside)

    @property
    def readable(self) -> list[Path]:
        """The folders that a build reads."""
        return [NATIVE, self.headers, self._compiler.kept.folder]

    def build(self, job: Build, folder: Path) -> bytes:
        """The object of a text; `folder` takes the files. Raises ValueError with what clang says.

        Descriptor 2 must be its file `said`, and headers be linked in its folder `headers`.
        """
        return _built(job.text, folder, self._compiler.compile_file, _linked)


class DeviceBuilder:
    """As Builder, for CUDA: with a machine of fibers for objects to run on, and the watch of a Builder."""

    def __init__(self, folder: Path, watch: watch.Watch) -> None:
        self.watch, self._compiler = watch, DeviceCompiler(folder, FLAGS.split())
        _make_ready(self._compiler)
        self.headers = self._compiler.headers
        self.machine = Machine(self._compiler.machine)

    @property
    def readable(self) -> list[Path]:
        """The folders that a build reads."""
        return [NATIVE, self.headers, self._compiler.includes]

    def build(self, job: Build, folder: Path) -> bytes:
        """As that of Builder. Raises ValueError, too, for a kernel of other arguments."""
        _hold_arguments(job)
        text = runnable(single(0, job.text))
        return _built(text, folder, self._compiler.compile_file, self._linked)

    def _linked(self, made: bytes) -> None:
        """What is outside of functions is memory of the device, which threads may count in by atomics."""
        found = self.machine.load(made, _listed).variables()
        _hold_state([v for v, section in found if v.startswith("_ZZ") and section != SHARED])


# What CPU objects write beside their arrays, by Warp's headers and `ASSERTS`.
_WRITTEN = frozenset({"warpgen_armed", "_ZN2wpL19shared_tile_storageE"})


def _linked(made: bytes) -> None:
    found = LoadedObject(made, _listed).variables()
    _hold_state([v for v, section in found if v not in _WRITTEN and ".rel.ro" not in section])


def _hold_state(variables: Sequence[str]) -> None:
    """Nothing may stay of one thread, or of one launch, for the next: no watch sees it."""
    if variables:
        raise ValueError(f"it keeps a variable of its own from one thread to the next: {variables[0][:60]}")


def _make_ready(compiler: Compiler) -> None:
    compiler.ready()
    for file in compiler.headers.iterdir():  # links to it stand in folders that a build may write to
        file.chmod(0o444)


def link(headers: Path, folder: Path) -> None:
    """Give a build headers of its own: clang removes those that it used when a text fails."""
    folder.mkdir()
    for header in headers.glob("*.pch"):
        os.link(header, folder / header.name)


def _built(
    text: str, folder: Path, compile: Callable[[Path, Path, Path], None], link: Callable[[bytes], object]
) -> bytes:
    source, result = folder / "unit.cpp", folder / "unit.o"
    source.write_text(text, encoding="utf-8")
    try:
        compile(source, result, folder / "headers")
    except Exception as error:
        said = (folder / "said").read_text(encoding="utf-8", errors="replace")
        raise ValueError(first_error(said) or str(error)) from error
    made = result.read_bytes()
    try:
        link(made)  # not to be run: to see what it calls
    except OSError as error:
        raise ValueError(str(error)) from error
    return made


def _hold_arguments(job: Build) -> None:
    """The kernel and its adjoint must be there, and take as many arguments as the row's."""
    found, name = functions_of(job.text), kernel_name(job.text)
    wanted = {"forward": job.arguments + 1}
    if has_adjoint(job.text, "cuda"):
        wanted["backward"] = 2 * job.arguments + 1
    for direction, count in wanted.items():
        types = found.get(f"{name}_cuda_kernel_{direction}")
        if types is None:
            raise ValueError(f"there is no __global__ void {name}_cuda_kernel_{direction}(...) {{...}}")
        if len(types) != count:
            raise ValueError(f"{name}_cuda_kernel_{direction} takes {len(types)} arguments, not {count}")


def _listed(name: str) -> int:
    """Any address, for a name that a kernel may call; raises OSError for another."""
    return 1 if name.startswith("__tsan_") else warp_native.require_callable(name)
