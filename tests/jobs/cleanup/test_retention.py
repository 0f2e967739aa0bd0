"""What is kept and what goes, on a real server, with the clock of the one who asks."""

import json
import time
from collections.abc import Collection
from dataclasses import dataclass, replace

import pytest
from redis.asyncio import Redis

from bot.kinds import KINDS
from jobs.aliases.records import Alias, AliasMove, MoveKind, Target
from jobs.approvals.records import Approval, Ending, Settlement
from jobs.cleanup.retention import DAY, PAGE, Retention, eval_ended, job_ended
from jobs.core.ids import DELIVER, DELIVERIES, card_id
from jobs.core.records import Job, JobState, Posting, PostingKind
from jobs.evals.records import Eval, EvalState
from jobs.evidence.records import EvidenceState
from jobs.notifications.records import Digest, HeldBack
from jobs.outbox.postings import Outbox
from jobs.outbox.worker import ROOTLESS_PAUSE, OutboxWorker, RateLimits, Undeliverable
from jobs.state.change import Change, Versioned
from jobs.state.connection import Connection
from jobs.state.store import LedgerEntry, RecordsOf, Removal, Store
from jobs.training.postings import card_posting, finish_posting, status, summary_posting
from tests.jobs.evals.answers import an_eval
from tests.records import CHANNEL, a_job, a_posting, a_series, an_approval, an_evidence
from tests.working import waiting_lanes, worked_off

START = 1_000_000.0
DONE = a_job(state=JobState.SUCCEEDED, created_at=START, finished_at=START + DAY)
REJECTED = an_approval(settled=Settlement(Ending.REJECTED, "", START + 2 * DAY))
READY = an_evidence(finished_at=START + 1.5 * DAY)


@dataclass(frozen=True)
class Slack:
    """Takes every message but those that it refuses."""

    refused: Collection[str]

    async def post(self, posting: Posting, thread: LedgerEntry | None) -> LedgerEntry:
        del thread
        if posting.id in self.refused:
            raise Undeliverable("channel_not_found")
        return LedgerEntry(CHANNEL, f"ts of {posting.id}")

    async def edit(self, posting: Posting, entry: LedgerEntry) -> LedgerEntry:
        del posting
        return entry

    async def find(self, posting: Posting, thread: LedgerEntry | None, since: float) -> LedgerEntry | None:
        del thread, since
        raise AssertionError(f"no answer about {posting.id} was lost")


class Days:
    """A clock that is set."""

    def __init__(self) -> None:
        self.day = 0.0

    def __call__(self) -> float:
        return START + self.day * DAY


def retention(store: Store, day: float) -> Retention:
    days = Days()
    days.day = day
    return Retention(store, Outbox(store), 180, days)


async def say(store: Store, *postings: Posting) -> None:
    """Let postings stand in Slack."""
    await store.commit(Change(postings=postings))
    await deliver(store)
    assert all([await store.ledger(posting.subject, posting.id) for posting in postings])


async def deliver(store: Store, *refused: str, pause: float = 0.0) -> None:
    """Deliver once what is due; Slack refuses the postings with these ids, and a message may pause after an edit."""
    unlimited = RateLimits(post_interval=0.0, edit_interval=0.0, pauses=dict.fromkeys(PostingKind, pause))
    outbox_worker = OutboxWorker(store, Outbox(store), Slack(refused), unlimited)
    await worked_off(store, {DELIVER: outbox_worker.deliver}, DELIVERIES)


async def keep(store: Store, job: Job, *also: object) -> None:
    """Put a job that was talked about into the store."""
    records = tuple(Versioned(each, 0) for each in also)
    await store.commit(Change(records=(Versioned(job, 0), *records), steps=a_series(0.2, 0.5).steps))
    for posting in (card_posting(job), summary_posting(job), finish_posting(job, "It ended.", broadcast=False)):
        await say(store, posting)


async def is_whole(store: Store, redis: Redis, job: Job) -> bool:
    lines = set(await redis.hkeys(f"{{proctor}}:ledger:{job.id}"))
    steps = len((await store.series(job.id)).steps)
    roots = {card_id(job.id), summary_posting(job).id}
    if steps:
        assert lines == roots | {f"job:{job.id}:finish"}
    else:
        assert lines == roots
    return steps > 0


# -- pure ----------------------------------------------------------------------------------------------------------


def ended(*records: object, is_pointed_at: bool = False) -> float | None:
    found = {type(each): Versioned(each, 1) for each in (DONE, *records)}
    return job_ended(RecordsOf(found), is_pointed_at=is_pointed_at)


def test_days_count_from_the_last_thing_that_happened() -> None:
    assert ended() == START + DAY
    assert ended(READY) == START + 1.5 * DAY
    assert ended(REJECTED, READY) == START + 2 * DAY
    assert ended(a_job(state=JobState.NOT_LAUNCHED, created_at=5.0)) == 5.0


@pytest.mark.parametrize("state", [state for state in JobState if not state.is_final])
def test_a_job_that_goes_on_has_not_ended(state: JobState) -> None:
    assert ended(replace(DONE, state=state)) is None


def test_what_waits_is_evaluated_or_runs_in_production_has_not_ended() -> None:
    assert ended(an_approval()) is None
    assert ended(replace(READY, state=EvidenceState.GATHERING)) is None
    assert ended(is_pointed_at=True) is None


def test_an_eval_of_a_job_is_evidence_and_stays() -> None:
    evaluation = an_eval(finished_at=7.0)
    assert eval_ended(evaluation) == 7.0
    assert eval_ended(replace(evaluation, state=EvalState.RUNNING)) is None
    assert eval_ended(replace(evaluation, request=replace(evaluation.request, job="rft-abc234"))) is None
    assert eval_ended(an_eval(state=EvalState.REFUSED)) == 1_000.0


# -- jobs ----------------------------------------------------------------------------------------------------------


async def test_an_old_job_loses_its_steps_and_messages_and_stays_itself(store: Store, redis: Redis) -> None:
    await keep(store, DONE, REJECTED, READY)
    assert await retention(store, 181.9).clean_up() == 0
    assert await is_whole(store, redis, DONE)

    assert await retention(store, 182.1).clean_up() == 1
    assert not await is_whole(store, redis, DONE)
    held, approval = await store.record(Job, DONE.id), await store.record(Approval, DONE.id)
    assert (held and held.value, approval and approval.value) == (DONE, REJECTED)
    assert (await store.ledger(DONE.id, card_id(DONE.id))) is not None
    assert await store.records(Job) == (DONE,)
    assert await retention(store, 500).clean_up() == 0


@pytest.mark.parametrize(
    ("job", "also"),
    [
        (replace(DONE, state=JobState.WATCHING), ()),
        (replace(DONE, state=JobState.PAUSED), ()),
        (DONE, (an_approval(),)),
        (DONE, (REJECTED, replace(READY, state=EvidenceState.GATHERING))),
    ],
    ids=["watched", "paused", "open approval", "being evaluated"],
)
async def test_what_more_may_come_of_is_never_touched(
    store: Store, redis: Redis, job: Job, also: tuple[object, ...]
) -> None:
    await keep(store, job, *also)
    assert await retention(store, 10_000).clean_up() == 0
    assert await is_whole(store, redis, job)


async def test_what_production_runs_is_kept_until_its_alias_moves_on(store: Store, redis: Redis) -> None:
    def points_at(job: str, number: int) -> AliasMove:
        target = Target("model", "local", job, "ckpt-5", 5, job)
        return AliasMove(number, target, MoveKind.APPROVED, "U0ALICE", START, "best")

    alias = Alias("acts@production", "acts", (points_at(DONE.id, 1),))
    await keep(store, DONE, alias)
    assert await retention(store, 1000).clean_up() == 0
    assert await is_whole(store, redis, DONE)
    moved = replace(alias, moves=(*alias.moves, points_at("rft-other2", 2)))
    await store.commit(Change(records=(Versioned(moved, 1),)))
    assert await retention(store, 1000).clean_up() == 1


async def test_what_changes_while_it_is_looked_at_stays(store: Store, redis: Redis) -> None:
    await keep(store, DONE)
    removal = Removal(
        guards=((f"job:{DONE.id}", 1), (f"approval:{DONE.id}", 0)), gone=(f"steps:{DONE.id}",), absent=("posting:x",)
    )
    await store.commit(Change(records=(Versioned(an_approval(), 0),)))
    assert not await store.drop(removal)
    await redis.hset("{proctor}:posting:x", "value", "{}")
    assert not await store.drop(replace(removal, guards=((f"job:{DONE.id}", 1), (f"approval:{DONE.id}", 1))))
    assert await is_whole(store, redis, DONE)


class DyingStore(Store):
    """Dies before the removal of this number, counted from 1."""

    def __init__(self, connection: Connection, number: int) -> None:
        super().__init__(connection, KINDS)
        self.left = number

    async def drop(self, removal: Removal) -> bool:
        self.left -= 1
        if not self.left:
            raise ConnectionError("gone")
        return await super().drop(removal)


async def test_a_pass_that_breaks_off_is_taken_up_by_the_next(store: Store, redis: Redis) -> None:
    jobs = [replace(DONE, id=f"rft-old{number:03}") for number in range(7)]
    for job in jobs:
        await keep(store, job)
    with pytest.raises(ConnectionError):
        await retention(DyingStore(Connection(redis), 4), 200).clean_up()
    assert [await is_whole(store, redis, job) for job in jobs] == [False] * 3 + [True] * 4
    assert await retention(store, 200).clean_up() == 4
    assert [await is_whole(store, redis, job) for job in jobs] == [False] * 7


# -- evals, digests, what was held back ----------------------------------------------------------------------------


async def test_old_evals_go_page_by_page_and_those_of_jobs_stay(store: Store, redis: Redis) -> None:
    def made(number: int, day: float) -> Eval:
        return an_eval(id=f"eval-{number:06}", created_at=START + day * DAY, finished_at=START + day * DAY + 60)

    old, young = [made(number, 1) for number in range(230)], made(900, 30)
    theirs = made(901, 1)
    theirs = replace(theirs, request=replace(theirs.request, job=DONE.id))
    await store.commit(Change(records=tuple(Versioned(each, 0) for each in (*old, young, theirs))))
    assert await retention(store, 182).clean_up() == 230
    assert {each.id for each in await store.records(Eval)} == {young.id, theirs.id}
    assert await redis.exists("{proctor}:eval:eval-000007") == 0


async def test_digests_and_what_was_held_back_go_after_a_month(store: Store, redis: Redis) -> None:
    digest = Digest("C0RFT:2026-01-01", CHANNEL, START - DAY, START)
    told, untold = HeldBack("C0RFT:1", CHANNEL, START, notified=True), HeldBack("C0RFT:2", CHANNEL, START)
    await store.commit(Change(records=(*tuple(Versioned(each, 0) for each in (digest, told, untold)),)))
    said = Posting(f"digest:{digest.id}", PostingKind.DIGEST, "digest:C0RFT", f"digest:{digest.id}", CHANNEL)
    await say(store, said)
    assert await retention(store, 29.9).clean_up() == 0
    assert await retention(store, 30.1).clean_up() == 2
    assert await store.record(Digest, digest.id) is None
    assert await redis.exists(f"{{proctor}}:ledger:digest:{digest.id}") == 0
    assert await store.records(HeldBack) == (untold,)


async def test_a_digest_that_still_waits_to_be_posted_stays(store: Store) -> None:
    digest = Digest("C0RFT:2026-01-01", CHANNEL, START - DAY, START)
    waiting = Posting(f"digest:{digest.id}", PostingKind.DIGEST, "digest:C0RFT", f"digest:{digest.id}", CHANNEL)
    await store.commit(Change(records=(Versioned(digest, 0),), postings=(waiting,)))
    assert await retention(store, 99).clean_up() == 0


# -- what Slack refused --------------------------------------------------------------------------------------------


async def test_what_slack_refused_is_forgotten_after_a_month_but_not_a_refused_card(store: Store, redis: Redis) -> None:
    job, now = replace(DONE, state=JobState.WATCHING), time.time()
    postings, outbox = (a_posting(), card_posting(job)), Outbox(store)
    await store.commit(Change(postings=postings))
    await deliver(store, *(posting.id for posting in postings))
    noted = json.loads(str(await redis.hget("{proctor}:refused", a_posting().id)))
    assert abs(noted["at"] - now) < 60
    assert await Retention(store, outbox, 180, lambda: now + 29 * DAY).clean_up() == 0
    assert await Retention(store, outbox, 180, lambda: now + 31 * DAY).clean_up() == 1
    assert await redis.hkeys("{proctor}:refused") == [card_id(job.id)]


@pytest.mark.parametrize(("state", "removed"), [(JobState.WATCHING, 0), (JobState.SUCCEEDED, 1)])
async def test_what_waits_for_a_refused_card_goes_with_the_job(store: Store, state: JobState, removed: int) -> None:
    job = replace(DONE, state=state)
    waits = status(job, "It runs.")
    await store.commit(Change(records=(Versioned(job, 0),), postings=(card_posting(job), waits)))
    assert await retention(store, 200).clean_up() == 0, "the card itself may still be on its way"
    await deliver(store, card_id(job.id))
    assert await retention(store, 200).clean_up() == removed
    assert await Outbox(store).is_refused(waits.id) == bool(removed)


async def test_what_waits_for_a_refused_card_is_found_behind_lanes_that_only_pause(store: Store) -> None:
    await store.commit(Change(records=(Versioned(DONE, 0),), postings=(card_posting(DONE),)))
    await deliver(store, card_id(DONE.id))
    pausing = tuple(
        a_posting(subject="rft-other2", id=f"card {n}", lane=f"lane {n}", refreshed=True) for n in range(PAGE)
    )
    for some in (pausing[: PAGE // 2], pausing[PAGE // 2 :]):
        await store.commit(Change(postings=some))
        await deliver(store, pause=30.0)
    waits = status(DONE, "It runs.")
    await store.commit(Change(postings=(waits,)))
    await deliver(store)
    *first, last = await waiting_lanes(store)
    assert (len(first), last) == (PAGE, waits.lane), "the page before it has no postings"
    assert await retention(store, 200).clean_up() == 1
    assert await Outbox(store).is_refused(waits.id)


async def test_a_thread_whose_card_slack_refused_is_looked_at_once_an_hour(store: Store) -> None:
    await store.commit(Change(records=(Versioned(DONE, 0),), postings=(card_posting(DONE),)))
    await deliver(store, card_id(DONE.id))
    waits = status(DONE, "It runs.")
    await store.commit(Change(postings=(waits,)))
    await deliver(store)
    assert await waiting_lanes(store) == {waits.lane: pytest.approx(ROOTLESS_PAUSE, abs=60)}
    # The bot was invited back: the card is posted, and what waited follows.
    await say(store, card_posting(DONE))
    lane = f"{DELIVER}:{waits.lane}"
    await store.connection.redis.zadd(f"{{proctor}}:due:{DELIVERIES}", {lane: 0})
    await deliver(store)
    assert await store.ledger(DONE.id, waits.id) is not None


# -- the tick ------------------------------------------------------------------------------------------------------


async def test_of_several_bots_one_takes_the_pass(store: Store, redis: Redis) -> None:
    await keep(store, DONE)
    late = replace(DONE, id="rft-late22")
    await retention(store, 200).tick()
    assert not await is_whole(store, redis, DONE)
    await keep(store, late)
    await retention(store, 200).tick()
    assert await is_whole(store, redis, late)
