"""A root with finished datasets of hand-made rows: fast, and every figure known beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from warpgen import stats
from warpgen.launch import Argument, Fill, Launch
from warpgen.paths import dataset_path
from warpgen.recipe import Recipe
from warpgen.record import TARGETS, UNVERIFIED, Compile, Features, Forward, Provenance, Row, Target, encode
from warpgen.reporting.manifest import Circumstances, Failure, Manifest, write_manifest
from warpgen.split import split_of

SOURCE = "import warp as wp\n\n\n@wp.kernel\ndef scale(x: wp.array(dtype=float)):\n    x[{index}] = 1.0\n"
FORWARD = "void scale_forward()\n{\n    var_1 = wp::mul(var_0, var_0);\n}\n"
BACKWARD = "void scale_backward()\n{\n    //---------\n    // reverse\n    wp::adj_mul(var_0);\n}\n"

CIRCUMSTANCES = Circumstances(
    workers=2,
    engine="local",
    started="2026-01-01T00:00:00Z",
    finished="2026-01-01T00:01:00Z",
    wall_seconds=60.0,
)


def row(index: int, target: Target = "cpu", **changes: object) -> Row:
    """A small row; `changes` replace its fields."""
    code = f"// {index}\n{FORWARD}{BACKWARD}"
    start = len(code) - len(FORWARD) - len(BACKWARD)
    made = Row(
        id=f"s0-{index}-{target}",
        kernel_id=f"s0-{index}",
        target=target,
        category=("vector", "matrix")[index % 2],
        name="scale",
        python_source=SOURCE.format(index=index),
        code=code,
        forward=(start, start + len(FORWARD)),
        backward=(start + len(FORWARD), len(code)),
        args=(Argument("x", "array1d(float32)", "output", (Fill("x", "constant", (64,)),)),),
        launch=Launch((64,), seed=index),
        features=Features(
            statements=4 + index,
            loops=0,
            loop_depth=0,
            branches=index % 3,
            functions=0,
            structs=0,
            args=1,
            python_lines=6,
            builtins=("sin", "tid") if index % 2 else ("tid",),
            dtypes=("float32",),
            differentiable=True,
        ),
        source_hash=f"{index:032x}",
        structure_hash=f"{index:032x}",
        split="train",
        summary="Does nothing.",
        verified=msgspec.structs.replace(UNVERIFIED, compile=Compile("pass")),
        provenance=Provenance("synthesis", 0, index, "0.1.0", "1.19.0", "Apache-2.0"),
    )
    return msgspec.structs.replace(made, **changes)


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """A dataset file of these rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(map(encode, rows)))


def finished_root(root: Path, targets: Sequence[Target] = TARGETS, count: int = 5) -> dict[Target, Manifest]:
    """Datasets of `count` rows and their manifests under `root`."""
    recipe = Recipe(target=targets[0] if len(targets) == 1 else "both", size=None, rows=count, verify="none")
    recipe = msgspec.structs.replace(recipe, warpgen="0.1.0", warp="1.19.0")
    made: dict[Target, Manifest] = {}
    indices = range(3, 3 + count)  # three programs gave no row: two repeats and a failure
    for target in targets:
        write_rows(dataset_path(root, target), [row(index, target) for index in indices])
        made[target] = write_manifest(
            root,
            target,
            recipe,
            CIRCUMSTANCES,
            {"duplicate": {"structure": 2}},
            [Failure(1, "extraction", "no overload of wp.sin")],
        )
    return made


_HOSTILE = "</script><img src=x onerror=\"document.title='broken'\"><!-- \u202e"


def page_of(root: Path) -> str:
    assert stats.main(["--root", str(root), "--html", str(root / "page.html")]) == 0
    return (root / "page.html").read_text()


def hostile_root(root: Path) -> None:
    """Rows that would break out of wherever they are put."""
    for target in TARGETS:
        rows = [
            row(
                index,
                target,
                name=_HOSTILE,
                category=_HOSTILE,
                python_source=f"# {_HOSTILE}\nx = 1\n",
                code=row(index).code.replace("var_1", _HOSTILE),
                verified=msgspec.structs.replace(UNVERIFIED, forward=Forward("pass", references=_HOSTILE)),
            )
            for index in range(3)
        ]
        write_rows(dataset_path(root, target), rows)
        recipe = Recipe(target="both", size=None, rows=3)
        write_manifest(root, target, recipe, CIRCUMSTANCES, {"duplicate": {_HOSTILE: 1}}, [])


def source(family: int, member: int) -> str:
    """Programs of a family differ in one word of forty; families share nothing."""
    words = [f"name_{family}_{k}" for k in range(40)]
    words[member + 5] = f"other_{member}"
    return " ".join(words)


def planted_root(root: Path, families: int = 60, members: int = 3) -> None:
    """Near-duplicates far apart in the files, whose structures would put them in different splits."""
    recipe = Recipe(target="both", size=None, rows=families * members, warpgen="0.1.0", warp="1.19.0")
    for target in TARGETS:
        made: list[Row] = []
        for index in range(families * members):
            text = source(index % families, index // families)
            structure = f"{index * 0x9E3779B1 % 2**32:08x}" + "0" * 16 + f"{index:08x}"
            changes = {"python_source": text, "structure_hash": structure, "split": split_of(structure)}
            made.append(row(index, target, **changes))
        write_rows(dataset_path(root, target), made)
        write_manifest(root, target, recipe, CIRCUMSTANCES, {}, [])
