"""The work items of an approval that waits: a reminder before its end, and its end."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from jobs.approvals.change import due_in, notice, with_approval
from jobs.approvals.decide import Approvals
from jobs.approvals.records import Approval
from jobs.core.ids import subject_of_item
from jobs.state.change import Change, Versioned
from jobs.state.store import Store, retry_on_conflict

NextAllowed = Callable[[str, float], Awaitable[float]]
"""Returns when a channel may be spoken to, at the earliest at the time given: after its quiet hours."""


class Reminders:
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
        """Remind of an approval, end it, or plan its next work item; twice has one effect.

        Args:
            turn_id: see `jobs.core.ids.approval_item`.
        """

        async def step() -> None:
            held = await self._store.record(Approval, subject_of_item(turn_id))
            change = await self._next(held) if held else Change(due_in=-1.0)
            await self._store.commit(replace(change, item=turn_id))

        await retry_on_conflict(step)

    async def _next(self, held: Versioned[Approval]) -> Change:
        now, approval = self._clock(), held.value
        if approval.has_lapsed(now):
            return replace(await self._approvals.expiry(held), due_in=-1.0)
        if approval.settled or approval.reminder_at is None or now < approval.reminder_at:
            return Change(due_in=due_in(approval, now))
        allowed = await self._next_allowed(approval.channel, now)
        if allowed > now:
            return Change(due_in=max(0.0, min(allowed, approval.expires_at or allowed) - now))
        reminded = replace(approval, reminded_at=now)
        change = Change(due_in=due_in(reminded, now), postings=(notice(reminded, "reminder"),))
        return with_approval(change, held, reminded, now)
