"""A team that wants to be left alone: what is muted or falls into quiet hours is not lost; digests come once."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from redis.asyncio import Redis

from bot.kinds import KINDS
from jobs.core.records import Job, JobState, RaisedAlert
from jobs.notifications.records import ChannelPreferences, DigestPlan
from jobs.state.change import Change, Versioned
from jobs.state.connection import Connection
from jobs.state.store import Store
from jobs.training.postings import alert_posting, card_posting, finish_posting
from tests.records import a_job, a_request
from tests.story.colleagues import Json, Workspace, eventually, in_thread, said
from tests.story.conftest import House
from tests.working import all_is_said

pytestmark = [pytest.mark.story, pytest.mark.shared_bot]

ALICE, BOB, RFT = "U0ALICE01", "U0BOB0001", "C0RFT0001"
JOB = a_job(request=a_request(requested_by=ALICE, channel=RFT), last_step=3, total_steps=100)
WARNING = RaisedAlert("O1", "warn", 40, "Overfitting: the gap grew by 0.12.\nValidation does not follow.")
WORSE = RaisedAlert("O2", "critical", 60, "Overfitting for good: the gap grew by 0.31.\nStop the job.")


class Team:
    """The workspace, and a job whose news a test writes down itself; nobody polls it."""

    def __init__(self, house: House, redis: Redis) -> None:
        self.workspace: Workspace = house.workspace
        self.store = Store(Connection(redis), KINDS)

    async def launched(self) -> Json:
        """Put the job before the team; return its card."""
        await self.store.commit(Change(records=(Versioned(JOB, 0),), postings=(card_posting(JOB),)))
        return await self.workspace.card_with(JOB.id)

    async def raised(self, *alerts: RaisedAlert) -> None:
        """Let the newest of these alerts be news."""
        held = await self.held()
        job = replace(held.value, alerts=alerts)
        change = Change(records=(Versioned(job, held.version),), postings=(alert_posting(job, len(alerts) - 1),))
        await self.store.commit(change)

    async def finished(self) -> None:
        """Let the job end."""
        held = await self.held()
        job = replace(held.value, state=JobState.FAILED, finished_at=time.time())
        line = finish_posting(job, "Failed at step 60: out of memory.", broadcast=True)
        await self.store.commit(Change(records=(Versioned(job, held.version),), postings=(line,)))

    async def held(self) -> Versioned[Job]:
        held = await self.store.record(Job, JOB.id)
        assert held is not None
        return held

    async def say(self, user: str, text: str, answer: str, command: str = "/proctor") -> None:
        """Type a command and wait for its answer."""
        await self.workspace.type_command(user, command, text)
        await self.workspace.told(user, answer)

    async def in_channel(self, words: str) -> list[Json]:
        """Return what the channel itself shows with these words."""
        return [message for message in await self.workspace.channel() if words in said(message)]


@asynccontextmanager
async def at_work(house: House, redis: Redis) -> AsyncIterator[Team]:
    async with house.bot():
        yield Team(house, redis)


async def test_muted_warnings_are_in_the_thread_and_nowhere_else(house: House, redis: Redis) -> None:
    async with at_work(house, redis) as team:
        await team.launched()
        await team.say("bob", f"watch {JOB.id}", "you are told of it from now on", "/rft")
        await team.say("bob", f"mute {JOB.id} for=2h", f"job `{JOB.id}`. Alerts, status and ends go on")
        card = await team.workspace.card_with("Muted until")
        assert f"by <@{BOB}>" in said(card)
        await team.say("alice", f"status {JOB.id}", "Training", "/rft")

        await team.raised(WARNING)
        warning = await team.workspace.reply_with("the gap grew by 0.12")
        assert in_thread(warning)
        assert f"For <@{ALICE}>" not in said(warning)
        assert await team.in_channel("the gap grew by 0.12") == []

        await team.say("alice", f"unmute {JOB.id}", f"No longer muted: job `{JOB.id}`.")
        await team.finished()
        end = await team.workspace.reply_with("out of memory")
        assert f"For <@{ALICE}> and <@{BOB}>" in said(end)
        assert len(await team.in_channel("out of memory")) == 1


async def test_a_night_is_told_in_the_morning(house: House, redis: Redis) -> None:
    async with at_work(house, redis) as team:
        await team.launched()
        now = datetime.now(UTC)
        hours = f"{(now.hour - 2) % 24:02d}:00-{(now.hour + 2) % 24:02d}:00"
        await team.say("alice", f"quiet {hours} zone=UTC", "They hold now, until")

        await team.raised(WARNING)
        warning = await team.workspace.reply_with("the gap grew by 0.12")
        assert f"For <@{ALICE}>" not in said(warning)
        await team.raised(WARNING, WORSE)
        worse = await team.workspace.reply_with("the gap grew by 0.31")
        assert f"For <@{ALICE}>" in said(worse)
        assert not [message for message in await team.in_channel("Overfitting") if in_thread(message)]

        await team.say("bob", "quiet off", "No quiet hours in this channel any more.")
        told = await team.workspace.card_with("While it was quiet: 1 message")
        assert f"Overfitting: the gap grew by 0.12. For <@{ALICE}>." in said(told)
        assert "|Open>" in said(told)
        assert not in_thread(told)


@pytest.mark.own_bot
async def test_a_digest_that_is_asked_for_survives_a_lost_answer_and_a_restart(house: House, redis: Redis) -> None:
    async with at_work(house, redis) as team:
        await team.launched()
        await team.workspace.fault(method="chat.postMessage", kind="drop_after")
        await team.say("bob", "digest now", "A digest comes here in a moment.")
        await team.workspace.card_with("Digest, since")
    async with at_work(house, redis) as team:

        async def look() -> bool:
            return await all_is_said(redis)

        await eventually(look, "an empty outbox")
        (digest,) = await team.in_channel("Digest, since")
        assert "*Running*" in said(digest)
        assert "Asked for with `/proctor digest now`" in said(digest)


@pytest.mark.own_bot
async def test_a_digest_that_was_due_while_no_bot_ran_comes_late_and_once(house: House, redis: Redis) -> None:
    due = time.time() - 3600
    store = Store(Connection(redis), KINDS)
    async with at_work(house, redis) as team:
        await team.launched()
    preferences = ChannelPreferences(RFT, digest=DigestPlan(9 * 60, "UTC", BOB, next_at=due))
    await store.commit(Change(records=(Versioned(preferences, 0),), schedule={f"digest:{RFT}": 0.0}))
    async with house.bot(), at_work(house, redis) as team:
        await team.workspace.card_with("Digest, since")

        async def look() -> bool:
            held = await store.record(ChannelPreferences, RFT)
            return held is not None and held.value.posted_on != "" and await all_is_said(redis)

        await eventually(look, "the next digest planned")
        assert len(await team.in_channel("Digest, since")) == 1
