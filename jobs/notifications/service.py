"""How channels and people want to be notified, kept in the store; and how loud a message is when it goes out.

It is decided at delivery, not when the message is caused, because people mute things in between.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeVar

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

LOUD: Final = frozenset({PostingKind.ALERT, PostingKind.STATUS, PostingKind.SUMMARY, PostingKind.APPROVAL})
"""Messages that can be louder than their thread."""
RECENT: Final = 200
"""Jobs among which those are looked for whose cards tell of a mute."""
MOST_UNWATCHED: Final = 500
MOST_HELD: Final = 100
"""Messages that one telling of what quiet hours kept back can name."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """How loud the bot is, for each channel and person."""

    store: Store
    clock: Callable[[], float]

    # -- at delivery ---------------------------------------------------------------------------------------------

    @retried_on_conflict
    async def visibility(self, posting: Posting) -> Visibility:
        """Return how loud a message is now; what quiet hours keep back is written down, to be told when they end."""
        if posting.kind not in LOUD:
            return Visibility(posting.broadcast)
        held_job = await self.store.record(Job, posting.subject)
        job = held_job.value if held_job else None
        level = job.alerts[posting.alert].level if job and posting.alert is not None else None
        audience = await self._audience(posting, job)
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
        """Return what holds in a channel."""
        held = await self.store.record(ChannelPreferences, channel)
        return held.value if held else ChannelPreferences(channel)

    async def mute(self, channel: str, mute: Mute) -> None:
        """Mute a channel, a task or a job, in place of an earlier mute of the same; the cards say so at once."""
        cards = await self._cards(channel, mute)
        await self._edit(
            ChannelPreferences(channel),
            channel,
            lambda preferences: _others(preferences, mute.scope, mute.name, self.clock(), mute),
            cards,
        )

    async def unmute(self, channel: str, scope: Scope, name: str) -> Mute | None:
        """End a mute; return it, or None where there was none."""
        mutes = (await self.preferences(channel)).active_mutes(self.clock())
        found = next((mute for mute in mutes if (mute.scope, mute.name) == (scope, name)), None)
        if found:
            cards = await self._cards(channel, found)
            await self._edit(
                ChannelPreferences(channel),
                channel,
                lambda preferences: _others(preferences, scope, name, self.clock()),
                cards,
            )
        return found

    async def set_quiet(self, channel: str, hours: QuietHours | None) -> None:
        """Set or end a channel's quiet hours; what they kept back until now is told once they do not hold."""
        ends = quiet_until((await self.preferences(channel)).quiet, self.clock())
        schedule = {quiet_item((await self._untold(channel, ends)).value.id): 0.0} if ends else {}
        await self._edit(
            ChannelPreferences(channel),
            channel,
            lambda preferences: replace(preferences, quiet=hours),
            schedule=schedule,
        )

    # -- people --------------------------------------------------------------------------------------------------

    async def person(self, user: str) -> PersonPreferences:
        """Return how a person likes to be notified."""
        held = await self.store.record(PersonPreferences, user)
        return held.value if held else PersonPreferences(user)

    async def set_mentions(self, user: str, *, on: bool) -> None:
        """Mention a person where it concerns them, or never."""
        await self._edit_person(user, lambda preferences: replace(preferences, mentions=on))

    async def watch(self, job_id: str, user: str) -> Job:
        """Mention a person in what matters about a job; return the job.

        Raises:
            Conflict: the job is over.
        """
        await self._edit_person(
            user,
            lambda preferences: replace(preferences, unwatched=tuple(j for j in preferences.unwatched if j != job_id)),
        )
        return await self._change_watchers(job_id, user, watches=True)

    async def unwatch(self, job_id: str, user: str) -> tuple[Job, tuple[str, ...]]:
        """Mention a person about a job no more, its launcher neither; return the job and who is still mentioned."""
        job = await self._change_watchers(job_id, user, watches=False)
        if user == job.request.requested_by:
            await self._edit_person(
                user, lambda preferences: replace(preferences, unwatched=_newest((*preferences.unwatched, job_id)))
            )
        people = {each: await self.person(each) for each in (job.request.requested_by, *job.watchers)}
        return job, deciding.recipients(job, people)

    # -- inside --------------------------------------------------------------------------------------------------

    async def _audience(self, posting: Posting, job: Job | None) -> Audience:
        concerned = (job.request.requested_by, *job.watchers) if job else ()
        people = {user: await self.person(user) for user in concerned}
        return Audience(await self.preferences(posting.channel), people, self.clock())

    async def _hold(self, posting: Posting, job: Job | None, loud: Visibility, ends: float, now: float) -> None:
        """Write down what is kept back, unless an earlier attempt did."""
        held = await self._untold(posting.channel, ends)
        if any(item.posting == posting.id for item in held.value.items):
            return
        item = HeldItem(posting.id, posting.subject, _line(posting, job), now, loud.waiting)
        items = (*held.value.items, item)
        earlier = held.value.earlier + max(len(items) - MOST_HELD, 0)
        record = replace(held.value, items=items[-MOST_HELD:], earlier=earlier)
        change = Change(records=(Versioned(record, held.version),), schedule={quiet_item(record.id): ends - now})
        await self.store.commit(change)

    async def _untold(self, channel: str, ends: float) -> Versioned[HeldBack]:
        """Return what the quiet hours that end then keep back; what was posted already, cut short, is not added to."""
        record_id = f"{channel}:{int(ends)}"
        while (found := await self.store.record(HeldBack, record_id)) and found.value.notified:
            record_id = f"{record_id}:more"
        return found or Versioned(HeldBack(record_id, channel, ends), 0)

    async def _cards(self, channel: str, mute: Mute) -> tuple[Posting, ...]:
        """Return the postings that bring the cards of a mute's jobs up to date."""
        jobs = (job for job in await self.store.records(Job, RECENT) if job.request.channel == channel)
        return tuple(card_posting(job, urgent=True) for job in jobs if not job.state.is_final and covers(mute, job))

    @retried_on_conflict
    async def _edit(
        self,
        unset: T,
        record_id: str,
        edit: Callable[[T], T],
        postings: tuple[Posting, ...] = (),
        schedule: Mapping[str, float] | None = None,
    ) -> None:
        """Change the preferences of a channel or a person, which are `unset` until somebody sets them."""
        held = await self.store.record(type(unset), record_id) or Versioned(unset, 0)
        edited = Versioned(edit(held.value), held.version)
        await self.store.commit(Change(records=(edited,), postings=postings, schedule=schedule or {}))

    async def _edit_person(self, user: str, edit: Callable[[PersonPreferences], PersonPreferences]) -> None:
        if edit(before := await self.person(user)) != before:
            await self._edit(PersonPreferences(user), user, edit)

    @retried_on_conflict
    async def _change_watchers(self, job_id: str, user: str, *, watches: bool) -> Job:
        held = await self.store.record(Job, job_id)
        assert held is not None, "who watches a job has looked it up"
        job = held.value
        if watches and job.state.is_final:
            raise Conflict(f"{job.id} is over: nothing more comes of it. `/rft status {job.id}` shows how it ended.")
        others = tuple(each for each in job.watchers if each != user)
        wanted = (*others, user) if watches and user != job.request.requested_by else others
        if set(wanted) == set(job.watchers):
            return job
        job = replace(job, watchers=wanted)
        await self.store.save(held, job)
        return job


def _others(preferences: ChannelPreferences, scope: Scope, name: str, now: float, *more: Mute) -> ChannelPreferences:
    """Return the preferences without mutes of this and those that are over, and with what comes instead."""
    kept = (mute for mute in preferences.mutes if (mute.scope, mute.name) != (scope, name) and mute.until > now)
    return replace(preferences, mutes=(*kept, *more))


def _newest(jobs: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(jobs))[-MOST_UNWATCHED:]


def _line(posting: Posting, job: Job | None) -> str:
    """Return one line that says what a message was about."""
    if job and posting.alert is not None:
        return job.alerts[posting.alert].text.splitlines()[0]
    if posting.text:
        return posting.text.splitlines()[0]
    if job and job.checkpoints:
        count = len(job.checkpoints)
        wait = "checkpoint waits" if count == 1 else "checkpoints wait"
        return f"{count} {wait} for approval."
    return "A request waits for approval."
