"""The state that a released version left is taken over: lists read, the outbox delivers, approvals decide."""

import json
from collections import Counter
from dataclasses import dataclass, field

import pytest
from redis.asyncio import Redis

from bot.kinds import KINDS
from jobs.aliases.records import Alias
from jobs.approvals.decide import Approvals, Vote
from jobs.approvals.records import Verdict
from jobs.approvals.rules import Outcome
from jobs.core.ids import DELIVERIES
from jobs.core.records import Action, Job, JobState, Posting
from jobs.graders import GraderRuntime
from jobs.outbox.postings import Outbox
from jobs.outbox.worker import OutboxWorker, RateLimits
from jobs.platforms.gateway import Gateway
from jobs.platforms.parse import RemoteJob
from jobs.state.connection import Connection
from jobs.state.store import LedgerEntry, Store
from jobs.tasks import TaskCatalogue
from jobs.trail.verify import verify
from jobs.training.launch import Launcher
from jobs.training.poll import Poller
from jobs.training.service import RftJobs
from jobs.training.sweep_state import SweepState
from jobs.views.job import JobViews
from tests.permitted import EVERYBODY_MAY, SmallDirectory
from tests.records import ALICE, BOB, CAROL, CHANNEL, PROFILE, a_remote
from tests.rich_state import CREATING, DONE, FIXTURES, HALF, KEY, NOW, OLD, PAUSED, RUNNING, restore
from tests.working import held, taken, worked_off

NEWER = {"gate", "learning", "reviews", "schedule", "suspects", "task"}
"""Kinds of record that came after the oldest of these versions."""
VERSIONS = sorted(FIXTURES.glob("state-*.json"))


@pytest.fixture(params=VERSIONS, ids=lambda path: path.stem)
async def taken_over(redis: Redis, request: pytest.FixtureRequest) -> Store:
    """The store of the present version on the state of a released one."""
    await restore(redis, json.loads(request.param.read_text("utf-8")))
    store = Store(Connection(redis), KINDS, KEY)
    await store.open()
    return store


@dataclass
class Slack:
    """Takes every message, and knows how often."""

    posted: Counter[str] = field(default_factory=Counter)
    edited: Counter[str] = field(default_factory=Counter)

    async def post(self, posting: Posting, thread: LedgerEntry | None) -> LedgerEntry:
        self.posted[posting.id] += 1
        return LedgerEntry(posting.channel, f"{len(self.posted)}.0", file=thread.file if thread else None)

    async def edit(self, posting: Posting, entry: LedgerEntry) -> LedgerEntry:
        self.edited[posting.id] += 1
        return entry

    async def find(self, posting: Posting, thread: LedgerEntry | None, since: float) -> LedgerEntry | None:
        assert posting.id
        assert since
        return thread and None


class Remote(Gateway):
    """A platform that has the job which was being created."""

    async def find(self, key: str) -> RemoteJob | None:
        return a_remote("queued", id=f"ftjob-of-{key}")


async def test_every_record_is_read_with_every_field_that_was_stored(taken_over: Store, redis: Redis) -> None:
    for kind in KINDS:
        ids = await taken_over.ids(kind.type)
        assert ids or kind.name in NEWER, f"the fixture has a record of kind {kind.name}"
        assert len(await taken_over.records(kind.type)) == len(ids)
        for record_id in ids:
            stored = json.loads(str(await redis.hget(f"{{proctor}}:{kind.key_of(record_id)}", "value")))
            held = await taken_over.record(kind.type, record_id)
            assert held is not None
            assert not lost(stored, kind.adapter.dump_python(held.value, mode="json")), record_id
    assert not taken_over.unreadable


def lost(stored: object, read: object, path: str = "") -> list[str]:
    """Return the paths of the fields that were stored and are not read."""
    if isinstance(stored, dict) and isinstance(read, dict):
        gone = [f"{path}.{name}" for name in stored if name not in read]
        return gone + [
            each for name in stored if name in read for each in lost(stored[name], read[name], f"{path}.{name}")
        ]
    if isinstance(stored, list) and isinstance(read, list):
        return [each for pair in zip(stored, read, strict=True) for each in lost(*pair, path)]
    return [] if stored == read else [path]


async def test_jobs_are_shown_as_they_stood(taken_over: Store) -> None:
    views = JobViews(taken_over, lambda _name: PROFILE)
    states = {job_id: (await views.job(job_id)).job.state for job_id in (RUNNING, PAUSED, CREATING, DONE, HALF, OLD)}
    assert list(states.values()) == [
        JobState.WATCHING,
        JobState.PAUSED,
        JobState.CREATING,
        *[JobState.SUCCEEDED] * 3,
    ]
    running, old, half = await views.job(RUNNING), await views.job(OLD), await views.job(HALF)
    assert (running.series.valid[-1], running.series.steps[-1].unread) == ((15, 0.4), {"entropy": 0.5})
    assert old.aliases == ("acts@production",)
    assert half.evidence is not None
    assert (half.evidence.answered, half.evidence.total) == (300, 600)


async def test_everything_in_the_outbox_is_delivered_once(taken_over: Store, redis: Redis) -> None:
    waiting = {str(key).removeprefix("{proctor}:posting:") for key in await redis.keys("{proctor}:posting:*")}
    slack = Slack()
    limits = RateLimits(settle=0.0, post_interval=0.0, edit_interval=0.0)
    worker = OutboxWorker(taken_over, Outbox(taken_over), slack, limits)
    while await worked_off(taken_over, {"deliver": worker.deliver}, DELIVERIES):
        pass
    assert slack.posted.keys() | slack.edited.keys() == waiting
    assert set(slack.posted.values()) == {1}
    assert slack.edited.keys() == {f"job:{RUNNING}:card", f"job:{DONE}:card"}, "they stood in Slack already"


async def test_the_open_approval_is_decided_with_the_vote_that_was_given(taken_over: Store) -> None:
    vote = Vote(DONE, CAROL, Verdict.APPROVE, "ckpt-85", "digest-85", "so do I", where=CHANNEL)
    answer = await Approvals(taken_over, SmallDirectory(BOB, CAROL), lambda: NOW + 1).decide(vote)
    assert answer.outcome is Outcome.SETTLED
    assert {each.user for each in answer.approval.decisions} == {BOB, CAROL}


async def test_the_trail_verifies_and_goes_on(taken_over: Store) -> None:
    before = await verify(taken_over, KEY)
    assert before.flaw is None
    await jobs_of(taken_over).request(PAUSED, Action.RESUME, by=ALICE, channel=CHANNEL, trigger="later")
    after = await verify(taken_over, KEY)
    assert (after.flaw, after.count) == (None, before.count + 1)


async def test_a_launch_in_creating_finds_the_job_that_the_platform_took(taken_over: Store) -> None:
    await jobs_of(taken_over).work(CREATING, held(CREATING), "reference")
    found = await taken_over.record(Job, CREATING)
    assert found is not None
    assert (found.value.state, found.value.remote_id) == (JobState.WATCHING, f"ftjob-of-{CREATING}")


async def test_what_is_due_is_handed_over(taken_over: Store) -> None:
    due = {each.item for each in await taken(taken_over)}
    assert {RUNNING, PAUSED, CREATING, f"evidence:{HALF}", "eval-half22", "sweep:local"} <= due
    alias = await taken_over.record(Alias, "acts@production")
    assert alias is not None
    assert await taken_over.model_of("acts@production") == alias.value.model


def jobs_of(store: Store) -> RftJobs:
    """Return the jobs of a store, on a platform that has the job which was being created."""
    remote = Remote(PROFILE, "key")
    tasks = TaskCatalogue(FIXTURES)
    launcher = Launcher(
        store,
        tasks,
        lambda _name: (PROFILE, remote),
        GraderRuntime(),
        default_platform="local",
        default_approvers=(),
        clock=lambda: NOW,
    )
    poller = Poller(store, SweepState(store.connection), lambda _name: (PROFILE, remote), lambda: NOW)
    return RftJobs(store, launcher, poller, lambda _name: PROFILE, EVERYBODY_MAY, lambda: NOW)
