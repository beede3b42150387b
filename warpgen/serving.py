"""A judge behind HTTP, as an ASGI application: requests are checked, counted and answered in JSON."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

import warpgen
from warpgen.errors import WarpgenError
from warpgen.judge import Judge
from warpgen.prompt import prompt
from warpgen.verdict import Language

_BODY_SECONDS = 30.0  # in which a body must have come
_MOST_IDS = 1000  # that one answer lists

Handler = Callable[[Request], Awaitable[Response]]


class Limits(msgspec.Struct, frozen=True):
    """`body` in bytes; `flight`: checks that are waited for at once."""

    body: int
    flight: int


class _Weights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What each part of a verdict is worth."""

    compiles: float = 0.0
    outputs: float = 0.0
    gradients: float = 0.0
    right: float = 0.0


class _Question(msgspec.Struct, forbid_unknown_fields=True):
    row_id: str
    text: str
    language: Language = "python"
    seed: Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)] | None = None
    extract: bool = False
    weights: _Weights = _Weights(right=1.0)


class Service:
    """What is asked by HTTP, answered by a judge. Every request but for the health page needs the token."""

    def __init__(self, judge: Judge, token: str, limits: Limits) -> None:
        self._judge, self._limits = judge, limits
        self._expected = f"Bearer {token}".encode()
        self._flying = 0

    def application(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/health", self._health),
                Route("/rows", self._allowed(self._ids)),
                Route("/rows/{id}", self._allowed(self._row)),
                Route("/check", self._allowed(self._check), methods=["POST"]),
            ],
            exception_handlers={HTTPException: _refusal, Exception: _failure},
        )

    def _allowed(self, handler: Handler) -> Handler:
        async def checked(request: Request) -> Response:
            given = request.headers.get("authorization", "").encode()
            if not hmac.compare_digest(given, self._expected):
                raise HTTPException(401, "the header Authorization must be: Bearer, and the token")
            return await handler(request)

        return checked

    async def _health(self, request: Request) -> Response:
        return _json(
            {
                "status": "ok",
                "version": warpgen.__version__,
                "rows": len(self._judge.rows),
                "workers": self._judge.workers,
                "in_flight": self._flying,
                "limit": self._limits.flight,
            }
        )

    async def _ids(self, request: Request) -> Response:
        begin, count = _number(request, "from", 0), min(_number(request, "count", 100), _MOST_IDS)
        ids = list(itertools.islice(self._judge.rows, begin, begin + count))
        return _json({"rows": len(self._judge.rows), "from": begin, "ids": ids})

    async def _row(self, request: Request) -> Response:
        id, asked = request.path_params["id"], request.query_params.get("language", "python")
        try:
            language = msgspec.convert(asked, Language)
        except msgspec.ValidationError:
            raise HTTPException(400, "language must be python, cpp or cuda") from None
        row = self._found(id)
        text = prompt(row, language)
        return _json({"id": id, "category": row.category, "split": row.split, "prompt": text})

    def _found(self, id: str) -> Any:
        if id not in self._judge.rows:
            raise HTTPException(404, f"there is no row {id[:100]}")
        return self._judge.rows.row(id)

    async def _check(self, request: Request) -> Response:
        try:
            asked = msgspec.json.decode(await self._body(request), type=_Question)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise HTTPException(400, f"the body is no question: {error}") from error
        self._found(asked.row_id)
        async with self._flight():
            verdict = await self._judge.acheck(
                asked.row_id, asked.text, asked.language, asked.seed, asked.extract
            )
        reward = verdict.reward(msgspec.structs.asdict(asked.weights))
        return _json({**verdict.to_dict(), "reward": reward})

    @contextlib.asynccontextmanager
    async def _flight(self) -> AsyncIterator[None]:
        """A place among the checks in flight. Who finds none is to come again."""
        if self._flying >= self._limits.flight:
            raise HTTPException(503, "too many checks are in flight: try again", {"Retry-After": "1"})
        self._flying += 1
        try:
            yield
        finally:
            self._flying -= 1

    async def _body(self, request: Request) -> bytes:
        try:
            return await asyncio.wait_for(self._read(request), _BODY_SECONDS)
        except asyncio.TimeoutError:
            raise HTTPException(408, f"the body did not come in {_BODY_SECONDS:.0f} s") from None
        except ClientDisconnect:
            raise HTTPException(400, "the body was cut off") from None

    async def _read(self, request: Request) -> bytes:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > self._limits.body:
                raise HTTPException(413, f"the body has more than {self._limits.body} bytes")
        return bytes(body)


def _number(request: Request, name: str, otherwise: int) -> int:
    text = request.query_params.get(name, str(otherwise))
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise HTTPException(400, f"{name} must be a whole number")
    return int(text)


def _json(content: Any, status: int = 200, headers: Any = None) -> Response:
    return Response(msgspec.json.encode(content), status, headers, "application/json")


async def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _json({"error": error.detail}, error.status_code, error.headers)


async def _failure(request: Request, error: Exception) -> Response:
    """What went wrong here: in words where they are ours; others may tell of the machine."""
    return _json({"error": str(error) if isinstance(error, WarpgenError) else "the judge failed"}, 500)
