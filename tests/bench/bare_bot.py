"""`python -m tests.bench.bare_bot WORKSPACE`: answers /rft over Socket Mode with nothing but Bolt, to compare with."""

import asyncio
import sys

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient


async def main(workspace: str) -> None:
    """Answer until the process is ended."""
    app = AsyncApp(
        client=AsyncWebClient("xoxb-local-proctor", base_url=f"{workspace}/api/"), signing_secret="none", logger=None
    )

    async def rft(ack: AsyncAck, respond: AsyncRespond) -> None:
        await ack()
        await respond("nothing")

    app.command("/rft")(rft)
    handler = AsyncSocketModeHandler(app, "xapp-local-proctor")
    handler.client.web_client = app.client
    await handler.connect_async()  # type: ignore[no-untyped-call]  # slack_bolt leaves it unannotated
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
