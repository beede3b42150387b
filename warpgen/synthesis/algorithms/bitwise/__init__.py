"""Work on bits and integers."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain("bitwise", "hashes, checksums, codes and number theory on integers and their bits")
