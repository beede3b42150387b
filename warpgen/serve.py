"""`python -m warpgen.serve`: judge kernels for other machines, by HTTP."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from warpgen import places
from warpgen.command import Parser, call, positive
from warpgen.errors import UsageError

_VARIABLE = "WARPGEN_TOKEN"
_SHORTEST = 16  # characters: a token that can be tried out protects nothing


def parser() -> Parser:
    """The options of `warpgen serve`."""
    made = Parser(
        "serve",
        "Answer by HTTP what `row.check` says of a kernel, for trainers on other machines. Requests carry a "
        f"token, which the variable {_VARIABLE} or a file holds.",
        "docs/judge.md shows the requests. Stop it with Ctrl-C.",
    )
    made.add_argument("path", type=places.root, help="a dataset (….jsonl), or the root of a run")
    made.add_argument("--host", default="127.0.0.1", help="address to listen at (127.0.0.1)")
    made.add_argument("--port", type=_port, default=8000, help="port to listen at, 0 for any (8000)")
    made.add_argument("--token-file", type=places.local, metavar="FILE", help="file that holds the token")
    made.add_argument("--workers", type=positive, help="processes that judge (as many as processors)")
    made.add_argument("--timeout", type=positive, default=20, help="seconds that a check may take (20)")
    made.add_argument("--max-body", type=positive, default=2 << 20, help="bytes of a request (2097152)")
    made.add_argument(
        "--in-flight", type=positive, default=64, help="checks at once; more are told to come again (64)"
    )
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until a signal comes; returns the exit code."""
    args = parser().parse_args(argv)
    if find_spec("uvicorn") is None or find_spec("starlette") is None:
        raise UsageError("serving needs starlette and uvicorn: run `python -m pip install 'warpgen[serve]'`")
    token = _token(args.token_file)
    import uvicorn

    from warpgen.judge import Judge
    from warpgen.serving import Limits, Service

    with Judge(str(args.path), workers=args.workers, timeout=args.timeout) as judge:
        service = Service(judge, token, Limits(args.max_body, args.in_flight))
        config = uvicorn.Config(
            service.application(),
            args.host,
            args.port,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=10,
        )
        socket = _bound(config)
        host, port = socket.getsockname()[:2]
        print(f"{len(judge.rows)} rows, {judge.workers} workers: http://{host}:{port}", flush=True)
        uvicorn.Server(config).run([socket])
    return 0


def _bound(config: Any) -> Any:
    """The socket that it listens at."""
    import socket

    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    made = socket.socket(family)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((config.host, config.port))
        made.listen(2048)
    except OSError as error:
        made.close()
        raise UsageError(
            f"nothing can listen at {config.host} port {config.port} ({error.strerror}): name another --port"
        ) from error
    return made


def _token(file: Path | None) -> str:
    """The token. Raises UsageError where there is none, or one that is too short or holds blanks."""
    if file is not None:
        try:
            token = file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"the token cannot be read from {file}: {error}") from error
    else:
        token = os.environ.get(_VARIABLE, "")
    if len(token) < _SHORTEST or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError(
            f"a token of at least {_SHORTEST} letters and digits must be in the variable {_VARIABLE} or in "
            "the file of --token-file: make one with `openssl rand -hex 32`"
        )
    return token


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and int(text) < 1 << 16):
        raise argparse.ArgumentTypeError(f"{text!r} is no port: a number from 0 to 65535")
    return int(text)


if __name__ == "__main__":
    call(main)
