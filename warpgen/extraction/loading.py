"""From a program's text to a live Warp kernel, and back to nothing."""

from __future__ import annotations

import itertools
import linecache
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NamedTuple

from warpgen.errors import ExtractionError
from warpgen.extraction import warp_api
from warpgen.program import Program

# The name that generated text gives to the program's file, in place of a path of this machine.
SOURCE_NAME = "kernel.py"

_numbers = itertools.count()


class Loaded(NamedTuple):
    """A live program. `kernel` and `module` are Warp's; `namespace` is the executed Python module's."""

    kernel: Any
    module: Any
    namespace: dict[str, Any]


class _Loader:
    """Stands where an import would put its loader: with one, `inspect` takes file names on trust."""


@contextmanager
def load(program: Program) -> Iterator[Loaded]:
    """Execute the program's module; all of it is released on leaving. Raises ExtractionError.

    Programs may be loaded beside each other, but a program's text depends on no other only if it is
    built before the next is loaded.
    """
    warp_api.reset_config()
    warp_api.reset_history()
    name = f"warpgen_program_{next(_numbers)}"
    before = warp_api.module_names()
    python = ModuleType(name)
    python.__dict__["__loader__"] = _Loader()
    sys.modules[name] = python
    created: set[str] = set()
    try:
        _execute(program.source, python)
        created = warp_api.module_names() - before
        kernel: Any = python.__dict__.get(program.name)
        if not warp_api.is_kernel(kernel):
            raise ExtractionError(f"the source defines no kernel named {program.name!r}")
        if len(warp_api.live_kernels(kernel.module)) != 1:
            raise ExtractionError("the source defines more than one kernel")
        yield Loaded(kernel, kernel.module, python.__dict__)
    finally:
        warp_api.release(created or warp_api.module_names() - before)
        sys.modules.pop(name, None)
        python.__dict__.clear()


def _execute(source: str, python: ModuleType) -> None:
    # Warp reads the source of each function through linecache while the decorators run.
    linecache.cache[SOURCE_NAME] = (len(source), None, source.splitlines(keepends=True), SOURCE_NAME)
    try:
        exec(compile(source, SOURCE_NAME, "exec", dont_inherit=True), python.__dict__)
    except Exception as error:
        raise ExtractionError(explain(error)) from error
    finally:
        linecache.cache.pop(SOURCE_NAME, None)


def explain(error: BaseException) -> str:
    """The kind and first line of what Warp complains of: neither the source it quotes before nor a path."""
    text = error.msg if isinstance(error, SyntaxError) else " ".join(str(arg) for arg in error.args)
    text = text.rsplit("\n;", 1)[-1].strip().replace(warp_api.LIBRARY_FOLDER, "")
    return f"{type(error).__name__}: {text.splitlines()[0] if text else 'no reason given'}"
