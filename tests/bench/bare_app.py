"""`python -m tests.bench.bare_app API`: the least that a Slack app over Socket Mode is; says when it is connected."""

import asyncio
import sys

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient


async def main(api: str) -> None:
    """Run until the process is ended."""
    app = AsyncApp(client=AsyncWebClient("xoxb-local-proctor", base_url=api))

    @app.command("/rft")
    async def answer(ack: AsyncAck) -> None:
        await ack("heard")

    await AsyncSocketModeHandler(app, "xapp-local-proctor").connect_async()  # type: ignore[no-untyped-call] # as Bolt
    sys.stdout.write("slack.connected\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
