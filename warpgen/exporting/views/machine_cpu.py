"""From C++ to LLVM IR by Warp's own clang, and on to x86-64 assembly by LLVM itself."""

from __future__ import annotations

import re
import textwrap
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from warpgen.errors import UsageError
from warpgen.verification.compiling.translation_unit import TranslationUnit
from warpgen.verification.native import warp_native

DIRECTIONS = ("forward", "backward")
TRIPLE = "x86_64-unknown-linux-gnu"

_DOCUMENT = re.compile(r"^--- \|\n(.*?)^\.\.\.$", re.MULTILINE | re.DOTALL)
_SOURCE = re.compile(r'^source_filename = ".*"$', re.MULTILINE)
_MODULE = re.compile(r"^; ModuleID = .*\n", re.MULTILINE)
_FRAME = re.compile(r"^\s+subq\s+\$(\d+), %rsp", re.MULTILINE)
_PUSH = re.compile(r"^\s+pushq\s", re.MULTILINE)


class Usage(msgspec.Struct, frozen=True):
    """What one function takes: bytes of stack (Warp's tile memory is on it), and moves to and from it."""

    function: str  # forward or backward
    stack_bytes: int
    spills: int
    reloads: int


class Lowered(msgspec.Struct, frozen=True):
    """One kernel, its forward and backward function and what they call."""

    llvm: str
    asm: str
    usage: tuple[Usage, ...]


def binding() -> Any:
    """LLVM as llvmlite binds it, ready for x86-64; raises UsageError where it is not installed."""
    try:
        import llvmlite.binding as llvm
    except ImportError:
        raise UsageError(
            "these levels need the package llvmlite: run `python -m pip install 'llvmlite>=0.50'`"
        ) from None
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    return llvm


def lower(unit: TranslationUnit, workdir: Path, asm: bool) -> list[Lowered]:
    """The unit's kernels in order. Raises Exception where clang refuses the unit."""
    headers = workdir / "cpu-headers"
    headers.mkdir(exist_ok=True)
    source, result = workdir / "unit.cpp", workdir / "unit.mir"
    source.write_text(unit.text, encoding="utf-8")
    warp_native.compile_ir(source, result, headers)
    llvm = binding()
    whole = llvm.parse_assembly(module_of(result.read_text(encoding="utf-8")))
    return [_one(whole, name, asm) for name in unit.names]


def module_of(machine_ir: str) -> str:
    """The LLVM module that a file of machine IR begins with, without the file's name."""
    document = _DOCUMENT.search(machine_ir)
    if document is None:
        raise ValueError("clang left no LLVM IR")
    return _SOURCE.sub('source_filename = "kernel.cpp"', textwrap.dedent(document[1]))


def _one(whole: Any, name: str, asm: bool) -> Lowered:
    """The kernel `name` and what it uses: all else becomes private, and what is private and unused goes."""
    llvm = binding()
    entries = [f"{name}_cpu_{direction}" for direction in DIRECTIONS]
    module = whole.clone()
    for value in (*module.functions, *module.global_variables):
        if not value.is_declaration and value.name not in entries:
            value.linkage = "internal"
    machine = _machine()
    passes = llvm.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    passes.add_strip_dead_prototype_pass()
    passes.run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()))
    module.verify()
    assembly = machine.emit_assembly(module) if asm else ""
    usage = (_usage(assembly, entry) for entry in entries if asm)
    return Lowered(_MODULE.sub("", str(module)), assembly, tuple(u for u in usage if u is not None))


@cache
def _machine() -> Any:
    llvm = binding()
    machine = llvm.Target.from_triple(TRIPLE).create_target_machine(
        cpu=warp_native.CPU_TARGET, opt=2, reloc="pic", codemodel="small"
    )
    machine.set_asm_verbosity(True)  # its comments tell spills
    return machine


def _usage(assembly: str, entry: str) -> Usage | None:
    """Read off the text of one function."""
    start = assembly.find(f"\n{entry}:")
    if start < 0:
        return None
    text = assembly[start : assembly.index(f".size\t{entry}", start)]
    frame = max(map(int, _FRAME.findall(text)), default=0) + 8 * len(_PUSH.findall(text))
    return Usage(entry.rsplit("_", 1)[1], frame, text.count("Spill"), text.count("Reload"))
