"""A real browser without a window: what a page becomes in it, and what its script complains of."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.commands import finished

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
    done = finished([program, *_FLAGS, f"--user-data-dir={profile}", *flags, "--dump-dom", url], _LIMIT)
    assert done.returncode == 0, done.stderr
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]
