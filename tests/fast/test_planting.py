"""Faults by place, gradients by hand, and the file that holds what a judge said of them."""

from __future__ import annotations

import ast
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from warpgen import tasks
from warpgen.planting import write
from warpgen.planting.differentiate import gradients
from warpgen.planting.edits import Edit, apart, between, edited
from warpgen.planting.plant import Check, with_gradient
from warpgen.planting.planted import Planted, path_of, read
from warpgen.planting.python_faults import _KINDS, faults
from warpgen.planting.turns import Turns
from warpgen.record import Row
from warpgen.verdict import Verdict
from warpgen.warpbench import frozen

SOURCE = '''import warp as wp


@wp.func
def bell(x: float, width: float) -> float:
    """é: columns are counted in bytes."""
    é = x / width; t = é * é
    return wp.exp(-t) * width


@wp.kernel
def spread(x: wp.array(dtype=float), n: int, out: wp.array(dtype=float)):
    i = wp.tid()
    total = float(0.0)
    for k in range(n):
        if x[k] < 2.0:
            total += bell(x[k] - x[i], 0.5)
    out[i] = total  # é
    wp.atomic_add(out, i, wp.sin(total))
'''


def rows() -> list[Row]:
    """Some that stay as they are whenever the samples are made again."""
    found = sorted((task.row for task in frozen.tasks()), key=lambda row: row.provenance.index)
    return [row for row in found if row.target == "cpu"][:12]


def test_edits_leave_all_else_as_it_is() -> None:
    """From the last to the first, so that places stay true."""
    assert edited("abcdef", (Edit(1, 2, "XY"), Edit(4, 4, "-"))) == "aXYcd-ef"
    assert apart(Edit(0, 2, ""), Edit(3, 4, "")) and not apart(Edit(0, 2, ""), Edit(2, 4, ""))
    for old, new in (("aaa", "aa"), ("aa", "aaa"), ("ab", "ba"), ("", "x"), ("same", "same")):
        assert edited(old, (between(old, new),)) == new


def test_a_fault_is_one_place_of_a_text_that_still_parses() -> None:
    """Of every kind that there is a place for; the same for the same name."""
    found = list(faults(SOURCE, "a kernel"))
    assert found == list(faults(SOURCE, "a kernel")) != list(faults(SOURCE, "another"))
    kinds = {fault.kind for fault in found}
    assert len(kinds) == len(found) and len(kinds) > 12
    for source in [SOURCE, *(row.python_source for row in rows())]:
        for fault in faults(source, "é"):
            wrong = edited(source, (fault.edit,))
            ast.parse(wrong)
            assert wrong != source, fault
    inside = list(faults(SOURCE, "a kernel", frozenset({"bell"})))
    assert inside and all(fault.edit.stop < SOURCE.index("@wp.kernel") for fault in inside)


def test_every_kind_of_fault_has_a_place_somewhere() -> None:
    """In the sample's rows, or in the module above."""
    met = {f.kind for f in faults(SOURCE, "")} | {
        f.kind for row in rows() for f in faults(row.python_source, "")
    }
    assert met == set(_KINDS)


def test_a_statement_that_is_left_out_leaves_nothing() -> None:
    """A `pass` would give it away; it stands only where a block would be empty."""
    one = "import warp as wp\n\n\n@wp.kernel\ndef k(a: int):\n    x = a\n    y = x\n"
    (fault,) = [f for f in faults(one, "n") if f.kind == "a statement is left out"]
    assert edited(one, (fault.edit,)) in (one.replace("    x = a\n", ""), one.replace("    y = x\n", ""))
    alone = "import warp as wp\n\n\n@wp.kernel\ndef k(a: int):\n    x = a\n"
    (fault,) = [f for f in faults(alone, "n") if f.kind == "a statement is left out"]
    assert edited(alone, (fault.edit,)) == alone.replace("x = a", "pass")


def test_gradients_by_hand_are_those_of_differences() -> None:
    """Of every rule, on numbers; what has a branch, a loop or other types is left alone."""
    import math

    values = {"a": 0.4, "b": 0.7, "c": 0.9}
    texts = ["a + b * c - a / c", "-a * wp.exp(b) + a ** 2.0", "wp.pow(a, b)", "wp.atan2(a, b) * a"]
    texts += [
        f"wp.{f}(a * b) * c"
        for f in "sin cos tan exp log log10 log2 sqrt abs tanh sinh cosh asin acos atan".split()
    ]
    texts += [
        "wp.min(a, b) * wp.max(b, c)",
        "wp.clamp(a, b, c)",
        "wp.where(a < b, a * b, c)",
        "a * a if a < b else b",
    ]
    names = {
        n: getattr(math, n, None)
        for n in "sin cos tan exp log log10 log2 sqrt tanh sinh cosh asin acos atan atan2 pow".split()
    }
    fake = SimpleNamespace(
        **names, abs=abs, min=min, max=max, sign=lambda x: math.copysign(1.0, x),
        clamp=lambda x, low, high: min(max(x, low), high), where=lambda c, x, y: x if c else y,
        func=lambda f: f, func_grad=lambda f: lambda g: g,
    )  # fmt: skip
    for text in texts:
        head = "@wp.func\ndef f(a: float, b: float, c: float) -> float:\n    u = a * c\n"
        source = f"{head}    return {text} + u * 0.5\n"
        ((name, place, made),) = gradients(source)
        scope: dict[str, Any] = {"wp": fake}
        fake.adjoint = dict.fromkeys("abc", 0.0)
        keyed = made.replace("wp.adjoint[a]", "wp.adjoint['a']").replace("wp.adjoint[b]", "wp.adjoint['b']")
        exec(with_gradient(source, place, keyed.replace("wp.adjoint[c]", "wp.adjoint['c']")), scope)
        assert name == "f"
        scope["adj_f"](**values, adj_ret=1.5)
        for key in "abc":
            up, down = ({**values, key: values[key] + step} for step in (1e-6, -1e-6))
            slope = (scope["f"](**up) - scope["f"](**down)) / 2e-6
            assert fake.adjoint[key] == pytest.approx(1.5 * slope, rel=1e-5, abs=1e-6), (text, key, made)
    for other in ("x: wp.vec3", "x: float, n: wp.array(dtype=float)"):
        assert not list(gradients(f"@wp.func\ndef f({other}) -> float:\n    return x\n"))
    assert not list(
        gradients("@wp.func\ndef f(x: float) -> float:\n    if x > 0.0:\n        return x\n    return -x\n")
    )


def test_an_answer_becomes_what_the_judge_takes() -> None:
    """The last block; put where the row has its own; nothing else than what was asked for."""
    row = next(row for row in rows() if row.backward != (0, 0))
    own = row.code[slice(*row.backward)]
    made = tasks.candidate(row, "adjoint", f"So:\n```cpp\nint x;\n```\nor\n{tasks.block('cpp', own)}\n")
    assert made is not None and made.split() == row.code.split()
    assert tasks.candidate(row, "adjoint", "no block at all") is None
    assert tasks.candidate(row, "whole", "anything") == "anything"
    assert tasks.candidate(row, "whole", " \n") is None
    with_helper = msgspec.structs.replace(row, python_source=SOURCE)
    ((name, place, text), *_) = gradients(with_helper.python_source)
    made = tasks.candidate(with_helper, "func_grad", tasks.block("python", text))
    assert made is not None
    assert ast.dump(ast.parse(made)) == ast.dump(
        ast.parse(with_gradient(with_helper.python_source, place, text))
    )
    for wrong in (
        "",
        "def f(",
        text.replace(f"func_grad({name})", "func_grad(nobody)"),
        text.replace("@wp.func_grad", "@wp.func_replay"),
        f"{text}\n{text}",
        text.replace("adj_ret", "wp.grad(adj_ret)", 2),
    ):
        assert tasks.candidate(with_helper, "func_grad", f"```python\n{wrong}\n```") is None, wrong


def test_an_answer_may_be_dressed_as_usual() -> None:
    """Other names of blocks, thoughts, the import that a module has; fences without end take no time."""
    row = next(row for row in rows() if row.backward != (0, 0))
    own = row.code[slice(*row.backward)]
    for answer in (
        f"```c++\n{own}```",
        f"<think>\n```cpp\nint x;\n</think>\n```C\n{own}```\n",
        f"```cpp\n{own}",
    ):
        made = tasks.candidate(row, "adjoint", answer)
        assert made is not None and made.split() == row.code.split(), answer
    with_helper = msgspec.structs.replace(row, python_source=SOURCE)
    text = next(iter(gradients(SOURCE)))[2]
    assert tasks.candidate(with_helper, "func_grad", f"```python\nimport warp as wp\n\n{text}\n```")
    start = time.process_time()
    assert tasks.candidate(row, "adjoint", "```x\n" * 50_000) is None
    assert time.process_time() - start < 5.0


class _Judge:
    """Finds right what a row has, and wrong all else; ends once `over` says so."""

    workers = 2

    def __init__(self, known: Sequence[Row], over: Callable[[], bool] = lambda: False) -> None:
        self._own = {row.id: (row.python_source, row.code) for row in known}
        self._over = over

    def submit(self, row_id: str, text: str, language: str, seed: int) -> Future[Verdict]:
        if self._over():
            raise KeyboardInterrupt
        right = text in self._own[row_id] or ("func_grad" in text and "wp.adjoint" in text)
        future: Future[Verdict] = Future()
        future.set_result(
            Verdict(
                right,
                "right" if right else "outputs",
                "python",
                seed,
                why=f"{len(text)} characters",
                gradients=1.0,
            )
        )
        return future


def test_planting_goes_on_where_it_ended(tmp_path: Path) -> None:
    """Line by line; the file is the same, and has its name when it is whole."""
    pairs = [(row, row) for row in rows()]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    counts = write.write(whole, pairs, _Judge(rows()))  # type: ignore[arg-type]
    assert counts["kernels"] == len(pairs) and counts["repairs of two turns"] > 5
    unfinished = path_of(parts).with_name("planted.jsonl.partial")
    judge = _Judge(rows(), lambda: b"\n" in unfinished.read_bytes())  # kernels are worked on side by side
    with pytest.raises(KeyboardInterrupt):
        write.write(parts, pairs, judge)  # type: ignore[arg-type]
    done = unfinished.read_bytes()
    assert not path_of(parts).exists() and 0 < done.count(b"\n") < len(pairs)
    unfinished.write_bytes(done + b'{"index": 17, "ker')
    assert write.write(parts, pairs, _Judge(rows())) == counts  # type: ignore[arg-type]
    assert path_of(parts).read_bytes() == path_of(whole).read_bytes()
    made = list(read(path_of(whole)))
    assert [planted.kernel_id for planted in made] == [row.kernel_id for row, _ in pairs]
    for planted, row in zip(made, rows(), strict=True):
        for repair in planted.repairs:
            assert len(repair.kinds) == len(repair.turns) == len(repair.turns[0].edits)
            for turn in repair.turns:
                assert turn.why == f"{len(edited(row.python_source, turn.edits))} characters"


class _Waiting:
    """Answers the first once the second is there: who waits for it must have left the turn."""

    workers = 2

    def __init__(self) -> None:
        self.asked: list[Future[Verdict]] = []

    def submit(self, row_id: str, text: str, language: str, seed: int) -> Future[Verdict]:
        self.asked.append(Future())
        if len(self.asked) == 2:
            for future in self.asked:
                future.set_result(Verdict(True, "right", "python", seed))
        return self.asked[-1]


def test_kernels_wait_together_and_work_one_at_a_time() -> None:
    """Python 3.11's parser fails in two threads at once."""
    turns = Turns(_Waiting())  # type: ignore[arg-type]
    working = threading.Lock()

    def work(check: Check) -> bool:
        with working:
            ast.parse("a + b")
            working.release()
            verdict = check("row", "text", "python", 1)
            assert working.acquire(blocking=False), "another thread works"
            return verdict.right

    with ThreadPoolExecutor(2) as threads:
        found = [threads.submit(turns.run, work) for _ in range(2)]
        assert all(future.result(timeout=30.0) for future in found)


def test_of_what_does_not_stand_nothing_is_planted(tmp_path: Path) -> None:
    """Where the judge finds the row itself wrong, its word on faults is worth nothing."""
    judge = _Judge(rows())
    judge._own = dict.fromkeys(judge._own, ("", ""))
    write.write(tmp_path, [(row, row) for row in rows()], judge)  # type: ignore[arg-type]
    assert all(
        made == Planted(made.index, made.kernel_id, made.source_hash) for made in read(path_of(tmp_path))
    )
