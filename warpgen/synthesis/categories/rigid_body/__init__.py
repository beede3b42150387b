"""The category `rigid_body`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category("rigid_body", "rigid bodies and joints: frames, twists, wrenches, inertia, contact")
