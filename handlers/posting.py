"""Puts postings into Slack, and finds one whose answer was lost."""

import json
import time
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from handlers.blocks import Message, escape, sentence
from handlers.cards import card
from handlers.images import Pictures
from handlers.summary import comparison, summary
from handlers.thread import alert, curve, reward_curve, status
from jobs.ledger import MaybeDelivered, NotDelivered, Undeliverable
from jobs.records import Posting, PostingKind
from jobs.rft import RftJobs
from jobs.store import LedgerEntry

EVENT: Final = "proctor_posting"
SKEW: Final = 2.0
"""Seconds that Slack's clock and ours may differ."""
PAGE: Final = 200
RATE_LIMITED: Final = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
UNCERTAIN: Final = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})


class SlackPoster:
    """Shows postings in Slack; each new message carries its posting id as metadata.

    Args:
        client: posts without retries of its own: a retry inside the client posts twice.
        jobs: what the messages are about.
        pictures: draws and uploads.
        clock: unix seconds.
    """

    def __init__(
        self, client: AsyncWebClient, jobs: RftJobs, pictures: Pictures, clock: Callable[[], float] = time.time
    ) -> None:
        self._client = client
        self._jobs = jobs
        self._pictures = pictures
        self._clock = clock

    async def post(self, posting: Posting, thread: LedgerEntry | None) -> LedgerEntry:
        """Post a new message; see `jobs.ledger.Poster`."""
        message, file = await self._rendered(posting, None)
        if posting.kind is PostingKind.ANSWER:
            ts = await self._whisper(posting, message)
        else:
            answer = await _called(
                self._client.chat_postMessage(
                    channel=posting.channel,
                    text=message.text,
                    blocks=list(message.blocks) or None,
                    thread_ts=thread.ts if thread else None,
                    reply_broadcast=posting.broadcast and thread is not None,
                    metadata={"event_type": EVENT, "event_payload": {"posting": posting.id}},
                    unfurl_links=False,
                )
            )
            ts = str(answer["ts"])
        return LedgerEntry(posting.channel, ts, self._clock(), file)

    async def edit(self, posting: Posting, entry: LedgerEntry) -> LedgerEntry:
        """Bring a message up to date; see `jobs.ledger.Poster`."""
        message, file = await self._rendered(posting, entry)
        await _called(
            self._client.chat_update(
                channel=entry.channel, ts=entry.ts, text=message.text[:4000], blocks=list(message.blocks)
            )
        )
        return LedgerEntry(entry.channel, entry.ts, self._clock(), file)

    async def find(self, posting: Posting, thread: LedgerEntry | None, since: float) -> LedgerEntry | None:
        """Look for a message of ours in the history after `since`; all pages, for retries may lie behind many posts."""
        if posting.kind is PostingKind.ANSWER:
            return None  # only its reader has it; at worst they see the sentence twice
        cursor = ""
        while True:
            page = await _called(self._history(posting, thread, since, cursor))
            for message in page["messages"]:
                payload = (message.get("metadata") or {}).get("event_payload") or {}
                if payload.get("posting") == posting.id:
                    return LedgerEntry(posting.channel, str(message["ts"]), self._clock())
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return None

    async def _history(
        self, posting: Posting, thread: LedgerEntry | None, since: float, cursor: str
    ) -> AsyncSlackResponse:
        oldest = f"{since - SKEW:.6f}"
        if thread is None:
            return await self._client.conversations_history(
                channel=posting.channel, oldest=oldest, include_all_metadata=True, limit=PAGE, cursor=cursor
            )
        return await self._client.conversations_replies(
            channel=posting.channel,
            ts=thread.ts,
            oldest=oldest,
            include_all_metadata=True,
            limit=PAGE,
            cursor=cursor,
        )

    async def _whisper(self, posting: Posting, message: Message) -> str:
        assert posting.user is not None, "an answer has a reader"
        answer = await _called(
            self._client.chat_postEphemeral(channel=posting.channel, user=posting.user, text=message.text)
        )
        return str(answer["message_ts"])

    async def _rendered(self, posting: Posting, entry: LedgerEntry | None) -> tuple[Message, str | None]:
        """Return how the posting looks now, and the file id of its picture."""
        if posting.kind is PostingKind.ANSWER:
            return sentence(escape(posting.text or "")), None
        if posting.kind in {PostingKind.EVAL_CARD, PostingKind.EVAL_RESULT}:
            raise Undeliverable("this version has no words for evals")
        view = await self._jobs.view(posting.subject)
        match posting.kind:
            case PostingKind.CARD:
                return card(view, self._clock()), None
            case PostingKind.CURVE:
                file = await self._pictures.file_of(reward_curve(view), f"reward-curve-{view.job.id}")
                return curve(view, file), file
            case PostingKind.ALERT:
                assert posting.alert is not None, "an alert posting names its alert"
                return alert(view.job, view.job.alerts[posting.alert]), None
            case PostingKind.STATUS:
                return status(view.job, posting.text or "", posting.user), None
            case PostingKind.SUMMARY:
                # Decisions change the words, not the picture.
                kept = entry.file if entry else None
                file = kept or await self._pictures.file_of(comparison(view), f"checkpoints-{view.job.id}")
                return summary(view, file), file


async def _called(call: Awaitable[AsyncSlackResponse]) -> AsyncSlackResponse:
    """Await a Slack call; say of a failure whether the call took effect."""
    try:
        return await call
    except SlackApiError as error:
        _explain(error)
    except aiohttp.ClientConnectorError as error:
        raise NotDelivered(f"no connection to Slack: {error}", 2.0) from error
    except (aiohttp.ClientError, TimeoutError, json.JSONDecodeError) as error:
        raise MaybeDelivered(f"{type(error).__name__}: {error}") from error


def _explain(error: SlackApiError) -> NoReturn:
    response = error.response
    name = str(response.get("error") or "no reason")
    if response.status_code == 429 or name in RATE_LIMITED:
        raise NotDelivered(name, float(response.headers.get("Retry-After") or 1)) from error
    if response.status_code >= 500 or name in UNCERTAIN:
        raise MaybeDelivered(f"{response.status_code} {name}") from error
    problems = (response.get("response_metadata") or {}).get("messages") or []
    raise Undeliverable(" ".join([name, *map(str, problems)])) from error
