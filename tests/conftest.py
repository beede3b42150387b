"""Every process of the tests has a temporary folder of its own; whatever is left there fails them all."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# A busy machine is no fault of what is tested.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

# pytest's own folders, which stay for a person to look at, go where they always do.
os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
# A short name, for there are sockets in it, whose paths may have 107 bytes. That of a worker of xdist is made
# in that of the process which started it, and is gone before that looks.
_OWN = Path(tempfile.mkdtemp(prefix="t-"))
os.environ["TMPDIR"] = tempfile.tempdir = str(_OWN)

# Under nohup, or in the background of a script, these are ignored, and would be in all that tests start.
for _number, _handler in ((signal.SIGHUP, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, _handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Proofs of algorithms, many and short, come last: no worker idles while another has a long file."""
    items.sort(key=lambda item: item.path.name == "test_algorithms.py")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """What goes to one worker: what shares datasets, or programs that were drawn."""
    from xdist.scheduler import LoadScopeScheduling

    made = LoadScopeScheduling(config, log)
    made._split_scope = _shares
    return made


def _shares(test: str) -> str:
    """The name of what a test shares with others: its file's, an algorithm's programs, or nothing of any."""
    file, _, name = test.partition("::")
    if file.endswith("/test_algorithms.py"):
        return test
    return f"{file} {name.partition('[')[2]}" if file.endswith("/test_programs.py") else file


@pytest.fixture(autouse=True)
def _own_folder_stays() -> Iterator[None]:
    """A run without workers gives its process, here the tests', a folder that goes with the run."""
    yield
    os.environ["TMPDIR"] = tempfile.tempdir = str(_OWN)


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is kept in the home of whoever runs the tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache home"))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Whatever is kept for all of a session goes; then the folder must be empty."""
    for module, end in (("warpgen.execution", "stop"), ("tests.support.roots", "remove")):
        if module in sys.modules:
            getattr(sys.modules[module], end)()
    if internals := sys.modules.get("warpgen.warp_internals"):  # Warp keeps its headers until a process ends
        for folder in getattr(internals.context.runtime, "_pch_dirs", {}).values():
            folder.cleanup()
    left = sorted(str(path.relative_to(_OWN)) for path in _OWN.rglob("*"))
    if left and hasattr(session.config, "workerinput"):
        return  # xdist's worker: the process that started it finds them in its own folder
    shutil.rmtree(_OWN, ignore_errors=True)
    if left:
        print(f"\nleft among the temporary files: {', '.join(left)}", file=sys.stderr)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
