"""The right to work on what is due: one worker at a time, for as long as it gives a sign of life."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Final
from uuid import uuid4

import structlog

from jobs.core.errors import UnreadableRecord
from jobs.state.store import Store

LONGEST: Final = 1800.0
"""Seconds after which a work item is taken to hang, and may be begun again: three uploads at their longest."""

log: Final = structlog.get_logger(__name__)


class Lease:
    """The lease under which claimed work is done.

    Args:
        store: where the lease is.
        subject: whose work it is.
        token: of the claim that the work was handed over under.
        seconds: how long it lasts without being renewed.
        renew_every: seconds between two renewals; a third of `seconds` by default.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        store: Store,
        subject: str,
        token: str,
        seconds: float,
        renew_every: float | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.renew_every = renew_every or seconds / 3
        self._store = store
        self._subject = subject
        self._token = token
        self._seconds = seconds
        self._clock = clock
        self._renewed = -math.inf
        self._advanced = False

    @property
    def is_valid(self) -> bool:
        """True while nobody else can have it; needs no answer from the store."""
        return self._clock() < self._renewed + self._seconds

    async def take(self) -> bool:
        """Make the claim this worker's alone; False where another has it, be it one who was handed the same claim."""
        claim, self._token = self._token, uuid4().hex
        return await self._hold(claim)

    async def keep(self, *, advanced: bool = False) -> bool:
        """Renew it where that is due; False where it is lost.

        Args:
            advanced: the work has got further since it was handed over, so that its attempts do not count as failed.
        """
        is_news = advanced and not self._advanced
        if not is_news and self._clock() < self._renewed + self.renew_every:
            return True
        return self.is_valid and await self._hold(self._token, advanced=advanced)

    async def renew(self) -> bool:
        """Renew it now; False where it is lost, or was given back with the result."""
        return await self._hold(self._token)

    async def _hold(self, token: str, *, advanced: bool = False) -> bool:
        asked = self._clock()
        held = await self._store.hold(self._subject, token, self._token, lease=self._seconds, further=advanced)
        if held:
            self._renewed = asked
            self._advanced = self._advanced or advanced
        return held


@asynccontextmanager
async def kept(store: Store, subject: str, token: str, seconds: float) -> AsyncIterator[None]:
    """Renew the lease of claimed work as long as the context lasts, at most `LONGEST` seconds."""
    lease = Lease(store, subject, token, seconds)
    renewing = asyncio.create_task(_renew(lease, subject), name=f"lease of {subject}")
    try:
        async with left_to_newer(store, subject, token, seconds):
            yield
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)


@asynccontextmanager
async def left_to_newer(store: Store, item: str, token: str, lease: float) -> AsyncIterator[None]:
    """Leave a work item that this version cannot read to a newer bot, for which the attempt must not count as failed.

    Args:
        store: where the lease is.
        item: the work item.
        token: of the claim.
        lease: seconds until another bot may take it up.
    """
    try:
        yield
    except UnreadableRecord as newer:
        log.warning("work.left_to_a_newer_bot", item=item, reason=str(newer))
        await store.hold(item, token, token, lease=lease, further=True)


async def _renew(lease: Lease, subject: str) -> None:
    for _ in range(int(LONGEST / lease.renew_every)):
        await asyncio.sleep(lease.renew_every)
        if not await lease.renew():
            return
    log.warning("work.hangs", item=subject, seconds=LONGEST)
