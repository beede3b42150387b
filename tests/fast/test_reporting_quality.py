"""The quality figures, each against a case small enough to count by hand."""

from __future__ import annotations

import random
import re
from pathlib import Path

import msgspec
import pytest

from tests.support.reporting_root import CIRCUMSTANCES, row, write_rows
from warpgen import stats
from warpgen.errors import DamageError, RootError
from warpgen.paths import dataset_path
from warpgen.recipe import Recipe
from warpgen.reporting import quality
from warpgen.reporting.manifest import write_manifest
from warpgen.reporting.quality import Quantiles, measure
from warpgen.reporting.shape import shape_of
from warpgen.reporting.similarity import NearDuplicates
from warpgen.reporting.transfer import bits_per_character, people_kernels, sample

KERNEL = '''
import warp as wp

@wp.kernel
def push(x: wp.array(dtype=wp.vec3), n: int):
    """Says what it does."""
    i = wp.tid()
    if i >= n:
        return
    for k in range(3):
        for j in range(i):
            x[i] += wp.normalize(x[k]) * (1.0 if j > 2 else 0.5)
'''


def test_names_and_constants_do_not_change_a_shape() -> None:
    """Renaming everything, other constants, no docstring: the same structure and skeleton."""
    other = KERNEL.replace("push", "pull").replace("x", "pos").replace("3", "7").replace("0.5", "8.5")
    other = other.replace('    """Says what it does."""\n', "")
    first, second = shape_of(KERNEL), shape_of(other.replace("vec7", "vec3"))
    assert (first.structure, first.skeleton) == (second.structure, second.skeleton)


def test_another_builtin_changes_the_structure_alone() -> None:
    """Warp's names belong to the structure and not to the skeleton."""
    first, second = shape_of(KERNEL), shape_of(KERNEL.replace("normalize", "abs"))
    assert first.structure != second.structure
    assert first.skeleton == second.skeleton


@pytest.mark.parametrize(
    ("old", "new"), [("+=", "-="), ("range(i)", "range(k)"), ("n: int", "n: float"), ("1.0", "1")]
)
def test_another_operator_argument_or_type_changes_both(old: str, new: str) -> None:
    """What a program does and on which kinds of values is its shape."""
    first, second = shape_of(KERNEL), shape_of(KERNEL.replace(old, new))
    assert first.structure != second.structure
    assert first.skeleton != second.skeleton


def test_sizes_are_those_of_the_kernel() -> None:
    """Statements (the docstring is one), loop depth, branches and signature."""
    shape = shape_of("import warp as wp\n\n@wp.func\ndef f(a: float):\n    return a\n" + KERNEL)
    assert (shape.statements, shape.loop_depth, shape.branches) == (7, 2, 2)
    assert shape.signature == ("wp.array(dtype=wp.vec3)", "int")


def test_a_changed_number_makes_a_near_duplicate() -> None:
    """Programs that differ in numbers and comments resemble each other; another program does not."""
    similar = NearDuplicates()
    other = "\n".join(f"    v{k} = wp.sin(u{k} - w{k})" for k in range(20))
    expected = [False, True, False, True]
    assert expected == [
        similar.add(s) for s in (KERNEL, KERNEL.replace("0.5", "7.25") + "# end\n", other, other)
    ]
    assert similar.count == 2


def test_similarity_is_that_of_the_sets() -> None:
    """Whether two programs count as alike follows their true Jaccard similarity away from the threshold."""
    words = [f"name{k}" for k in range(300)]
    for changed, alike in ((5, True), (60, False)):
        other = words.copy()
        for place in random.Random(0).sample(range(300), changed):
            other[place] = "changed"
        similar = NearDuplicates()
        similar.add(" ".join(words))
        assert similar.add(" ".join(other)) is alike


def _sources(count: int) -> list[str]:
    return [
        f"import warp as wp\n\n\n@wp.kernel\ndef f{k}(x: int):\n{'    x += 1' * 1}\n" for k in range(count)
    ]


def test_sample_holds_whole_rows_in_a_fixed_random_order(tmp_path: Path) -> None:
    """The sample equals the joined sources after a seeded shuffle, cut to its size."""
    sources = _sources(50)
    write_rows(tmp_path / "d.jsonl", [row(k, python_source=s) for k, s in enumerate(sources)])
    random.Random(0).shuffle(sources)
    assert "\n".join(sources).encode()[:500] == sample(tmp_path / "d.jsonl", 500)


def test_reading_a_kernel_makes_it_cheap() -> None:
    """A model that has read the very kernel pays next to nothing; random text does not help."""
    kernels = [KERNEL]
    noise = bytes(random.Random(0).randrange(33, 127) for _ in range(2000))
    nothing, same, other = (bits_per_character(text, kernels) for text in (b"", KERNEL.encode(), noise))
    assert same < 0.5 < 2 < nothing
    assert other > nothing - 0.5


def test_test_kernels_are_whole_kernels_of_people(tmp_path: Path) -> None:
    """Kernels are taken with their decorator, at the left margin, within the length limits, once each."""
    body = "\n".join(f"        x[{k}] = float({k}) * wp.sin(x[{k}])" for k in range(20))
    kernel = f"    @wp.kernel\n    def f(x: wp.array(dtype=float)):\n{body}\n"
    (tmp_path / "a.py").write_text(
        f"class A:\n{kernel}\n    @wp.kernel\n    def short(): pass\n\n    def plain(): pass\n"
    )
    (tmp_path / "b.py").write_text(f"if True:\n{kernel}")
    (tmp_path / "c.py").write_text("not python (")
    assert [re.sub("^    ", "", kernel.rstrip("\n"), flags=re.M)] == people_kernels([tmp_path])


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root of four rows; two of one structure, three that resemble each other."""
    monkeypatch.setattr(quality, "people_kernels", lambda: [KERNEL])
    sources = [
        KERNEL,
        KERNEL.replace("0.5", "0.7"),
        KERNEL.replace("+=", "-="),
        "import warp as wp\nwp.sin(1.0)\n",
    ]
    code = "// a comment\nwp::mul(a);\nwp::add<float>(b);\nwp::adj_mul(c);\nwp::mul(a);\n"
    rows = [row(k, python_source=source, code=code) for k, source in enumerate(sources)]
    write_rows(dataset_path(tmp_path, "cpu"), rows)
    write_manifest(tmp_path, "cpu", Recipe(target="cpu", size=None, rows=4), CIRCUMSTANCES, {}, [])
    return tmp_path


def test_measures_the_whole_dataset(measured: Path) -> None:
    """Every figure of a small dataset is as counted by hand."""
    q = measure(dataset_path(measured, "cpu"))
    assert (q.rows, q.structures, q.skeletons, q.near_duplicates) == (4, 0.75, 0.75, 0.5)
    assert q.effective_structures == pytest.approx(2**1.5)
    assert (q.builtins_used, q.signatures, q.operations) == (2, 2, (2, 2, 1))
    assert "sin" not in q.builtins_missing
    assert q.statements == Quantiles(7, 7, 7)
    assert q.comment_share == pytest.approx(13 / 75, abs=0.03)
    assert (q.largest_category, q.smallest_category) == (0.5, 0.5)
    assert 0 < q.bits_read < q.bits_nothing


def test_stats_shows_the_figures_beside_their_bars(
    measured: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--quality prints a table; with --json the figures; with --markdown the page."""
    arguments = ["--root", str(measured), "--quality"]
    assert stats.main(arguments) == 0
    assert "distinct structures" in capsys.readouterr().out
    assert stats.main([*arguments, "--json"]) == 0
    assert msgspec.json.decode(capsys.readouterr().out)["cpu"]["structures"] == 0.75
    assert stats.main([*arguments, "--markdown"]) == 0
    assert "| distinct structures | 1.000 | 0.750 | **no** |" in capsys.readouterr().out


def test_empty_and_damaged_datasets_are_named(tmp_path: Path) -> None:
    """Nothing can be measured of no rows, and damage is said by row."""
    path = tmp_path / "d.jsonl"
    path.write_bytes(b"")
    with pytest.raises(RootError, match="holds no row"):
        measure(path)
    path.write_bytes(b"{\n")
    with pytest.raises(DamageError, match="row 1"):
        measure(path)
