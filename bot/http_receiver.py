"""Slack's requests over HTTP: verified before anything looks into them, and nothing of a refused one is kept.

Anybody can send to this port. So a body is bounded in size and time, its signature is checked on the bytes as they
came, and only then is it parsed; of what is refused the log tells the size, the reason and the count.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.response import BoltResponse
from slack_sdk.signature import SignatureVerifier

PATH: Final = "/slack/events"
LARGEST_BODY: Final = 1024 * 1024
"""Bytes; Slack's largest is a form of 250 KB, which url-encoding makes up to three times as long."""
LARGEST_CERTIFICATE_CHECK: Final = 1024
LONGEST_READ: Final = 3.0
"""Seconds for a body to come in; Slack does not wait longer for the answer either."""
MOST_FIELDS: Final = 100
"""Of a form; a slash command has some fifteen."""
REPEAT_AFTER: Final = 60.0
"""Seconds between two lines of the log about refused requests."""

Receive = Callable[[Mapping[str, Any]], Awaitable[BoltResponse]]
"""Takes the body of one delivery from Slack; returns what Slack is answered."""

log: Final = structlog.get_logger(__name__)


class Refused(Exception):
    """A request that is not passed on; its text is the reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class HttpReceiver:
    """Takes Slack's requests and passes the bodies of valid ones on.

    Args:
        verifier: knows the signing secret and the time.
        receive: is given each body: the fields of a command, the JSON of anything else.
        clock: seconds, monotonic.
    """

    def __init__(
        self, verifier: SignatureVerifier, receive: Receive, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._verifier = verifier
        self._receive = receive
        self._clock = clock
        self._refused = 0
        self._repeat_at = clock()

    def application(self) -> web.Application:
        """Return what listens to Slack."""
        app = web.Application(client_max_size=LARGEST_BODY)
        app.router.add_post(PATH, self._handle)
        return app

    async def _handle(self, request: web.Request) -> web.Response:
        raw = b""
        try:
            raw = await _read(request)
            if not self._is_signed(request.headers, raw):
                if _is_certificate_check(request.content_type, raw):
                    return web.Response()
                raise Refused(401, "no valid signature")
            body = _parsed(request.content_type, raw)
        except Refused as refused:
            self._count(refused, len(raw) or request.content_length)
            return web.Response(status=refused.status, text=refused.reason)
        if body.get("ssl_check"):
            return web.Response()
        if body.get("type") == "url_verification":
            return web.json_response({"challenge": body.get("challenge")})
        return await to_aiohttp_response(await self._receive(body))

    def _is_signed(self, headers: Mapping[str, str], raw: bytes) -> bool:
        """Tell whether Slack signed these bytes within the last five minutes."""
        timestamp = headers.get("X-Slack-Request-Timestamp", "")
        signature = headers.get("X-Slack-Signature", "")
        # The verifier raises on a time that is no number, and on a signature or body that is no proper text.
        if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= len("9999999999")):
            return False
        try:
            return signature.isascii() and self._verifier.is_valid(raw, timestamp, signature)
        except UnicodeDecodeError:
            return False

    def _count(self, refused: Refused, size: int | None) -> None:
        self._refused += 1
        if self._clock() >= self._repeat_at:
            log.warning(
                "slack.request_refused", reason=refused.reason, status=refused.status, bytes=size, count=self._refused
            )
            self._refused, self._repeat_at = 0, self._clock() + REPEAT_AFTER


async def _read(request: web.Request) -> bytes:
    """Return the body.

    Raises:
        Refused: it is too large, takes too long, or is encoded in a way that Slack does not use.
    """
    if (request.content_length or 0) > LARGEST_BODY:
        raise Refused(413, "body too large")
    if "Content-Encoding" in request.headers:
        raise Refused(415, "body is compressed")
    try:
        async with asyncio.timeout(LONGEST_READ):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise Refused(413, "body too large") from None
    except TimeoutError:
        raise Refused(408, "body did not come in time") from None
    except (HttpProcessingError, web.RequestPayloadError):
        raise Refused(400, "body is damaged") from None


def _parsed(content_type: str, raw: bytes) -> Mapping[str, Any]:
    """Return the body of a signed request: a form's fields, the JSON in its field `payload`, or the JSON that it is.

    Raises:
        Refused: it is none of these.
    """
    if content_type == "application/json":
        return _object(raw.decode())
    if content_type == "application/x-www-form-urlencoded":
        fields = _fields(raw)
        return _object(fields["payload"]) if "payload" in fields else fields
    raise Refused(415, "content type is neither JSON nor a form")


def _fields(raw: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        raise Refused(400, "body is no form") from None


def _object(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused(400, "body is not JSON") from None
    if not isinstance(found, dict):
        raise Refused(400, "body is no JSON object")
    return found


def _is_certificate_check(content_type: str, raw: bytes) -> bool:
    """Tell whether Slack only looks at our certificate: it does not sign that; the empty answer gives nothing away."""
    if content_type != "application/x-www-form-urlencoded" or len(raw) > LARGEST_CERTIFICATE_CHECK:
        return False
    try:
        return _fields(raw).get("ssl_check") == "1"
    except Refused:
        return False
