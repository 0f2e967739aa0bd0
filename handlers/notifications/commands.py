"""What people type to be told less, or otherwise: mute, quiet hours, mentions, digests, and watching a job."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.notifications.digests import covered
from handlers.slack.blocks import Message, context, escape
from handlers.slack.commands import Typed
from handlers.slack.replies import Asker
from handlers.slack.wording import moment, people, person
from jobs.core.errors import Conflict, InvalidRequest, NotFound
from jobs.core.nearest import nearest
from jobs.core.records import Job
from jobs.notifications.digests import Digests
from jobs.notifications.parse import DEFAULT_SPAN, clock, read_clock, read_hours, read_span, read_until, read_zone
from jobs.notifications.quiet_hours import quiet_until
from jobs.notifications.records import DigestPlan, Mute, QuietHours, Scope
from jobs.notifications.service import Quiet
from jobs.tasks import TaskCatalogue
from jobs.training.service import RftJobs

VERBS: Final = frozenset({"mute", "unmute", "mentions", "quiet", "digest"})
"""What /proctor leaves to this."""
NO_ZONE: Final = "UTC"
KNOWN: Final = 200
"""Newest jobs whose names a typed one is compared with."""

ZoneOf = Callable[[str], Awaitable[str | None]]
"""Returns the time zone that a person has set in Slack, None where Slack does not say."""


class Quieting:
    """Does what people ask about being told.

    Args:
        quiet: mutes, quiet hours, mentions.
        digests: the daily ones.
        jobs: the RFT jobs, to look up.
        tasks: the tasks, to look up.
        zone_of: where a person is.
        clock: unix seconds.
    """

    def __init__(
        self,
        quiet: Quiet,
        digests: Digests,
        jobs: RftJobs,
        tasks: TaskCatalogue,
        *,
        zone_of: ZoneOf,
        clock: Callable[[], float],
    ) -> None:
        self._quiet = quiet
        self._digests = digests
        self._jobs = jobs
        self._tasks = tasks
        self._zone_of = zone_of
        self._clock = clock

    async def do(self, typed: Typed, asker: Asker) -> str:
        """Do what was typed after /proctor, one of `VERBS`; return the sentence that confirms it."""
        match typed.verb:
            case "mute":
                return await self._mute(typed, asker)
            case "unmute":
                return await self._unmute(typed, asker)
            case "mentions":
                return await self._mentions(typed.word.lower(), asker.user)
            case "quiet":
                return await self._quiet_hours(typed, asker)
            case "digest":
                return await self._digest(typed, asker)
            case _:
                raise AssertionError(f"/proctor {typed.verb} is not about quiet")

    async def watch(self, word: str, user: str) -> str | None:
        """Let a person watch a job of ours, named by its id or its platform's; None where it is none of ours."""
        job = await self._ours(word)
        if job is None:
            return None
        known = f"{escape(word)} is {job.id}, which I watch already; " if word == job.remote_id else ""
        if known and job.state.is_final:
            wanted = "" if job.has_task else f" `/rft watch {job.id} task=<task>` has its checkpoints evaluated."
            raise Conflict(f"{word} is {job.id}, which is over; `/rft status {job.id}` shows how it ended.{wanted}")
        if user == job.request.requested_by and user not in job.watchers:
            told = "you are its launcher and are told of it"
        else:
            told = "you are told of it from now on"
        job = await self._quiet.watch(job.id, user)
        off = "" if (await self._quiet.person(user)).mentions else " `/proctor mentions on` first: yours are off."
        name = "" if known else f"`{job.id}`: "
        return (
            f"{known}{name}{told}. I mention you when it raises a warning and when it ends; `/rft unwatch {job.id}` "
            f"stops that.{off}"
        )

    async def unwatch(self, word: str, user: str) -> str:
        """Mention a person about a job no more; raises NotFound."""
        job, others = await self._quiet.unwatch((await self._jobs.job(word)).id, user)
        left = f"I still mention {people(list(others))}." if others else "Nobody is mentioned about it now."
        return f"I mention you no more about `{job.id}`. {left}"

    async def noted(self, message: Message, job: Job) -> Message:
        """Return a message about a job that says so where the job is muted."""
        return with_mute(message, await self._quiet.mute_of(job))

    async def _ours(self, word: str) -> Job | None:
        try:
            return await self._jobs.job(word)
        except NotFound:
            return await self._jobs.of_remote(word)

    # -- mute ----------------------------------------------------------------------------------------------------

    async def _mute(self, typed: Typed, asker: Asker) -> str:
        until = await self._until(typed, asker.user)
        channel, mute = await self._target(typed.word, asker, until)
        await self._quiet.mute(channel, mute)
        word = "" if mute.scope is Scope.CHANNEL else f" {mute.name}"
        return (
            f"Muted until {moment(until)}: {covered(mute)}. Alerts, status and ends go on in the threads and on the "
            "cards, but not into the channel, and mention nobody. Approvals are still asked for, and moves of aliases "
            f"told. `/proctor unmute{word}` ends it."
        )

    async def _unmute(self, typed: Typed, asker: Asker) -> str:
        channel, wanted = await self._target(typed.word, asker, self._clock(), over=True)
        ended = await self._quiet.unmute(channel, wanted.scope, wanted.name)
        others = (await self._quiet.preferences(channel)).active_mutes(self._clock())
        left = f" Still muted: {', '.join(covered(mute) for mute in others)}." if others else ""
        if ended is None:
            return f"Nothing to end: {covered(wanted)} is not muted.{left}"
        return f"Muted no more: {covered(wanted)}. {person(ended.by)} had muted it until {moment(ended.until)}.{left}"

    async def _until(self, typed: Typed, user: str) -> float:
        span, until = typed.given.get("for"), typed.given.get("until")
        if span and until:
            raise InvalidRequest("Give `for=` or `until=`, not both.")
        if until:
            return read_until(until, await self._zone_of(user) or NO_ZONE, self._clock())
        return self._clock() + (read_span(span) if span else DEFAULT_SPAN)

    async def _target(self, word: str, asker: Asker, until: float, *, over: bool = False) -> tuple[str, Mute]:
        """Return what is meant, as a mute, and its channel; a job that has ended only where `over`."""
        if word.lower() in {"", "channel"}:
            return asker.channel, Mute(Scope.CHANNEL, "", until, asker.user)
        newest = await self._jobs.newest(KNOWN)
        tasks = {*await asyncio.to_thread(self._tasks.names), *(job.task for job in newest)}
        if word in tasks:
            return asker.channel, Mute(Scope.TASK, word, until, asker.user)
        try:
            job = await self._jobs.job(word)
        except NotFound:
            known = ["channel", *sorted(tasks), *(job.id for job in newest)]
            raise NotFound(f"There is no job or task '{word}'; {nearest(word, known)}") from None
        if job.state.is_final and not over:
            raise Conflict(f"{job.id} is over: nothing more comes of it that could be muted.")
        return job.request.channel, Mute(Scope.JOB, job.id, until, asker.user)

    # -- people --------------------------------------------------------------------------------------------------

    async def _mentions(self, word: str, user: str) -> str:
        if word not in {"on", "off"}:
            raise InvalidRequest(f"`/proctor mentions` takes `on` or `off`, not '{word}'.")
        await self._quiet.set_mentions(user, on=word == "on")
        if word == "off":
            return "I mention you no more, in no job. `/proctor mentions on` brings it back."
        return "I mention you when a job that you launched or watch raises a warning, and when it ends."

    # -- quiet hours ---------------------------------------------------------------------------------------------

    async def _quiet_hours(self, typed: Typed, asker: Asker) -> str:
        held = (await self._quiet.preferences(asker.channel)).quiet
        word = "".join(typed.words).lower()
        if word == "off":
            await self._quiet.set_quiet(asker.channel, None)
            return "No quiet hours in this channel any more." if held else "This channel has no quiet hours."
        if word:
            start, end = read_hours(word)
        elif held and not typed.given:
            return f"{self._hours_are(held)} Set by {person(held.by)}; `/proctor quiet off` ends them."
        elif held:
            start, end = held.start, held.end
        else:
            raise InvalidRequest("This channel has no quiet hours. `/proctor quiet 22:00-07:00` sets some.")
        zone, note = await self._zone(typed, asker.user, held)
        hours = QuietHours(start, end, zone, asker.user)
        await self._quiet.set_quiet(asker.channel, hours)
        return (
            f"{self._hours_are(hours, note)} In them warnings, ends and approval requests go into their threads only, "
            f"and nobody is mentioned but about what is critical. At {clock(end)} one message tells what there was."
        )

    def _hours_are(self, hours: QuietHours, note: str = "") -> str:
        ends = quiet_until(hours, self._clock())
        now = f"They hold now, until {moment(ends)}." if ends else "They do not hold now."
        return f"Quiet hours of this channel: {clock(hours.start)} to {clock(hours.end)}, {hours.zone}{note}. {now}"

    # -- digest --------------------------------------------------------------------------------------------------

    async def _digest(self, typed: Typed, asker: Asker) -> str:
        match typed.word.lower():
            case "now":
                await self._digests.post_now(asker.channel, asker.trigger, asker.user)
                return "A digest comes here in a moment."
            case "off":
                ended = await self._digests.stop(asker.channel)
                return "No daily digest in this channel any more." if ended else "This channel has no daily digest."
            case "":
                return await self._plan_digest(typed, asker)
            case word:
                raise InvalidRequest(f"`/proctor digest` takes `now` or `off`, or `at=09:00`; not '{word}'.")

    async def _plan_digest(self, typed: Typed, asker: Asker) -> str:
        held = (await self._quiet.preferences(asker.channel)).digest
        if "at" in typed.given:
            at = read_clock(typed.given["at"])
        elif held and not typed.given:
            return f"{_plan(held)} Set by {person(held.by)}; `/proctor digest off` ends it."
        elif held:
            at = held.at
        else:
            raise InvalidRequest("This channel has no daily digest. `/proctor digest at=09:00` plans one.")
        empty = typed.given.get("empty", "say" if held and held.even_if_empty else "skip")
        if empty not in {"skip", "say"}:
            raise InvalidRequest(f"`empty={empty}` is neither `skip` (no digest where nothing happened) nor `say`.")
        zone, note = await self._zone(typed, asker.user, held)
        plan = await self._digests.plan(asker.channel, at, zone, by=asker.user, even_if_empty=empty == "say")
        return f"{_plan(plan, note)} `/proctor digest now` posts one at once."

    async def _zone(self, typed: Typed, user: str, held: QuietHours | DigestPlan | None) -> tuple[str, str]:
        """Return the zone that is meant: the one given, the one set before, or the person's; and what to say of it."""
        if "zone" in typed.given:
            return await asyncio.to_thread(read_zone, typed.given["zone"]), ""
        if held:
            return held.zone, ""
        zone = await self._zone_of(user)
        if zone:
            return zone, " (your time zone in Slack; `zone=` sets another)"
        return NO_ZONE, " (Slack does not tell me your time zone; `zone=Europe/Berlin` sets it)"


def zones_of(client: AsyncWebClient) -> ZoneOf:
    """Return what asks Slack for a person's time zone, which takes the scope `users:read`."""

    async def zone_of(user: str) -> str | None:
        try:
            found = await client.users_info(user=user)
            return await asyncio.to_thread(read_zone, str(found["user"].get("tz") or ""))
        except (SlackApiError, InvalidRequest):
            return None  # without the scope, or of a guest without a zone: the answer says so

    return zone_of


def with_mute(message: Message, mute: Mute | None) -> Message:
    """Return a card that says what mutes it, and until when."""
    if mute is None:
        return message
    what = {Scope.CHANNEL: "Channel muted", Scope.TASK: "Task muted", Scope.JOB: "Muted"}[mute.scope]
    line = context(f"{what} until {moment(mute.until)} by {person(mute.by)}")
    return replace(message, blocks=(*message.blocks, line))


def _plan(plan: DigestPlan, note: str = "") -> str:
    empty = "also where nothing happened" if plan.even_if_empty else "unless nothing happened"
    return f"A digest comes here each day at {clock(plan.at)}, {plan.zone}{note}, {empty}; next {moment(plan.next_at)}."
