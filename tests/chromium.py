"""A real browser without a window: what a page becomes in it, and what its script complains of."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

_LIMIT = 90  # seconds; a page takes three, on a busy machine fifteen
# A fresh profile, nothing sent or fetched, and no host name that means anything.
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--enable-logging=stderr",
    "--virtual-time-budget=8000",
)


def executable() -> str | None:
    """Where Chromium is, or None."""
    return next((found for name in ("chromium", "chromium-browser") if (found := shutil.which(name))), None)


def opened(page: Path, profile: Path, fragment: str = "", *flags: str) -> tuple[str, list[str]]:
    """The page's document after its scripts ran, and every line that it wrote to the console."""
    program = executable()
    assert program is not None
    url = page.absolute().as_uri() + (f"#{fragment}" if fragment else "")
    process = subprocess.Popen(
        [program, *_FLAGS, f"--user-data-dir={profile}", *flags, "--dump-dom", url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        document, errors = process.communicate(timeout=_LIMIT)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    assert process.returncode == 0, errors
    return document, [line for line in errors.splitlines() if "CONSOLE" in line]
