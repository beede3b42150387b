"""Whole runs at level run: the same bytes however they come about, and poison costs itself alone."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import msgspec
import pytest

from tests.support.commands import call, files, started
from tests.support.corpus.writing import out, program, ramp
from tests.support.roots import made_root
from warpgen import __version__
from warpgen.extraction.versions import warp_version
from warpgen.paths import manifest_path
from warpgen.production import session
from warpgen.production.run_options import RunOptions
from warpgen.production.state import recovery, roots
from warpgen.production.state.chronicle import Chronicle
from warpgen.production.work import worker
from warpgen.program import Program
from warpgen.recipe import Recipe
from warpgen.reporting.check import first_difference
from warpgen.reporting.manifest import read
from warpgen.synthesis.generator import Options, synthesize
from warpgen.verification.compiling import compiler as compiling
from warpgen.verification.native import isolation

ROWS = 20
# Strict, since which wrong gradients are over the tenth that may stay depends on the rows before them.
RECIPE = Recipe(
    target="cpu",
    size=None,
    rows=ROWS,
    complexity="small",
    gradients="strict",
    warpgen=__version__,
    warp=warp_version(),
)
ARGUMENTS = ("--target", "cpu", "--rows", str(ROWS), "--complexity", "small", "--gradients", "strict")


@pytest.fixture(scope="module")
def undisturbed() -> Path:
    """The root of a run with one worker; run is the level that is taken when nothing is said."""
    return made_root(*ARGUMENTS, "--workers", "1")


def test_the_manifest_counts_verdicts_drops_and_references(undisturbed: Path) -> None:
    """All rows have all verdicts; every program without a row is counted by the check that it failed."""
    assert first_difference(undisturbed, "cpu") is None
    manifest = read(manifest_path(undisturbed, "cpu"))
    verdicts = manifest.figures.verdicts
    assert set(verdicts) == {"compile", "bounds", "forward", "alive", "gradient"}
    assert [sum(counts.values()) for counts in verdicts.values()] == [ROWS] * 5
    assert sum(manifest.figures.references.values()) == ROWS
    assert sum(sum(words.values()) for words in manifest.refused.values()) == len(manifest.failures)


def test_two_workers_and_a_kill_give_the_same_bytes(undisturbed: Path, tmp_path: Path) -> None:
    """Killed while it verifies, and resumed."""
    with started("run", *ARGUMENTS, "--workers", "2", "--root", tmp_path) as process:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("data/work/**/unit.cpp")):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
    code, _, errors = call("resume", "--workers", "2", "--root", tmp_path)
    assert code == 0, errors
    assert files(tmp_path) == files(undisturbed)
    assert not list(tmp_path.glob("data/work"))


def native(name: str, snippet: str, also: str) -> Program:
    """A kernel that calls a person's C++, and another builtin than its siblings: they would be repeats."""
    source = f'''
_SNIPPET = """{snippet}"""


@wp.func_native(snippet=_SNIPPET)
def evil(a: float, out: wp.array(dtype=float), i: int):
    ...


@wp.kernel
def {name}(x: wp.array(dtype=float), y: wp.array(dtype=float)):
    i = wp.tid()
    evil(wp.{also}(x[i]), y, i)
'''
    return program(name, source, ramp("x"), out("y"))


def plain(name: str, *lines: str) -> Program:
    text = "\n    ".join(["i = wp.tid()", *lines])
    source = f"\n\n@wp.kernel\ndef {name}(x: wp.array(dtype=float), y: wp.array(dtype=float)):\n    {text}\n"
    return program(name, source, ramp("x"), out("y"))


# A type of each size makes two of greater sizes: some 10^13 functions.
_ENDLESS = """
auto grow = [](auto self, auto x) -> int {
    if constexpr (sizeof(x) < 64) {
        struct one { decltype(x) held; char more; };
        struct two { decltype(x) held; char more[2]; };
        return self(self, one{x, 1}) + self(self, two{x, {1, 2}});
    }
    return 1;
};
out[i] = grow(grow, 'c') + a;
"""

# The word under which each is counted.
POISON = {
    "segfault": native("segfault", "*(volatile int*)8 = 1; out[i] = a;", "sin"),
    "trap": native("trap", "__builtin_trap();", "cos"),
    "abort": native("stops", "__builtin_abort();", "tan"),
    "cpu timeout": native("endless", _ENDLESS, "exp"),
    "cpu compile": native("undefined", "float nowhere(float); out[i] = nowhere(a);", "tanh"),
    "bounds": plain("beside", "y[i] = x[i + 1]"),
    "division": plain("divides", "y[i] = x[i] + float(i / (i - i))"),
    "timeout": plain("hangs", "n = float(1.0)", "while n > 0.0:", "    n = n + 0.0", "y[i] = x[i] + n"),
    "memory": native("eats", "for (;;) *(char*)__builtin_malloc(1 << 26) = 1; out[i] = a;", "sinh"),
    "stack": native("deep", "volatile char big[1 << 28]; big[i] = 1; out[i] = a + big[i];", "cosh"),
}
# What the last two come to: no memory was given, and something is written to it all the same.
WORDS = {"memory": "segfault", "stack": "segfault"}


def run_with(root: Path, planted: dict[int, Program], options: RunOptions) -> None:
    def source(seed: int, index: int, options: Options) -> Program:
        if index in planted:
            return msgspec.structs.replace(planted[index], seed=seed, index=index)
        return synthesize(seed, index, options)

    with roots.held(root) as (layout, lock):
        job = worker.ShardMaker(layout, RECIPE, source=source)
        found = recovery.begin(layout, RECIPE, "2020-01-01T00:00:00+00:00")
        chronicle = Chronicle(layout, RECIPE)
        made = session.Session(
            layout=layout, found=found, options=options, chronicle=chronicle, job=job, lock=lock
        )
        assert made.carry_out() == 0


def test_ten_poisonous_programs_cost_themselves_alone(
    undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exactly they are quarantined; all other rows are those of the run without them."""
    monkeypatch.setattr(compiling, "UNIT_SECONDS", 6.0)  # the endless one is compiled in five units
    monkeypatch.setattr(compiling, "TEXT_SECONDS", 0.1)
    monkeypatch.setattr(isolation, "ITEM_SECONDS", 5.0)
    planted = dict(zip(range(1, 20, 2), POISON.values(), strict=True))
    run_with(tmp_path, planted, RunOptions(workers=2))
    before = {failure.index for failure in read(manifest_path(undisturbed, "cpu")).failures}
    after = {failure.index: failure for failure in read(manifest_path(tmp_path, "cpu")).failures}
    words = [after[index].error.split(":")[0] for index in planted]
    assert words == [WORDS.get(word, word) for word in POISON]
    (clean,), (poisoned,) = files(undisturbed).values(), files(tmp_path).values()
    last = json.loads(clean.splitlines()[-1])["provenance"]["index"]
    others = {index for index in before | set(after) if index <= last} - set(planted)
    assert others == before - set(planted)
    kept = {json.loads(line)["provenance"]["index"]: line for line in clean.splitlines()}
    found = {json.loads(line)["provenance"]["index"]: line for line in poisoned.splitlines()}
    assert {i: line for i, line in found.items() if i <= last} == {
        i: line for i, line in kept.items() if i not in planted
    }
