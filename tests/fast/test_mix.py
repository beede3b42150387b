"""What the tool that balances weights reads off a program."""

from __future__ import annotations

import pytest

from tools.mix import preset


@pytest.mark.parametrize(
    ("body", "is_preset"),
    [
        ("s = float(0.0)\n    for k in range(3):\n        s += x[k]\n    y[0] = s", True),
        ("v = wp.vec3(0.0, 0.0, 0.0)\n    if x[0] > 0.0:\n        v = x[1] * n\n    y[0] = v", True),
        ("s = x[0]\n    for k in range(3):\n        s += x[k]\n    y[0] = s", False),
        ("s = 2.0\n    s = s * x[0]\n    for k in range(3):\n        s += x[k]\n    y[0] = s", False),
        ("for k in range(3):\n        s = 0.0\n        s += x[k]\n        y[k] = s", False),
    ],
)
def test_what_begins_with_a_constant_and_changes_in_blocks_alone(body: str, is_preset: bool) -> None:
    """Accumulators and flags, not what is computed first, changed outside or made within a block."""
    assert preset(f"import warp as wp\n\n\n@wp.kernel\ndef f(x, n, y):\n    {body}\n") == is_preset
