"""`python -m warpgen.verification.server`: runs and judges rows for `warpgen.execution`, over two pipes.

A message is its length in 8 bytes and msgpack. The process ends when its caller closes the pipe or dies.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from warpgen.errors import WarpgenError
from warpgen.record import Row


def main() -> int:
    """Answer until the caller is gone."""
    questions = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):  # Warp and its compilers print to the descriptors themselves
        os.dup2(nowhere, standard)
    with tempfile.TemporaryDirectory(prefix="warpgen-server-") as name:
        os.environ["TMPDIR"] = tempfile.tempdir = name
        from warpgen.extraction import warp_api
        from warpgen.verification.workbench import Bench

        warp_api.start(Path(name) / "kernels")
        bench = Bench(Path(name) / "bench")
        while (question := _read(questions)) is not None:
            try:
                answer = {"result": _answer(bench, question)}
            except WarpgenError as error:
                answer = {"error": str(error)}
            data = msgspec.msgpack.encode(answer)
            try:
                answers.write(len(data).to_bytes(8, "little") + data)
                answers.flush()
            except BrokenPipeError:
                break
    return 0


def _read(pipe: BinaryIO) -> dict[str, Any] | None:
    size = int.from_bytes(pipe.read(8), "little")
    data = pipe.read(size)
    return msgspec.msgpack.decode(data) if size and len(data) == size else None


def _answer(bench: Any, question: dict[str, Any]) -> Any:
    row = msgspec.convert(question["row"], Row)
    if question["task"] == "run":
        return bench.run(row)
    return bench.check(row, question["source"], question["language"], question["gradients"])


if __name__ == "__main__":
    sys.exit(main())
