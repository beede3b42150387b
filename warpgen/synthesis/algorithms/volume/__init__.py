"""Sparse volumes."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain("volume", "sparse volumes: samples, gradients, marching, transport, voxels", element="voxel")
