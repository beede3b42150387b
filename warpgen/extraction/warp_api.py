"""What extraction does with Warp: options, modules, builders, and the marks that programs leave on them."""

from __future__ import annotations

import ast
import functools
import inspect
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import warp

from warpgen.record import Target
from warpgen.warp_internals import REGISTRY, codegen, context, types

# Everything in `wp.config` that decides generated text. A program may change any of it, so it is set
# anew for every program. MathDx is off: it would link minutes of LTO code into tile programs.
_TEXT_OPTIONS: dict[str, Any] = {
    "mode": "release",
    "optimization_level": None,
    "max_unroll": 16,
    "enable_backward": True,
    "default_grid_stride": True,
    "lineinfo": False,
    "line_directives": True,
    "verify_fp": False,
    "verify_autograd_array_access": False,
    "enable_vector_component_overwrites": False,
    "legacy_scalar_return_types": False,
    "enable_mathdx_gemm": False,
    "enable_mathdx_solver": False,
    "enable_mathdx_fft": False,
    "enable_tiles_in_stack_memory": True,
    "enable_cpu_blocks": False,
    "llvm_cuda": False,
    "deterministic": warp.config.DeterministicMode.NOT_GUARANTEED,
    "deterministic_max_records": 0,
    "compile_time_trace": False,
    "cuda_output": None,
    "log_level": 50,  # above every level Warp uses: silence
}

# What Warp launches with when nothing is said; the CUDA value is a module's own option.
_CPU_BLOCK_DIM = 1
# Any architecture: only MathDx, which is off, puts it into the text. Unset would mean "CPU" to tiles.
_CUDA_ARCH = 90

# What stands before `warp/` in the names of Warp's own files; it never leaves this machine.
LIBRARY_FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(warp.__file__))), "")


class _Silent:
    """A Warp logger that says nothing: notes about one program do not belong on a user's terminal."""

    def debug(self, message: str) -> None: ...

    def info(self, message: str) -> None: ...

    def warning(self, message: str, category: Any = None, stacklevel: int = 1) -> None: ...

    def error(self, message: str) -> None: ...


def start(cache: Path | None = None) -> None:
    """Initialise Warp without a word and with its kernel cache in `cache` (else the user's own)."""
    reset_config()
    warp.set_logger(_Silent())
    if cache is not None:
        warp.config.kernel_cache_dir = str(cache)
    with silenced():
        warp.init()
    _promote_in_order()
    if cache is not None:
        cache.mkdir(parents=True, exist_ok=True)
        warp.config.kernel_cache_dir = str(cache)


@functools.cache
def _promote_in_order() -> None:
    """Have Warp take the names that a loop makes variables again in the order in which the text sets them.

    It takes them out of a set, so that its code changes with the seed of Python's hashes.
    """
    stock = codegen.Adjoint._promote_mutated_iter_constants

    def promote(adjoint: Any, body: Sequence[ast.stmt]) -> None:
        if adjoint.loop_const_iter_symbols:
            names = (n for line in body for n in ast.walk(line) if isinstance(n, ast.Name))
            for name in dict.fromkeys(n.id for n in names if isinstance(n.ctx, ast.Store)):
                stock(adjoint, [ast.Name(name, ast.Store())])

    codegen.Adjoint._promote_mutated_iter_constants = promote


def reset_config() -> None:
    """Put every global option that decides text back to the recipe's value."""
    vars(warp.config).update(_TEXT_OPTIONS)


def reset_history() -> None:
    """Forget earlier programs: functions are numbered by a counter that lives as long as the process."""
    context.function_key_counts.clear()


@contextmanager
def history_kept() -> Iterator[None]:
    """Go on numbering functions afterwards where that stood before, whatever was loaded in between."""
    before = dict(context.function_key_counts)
    try:
        yield
    finally:
        context.function_key_counts.clear()
        context.function_key_counts.update(before)


@contextmanager
def silenced() -> Iterator[None]:
    """Send the process's own stdout and stderr nowhere, also what native code writes to fds 1 and 2."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for fd, copy in zip((1, 2), saved, strict=True):
            os.dup2(copy, fd)
            os.close(copy)


def is_kernel(value: Any) -> bool:
    """Whether a value of a module is a kernel."""
    return isinstance(value, context.Kernel)


def record_kernels() -> list[Any]:
    """A list that every kernel is appended to as it is made from now on, in this process."""
    made: list[Any] = [k for module in context.user_modules.values() for k in live_kernels(module)]
    original = context.Kernel.__init__

    def record(self: Any, *args: Any, **options: Any) -> None:
        original(self, *args, **options)
        made.append(self)

    context.Kernel.__init__ = record
    return made


def concrete_types(template: Any, usual: Sequence[Any]) -> list[Any]:
    """Types that a kernel's argument may be given: itself, or for a generic one the usual ones that fit."""
    if not types.type_is_generic(template):
        return [template]
    if types.is_array(template):
        family, rank = getattr(template, "_concrete_cls", type(template)), template.ndim
        rank = rank if isinstance(rank, int) else 1
        usual = [kind for kind in usual if not types.is_array(kind)]
        return [family(dtype=kind, ndim=rank) for kind in concrete_types(template.dtype, usual)]
    if hasattr(template, "_wp_scalar_type_"):
        scalar = template._wp_scalar_type_
        scalar = types.float32 if types.type_is_generic(scalar) else scalar
        if types.type_is_quaternion(template) or types.type_is_transformation(template):
            make = types.quaternion if types.type_is_quaternion(template) else types.transformation
            return [make(dtype=scalar)]
        shape = tuple(extent if extent else 3 for extent in template._shape_)
        if len(shape) == 1:
            return [types.vector(length=shape[0], dtype=scalar)]
        return [types.matrix(shape=shape, dtype=scalar)]
    fitting = [kind for kind in usual if types.type_matches_template(kind, template)]
    return fitting or list(usual)


def module_names() -> set[str]:
    """Names of all modules that Warp holds."""
    return set(context.user_modules)


def builtin_differentiability() -> dict[str, bool]:
    """Every builtin of the kernel language, and whether any of its overloads has an adjoint."""
    return {
        name: any(
            overload.is_differentiable for overload in getattr(function, "overloads", ()) or (function,)
        )
        for name, function in REGISTRY.items()
    }


def is_type_name(name: str) -> bool:
    """Whether `wp.name` is a type, such as float32 or array, that can also be called."""
    return isinstance(getattr(warp, name, None), type)


def live_kernels(module: Any) -> list[Any]:
    """The kernels that a build of this module would emit."""
    return list(module._get_live_kernels())


def build(module: Any, target: Target | None) -> Any:
    """Analyse a module for one target, or for both where tiles, which look at the target, are absent."""
    block_dim = _CPU_BLOCK_DIM if target == "cpu" else module.options["block_dim"]
    module.get_module_hash(block_dim)  # resolves deferred wp.static expressions, as Warp's own compile does
    options = module.resolved_options[block_dim]
    options = options | {"output_arch": _CUDA_ARCH if target == "cuda" else None}
    return _builder(module, options, module.hashers[block_dim], target)


def build_alone(kernel: Any, target: Target) -> Any:
    """Analyse one kernel of a module by itself: the recipe's options, the author's choice of adjoints."""
    module = kernel.module
    block_dim = _CPU_BLOCK_DIM if target == "cpu" else module.options["block_dim"]
    options = module.resolve_options(warp.config, block_dim=block_dim)
    options |= {name: value for name, value in _TEXT_OPTIONS.items() if name in options}
    options["enable_backward"] = {**module.options, **kernel.options}.get("enable_backward") is not False
    options |= {"output_arch": _CUDA_ARCH if target == "cuda" else None, "block_dim": block_dim}
    return _builder(module, options, context.ModuleHasher([kernel], options), target)


def _builder(module: Any, options: dict[str, Any], hasher: Any, target: Target | None) -> Any:
    """Since Warp 1.19 a builder knows its target; before, the options were all that it looked at."""
    named = {"target": target} if "target" in inspect.signature(context.ModuleBuilder).parameters else {}
    return context.ModuleBuilder(module, options, hasher, **named)


def overload(kernel: Any, arg_types: Sequence[Any]) -> Any:
    """The kernel, or of a generic one the instance for these types."""
    return kernel.add_overload(list(arg_types)) if kernel.is_generic else kernel


def emit(builder: Any, target: Target) -> str:
    """Text of a built module, with Warp's own folder taken out of the comments that name a file."""
    module = builder.module
    builder.options["block_dim"] = _CPU_BLOCK_DIM if target == "cpu" else module.options["block_dim"]
    text: str = builder.codegen(target)
    return text.replace("// " + LIBRARY_FOLDER, "// ")


def shared_memory(builder: Any) -> int:
    """Bytes of shared memory that a launch of the built kernel asks for, forward or backward."""
    return max(
        (size for name, size in builder.build_meta().items() if name.endswith("_smem_bytes")), default=0
    )


def release(names: set[str]) -> None:
    """Let go of Warp's modules of these names, of what was loaded from them, and of their marks elsewhere."""
    for name in names:
        module = context.user_modules.pop(name, None)
        if module is not None:
            module._detach_references()
            module.unload()
            _break_cycles(module)
    for module in context.user_modules.values():
        for function in module.functions.values():
            _forget_uses(function)


def _break_cycles(module: Any) -> None:
    """Free a module's analyses at once; left to the garbage collector they cost it as much as the build."""
    for kernel in live_kernels(module):
        _clear(kernel.adj)
    for function in module.functions.values():
        for overload in (function, *function.user_overloads.values(), *function.user_templates.values()):
            _clear(overload.adj)


def _clear(adj: Any) -> None:
    for variable in adj.__dict__.get("variables", ()):
        variable.ref_origin = None  # refers to the variable itself
    adj.__dict__.clear()


def _forget_uses(function: Any) -> None:
    """Undo what a build leaves on a function of Warp's own library.

    An instantiated generic would be found first by the next program, and `wp.grad` marks a function
    for ever; either would let one program change another's text.
    """
    function.adj.force_adjoint_codegen = False
    overloads = function.user_overloads
    for signature in [s for s, f in overloads.items() if f.generic_parent is not None]:
        del overloads[signature]
