"""Formulas of any size in the words of one field."""
