"""Puts the workspace on a loopback port."""

import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from jobs.core.errors import ConfigurationError
from local.slack.control_api import ControlApi
from local.slack.control_requests import refuse_in_words
from local.slack.delivery import Delivery, Events
from local.slack.fault_injection import Handler
from local.slack.http_mode import SignedRequests
from local.slack.routes import Routes
from local.slack.socket_mode import Sockets
from local.slack.timing import Clock, Timing
from local.slack.web_api.endpoint import WebApi
from local.slack.workspace import Workspace, build

_HOST = "127.0.0.1"
_BIGGEST_BODY = 100 * 1024 * 1024
_DEFAULT_TIMING = Timing()


@dataclass(frozen=True, slots=True)
class WorkspaceServer:
    """A running workspace: `url` is the page's address, `api_url` the `base_url` of a Slack client."""

    url: str
    workspace: Workspace
    sockets: Sockets

    @property
    def api_url(self) -> str:
        """The Web API's address, ending in a slash as slack_sdk wants it."""
        return f"{self.url}/api/"


@asynccontextmanager
async def serve(
    home: Path | None = None,
    port: int = 0,
    *,
    clock: Clock = time.time,
    timing: Timing = _DEFAULT_TIMING,
    limited: bool = True,
    request_url: str | None = None,
) -> AsyncIterator[WorkspaceServer]:
    """Serve a workspace on 127.0.0.1 until the context is left.

    Args:
        home: the folder to keep messages, files and Homes in; None for a workspace that is forgotten.
        port: 0 takes a free one.
        clock: returns the time in Unix seconds, for stamps, expiry and rate limits.
        timing: deadlines and delays.
        limited: whether rate limits apply.
        request_url: deliver as signed HTTP requests to this address instead of over Socket Mode.
    """
    workspace = build(home, clock, timing, limited=limited)
    sockets = Sockets(workspace)
    delivery: Delivery = SignedRequests(request_url, workspace) if request_url else sockets
    events = Events(workspace, delivery)
    runner = web.AppRunner(_application(workspace, sockets, delivery, events), shutdown_timeout=1.0, access_log=None)
    try:
        await runner.setup()
        listening = _listen(port)
        workspace.base_url = f"http://{_HOST}:{listening.getsockname()[1]}"
        await web.SockSite(runner, listening).start()
        yield WorkspaceServer(workspace.base_url, workspace, sockets)
    finally:
        await events.close()
        workspace.changes.close()
        await sockets.close()
        await runner.cleanup()
        workspace.storage.close()


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((_HOST, port))
    except OSError as error:
        raise ConfigurationError(f"port {port} on {_HOST} cannot be used: {os.strerror(error.errno or 0)}") from None


def _application(workspace: Workspace, sockets: Sockets, delivery: Delivery, events: Events) -> web.Application:
    web_api = workspace.faults.wrap(WebApi(workspace, sockets).handle)
    application = web.Application(client_max_size=_BIGGEST_BODY, middlewares=[_same_origin, refuse_in_words])
    application.add_routes(
        [
            web.post("/api/{method}", web_api),
            web.get("/api/{method}", web_api),
            web.get("/socket/{key}", sockets.connect),
            *ControlApi(workspace, sockets, delivery, events).routes(),
            *Routes(workspace).routes(),
        ]
    )
    return application


@web.middleware
async def _same_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what another site's page sends: a browser would let it click here in somebody's name."""
    origin = request.headers.get("Origin")
    if origin and urlsplit(origin).netloc != request.host:
        raise web.HTTPForbidden(text="Requests from other sites are refused.")
    return await handler(request)
