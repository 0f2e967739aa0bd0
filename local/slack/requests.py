"""HTTP mode: the same deliveries as signed requests to the app's request URL."""

import hashlib
import hmac
import json
from urllib.parse import urlencode

import aiohttp

from local.slack.delivery import Acked, Envelope, NotAcked, Outcome
from local.slack.furniture import SIGNING_SECRET
from local.slack.identity import Identity
from local.slack.timing import Timing
from local.slack.traffic import Traffic
from local.slack.wire import Json


class SignedRequests:
    """Posts deliveries to `request_url`, signed as Slack signs them. Implements `Delivery`."""

    def __init__(self, request_url: str, identity: Identity, traffic: Traffic, timing: Timing) -> None:
        self._request_url = request_url
        self._identity = identity
        self._traffic = traffic
        self._timing = timing

    async def deliver(self, envelope: Envelope) -> Outcome:
        """Post an envelope; an answer of 200 within the deadline is its ack."""
        content_type, body = _encode(envelope)
        headers = {"Content-Type": content_type, **signature_headers(int(self._identity.now()), body)}
        if envelope.retry_attempt:
            headers |= {
                "X-Slack-Retry-Num": str(envelope.retry_attempt),
                "X-Slack-Retry-Reason": f"http_{envelope.retry_reason}",
            }
        self._traffic.note("to_app", "envelope", envelope.kind, body=envelope.payload)
        try:
            return await self._post(body, headers)
        except TimeoutError:
            return NotAcked("operation_timeout")
        except aiohttp.ClientError:
            return NotAcked("dispatch_failed")

    async def _post(self, body: bytes, headers: dict[str, str]) -> Outcome:
        timeout = aiohttp.ClientTimeout(total=self._timing.ack)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(self._request_url, data=body, headers=headers) as answer,
        ):
            text = await answer.text()
        self._traffic.note("from_app", "ack", str(answer.status), body=text)
        return Acked(_payload(text)) if answer.status == 200 else NotAcked("dispatch_failed")


def signature_headers(timestamp: int, body: bytes) -> dict[str, str]:
    """Slack's request signature: HMAC-SHA256 over `v0:{timestamp}:{body}` with the signing secret."""
    base = b"v0:%d:%b" % (timestamp, body)
    digest = hmac.new(SIGNING_SECRET.encode(), base, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": str(timestamp), "X-Slack-Signature": f"v0={digest}"}


def _encode(envelope: Envelope) -> tuple[str, bytes]:
    if envelope.kind == "events_api":
        return "application/json", json.dumps(envelope.payload).encode()
    if envelope.kind == "interactive":
        fields: Json = {"payload": json.dumps(envelope.payload)}
    else:
        fields = envelope.payload
    return "application/x-www-form-urlencoded", urlencode(fields).encode()


def _payload(text: str) -> Json:
    if not text:
        return {}
    try:
        parsed = json.loads(text)
    except ValueError:
        return {"text": text}
    return parsed if isinstance(parsed, dict) else {"text": text}
