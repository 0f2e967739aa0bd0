"""The commands about notifications: mute, quiet hours, mentions, digests, and watching a job."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
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

NO_ZONE: Final = "UTC"
KNOWN: Final = 200
"""Newest jobs whose names a typed one is compared with."""

ZoneOf = Callable[[str], Awaitable[str | None]]
"""Returns the time zone that a person has set in Slack, or None if Slack does not say."""


@dataclass(frozen=True, slots=True)
class NotificationCommands:
    """Does what people ask about notifications."""

    quiet: Quiet
    digests: Digests
    jobs: RftJobs
    tasks: TaskCatalogue
    zone_of: ZoneOf
    clock: Callable[[], float]
    """Unix seconds."""

    async def do(self, typed: Typed, asker: Asker) -> str:
        """Do what was typed after /proctor; return the sentence that confirms it."""
        commands = {
            "mute": self._mute,
            "unmute": self._unmute,
            "mentions": self._mentions,
            "quiet": self._quiet_hours,
            "digest": self._digest,
        }
        return await commands[typed.verb](typed, asker)

    async def watch(self, word: str, user: str) -> str | None:
        """Let a person watch a job of ours, by its id or its platform's; None if we have no such job."""
        job: Job | None
        try:
            job = await self.jobs.job(word)
        except NotFound:
            job = await self.jobs.by_remote_id(word)
        if job is None:
            return None
        is_remote = word == job.remote_id
        if is_remote and job.state.is_final:
            wanted = "" if job.has_task else f" `/rft watch {job.id} task=<task>` has its checkpoints evaluated."
            raise Conflict(f"{word} is {job.id}, which is over; `/rft status {job.id}` shows how it ended.{wanted}")
        name = f"{escape(word)} is {job.id}, which I watch already; " if is_remote else f"`{job.id}`: "
        is_launcher = user == job.request.requested_by and user not in job.watchers
        told = "you are its launcher and are told of it" if is_launcher else "you are told of it from now on"
        await self.quiet.watch(job.id, user)
        off = "" if (await self.quiet.person(user)).mentions else " `/proctor mentions on` first: yours are off."
        return (
            f"{name}{told}. I mention you when it raises a warning and when it ends; `/rft unwatch {job.id}` stops "
            f"that.{off}"
        )

    async def unwatch(self, word: str, user: str) -> str:
        """Stop mentioning a person about a job; raises NotFound."""
        job, others = await self.quiet.unwatch((await self.jobs.job(word)).id, user)
        left = f"I still mention {people(others)}." if others else "Nobody is mentioned about it now."
        return f"You will no longer be mentioned about `{job.id}`. {left}"

    async def noted(self, message: Message, job: Job) -> Message:
        """Return a message about a job that says so if the job is muted."""
        return with_mute(message, await self.quiet.mute_of(job))

    # -- mute ----------------------------------------------------------------------------------------------------

    async def _mute(self, typed: Typed, asker: Asker) -> str:
        until = await self._until(typed, asker.user)
        channel, mute = await self._target(typed.word, asker, until)
        await self.quiet.mute(channel, mute)
        word = "" if mute.scope is Scope.CHANNEL else f" {mute.name}"
        return (
            f"Muted until {moment(until)}: {covered(mute)}. Alerts, status and ends go on in the threads and on the "
            "cards, but not into the channel, and mention nobody. Approvals are still asked for, and moves of aliases "
            f"told. `/proctor unmute{word}` ends it."
        )

    async def _unmute(self, typed: Typed, asker: Asker) -> str:
        channel, wanted = await self._target(typed.word, asker, self.clock(), over=True)
        ended = await self.quiet.unmute(channel, wanted.scope, wanted.name)
        others = (await self.quiet.preferences(channel)).active_mutes(self.clock())
        left = f" Still muted: {', '.join(covered(mute) for mute in others)}." if others else ""
        if ended is None:
            return f"Nothing to end: {covered(wanted)} is not muted.{left}"
        return f"No longer muted: {covered(wanted)}. {person(ended.by)} had muted it until {moment(ended.until)}.{left}"

    async def _until(self, typed: Typed, user: str) -> float:
        span, until = typed.given.get("for"), typed.given.get("until")
        if span and until:
            raise InvalidRequest("Give `for=` or `until=`, not both.")
        if until:
            return read_until(until, await self.zone_of(user) or NO_ZONE, self.clock())
        return self.clock() + (read_span(span) if span else DEFAULT_SPAN)

    async def _target(self, word: str, asker: Asker, until: float, *, over: bool = False) -> tuple[str, Mute]:
        """Return what is meant, as a mute, and its channel; a job that has ended only if `over`."""
        if word.lower() in {"", "channel"}:
            return asker.channel, Mute(Scope.CHANNEL, "", until, asker.user)
        newest = await self.jobs.newest(KNOWN)
        tasks = {*await asyncio.to_thread(self.tasks.names), *(job.task for job in newest)}
        if word in tasks:
            return asker.channel, Mute(Scope.TASK, word, until, asker.user)
        try:
            job = await self.jobs.job(word)
        except NotFound:
            known = ["channel", *sorted(tasks), *(job.id for job in newest)]
            raise NotFound(f"There is no job or task '{word}'; {nearest(word, known)}") from None
        if job.state.is_final and not over:
            raise Conflict(f"{job.id} is over: it has nothing left to mute.")
        return job.request.channel, Mute(Scope.JOB, job.id, until, asker.user)

    async def _mentions(self, typed: Typed, asker: Asker) -> str:
        word = typed.word.lower()
        if word not in {"on", "off"}:
            raise InvalidRequest(f"`/proctor mentions` takes `on` or `off`, not '{word}'.")
        await self.quiet.set_mentions(asker.user, on=word == "on")
        if word == "off":
            return "You will no longer be mentioned, about any job. `/proctor mentions on` turns mentions on again."
        return "I mention you when a job that you launched or watch raises a warning, and when it ends."

    # -- quiet hours ---------------------------------------------------------------------------------------------

    async def _quiet_hours(self, typed: Typed, asker: Asker) -> str:
        held = (await self.quiet.preferences(asker.channel)).quiet
        word = "".join(typed.words).lower()
        if word == "off":
            await self.quiet.set_quiet(asker.channel, None)
            return "No quiet hours in this channel any more." if held else "This channel has no quiet hours."
        if word:
            start, end = read_hours(word)
        elif held is None:
            raise InvalidRequest("This channel has no quiet hours. `/proctor quiet 22:00-07:00` sets some.")
        elif typed.given:
            start, end = held.start, held.end
        else:
            return f"{self._hours_are(held)} Set by {person(held.by)}; `/proctor quiet off` ends them."
        zone, note = await self.zone(typed, asker.user, held)
        hours = QuietHours(start, end, zone, asker.user)
        await self.quiet.set_quiet(asker.channel, hours)
        return (
            f"{self._hours_are(hours, note)} In them warnings, ends and approval requests go into their threads only, "
            f"and only critical alerts mention people. At {clock(end)} one message sums them up."
        )

    def _hours_are(self, hours: QuietHours, note: str = "") -> str:
        ends = quiet_until(hours, self.clock())
        now = f"They hold now, until {moment(ends)}." if ends else "They do not hold now."
        return f"Quiet hours of this channel: {clock(hours.start)} to {clock(hours.end)}, {hours.zone}{note}. {now}"

    # -- digest --------------------------------------------------------------------------------------------------

    async def _digest(self, typed: Typed, asker: Asker) -> str:
        match typed.word.lower():
            case "now":
                await self.digests.post_now(asker.channel, asker.trigger, asker.user)
                return "A digest comes here in a moment."
            case "off":
                ended = await self.digests.stop(asker.channel)
                return "No daily digest in this channel any more." if ended else "This channel has no daily digest."
            case "":
                return await self._plan_digest(typed, asker)
            case word:
                raise InvalidRequest(f"`/proctor digest` takes `now` or `off`, or `at=09:00`; not '{word}'.")

    async def _plan_digest(self, typed: Typed, asker: Asker) -> str:
        held = (await self.quiet.preferences(asker.channel)).digest
        if held and not typed.given:
            return f"{_plan(held)} Set by {person(held.by)}; `/proctor digest off` ends it."
        if held is None and "at" not in typed.given:
            raise InvalidRequest("This channel has no daily digest. `/proctor digest at=09:00` plans one.")
        at = read_clock(typed.given["at"]) if "at" in typed.given or held is None else held.at
        empty = typed.given.get("empty", "say" if held and held.even_if_empty else "skip")
        if empty not in {"skip", "say"}:
            raise InvalidRequest(f"`empty={empty}` is neither `skip` (no digest if nothing happened) nor `say`.")
        zone, note = await self.zone(typed, asker.user, held)
        plan = await self.digests.plan(asker.channel, at, zone, by=asker.user, even_if_empty=empty == "say")
        return f"{_plan(plan, note)} `/proctor digest now` posts one at once."

    async def zone(self, typed: Typed, user: str, held: QuietHours | DigestPlan | None = None) -> tuple[str, str]:
        """Return the zone that is meant, and a note on it: the one given, the one set before, or the person's."""
        if "zone" in typed.given:
            return await asyncio.to_thread(read_zone, typed.given["zone"]), ""
        if held:
            return held.zone, ""
        if zone := await self.zone_of(user):
            return zone, " (your time zone in Slack; `zone=` sets another)"
        return NO_ZONE, " (Slack does not tell me your time zone; `zone=Europe/Berlin` sets it)"


def zones_of(client: AsyncWebClient) -> ZoneOf:
    """Return a function that asks Slack for a person's time zone; it needs the scope `users:read`."""

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
    empty = "even if nothing happened" if plan.even_if_empty else "unless nothing happened"
    return f"A digest comes here each day at {clock(plan.at)}, {plan.zone}{note}, {empty}; next {moment(plan.next_at)}."
