"""Libraries that train: not among what the tests install."""

from __future__ import annotations

import importlib.util

import pytest


def needs(library: str) -> pytest.MarkDecorator:
    there = importlib.util.find_spec(library) is not None
    return pytest.mark.skipif(not there, reason=f"{library} is not installed: it is no part of the group dev")
