"""Features and hashes of programs."""

from __future__ import annotations

import ast
import random
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.corpus import BY_NAME, PROGRAMS
from warpgen.errors import ExtractionError
from warpgen.extraction.features import KEPT_NAMES, Inspection, inspect_source
from warpgen.extraction.parsing import parse
from warpgen.program import Program
from warpgen.record import Features


def inspect(program: Program, source: str | None = None) -> Inspection:
    return inspect_source(source or program.source, program.name, [a.type for a in program.args])


def test_features_of_a_program_are_counted() -> None:
    """Statements, loops and branches are the kernel's; functions, structs and builtins the module's."""
    source = '''import warp as wp


@wp.struct
class S:
    v: wp.vec3


@wp.func
def f(x: float):
    if x > 0.0:
        return wp.floor(x)
    return x


@wp.kernel
def k(a: wp.array2d(dtype=wp.vec3), s: S):
    """A docstring is a statement."""
    i, j = wp.tid()
    for n in range(3):
        while n < 2:
            n += 1 if i > 0 else 2
        if i > j:
            a[i, j] = wp.vec3(f(wp.float32(1.0)))
        else:
            wp.atomic_add(a, i, j, wp.vec3())
'''
    expected = Features(
        statements=8,
        loops=2,
        loop_depth=2,
        branches=2,
        functions=1,
        structs=1,
        args=2,
        python_lines=26,
        builtins=("atomic_add", "float32", "floor", "tid"),
        dtypes=("S", "vec3f"),
        differentiable=False,
    )
    assert expected == inspect_source(source, "k", ["array2d(vec3f)", "S"]).features


def test_len_counts_as_the_builtin_that_it_is() -> None:
    """Python's own name is the only one that Warp's `len` has in kernels."""
    source = (
        "@wp.kernel\ndef k(v: wp.vec3, out: wp.array(dtype=int)):\n    out[0] = len(v) + int(abs(v[0]))\n"
    )
    assert inspect_source(source, "k").features.builtins == ("len",)


def test_hashes_are_the_same_everywhere() -> None:
    """The hashes of a known program, on every machine and Python, for ever."""
    found = inspect(BY_NAME["integrate"])
    assert (found.source_hash, found.structure_hash) == (
        "80d6238570f595599df60349fcaaf821",
        "85e25376af0e4c2b9a89102b7ae4f156",
    )


def test_corpus_programs_all_differ() -> None:
    """No two programs of the corpus share a hash."""
    found = [inspect(p) for p in PROGRAMS]
    assert len(PROGRAMS) == len({i.source_hash for i in found}) == len({i.structure_hash for i in found})


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.name)
def test_layout_and_comments_are_no_part_of_either_hash(program: Program) -> None:
    """What `ast.unparse` writes hashes as the original does."""
    tree = ast.parse(program.source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node):
            node.body = node.body[1:]
    expected, found = inspect(program), inspect(program, ast.unparse(tree))
    assert (expected.source_hash, expected.structure_hash) == (found.source_hash, found.structure_hash)


@given(st.sampled_from(PROGRAMS), st.randoms(use_true_random=False))
def test_names_and_constants_are_no_part_of_the_structure(program: Program, rng: random.Random) -> None:
    """Renaming what the program names and changing its numbers keeps the structure, not the source hash."""
    names = sorted(
        {n.id for n in ast.walk(ast.parse(program.source)) if isinstance(n, ast.Name)}
        - KEPT_NAMES
        - {"IntEnum", "Any", "math", "Mode"}
    )
    name = rng.choice(names)
    source = re.sub(rf"\b{name}\b", "renamed_thing", program.source)
    source = re.sub(r"(?<![\w.])(\d+)\.(\d+)", lambda m: f"{m[1]}.{m[2]}7", source)
    expected, found = inspect(program), inspect(program, source)
    assert expected.structure_hash == found.structure_hash
    assert expected.source_hash != found.source_hash


def test_builtins_are_part_of_the_structure() -> None:
    """Another `wp` function makes another structure."""
    source = BY_NAME["scale"].source
    other = inspect(BY_NAME["scale"], source.replace("wp.sin", "wp.cos"))
    assert inspect(BY_NAME["scale"]).structure_hash != other.structure_hash


class _Abstract(ast.NodeTransformer):
    """Names by order of first use, constants by type: a second, slower reading of the same idea."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}

    def name(self, name: str) -> str:
        return name if name in KEPT_NAMES else self.names.setdefault(name, f"n{len(self.names)}")

    def visit_Name(self, node: ast.Name) -> Any:
        node.id = self.name(node.id)
        return node

    def visit_arg(self, node: ast.arg) -> Any:
        node.arg = self.name(node.arg)
        return self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        self.generic_visit(node)
        if not (isinstance(node.value, ast.Name) and node.value.id == "wp"):
            node.attr = self.name(node.attr)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        node.name = self.name(node.name)
        if ast.get_docstring(node):
            node.body = node.body[1:]
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        node.name = self.name(node.name)
        node.body = [self.visit(s) for s in node.body]
        return node

    def visit_Constant(self, node: ast.Constant) -> Any:
        node.value = type(node.value).__name__
        return node


def _abstract(source: str) -> str:
    tree = ast.parse(source)
    tree.body = [n for n in tree.body if not isinstance(n, (ast.Import, ast.ImportFrom))]
    return ast.dump(_Abstract().visit(tree))


def test_structure_is_at_least_as_coarse_as_the_abstract_tree() -> None:
    """Two sources with the same abstract tree have the same structure, over pieces of the corpus."""
    seen: dict[str, str] = {}
    for program in PROGRAMS:
        for node in ast.parse(program.source).body:
            piece = ast.unparse(node)
            for constant in ("1", "2.5"):
                source = re.sub(r"(?<![\w.])\d+(?![\w.])", constant, piece).replace("tid()", "block_dim()")
                found = inspect_source(source, program.name).structure_hash
                assert seen.setdefault(_abstract(source), found) == found


@pytest.mark.parametrize(
    "source",
    [
        *(p.source for p in PROGRAMS),
        'X = """\ndef f():\n@\n"""\n\ndef g():\n    pass',
        '@a\n@b(\n    1,\n)\ndef f(\n    x,\n):\n    """Text\nat margin."""\n\n# c\nclass C:\n    pass\n',
        "@a\n# note\ndef f():\n    x = 1\n# note\n    return x\nif f:\n    y = 1\nelse:\n    y = 2\n",
        "def f(): return 1\ndef g(): return 2\nx = (\n1,\n)\n",
        "",
    ],
)
def test_parse_in_pieces_gives_the_tree_of_the_whole(source: str) -> None:
    """Cutting a module at its functions changes nothing but line numbers."""
    assert [ast.dump(node) for node in ast.parse(source).body] == [ast.dump(node) for node in parse(source)]


def test_source_that_is_no_python_is_refused() -> None:
    """A syntax error is the program's own failure."""
    with pytest.raises(ExtractionError, match=r"^SyntaxError: "):
        inspect_source("def k(:", "k")
