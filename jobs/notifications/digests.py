"""Quiet hours and digests: what was kept back is posted when the hours end, and once a day what happened.

Both are posted through the outbox under an id that says which hours, or which day, they belong to.
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
from jobs.state.change import Change, Versioned
from jobs.state.store import Store, VersionConflict, retried_on_conflict

DAY: Final = 86400.0
LATEST: Final = 12 * 3600.0
"""Seconds after its hour up to which a digest is still worth posting."""
RECENT: Final = 500
"""Jobs, evals and approvals that are looked through."""

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
        held = await self._preferences(channel)
        now = self.clock()
        plan = DigestPlan(at, zone, by, self._next(at, zone, now, held.value.posted_on), even_if_empty)
        change = Change(
            records=(Versioned(replace(held.value, digest=plan), held.version),),
            schedule={digest_item(channel): plan.next_at - now},
        )
        await self.store.commit(change)
        return plan

    @retried_on_conflict
    async def stop(self, channel: str) -> DigestPlan | None:
        """End a channel's daily digest; return what was planned."""
        held = await self._preferences(channel)
        if held.value.digest is None:
            return None
        change = Change(
            records=(Versioned(replace(held.value, digest=None), held.version),),
            schedule={digest_item(channel): -1},
        )
        await self.store.commit(change)
        return held.value.digest

    async def post_now(self, channel: str, trigger: str, by: str) -> None:
        """Post a digest now, next to the daily one; the same trigger posts once."""
        held = await self._preferences(channel)
        digest = await self._gather(f"{channel}:now:{trigger}", held.value, self.clock())
        digest = replace(digest, asked_by=by)
        with suppress(VersionConflict):
            await self.store.commit(Change(records=(Versioned(digest, 0),), postings=(_posting("digest", digest),)))

    # -- work items -----------------------------------------------------------------------------------------------

    @retried_on_conflict
    async def post_due(self, subject: str) -> None:
        """Do the work item `digest:<channel>`: post what is due, once a day, and plan the next."""
        channel = subject_of_item(subject)
        held = await self._preferences(channel)
        plan, now = held.value.digest, self.clock()
        if plan is None:
            change = Change(item=subject, due_in=-1)
        elif now < plan.next_at:
            change = Change(item=subject, due_in=plan.next_at - now)
        else:
            change = await self._due(subject, held, plan, now)
        await self.store.commit(change)

    @retried_on_conflict
    async def post_held_back(self, subject: str) -> None:
        """Do the work item `quiet:<channel>:<end>`: post what quiet hours kept back, unless others hold now."""
        record_id = subject_of_item(subject)
        held = await self.store.record(HeldBack, record_id)
        if held is None or held.value.notified:
            change = Change(item=subject, due_in=-1)
        else:
            change = await self._ended(subject, held)
        await self.store.commit(change)

    # -- inside --------------------------------------------------------------------------------------------------

    async def _due(self, subject: str, held: Versioned[ChannelPreferences], plan: DigestPlan, now: float) -> Change:
        preferences, day = held.value, local_date(plan.next_at, plan.zone)
        digest = await self._gather(f"{preferences.channel}:{day}", preferences, now)
        is_late = now - plan.next_at > LATEST
        if is_late:
            log.warning("digest.skipped", channel=preferences.channel, day=day, late=round(now - plan.next_at))
        # What a skipped digest would have told is told by the next one.
        covered_until = preferences.covered_until if is_late else now
        next_at = self._next(plan.at, plan.zone, now, day)
        after = replace(preferences, covered_until=covered_until, posted_on=day, digest=replace(plan, next_at=next_at))
        is_told = not is_late and (plan.even_if_empty or not digest.is_empty)
        return Change(
            records=(Versioned(after, held.version), *((Versioned(digest, 0),) if is_told else ())),
            postings=(_posting("digest", digest),) if is_told else (),
            item=subject,
            due_in=next_at - now,
        )

    async def _ended(self, subject: str, held: Versioned[HeldBack]) -> Change:
        now = self.clock()
        ends = quiet_until((await self._preferences(held.value.channel)).value.quiet, now)
        if ends is not None:
            return Change(item=subject, due_in=ends - now)
        return Change(
            records=(Versioned(replace(held.value, notified=True), held.version),),
            postings=(_posting("quiet", held.value),),
            item=subject,
            due_in=-1,
        )

    async def _gather(self, digest_id: str, preferences: ChannelPreferences, now: float) -> Digest:
        jobs, evals = await self.store.records(Job, RECENT), await self.store.records(Eval, RECENT)
        approvals = await self.store.records(Approval, RECENT)
        return digest_of(digest_id, preferences, jobs, evals, approvals, now)

    def _next(self, at: int, zone: str, now: float, posted_on: str) -> float:
        """Return when the next digest is due: on a local date after that of the last, also where the zone changed."""
        next_at = self.next_daily(at, zone, now)
        while local_date(next_at, zone) <= posted_on:
            next_at = self.next_daily(at, zone, next_at)
        return next_at

    async def _preferences(self, channel: str) -> Versioned[ChannelPreferences]:
        return await self.store.record(ChannelPreferences, channel) or Versioned(ChannelPreferences(channel), 0)


def _posting(kind: str, record: Digest | HeldBack) -> Posting:
    """Return the message that tells of a record; its subject finds the record again."""
    return Posting(
        id=f"{kind}:{record.id}",
        kind=PostingKind.DIGEST,
        lane=f"digest:{record.channel}",
        subject=f"{kind}:{record.id}",
        channel=record.channel,
    )


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
            if each.request.channel == preferences.channel and each.request.job is None and _ended(each, since, now)
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
