import asyncio
import gzip
import io
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlencode

import aiohttp
import pytest
from slack_bolt.response import BoltResponse
from slack_sdk.signature import Clock, SignatureVerifier
from structlog.testing import capture_logs
from structlog.typing import EventDict

from bot import http_receiver
from bot.health import serving
from bot.http_receiver import LARGEST_BODY, PATH, REPEAT_AFTER, HttpReceiver

NOW = 1_800_000_000
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
COMMAND = {"command": "/rft", "text": "list &=é", "user_id": "U1", "trigger_id": ""}
CLICK = {"type": "block_actions", "user": {"id": "U1"}, "actions": []}
EVENT = {"type": "event_callback", "event": {"type": "app_mention"}}
DEEP = "[" * 100_000


class Stopped(Clock):
    def now(self) -> float:
        return NOW


@dataclass
class Port:
    """A receiver on a port, and what it passed on."""

    session: aiohttp.ClientSession
    number: int
    verifier: SignatureVerifier
    bodies: list[Mapping[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.number}{PATH}"

    def headers(self, body: str, content_type: str = FORM, at: int = NOW) -> dict[str, str]:
        signature = self.verifier.generate_signature(timestamp=str(at), body=body)
        return {
            "Content-Type": content_type,
            "X-Slack-Request-Timestamp": str(at),
            "X-Slack-Signature": signature or "",
        }

    async def send(self, body: str | bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        async with self.session.post(self.url, data=body, headers=headers) as answer:
            return answer.status, await answer.text()

    async def send_signed(self, body: str, content_type: str = FORM) -> tuple[int, str]:
        return await self.send(body, self.headers(body, content_type))

    async def send_bytes(self, sent: bytes) -> bytes:
        """Send bytes as they are, and return what comes back until the connection is closed."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.number)
        writer.write(sent)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        return answer


@pytest.fixture
async def port() -> AsyncIterator[Port]:
    verifier = SignatureVerifier("signing-secret", Stopped())
    async with aiohttp.ClientSession() as session:
        found = Port(session, 0, verifier)

        async def receive(body: Mapping[str, Any]) -> BoltResponse:
            found.bodies.append(body)
            return BoltResponse(status=200, body={"options": []} if body.get("type") == "block_suggestion" else "")

        receiver = HttpReceiver(verifier, receive, lambda: found.seconds)
        async with serving(receiver.application(), "127.0.0.1", 0) as number:
            found.number = number
            yield found


@pytest.mark.parametrize(
    ("sent", "content_type", "body"),
    [
        (urlencode(COMMAND), FORM, COMMAND),
        (urlencode(COMMAND), f"{FORM}; charset=utf-8", COMMAND),
        (urlencode({"payload": json.dumps(CLICK)}), FORM, CLICK),
        (json.dumps(EVENT), JSON, EVENT),
        (json.dumps(EVENT), f"{JSON}; charset=utf-16", EVENT),
        ("payload=" + quote_plus(json.dumps(CLICK | {"x": "\ud800"})), FORM, CLICK | {"x": "\ud800"}),
    ],
)
async def test_what_slack_signed_is_passed_on(port: Port, sent: str, content_type: str, body: object) -> None:
    assert await port.send_signed(sent, content_type) == (200, "")
    assert port.bodies == [body]


async def test_the_answer_of_the_bot_is_the_answer_to_slack(port: Port) -> None:
    sent = urlencode({"payload": json.dumps({"type": "block_suggestion"})})

    assert await port.send_signed(sent) == (200, '{"options": []}')


async def test_slack_checks_the_address_and_its_certificate_without_the_bot(port: Port) -> None:
    asked = json.dumps({"type": "url_verification", "challenge": "3eZbrw"})

    assert await port.send_signed(asked, JSON) == (200, '{"challenge": "3eZbrw"}')
    assert await port.send_signed("ssl_check=1&token=x") == (200, "")
    assert await port.send("ssl_check=1&token=x", {"Content-Type": FORM}) == (200, "")
    assert (await port.send(asked, {"Content-Type": JSON}))[0] == 401
    assert port.bodies == []


@pytest.mark.parametrize(
    "changed",
    [
        {"X-Slack-Signature": "v0=bad"},
        {"X-Slack-Signature": ""},
        {"X-Slack-Signature": "v0=é"},
        {"X-Slack-Request-Timestamp": ""},
        {"X-Slack-Request-Timestamp": "yesterday"},
        {"X-Slack-Request-Timestamp": "1e9"},
        {"X-Slack-Request-Timestamp": "-1"},
        {"X-Slack-Request-Timestamp": "٣"},
        {"X-Slack-Request-Timestamp": "nan"},
        {"X-Slack-Request-Timestamp": "9" * 5000},
        {"X-Slack-Request-Timestamp": str(NOW - 1)},
    ],
)
async def test_what_slack_did_not_sign_is_refused(port: Port, changed: dict[str, str]) -> None:
    sent = urlencode(COMMAND)

    assert await port.send(sent, port.headers(sent) | changed) == (401, "no valid signature")
    assert await port.send(sent, {"Content-Type": FORM}) == (401, "no valid signature")
    assert port.bodies == []


@pytest.mark.parametrize("at", [NOW - 301, NOW + 301])
async def test_what_slack_signed_long_ago_is_refused(port: Port, at: int) -> None:
    sent = urlencode(COMMAND)

    assert (await port.send(sent, port.headers(sent, at=at)))[0] == 401
    assert (await port.send(sent, port.headers(sent, at=NOW - 299)))[0] == 200


@pytest.mark.parametrize(
    ("status", "sent", "content_type"),
    [
        (400, "{", JSON),
        (400, "[]", JSON),
        (400, "", JSON),
        (400, DEEP, JSON),
        (400, "payload=", FORM),
        (400, "payload=nonsense", FORM),
        (400, f"payload={DEEP}", FORM),
        (400, "a=1&" * 1000, FORM),
        (415, "a=1", "text/plain"),
        (415, "a=1", "nonsense"),
        (415, "a=1", "multipart/form-data; boundary=x"),
        (415, "a=1", ""),
    ],
)
async def test_what_is_signed_and_makes_no_sense_is_refused(
    port: Port, status: int, sent: str, content_type: str
) -> None:
    assert (await port.send_signed(sent, content_type))[0] == status
    assert port.bodies == []


async def test_a_body_is_bounded_and_is_text(port: Port, caplog: pytest.LogCaptureFixture) -> None:
    large = "a" * (LARGEST_BODY + 1)
    sent = urlencode(COMMAND)

    async def drop_by_drop() -> AsyncIterator[bytes]:
        for _ in range(LARGEST_BODY // 65536 + 2):
            yield b"a" * 65536

    async with port.session.post(port.url, data=io.BytesIO(large.encode()), headers=port.headers(large)) as answer:
        assert answer.status == 413
    async with port.session.post(port.url, data=drop_by_drop(), headers=port.headers(sent)) as answer:
        assert answer.status == 413
    assert (await port.send(b"\xff\xfe", port.headers(sent)))[0] == 401
    zipped = port.headers(sent) | {"Content-Encoding": "gzip"}
    assert (await port.send(gzip.compress(sent.encode()), zipped))[0] == 415
    assert (await port.send(b"no gzip", zipped))[0] in {400, 415}
    assert port.bodies == []
    assert not caplog.records


async def test_a_body_that_does_not_come_is_given_up(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_receiver, "LONGEST_READ", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
    writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc".encode())

    assert (await reader.readline()).split()[1] == b"408"
    writer.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        f"POST {PATH} HTTP/1.1\r\nContent-Length: -1\r\n\r\n".encode(),
        f"POST {PATH} HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc".encode(),
        f"POST {PATH} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n".encode(),
        f"POST {PATH} HTTP/1.1\r\nX-Slack-Signature: {'a' * 20_000}\r\n\r\n".encode(),
        f"POST {PATH}?{'a' * 20_000} HTTP/1.1\r\n\r\n".encode(),
    ],
)
async def test_no_bytes_make_a_traceback(port: Port, sent: bytes, caplog: pytest.LogCaptureFixture) -> None:
    answer = await port.send_bytes(sent)

    assert answer == b"" or answer.split()[1][:1] == b"4"
    assert not caplog.records
    assert port.bodies == []


async def test_the_log_tells_size_reason_and_count_of_what_is_refused_and_nothing_of_it(port: Port) -> None:
    body = "x=" + "\\" * 80_000
    with capture_logs() as lines:
        for _ in range(3):
            assert (await port.send(body, {"Content-Type": FORM, "X-Slack-Signature": "SIGNATURE"}))[0] == 401
        port.seconds += REPEAT_AFTER
        assert (await port.send("{", port.headers("{", JSON)))[0] == 400

    assert [_without_the_event(line) for line in lines] == [
        {"reason": "no valid signature", "status": 401, "bytes": len(body), "count": 1, "log_level": "warning"},
        {"reason": "body is not JSON", "status": 400, "bytes": 1, "count": 3, "log_level": "warning"},
    ]


def _without_the_event(line: EventDict) -> EventDict:
    return {name: value for name, value in line.items() if name != "event"}
