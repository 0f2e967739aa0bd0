"""HTTP mode: the same deliveries as signed requests to the app's request URL."""

import hashlib
import hmac
import json
from urllib.parse import urlencode

import aiohttp

from local.slack.delivery import Envelope, NotAcked
from local.slack.errors import Json
from local.slack.seed_data import SIGNING_SECRET
from local.slack.workspace import Workspace


class SignedRequests:
    """Posts deliveries to `request_url`, signed as Slack signs them. Implements `Delivery`."""

    def __init__(self, request_url: str, workspace: Workspace) -> None:
        self._request_url = request_url
        self._workspace = workspace

    async def deliver(self, envelope: Envelope) -> Json:
        """Post an envelope; an answer of 200 within the deadline is its ack."""
        content_type, body = _encode(envelope)
        headers = {"Content-Type": content_type, **signature_headers(int(self._workspace.ids.now()), body)}
        if envelope.retry_attempt:
            headers |= {"X-Slack-Retry-Num": str(envelope.retry_attempt), "X-Slack-Retry-Reason": "http_timeout"}
        self._workspace.traffic.note("to_app", "envelope", envelope.kind, body=envelope.payload)
        try:
            status, text = await self._post(body, headers)
        except TimeoutError:
            raise NotAcked("operation_timeout") from None
        except aiohttp.ClientError:
            raise NotAcked("dispatch_failed") from None
        self._workspace.traffic.note("from_app", "ack", str(status), body=text)
        if status != 200:
            raise NotAcked("dispatch_failed")
        return _payload(text)

    async def _post(self, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        timeout = aiohttp.ClientTimeout(total=self._workspace.timing.ack)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(self._request_url, data=body, headers=headers) as answer,
        ):
            return answer.status, await answer.text()


def signature_headers(timestamp: int, body: bytes) -> dict[str, str]:
    """Slack's request signature: HMAC-SHA256 over `v0:{timestamp}:{body}` with the signing secret."""
    base = b"v0:%d:%b" % (timestamp, body)
    digest = hmac.new(SIGNING_SECRET.encode(), base, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": str(timestamp), "X-Slack-Signature": f"v0={digest}"}


def _encode(envelope: Envelope) -> tuple[str, bytes]:
    if envelope.kind == "events_api":
        return "application/json", json.dumps(envelope.payload).encode()
    fields = {"payload": json.dumps(envelope.payload)} if envelope.kind == "interactive" else envelope.payload
    return "application/x-www-form-urlencoded", urlencode(fields).encode()


def _payload(text: str) -> Json:
    try:
        parsed = json.loads(text or "{}")
    except ValueError:
        return {"text": text}
    return parsed if isinstance(parsed, dict) else {"text": text}
