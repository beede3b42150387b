"""An S3 server on this machine whose requests fail at random: `python s3_server.py PERCENT SEED`.

Prints its port. Half of the failing requests fail before they have done their work, half after it.
"""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

_BODY = b"<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>"


def failing(app: Any, percent: float, draw: random.Random) -> Callable[..., Iterable[bytes]]:
    """The application with so many of its requests failing."""
    lock = threading.Lock()

    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        with lock:
            fails, late = draw.random() * 100 < percent, draw.random() < 0.5
        if fails:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)) if not late else list(
                app(environ, lambda *_: None)
            )
            print("failed", environ["REQUEST_METHOD"], environ["PATH_INFO"], file=sys.stderr, flush=True)
            start("500 Internal Server Error", [("Content-Type", "application/xml")])
            return [_BODY]
        return list(app(environ, start))

    return answer


def main() -> None:
    """Serve until killed."""
    app = DomainDispatcherApplication(create_backend_app)
    percent, seed = float(sys.argv[1]), int(sys.argv[2])
    server = make_server("127.0.0.1", 0, failing(app, percent, random.Random(seed)), threaded=True)
    print(server.port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
