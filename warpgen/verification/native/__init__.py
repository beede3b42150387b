"""The outer world: confined children, Warp's native library, files of objects."""
