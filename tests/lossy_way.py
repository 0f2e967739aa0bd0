"""A way to a platform on which requests and answers get lost, as they do on a network."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

Loss = Literal["request lost", "answer lost", "refused", "broken", "busy"]
"""It never arrives; it does, but its answer is lost; it is answered 400; 500; 429 with a Retry-After of a second. The
first two end in a cut connection."""


@dataclass
class LossyWay:
    """Passes requests on to a platform, except those that were told to get lost."""

    platform: str
    """Base URL of the platform, ending in /v1."""
    session: aiohttp.ClientSession
    url: str = ""
    """Base URL of the way, ending in /v1."""
    losses: dict[str, list[Loss | None]] = field(default_factory=dict)
    passed: list[str] = field(default_factory=list)
    """Every request that reached the platform, such as `POST /files`."""
    runner: web.AppRunner | None = None

    def lose(self, what: str, *losses: Loss | None) -> None:
        """Tell what becomes of the next requests of a kind, one each; None lets one through."""
        self.losses[what] = list(losses)

    async def close(self) -> None:
        """Refuse connections until it is opened again, and end those there are."""
        assert self.runner is not None
        for site in tuple(self.runner.sites):
            await site.stop()
        assert self.runner.server is not None
        await self.runner.server.shutdown(0.1)

    async def open(self) -> None:
        """Take connections, on the port it had before."""
        assert self.runner is not None
        port = urlsplit(self.url).port if self.url else 0
        await web.TCPSite(self.runner, "127.0.0.1", port or 0).start()
        self.url = f"http://127.0.0.1:{self.runner.addresses[0][1]}/v1"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Take one request."""
        what = f"{request.method} {request.path.removeprefix('/v1')}"
        waiting = self.losses.get(what) or [None]
        loss = waiting.pop(0)
        body = await request.read()
        match loss:
            case "request lost":
                return _cut(request)
            case "refused":
                return _error(400, "The training file does not suit this model.")
            case "broken":
                return _error(500, "The server had an error.")
            case "busy":
                return _error(429, "Slow down.", {"Retry-After": "1"})
        self.passed.append(what)
        answer = await self._pass_on(request, body)
        return _cut(request) if loss == "answer lost" else answer

    async def _pass_on(self, request: web.Request, body: bytes) -> web.StreamResponse:
        kept = {name: value for name, value in request.headers.items() if name in {"Authorization", "Content-Type"}}
        target = f"{self.platform}{request.path_qs.removeprefix('/v1')}"
        async with self.session.request(request.method, target, data=body, headers=kept) as answer:
            asked_to_wait = {name: answer.headers[name] for name in ("Retry-After",) if name in answer.headers}
            return web.Response(
                body=await answer.read(), status=answer.status, content_type=answer.content_type, headers=asked_to_wait
            )


def _cut(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> web.StreamResponse:
    body = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}
    return web.json_response(body, status=status, headers=headers)


@asynccontextmanager
async def lossy_way(platform: str) -> AsyncIterator[LossyWay]:
    """Serve a way to the platform at this base URL."""
    async with aiohttp.ClientSession() as session:
        way = LossyWay(platform, session)
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", way.handle)
        way.runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await way.runner.setup()
        try:
            await way.open()
            yield way
        finally:
            await way.runner.cleanup()
