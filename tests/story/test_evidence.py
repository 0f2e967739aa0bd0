"""From the end of a job to what its team decides on: every checkpoint evaluated by itself, and the approval on that."""

import pytest
from redis.asyncio import Redis

from jobs.evals.records import EvalState
from jobs.evidence.records import Evidence, EvidenceState, Role
from jobs.store import Store
from tests.story.colleagues import eventually
from tests.story.conftest import House

pytestmark = pytest.mark.story


async def evidence_of(store: Store, state: EvidenceState = EvidenceState.READY, number: int = 1) -> Evidence:
    """Wait until the newest job's evidence is in a state."""

    async def look() -> Evidence | None:
        found = await store.records(Evidence, 1)
        return found[0] if found and (found[0].state, found[0].round) == (state, number) else None

    return await eventually(look, f"evidence that is {state}")


async def test_checkpoints_are_evaluated_when_their_job_ends(house: House, redis: Redis) -> None:
    house.copy_eurovoc()
    store = Store(redis)
    async with house.bot():
        await house.workspace.type_command("alice", "/rft", "launch task=eurovoc seed=1")
        evidence = await evidence_of(store)
        job = (await store.jobs(1))[0]

        base, *checkpoints = evidence.candidates
        assert base.role is Role.BASE
        assert [each.checkpoint for each in checkpoints] == [each.id for each in job.checkpoints]
        assert evidence.answered == evidence.total == 2 * 60 * 3 * len(evidence.candidates)
        for each in evidence.candidates:
            assert set(each.valid) == set(each.test) == {"precision", "recall", "f1"}
            assert (each.answers, each.failures) == (180, 0)
        approval = await store.approval(job.id)
        assert approval is not None
        assert approval.value.evidence == {each.checkpoint: each.digest for each in checkpoints}
        evals = await store.evaluations()
        assert {(each.split, each.state) for each in evals} == {
            ("valid", EvalState.FINISHED),
            ("test", EvalState.FINISHED),
        }
