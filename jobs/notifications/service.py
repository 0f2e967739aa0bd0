"""How channels and people want to be notified, kept in the store; and how loud each message is.

The latter is decided at delivery, not when the message is caused, because people mute things in between.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from charts.wording import counted, plural
from jobs.core.errors import Conflict
from jobs.core.ids import quiet_item
from jobs.core.records import Job, Posting, PostingKind
from jobs.notifications import visibility as deciding
from jobs.notifications.quiet_hours import quiet_until
from jobs.notifications.records import (
    ChannelPreferences,
    HeldBack,
    HeldItem,
    Mute,
    PersonPreferences,
    QuietHours,
    Scope,
)
from jobs.notifications.visibility import Audience, Visibility, covers
from jobs.state.change import Change, Versioned
from jobs.state.store import Store, retried_on_conflict
from jobs.training.postings import card_posting

T = TypeVar("T", ChannelPreferences, PersonPreferences)

LOUD: Final = frozenset(
    {PostingKind.ALERT, PostingKind.STATUS, PostingKind.SUMMARY, PostingKind.APPROVAL, PostingKind.MEASUREMENT}
)
"""Messages that can be louder than their thread."""
RECENT: Final = 200
"""Newest jobs among which a mute finds those whose cards say so."""
MOST_UNWATCHED: Final = 500
MOST_HELD: Final = 100
"""Messages that the note at the end of quiet hours can name."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """How loud the bot is, for each channel and person."""

    store: Store
    clock: Callable[[], float]

    # -- at delivery ---------------------------------------------------------------------------------------------

    @retried_on_conflict
    async def visibility(self, posting: Posting) -> Visibility:
        """Return how loud a message is now; what quiet hours keep back is written down and posted when they end."""
        if posting.kind not in LOUD:
            return Visibility(posting.broadcast)
        held_job = await self.store.record(Job, posting.subject)
        job = held_job.value if held_job else None
        level = job.alerts[posting.alert].level if job and posting.alert is not None else None
        people = {user: await self.person(user) for user in _concerned(job)} if job else {}
        audience = Audience(await self.preferences(posting.channel), people, self.clock())
        loud = deciding.visibility(posting, level, job, audience)
        ends = quiet_until(audience.preferences.quiet, audience.now)
        if loud.held and ends is not None:
            await self._hold(posting, job, loud, ends, audience.now)
        return loud

    async def mute_of(self, job: Job) -> Mute | None:
        """Return the mute that covers a job now, or None."""
        return deciding.mute_of(await self.preferences(job.request.channel), job, self.clock())

    async def next_allowed(self, channel: str, now: float) -> float:
        """Return the first moment, `now` or later, at which the channel's quiet hours let a reminder through."""
        return quiet_until((await self.preferences(channel)).quiet, now) or now

    # -- channels ------------------------------------------------------------------------------------------------

    async def preferences(self, channel: str) -> ChannelPreferences:
        """Return how a channel is notified."""
        return (await preferences_of(self.store, ChannelPreferences, channel)).value

    async def mute(self, channel: str, mute: Mute) -> None:
        """Mute a channel, a task or a job, in place of an earlier mute of the same; the cards say so at once."""
        await self._replace_mute(channel, mute, mute)

    async def unmute(self, channel: str, scope: Scope, name: str) -> Mute | None:
        """End a mute; return it, or None if there is none."""
        mutes = (await self.preferences(channel)).active_mutes(self.clock())
        found = next((mute for mute in mutes if (mute.scope, mute.name) == (scope, name)), None)
        if found:
            await self._replace_mute(channel, found)
        return found

    async def set_quiet(self, channel: str, hours: QuietHours | None) -> None:
        """Set or end a channel's quiet hours; what they kept back until now is posted once they do not hold."""
        ends = quiet_until((await self.preferences(channel)).quiet, self.clock())
        item = quiet_item((await self._unposted(channel, ends)).value.id) if ends else None
        await self._edit(ChannelPreferences, channel, lambda preferences: replace(preferences, quiet=hours), item=item)

    # -- people --------------------------------------------------------------------------------------------------

    async def person(self, user: str) -> PersonPreferences:
        """Return how a person is notified."""
        return (await preferences_of(self.store, PersonPreferences, user)).value

    async def set_mentions(self, user: str, *, on: bool) -> None:
        """Mention a person in what concerns them, or never."""
        await self._edit(PersonPreferences, user, lambda person: replace(person, mentions=on))

    async def watch(self, job_id: str, user: str) -> Job:
        """Mention a person in what matters about a job from now on; return the job.

        Raises:
            Conflict: the job is over.
        """
        await self._edit(PersonPreferences, user, lambda person: _watching(person, job_id, watches=True))
        return await self._change_watchers(job_id, user, watches=True)

    async def unwatch(self, job_id: str, user: str) -> tuple[Job, tuple[str, ...]]:
        """Stop mentioning a person, even the launcher, about a job; return the job and who is still mentioned."""
        job = await self._change_watchers(job_id, user, watches=False)
        if user == job.request.requested_by:
            await self._edit(PersonPreferences, user, lambda person: _watching(person, job_id, watches=False))
        people = {each: await self.person(each) for each in _concerned(job)}
        return job, deciding.recipients(job, people)

    # -- inside --------------------------------------------------------------------------------------------------

    async def _hold(self, posting: Posting, job: Job | None, loud: Visibility, ends: float, now: float) -> None:
        """Write down what is kept back, unless an earlier attempt did."""
        held = await self._unposted(posting.channel, ends)
        if any(item.posting == posting.id for item in held.value.items):
            return
        item = HeldItem(posting.id, posting.subject, _line(posting, job), now, loud.waiting)
        items = (*held.value.items, item)
        earlier = held.value.earlier + max(len(items) - MOST_HELD, 0)
        record = replace(held.value, items=items[-MOST_HELD:], earlier=earlier)
        change = Change(records=(Versioned(record, held.version),), schedule={quiet_item(record.id): ends - now})
        await self.store.commit(change)

    async def _unposted(self, channel: str, ends: float) -> Versioned[HeldBack]:
        """Return what the quiet hours ending at `ends` keep back: a further record if theirs was posted early."""
        record_id = f"{channel}:{int(ends)}"
        while (found := await self.store.record(HeldBack, record_id)) and found.value.notified:
            record_id = f"{record_id}:more"
        return found or Versioned(HeldBack(record_id, channel, ends), 0)

    async def _replace_mute(self, channel: str, mute: Mute, *new: Mute) -> None:
        """Put `new` in place of what is over or mutes the same; the cards of its jobs say so at once."""

        def edited(preferences: ChannelPreferences) -> ChannelPreferences:
            active = preferences.active_mutes(self.clock())
            others = (each for each in active if (each.scope, each.name) != (mute.scope, mute.name))
            return replace(preferences, mutes=(*others, *new))

        jobs = [job for job in await self.store.records(Job, RECENT) if job.request.channel == channel]
        cards = (card_posting(job, urgent=True) for job in jobs if not job.state.is_final and covers(mute, job))
        await self._edit(ChannelPreferences, channel, edited, tuple(cards))

    @retried_on_conflict
    async def _edit(
        self,
        kind: type[T],
        record_id: str,
        edit: Callable[[T], T],
        postings: tuple[Posting, ...] = (),
        item: str | None = None,
    ) -> None:
        """Change the preferences of a channel or a person, and do `item` (a work item) at once."""
        held = await preferences_of(self.store, kind, record_id)
        edited = edit(held.value)
        if edited == held.value and not postings and not item:
            return
        schedule = {item: 0.0} if item else {}
        change = Change(records=(Versioned(edited, held.version),), postings=postings, schedule=schedule)
        await self.store.commit(change)

    @retried_on_conflict
    async def _change_watchers(self, job_id: str, user: str, *, watches: bool) -> Job:
        held = await self.store.record(Job, job_id)
        assert held is not None, "whoever watches a job has looked it up"
        job = held.value
        if watches and job.state.is_final:
            raise Conflict(f"{job.id} is over: nothing more comes of it. `/rft status {job.id}` shows how it ended.")
        others = tuple(each for each in job.watchers if each != user)
        watchers = (*others, user) if watches and user != job.request.requested_by else others
        if set(watchers) == set(job.watchers):
            return job
        return (await self.store.save(held, replace(job, watchers=watchers))).value


async def preferences_of(store: Store, kind: type[T], record_id: str) -> Versioned[T]:
    """Return the preferences of a channel or a person: the defaults, at version 0, until somebody sets some."""
    return await store.record(kind, record_id) or Versioned(kind(record_id), 0)


def _concerned(job: Job) -> tuple[str, ...]:
    return (job.request.requested_by, *job.watchers)


def _watching(person: PersonPreferences, job_id: str, *, watches: bool) -> PersonPreferences:
    others = tuple(each for each in person.unwatched if each != job_id)
    return replace(person, unwatched=others if watches else (*others, job_id)[-MOST_UNWATCHED:])


def _line(posting: Posting, job: Job | None) -> str:
    """Return one line that says what a message was about."""
    if job and posting.alert is not None:
        return job.alerts[posting.alert].text.splitlines()[0]
    if posting.text:
        return posting.text.splitlines()[0]
    if job and job.checkpoints:
        count = len(job.checkpoints)
        return f"{counted(count, 'checkpoint')} {plural(count, 'waits', 'wait')} for approval."
    return "A request waits for approval."
