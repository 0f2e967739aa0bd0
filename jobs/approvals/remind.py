"""The work items of an approval that waits: a reminder before its end, and its end."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from jobs.approvals.change import due_in, notice, with_approval
from jobs.approvals.decide import Approvals
from jobs.approvals.records import Approval
from jobs.core.ids import subject_of_item
from jobs.state.change import Change, Versioned
from jobs.state.store import Store, retry_on_conflict

NextAllowed = Callable[[str, float], Awaitable[float]]
"""Returns when a channel may be spoken to, at the earliest at the time given: after its quiet hours."""


@dataclass(frozen=True, slots=True)
class Reminders:
    """Reminds of approvals, and ends those that nobody settles in time."""

    store: Store
    approvals: Approvals
    clock: Callable[[], float]
    """Unix seconds."""
    next_allowed: NextAllowed

    async def turn(self, item: str) -> None:
        """Remind of an approval, end it, or plan its next work item; twice has one effect."""

        async def step() -> None:
            held = await self.store.record(Approval, subject_of_item(item))
            change = await self._next(held) if held else Change(due_in=-1.0)
            await self.store.commit(replace(change, item=item))

        await retry_on_conflict(step)

    async def _next(self, held: Versioned[Approval]) -> Change:
        now, approval = self.clock(), held.value
        if approval.has_lapsed(now):
            return replace(await self.approvals.expiry(held), due_in=-1.0)
        if approval.settled or approval.reminder_at is None or now < approval.reminder_at:
            return Change(due_in=due_in(approval, now))
        allowed = await self.next_allowed(approval.channel, now)
        if allowed > now:
            return Change(due_in=max(0.0, min(allowed, approval.expires_at or allowed) - now))
        reminded = replace(approval, reminded_at=now)
        change = Change(due_in=due_in(reminded, now), postings=(notice(reminded, "reminder"),))
        return with_approval(change, held, reminded, now)
