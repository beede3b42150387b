"""Run rows and judge other people's kernels against them, in a process that is kept for the next call.

The process holds Warp, its compilers and their warm headers; each kernel runs in a confined child of it.
"""

from __future__ import annotations

import atexit
import math
import os
import re
import threading
import time
import warnings
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from warpgen.errors import VerificationError
from warpgen.helper import Helper, TooLate
from warpgen.process import signals_held
from warpgen.verdict import Language, Verdict

if TYPE_CHECKING:
    from warpgen.record import Row

# Seconds of wall time for one check, once the process that judges is up.
TIMEOUT = 60.0
# Seconds beyond a check's own time: the row itself is read and compiled when it is first asked for.
GRACE = 60.0
# Longer than any answer of a model that is worth reading, and what no text may hold.
_MOST_CHARACTERS = 4 << 20
_LONE = re.compile(r"[\ud800-\udfff]")

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
    strict: bool = False,
) -> Verdict:
    """Judge a kernel by a row; see `warpgen.Row.check`."""
    asked = question(
        row,
        text,
        language,
        seed=seed,
        timeout=timeout,
        extract=extract,
        gradients=gradients,
        strict=strict,
    )
    if isinstance(asked, Verdict):
        return asked
    _ask(READY)
    start = time.monotonic()
    try:
        made = _ask(asked, timeout + GRACE)
    except TooLate:
        return late(language, seed, time.monotonic() - start)
    return verdict(made)


# What the process that judges is asked first, which does not count for anybody's time.
READY: dict[str, Any] = {"task": "ready", "cache": ""}


def question(
    row: Row,
    text: str,
    language: Language,
    *,
    seed: int | None,
    timeout: float,
    extract: bool,
    gradients: bool = True,
    strict: bool = False,
) -> dict[str, Any] | Verdict:
    """What the process that judges is asked, or the verdict where there is nothing to ask.

    Raises ValueError for what no check takes.
    """
    if language not in ("python", "cpp", "cuda"):
        raise ValueError(f"language must be 'python', 'cpp' or 'cuda', not {language!r}")
    if not isinstance(text, str) or not 0.0 < timeout < math.inf:
        raise ValueError("text must be a str, timeout a number of seconds above 0")
    if seed is not None and not 0 <= seed < 1 << 63:
        raise ValueError("seed must be from 0 to 2**63 - 1")
    if len(text) > _MOST_CHARACTERS or _LONE.search(text):
        long = len(text) > _MOST_CHARACTERS
        why = f"the text is longer than {_MOST_CHARACTERS} characters" if long else "the text is not Unicode"
        return Verdict(False, "extract", language, seed or 0, why=why)
    asked = {
        "text": text,
        "language": language,
        "timeout": timeout,
        "extract": extract,
        "gradients": gradients,
    }
    return {"task": "check", "row": row, "asked": asked, "seed": seed, "strict": strict}


def verdict(made: dict[str, Any]) -> Verdict:
    """What it answers."""
    _say_once(made["lacks"])
    return msgspec.convert(made["verdict"], Verdict)


def late(language: Language, seed: int | None, seconds: float) -> Verdict:
    """What is said of a text that it does not answer."""
    why = "the judge did not answer in time"
    return Verdict(False, "timeout", language, seed or 0, why=why, seconds={"all": round(seconds, 4)})


def _say_once(lacks: list[str]) -> None:
    global _said
    if lacks and not _said:
        warnings.warn(f"kernels are judged with less of a jail: no {'; no '.join(lacks)}", stacklevel=4)
        _said = True


_said = False


def _array(value: list[Any]) -> NDArray[Any]:
    kind, shape, data = value
    return np.frombuffer(data, kind).reshape(shape).copy()


_server: Helper | None = None
_lock = threading.Lock()


def _ask(message: dict[str, Any], seconds: float = math.inf) -> Any:
    """The server's answer; starts it at the first call, and anew where it was lost."""
    global _server
    data = msgspec.msgpack.encode(message)
    with _lock:
        if _server is None:
            with signals_held():
                _server = Helper("warpgen.verification.bench.server", "the process that runs rows")
        try:
            answer = msgspec.msgpack.decode(_server.ask(data, seconds))
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
