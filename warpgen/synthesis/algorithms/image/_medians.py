"""Ways to find the median of the values in a small window."""

from __future__ import annotations


def median_of(method: str, n: int) -> list[str]:
    """Lines that set `median` to that of the vector `v` of `n` values, an odd number; they may sort it."""
    if method == "insertion":
        return [
            f"for a in range(1, {n}):",
            "    key = v[a]",
            "    b = a - 1",
            "    while b >= 0:",
            "        if v[b] <= key:",
            "            break",
            "        v[b + 1] = v[b]",
            "        b -= 1",
            "    v[b + 1] = key",
            f"median = v[{n // 2}]",
        ]
    if method == "selection":
        return [
            f"# partial selection sort: the median only needs the {n // 2 + 1} smallest values",
            f"for a in range({n // 2 + 1}):",
            "    least = a",
            f"    for b in range(a + 1, {n}):",
            "        if v[b] < v[least]:",
            "            least = b",
            "    tmp = v[a]",
            "    v[a] = v[least]",
            "    v[least] = tmp",
            f"median = v[{n // 2}]",
        ]
    return [
        "median = v[0]",
        f"for a in range({n}):",
        "    below = int(0)",
        f"    for b in range({n}):",
        "        # break ties by index so that exactly one element has the middle rank",
        "        if v[b] < v[a] or (v[b] == v[a] and b < a):",
        "            below += 1",
        f"    if below == {n // 2}:",
        "        median = v[a]",
    ]
