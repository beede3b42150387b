"""Run rows and judge other people's kernels against them, in a process that is kept for the next call.

The process holds Warp, its compilers and their warm headers; each kernel runs in a confined child of it.
"""

from __future__ import annotations

import atexit
import os
import threading
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from warpgen.errors import VerificationError
from warpgen.helper import Helper
from warpgen.process import signals_held
from warpgen.verdict import Language, Verdict

if TYPE_CHECKING:
    from warpgen.record import Row

# Seconds of wall time for one check, once the process that judges is up.
TIMEOUT = 60.0

Arrays = dict[str, NDArray[Any]]


class Run(msgspec.Struct, frozen=True):
    """One launch of a row. Arrays go by argument name, `argument.field` inside structs.

    `gradients` are the derivatives of the sum of `cotangents` times outputs by each input array of floats,
    as the row's own adjoint makes them; both are empty where there is no adjoint.
    """

    inputs: Arrays
    outputs: Arrays
    cotangents: Arrays
    gradients: Arrays


def run(row: Row) -> Run:
    """Launch a row; see `warpgen.Row.run`."""
    parts = _ask({"task": "run", "row": row})
    return Run(*({path: _array(value) for path, value in parts[name].items()} for name in _PARTS))


_PARTS = ("inputs", "outputs", "cotangents", "gradients")


def check(
    row: Row,
    text: str,
    language: Language = "python",
    *,
    seed: int | None = None,
    timeout: float = TIMEOUT,
    extract: bool = False,
    gradients: bool = True,
) -> Verdict:
    """Judge a kernel by a row; see `warpgen.Row.check`."""
    asked = question(row, text, language, seed=seed, timeout=timeout, extract=extract, gradients=gradients)
    return verdict(_ask(asked), language, seed)


def question(
    row: Row,
    text: str,
    language: Language,
    *,
    seed: int | None,
    timeout: float,
    extract: bool,
    gradients: bool = True,
) -> dict[str, Any]:
    """What the process that judges is asked. Raises ValueError for an unknown language."""
    if language not in ("python", "cpp", "cuda"):
        raise ValueError(f"language must be 'python', 'cpp' or 'cuda', not {language!r}")
    return {"task": "check", "row": row, "source": text, "language": language, "gradients": gradients}


def verdict(found: dict[str, Any], language: Language, seed: int | None) -> Verdict:
    """What it answers."""
    agree = float(found["outputs"] == "same")
    slopes = {"same": 1.0, "different": 0.0}.get(found["gradients"])
    right = found["compiles"] and agree == 1.0 and found["gradients"] in ("same", "none", "not run")
    stage: Any = "right" if right else "gradients" if agree else "outputs" if found["compiles"] else "compile"
    return Verdict(
        right, stage, language, seed or 0, agree, slopes, None, found["why"], {}, found.get("how", "")
    )


def _array(value: list[Any]) -> NDArray[Any]:
    kind, shape, data = value
    return np.frombuffer(data, kind).reshape(shape).copy()


_server: Helper | None = None
_lock = threading.Lock()


def _ask(message: dict[str, Any]) -> Any:
    """The server's answer; starts it at the first call, and anew where it was lost."""
    global _server
    data = msgspec.msgpack.encode(message)
    with _lock:
        if _server is None:
            with signals_held():
                _server = Helper("warpgen.verification.bench.server", "the process that runs rows")
        try:
            answer = msgspec.msgpack.decode(_server.ask(data))
        except BaseException:  # an answer that is not read would be taken for the next one
            stop()
            raise
    if "error" in answer:
        raise VerificationError(answer["error"])
    return answer["result"]


@atexit.register
def stop() -> None:
    """End the process that runs rows; the next call starts another."""
    global _server
    if _server is not None:
        _server.end()
    _server = None


def _forget() -> None:
    """A forked child must not speak into its parent's pipes, nor wait for a lock that nobody gives back."""
    global _server, _lock
    _server, _lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)
