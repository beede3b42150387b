"""The parts of a release: texts of benchmarks, pages beside the data, checks of the whole."""
