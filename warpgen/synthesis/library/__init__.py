"""Families of helper functions and structs that programs share, written as people write them."""
