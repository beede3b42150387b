"""What reads bytes that anybody may have written, with samples to begin from and a way to alter them.

Each parser must answer anything with a value or with an error of its own; see test_fuzz.py and tools/fuzz.py.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import xxhash

from tests.support import imaginary
from warpgen.errors import DamageError, RecipeError, RootError, UnitError, UsageError
from warpgen.production import request
from warpgen.production.state import journal, merge, shard
from warpgen.production.state.journal import Begun, Checkpoint, Mark, Progress, Stored
from warpgen.production.state.layout import Layout
from warpgen.production.unit import Unit
from warpgen.recipe import parse_size
from warpgen.reporting import harvested as harvest
from warpgen.reporting import manifest, seal, state
from warpgen.reporting.survey import survey
from warpgen.verification import recheck

UNIT = Unit(64, 80)
RECIPE = imaginary.recipe_of()


class Parser(msgspec.Struct, frozen=True):
    """`parse(data, folder)` raises nothing but `errors`; `mend` makes checksums right again."""

    samples: tuple[bytes, ...]
    parse: Callable[[bytes, Path], object]
    errors: tuple[type[Exception], ...]
    mend: Callable[[bytes], bytes] = bytes


def _journal(data: bytes, folder: Path) -> None:
    (folder / "journal").write_bytes(data)
    journal.read(folder / "journal")


def _mend_lines(data: bytes) -> bytes:
    """Every line of a journal with the checksum of what is in it."""
    lines = [line[17:] for line in data.split(b"\n")]
    return b"\n".join(
        xxhash.xxh3_64_hexdigest(line).encode() + b" " + line if line else b"" for line in lines
    )


def _shard(data: bytes, folder: Path) -> None:
    whole = shard.Shard(data, RECIPE.hash, UNIT)
    for target in range(len(whole.table.frames)):
        reader = whole.rows(target)
        for made in whole.table.made:
            reader.take(made.rows[target])


def _mend_shard(data: bytes) -> bytes:
    return data[:-16] + xxhash.xxh3_128_digest(data[:-16])


def _manifest(data: bytes, folder: Path) -> None:
    (folder / "manifest.json").write_bytes(data)
    manifest.read(folder / "manifest.json")


def _mend_manifest(data: bytes) -> bytes:
    """The seal that belongs to what is in it."""
    try:
        fields = json.loads(data)
        return json.dumps(fields | {"seal": seal.seal_of(fields)}).encode()
    except (ValueError, TypeError, AttributeError, RecursionError):
        return data


def _harvest(data: bytes, folder: Path) -> None:
    path = harvest.manifest_path(folder)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    harvest.first_difference(folder)


def _sample_harvest() -> bytes:
    file = harvest.File("data/harvest/cpu_harvest.jsonl", 1, 2, "0" * 64)
    failure = harvest.Failure("a.py", 3, "k", "import", "e")
    told = harvest.Yield(name="p", version="1", licence="l", files=1, rows={"cpu": 1}, failures=[failure])
    made = harvest.Manifest(warpgen="0", warp="0", verify="none", files={"cpu": file}, packages=[told])
    return msgspec.json.encode(seal.sealed(made))


def _rows(data: bytes, folder: Path) -> None:
    (folder / "rows.jsonl").write_bytes(data)
    survey(folder / "rows.jsonl")


def _row(data: bytes, folder: Path) -> None:
    recheck.parse(data)


def _failures(data: bytes, folder: Path) -> None:
    layout = Layout(folder)
    layout.work.mkdir(parents=True, exist_ok=True)
    layout.failures.write_bytes(data)
    merge.failures(layout, "cpu")


def _state(data: bytes, folder: Path) -> None:
    (folder / state.NAME).write_bytes(data)
    state.StateFile(folder)


def _size(data: bytes, folder: Path) -> None:
    parse_size(data.decode("latin-1"))


def _weights(data: bytes, folder: Path) -> None:
    request.weights_of(data.decode("latin-1"))


def _recipe(data: bytes, folder: Path) -> None:
    msgspec.json.decode(data, type=type(RECIPE))


def _sample_journal() -> bytes:
    records: list[journal.Record] = [
        Stored(0, 64, "0" * 32),
        Checkpoint(64, {"cpu": Mark(9, "1" * 32), "seen": Mark()}, {"cpu": Progress(3, {"source": 1})}),
        Stored(64, 80, "2" * 32),
    ]
    lines = [journal.line_of(record) for record in (Begun(RECIPE, "2020-01-01T00:00:00+00:00"), *records)]
    return b"".join((lines[0], b"\n", *lines))


_MANIFEST = Path(__file__).resolve().parents[2] / "manifests" / "cpu_manifest.json"
_LINES = [imaginary.row(index, "cpu") for index in range(4)]
_JSON_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

PARSERS = {
    "journal": Parser((_sample_journal(),), _journal, (DamageError, RootError), _mend_lines),
    "shard": Parser((imaginary.shard_of(UNIT, RECIPE),), _shard, (UnitError, DamageError), _mend_shard),
    "manifest": Parser((_MANIFEST.read_bytes(),), _manifest, (DamageError, RootError), _mend_manifest),
    "harvest": Parser((_sample_harvest(),), _harvest, (DamageError,), _mend_manifest),
    "dataset": Parser((b"".join(_LINES),), _rows, (DamageError, UsageError)),
    "row": Parser(tuple(_LINES), _row, (*_JSON_ERRORS, ValueError)),
    "failures": Parser(
        (b'["cpu",{"index":3,"reason":"unit","error":"e"}]\n' * 3,), _failures, (DamageError,)
    ),
    "state": Parser((b"# Dataset\n\n## Session Log\n- one\n- two\n",), _state, ()),
    "recipe": Parser((msgspec.json.encode(RECIPE),), _recipe, _JSON_ERRORS),
    "size": Parser((b"200MiB", b"1.5GB", b"4096"), _size, (RecipeError,)),
    "categories": Parser((b"particle=1,fem=0.5", b"a"), _weights, (RecipeError,)),
}

_NUMBERS = (b"-1", b"0", b"9223372036854775808", b"1e400", b"9" * 400, b"1" * 5000, b"null", b"NaN")
_PIECES = (
    *(
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"\xff\xfe",
        b"\x00",
        b"\x1b]0;x\x07",
        b"\xed\xa0\x80",
        b'"\\ud800"',
    ),
    *(b"../" * 30, b"\n", b"[{},{}]," * 10_000, b"x" * 300_000, b'"', b"\x81" * 40, b"\xdd\xff\xff\xff\xff"),
)


def altered(data: bytes, draw: random.Random) -> bytes:
    """The data with one to five things wrong."""
    for _ in range(draw.randint(1, 5)):
        place = draw.randint(0, len(data))
        end = min(len(data), place + draw.choice((1, 4, 20, 200)))
        kind = draw.randrange(7)
        if kind == 0:
            data = data[:place] + bytes([draw.randrange(256)]) + data[place + 1 :]
        elif kind == 1:
            data = data[:place]
        elif kind == 2:
            data = data[:place] + data[end:]
        elif kind == 3:
            data = data[:place] + data[place:end] * draw.choice((2, 50)) + data[end:]
        elif kind == 4:
            data = data[:place] + draw.choice(_PIECES) + data[place:]
        elif kind == 5:
            data = _other_number(data, draw)
        else:
            data = data[:place] + draw.randbytes(draw.randint(1, 16)) + data[end:]
    return data


def _other_number(data: bytes, draw: random.Random) -> bytes:
    found = list(re.finditer(rb"-?[0-9.]+", data[: 1 << 16]))
    if not found:
        return data
    chosen = draw.choice(found)
    return data[: chosen.start()] + draw.choice(_NUMBERS) + data[chosen.end() :]


def fuzz_once(parser: Parser, folder: Path, draw: random.Random) -> bool:
    """Feed the parser something altered; True if it took it. Raises what it must not raise."""
    data = altered(draw.choice(parser.samples), draw)
    if draw.random() < 0.8:
        data = parser.mend(data)
    try:
        parser.parse(data, folder)
    except parser.errors:
        return False
    return True
