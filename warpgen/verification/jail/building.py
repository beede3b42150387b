"""Clang on one text, inside the jail: with the watch's instrumentation, against Warp's headers alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import xxhash

from warpgen.errors import CompilerError
from warpgen.verification.compiling.compiler import ASSERTS, BARE, first_error
from warpgen.verification.jail import driver, watch
from warpgen.verification.native import warp_native
from warpgen.verification.native.object_file import LoadedObject

# Templates that Warp's headers use themselves are instantiated once, with the headers: a quarter less work.
FLAGS = f"{watch.FLAG} -fpch-instantiate-templates"
# What an object depends on besides its text.
FINGERPRINT = xxhash.xxh3_64_hexdigest(
    "\0".join(
        [ASSERTS, watch.SOURCE, driver.LOOP, FLAGS, warp_native.CPU_TARGET, warp_native.VERSION]
    ).encode()
)


class Builder:
    """Compiles for one process; `folder` keeps the precompiled headers, which its children may only read."""

    def __init__(self, folder: Path) -> None:
        self.headers = folder / "headers"
        self.headers.mkdir(parents=True, exist_ok=True)
        self._asserts = self.headers / f"asserts-{secrets.token_hex(8)}.h"  # a name that is nowhere else
        self._asserts.write_text(ASSERTS, encoding="ascii")
        self.watch = self._warm(folder)

    def _warm(self, folder: Path) -> watch.Watch:
        """Precompile Warp's headers, so that children inherit a warm compiler; compile the watch."""
        warp_native.know_internals()
        source, result = folder / "unit.cpp", folder / "watch.o"
        try:
            source.write_text(BARE["cpu"], encoding="ascii")
            self._compile(source, result, self.headers)
            for header in self.headers.iterdir():  # links to it stand in folders that a build may write to
                header.chmod(0o444)
            source.write_text(watch.SOURCE, encoding="ascii")
            warp_native.compile_plain(source, result)
        except Exception as error:
            raise CompilerError(
                f"the compiler refuses Warp's own headers ({error}): install Warp anew"
            ) from error
        return watch.Watch(result, warp_native.outside)

    def link(self, folder: Path) -> None:
        """Give a build headers of its own: clang removes those that it used when a text fails."""
        folder.mkdir()
        for header in self.headers.glob("*.pch"):
            os.link(header, folder / header.name)

    def build(self, text: str, folder: Path) -> bytes:
        """The object of a text; `folder` takes the files. Raises ValueError with what clang says.

        Descriptor 2 must be its file `said`, and its folder `headers` be linked.
        """
        source, result = folder / "unit.cpp", folder / "unit.o"
        source.write_text(text, encoding="utf-8")
        try:
            self._compile(source, result, folder / "headers")
        except Exception as error:
            said = (folder / "said").read_text(encoding="utf-8", errors="replace")
            raise ValueError(first_error(said) or str(error)) from error
        made = result.read_bytes()
        try:
            LoadedObject(made, _listed)  # not to be run: to see what it calls
        except OSError as error:
            raise ValueError(str(error)) from error
        return made

    def _compile(self, source: Path, result: Path, headers: Path) -> None:
        warp_native.compile_object(source, result, headers, self._asserts, FLAGS)


class Kernel:
    """A compiled object in this process, linked against the watch and a list of names alone."""

    def __init__(self, data: bytes, builder: Builder) -> None:
        self._watch = builder.watch
        self.object = LoadedObject(data, self._find)
        self._watch.know_atomics(self.object.functions())

    def _find(self, name: str) -> int:
        return self._watch.address(name) if name.startswith("__tsan_") else warp_native.callable_address(name)


def _listed(name: str) -> int:
    """Any address, for a name that a kernel may call; raises OSError for another."""
    return 1 if name.startswith("__tsan_") else warp_native.require_callable(name)
