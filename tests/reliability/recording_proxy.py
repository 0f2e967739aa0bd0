"""A proxy between the bots and the local platform: it knows which calls overlap, and holds the ones a test asks for."""

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

import aiohttp
from aiohttp import web

HOP_BY_HOP: Final = frozenset({"connection", "content-length", "host", "keep-alive", "transfer-encoding"})
JOBS: Final = "/v1/fine_tuning/jobs"


@dataclass(eq=False, slots=True)
class Call:
    """One call of a bot.

    It is under way until its answer is sent, or the bot that asked is gone.
    """

    method: str
    path: str
    """With its query."""
    body: bytes
    port: int
    """Of the bot's end of the connection."""
    began: float
    ended: float = float("inf")

    @property
    def is_under_way(self) -> bool:
        return self.ended == float("inf")

    @property
    def what(self) -> str:
        """What it asks, as another attempt would ask it."""
        file = re.search(rb'filename="([^"]+)"', self.body) if self.is_upload else None
        return f"{self.method} {self.path} {(file[1] if file else self.body).decode(errors='replace')}"

    @property
    def is_upload(self) -> bool:
        return self.method == "POST" and self.path == "/v1/files"

    @property
    def is_creation(self) -> bool:
        return self.method == "POST" and self.path == JOBS

    @property
    def is_question(self) -> bool:
        return self.method == "POST" and self.path == "/v1/responses"

    @property
    def is_about_a_job(self) -> bool:
        return self.path.startswith(f"{JOBS}/")


@dataclass(eq=False, slots=True)
class Gate:
    """Holds the next calls that are asked for, before the platform hears of them or before the bot hears the answer."""

    takes: Callable[[Call], bool]
    is_behind_the_platform: bool
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    async def hold(self) -> None:
        self.reached.set()
        await self.opened.wait()


@dataclass
class RecordingProxy:
    """Forwards every call to `target` and keeps a record of it."""

    url: str = ""
    target: str = ""
    """The platform's address; ends in /v1, as `url` does."""
    calls: list[Call] = field(default_factory=list)
    seconds: float = 0.0
    """How much longer than the platform alone an answer takes; what takes no time never overlaps."""
    answers_nobody: bool = False
    _gates: list[Gate] = field(default_factory=list)

    @contextmanager
    def holding(self, takes: Callable[[Call], bool], *, answered: bool = False) -> Iterator[Gate]:
        """Hold calls as long as the context lasts; with `answered`, the platform has done what they ask by then."""
        gate = Gate(takes, answered)
        self._gates.append(gate)
        try:
            yield gate
        finally:
            self._gates.remove(gate)
            gate.opened.set()

    async def handle(self, request: web.Request, session: aiohttp.ClientSession) -> web.StreamResponse:
        """Forward one call."""
        assert request.transport is not None, "the call has only just come"
        port = request.transport.get_extra_info("peername")[1]
        call = Call(request.method, request.path_qs, await request.read(), port, monotonic())
        self.calls.append(call)
        try:
            if self.answers_nobody:
                await asyncio.Event().wait()
            await self._pass_gates(call, behind=False)
            answer = await self._forward(call, request, session)
            await self._pass_gates(call, behind=True)
            return answer
        finally:
            call.ended = monotonic()

    async def _pass_gates(self, call: Call, *, behind: bool) -> None:
        for gate in [each for each in self._gates if each.is_behind_the_platform is behind and each.takes(call)]:
            await gate.hold()

    async def _forward(self, call: Call, request: web.Request, session: aiohttp.ClientSession) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        url = self.target.removesuffix("/v1") + call.path
        async with session.request(call.method, url, data=call.body, headers=headers) as answer:
            body = await answer.read()
            await asyncio.sleep(self.seconds)
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
            return web.Response(body=body, status=answer.status, headers=kept)


def overlaps(calls: Iterable[Call]) -> Counter[str]:
    """Return what was done while the same was being done: looks at a job, questions, uploads of a file, creations."""
    same: defaultdict[str, list[Call]] = defaultdict(list)
    for call in calls:
        if call.is_about_a_job or call.is_question or call.is_upload or call.is_creation:
            same[call.what].append(call)
    found: Counter[str] = Counter()
    for what, each in same.items():
        until = 0.0
        for call in sorted(each, key=lambda one: one.began):
            found[what] += call.began < until
            until = max(until, call.ended)
    return +found


@asynccontextmanager
async def recording_proxy() -> AsyncIterator[RecordingProxy]:
    """Run a proxy on a free port."""
    proxy = RecordingProxy()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    async with aiohttp.ClientSession(auto_decompress=False) as session:

        async def forward(request: web.Request) -> web.StreamResponse:
            return await proxy.handle(request, session)

        app.router.add_route("*", "/v1/{rest:.*}", forward)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            proxy.url = "http://{}:{}/v1".format(*runner.addresses[0])
            yield proxy
        finally:
            await runner.cleanup()
