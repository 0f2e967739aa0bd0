"""Socket Mode kept alive: connect, and connect again when the client has locked itself out.

slack_sdk's aiohttp client keeps the address it was given; when Slack refuses that address, it retries the same dead one
for ever. Taking the address away makes it ask for a new one.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import aiohttp
import structlog
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_sdk.errors import SlackApiError

PATIENCE: Final = 10.0
"""Seconds without a connection after which the address is taken to be dead; a usual refresh takes less."""
GIVE_UP: Final = 300.0
"""Seconds without a connection after which the process ends, for its supervisor to start a fresh one."""

log: Final = structlog.get_logger(__name__)


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
        self._stopped = False

    def start(self) -> None:
        """Begin to connect, again and again until it works."""
        self._seen = self._clock()
        self._connecting = asyncio.create_task(self._connect(), name="slack-connect")

    async def stop(self) -> None:
        """Close the connection; nothing more is heard. Asked again, it does nothing."""
        if self._stopped:
            return
        self._stopped = True
        if self._connecting:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        await self._handler.close_async()  # type: ignore[no-untyped-call] # Bolt leaves it untyped

    async def is_connected(self) -> bool:
        """Tell whether Slack can reach us now."""
        return bool(await self._handler.client.is_connected())

    async def watch(self) -> None:
        """Look at the connection: free it from a dead address, or give up after minutes without one."""
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
                return
