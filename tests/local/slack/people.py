"""What the tests use to act: a person at the control API, a small app on a socket, a clock that is set by hand."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from local.slack.server import WorkspaceServer

Json = dict[str, Any]

RFT = "C0RFT0001"
ALICE = "U0ALICE01"


class SetClock:
    """A clock that stands still until it is moved; counts in seconds."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self.at = start

    def __call__(self) -> float:
        return self.at

    def forward(self, seconds: float) -> None:
        self.at += seconds


class Control:
    """The control API in a few words."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def post(self, what: str, **body: Any) -> Json:
        async with self.session.post(f"/_control/{what}", json=body) as answer:
            return dict(await answer.json())

    async def get(self, what: str) -> Json:
        async with self.session.get(f"/_control/{what}") as answer:
            return dict(await answer.json())

    async def messages(self, channel: str = "rft") -> list[Json]:
        return list((await self.get(f"messages/{channel}"))["messages"])

    async def ephemerals(self, user: str = "alice") -> list[Json]:
        return list((await self.get(f"ephemerals/{user}"))["ephemerals"])

    async def log(self, kind: str) -> list[Json]:
        return [entry for entry in (await self.get("log"))["log"] if entry["kind"] == kind]

    async def open_view(self, user: str = "alice") -> Json | None:
        view: Json | None = (await self.get("state"))["open_views"].get(user)
        return view


class SocketApp:
    """An app that keeps what arrives on its socket and acks it with what `answer` gives; None does not ack."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.received: list[Json] = []
        self.answer: Callable[[Json], Json | None] = lambda _envelope: {}

    @property
    def payloads(self) -> list[Json]:
        return [envelope["payload"] for envelope in self.received if "payload" in envelope]

    async def run(self) -> None:
        async for message in self.socket:
            body = json.loads(message.data)
            self.received.append(body)
            if "envelope_id" in body:
                payload = self.answer(body)
                if payload is not None:
                    await self.socket.send_json({"envelope_id": body["envelope_id"], "payload": payload})


@asynccontextmanager
async def socket_app(server: WorkspaceServer) -> AsyncIterator[SocketApp]:
    """A `SocketApp` connected to the server, greeted already."""
    async with aiohttp.ClientSession() as session:
        address = await socket_address(session, server)
        async with session.ws_connect(address) as socket:
            app = SocketApp(socket)
            running = asyncio.create_task(app.run())
            await until(lambda: bool(app.received) or socket.closed)
            yield app
        await running


async def socket_address(session: aiohttp.ClientSession, server: WorkspaceServer) -> str:
    headers = {"Authorization": "Bearer xapp-local-proctor"}
    async with session.post(f"{server.api_url}apps.connections.open", headers=headers) as answer:
        return str((await answer.json())["url"])


async def until(condition: Callable[[], bool] | Callable[[], Awaitable[bool]], *, patience: float = 30.0) -> None:
    """Wait until the condition holds; a test that waits longer than `patience` seconds fails."""
    async with asyncio.timeout(patience):
        while True:
            held = condition()
            if held if isinstance(held, bool) else await held:
                return
            await asyncio.sleep(0.01)


def button(action_id: str = "press", value: str = "1", text: str = "Press") -> Json:
    return {
        "type": "button",
        "action_id": action_id,
        "value": value,
        "text": {"type": "plain_text", "text": text},
    }


def actions(*elements: Json, block_id: str = "controls") -> Json:
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def section(text: str = "hello") -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def text_input(block_id: str = "reason", **element: Any) -> Json:
    return {
        "type": "input",
        "block_id": block_id,
        "label": {"type": "plain_text", "text": "Reason"},
        "element": {"type": "plain_text_input", "action_id": "text", **element},
    }


def modal(*blocks: Json, **fields: Any) -> Json:
    return {
        "type": "modal",
        "callback_id": "form",
        "title": {"type": "plain_text", "text": "A form"},
        "submit": {"type": "plain_text", "text": "Send"},
        "blocks": list(blocks) or [text_input()],
        **fields,
    }


def png(width: int = 3, height: int = 2) -> bytes:
    """The first bytes of a PNG, which is as far as the workspace looks."""
    head = b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR"
    return head + width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\x00\x00\x00"
