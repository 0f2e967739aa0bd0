"""An app of a few lines on the workspace's real Socket Mode and Web API, to see what the page's people do reach it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from aiohttp import ClientSession, ClientWebSocketResponse, FormData

from local.slack.seed_data import APP_TOKEN, BOT_TOKEN

Json: TypeAlias = dict[str, Any]


class SmallApp:
    """Acks every envelope, keeps what it heard, and calls the Web API.

    Attributes:
        heard: the payloads of envelopes, in order.
        answer: gives the payload of an ack (a response_action, say) for the payload of an envelope.
    """

    def __init__(self, session: ClientSession, api_url: str) -> None:
        self._session = session
        self._api_url = api_url
        self.heard: asyncio.Queue[Json] = asyncio.Queue()
        self.answer: Callable[[Json], Json] = lambda _payload: {}

    async def call(self, method: str, token: str = BOT_TOKEN, **arguments: Any) -> Json:
        """Call a method of the Web API; it must be answered with `ok`."""
        headers = {"Authorization": f"Bearer {token}"}
        async with self._session.post(f"{self._api_url}{method}", json=arguments, headers=headers) as response:
            answer: Json = await response.json()
        assert answer["ok"], f"{method}: {answer}"
        return answer

    async def say(self, channel: str = "C0RFT0001", **message: Any) -> str:
        """Post a message; gives its ts."""
        return str((await self.call("chat.postMessage", channel=channel, **({"text": "text"} | message)))["ts"])

    async def upload(self, name: str, content: bytes) -> str:
        """Upload a file that belongs to no channel, and wait until a block may show it; gives its id."""
        ticket = await self.call("files.getUploadURLExternal", filename=name, length=len(content))
        form = FormData()
        form.add_field("file", content, filename=name)
        async with self._session.post(ticket["upload_url"], data=form) as response:
            assert response.status == 200, await response.text()
        file_id = str(ticket["file_id"])
        await self.call("files.completeUploadExternal", files=[{"id": file_id, "title": name}])
        while not (await self.call("files.info", file=file_id))["file"]["mimetype"]:  # noqa: ASYNC110 - the Web API offers nothing to wait on
            await asyncio.sleep(0.02)
        return file_id

    async def next(self, kind: str) -> Json:
        """The next payload of that type (`block_actions`, `app_home_opened`, ...); others before it are dropped."""
        while True:
            payload = await self.heard.get()
            if kind in (payload.get("type"), payload.get("command"), payload.get("event", {}).get("type")):
                return payload

    async def connect(self) -> ClientWebSocketResponse:
        """A socket that has been greeted."""
        opened = await self.call("apps.connections.open", token=APP_TOKEN)
        socket = await self._session.ws_connect(opened["url"])
        assert (await socket.receive_json())["type"] == "hello"
        return socket

    async def listen(self, socket: ClientWebSocketResponse) -> None:
        """Hear and ack until the socket closes."""
        async for frame in socket:
            envelope = json.loads(frame.data)
            if "envelope_id" not in envelope:
                continue
            payload = envelope["payload"]
            await socket.send_json({"envelope_id": envelope["envelope_id"], "payload": self.answer(payload)})
            self.heard.put_nowait(payload)


@asynccontextmanager
async def connected(api_url: str) -> AsyncIterator[SmallApp]:
    """A small app that listens until the context is left."""
    async with ClientSession() as session:
        app = SmallApp(session, api_url)
        socket = await app.connect()
        listening = asyncio.create_task(app.listen(socket))
        yield app
        await socket.close()
        await listening
