"""A small server on loopback that speaks HTTP for a platform: told what to answer, it records what it was asked."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

FIXTURES = Path(__file__).parents[2] / "fixtures"
JobJson = dict[str, Any]


def capture(name: str) -> JobJson:
    """Return one of the real captures."""
    loaded: JobJson = json.loads((FIXTURES / name).read_text(encoding="utf-8"))
    return loaded


@dataclass(frozen=True, slots=True)
class Says:
    """One answer."""

    body: object = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        del request
        if isinstance(self.body, str):
            return web.Response(text=self.body, status=self.status, headers=self.headers, content_type="text/html")
        return web.json_response(self.body, status=self.status, headers=self.headers)


def error(status: int, message: str = "no", **more: object) -> Says:
    """Return an answer in the API's error shape; `headers` among `more` are the answer's."""
    headers = more.pop("headers", {})
    assert isinstance(headers, dict)
    body = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None} | more}
    return Says(body, status, headers)


async def drop(request: web.Request) -> web.StreamResponse:
    """Take the whole request, then cut the connection."""
    await request.read()
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def babble(request: web.Request) -> web.StreamResponse:
    """Answer with something that is not HTTP."""
    assert isinstance(request.transport, asyncio.Transport)
    request.transport.write(b"220 mail.example ready\r\n")
    request.transport.close()
    return web.Response()


async def hang(request: web.Request) -> web.StreamResponse:
    """Never answer."""
    del request
    await asyncio.Event().wait()
    return web.Response()


@dataclass
class Listing:
    """A paged listing in the API's shape."""

    entries: Sequence[Mapping[str, object]]
    ignores_after: bool = False
    hides_has_more: bool = False

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        ids = [entry["id"] for entry in self.entries]
        after = None if self.ignores_after else request.query.get("after")
        start = ids.index(after) + 1 if after else 0
        stop = start + int(request.query.get("limit", "20"))
        answer: dict[str, object] = {"object": "list", "data": list(self.entries[start:stop])}
        if not self.hides_has_more:
            answer["has_more"] = self.ignores_after or stop < len(ids)
        return web.json_response(answer)


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class StandIn:
    """Answers each `METHOD /path` with what was told, one after the other; the last answer stays."""

    def __init__(self) -> None:
        self.url = ""
        self.seen: list[Seen] = []
        self._answers: dict[str, list[Handler]] = {}

    def on(self, what: str, *answers: Handler) -> None:
        """Tell what to answer to `what`, such as `GET /models`."""
        self._answers[what] = list(answers)

    def asked(self, what: str) -> list[Seen]:
        """Return every request of the kind `what`."""
        return [seen for seen in self.seen if f"{seen.method} {seen.path}" == what]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        path = request.path.removeprefix("/v1")
        body = await request.read()
        self.seen.append(Seen(request.method, path, dict(request.query), dict(request.headers), body))
        answers = self._answers.get(f"{request.method} {path}")
        if not answers:
            return await error(404, f"Invalid URL ({request.method} {request.path})")(request)
        return await (answers.pop(0) if len(answers) > 1 else answers[0])(request)


@asynccontextmanager
async def standing_in() -> AsyncIterator[StandIn]:
    """Serve a StandIn on a free port."""
    stand_in = StandIn()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", stand_in.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    stand_in.url = f"http://{host}:{port}/v1"
    try:
        yield stand_in
    finally:
        await runner.cleanup()
