"""What people asked in Slack, stored before it is acknowledged and kept until it is answered.

Keys, next to those of the store:

    {proctor}:envelope:<id>          hash body (JSON, as Slack sent it), at (ms), user, ordered, pool, by (the write
                                     that stored it), accepted, noticed (ms; another bot found it before it was
                                     accepted), begun (the newest attempt), took_effect; for ten minutes after its end
                                     only `ended`, by which it is known when it is delivered again
    {proctor}:asked:<user>           list, id of each envelope that is worked off in this person's order
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, cast
from uuid import uuid4

import structlog

from jobs.core.ids import ASK, ASKS, kind_of_item, subject_of_item
from jobs.state.connection import AWAY, REFUSED, Connection

LONGEST_WAIT: Final = 1.0
"""Seconds that an acknowledgement waits for Redis; Slack wants it within 3."""
REPLY: Final = 0.2
"""Of these, the seconds that are left for the reply: the server stores nothing in them."""
UNACKNOWLEDGED: Final = 3.0
"""Seconds for which an envelope waits for its acknowledgement, once another bot could begin it, before it does."""
TRACE: Final = 600.0
"""Seconds for which an envelope that was answered is known when it is delivered again."""
MOST_AT_ONCE: Final = 1000
"""Envelopes in one write."""
TRY_AGAIN: Final = 0.2
"""Seconds between two writes while Redis is away."""

log: Final = structlog.get_logger(__name__)


class NotKept(Exception):
    """What was asked could not be stored in time, and will not be done."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a person asked, as Slack delivered it."""

    id: str
    """The same each time it is delivered."""
    user: str
    body: Mapping[str, Any]
    pool: str
    """Of the queue, that works it off."""
    in_order: bool
    """Whether it waits for what the same person asked before."""

    @property
    def item(self) -> str:
        """The work item that works it off."""
        return f"{ASKS}:{self.user}" if self.in_order else f"{ASK}:{self.id}"


@dataclass(frozen=True, slots=True)
class Begun:
    """An envelope that is being worked off."""

    id: str
    user: str
    body: Mapping[str, Any]
    again: bool = False
    """Whether it was begun before, by somebody who did not get to its end."""
    took_effect: bool = False
    """Whether something that it asked for was committed then."""


@dataclass(frozen=True, slots=True)
class Moved:
    """The next envelope belongs to another pool, where it is due."""


@dataclass(frozen=True, slots=True)
class Early:
    """The next envelope may not have been acknowledged yet."""

    seconds: float
    """After which it may be begun at the latest."""


class Answer(StrEnum):
    """What became of an envelope in one write."""

    KEPT = "kept"
    KNOWN = "known"
    """It was delivered before."""
    LATE = "late"


@dataclass(slots=True, eq=False)
class _Waiting:
    envelope: Envelope
    until: float
    answer: asyncio.Future[Answer]

    @property
    def is_waiting(self) -> bool:
        """Whether somebody waits for the answer."""
        return not self.answer.done()


@dataclass(slots=True)
class _Write:
    """One write."""

    waiting: list[_Waiting]
    accepted: list[str]
    refused: list[str]
    token: str = field(default_factory=lambda: uuid4().hex)


class Envelopes:
    """The envelopes in Redis.

    While a write is on its way, what arrives waits for the next one, which takes all of it.

    Args:
        connection: for whoever works them off.
        quick: the same for whoever waits to acknowledge; used for nothing else.
        due: called when some may be begun.
        longest_wait: seconds that `keep` takes at most.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        connection: Connection,
        quick: Connection,
        due: Callable[[], object],
        *,
        longest_wait: float = LONGEST_WAIT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = quick.redis
        self._receive = quick.script("queue", "receive")
        self._begin = connection.script("queue", "begin_envelope")
        self._end = connection.script("queue", "end_envelope")
        self._due = due
        self._longest_wait = longest_wait
        self._clock = clock
        self._ahead: float | None = None
        """Seconds that the server's clock is ahead of ours, at least."""
        self._waiting: list[_Waiting] = []
        self._accepted: list[str] = []
        self._refused: list[str] = []
        self._nothing_refused = asyncio.Event()
        self._nothing_refused.set()
        self._writing: asyncio.Task[None] | None = None

    async def keep(self, envelope: Envelope) -> bool:
        """Store an envelope; False if it was delivered before.

        Raises:
            NotKept: it is not stored, and certainly will not be worked off.
        """
        until = self._clock() + self._longest_wait
        waiting = _Waiting(envelope, until, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._write_soon()
        try:
            async with asyncio.timeout(self._longest_wait):
                answer = await waiting.answer
        except TimeoutError:
            if waiting.answer.cancelled():
                self._refuse(waiting)
                raise NotKept(envelope.id) from None
            answer = waiting.answer.result()  # it arrived in the same moment
        return answer is Answer.KEPT

    async def begin(self, item: str, pool: str, *, mine: bool = False) -> Begun | Early | Moved | None:
        """Begin the next envelope of a work item; None where nothing is left to do in this pool.

        Args:
            item: one envelope's own, or that of all of a person's that are worked off in their order.
            pool: whose slot the work takes.
            mine: this process has acknowledged it.
        """
        await self._nothing_refused.wait()  # what was refused must not be begun
        one, user = ("", subject_of_item(item)) if kind_of_item(item) == ASKS else (subject_of_item(item), "")
        found = await self._begin(uuid4().hex, pool, one, user, _milliseconds(UNACKNOWLEDGED), int(mine))
        match found:
            case ["begun", str(envelope), str(asker), str(body), again, took_effect]:
                read = _read(body)
                if read is not None:
                    return Begun(envelope, asker, read, again=again == "1", took_effect=took_effect == "1")
                log.error("envelope.strange", envelope=envelope)
                await self.end(Begun(envelope, asker, {}))
                return await self.begin(item, pool, mine=mine)
            case ["early", int(left)]:
                return Early(left / 1000)
            case ["moved"]:
                return Moved()
            case _:
                return None

    async def end(self, begun: Begun) -> None:
        """Forget an envelope that was answered, except that it was."""
        await self._end(begun.id, begun.user, _milliseconds(TRACE))

    async def close(self) -> None:
        """Write nothing more."""
        if self._writing:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)

    # -- inside ------------------------------------------------------------------------------------------------------

    def _refuse(self, waiting: _Waiting) -> None:
        """Have an envelope taken back that may have been stored."""
        if waiting in self._waiting:
            self._waiting.remove(waiting)  # it never left
        else:
            self._refused.append(waiting.envelope.id)
            self._nothing_refused.clear()
            self._write_soon()

    def _write_soon(self) -> None:
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all(), name="envelopes")

    async def _write_all(self) -> None:
        while self._waiting or self._accepted or self._refused:
            write = self._next_write()
            try:
                answers = await self._send(write)
            except (*AWAY, REFUSED) as failure:
                self._not_sent(write, failure)
                await asyncio.sleep(TRY_AGAIN)
            except Exception as fault:  # those who wait are told at once, and the next write is another
                log.error("envelopes.not_written", exc_info=fault)
                for waiting in write.waiting:
                    if waiting.is_waiting:
                        waiting.answer.set_exception(NotKept(waiting.envelope.id))
                        self._refused.append(waiting.envelope.id)
                        self._nothing_refused.clear()
                await asyncio.sleep(TRY_AGAIN)
            else:
                self._sent(write, answers)

    def _next_write(self) -> _Write:
        most = MOST_AT_ONCE
        write = _Write(self._waiting[:most], self._accepted[:most], self._refused[:most])
        del self._waiting[:most], self._accepted[:most], self._refused[:most]
        return write

    async def _send(self, write: _Write) -> list[Answer]:
        if self._ahead is None:
            seconds, micros = await self._redis.time()
            self._ahead = seconds + micros / 1e6 - self._clock()
        args: list[str | int] = [write.token, _milliseconds(UNACKNOWLEDGED), _milliseconds(TRACE)]
        args += [len(write.accepted), len(write.refused), *write.accepted, *write.refused]
        for each in write.waiting:
            envelope, latest = each.envelope, _milliseconds(each.until - REPLY + self._ahead)
            ordered = "1" if envelope.in_order else ""
            args += [envelope.id, latest, envelope.user, ordered, envelope.pool, _text(envelope.body)]
        asked = self._clock()
        now, answers = cast("tuple[int, list[str]]", await self._receive(*args))
        if self._clock() - asked < REPLY:
            self._ahead = now / 1000 - self._clock()
        return [Answer(answer) for answer in answers]

    def _sent(self, write: _Write, answers: list[Answer]) -> None:
        if not self._refused:
            self._nothing_refused.set()
        if write.accepted:
            self._due()
        # Whoever is done waiting was refused.
        answered = [(each, answer) for each, answer in zip(write.waiting, answers, strict=True) if each.is_waiting]
        for waiting, answer in answered:
            if answer is not Answer.LATE:
                waiting.answer.set_result(answer)
                self._accepted += [waiting.envelope.id] if answer is Answer.KEPT else []
            elif self._clock() >= waiting.until - REPLY:
                waiting.answer.set_exception(NotKept(waiting.envelope.id))
        # Who still has time was late by a server's clock that was misjudged.
        self._waiting[:0] = [each for each in write.waiting if each.is_waiting]

    def _not_sent(self, write: _Write, failure: Exception) -> None:
        if write.waiting:
            reason = str(failure) or type(failure).__name__
            log.warning("envelopes.not_written", count=len(write.waiting), reason=reason)
        self._accepted = [*write.accepted, *self._accepted]
        # It may be stored all the same, where only the reply was lost.
        self._refused = [*write.refused, *(each.envelope.id for each in write.waiting), *self._refused]
        self._nothing_refused.clear()
        for waiting in write.waiting:
            if waiting.is_waiting:
                waiting.answer.set_exception(NotKept(waiting.envelope.id))


def _read(text: str) -> Mapping[str, Any] | None:
    """Return the body of an envelope; None where somebody else wrote it."""
    try:
        body = json.loads(text)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _text(body: Mapping[str, Any]) -> str:
    return json.dumps(body, separators=(",", ":"))  # in ASCII: half a character, such as a cut emoji, is no UTF-8


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)
