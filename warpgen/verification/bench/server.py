"""What the helper of `warpgen.execution` does: it runs and judges rows."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from warpgen.errors import VerificationError, WarpgenError
from warpgen.record import Row


def begin(folder: Path) -> Callable[[bytes], bytes]:
    """Make ready, with files in `folder`; gives what answers a question, both in msgpack."""
    from warpgen.extraction import warp_api
    from warpgen.verification.bench.workbench import Bench

    warp_api.start(folder / "kernels")
    bench = Bench(folder / "bench")

    def answer(question: bytes) -> bytes:
        try:
            made = {"result": _answer(bench, msgspec.msgpack.decode(question))}
        except WarpgenError as error:
            made = {"error": str(error)}
        return msgspec.msgpack.encode(made)

    return answer


def _answer(bench: Any, question: dict[str, Any]) -> Any:
    from warpgen.verification.bench.judge import Question

    if question["task"] == "ready":
        return bench.ready(Path(question["cache"]) if question["cache"] else None)
    row = msgspec.convert(question["row"], Row)
    if question["task"] == "run":
        return bench.run(row)
    lacks = bench.lacks()
    if lacks and question["strict"]:
        raise VerificationError(
            f"this machine has no {' and no '.join(lacks)}; strict=True judges nothing without"
        )
    seed = secrets.randbits(62) if question["seed"] is None else question["seed"]
    asked = msgspec.convert({**question["asked"], "seed": seed}, Question)
    return {"verdict": msgspec.to_builtins(bench.check(row, asked)), "lacks": lacks}
