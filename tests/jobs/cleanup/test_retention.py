"""What is kept and what goes, on a real server, with the clock of the one who asks."""

import json
import time
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from bot.kinds import KINDS
from jobs.aliases.records import Alias, AliasMove, MoveKind, Target
from jobs.approvals.records import Approval, Ending, Settlement
from jobs.cleanup.retention import DAY, Retention, eval_ended, job_ended
from jobs.core.ids import card_id
from jobs.core.records import Job, JobState, Posting, PostingKind
from jobs.evals.records import Eval, EvalState
from jobs.evidence.records import EvidenceState
from jobs.notifications.records import Digest, HeldBack
from jobs.state.change import Change, Versioned
from jobs.state.connection import Connection
from jobs.state.store import LedgerEntry, RecordsOf, Removal, Store
from jobs.training.postings import card_posting, finish_posting, status, summary_posting
from tests.jobs.evals.answers import an_eval
from tests.records import CHANNEL, a_job, a_posting, a_series, an_approval, an_evidence

START = 1_000_000.0
DONE = a_job(state=JobState.SUCCEEDED, created_at=START, finished_at=START + DAY)
REJECTED = an_approval(settled=Settlement(Ending.REJECTED, "", START + 2 * DAY))
READY = an_evidence(finished_at=START + 1.5 * DAY)


class Days:
    """A clock that is set."""

    def __init__(self) -> None:
        self.day = 0.0

    def __call__(self) -> float:
        return START + self.day * DAY


def retention(store: Store, day: float) -> Retention:
    days = Days()
    days.day = day
    return Retention(store, 180, days)


async def say(store: Store, *postings: Posting) -> None:
    """Let postings stand in Slack."""
    await store.commit(Change(postings=postings))
    for _ in postings:
        (claim,) = await store.claim("outbox", lease=60, limit=1)
        delivery = await store.begin(claim.id, claim.token, lease=60)
        assert delivery is not None
        await store.settle(delivery, LedgerEntry(CHANNEL, f"ts of {delivery.posting.id}"))
        await store.release(claim.id, claim.token)


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

    def __init__(self, redis: Redis, number: int) -> None:
        super().__init__(redis, KINDS)
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
    for posting in (a_posting(), card_posting(job)):
        await store.commit(Change(postings=(posting,)))
        await store.refuse(posting, "channel_not_found")
    noted = json.loads(str(await redis.hget("{proctor}:refused", a_posting().id)))
    assert abs(noted["at"] - now) < 60
    assert await Retention(store, 180, lambda: now + 29 * DAY).clean_up() == 0
    assert await Retention(store, 180, lambda: now + 31 * DAY).clean_up() == 1
    assert list(await store.refused()) == [card_id(job.id)]


@pytest.mark.parametrize(("state", "removed"), [(JobState.WATCHING, 0), (JobState.SUCCEEDED, 1)])
async def test_what_waits_for_a_refused_card_goes_with_the_job(store: Store, state: JobState, removed: int) -> None:
    job = replace(DONE, state=state)
    waits = status(job, "It runs.")
    await store.commit(Change(records=(Versioned(job, 0),), postings=(card_posting(job), waits)))
    assert await retention(store, 200).clean_up() == 0, "the card itself may still be on its way"
    await store.refuse(card_posting(job), "channel_not_found")
    assert await retention(store, 200).clean_up() == removed
    assert await store.is_refused(waits.id) == bool(removed)


# -- the tick ------------------------------------------------------------------------------------------------------


async def test_of_several_bots_one_takes_the_pass(store: Store, redis: Redis) -> None:
    await keep(store, DONE)
    late = replace(DONE, id="rft-late22")
    await retention(store, 200).tick()
    assert not await is_whole(store, redis, DONE)
    await keep(store, late)
    await retention(store, 200).tick()
    assert await is_whole(store, redis, late)
