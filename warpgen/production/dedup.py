"""Which programs were seen before, at about 20 bytes a program and no Python object for any."""

from __future__ import annotations

from typing import Literal

Repeat = Literal["source", "structure"]

KEY = 16  # bytes that stand for one program: what is stored and what a checkpoint must keep
_BUCKETS = 1 << 16
_STRUCTURE = 8  # bytes searched for; with the two that name the bucket, 80 bits of the structure's hash
_ENTRY = 14


class Index:
    """The kept programs by structure, and the source of each.

    A bucket is a plain byte string of 14-byte entries searched with `bytearray.find`, which scans at
    memory speed: up to ten million programs (150 entries a bucket) a look-up takes well under a
    microsecond, and nothing is ever moved or grown but one bucket. 80 bits of structure make one false
    repeat expected after some 10^12 programs; it would drop one good row, the same one on every machine.
    """

    def __init__(self) -> None:
        self._buckets = [bytearray() for _ in range(_BUCKETS)]
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def repeat(self, key: bytes) -> Repeat | None:
        """What the program of this key repeats; if nothing, it is remembered and None returned."""
        bucket = self._buckets[key[0] << 8 | key[1]]
        structure = key[2:10]
        place = bucket.find(structure)
        while place % _ENTRY > 0:  # -1 (absent) is 13 here: a hit across two entries is no hit either
            if place < 0:
                bucket += key[2:]
                self._size += 1
                return None
            place = bucket.find(structure, place + 1)
        return "source" if bucket[place + _STRUCTURE : place + _ENTRY] == key[10:] else "structure"


def key_of(source: bytes, structure: bytes) -> bytes:
    """The key of a program from its two 16-byte hashes."""
    return structure[:10] + source[:6]
