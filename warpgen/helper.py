"""A helper: a Python of its own that answers questions over two pipes.

It loads what this process would load, but nothing of the current folder, where files of strangers may lie: no
module of Python's that they are called like may be taken from there. A message is its length in 8 bytes and
the rest.
"""

from __future__ import annotations

import contextlib
import importlib
import math
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from warpgen import scratch
from warpgen.errors import WarpgenError
from warpgen.interruption import Interrupted, stoppable
from warpgen.process import STOPS, cause, kill_group

# warpgen alone may be found where nothing else is looked for: in a checkout that is the current folder.
_BEGIN = """\
import sys
sys.path[:], sys.dont_write_bytecode, sys.pycache_prefix = {path!r}, {frugal!r}, {cache!r}
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
found = PathFinder.find_spec("warpgen", [{home!r}])
sys.modules["warpgen"] = module_from_spec(found)
found.loader.exec_module(sys.modules["warpgen"])
from warpgen.helper import serve
serve({module!r}, {folder!r})
"""

_LOOK = 1.0  # seconds between looks whether a silent helper is alive
_LAST = 10.0  # seconds for one that closed its pipe to be gone
_TOLD = 3  # lines of what it said last


class TooLate(WarpgenError):
    """A helper took longer than it may."""


class Helper:
    """A process that answers by `begin(folder)` of a module of warpgen; `name` is what a person calls it.

    `environment` are its variables, in place of this process's. Whoever makes one ends it. It ends by
    itself, and removes its folder, when this process does.
    """

    def __init__(self, module: str, name: str, environment: Mapping[str, str] | None = None) -> None:
        self._name = name
        self._folder = Path(tempfile.mkdtemp(prefix=f"warpgen-{module.rpartition('.')[2]}-")).absolute()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed by `end`)
        begin = _BEGIN.format(
            path=_search_path(),
            frugal=sys.dont_write_bytecode,
            cache=sys.pycache_prefix,
            home=str(Path(__file__).absolute().parent.parent),
            module=module,
            folder=str(self._folder),
        )
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", begin],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                bufsize=0,
                env=environment,
                start_new_session=True,  # a Ctrl-C in the terminal is the caller's to handle
            )
        except OSError as error:
            scratch.remove(self._folder)
            self._errors.close()
            raise WarpgenError(f"{name} cannot be started: {error}") from error

    def ask(self, question: bytes, seconds: float = math.inf) -> bytes:
        """The answer. Raises WarpgenError, which says why, where the helper is dead or dies of it.

        TooLate, one of them, where it takes longer than `seconds`: then it must be ended.
        """
        end = time.monotonic() + seconds
        try:
            _send(self._pipe("stdin"), question)
        except BrokenPipeError:
            raise self._died() from None
        return self._read(int.from_bytes(self._read(8, end), "little"), end)

    def kill(self) -> None:
        """Kill it and what it started; whoever waits for an answer is told."""
        if self._process.poll() is None:
            kill_group(self._process.pid)
        self._process.wait()

    def end(self) -> None:
        """Kill it and take away what it leaves. Nobody may be waiting for an answer."""
        self.kill()
        for file in (self._process.stdin, self._process.stdout, self._errors):
            if file is not None:
                file.close()
        scratch.remove(self._folder)

    def _pipe(self, name: str) -> int:
        return int(getattr(self._process, name).fileno())

    def _read(self, size: int, end: float) -> bytes:
        data = bytearray()
        pipe = self._pipe("stdout")
        while len(data) < size:
            left = end - time.monotonic()
            if left <= 0.0:
                raise TooLate(f"{self._name} does not answer in time")
            if not select.select([pipe], [], [], min(_LOOK, left))[0]:
                if self._process.poll() is None:
                    continue
                raise self._died()  # and something that it started holds the pipe
            part = os.read(pipe, size - len(data))
            if not part:
                raise self._died()
            data += part
        return bytes(data)

    def _died(self) -> WarpgenError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_LAST)
        self.kill()
        size = os.fstat(self._errors.fileno()).st_size
        said = os.pread(self._errors.fileno(), 4096, max(0, size - 4096)).decode(errors="replace")
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        told = ": " + "; ".join(lines[-_TOLD:]) if lines else ""
        return WarpgenError(f"{self._name} {cause(self._process.returncode)}{told}")


def _search_path() -> list[str]:
    """Where this process looks for modules, without the current folder, by whatever name."""
    here = os.path.realpath(os.curdir)
    folders = [os.path.abspath(entry) for entry in sys.path if isinstance(entry, str)]
    return [folder for folder in folders if os.path.realpath(folder) != here]


def serve(module: str, folder: str) -> None:
    """The life of a helper: answer until the caller is gone."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)  # they were held while we were started
    questions, answers = os.fdopen(os.dup(0), "rb"), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):  # Warp and its compilers print to the descriptors themselves
        os.dup2(nowhere, standard)
    try:
        with stoppable(), _parent_watched():
            os.chdir(folder)  # compilers look for headers in the current folder, too
            os.environ["TMPDIR"] = tempfile.tempdir = folder
            answer = importlib.import_module(module).begin(Path(folder))
            for question in _messages(questions):
                _send(answers, answer(question))
    except BrokenPipeError:
        pass  # the caller is gone
    except Interrupted as stop:
        sys.exit(stop.code)
    finally:
        scratch.remove(Path(folder))


@contextlib.contextmanager
def _parent_watched() -> Iterator[None]:
    """Stop, inside, when the caller is gone: a long answer is for nobody then, and others may hold its pipe.

    The kernel's own signal for this would come as soon as the caller's thread ends.
    """
    caller = os.getppid()

    def look(number: int, frame: FrameType | None) -> None:
        if os.getppid() != caller:
            raise Interrupted(signal.SIGTERM)

    signal.signal(signal.SIGALRM, look)
    signal.siginterrupt(signal.SIGALRM, False)  # compilers are not used to it
    signal.setitimer(signal.ITIMER_REAL, _LOOK, _LOOK)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)


def _send(pipe: int, message: bytes) -> None:
    rest = memoryview(len(message).to_bytes(8, "little") + message)
    while rest:
        rest = rest[os.write(pipe, rest) :]


def _messages(pipe: BinaryIO) -> Iterator[bytes]:
    while head := pipe.read(8):
        size = int.from_bytes(head, "little")
        data = pipe.read(size)
        if len(data) < size:
            return
        yield data
