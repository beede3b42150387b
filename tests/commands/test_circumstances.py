"""No circumstance of a process changes what it makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import SAMPLES, files, python

ARGS = ["--rows", "9", "--complexity", "small"]


@pytest.mark.parametrize("command", ["run", "show", "verify", "harvest", "resume", "merge"])
def test_python_without_docstrings_is_refused(tmp_path: Path, command: str) -> None:
    """Comments in programs are made of docstrings: -OO would make another dataset, and says so."""
    arguments = {
        "run": [*ARGS, "--root", "."],
        "verify": [str(SAMPLES["cpu"])],
        "harvest": ["warp.examples", "--root", "."],
        "merge": ["a", "b"],
    }.get(command, [])
    for options, more in ((["-OO"], {}), ([], {"PYTHONOPTIMIZE": "2"})):
        done = python(*options, "-m", f"warpgen.{command}", *arguments, cwd=tmp_path, env=more)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("warpgen: Python runs without docstrings")
        assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_no_circumstance_of_python_changes_a_byte(tmp_path: Path) -> None:
    """Without assertions, with any hash seed, in any locale and development mode: one dataset."""
    made = []
    for number, (options, environment) in enumerate(
        (
            ([], {}),
            (["-O"], {"PYTHONHASHSEED": "1"}),
            (["-X", "utf8=0"], {"PYTHONHASHSEED": "2", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}),
        )
    ):
        root = tmp_path / str(number)
        words = (*options, "-m", "warpgen.run", "--rows", "60", "--verify", "none", "--root", root)
        done = python(*map(str, words), env=environment)
        assert done.returncode == 0, done.stderr
        made.append(files(root))
    assert made[0] == made[1] == made[2]


def test_programs_do_not_depend_on_the_process() -> None:
    """Another process with another hash seed writes the same text."""
    code = (
        "from warpgen.synthesis.generator import *\n"
        "print('\\n'.join(synthesize(3, i, Options()).source for i in range(40)))"
    )
    made = [python("-c", code, env={"PYTHONHASHSEED": seed, "PATH": ""}) for seed in ("1", "2")]
    assert [done.returncode for done in made] == [0, 0], made
    assert made[0].stdout == made[1].stdout


def test_code_does_not_depend_on_the_seed_of_hashes() -> None:
    """Of a loop that makes names of unrolled loops its own variables, which Warp takes out of a set."""
    code = """
from tests.support.corpus.writing import out, program
from warpgen.extraction import warp_api
from warpgen.extraction.codegen import lower

loops = "{0}for i in range(2):\\n{0}    for j in range(2):\\n{0}        y[i] += float(j)\\n"
head = "\\n\\n@wp.kernel\\ndef k(y: wp.array(dtype=float)):\\n"
body = loops.format("    ") + "    for n in range(y.shape[0]):\\n" + loops.format("        ")
warp_api.start()
print(lower(program("k", head + body, out("y")), ("cpu",))["cpu"].text)
"""
    made = [python("-c", code, env={"PYTHONHASHSEED": str(seed)}) for seed in range(1, 5)]
    assert [done.returncode for done in made] == [0] * 4, made
    assert len({done.stdout for done in made}) == 1
