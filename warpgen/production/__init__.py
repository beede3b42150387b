"""Datasets made of units: by any engine, killed and resumed, always the same bytes."""
