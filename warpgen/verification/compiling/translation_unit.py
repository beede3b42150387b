"""Put the generated texts of many programs into one translation unit, each in a namespace of its own.

The compilers spend most of their time on Warp's headers and on templates that kernels share, so 128
texts in one unit cost a fraction of as many units. Each text is in the unit unaltered. Behind one whose
kernel is a template with two instances, for launches along one axis and for all others, the first is
defined to call the second: the same lines, instantiated once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from warpgen.verification.compiling.watched import HOOKS, begun_with_zeros, hooked
from warpgen.verification.native.generated import kernel_dim, kernel_name

_ENTRY = re.compile(r"\bstruct\s+(wp_args_\w+)")
PRELUDE_END = '#include "deterministic.h"\n'


class TranslationUnit(msgspec.Struct, frozen=True):
    """`text` to compile; `members[i]` is the program whose text begins at line `lines[i]` (from 1)."""

    text: str
    members: tuple[int, ...]
    lines: tuple[int, ...]
    names: tuple[str, ...]  # the kernels' mangled names

    def member_at(self, line: int) -> int | None:
        """The program that a line of the unit belongs to."""
        found = [m for m, first in zip(self.members, self.lines, strict=True) if first <= line]
        return found[-1] if found else None


def single(index: int, code: str) -> TranslationUnit:
    """One text alone, exactly as it is."""
    return TranslationUnit(code, (index,), (1,), (kernel_name(code),))


def compose(texts: Sequence[tuple[int, str]]) -> list[TranslationUnit]:
    """Units that hold all texts: one per prelude, and more where kernel names collide."""
    groups: list[tuple[str, set[str], list[tuple[int, str]]]] = []
    alone: list[TranslationUnit] = []
    for index, code in texts:
        end = code.find(PRELUDE_END)
        if end < 0:  # not Warp's layout: nothing is known about how it gets on with others
            alone.append(single(index, code))
            continue
        end += len(PRELUDE_END)
        prelude = code[: end + len(HOOKS)] if code.startswith(HOOKS, end) else code[:end]
        names = {kernel_name(code), *_ENTRY.findall(code)}
        group = next((g for g in groups if g[0] == prelude and not names & g[1]), None)
        if group is None:
            group = (prelude, set(), [])
            groups.append(group)
        group[1].update(names)
        group[2].append((index, code))
    return [_joined(head, members) for head, _, members in groups] + alone


def _joined(prelude: str, members: Sequence[tuple[int, str]]) -> TranslationUnit:
    if len(members) == 1:
        return single(*members[0])
    parts, lines, line = [prelude], [], prelude.count("\n") + 1
    for index, code in members:
        part = f"namespace program_{index} {{\n{code}\n{_one_instance(code)}}}\n"
        parts.append(part)
        lines.append(line)
        line += part.count("\n")
    indices, codes = zip(*members, strict=True)
    return TranslationUnit("".join(parts), indices, tuple(lines), tuple(map(kernel_name, codes)))


def _one_instance(code: str) -> str:
    """What makes the kernel's instance for launches along one axis call its general instance."""
    name, dim, made = kernel_name(code), kernel_dim(code), ""
    for direction, parameters, arguments in (
        ("forward", f"wp_args_{name} *args", "args"),
        ("backward", f"wp_args_{name} *args, wp_args_{name} *adj_args", "args, adj_args"),
    ):
        if f"{name}_cpu_{direction}_tasks<true>(" in code:
            kernel = f"{name}_cpu_kernel_{direction}"
            made += (
                f"template <> void {kernel}<true>(wp::launch_bounds_t<{dim}> dim, size_t i, {parameters})\n"
            )
            made += f"{{ {kernel}<false>(dim, i, {arguments}); }}\n"
    return made


def without_fast_path(code: str) -> str:
    """CPU text whose kernel is instantiated once, for any strides: half the work for the same results."""
    return code.replace("_tasks<true>(", "_tasks<false>(")


def reference(code: str) -> str:
    """CPU text for verification alone, to compare with: its accesses can be watched."""
    return begun_with_zeros(watched(without_fast_path(code)))


def watched(code: str) -> str:
    """CPU text whose accesses can be watched."""
    return hooked(code, PRELUDE_END)
