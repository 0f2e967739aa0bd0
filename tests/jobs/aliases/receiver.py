"""The address that wants to know of moves: it takes calls, or does not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from aiohttp import web

How = Literal["take", "fail", "drop", "hang", "elsewhere", "busy"]


@dataclass
class Receiver:
    """Production's side: takes calls, or does not."""

    how: list[How] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    elsewhere: int = 0

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.got.append((dict(request.headers), await request.read()))
        match self.how.pop(0) if self.how else "take":
            case "fail":
                return web.Response(status=500)
            case "drop":
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            case "hang":
                await asyncio.sleep(60)
                return web.Response()
            case "elsewhere":
                return web.Response(status=307, headers={"Location": "/elsewhere"})
            case "busy":
                return web.Response(status=503, headers={"Retry-After": "120"})
            case _:
                return web.Response(status=204)

    async def count(self, _request: web.Request) -> web.Response:
        self.elsewhere += 1
        return web.Response()


@asynccontextmanager
async def received() -> AsyncIterator[tuple[Receiver, str]]:
    receiver, app = Receiver(), web.Application()
    app.router.add_post("/hook", receiver.take)
    app.router.add_route("*", "/elsewhere", receiver.count)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield receiver, f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    finally:
        await runner.cleanup()
