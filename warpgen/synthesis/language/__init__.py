"""The language that programs are written in: types, values with ranges, Warp's builtins, spelling."""
