"""`python -m tests.bench.bare_app API`: the least that answers /rft, with Bolt alone; for comparison."""

import asyncio
import sys

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient


async def main(api: str) -> None:
    """Answer within the acknowledgement until the process is ended."""
    app = AsyncApp(client=AsyncWebClient("xoxb-local-proctor", base_url=api))

    async def answer(ack: AsyncAck) -> None:
        await ack("Here it is.")

    app.command("/rft")(answer)
    await AsyncSocketModeHandler(app, "xapp-local-proctor").connect_async()  # type: ignore[no-untyped-call] # Bolt leaves it untyped
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
