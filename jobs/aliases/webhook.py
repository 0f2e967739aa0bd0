"""Telling an address of each move of an alias: at least once, over restarts, for about a day.

The body is JSON: what the page says of the alias, with was (the model before, or null) and kind. Calls may come twice
and out of order: the highest version is what is so. Headers:

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
from jobs.core.records import Job, Posting
from jobs.state.change import Change, Versioned
from jobs.state.store import Store, VersionConflict
from jobs.training.postings import status

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


@dataclass(frozen=True, slots=True)
class HttpSender:
    """Sends signed bodies to one address; redirects are not followed."""

    url: str
    secret: bytes
    timeout: float = TIMEOUT
    """Seconds for one call."""

    async def send(self, delivery: str, body: bytes, at: int) -> Reply:
        """Send one body; a call that is not answered is a reply too."""
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "proctor",
            "X-Proctor-Delivery": delivery,
            "X-Proctor-Timestamp": str(at),
            "X-Proctor-Signature": f"v1={signature(self.secret, at, body)}",
        }
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self.timeout)) as session,
                session.post(self.url, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                return Reply(200 <= answer.status < 300, f"status {answer.status}", _asked_to_wait(answer))
        except TimeoutError:
            return Reply(taken=False, words=f"no answer within {self.timeout:g} s")
        except aiohttp.ClientError as failure:
            return Reply(taken=False, words=f"no connection ({type(failure).__name__})")


@dataclass(frozen=True, slots=True)
class Webhook:
    """Makes webhook calls."""

    store: Store
    sender: HttpSender | None
    """None if no address is set any more."""
    clock: Callable[[], float]
    """Unix seconds."""

    async def turn(self, item: str) -> None:
        """Send one call, and plan the next attempt if it was not taken.

        If it dies between the answer and the note of it, the call is sent again; the receiver knows it by its delivery
        id.
        """
        call_id = subject_of_item(item)
        held = await self.store.record(WebhookCall, call_id)
        alias = await self.store.record(Alias, held.value.alias) if held else None
        if held is None or alias is None or held.value.delivered_at or held.value.given_up_at or self.sender is None:
            await self.store.commit(Change(item=item, due_in=-1))
            return
        move = alias.value.move(held.value.version)
        reply = await self.sender.send(call_id, body_of(alias.value, move), int(self.clock()))
        log.info("webhook.sent", delivery=call_id, taken=reply.taken, answer=reply.words)
        with suppress(VersionConflict):  # another attempt was quicker, and has noted its result
            await self.store.commit(await self._after(held, alias.value, move, reply))

    async def _after(self, held: Versioned[WebhookCall], alias: Alias, move: AliasMove, reply: Reply) -> Change:
        now = self.clock()
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
        job = await self.store.record(Job, move.target.job)
        text = (
            f"The webhook did not take the move of {alias.name} to step {move.target.step} in {call.attempts} attempts "
            f"over a day; the last answer was: {call.last_answer}. Whoever relies on it may use the model before. "
            f"GET /aliases/{alias.name} says where it points."
        )
        return (replace(status(job.value, text), id=f"alias:{call.id}:webhook", broadcast=True),) if job else ()


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
