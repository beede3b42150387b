"""What is put behind a kernel's text: loops over its threads in any order, which tell who is at work."""

from __future__ import annotations

import re

from warpgen.record import Target
from warpgen.verification.native.generated import kernel_dim, kernel_name

FORWARD, BACKWARD = "warpgen_forward", "warpgen_backward"

LOOP = """
extern "C" void {entry}(
    wp::launch_bounds_t<{dim}>* dim, {parameters}, const unsigned long long* order,
    unsigned long long count, unsigned long long* thread, unsigned long long line)
{{
    wp::tile_shared_storage_t memory;
#if defined(WP_ENABLE_TILES_IN_STACK_MEMORY)
    wp::shared_tile_storage = &memory;
#endif
    for (unsigned long long k = 0; k < count; ++k) {{
        *thread = order[k];
        {call}
    }}
}}
"""


def has_adjoint(text: str, target: Target = "cpu") -> bool:
    """Whether a text has an adjoint that can be launched."""
    entry = "cpu_backward" if target == "cpu" else "cuda_kernel_backward"
    return f"void {kernel_name(text)}_{entry}(" in text


_CALL = "{kernel}(*dim, order[k], {arguments});"
# Of an instance for arrays without gaps and launches along one line, and one for all others.
_EITHER = """if (line && dim->coord_mult == 1)
            {kernel}<true>(*dim, order[k], {arguments});
        else
            {kernel}<false>(*dim, order[k], {arguments});"""


def driven(text: str, both: bool = False) -> str:
    """A CPU text with the loops behind it; `both`: of a kernel that is a template, both instances are run."""
    name, dim = kernel_name(text), kernel_dim(text)
    made = text
    for entry, direction, values in (
        (FORWARD, "forward", ("_wp_args",)),
        (BACKWARD, "backward", ("_wp_args", "_wp_adj_args")),
    ):
        if direction == "backward" and not has_adjoint(text):
            continue
        kernel = f"{name}_cpu_kernel_{direction}"
        template = re.search(rf"\btemplate\s*<\s*bool\s+\w+\s*>\s*(?:\w+\s+)*void\s+{kernel}\s*\(", text)
        call = _EITHER if template and both else _CALL
        made += LOOP.format(
            entry=entry,
            dim=dim,
            parameters=", ".join(f"wp_args_{name}* {value}" for value in values),
            call=call.format(
                kernel=kernel + ("<false>" if template and not both else ""), arguments=", ".join(values)
            ),
        )
    return made
