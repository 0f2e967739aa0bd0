"""Answering the one person who asked, even where Slack does not take the answer at once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import aiohttp
import structlog
from slack_bolt.async_app import AsyncRespond
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook import WebhookResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient

from handlers.slack.blocks import Message
from jobs.outbox.late_answers import late_answer
from jobs.state.change import Change
from jobs.state.store import Store

TOO_MANY_REQUESTS: Final = 429
SERVER_ERRORS: Final = 500
TRANSIENT: Final = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout", "ratelimited"})
"""Slack's errors after which the same call may succeed in a moment."""

NOT_THERE: Final = frozenset({"user_not_in_channel", "not_in_channel", "channel_not_found", "is_archived"})
"""Slack's errors for a person who cannot be reached in a channel; their conversation with the bot is open."""

TOOK_EFFECT: Final = "took_effect"
"""The name in a request's context: whether an earlier attempt, which did not get to its end, committed something."""
AGAIN: Final = "again"
"""The name in a request's context: whether an earlier attempt did not get to its end."""
DONE_BEFORE: Final = "That took effect before I was interrupted. Now:"
"""What the answer of a later attempt begins with."""

log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asked, and where."""

    user: str
    """Empty where nobody did."""
    channel: str
    """That a form remembers, since it belongs to none itself; empty if it remembers none."""
    trigger: str
    """The same for each delivery of one command or click."""

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "Asker":
        """Return who is behind a delivery from Slack."""
        if event := body.get("event"):
            return cls(str(event.get("user") or ""), str(event.get("channel") or ""), str(body.get("event_id") or ""))
        user, channel = body.get("user") or {}, body.get("channel") or {}
        return cls(
            str(body.get("user_id") or user.get("id") or ""),
            str(body.get("channel_id") or channel.get("id") or _remembered(body)),
            str(body.get("trigger_id") or ""),
        )


def _remembered(body: Mapping[str, Any]) -> str:
    try:
        known = json.loads(str((body.get("view") or {}).get("private_metadata") or "{}"))
    except ValueError:
        return ""
    return str(known.get("channel") or known.get("where") or "") if isinstance(known, dict) else ""


async def reply(shown: Message | str, respond: AsyncRespond, client: AsyncWebClient, asker: Asker) -> None:
    """Answer a command where it was typed, or a click; nobody else sees the answer."""
    message = shown if isinstance(shown, Message) else Message(shown)
    if any(block["type"] == "image" for block in message.blocks):
        await whisper(client, message, asker.user, asker.channel)
    else:
        blocks = list(message.blocks) or None
        await respond(text=message.text, blocks=blocks, response_type="ephemeral", replace_original=False)


async def whisper(client: AsyncWebClient, message: Message, user: str, channel: str, thread: str | None = None) -> None:
    """Show a message to one person; posted by the bot itself, since a response_url refuses our pictures."""
    blocks = list(message.blocks) or None
    await client.chat_postEphemeral(channel=channel, user=user, text=message.text, blocks=blocks, thread_ts=thread)


def is_transient(failure: Exception) -> bool:
    """Tell whether Slack or the connection to it failed, and the same call may succeed in a moment."""
    if isinstance(failure, SlackApiError):
        response = failure.response
        return _has_failed(response.status_code) or str(response.get("error")) in TRANSIENT
    return isinstance(failure, aiohttp.ClientError | TimeoutError)


@dataclass(frozen=True, slots=True)
class Answers:
    """Tells people the result of what they asked; what Slack does not take now goes out later, over restarts too."""

    client: AsyncWebClient
    store: Store

    async def tell(self, user: str, channel: str, text: str) -> None:
        """Say a sentence (mrkdwn) to one person in a channel; in their conversation with the bot if that is empty.

        So it is too where the bot is not in the channel. If Slack's response is lost, they may see it twice.
        """
        try:
            if channel:
                await self.client.chat_postEphemeral(channel=channel, user=user, text=text)
            else:
                await self.client.chat_postMessage(channel=user, text=text)
        except (SlackApiError, aiohttp.ClientError, TimeoutError) as failure:
            if channel and isinstance(failure, SlackApiError) and failure.response.get("error") in NOT_THERE:
                await self.tell(user, "", text)
                return
            if not is_transient(failure):
                raise
            log.info("answer.later", reason=str(failure) or type(failure).__name__)
            await self.tell_later(user, channel, text)

    async def tell_later(self, user: str, channel: str, text: str) -> None:
        """Say a sentence to one person as soon as Slack takes it."""
        await self.store.commit(Change(postings=(late_answer(uuid4().hex, text, user=user, channel=channel or user),)))


class SteadyRespond(AsyncRespond):
    """Answers where something was typed or clicked; what Slack does not take there, the bot says itself later.

    Bolt's own ignores error responses, and opens a connection for each answer.
    """

    def __init__(self, response_url: str | None, asker: Asker, answers: Answers) -> None:
        super().__init__(response_url=response_url)
        self._asker, self._answers = asker, answers

    async def __call__(self, *args: Any, **message: Any) -> WebhookResponse:
        """Answer; only the text, where it has to go out later."""
        text = str(message.pop("text", None) or next(iter(args), ""))
        address = AsyncWebhookClient(str(self.response_url), session=self._answers.client.session, retry_handlers=[])
        try:
            response = await address.send(text=text, **message)
        except (aiohttp.ClientError, TimeoutError) as failure:
            log.info("answer.later", reason=str(failure) or type(failure).__name__)
            response = WebhookResponse(url=str(self.response_url), status_code=0, body="", headers={})
        if text and _has_failed(response.status_code):
            await self._answers.tell_later(self._asker.user, self._asker.channel, text)
        return response


def _has_failed(status: int) -> bool:
    """Tell whether the same request may be taken later; 0 stands for no response at all."""
    return status in {0, TOO_MANY_REQUESTS} or status >= SERVER_ERRORS
