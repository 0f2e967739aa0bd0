"""Telling an address of each move of an alias: at least once, over restarts, for about a day.

The body is JSON: alias, version, model, platform, job, step, since (ISO 8601, UTC), was (the model before, or null) and
kind. Calls may come twice and out of order: the highest version is what is so. Headers:

    X-Proctor-Delivery    <alias>:<version>, the same each time that one change is sent
    X-Proctor-Timestamp   unix seconds of this attempt; refuse what is older than a few minutes
    X-Proctor-Signature   v1=<hex>, HMAC-SHA256 with ALIAS_WEBHOOK_SECRET over <timestamp>.<body>

Any 2xx answer within 10 s takes the change. Anything else, a redirect too, is tried again after 1, 2, 4 ... 900 s.
"""

import hashlib
import hmac
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

import aiohttp
import structlog

from jobs.aliases.records import Alias, AliasMove, WebhookCall
from jobs.core.ids import subject_of_item, webhook_item
from jobs.core.records import Job, Posting, PostingKind
from jobs.state.change import Change, Versioned
from jobs.state.store import Store, VersionConflict

TIMEOUT: Final = 10.0
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 900.0
LONGEST_ASKED: Final = 3600.0
"""Seconds that the other side can ask to wait with Retry-After."""
GIVE_UP: Final = 86_400.0
MOST_DOUBLINGS: Final = 20

log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the address answered to one call."""

    taken: bool
    words: str
    """The status, or why there was no answer."""
    retry_after: float = 0.0


class HttpSender:
    """Sends bodies to one address; redirects are not followed.

    Args:
        url: where to.
        secret: what signs them.
        timeout: seconds for one call.
    """

    def __init__(self, url: str, secret: bytes, *, timeout: float = TIMEOUT) -> None:
        self._url = url
        self._secret = secret
        self._timeout = aiohttp.ClientTimeout(total=timeout)

    async def send(self, delivery: str, body: bytes, at: int) -> Reply:
        """Send one body; a call that is not answered is a reply too."""
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "proctor",
            "X-Proctor-Delivery": delivery,
            "X-Proctor-Timestamp": str(at),
            "X-Proctor-Signature": f"v1={signature(self._secret, at, body)}",
        }
        try:
            async with (
                aiohttp.ClientSession(timeout=self._timeout) as session,
                session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                return Reply(200 <= answer.status < 300, f"status {answer.status}", _asked_to_wait(answer))
        except TimeoutError:
            return Reply(taken=False, words=f"no answer within {self._timeout.total:g} s")
        except aiohttp.ClientError as failure:
            return Reply(taken=False, words=f"no connection ({type(failure).__name__})")


class Webhook:
    """Takes the turns of webhook calls.

    Args:
        store: where calls are kept.
        sender: sends one; None where no address is set any more.
        clock: unix seconds.
    """

    def __init__(self, store: Store, sender: HttpSender | None, clock: Callable[[], float]) -> None:
        self._store = store
        self._sender = sender
        self._clock = clock

    async def turn(self, turn_id: str) -> None:
        """Send one call, and plan the next attempt where it was not taken.

        A turn that dies between the answer and the note of it sends the call again; the receiver knows it by its
        delivery id.

        Args:
            turn_id: see `jobs.core.ids.webhook_item`.
        """
        call_id = subject_of_item(turn_id)
        held = await self._store.record(WebhookCall, call_id)
        alias = await self._store.record(Alias, held.value.alias) if held else None
        if held is None or alias is None or held.value.delivered_at or held.value.given_up_at or self._sender is None:
            await self._store.commit(Change(item=turn_id, due_in=-1))
            return
        move = alias.value.move(held.value.version)
        reply = await self._sender.send(call_id, body_of(alias.value, move), int(self._clock()))
        log.info("webhook.sent", delivery=call_id, taken=reply.taken, answer=reply.words)
        with suppress(VersionConflict):  # another attempt was quicker, and has noted its result
            await self._store.commit(await self._after(held, alias.value, move, reply))

    async def _after(self, held: Versioned[WebhookCall], alias: Alias, move: AliasMove, reply: Reply) -> Change:
        now = self._clock()
        call = replace(held.value, attempts=held.value.attempts + 1, last_answer=reply.words)
        wait, postings = -1.0, tuple[Posting, ...]()
        if reply.taken:
            call = replace(call, delivered_at=now)
        elif now - call.made_at >= GIVE_UP:
            call = replace(call, given_up_at=now)
            postings = await self._gave_up(call, alias, move)
        else:
            wait = max(pause_after(call.attempts), reply.retry_after)
        return Change(
            records=(Versioned(call, held.version),), item=webhook_item(call.id), due_in=wait, postings=postings
        )

    async def _gave_up(self, call: WebhookCall, alias: Alias, move: AliasMove) -> tuple[Posting, ...]:
        job = await self._store.record(Job, move.target.job)
        if job is None:
            return ()
        text = (
            f"The webhook did not take the move of {alias.name} to step {move.target.step} in {call.attempts} attempts "
            f"over a day; the last one came to: {call.last_answer}. Whoever relies on it may use the model before. "
            f"What is so stands at GET /aliases/{alias.name}."
        )
        posting = Posting(
            id=f"alias:{call.id}:webhook",
            kind=PostingKind.STATUS,
            lane=f"thread:{job.value.id}",
            subject=job.value.id,
            channel=job.value.request.channel,
            text=text,
            broadcast=True,
        )
        return (posting,)


def body_of(alias: Alias, move: AliasMove) -> bytes:
    """Return the JSON that tells of a move, the same bytes each time: as the page did then, with `was` and `kind`."""
    before = alias.before(move)
    plain = {**alias.as_json(move), "was": before.target.model if before else None, "kind": move.kind.value}
    return json.dumps(plain, separators=(",", ":")).encode()


def signature(secret: bytes, at: int, body: bytes) -> str:
    """Return the hex HMAC-SHA256 over `<timestamp>.<body>`."""
    return hmac.new(secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def pause_after(attempts: int) -> float:
    """Return the seconds before the next attempt: doubled each time, up to a quarter of an hour."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempts - 1, MOST_DOUBLINGS))


def _asked_to_wait(answer: aiohttp.ClientResponse) -> float:
    """Return the seconds of a Retry-After; a date, or none, counts as nothing asked."""
    asked = answer.headers.get("Retry-After", "")
    return min(LONGEST_ASKED, float(asked)) if asked.isascii() and asked.isdigit() else 0.0
