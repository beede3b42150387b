"""Finished datasets in forms that other tools read."""
