"""From the end of a job to what its team decides on: every checkpoint evaluated by itself, and the approval on that."""

import pytest
from redis.asyncio import Redis

from bot.kinds import KINDS
from jobs.approvals.records import Approval
from jobs.core.records import Job
from jobs.evals.records import Eval, EvalState
from jobs.evidence.records import Evidence, EvidenceState, Role
from jobs.state.connection import Connection
from jobs.state.store import Store
from jobs.trail.entry import Act
from tests.story.colleagues import eventually
from tests.story.conftest import House
from tests.story.test_story import summary_of

pytestmark = [pytest.mark.story, pytest.mark.shared_bot]


def copy_small(house: House) -> None:
    """Take the bundled task with short splits to evaluate on."""
    folder = house.copy_eurovoc()
    for split in ("valid", "test"):
        lines = (folder / f"{split}.jsonl").read_text("utf-8").splitlines(keepends=True)
        (folder / f"{split}.jsonl").write_text("".join(lines[:16]), "utf-8")


async def evidence_of(store: Store, state: EvidenceState = EvidenceState.READY, number: int = 1) -> Evidence:
    """Wait until the newest job's evidence is in a state."""

    async def look() -> Evidence | None:
        found = await store.records(Evidence, 1)
        return found[0] if found and (found[0].state, found[0].round) == (state, number) else None

    return await eventually(look, f"evidence that is {state}")


@pytest.mark.thorough
async def test_checkpoints_are_evaluated_when_their_job_ends(house: House, redis: Redis) -> None:
    house.copy_eurovoc()
    store = Store(Connection(redis), KINDS)
    async with house.bot():
        await house.workspace.type_command("alice", "/rft", "launch task=eurovoc seed=1")
        evidence = await evidence_of(store)
        job = (await store.records(Job, 1))[0]

        base, *checkpoints = evidence.candidates
        assert base.role is Role.BASE
        assert [each.checkpoint for each in checkpoints] == [each.id for each in job.checkpoints]
        assert evidence.answered == evidence.total == 2 * 60 * 3 * len(evidence.candidates)
        for each in evidence.candidates:
            assert set(each.valid) == set(each.test) == {"precision", "recall", "f1"}
            assert (each.answers, each.failures) == (180, 0)
        approval = await store.record(Approval, job.id)
        assert approval is not None
        assert approval.value.evidence == {each.checkpoint: each.digest for each in checkpoints}
        evals = await store.records(Eval)
        assert {(each.split, each.state) for each in evals} == {
            ("valid", EvalState.FINISHED),
            ("test", EvalState.FINISHED),
        }


@pytest.mark.own_bot
async def test_a_bot_that_is_stopped_while_it_evaluates_goes_on_and_asks_nothing_twice(
    house: House, redis: Redis
) -> None:
    copy_small(house)
    store = Store(Connection(redis), KINDS)
    async with house.bot():
        await house.workspace.type_command("alice", "/rft", "launch task=eurovoc seed=2")
        begun = await evidence_of(store, EvidenceState.GATHERING)
    async with house.bot():
        evidence = await evidence_of(store)
        await summary_of(house.workspace)
    assert (evidence.round, evidence.valid_eval, evidence.test_eval) == (1, begun.valid_eval, begun.test_eval)
    assert len(await store.records(Eval)) == 2
    postings = [
        str(m["metadata"]["event_payload"]["posting"]) for m in await house.workspace.messages() if "metadata" in m
    ]
    assert len(postings) == len(set(postings))
    assert [entry.entry.act for entry in await store.trail() if entry.entry.act is Act.REQUESTED] == [Act.REQUESTED]


async def test_a_paused_job_is_evaluated_and_goes_on_without_votes(house: House, redis: Redis) -> None:
    copy_small(house)
    store = Store(Connection(redis), KINDS)
    async with house.bot():
        await house.workspace.type_command("alice", "/rft", "launch task=eurovoc seed=3 epochs=16")
        await house.workspace.reply_with("Reward curve")
        job = (await store.records(Job, 1))[0]
        await house.workspace.type_command("alice", "/rft", f"pause {job.id}")
        paused = await evidence_of(store)
        assert paused.test_eval is None
        assert paused.candidates[1].valid["f1"].low is not None
        await house.workspace.type_command("alice", "/rft", f"resume {job.id}")

        async def taken_back() -> Approval | None:
            held = await store.record(Approval, job.id)
            return held.value if held and not held.value.evidence else None

        approval = await eventually(taken_back, "an approval that was taken back")
        assert "goes on training" in approval.renewed_why
        done = await evidence_of(store, number=2)
        assert done.test_eval is not None
        held = await store.record(Approval, job.id)
        assert held is not None
        assert set(held.value.evidence) == set(done.checkpoints)
