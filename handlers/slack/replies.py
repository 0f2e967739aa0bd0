"""Answering the one person who asked, also where Slack does not take the answer at once."""

from collections.abc import Coroutine
from typing import Any, Final
from uuid import uuid4

import aiohttp
import structlog
from slack_bolt.async_app import AsyncRespond
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from slack_sdk.webhook import WebhookResponse

from handlers.slack.blocks import Message
from jobs.outbox.late_answers import late_answer
from jobs.state.change import Change
from jobs.state.store import Store

TOO_MANY_REQUESTS: Final = 429
SERVER_ERRORS: Final = 500
PASSING: Final = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout", "ratelimited"})
"""What Slack says where the same call may do in a moment."""

log: Final = structlog.get_logger(__name__)


async def answer(respond: AsyncRespond, message: Message) -> None:
    """Answer a command where it was typed."""
    await respond(text=message.text, blocks=list(message.blocks) or None, response_type="ephemeral")


async def whisper(client: AsyncWebClient, message: Message, user: str, channel: str) -> None:
    """Show a message to one person; posted by the bot itself, since a response_url refuses our pictures."""
    await client.chat_postEphemeral(channel=channel, user=user, text=message.text, blocks=list(message.blocks))


def is_passing(failure: Exception) -> bool:
    """Tell whether what failed was Slack or the way there, for the moment."""
    if isinstance(failure, SlackApiError):
        response = failure.response
        return _has_failed(response.status_code) or str(response.get("error")) in PASSING
    return isinstance(failure, aiohttp.ClientError | TimeoutError)


class Answers:
    """Tells people what became of what they asked; what Slack does not take now goes out later, over restarts too.

    Args:
        client: posts without retries of its own.
        store: where an answer waits.
    """

    def __init__(self, client: AsyncWebClient, store: Store) -> None:
        self._client = client
        self._store = store

    async def tell(self, user: str, channel: str, text: str) -> None:
        """Say a sentence to one person in a channel; where an answer of Slack's was lost, they may see it twice."""
        await self._now_or_later(
            self._client.chat_postEphemeral(channel=channel, user=user, text=text), user, channel, text
        )

    async def tell_alone(self, user: str, text: str) -> None:
        """Say a sentence to one person in their own conversation with the bot."""
        await self._now_or_later(self._client.chat_postMessage(channel=user, text=text), user, user, text)

    async def tell_later(self, user: str, channel: str, text: str) -> None:
        """Say a sentence to one person as soon as Slack takes it; `channel` may be their own id."""
        await self._store.commit(Change(postings=(late_answer(uuid4().hex, text, user=user, channel=channel),)))

    async def _now_or_later(
        self, said: Coroutine[Any, Any, AsyncSlackResponse], user: str, channel: str, text: str
    ) -> None:
        try:
            await said
        except (SlackApiError, aiohttp.ClientError, TimeoutError) as failure:
            if not is_passing(failure):
                raise
            log.info("answer.later", reason=str(failure) or type(failure).__name__)
            await self.tell_later(user, channel, text)


class SteadyRespond(AsyncRespond):
    """Answers where something was typed or clicked; what Slack does not take there is said by the bot itself, later.

    Bolt's own says nothing of a request that was answered with an error.

    Args:
        response_url: where Slack wants the answer.
        user: who asked.
        channel: where.
        answers: takes what is refused there.
    """

    def __init__(self, response_url: str | None, user: str, channel: str, answers: Answers) -> None:
        super().__init__(response_url=response_url)
        self._user, self._channel, self._answers = user, channel, answers

    async def __call__(self, *args: Any, **message: Any) -> WebhookResponse:
        """Answer; the words alone, where they have to go out later."""
        try:
            response = await super().__call__(*args, **message)
        except (aiohttp.ClientError, TimeoutError) as failure:
            log.info("answer.later", reason=str(failure) or type(failure).__name__)
            response = WebhookResponse(url=str(self.response_url), status_code=0, body="", headers={})
        text = str(message.get("text") or next(iter(args), ""))
        if text and _has_failed(response.status_code):
            await self._answers.tell_later(self._user, self._channel, text)
        return response


def _has_failed(status: int) -> bool:
    """Tell whether this status says that the same may be taken later; 0 stands for no answer at all."""
    return status in {0, TOO_MANY_REQUESTS} or status >= SERVER_ERRORS
