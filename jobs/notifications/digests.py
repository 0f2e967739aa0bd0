"""Posts what quiet hours kept back when they end, and once a day a digest of what happened.

Both go through the outbox under an id that says which hours, or which day, they belong to.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

import structlog

from jobs.approvals.records import Approval
from jobs.core.ids import digest_item, subject_of_item
from jobs.core.records import Job, Posting, PostingKind
from jobs.evals.records import Eval
from jobs.notifications.parse import local_date
from jobs.notifications.quiet_hours import quiet_until
from jobs.notifications.records import ChannelPreferences, Digest, DigestPlan, HeldBack
from jobs.notifications.service import preferences_of
from jobs.state.change import Change, Versioned
from jobs.state.store import Store, VersionConflict, retried_on_conflict

DAY: Final = 86400.0
LATEST: Final = 12 * 3600.0
"""Seconds after its hour up to which a digest is still worth posting."""
RECENT: Final = 500
"""Newest jobs, evals and approvals that a digest searches."""

NextDaily = Callable[[int, str, float], float]
"""Returns when a time of day (minutes after midnight) comes next in a zone, after a moment (unix seconds)."""

log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Digests:
    """Plans and posts daily digests, and what quiet hours kept back."""

    store: Store
    next_daily: NextDaily
    """The calendar."""
    clock: Callable[[], float]

    @retried_on_conflict
    async def plan(self, channel: str, at: int, zone: str, *, by: str, even_if_empty: bool) -> DigestPlan:
        """Let a channel have a digest each day at `at` minutes after midnight in a zone; return the plan."""
        held, now = await preferences_of(self.store, ChannelPreferences, channel), self.clock()
        plan = DigestPlan(at, zone, by, self._next(at, zone, now, held.value.posted_on), even_if_empty)
        await self._write(held, plan, plan.next_at - now)
        return plan

    @retried_on_conflict
    async def stop(self, channel: str) -> DigestPlan | None:
        """End a channel's daily digest; return what was planned."""
        held = await preferences_of(self.store, ChannelPreferences, channel)
        if held.value.digest:
            await self._write(held, None, -1)
        return held.value.digest

    async def post_now(self, channel: str, trigger: str, by: str) -> None:
        """Post a digest now, next to the daily one; the same trigger posts once."""
        held = await preferences_of(self.store, ChannelPreferences, channel)
        digest = replace(await self._gather(f"{channel}:now:{trigger}", held.value, self.clock()), asked_by=by)
        with suppress(VersionConflict):
            await self.store.commit(Change(records=(Versioned(digest, 0),), postings=(_posting("digest", digest),)))

    # -- work items -----------------------------------------------------------------------------------------------

    @retried_on_conflict
    async def post_due(self, subject: str) -> None:
        """Do the work item `digest:<channel>`: post what is due, once a day, and plan the next."""
        held = await preferences_of(self.store, ChannelPreferences, subject_of_item(subject))
        preferences, plan, now = held.value, held.value.digest, self.clock()
        if plan is None or now < plan.next_at:
            await self.store.commit(Change(item=subject, due_in=plan.next_at - now if plan else -1))
            return
        day = local_date(plan.next_at, plan.zone)
        digest = await self._gather(f"{preferences.channel}:{day}", preferences, now)
        is_late = now - plan.next_at > LATEST
        if is_late:
            log.warning("digest.skipped", channel=preferences.channel, day=day, late=round(now - plan.next_at))
        else:  # what a skipped digest would have covered is left to the next one
            preferences = replace(preferences, covered_until=now)
        next_at = self._next(plan.at, plan.zone, now, day)
        after = replace(preferences, posted_on=day, digest=replace(plan, next_at=next_at))
        is_posted = not is_late and (plan.even_if_empty or not digest.is_empty)
        change = Change(
            records=(Versioned(after, held.version), *((Versioned(digest, 0),) if is_posted else ())),
            postings=(_posting("digest", digest),) if is_posted else (),
            item=subject,
            due_in=next_at - now,
        )
        await self.store.commit(change)

    @retried_on_conflict
    async def post_held_back(self, subject: str) -> None:
        """Do the work item `quiet:<channel>:<end>`: post what quiet hours kept back, unless others hold now."""
        held, now = await self.store.record(HeldBack, subject_of_item(subject)), self.clock()
        change = Change(item=subject, due_in=-1)
        if held and not held.value.notified:
            preferences = await preferences_of(self.store, ChannelPreferences, held.value.channel)
            ends = quiet_until(preferences.value.quiet, now)
            if ends is not None:
                change = replace(change, due_in=ends - now)
            else:
                notified = Versioned(replace(held.value, notified=True), held.version)
                change = replace(change, records=(notified,), postings=(_posting("quiet", held.value),))
        await self.store.commit(change)

    # -- inside --------------------------------------------------------------------------------------------------

    async def _write(self, held: Versioned[ChannelPreferences], plan: DigestPlan | None, after: float) -> None:
        """Write a channel's plan down, with its next work item `after` so many seconds."""
        record = Versioned(replace(held.value, digest=plan), held.version)
        await self.store.commit(Change(records=(record,), schedule={digest_item(held.value.channel): after}))

    async def _gather(self, digest_id: str, preferences: ChannelPreferences, now: float) -> Digest:
        jobs, evals = await self.store.records(Job, RECENT), await self.store.records(Eval, RECENT)
        approvals = await self.store.records(Approval, RECENT)
        return digest_of(digest_id, preferences, jobs, evals, approvals, now)

    def _next(self, at: int, zone: str, now: float, posted_on: str) -> float:
        """Return when the next digest is due: on a local date after that of the last, even if the zone was changed."""
        next_at = self.next_daily(at, zone, now)
        while local_date(next_at, zone) <= posted_on:
            next_at = self.next_daily(at, zone, next_at)
        return next_at


def _posting(kind: str, record: Digest | HeldBack) -> Posting:
    """Return the message about a record; its subject leads back to the record."""
    subject = f"{kind}:{record.id}"
    return Posting(subject, PostingKind.DIGEST, f"digest:{record.channel}", subject, record.channel)


def digest_of(
    digest_id: str,
    preferences: ChannelPreferences,
    jobs: Sequence[Job],
    evals: Iterable[Eval],
    approvals: Iterable[Approval],
    now: float,
) -> Digest:
    """Return what happened in a channel since its last daily digest, and what runs and waits now.

    Jobs, evals and approvals are those of all channels, newest first; `now` is in unix seconds. Before the first digest
    it looks back a day.
    """
    since = preferences.covered_until if preferences.covered_until is not None else now - DAY
    here = {job.id: job for job in jobs if job.request.channel == preferences.channel}
    return Digest(
        id=digest_id,
        channel=preferences.channel,
        since=since,
        until=now,
        running=tuple(job.id for job in here.values() if not job.state.is_final),
        finished=tuple(job.id for job in here.values() if _ended(job, since, now)),
        evals=tuple(
            each.id
            for each in evals
            if each.request.channel == preferences.channel and each.request.thread is None and _ended(each, since, now)
        ),
        pending=tuple(
            each.subject
            for each in approvals
            if each.settled is None and (each.subject in here or each.channel == preferences.channel)
        ),
        mutes=preferences.active_mutes(now),
    )


def _ended(what: Job | Eval, since: float, until: float) -> bool:
    return what.finished_at is not None and since < what.finished_at <= until
