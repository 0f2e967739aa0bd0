"""Socket Mode: one-use addresses, envelopes to exactly one open socket, acks within the deadline."""

import asyncio
import json
import random

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from local.slack.delivery import Envelope, NotAcked
from local.slack.errors import Json
from local.slack.workspace import Workspace

_MOST_CONNECTIONS = 10
_CONNECTION_SECONDS = 18_060
_GRACE = 0.2
"""Seconds between telling a client to reconnect and closing its socket; Slack leaves about ten."""


class Sockets:
    """The app's open sockets. Implements `Delivery`."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._faults = workspace.faults
        self._traffic = workspace.traffic
        # Seeded, so that a test that fails on one spread of envelopes fails on it again.
        self._random = random.Random(0)
        self._open: dict[web.WebSocketResponse, asyncio.Transport] = {}
        self._waiting: dict[str, asyncio.Future[Json]] = {}
        self._last: Json | None = None

    @property
    def count(self) -> int:
        """How many sockets are open."""
        return len(self._open)

    def address(self) -> str:
        """A new address for `apps.connections.open`, good for one connection within 30 seconds."""
        return f"{self._workspace.base_url.replace('http', 'ws', 1)}/socket/{self._workspace.tokens.socket_key()}"

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """The handler behind that address; lives as long as the socket does."""
        fresh = self._workspace.tokens.spend_socket(request.match_info["key"])
        if self._faults.strikes("refuse_sockets") or not fresh:
            self._traffic.note("from_app", "socket", "refused")
            raise web.HTTPNotFound
        socket = web.WebSocketResponse(heartbeat=30.0)
        await socket.prepare(request)
        if len(self._open) >= _MOST_CONNECTIONS:
            await self._send_disconnect(socket, "too_many_websockets")
            await socket.close()
            return socket
        assert request.transport is not None
        self._open[socket] = request.transport
        self._traffic.note("from_app", "socket", "opened", open=len(self._open))
        try:
            await socket.send_json(self._hello())
            async for message in socket:
                self._receive(message)
        finally:
            self._open.pop(socket, None)
            self._traffic.note("from_app", "socket", "closed", open=len(self._open))
        return socket

    async def deliver(self, envelope: Envelope) -> Json:
        """Send an envelope over one open socket, whichever, and wait for its ack over any of them."""
        envelope_id = self._workspace.ids.short("env-")
        acked: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._waiting[envelope_id] = acked
        try:
            await self._send(envelope, _envelope_json(envelope, envelope_id))
            return await asyncio.wait_for(acked, self._workspace.timing.ack)
        except TimeoutError:
            raise NotAcked("operation_timeout") from None
        finally:
            self._waiting.pop(envelope_id, None)

    async def redeliver(self) -> bool:
        """Send the last envelope once more, as Slack does when an ack got lost; tell whether that was possible."""
        if self._last is None or not self._open:
            return False
        await self._send_to_one(self._last)
        self._traffic.note("to_app", "envelope", "redelivered", body=self._last, open=len(self._open))
        return True

    async def disconnect(self, reason: str, *, abruptly: bool = False) -> int:
        """Make every client reconnect; `abruptly` drops the connections without notice. Returns their number."""
        sockets = dict(self._open)
        if abruptly:
            for socket, transport in sockets.items():
                self._open.pop(socket, None)
                transport.abort()
            return len(sockets)
        for socket in sockets:
            await self._send_disconnect(socket, reason)
        await asyncio.sleep(_GRACE)
        for socket in sockets:
            self._open.pop(socket, None)
            await socket.close()
        return len(sockets)

    async def close(self) -> None:
        """Close every socket for good."""
        for socket in list(self._open):
            self._open.pop(socket, None)
            await socket.close(code=WSCloseCode.GOING_AWAY, drain=False)

    async def _send(self, envelope: Envelope, body: Json) -> None:
        name = str(envelope.payload.get("command") or envelope.payload.get("type"))
        self._last = body
        if self._faults.strikes("lose_envelopes"):
            self._traffic.note("to_app", "envelope", f"lost {name}", body=body)
            return
        for _ in range(2 if self._faults.strikes("repeat_envelopes") else 1):
            await self._send_to_one(body)
            self._traffic.note("to_app", "envelope", name, body=body, open=len(self._open))

    async def _send_to_one(self, body: Json) -> None:
        while self._open:
            socket = self._random.choice(list(self._open))
            try:
                return await socket.send_json(body)
            except ConnectionError:
                self._open.pop(socket, None)
        raise NotAcked("dispatch_failed")

    def _receive(self, message: WSMessage) -> None:
        if message.type is not WSMsgType.TEXT:
            return
        try:
            ack = json.loads(message.data)
        except ValueError:
            ack = None
        if not isinstance(ack, dict) or "envelope_id" not in ack:
            self._traffic.note("from_app", "ack", "unreadable", body=message.data)
            return
        waiting = self._waiting.pop(ack["envelope_id"], None)
        self._traffic.note("from_app", "ack", "ack" if waiting else "too late or repeated", body=ack)
        if waiting and not waiting.done():
            waiting.set_result(ack.get("payload") or {})

    async def _send_disconnect(self, socket: web.WebSocketResponse, reason: str) -> None:
        body = {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-local"}}
        self._traffic.note("to_app", "socket", "disconnect", body=body)
        if not socket.closed:
            await socket.send_json(body)

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self._open),
            "debug_info": {"host": "applink-local", "approximate_connection_time": _CONNECTION_SECONDS},
            "connection_info": {"app_id": self._workspace.app.id},
        }


def _envelope_json(envelope: Envelope, envelope_id: str) -> Json:
    body: Json = {
        "envelope_id": envelope_id,
        "type": envelope.kind,
        "payload": envelope.payload,
        "accepts_response_payload": envelope.kind != "events_api",
    }
    if envelope.kind == "events_api":
        body |= {
            "retry_attempt": envelope.retry_attempt,
            "retry_reason": "timeout" if envelope.retry_attempt else "",
        }
    return body
