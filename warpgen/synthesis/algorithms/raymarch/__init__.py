"""Implicit surfaces and media, found by marching along rays."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain("raymarch", "signed distance fields, sphere tracing, fractals and participating media")
