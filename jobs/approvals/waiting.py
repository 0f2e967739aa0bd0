"""The turns of an approval that waits: a reminder before its end, and its end."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

import structlog

from jobs.approvals.deciding import Approvals
from jobs.approvals.recording import next_turn, notice, with_approval
from jobs.approvals.records import Approval
from jobs.core.ids import approval_turn, subject_of_turn
from jobs.state.change import Change, Versioned
from jobs.state.store import Store, VersionConflict

NextAllowed = Callable[[str, float], Awaitable[float]]
"""Returns when a channel may be spoken to, at the earliest at the time given: after its quiet hours."""

OVERTAKEN: Final = 1.0
"""Seconds until a turn looks again after somebody decided during it."""

log: Final = structlog.get_logger(__name__)


class Waiting:
    """Reminds of approvals, and ends those that nobody settles in time.

    Args:
        store: where they are kept.
        approvals: ends them.
        clock: unix seconds.
        next_allowed: keeps a channel's quiet hours.
    """

    def __init__(
        self, store: Store, approvals: Approvals, clock: Callable[[], float], next_allowed: NextAllowed
    ) -> None:
        self._store = store
        self._approvals = approvals
        self._clock = clock
        self._next_allowed = next_allowed

    async def turn(self, turn_id: str) -> None:
        """Take one turn of an approval: remind, end it, or plan the next; twice has one effect.

        Args:
            turn_id: see `jobs.core.ids.approval_turn`.
        """
        subject = subject_of_turn(turn_id)
        held = await self._store.record(Approval, subject)
        if held is None or held.value.settled:
            await self._plan(turn_id, -1.0)
            return
        now = self._clock()
        if held.value.has_lapsed(now):
            ended = await self._approvals.expire(held)
            await self._plan(turn_id, -1.0 if ended else OVERTAKEN)
            return
        if held.value.reminder_at is None or now < held.value.reminder_at:
            await self._plan(turn_id, next_turn(held.value, now))
            return
        await self._remind(held, now)

    async def _remind(self, held: Versioned[Approval], now: float) -> None:
        """Remind the approvers, after the channel's quiet hours."""
        approval = held.value
        allowed = await self._next_allowed(approval.channel, now)
        if allowed > now:
            ends = approval.expires_at or allowed
            await self._plan(approval_turn(approval.subject), max(0.0, min(allowed, ends) - now))
            return
        reminded = replace(approval, reminded_at=now)
        change = Change(
            turn_of=approval_turn(approval.subject),
            next_turn=next_turn(reminded, now),
            postings=(notice(reminded, "reminder"),),
        )
        try:
            await self._store.commit(with_approval(change, held, reminded, now))
        except VersionConflict:
            log.info("turn.overtaken")
            await self._plan(approval_turn(approval.subject), OVERTAKEN)

    async def _plan(self, turn_id: str, after: float) -> None:
        await self._store.commit(Change(turn_of=turn_id, next_turn=after))
