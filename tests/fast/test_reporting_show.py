"""`show` prints one program, or the code of it."""

from __future__ import annotations

import ast
import json

import pytest

from warpgen import show
from warpgen.errors import RecipeError, SynthesisError, UsageError
from warpgen.synthesis.generator import Options, category_weights, synthesize


def test_prints_the_program_of_an_index(capsys: pytest.CaptureFixture[str]) -> None:
    """Away from a terminal the text is the program's own, ready for a file."""
    assert show.main(["--index", "3"]) == 0
    text = capsys.readouterr().out
    assert text == synthesize(0, 3, Options()).source.rstrip("\n") + "\n"
    ast.parse(text)


def test_category_is_the_only_one_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    """--category gives a program of that category; --launch tells how to run it."""
    name = next(iter(category_weights(Options())))
    assert show.main(["--category", name, "--seed", "5", "--launch"]) == 0
    text = capsys.readouterr().out
    assert json.loads(text[text.index('{\n  "category"') :])["category"] == name


@pytest.mark.parametrize(("target", "expected"), [("cpu", "_cpu_kernel_forward("), ("cuda", "__global__")])
def test_code_is_what_warp_generates(target: str, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--code prints the whole text for the target."""
    assert show.main(["--code", target]) == 0
    assert expected in capsys.readouterr().out


def test_unknown_category_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A category that does not exist is a wrong request, with the right ones listed."""
    with pytest.raises(RecipeError, match="unknown category 'nonsense'"):
        show.main(["--category", "nonsense"])


@pytest.mark.parametrize(
    "arguments", [["--index", "-1"], ["--index", "x"], ["--code", "gpu"], ["--seed", "a"]]
)
def test_wrong_options_are_one_sentence(arguments: list[str]) -> None:
    """Wrong options are refused as a request that cannot be done."""
    with pytest.raises(UsageError, match="argument --"):
        show.main(arguments)


def test_index_without_a_program_exits_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An index that gives no program says why."""

    def fail(seed: int, index: int, options: Options) -> None:
        raise SynthesisError("cornered")

    monkeypatch.setattr("warpgen.synthesis.generator.synthesize", fail)
    assert show.main(["--index", "7"]) == 1
    assert capsys.readouterr().err == "index 7: cornered\n"
