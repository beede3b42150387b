"""What makes, measures and tries warpgen and is no part of it: `./scripts/python -m tools.NAME --help`."""
