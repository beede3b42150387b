"""Do the compilers accept each program's exact code? Clang for the CPU, NVRTC for CUDA.

Units are compiled in forked children. A unit that fails loses the program that the first diagnostic
points at, or is halved where none does; a program that fails in company is tried once more alone,
exactly as it stands in the row, and only that decides.
"""

from __future__ import annotations

import functools
import os
import re
import tempfile
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from warpgen.errors import CompilerError
from warpgen.reasons import Reason
from warpgen.record import Target
from warpgen.verification.compiling import nvrtc
from warpgen.verification.compiling.translation_unit import TranslationUnit, compose, single
from warpgen.verification.compiling.watched import STATE
from warpgen.verification.native import warp_native
from warpgen.verification.native.isolation import Died, Note, isolated
from warpgen.verification.native.kept import Kept, secret

# CPU seconds before a unit counts as endless: a median kernel takes 0.03, the longest texts allowed 3.
UNIT_SECONDS, TEXT_SECONDS = 20.0, 0.25
_DIAGNOSTIC = re.compile(r"\bunit\.(?:cpp|cu)[:(](\d+)[:)].*?\berror\b[^:]*:\s*(.*)")
# An error inside Warp's headers, and the line of the unit that asked for what is there.
_REQUESTED = re.compile(r"\berror\b[^\0]*?\bunit\.(?:cpp|cu)[:(](\d+)[:)]")
_HEADER_ERROR = re.compile(r"\berror\b[^:]*:\s*(.*)")
_UNDEFINED = re.compile(r"undefined symbol: \S*program_(\d+)")

# Goes before Warp's headers: accesses to arrays, vectors and matrices trap when out of range, as in
# Warp's debug mode, but only while armed. An adjoint that reads `x.shape` clears the shape of x's
# gradient, harmlessly, and would trap for nothing.
ASSERTS = """#undef NDEBUG
extern "C" void _wp_assert(const char*, const char*, unsigned int);
extern "C" { int warpgen_armed = 1; }
extern "C" void warpgen_assert(const char* expression, const char* file, unsigned int line)
{
    if (warpgen_armed)
        _wp_assert(expression, file, line);
}
#define _wp_assert warpgen_assert
"""

_INCLUDES = '#define WP_NO_CRT\n#include "builtin.h"\n#include "deterministic.h"\n'
# How nearly all generated texts begin; the precompiled headers of one that differs are made as it comes.
BARE: dict[Target, str] = {
    "cpu": f"#define WP_NO_BFLOAT16\n\n#define WP_TILE_BLOCK_DIM 1\n{_INCLUDES}",
    "cuda": f"#define WP_NO_BFLOAT16\n\n#define WP_TILE_BLOCK_DIM 256\n{_INCLUDES}",
}


class Compiled(msgspec.Struct, frozen=True):
    """`failures` by program: reason and first error line. `objects`: file of each program that compiled."""

    failures: dict[int, Died]
    objects: dict[int, Path]


class Compiler:
    """Compiles for one process; `workdir` keeps the precompiled headers between units.

    One that compiles otherwise says so by `bare`, `asserts`, `kept` and `compile_file`.
    """

    bare, asserts = BARE["cpu"], ASSERTS + STATE

    def __init__(self, workdir: Path) -> None:
        self._workdir = workdir
        self.headers = workdir / "headers"  # the precompiled ones
        self._warm: set[Target] = set()

    def ready(self) -> None:
        """Precompile the headers, so that children inherit a warm compiler."""
        self._warm_up("cpu")

    def compile(self, target: Target, codes: Mapping[int, str], foreign: Collection[int] = ()) -> Compiled:
        """Compile the given texts.

        Those in `foreign` hold a person's C++: for CUDA, down to machine code, which alone shows that a
        function is declared and called but nowhere defined.
        """
        result = Compiled({}, {})
        if not codes:
            return result
        self._warm_up(target)
        if target == "cuda" and foreign:
            together = [(i, code) for i, code in codes.items() if i not in foreign]
            pending = [*compose(together), *(single(i, codes[i]) for i in foreign if i in codes)]
        else:
            pending = compose(list(codes.items()))
        while pending:
            unit = pending.pop()
            pending += self._settle(target, unit, codes, result, unit.members[0] in foreign)
        return result

    def _settle(
        self, target: Target, unit: TranslationUnit, codes: Mapping[int, str], result: Compiled, fully: bool
    ) -> list[TranslationUnit]:
        """Compile one unit into `result`; returns the smaller units to try in its place."""
        path = self._new_file(".o")
        failure = self._attempt(target, unit, path, fully)
        if failure is None:
            result.objects.update(dict.fromkeys(unit.members, path))
            return []
        path.unlink()
        if len(unit.members) == 1:
            (index,) = unit.members
            result.failures[index] = Died(failure.reason, first_error(failure.error))
            return []
        guilty = _guilty(failure.error, unit)
        if guilty is not None:
            rest = [m for m in unit.members if m != guilty]
            return [single(guilty, codes[guilty]), *compose([(m, codes[m]) for m in rest])]
        half = len(unit.members) // 2
        parts = unit.members[:half], unit.members[half:]
        return [u for part in parts for u in compose([(m, codes[m]) for m in part])]

    def _attempt(self, target: Target, unit: TranslationUnit, path: Path, fully: bool) -> Died | None:
        """None if the unit compiles (and, on the CPU, links), else why not and all that was said."""
        seconds = UNIT_SECONDS + TEXT_SECONDS * len(unit.members)
        with tempfile.TemporaryDirectory(prefix="unit-", dir=self._workdir) as folder:

            def task(_: int, note: Note) -> str:
                if target == "cpu":
                    return self.to_object(unit, path, Path(folder))
                return self.to_cuda(unit, fully)

            said: Any = isolated(1, task, seconds=seconds, silent=20 * seconds)[0]
        if isinstance(said, Died):
            return said
        return Died(Reason.COMPILE, said) if said else None

    def to_cuda(self, unit: TranslationUnit, fully: bool) -> str:
        """What NVRTC complains of, nothing if it accepts the unit."""
        accepted, log = nvrtc.check(unit.text, "unit.cu", self._workdir, cubin=fully)
        return "" if accepted else (log or "NVRTC refused the text without a word")

    def to_object(self, unit: TranslationUnit, path: Path, folder: Path) -> str:
        """Compile the unit to an object at `path`; what clang complains of, nothing if it accepts it."""
        source = folder / "unit.cpp"
        source.write_text(unit.text, encoding="utf-8")
        links = folder / "headers"  # clang removes the header it used when a text fails: give it a link
        links.mkdir()
        for header in self.headers.glob("*.pch"):
            os.link(header, links / header.name)
        return _said(folder, lambda: self._build_and_link(unit, source, path, links))

    def compile_file(self, source: Path, path: Path, headers: Path) -> None:
        """One file to an object; raises Exception after writing diagnostics to fd 2."""
        warp_native.compile_object(source, path, headers, self.kept.secret("asserts"))

    def _build_and_link(self, unit: TranslationUnit, source: Path, path: Path, headers: Path) -> None:
        self.compile_file(source, path, headers)
        library = warp_native.Library(path)
        for name in unit.names:
            if library.entry(f"{name}_cpu_forward") is None:
                raise OSError(f"undefined symbol: {name}_cpu_forward")

    @functools.cached_property
    def kept(self) -> Kept:
        """What clang makes of Warp's headers alone, and the file that it makes it of beside them."""
        return Kept("cpu", [self.asserts], self._workdir, self._fill)

    def _fill(self, folder: Path) -> None:
        (folder / secret("asserts")).write_text(self.asserts, encoding="ascii")

    def _warm_up(self, target: Target) -> None:
        """Compile the bare headers, so that children inherit a warm compiler and its precompiled headers."""
        if target in self._warm:
            return
        if re.search("[\udc80-\udcff]", str(self._workdir)):  # what Python makes of bytes that are no UTF-8
            raise CompilerError(
                "compilers take no folder whose name is not UTF-8: choose another root or TMPDIR"
            )
        self.headers.mkdir(parents=True, exist_ok=True)
        error = self._warm_clang() if target == "cpu" else self._tried(self._nvrtc_bare)
        if error:
            why = first_error(error)
            raise CompilerError(
                f"the compiler for {target} refuses Warp's own headers ({why}): install Warp anew"
            )
        self._warm.add(target)

    def _warm_clang(self) -> str:
        """What clang has against Warp's headers, precompiled by an earlier process or now."""
        self.kept.lend(self.headers)
        lent = list(self.headers.iterdir())
        error = self._tried(self._clang_bare)
        if error and lent:
            self.kept.forget()
            for file in lent:
                file.unlink(missing_ok=True)
            error = self._tried(self._clang_bare)
        if not error:
            self.kept.keep(*self.headers.iterdir())
        return error

    def _tried(self, bare: Callable[[Path], str]) -> str:
        """Done in a child first, as a compiler that cannot be used may take its process with it."""
        with tempfile.TemporaryDirectory(prefix="warm-", dir=self._workdir) as folder:
            said: Any = isolated(1, lambda _, __: bare(Path(folder)), seconds=UNIT_SECONDS)[0]
            return f"{said.reason} {said.error}" if isinstance(said, Died) else said or bare(Path(folder))

    def _clang_bare(self, folder: Path) -> str:
        warp_native.know_internals()
        source = folder / "unit.cpp"
        source.write_text(self.bare, encoding="ascii")
        return _said(folder, partial(self.compile_file, source, folder / "unit.o", self.headers))

    def _nvrtc_bare(self, _: Path) -> str:
        accepted, log = nvrtc.check(BARE["cuda"], "unit.cu", self._workdir)
        return "" if accepted else log

    def _new_file(self, suffix: str) -> Path:
        handle, name = tempfile.mkstemp(suffix=suffix, dir=self._workdir)
        os.close(handle)
        return Path(name)


def _said(folder: Path, action: Callable[[], None]) -> str:
    """What the compiler said on fd 2 (or the exception) if `action` fails, '' if it succeeds."""
    path = folder / "said"
    saved = os.dup(2)
    with open(path, "wb") as file:
        os.dup2(file.fileno(), 2)
    try:
        action()
        return ""
    except Exception as error:
        return path.read_text(encoding="utf-8", errors="replace") + f"\n{error}"
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def _guilty(said: str, unit: TranslationUnit) -> int | None:
    """The program that the first diagnostic points at, None where it says nothing of the kind."""
    found = _DIAGNOSTIC.search(said) or _REQUESTED.search(said)
    if found:
        return unit.member_at(int(found[1]))
    undefined = _UNDEFINED.search(said)
    return int(undefined[1]) if undefined and int(undefined[1]) in unit.members else None


def first_error(said: str) -> str:
    """The first diagnostic, without file and line: they would differ between a unit and a text alone."""
    found = _DIAGNOSTIC.search(said)
    if found:
        return found[2].strip()[:200]
    elsewhere = _HEADER_ERROR.search(said)
    if elsewhere:
        return elsewhere[1].strip()[:200]
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1][:200] if lines else ""
