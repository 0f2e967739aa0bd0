"""Puts postings into Slack, and finds one whose answer was lost."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from handlers.render import Rendered, Renderer
from handlers.slack.blocks import Message, without
from handlers.slack.files import upload
from jobs.core.records import Posting, PostingKind
from jobs.notifications.service import Quiet
from jobs.outbox.worker import MaybeDelivered, NotDelivered, Undeliverable
from jobs.state.store import LedgerEntry

EVENT: Final = "proctor_posting"
SKEW: Final = 2.0
"""Seconds that Slack's clock and ours may differ."""
PAGE: Final = 200
NO_FILE: Final = "invalid slack file"
"""Slack's error for an image block whose file it does not have."""
PREPARE_AGAIN: Final = 5.0
RATE_LIMITED: Final = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
UNCERTAIN: Final = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})

log: Final = structlog.get_logger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SlackPoster:
    """Shows postings in Slack; each new message carries its posting id as metadata.

    `client` must not retry: a retry inside the client posts twice.
    """

    client: AsyncWebClient
    renderer: Renderer
    quiet: Quiet
    clock: Callable[[], float] = time.time
    """Unix seconds."""

    async def post(self, posting: Posting, thread: LedgerEntry | None) -> LedgerEntry:
        """Post a new message; see `jobs.outbox.worker.Poster`."""
        visibility = await _prepared(self.quiet.visibility(posting))
        shown = await _prepared(self.renderer.render(posting, None, visibility.mentions))
        message = shown.message
        if posting.kind is PostingKind.ANSWER:
            ts = await self._whisper(posting, message)
        elif shown.attachment:
            ts = await self._share(posting, shown.attachment, message, thread)
        else:
            answer = await _show(
                shown,
                lambda message: self.client.chat_postMessage(
                    channel=posting.channel,
                    text=message.text,
                    blocks=list(message.blocks) or None,
                    thread_ts=thread.ts if thread else None,
                    reply_broadcast=visibility.broadcast and thread is not None,
                    metadata={"event_type": EVENT, "event_payload": {"posting": posting.id}},
                    unfurl_links=False,
                ),
            )
            ts = str(answer["ts"])
        return LedgerEntry(posting.channel, ts, self.clock(), shown.file)

    async def edit(self, posting: Posting, entry: LedgerEntry) -> LedgerEntry:
        """Bring a message up to date; see `jobs.outbox.worker.Poster`."""
        shown = await _prepared(self.renderer.render(posting, entry))
        await _show(
            shown,
            lambda message: self.client.chat_update(
                channel=entry.channel, ts=entry.ts, text=message.text[:4000], blocks=list(message.blocks)
            ),
        )
        return LedgerEntry(entry.channel, entry.ts, self.clock(), shown.file)

    async def find(self, posting: Posting, thread: LedgerEntry | None, since: float) -> LedgerEntry | None:
        """Look for a message of ours in the history after `since`; all pages, for retries may lie behind many posts."""
        if posting.kind is PostingKind.ANSWER:
            return None  # only its reader has it; at worst they see the sentence twice
        cursor = ""
        while True:
            page = await _called(self._history(posting, thread, since, cursor))
            for message in page["messages"]:
                payload = (message.get("metadata") or {}).get("event_payload") or {}
                files = {file.get("name") for file in message.get("files") or []}
                if payload.get("posting") == posting.id or attachment_name(posting) in files:
                    return LedgerEntry(posting.channel, str(message["ts"]), self.clock())
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return None

    def _history(
        self, posting: Posting, thread: LedgerEntry | None, since: float, cursor: str
    ) -> Awaitable[AsyncSlackResponse]:
        oldest = f"{since - SKEW:.6f}"
        page: dict[str, Any] = {"oldest": oldest, "include_all_metadata": True, "limit": PAGE, "cursor": cursor}
        if thread is None:
            return self.client.conversations_history(channel=posting.channel, **page)
        return self.client.conversations_replies(channel=posting.channel, ts=thread.ts, **page)

    async def _share(self, posting: Posting, file: Path, comment: Message, thread: LedgerEntry | None) -> str:
        """Put a file into the thread; Slack makes the message, which is found by the file's name, not by metadata."""
        name, content = attachment_name(posting), await asyncio.to_thread(file.read_bytes)
        try:
            uploaded = await upload(self.client, name, content, seconds=60)
        except SlackApiError as error:
            _raise_outcome(error)
        except (aiohttp.ClientError, TimeoutError) as failure:
            raise NotDelivered(f"upload failed: {failure}", PREPARE_AGAIN) from failure
        await _called(
            self.client.files_completeUploadExternal(
                files=[{"id": uploaded, "title": name}],
                channel_id=posting.channel,
                thread_ts=thread.ts if thread else None,
                initial_comment=comment.text,
            )
        )
        return ""  # Slack does not say where the message stands, and nothing of ours edits it

    async def _whisper(self, posting: Posting, message: Message) -> str:
        """Show an answer where it was asked for or, where Slack does not take it there, in a direct message."""
        assert posting.user is not None, "an answer has a reader"
        direct = partial(self.client.chat_postMessage, channel=posting.user, text=message.text)
        if posting.channel == posting.user:
            return str((await _called(direct()))["ts"])
        try:
            answer = await _called(
                self.client.chat_postEphemeral(channel=posting.channel, user=posting.user, text=message.text)
            )
            return str(answer["message_ts"])
        except Undeliverable as refused:
            log.info("answer.in_direct_message", reason=str(refused))
            try:
                return str((await _called(direct()))["ts"])
            except Undeliverable:
                raise refused from None


def attachment_name(posting: Posting) -> str:
    """Return the name of the file a posting puts into its thread: one for each posting, so that it can be found."""
    if posting.kind is PostingKind.EVAL_EXPORT:
        return (posting.text or "").partition("/")[2]
    return f"{posting.text or posting.subject}.html"


async def _show(shown: Rendered, show: Callable[[Message], Awaitable[AsyncSlackResponse]]) -> AsyncSlackResponse:
    """Show a message; without its picture if Slack does not have that any more, since somebody deleted the file."""
    try:
        return await _called(show(shown.message))
    except Undeliverable as refused:
        if shown.file is None or NO_FILE not in str(refused):
            raise
        return await _called(show(without(shown.message, "image")))


async def _prepared(preparing: Awaitable[T]) -> T:
    """Await what has to be known or drawn before a message is posted, such as who is in a group."""
    try:
        return await preparing
    except (SlackApiError, aiohttp.ClientError, TimeoutError) as failure:
        raise NotDelivered(f"not known what to show: {failure}", PREPARE_AGAIN) from failure


async def _called(call: Awaitable[AsyncSlackResponse]) -> AsyncSlackResponse:
    """Await a Slack call; a failure is raised as what it means: delivered perhaps, certainly not, or never."""
    try:
        return await call
    except SlackApiError as error:
        _raise_outcome(error)
    except aiohttp.ClientConnectorError as error:
        raise NotDelivered(f"no connection to Slack: {error}", 2.0) from error
    except (aiohttp.ClientError, TimeoutError, json.JSONDecodeError) as error:
        raise MaybeDelivered(f"{type(error).__name__}: {error}") from error


def _raise_outcome(error: SlackApiError) -> NoReturn:
    """Raise what an error of Slack means for a delivery."""
    response = error.response
    name = str(response.get("error") or "no reason")
    if response.status_code == 429 or name in RATE_LIMITED:
        raise NotDelivered(name, float(response.headers.get("Retry-After") or 1)) from error
    if response.status_code >= 500 or name in UNCERTAIN:
        raise MaybeDelivered(f"{response.status_code} {name}") from error
    problems = (response.get("response_metadata") or {}).get("messages") or []
    raise Undeliverable(" ".join([name, *map(str, problems)])) from error
