"""How a sum over samples, or over bins, comes by its complex exponentials c + i s."""

from __future__ import annotations


def along(way: str, sign: str, place: str) -> tuple[str, str]:
    """Lines before the loop of the thread of `place` (`k` or `n`), and its body around `$read` and `$add`."""
    if way == "each":
        return (
            "",
            f"""
        # reduce k * n modulo N, since large angles lose precision
        angle = {sign}2.0 * wp.pi * float((k * n) % size) / float(size)
        c = wp.cos(angle)
        s = wp.sin(angle)
        $read
        $add
        """,
        )
    if way == "table":
        return "", "root = roots[(k * n) % size]\nc = root[0]\ns = root[1]\n$read\n$add"
    before = f"""
        step = {sign}2.0 * wp.pi * float({place}) / float(size)
        dc = wp.cos(step)
        ds = wp.sin(step)
        c = float(1.0)
        s = float(0.0)
        """
    inner = """
        $read
        $add
        # rotate a phasor incrementally to avoid sin and cos in the loop
        c_next = c * dc - s * ds
        s = c * ds + s * dc
        c = c_next
        """
    return before, inner
