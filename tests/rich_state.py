"""A rich data folder of the present version, for later versions to take over.

`python -m tests.rich_state` writes `tests/fixtures/state-<schema>.json`, every key that the product wrote. A file that
was once released is never written again: later versions have to read it as it is.
"""

import asyncio
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from redis.asyncio import Redis

from bot.kinds import KINDS
from bot.redis_server.server_binary import find_server
from bot.redis_server.subprocesses import tethered
from jobs.aliases.records import Alias, AliasMove, MoveKind, Proposal, Target, WebhookCall
from jobs.approvals.decide import Approvals, Vote
from jobs.approvals.records import DAY, Ending, Settlement, Verdict
from jobs.core.ids import DELIVERIES, approval_item, evidence_item, webhook_item
from jobs.core.records import Action, Job, JobState, PendingAction, Posting, PostingKind, RaisedAlert
from jobs.evals.records import EvalState
from jobs.evidence.records import EvidenceState
from jobs.notifications.digests import Digests
from jobs.notifications.records import Digest, HeldBack, HeldItem, Mute, QuietHours, Scope
from jobs.notifications.service import Quiet
from jobs.outbox.postings import Outbox
from jobs.queue.due import DueItems, Outcome
from jobs.state.change import Change, Once, Versioned
from jobs.state.connection import Connection
from jobs.state.store import SCHEMA, LedgerEntry, Store
from jobs.tasks.defaults import Choice, Chosen, TaskDefaults
from jobs.training.postings import alert_posting, card_posting, curve_posting, status, summary_posting
from jobs.training.trail_entries import asked, launched
from tests.jobs.evals.answers import an_eval
from tests.permitted import SmallDirectory
from tests.records import (
    ALICE,
    BOB,
    CAROL,
    CHANNEL,
    a_checkpoint,
    a_job,
    a_request,
    a_series,
    a_step,
    an_approval,
    an_evidence,
)

FIXTURES: Final = Path(__file__).parent / "fixtures"
KEY: Final = b"the key of a team's trail"
NOW: Final = 2_500.0
RUNNING, PAUSED, CREATING, DONE, HALF, OLD = (
    "rft-runng2",
    "rft-pausd2",
    "rft-creat2",
    "rft-done22",
    "rft-half22",
    "rft-old222",
)
KEPT: Final = tuple(a_checkpoint(step) for step in (60, 85, 95))

Dump = Mapping[str, tuple[str, Any]]
"""By key: its type in Redis, and what it holds as JSON."""


async def fill(store: Store) -> None:
    """Put jobs in every stage into an empty store, with what people said and what waits to be posted."""
    await _jobs(store)
    await _evidence_and_approvals(store)
    await _alias(store)
    await _preferences(store)
    await _outbox(store)


async def _jobs(store: Store) -> None:
    alert = RaisedAlert("O1", "warn", 10, "Overfitting: it got worse.", {"fall": 0.1})
    running = a_job(
        id=RUNNING,
        remote_id="ftjob-running",
        last_step=15,
        total_steps=100,
        last_event="ev-15",
        heard_at=1_115.0,
        step_seconds=1.0,
        alerts=(alert,),
        watchers=(BOB,),
        alert_settings={"O1": {"fall": 0.05}},
        held_out_graders=("recall",),
        guardrails={"precision": -0.02},
    )
    paused = a_job(
        id=PAUSED, remote_id="ftjob-paused", state=JobState.PAUSED, platform_status="paused", checkpoints=KEPT
    )
    creating = a_job(
        id=CREATING,
        remote_id=None,
        platform_status=None,
        state=JobState.CREATING,
        files=("file-train", "file-valid"),
        create_asked_at=NOW,
        request=a_request(trigger="creating"),
    )
    ended = {
        job_id: a_job(
            id=job_id,
            remote_id=f"ftjob-{job_id}",
            state=JobState.SUCCEEDED,
            platform_status="succeeded",
            finished_at=1_900.0,
            last_step=100,
            checkpoints=KEPT,
        )
        for job_id in (DONE, HALF, OLD)
    }
    for job in (running, paused, creating, *ended.values()):
        await store.commit(
            Change(
                records=(Versioned(job, 0),),
                steps=a_series(0.2, 0.3, 0.4).steps,
                due_in=-1 if job.state.is_final else 0,
                postings=(card_posting(job),),
                audit=(launched(job),),
                once=Once(f"launched:{job.id}", job.id, 10),
            )
        )
    await _say(store)
    held = await _held(store, Job, RUNNING)
    pending = PendingAction(Action.PAUSE, BOB, CHANNEL, "click")
    await store.commit(
        Change(
            records=(held,),
            steps=(a_step(16, unread={"entropy": 0.5}),),
            due_in=0,
            audit=(asked(held.value, pending, NOW),),
            postings=(
                card_posting(running),
                curve_posting(running, urgent=True),
                alert_posting(running, 0),
                status(running, "Resumed.", by=BOB),
            ),
        )
    )


async def _evidence_and_approvals(store: Store) -> None:
    half = an_evidence(
        job=HALF, state=EvidenceState.GATHERING, valid_eval="eval-half22", answered=300, finished_at=None, candidates=()
    )
    evaluation = an_eval(id="eval-half22", state=EvalState.RUNNING)
    opened = an_approval(
        subject=DONE,
        task="acts",
        channel=CHANNEL,
        names={each.id: f"step {each.step}" for each in KEPT},
        models={each.id: each.model_id for each in KEPT},
        evidence={each.id: f"digest-{each.step}" for each in KEPT},
        broken={"ckpt-95": ("precision",)},
        expires_at=2_000.0 + 7 * DAY,
    )
    settled = an_approval(subject=OLD, settled=Settlement(Ending.APPROVED, "ckpt-85", 2_100.0))
    records = (half, evaluation, an_eval(), an_evidence(job=DONE), opened, settled)
    await store.commit(
        Change(
            records=tuple(Versioned(each, 0) for each in records),
            item=evaluation.id,
            due_in=0,
            schedule={evidence_item(HALF): 0.0, approval_item(DONE): 5 * DAY},
            postings=(summary_posting(a_job(id=DONE)),),
        )
    )
    vote = Vote(DONE, BOB, Verdict.APPROVE, "ckpt-85", "digest-85", "it is good", where=CHANNEL)
    await Approvals(store, SmallDirectory(BOB, CAROL), lambda: NOW).decide(vote)


async def _alias(store: Store) -> None:
    first = Target("ft:60", "local", OLD, "ckpt-60", 60, OLD, "digest-60")
    second = Target("ft:85", "local", OLD, "ckpt-85", 85, OLD, "digest-85")
    moves = (
        AliasMove(1, first, MoveKind.APPROVED, BOB, 2_150.0, "the first", (BOB, CAROL)),
        AliasMove(2, second, MoveKind.APPROVED, CAROL, 2_160.0, "it is better", (BOB, CAROL)),
    )
    records: tuple[object, ...] = (
        Alias("acts@production", "acts", moves, "move-abc234"),
        Proposal("move-abc234", "acts@production", "acts", False, 2, 2, 1, BOB, 2_200.0, "it answers oddly", CHANNEL),
        WebhookCall("acts@production:2", "acts@production", 2, 2_160.0, attempts=1, last_answer="503"),
    )
    await store.commit(
        Change(
            records=tuple(Versioned(each, 0) for each in records),
            plain={"model:acts@production": "ft:85"},
            schedule={webhook_item("acts@production:2"): 60.0},
        )
    )


async def _preferences(store: Store) -> None:
    quiet = Quiet(store, lambda: NOW)
    await quiet.mute(CHANNEL, Mute(Scope.JOB, RUNNING, NOW + DAY, ALICE))
    await quiet.set_quiet(CHANNEL, QuietHours(22 * 60, 7 * 60, "Europe/Berlin", ALICE))
    await quiet.set_mentions(CAROL, on=False)
    await Digests(store, lambda _at, _zone, now: now + DAY, lambda: NOW).plan(
        CHANNEL, 9 * 60, "Europe/Berlin", by=ALICE, even_if_empty=True
    )
    item = HeldItem(f"job:{RUNNING}:alert:O1:10", RUNNING, "Overfitting", NOW, (BOB,))
    held, digest = HeldBack(f"{CHANNEL}:9000", CHANNEL, 9_000.0, (item,)), Digest("C0RFT:1970-01-01", CHANNEL, 0.0, NOW)
    chosen = TaskDefaults("acts", (Chosen(Choice("low", "v2"), ALICE, NOW, "eval-abc234"),))
    await store.commit(Change(records=(Versioned(held, 0), Versioned(digest, 0), Versioned(chosen, 0))))


async def _outbox(store: Store) -> None:
    """Let a message of each kind wait, one of them after an attempt whose answer was lost, and one refused."""
    waiting = tuple(
        Posting(f"{kind}:waits", kind, f"lane:{kind}", RUNNING, CHANNEL, user=ALICE, text=f"a text of {kind}")
        for kind in PostingKind
    )
    await store.commit(Change(postings=waiting))
    outbox, table = Outbox(store), DueItems(store.connection)
    (lane,) = (await table.take({DELIVERIES: 1})).taken
    await outbox.begin(lane)
    await table.end(lane, Outcome.LEFT, 0.0)
    refused = Posting("refused", PostingKind.ANSWER, "refused", RUNNING, CHANNEL, user=ALICE, text="no")
    await store.commit(Change(postings=(refused,)))
    await outbox.drop(refused, "channel_not_found")
    await store.secret("reports")


async def _say(store: Store) -> None:
    """Let everything that waits stand in Slack."""
    outbox, table = Outbox(store), DueItems(store.connection)
    for lane in (await table.take({DELIVERIES: 100})).taken:
        while delivery := await outbox.begin(lane):
            await outbox.settle(delivery, LedgerEntry(CHANNEL, f"ts of {delivery.posting.id}", at=NOW))
        await table.end(lane)


async def _held(store: Store, kind: type[Job], record_id: str) -> Versioned[Job]:
    held = await store.record(kind, record_id)
    assert held is not None
    return held


# -- out of a server and into one ----------------------------------------------------------------------------------


async def dump(redis: Redis) -> Dump:
    """Return everything that a server keeps for good."""
    found: dict[str, tuple[str, Any]] = {}
    for key in sorted(str(each) for each in await redis.keys()):
        if await redis.ttl(key) == -1:
            type_ = str(await redis.type(key))
            found[key] = (type_, await _value(redis, key, type_))
    return found


async def _value(redis: Redis, key: str, type_: str) -> object:
    match type_:
        case "string":
            return await redis.get(key)
        case "hash":
            return dict(sorted((await redis.hgetall(key)).items()))
        case "list":
            return await redis.lrange(key, 0, -1)
        case "set":
            return sorted(await redis.smembers(key))
        case "zset":
            return await redis.zrange(key, 0, -1, withscores=True)
        case "stream":
            return await redis.xrange(key)
        case _:
            raise AssertionError(f"{key} is a {type_}")


async def restore(redis: Redis, kept: Dump) -> None:
    """Put what was dumped into an empty server."""
    for key, (type_, value) in kept.items():
        match type_:
            case "string":
                await redis.set(key, value)
            case "hash":
                await redis.hset(key, mapping=value)
            case "list":
                await redis.rpush(key, *value)
            case "set":
                await redis.sadd(key, *value)
            case "zset":
                await redis.zadd(key, dict(value))
            case "stream":
                for entry, fields in value:
                    await redis.xadd(key, fields, entry)
            case _:
                raise AssertionError(f"{key} is a {type_}")


async def main() -> None:
    """Write the fixture of the present version."""
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder) / "redis.sock"
        command = tethered((str(find_server().path), "--port", "0", "--unixsocket", str(socket), "--save", ""))
        server = await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=asyncio.subprocess.DEVNULL)
        try:
            while not socket.exists():  # noqa: ASYNC110 - the server tells in no other way
                await asyncio.sleep(0.01)
            redis = Redis.from_url(f"unix://{socket}", decode_responses=True)
            store = Store(Connection(redis), KINDS, KEY)
            await store.open()
            await fill(store)
            text = json.dumps(await dump(redis), indent=1, ensure_ascii=False)
            (FIXTURES / f"state-{SCHEMA}.json").write_text(f"{text}\n", encoding="utf-8")
            await redis.aclose()
        finally:
            server.terminate()
            await server.wait()


if __name__ == "__main__":
    asyncio.run(main())
