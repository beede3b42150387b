"""Rows as tasks in words."""

from __future__ import annotations

import msgspec

from tests.support.commands import SAMPLES
from warpgen.launch import Argument, Fill
from warpgen.prompt import prompt
from warpgen.record import Row

ROW = msgspec.json.decode(SAMPLES["cpu"].read_bytes().splitlines()[0], type=Row)


def test_a_prompt_says_what_to_write_and_not_how() -> None:
    """Summary, arguments with shapes, launch and form of the answer; no line of the program."""
    row = msgspec.structs.replace(ROW, backward=(0, 0))
    text = prompt(row)
    assert row.summary in text and "```python" in text
    assert f"grid of {' x '.join(map(str, row.launch.dim))}" in text
    for arg in row.args:
        shape = f"({', '.join(map(str, arg.fill.shape))})" if arg.fill.shape else ""
        assert any(f"`{arg.name}`" in line and shape in line for line in text.splitlines())
    body = row.python_source.partition("):\n")[2].splitlines()
    assert not [line for line in body if any(map(str.isalnum, line)) and line.strip() in text]
    assert "differentiate" not in text  # it has no adjoint
    assert "differentiate" in prompt(msgspec.structs.replace(row, backward=(1, 2)))


def test_structs_of_arguments_are_given_and_no_others() -> None:
    """With those in them: a kernel cannot be written without."""
    head, kernel = ROW.python_source.split("\n\n\n", 1)
    structs = [
        "@wp.struct\nclass Inner:\n    a: float",
        "@wp.struct\nclass Cell:\n    inner: Inner",
        "@wp.struct\nclass Local:\n    secret: float",
    ]
    source = "\n\n\n".join([head, *structs, kernel])
    args = (*ROW.args, Argument("cell", "Cell", "param", (Fill("cell", "struct"),)))
    text = prompt(msgspec.structs.replace(ROW, python_source=source, args=args))
    assert structs[0] in text and structs[1] in text and "Local" not in text


def test_a_translation_shows_the_program() -> None:
    """What Warp makes of it is asked for in the language of the target."""
    for language, name in (("cpp", "C++ for the CPU"), ("cuda", "CUDA C++")):
        text = prompt(ROW, language)  # type: ignore[arg-type]
        assert ROW.python_source in text and name in text and f"```{language}" in text
