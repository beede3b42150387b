"""A judge behind HTTP: the token, the limits, and verdicts for whoever keeps to them."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.commands import REPOSITORY, SAMPLES, python
from warpgen.client import RemoteJudge
from warpgen.errors import UsageError, WarpgenError
from warpgen.record import Row

TOKEN = "t0ken-that-nobody-guesses"
ROWS = [msgspec.json.decode(line, type=Row) for line in SAMPLES["cpu"].read_bytes().splitlines()]
ROW = min(ROWS, key=lambda row: len(row.code))


class Server:
    """The command, and requests to it."""

    def __init__(self, cache: Path, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "warpgen.serve", str(SAMPLES["cpu"]), "--port", "0", *options],
            cwd=REPOSITORY,
            env={**os.environ, "WARPGEN_TOKEN": TOKEN, "XDG_CACHE_HOME": str(cache)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert "http://127.0.0.1:" in line, self.process.communicate()
        self.port = int(line.rpartition(":")[2])

    def ask(
        self, method: str, path: str, body: Any = None, token: str | None = TOKEN, timeout: float = 120.0
    ) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        connection.request(method, path, data, headers)
        answer = connection.getresponse()
        content = json.loads(answer.read())
        connection.close()
        return answer.status, content


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One worker, few places, short bodies; ended by Ctrl-C, with nothing left behind."""
    cache = tmp_path_factory.mktemp("cache")
    made = Server(cache, "--workers", "1", "--in-flight", "3", "--max-body", "20000")
    yield made
    made.process.send_signal(signal.SIGINT)
    said = made.process.communicate(timeout=60)
    assert (made.process.returncode, said[1]) == (130, "")


def question(**more: Any) -> dict[str, Any]:
    return {"row_id": ROW.id, "text": ROW.python_source, **more}


def test_health_needs_no_token(server: Server) -> None:
    """It says what there is."""
    status, found = server.ask("GET", "/health", token=None)
    assert (status, found["status"], found["rows"], found["workers"]) == (200, "ok", len(ROWS), 1)


@pytest.mark.parametrize("token", [None, "", TOKEN[:-1], TOKEN + "x", "é"])
def test_nothing_is_told_without_the_token(server: Server, token: str | None) -> None:
    """Whatever is asked for."""
    for method, path in (("GET", "/rows"), ("GET", f"/rows/{ROW.id}"), ("POST", "/check")):
        status, found = server.ask(method, path, question() if method == "POST" else None, token)
        assert status == 401 and list(found) == ["error"]


def test_rows_are_listed_and_told_as_tasks(server: Server) -> None:
    """Ids in the order of the file, and what a model is asked."""
    assert server.ask("GET", "/rows?from=2&count=3")[1]["ids"] == [row.id for row in ROWS[2:5]]
    status, found = server.ask("GET", f"/rows/{ROW.id}")
    assert status == 200 and ROW.summary in found["prompt"]
    assert server.ask("GET", "/rows/nobody")[0] == 404
    assert server.ask("GET", f"/rows/{ROW.id}?language=rust")[0] == 400


def test_verdicts_are_those_of_the_judge(server: Server) -> None:
    """With the reward that the weights make of them."""
    status, found = server.ask("POST", "/check", question(seed=7, weights={"right": 2.0}))
    assert (status, found["right"], found["stage"], found["reward"]) == (200, True, "right", 2.0)
    status, found = server.ask("POST", "/check", question(text="def"))
    assert (status, found["right"], found["reward"]) == (200, False, 0.0)
    assert server.ask("POST", "/check", question(text=ROW.code, language="cpp"))[1]["right"]


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        (b"{", 400, "no question"),
        (b"\xff", 400, "no question"),
        (b"[" * 10000, 400, "no question"),
        ({"row_id": "x"}, 400, "text"),
        (question(more=1), 400, "more"),
        (question(language="rust"), 400, "language"),
        (question(seed=-1), 400, "seed"),
        (question(weights={"size": 1.0}), 400, "size"),
        (question(row_id="nobody"), 404, "nobody"),
        (question(text="x" * 30000), 413, "20000 bytes"),
    ],
)
def test_a_bad_request_is_told_what_is_wrong(server: Server, body: Any, status: int, why: str) -> None:
    """In JSON, with the status that fits; the judge is not bothered."""
    found = server.ask("POST", "/check", body)
    assert found[0] == status and why in found[1]["error"]
    assert server.ask("GET", "/check")[0] == 405
    assert server.ask("GET", "/nothing")[0] == 404


def test_a_long_body_is_not_waited_for(server: Server) -> None:
    """Nor believed what it says of its length: it is cut off where it is too long."""
    with socket.create_connection(("127.0.0.1", server.port), 30) as raw:
        head = f"POST /check HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
        raw.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        for _ in range(3):
            raw.sendall(b"2710\r\n" + b"x" * 10000 + b"\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 413")


def test_more_than_may_be_in_flight_come_again(server: Server) -> None:
    """Three are judged, the others told 503 at once; afterwards there are places again."""
    with ThreadPoolExecutor(12) as threads:
        found = list(threads.map(lambda _: server.ask("POST", "/check", question())[0], range(12)))
    assert set(found) == {200, 503} and found.count(200) >= 3
    assert server.ask("POST", "/check", question())[0] == 200
    assert server.ask("GET", "/health")[1]["in_flight"] == 0


@pytest.mark.parametrize(
    ("token", "options", "why"),
    [
        ("", (), "a token of at least 16"),
        ("short", (), "a token of at least 16"),
        (TOKEN, ("--port", "65536"), "no port"),
        (TOKEN, ("--token-file", "/no/file"), "/no/file"),
        (TOKEN, ("--workers", "0"), "more than zero"),
    ],
)
def test_what_cannot_be_served_is_told(token: str, options: tuple[str, ...], why: str) -> None:
    """By one sentence and exit code 2."""
    done = python("-m", "warpgen.serve", SAMPLES["cpu"], *options, env={**os.environ, "WARPGEN_TOKEN": token})
    assert done.returncode == 2 and why in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    """Before anything is served; the token may stand in a file."""
    (tmp_path / "token").write_text(TOKEN + "\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        options = ("--port", port, "--token-file", tmp_path / "token", "--workers", "1")
        done = python("-m", "warpgen.serve", SAMPLES["cpu"], *options, env={"XDG_CACHE_HOME": str(tmp_path)})
    assert done.returncode == 2 and f"port {port}" in done.stderr


def test_a_client_speaks_for_trainers(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Verdicts in order, more of them than the server takes at once; what it refuses is an error in words."""
    url = f"http://127.0.0.1:{server.port}/"
    monkeypatch.setenv("WARPGEN_TOKEN", TOKEN)
    judge = RemoteJudge(url, at_once=6)
    assert list(judge.ids()) == [row.id for row in ROWS] and ROW.name in judge.prompt(ROW.id)
    asked = [(ROW.id, ROW.python_source), *[(ROW.id, "def")] * 6]
    assert [verdict.right for verdict in judge.check_many(asked)] == [True] + [False] * 6
    assert judge.check(ROW.id, ROW.code, "cpp", seed=3).seed == 3
    with pytest.raises(KeyError, match="nobody"):
        judge.check("nobody", "def")
    with pytest.raises(UsageError, match="413"):
        judge.check(ROW.id, "#" * 30_000)
    with pytest.raises(UsageError, match="401"):
        RemoteJudge(url, "another-token-altogether").check(ROW.id, "def")


def test_a_client_says_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its address, its token, or whoever is there."""
    monkeypatch.delenv("WARPGEN_TOKEN", raising=False)
    for url, token, word in (
        ("host:8000", TOKEN, "address"),
        ("http://host", None, "token"),
        ("http://host", "a\nb", "token"),
    ):
        with pytest.raises(UsageError, match=word):
            RemoteJudge(url, token)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(WarpgenError, match="does not answer"):
            RemoteJudge(f"http://127.0.0.1:{port}", TOKEN).check(ROW.id, "def")
