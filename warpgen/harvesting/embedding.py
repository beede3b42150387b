"""Make one kernel stand alone: a module with the functions, structs and constants that it needs, and no more.

The text of kernels and functions is the author's; only the names of what comes from elsewhere are changed
(`math_utils.clamp` becomes `clamp`, `warp` becomes `wp`), and a kernel's arguments get their types in full.
A name that would meet a local of a function that uses it is qualified (`math_utils_clamp`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from warpgen.errors import ExtractionError
from warpgen.harvesting.book import Book
from warpgen.harvesting.naming import WARP, ClashError
from warpgen.harvesting.spelling import StructName, literal
from warpgen.verification.native.warp_native import DEVICE_BLOCK

# What a kernel may say of its launch on a GPU.
_OPTIONS = ("launch_bounds", "cuda_max_registers", "enable_cuda_smem_spilling", "cluster_dim", "grid_stride")


class Embedded(NamedTuple):
    """The module, and what it calls the structs.

    `authored` is the functions as their authors wrote them, `statics` how many static expressions were
    taken along.
    """

    text: str
    struct: StructName
    authored: str
    statics: int


def embed(
    kernel: Any,
    arg_types: Mapping[str, Any],
    is_foreign: Callable[[str], bool],
    apart: bool,
    values: bool,
) -> Embedded:
    """The module text. Raises ExtractionError where something that the kernel uses cannot be written down.

    `is_foreign` tells values that must not get into a row. With `apart`, constants that were attributes are
    written so that Warp declares one for each use, as it does for attributes: in branches that may matter.
    With `values`, static expressions become their values.
    """
    name = kernel.func.__name__
    if name == WARP:
        raise ExtractionError(f"a kernel cannot be called {name}")
    avoid: frozenset[str] = frozenset()
    while True:
        book = Book(avoid, is_foreign, apart, values)
        book.names.reserve(name)  # the kernel keeps its name, whatever its functions are called
        try:
            decorator = kernel_decorator(kernel)
            text = book.function_text(kernel.func, decorator, name, arg_types, adj=kernel.adj)
        except ClashError as clash:
            if clash.name in avoid:  # nothing to rename: it is not the module's
                raise ExtractionError(f"a variable is called {clash.name}") from clash
            avoid |= {clash.name}
            continue
        parts = [book.header(), *module_options(kernel), *book.parts, text]
        whole = "\n\n\n".join(part.strip("\n") for part in parts) + "\n"
        return Embedded(whole, book.struct, "".join(book.authored), book.statics)


def module_options(kernel: Any) -> list[str]:
    """What sets the threads of a block, where the author has chosen: tiles depend on them."""
    threads = kernel.module.options["block_dim"] if kernel.module else DEVICE_BLOCK
    return [f'wp.set_module_options({{"block_dim": {threads}}})'] if threads != DEVICE_BLOCK else []


def kernel_decorator(kernel: Any) -> str:
    """`@wp.kernel`, with the options that decide its code."""
    options = {**kernel.module.options, **kernel.options} if kernel.module else kernel.options
    given = ["enable_backward=False"] if options.get("enable_backward") is False else []
    for name in _OPTIONS:
        value = literal(kernel.options.get(name))
        if value not in (None, "None"):
            given.append(f"{name}={value}")
    return f"@wp.kernel({', '.join(given)})" if given else "@wp.kernel"
