"""Verdicts by HTTP: what `python -m warpgen.serve` says, for a trainer on another machine."""

from __future__ import annotations

import collections
import http.client
import os
import time
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from warpgen.errors import UsageError, WarpgenError
from warpgen.judge import Candidate
from warpgen.verdict import Language, Verdict

# Seconds for an answer: a check's own, and those that it waits for others.
TIMEOUT = 300.0
_VARIABLE = "WARPGEN_TOKEN"
_LONGEST_WAIT = 10.0
_IDS = 1000  # that are asked for at once


class RemoteJudge:
    """A `warpgen.Judge` on another machine. Threads may share one."""

    def __init__(
        self, url: str, token: str | None = None, *, at_once: int = 8, timeout: float = TIMEOUT
    ) -> None:
        """Ask the server at `url`, `at_once` checks of `check_many` at a time, for `timeout` seconds each.

        The token is by default in the variable WARPGEN_TOKEN. Raises UsageError for what is no address, no
        token or no number.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"a judge's address is like http://host:8000, not {url!r}")
        token = os.environ.get(_VARIABLE, "") if token is None else token
        if not token.isascii() or not token.isprintable() or not token:
            raise UsageError(f"a judge is asked with its token: give it, or set {_VARIABLE}")
        if at_once < 1 or not timeout > 0.0:
            raise UsageError("at_once and timeout must be above 0")
        self._secure, self._host = parts.scheme == "https", parts.netloc.rpartition("@")[2]
        self._path, self._token = parts.path.rstrip("/"), token
        self._at_once, self._timeout = at_once, timeout

    def check(
        self,
        row_id: str,
        text: str,
        language: Language = "python",
        seed: int | None = None,
        extract: bool = False,
    ) -> Verdict:
        """The verdict on one candidate, as that of `warpgen.Judge.check`.

        A server that is busy is asked again. Raises KeyError where it has no such row, UsageError for a
        question or a token that it refuses, WarpgenError where it does not answer in time.
        """
        asked = {"row_id": row_id, "text": text, "language": language, "seed": seed, "extract": extract}
        made = self._ask("POST", "/check", msgspec.json.encode(asked))
        if made["first"] is not None:  # JSON has no numbers that are none
            for name in ("expected", "actual"):
                value = made["first"][name]
                made["first"][name] = float("nan") if value is None else value
        return msgspec.convert(made, Verdict)

    def check_many(self, candidates: Iterable[Candidate | tuple[Any, ...]]) -> Generator[Verdict, None, None]:
        """The verdict on each candidate, in their order; no more are taken ahead than are asked at once."""
        waiting: collections.deque[Future[Verdict]] = collections.deque()
        with ThreadPoolExecutor(self._at_once) as threads:
            try:
                for candidate in candidates:
                    waiting.append(threads.submit(self.check, *Candidate(*candidate)))
                    if len(waiting) >= self._at_once:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def ids(self) -> Iterator[str]:
        """The ids of its rows, in the order of its file."""
        begin = 0
        while ids := self._ask("GET", f"/rows?from={begin}&count={_IDS}")["ids"]:
            yield from ids
            begin += len(ids)

    def prompt(self, row_id: str, language: Language = "python") -> str:
        """A row as a task in words. Raises KeyError where there is no such row."""
        return str(self._ask("GET", f"/rows/{quote(row_id, safe='')}?language={language}")["prompt"])

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Any:
        end = time.monotonic() + self._timeout
        while True:
            left = end - time.monotonic()
            if left <= 0.0:
                raise WarpgenError(
                    f"the judge at {self._host} has no place for a check: ask for fewer at once"
                )
            status, wait, made = self._answer(method, path, body, left)
            if status == 200:
                return made
            why = str(made.get("error", "")) if isinstance(made, dict) else ""
            if status != 503:
                kind = {404: KeyError, 400: UsageError, 401: UsageError, 413: UsageError}
                raise kind.get(status, WarpgenError)(f"the judge at {self._host} says {status}: {why}")
            time.sleep(min(wait, _LONGEST_WAIT, max(0.0, end - time.monotonic())))

    def _answer(self, method: str, path: str, body: bytes | None, seconds: float) -> tuple[int, float, Any]:
        """Status, seconds to wait before the next try, and what JSON it sends."""
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        try:
            connection = kind(self._host, timeout=seconds)
            try:
                connection.request(method, self._path + path, body, headers)
                answer = connection.getresponse()
                data = answer.read()
            finally:
                connection.close()
            after = answer.headers.get("Retry-After", "")
            made = msgspec.json.decode(data)
        except (OSError, http.client.HTTPException, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise WarpgenError(f"the judge at {self._host} does not answer: {error}") from error
        return answer.status, float(after) if after.isdigit() else 1.0, made
