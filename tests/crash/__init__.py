"""Runs and their files disturbed: kills, power cuts, damage."""
