"""CUDA texts to objects that run here: as C++, behind the shim, over Warp's own headers for CUDA."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from pathlib import Path

from warpgen.verification.compiling.compiler import BARE, Compiler
from warpgen.verification.compiling.translation_unit import TranslationUnit
from warpgen.verification.device.headers import CHANGES, SOURCES, patched
from warpgen.verification.device.machine import Machine, entry
from warpgen.verification.native import warp_native
from warpgen.verification.native.kept import Kept, secret

# One header, put before all others, and the machine of threads.
SHIM, MACHINE = (SOURCES / "shim.h", SOURCES / "shim_memory.h"), SOURCES / "machine.cpp"

# Dynamic shared memory is declared as an array without bounds. Here it is a pointer, the machine's own under
# another name, whatever its type and wherever it is declared.
_DYNAMIC = re.compile(
    r"\bextern\s+__shared__\s+(?:(?:__align__|alignas)\s*\([^()]*\)\s*)?([^;=\[\]()]*?[\w>])\s+"
    r"(\w+)\s*\[\s*\]\s*;"
)
_POINTER = r'extern \1* \2 __asm__("wg_dynamic");'
_BOUNDS = r"(?:__launch_bounds__\s*\([^()]*\)\s*)?"
_GLOBAL = re.compile(
    rf"\b__global__\s+(?:static\s+|inline\s+)?{_BOUNDS}void\s+{_BOUNDS}(\w+)\s*\(([^{{}};]*?)\)\s*\{{"
)
_PARAMETER = re.compile(r"(.*[\w>*&\s])\b\w+\s*(\[\s*\])?\s*", re.DOTALL)


class DeviceCompiler(Compiler):
    """As its base, whose target "cpu" here takes texts in CUDA."""

    bare = BARE["cuda"]

    def __init__(self, workdir: Path, flags: Sequence[str] = ()) -> None:
        """`flags` are clang's, beside those of `warp_native.compile_device`."""
        self._flags = flags
        workdir.mkdir(parents=True, exist_ok=True)
        super().__init__(workdir)
        self.machine = self.headers / "machine.o"

    @functools.cached_property
    def kept(self) -> Kept:
        """As its base's, with Warp's headers as they are taken here."""
        sources = [path.read_text(encoding="utf-8") for path in (*SHIM, MACHINE)]
        return Kept("cuda", [*sources, str(CHANGES), *self._flags], self._workdir, self._fill)

    def _fill(self, folder: Path) -> None:
        patched(folder / "warp")
        text = "\n".join(path.read_text(encoding="utf-8") for path in SHIM)
        (folder / "warp" / secret("shim")).write_text(text, encoding="utf-8")

    @property
    def includes(self) -> Path:
        """The folder of Warp's headers, changed."""
        return self.kept.folder / "warp"

    def to_object(self, unit: TranslationUnit, path: Path, folder: Path) -> str:
        """Compile the unit to an object at `path`; what clang complains of, nothing if it accepts it."""
        made = TranslationUnit(runnable(unit), unit.members, unit.lines, unit.names)
        return super().to_object(made, path, folder)

    def compile_file(self, source: Path, path: Path, headers: Path) -> None:
        """One file to an object; raises Exception after writing diagnostics to fd 2."""
        warp_native.compile_device(
            source, path, headers, self.includes, self.kept.secret("warp/shim").name, more=self._flags
        )

    def _build_and_link(self, unit: TranslationUnit, source: Path, path: Path, headers: Path) -> None:
        self.compile_file(source, path, headers)
        Machine(self.machine).load(path)

    def _clang_bare(self, folder: Path) -> str:
        if not self.machine.exists():
            warp_native.compile_device(MACHINE, self.machine, None, self.includes, "", level=2)
        return super()._clang_bare(folder)


def functions_of(text: str) -> dict[str, list[str]]:
    """The functions of a text that grids of threads are launched of, and the types of their parameters."""
    return {name: _types(parameters) for name, parameters in _GLOBAL.findall(text)}


def _types(parameters: str) -> list[str]:
    """The types in a list of parameters, which have names if they are read."""
    types, depth, start = [], 0, 0
    for at, letter in enumerate(f"{parameters},"):
        depth += (letter in "<([") - (letter in ">)]")
        if letter == "," and not depth:
            part = parameters[start:at].strip()
            named = _PARAMETER.fullmatch(part)
            if named:
                types.append(named[1].strip() + ("*" if named[2] else ""))
            elif part not in ("", "void"):
                types.append(part)
            start = at + 1
    return types


def runnable(unit: TranslationUnit) -> str:
    """The unit's texts, with its dynamic shared memory as pointers, and behind them what calls their kernels.

    Written out, for a template that finds out the types by itself takes as long to compile as the kernel.
    """
    parts, found = [_DYNAMIC.sub(_POINTER, unit.text)], functions_of(unit.text)
    if len(unit.members) == 1:
        return "\n".join(parts + [_entry(*function) for function in found.items()])
    for member, name in zip(unit.members, unit.names, strict=True):
        own = (f"{name}_cuda_kernel_{direction}" for direction in ("forward", "backward"))
        calls = "".join(_entry(function, found[function]) for function in own if function in found)
        parts.append(f"namespace program_{member} {{\n{calls}}}\n")
    return "\n".join(parts)


def _entry(function: str, types: Sequence[str]) -> str:
    arguments = ", ".join(f"*({kind}*)arguments[{place}]" for place, kind in enumerate(types))
    return f'extern "C" void {entry(function)}(void** arguments) {{ {function}({arguments}); }}\n'
