"""What is harvested: which files and functions, under which licence; and what is a path of the machine."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from warpgen.harvesting.finding import find
from warpgen.harvesting.licences import about
from warpgen.harvesting.machine import MachinePaths
from warpgen.harvesting.marks import Marks
from warpgen.harvesting.rows import _once
from warpgen.reporting.harvested import Failure

KERNEL = "import warp as wp\n@wp.kernel\ndef k(a: wp.array(dtype=float)):\n    a[0] = 1.0\n"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import warp\n@warp.kernel\ndef k(): pass", ["k"]),
        ("import warp as w\n@w.kernel(enable_backward=False)\ndef k(): pass", ["k"]),
        ("from warp import kernel\n@kernel\ndef k(): pass", ["k"]),
        ("from warp import kernel as make\n@make\ndef k(): pass", ["k"]),
        ("from warp import *\n@kernel\ndef k(): pass", ["k"]),
        ("from .common import wp\n@wp.kernel\ndef k(): pass", ["k"]),
        ("from . import common\n@common.wp.kernel\ndef k(): pass", ["k"]),
        ("import warp as wp\ndef b(): pass\nk = wp.kernel(b)\nj = wp.Kernel(b, key='x')", ["b"]),
        (
            "import warp as wp\nfrom functools import partial\nm = partial(wp.kernel)\n@m\ndef k(): pass",
            ["k"],
        ),
        ("import warp as wp\nm = wp.kernel(enable_backward=False)\n@m\ndef k(): pass", ["k"]),
        ("import warp as wp\ndef m(f): return wp.kernel(f)\n@m\ndef k(): pass", ["k"]),
        ("import warp as wp\nm = lambda f: wp.kernel(f)\n@m\ndef k(): pass", ["k"]),
        ("import warp as wp\nm = wp.kernel if x else y\n@m\ndef k(): pass", ["k"]),
        ("import warp as wp\ndef b(): pass\ndef c(): pass\nwp.kernel(f=b)\nwp.Kernel(func=c)", ["b", "c"]),
        ("import warp as wp\ndef b(): pass\nwp.kernel(enable_backward=False)(b)", ["b"]),
        ("import warp as wp\ndef make():\n    @wp.kernel\n    def k(): pass\n    return k", ["k"]),
        ("import warp as wp\ndef k(): pass\nk = wp.kernel(k)", ["k"]),
        ("import warp as wp\nm, f = wp.kernel, wp.func\n@m\ndef k(): pass\n@f\ndef g(): pass", ["k"]),
        (
            "import warp as wp\ndef made(n):\n    def m(f): return wp.kernel(f)\n    return m\n"
            "@made(3)\ndef k(): pass",
            ["k"],
        ),
        (
            "import warp as wp\ndef k(): pass\nks = [wp.kernel(f) for f in (k,)]\n"
            "def other():\n    @wp.func\n    def f(): pass",
            [],
        ),
        ("import warp as wp\ndef f(): pass\ndef run(f): return wp.kernel(f)", []),
        ("import taichi as ti\n@ti.kernel\ndef k(): pass", []),
        ("class wp:\n    kernel = None\n@wp.kernel\ndef k(): pass", []),
        ("import sklearn as sk\nsk.kernel(3)", []),
    ],
)
def test_kernels_are_told_from_the_text(text: str, names: list[str]) -> None:
    """By decorator, call or another name for one; not those of other libraries."""
    assert [name for name, _ in Marks(ast.parse(text)).kernels] == names


def test_what_a_checkout_holds_beside_its_code_is_left_out(tmp_path: Path) -> None:
    """Environments and builds, but not a package that is called `build`; a broken file is named."""
    for place in (".venv/lib", "env39", "build/lib", "node_modules", ".tox", "mine/build", "mine"):
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
        (tmp_path / place / "kernels.py").write_text(KERNEL)
    (tmp_path / "env39" / "pyvenv.cfg").touch()
    (tmp_path / "mine" / "build" / "__init__.py").touch()
    (tmp_path / "old.py").write_text(KERNEL + "print 'x'\n")
    (tmp_path / "other.py").write_text("kernel = 'of an operating system'\n")
    found = {source.file: source for source in find(str(tmp_path)).sources}
    assert set(found) == {"mine/build/kernels.py", "mine/kernels.py", "old.py"}
    assert "SyntaxError" in found["old.py"].broken and not found["mine/kernels.py"].broken


@pytest.mark.parametrize(
    "text",
    [
        "import warp as wp\n@mine.jit\ndef k(a: wp.array(dtype=float), /): pass",
        "import warp as wp\n@mine.jit\ndef k(*, a: 'wp.array(dtype=float)'): pass",
        "import warp as wp\nfrom warp import array\n@mine.jit(1)\ndef k(a: array(dtype=float)): pass",
        "import warp as wp\nF = wp.array(dtype=float)\n@mine.jit\ndef k(a: F): pass",
    ],
)
def test_a_decorator_from_elsewhere_may_make_kernels(text: str, tmp_path: Path) -> None:
    """Of functions of Warp's types, whatever it is called; Warp's and Python's make none."""
    (tmp_path / "a.py").write_text(text)
    for decorator in ("wp.fem.integrand", "staticmethod", "functools.lru_cache"):
        (tmp_path / f"of {decorator}.py").write_text(text.replace("mine.jit", decorator))
    assert [source.file for source in find(str(tmp_path)).sources] == ["a.py"]


def test_a_file_counts_once(tmp_path: Path) -> None:
    """Whatever links to it; a link out of the folder is a file of it, and one to nothing is none."""
    inside, outside = tmp_path / "mine", tmp_path / "others"
    inside.mkdir()
    outside.mkdir()
    for place in (inside / "own.py", outside / "kernels.py"):
        place.write_text(KERNEL)
    for name, target in (("a.py", "own.py"), ("z.py", "../others/kernels.py"), (".#own.py", "nobody@host")):
        (inside / name).symlink_to(target)
    found = {source.file: source.path for source in find(str(inside)).sources}
    assert found == {"own.py": str(inside / "own.py"), "z.py": str(outside / "kernels.py")}


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"pyproject.toml": '[project]\nversion = "1.2"\nlicense = "MIT"'}, ("1.2", "MIT")),
        ({"pyproject.toml": '[project]\nlicense = {text = "BSD-3-Clause"}'}, ("", "BSD-3-Clause")),
        ({"pyproject.toml": '[project]\nlicense = {file = "COPYING.md"}', "COPYING.md": "MIT"}, ("", "MIT")),
        ({"pyproject.toml": '[tool.poetry]\nversion = "3"\nlicense = "ISC"'}, ("3", "ISC")),
        (
            {"pyproject.toml": '[project]\nclassifiers = ["License :: OSI Approved :: MIT License"]'},
            ("", "MIT"),
        ),
        ({"pyproject.toml": "[build-system]", "LICENSE": "Apache"}, ("", "Apache-2.0")),
        ({"LICENSE.txt": "BSD3"}, ("", "BSD-3-Clause")),
        ({"LICENSE": "my own words"}, ("", "unknown")),
        ({"pyproject.toml": "no toml ["}, ("", "unknown")),
    ],
)
def test_the_licence_is_the_folders_own(tmp_path: Path, files: dict[str, str], told: tuple[str, str]) -> None:
    """Of its pyproject.toml, else of its LICENSE, also when a folder inside is asked for."""
    texts = {
        "MIT": "MIT License\n\nPermission is hereby granted, free of charge, to any person\n... The above "
        "copyright notice and this permission notice shall be included",
        "Apache": "                  Apache License\n           Version 2.0, January 2004",
        "BSD3": "Redistribution and use in source and\nbinary forms ... Neither the name of the copyright",
    }
    (tmp_path / ".git").mkdir()
    inner = tmp_path / "src" / "mine"
    inner.mkdir(parents=True)
    for name, text in files.items():
        (tmp_path / name).write_text(texts.get(text, text))
    assert about("mine", tmp_path / "src", inner) == told


def test_others_files_keep_their_licence(tmp_path: Path) -> None:
    """One that its head names, or the LICENSE of a folder inside; what no folder says is the package's."""
    mit = "Permission is hereby granted, free of charge ... the above copyright notice and this permission"
    for name, text in {
        "LICENSE": "Apache License\nVersion 2.0",
        "own.py": KERNEL,
        "others/LICENSE": f"{mit} notice",
        "others/deep/theirs.py": KERNEL,
        "others/marked.py": "# SPDX-License-Identifier: BSD-3-Clause OR ISC\n" + KERNEL,
        "unknown/COPYING": "my own words",
        "unknown/a.py": KERNEL,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = find(str(tmp_path))
    assert found.licence == "Apache-2.0"
    assert {source.file: source.licence for source in found.sources} == {
        "own.py": "",
        "others/deep/theirs.py": "MIT",
        "others/marked.py": "BSD-3-Clause OR ISC",
        "unknown/a.py": "unknown",
    }


def test_a_kernel_fails_once_for_each_reason() -> None:
    """However many files call its factory, with however many values."""
    failures = [
        Failure("a.py", 3, "k", "extraction", "first"),
        Failure("a.py", 3, "k", "verification", "other"),
        Failure("a.py", 3, "k", "extraction", "again"),
        Failure("b.py", 3, "k", "extraction", "elsewhere"),
    ]
    assert _once(failures) == [failures[0], failures[1], failures[3]]


def test_a_path_is_found_as_a_path() -> None:
    """Not where its letters stand in a word or in another path, nor where its author named it."""
    here = MachinePaths("/data/code")
    for text in ("see /data/code", "'/data/code/a.py'", "(/data/code)", f"x={os.path.expanduser('~')}/y"):
        assert here.are_in(text), text
    for text in ("a parent/data/code", "/data/coder", "/mnt/data/code", "./data/code", "data/code"):
        assert not here.are_in(text), text
    odd = """/data/a b "c'é"""
    for text in (odd, repr(odd + "/x"), repr(odd + "/'"), ascii(odd + "/x")):
        assert MachinePaths(odd).are_in(text), text
    for text in ("see /data/code/a.py", "'/data/code/a.py'"):
        assert not here.are_in(text, "# as in /data/code/a.py"), text
        assert here.are_in(text, "# as in /data/code/b.py or /data/code/a.pyc"), text
    assert here.removed("at /data/code/a.py: up the tree/data/code") == "at /a.py: up the tree/data/code"
