"""How Slack reaches the bot: a Socket Mode connection that is kept alive, or requests over HTTP.

slack_sdk's aiohttp client keeps the address it was given; when Slack refuses that address, it retries the same dead one
for ever. Taking the address away makes it ask for a new one.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Final, Protocol

import aiohttp
import structlog
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.adapter.socket_mode.async_internals import send_async_response
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.health import serving
from bot.http_receiver import HttpReceiver, Receive
from bot.settings import Settings
from bot.stopping import HANG_UP

PATIENCE: Final = 10.0
"""Seconds without a connection after which the address is taken to be dead; a usual refresh takes less."""
GIVE_UP: Final = 300.0
"""Seconds without a connection after which the process ends, for its supervisor to start a fresh one."""

log: Final = structlog.get_logger(__name__)


class Transport(Protocol):
    """How Slack reaches the bot."""

    def start(self) -> None:
        """Start receiving."""
        ...

    async def stop(self) -> None:
        """Stop receiving."""
        ...

    async def is_connected(self) -> bool:
        """Tell whether Slack can reach us now."""
        ...

    async def first_connected(self) -> None:
        """Wait until Slack can reach us for the first time."""
        ...

    async def watch(self) -> None:
        """Check the connection and repair it."""
        ...


class HttpRequests:
    """Slack sends requests to a server that runs as long as the bot; there is no connection to look after."""

    def start(self) -> None:
        """Do nothing: the server already listens."""

    async def stop(self) -> None:
        """Do nothing: the server is closed with the rest."""

    async def is_connected(self) -> bool:
        """Tell that requests can come in."""
        return True

    async def first_connected(self) -> None:
        """Do not wait: the server already listens."""

    async def watch(self) -> None:
        """Do nothing."""


class SlackSocket:
    """One Socket Mode connection and its watchdog.

    Args:
        handler: Bolt's adapter.
        clock: seconds, monotonic.
        give_up: called once when the connection cannot be had.
    """

    def __init__(
        self, handler: AsyncSocketModeHandler, clock: Callable[[], float], give_up: Callable[[], None]
    ) -> None:
        self._handler = handler
        self._clock = clock
        self._give_up = give_up
        self._seen = clock()
        self._renewed = clock()
        self._connecting: asyncio.Task[None] | None = None
        self._connected = asyncio.Event()
        self._stopped = False

    def start(self) -> None:
        """Start connecting, and keep trying until it works."""
        self._seen = self._clock()
        self._connecting = asyncio.create_task(self._connect(), name="slack-connect")

    async def stop(self) -> None:
        """Close the connection; a second call does nothing."""
        if self._stopped:
            return
        self._stopped = True
        if self._connecting:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        try:
            async with asyncio.timeout(HANG_UP):
                await self._handler.close_async()  # type: ignore[no-untyped-call] # Bolt leaves it untyped
        except TimeoutError:
            log.warning("slack.no_goodbye", seconds=HANG_UP)
            await _drop(self._handler.client)

    async def is_connected(self) -> bool:
        """Tell whether Slack can reach us now."""
        return bool(await self._handler.client.is_connected())

    async def first_connected(self) -> None:
        """Wait until the first connection is made."""
        await self._connected.wait()

    async def watch(self) -> None:
        """Check the connection: replace a dead address, or give up after minutes without one."""
        now = self._clock()
        if await self.is_connected():
            self._seen = self._renewed = now
            return
        if self._connecting and not self._connecting.done():
            pass  # the first connection is still being made, with a new address each time
        elif now - self._renewed > PATIENCE:
            log.warning("slack.address_renewed", seconds=round(now - self._seen))
            self._handler.client.wss_uri = None
            self._renewed = now
        if now - self._seen > GIVE_UP:
            log.error("slack.gave_up", seconds=round(now - self._seen))
            self._seen = now
            self._give_up()

    async def _connect(self) -> None:
        wait = 0.5
        while True:
            try:
                await self._handler.connect_async()  # type: ignore[no-untyped-call] # Bolt leaves it untyped
            except (SlackApiError, aiohttp.ClientError, TimeoutError) as failure:
                log.warning("slack.not_connected", reason=str(failure))
                self._handler.client.wss_uri = None
                await asyncio.sleep(wait)
                wait = min(30.0, wait * 2)
            else:
                log.info("slack.connected")
                self._connected.set()
                return


class SocketReceiver(AsyncSocketModeHandler):
    """Bolt's adapter, which hands what comes over the socket to `receive` and answers with its acknowledgement."""

    def __init__(self, app: AsyncApp, app_token: str, receive: Receive) -> None:
        super().__init__(app, app_token)
        self._receive = receive

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override] # as Bolt's own
        """Take one delivery."""
        response = await self._receive(req.payload)
        await send_async_response(client, req, response, time.time())


async def _drop(client: SocketModeClient) -> None:
    """Close a connection whose other end does not answer, and end what listens to it."""
    for task in (client.message_processor, client.current_session_monitor, client.message_receiver):
        if task is not None:
            task.cancel()
    await client.aiohttp_client_session.close()


async def open_transport(
    settings: Settings, app: AsyncApp, receive: Receive, give_up: Callable[[], None], stack: AsyncExitStack
) -> tuple[Transport, int | None]:
    """Return the transport that the settings name and, in http mode, its port; `stack` closes it.

    `receive` is given what comes in; `give_up` is called when a connection cannot be had any more.
    """
    if settings.slack_mode == "http":
        assert settings.slack_signing_secret is not None, "the settings require it in http mode"
        receiver = HttpReceiver(SignatureVerifier(settings.slack_signing_secret.get_secret_value()), receive)
        port = await stack.enter_async_context(
            serving(receiver.application(), settings.bind_host, settings.http_port, named="HTTP_PORT")
        )
        return HttpRequests(), port
    assert settings.slack_app_token is not None, "the settings require it in socket mode"
    handler = SocketReceiver(app, settings.slack_app_token.get_secret_value(), receive)
    connection = SlackSocket(handler, time.monotonic, give_up)
    stack.push_async_callback(connection.stop)  # if the start fails later on, it already holds a session
    return connection, None
