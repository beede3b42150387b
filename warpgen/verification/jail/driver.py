"""What is put behind a kernel's text: loops over its threads in any order, which tell who is at work."""

from __future__ import annotations

import re

from warpgen.record import Target
from warpgen.verification.native.generated import kernel_dim, kernel_name

FORWARD, BACKWARD = "warpgen_forward", "warpgen_backward"

LOOP = """
extern "C" void {entry}(
    wp::launch_bounds_t<{dim}>* dim, {parameters}, const unsigned long long* order,
    unsigned long long count, unsigned long long* thread)
{{
    wp::tile_shared_storage_t memory;
#if defined(WP_ENABLE_TILES_IN_STACK_MEMORY)
    wp::shared_tile_storage = &memory;
#endif
    for (unsigned long long k = 0; k < count; ++k) {{
        *thread = order[k];
        {kernel}(*dim, order[k], {arguments});
    }}
}}
"""


def has_adjoint(text: str, target: Target = "cpu") -> bool:
    """Whether a text has an adjoint that can be launched."""
    entry = "cpu_backward" if target == "cpu" else "cuda_kernel_backward"
    return f"void {kernel_name(text)}_{entry}(" in text


def driven(text: str) -> str:
    """A CPU text with the loops behind it."""
    name, dim = kernel_name(text), kernel_dim(text)
    made = text
    for entry, direction, values in (
        (FORWARD, "forward", ("_wp_args",)),
        (BACKWARD, "backward", ("_wp_args", "_wp_adj_args")),
    ):
        if direction == "backward" and not has_adjoint(text):
            continue
        kernel = f"{name}_cpu_kernel_{direction}"
        template = re.search(rf"\btemplate\s*<\s*bool\s+\w+\s*>\s*(?:static\s+)?void\s+{kernel}\s*\(", text)
        made += LOOP.format(
            entry=entry,
            dim=dim,
            parameters=", ".join(f"wp_args_{name}* {value}" for value in values),
            kernel=kernel + ("<false>" if template else ""),
            arguments=", ".join(values),
        )
    return made
