"""The way in from Slack: over a connection that the bot opens, or by requests that Slack sends."""

import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Protocol

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp

from bot.health import serving
from bot.settings import Settings
from bot.slack_socket import SlackSocket


class Listener(Protocol):
    """The way in from Slack."""

    def start(self) -> None:
        """Begin to hear."""
        ...

    async def stop(self) -> None:
        """Hear nothing more."""
        ...

    async def is_connected(self) -> bool:
        """Tell whether Slack can reach us now."""
        ...

    async def watch(self) -> None:
        """Look after the connection."""
        ...


class HttpListener:
    """Slack reaches us by requests; there is no connection to look after."""

    def start(self) -> None:
        """Do nothing: the server already listens."""

    async def stop(self) -> None:
        """Do nothing: the server is closed with the rest."""

    async def is_connected(self) -> bool:
        """Tell that requests can come in."""
        return True

    async def watch(self) -> None:
        """Do nothing."""


async def listener_of(
    settings: Settings, app: AsyncApp, give_up: Callable[[], None], stack: AsyncExitStack
) -> tuple[Listener, int | None]:
    """Return the way in that the settings ask for, and the port on which requests come where they do.

    Args:
        settings: `slack_mode` and what belongs to it.
        app: what is called with what was heard.
        give_up: called where the connection cannot be had any more.
        stack: closes it.
    """
    if settings.slack_mode == "http":
        port = await stack.enter_async_context(
            serving(app.web_app(path="/slack/events"), settings.bind_host, settings.http_port, named="HTTP_PORT")
        )
        return HttpListener(), port
    assert settings.slack_app_token is not None, "the settings require it in socket mode"
    handler = AsyncSocketModeHandler(app, settings.slack_app_token.get_secret_value())
    connection = SlackSocket(handler, time.monotonic, give_up)
    stack.push_async_callback(connection.stop)  # where the start fails later on, it holds a session already
    return connection, None
