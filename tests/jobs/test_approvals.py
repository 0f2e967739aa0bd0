import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from jobs.approvals.deciding import Approvals, Outcome, decide, refusal
from jobs.approvals.records import Approval, Decision, Ending, Settlement, Verdict
from jobs.changes import Change, Versioned
from jobs.errors import NotFound
from jobs.records import JobState
from jobs.store import Store
from tests.records import ALICE, BOB, CAROL, DAVE, a_checkpoint, a_job, an_approval

ERIN = "U0ERIN"


class SmallDirectory:
    """A group of approvers."""

    def __init__(self, *members: str) -> None:
        self.members = set(members)

    async def is_any_of(self, user: str, approvers: tuple[str, ...]) -> bool:
        assert approvers == ("model-approvers",)
        await asyncio.sleep(0)
        return user in self.members


def vote(user: str, checkpoint: str = "ckpt-5", verdict: Verdict = Verdict.APPROVE, at: float = 1.0) -> Decision:
    return Decision(user, verdict, checkpoint, "it is good", at)


@pytest.fixture
async def approvals(store: Store) -> Approvals:
    job = a_job(state=JobState.SUCCEEDED, checkpoints=(a_checkpoint(5), a_checkpoint(10)))
    await store.commit(Change(job=Versioned(job, 0), approval=Versioned(an_approval(), 0)))
    return Approvals(store, SmallDirectory(ALICE, BOB, CAROL, ERIN), lambda: 3_000.0)


def test_one_vote_is_recorded_and_a_second_settles() -> None:
    first = decide(an_approval(), vote(BOB))
    assert first.outcome is Outcome.RECORDED
    second = decide(first.approval, vote(CAROL, at=2.0))
    assert second.outcome is Outcome.SETTLED
    assert second.approval.settled == Settlement(Ending.APPROVED, "ckpt-5", 2.0)


def test_votes_for_different_checkpoints_do_not_add_up() -> None:
    first = decide(an_approval(), vote(BOB))
    second = decide(first.approval, vote(CAROL, "ckpt-10"))
    assert second.outcome is Outcome.RECORDED
    assert second.approval.settled is None


def test_a_person_has_one_decision_and_may_change_it() -> None:
    first = decide(an_approval(), vote(BOB))
    assert decide(first.approval, vote(BOB)).outcome is Outcome.REPEATED
    moved = decide(first.approval, vote(BOB, "ckpt-10"))
    assert moved.outcome is Outcome.RECORDED
    assert [d.choice for d in moved.approval.decisions] == ["ckpt-10"]


def test_one_rejection_settles_all() -> None:
    first = decide(an_approval(), vote(BOB))
    second = decide(first.approval, vote(CAROL, "", Verdict.REJECT, 5.0))
    assert second.outcome is Outcome.SETTLED
    assert second.approval.settled == Settlement(Ending.REJECTED, "", 5.0)


@pytest.mark.parametrize(
    ("approval", "user", "is_approver", "reason"),
    [
        (an_approval(), BOB, True, None),
        (an_approval(), ALICE, True, Outcome.OWN_JOB),
        (an_approval(), DAVE, False, Outcome.NOT_APPROVER),
        (an_approval(settled=Settlement(Ending.APPROVED, "x", 1.0)), DAVE, False, Outcome.ALREADY_SETTLED),
    ],
)
def test_who_may_decide(approval: Approval, user: str, is_approver: bool, reason: Outcome | None) -> None:
    assert refusal(approval, user, is_approver=is_approver) is reason


async def test_a_decision_is_kept_and_the_messages_are_renewed(store: Store, approvals: Approvals) -> None:
    answer = await approvals.decide("rft-abc234", BOB, Verdict.APPROVE, "ckpt-5", "best F1")
    assert answer.outcome is Outcome.RECORDED
    held = await store.approval("rft-abc234")
    assert held is not None
    assert held.value.decisions == (Decision(BOB, Verdict.APPROVE, "ckpt-5", "best F1", 3_000.0),)
    lanes = {claim.id for claim in await store.claim("outbox", lease=60, limit=10)}
    assert lanes == {"summary:rft-abc234", "card:rft-abc234"}


async def test_who_may_not_decide_changes_nothing(store: Store, approvals: Approvals) -> None:
    for user, outcome in ((ALICE, Outcome.OWN_JOB), (DAVE, Outcome.NOT_APPROVER)):
        assert (await approvals.standing("rft-abc234", user)).outcome is outcome
        assert (await approvals.decide("rft-abc234", user, Verdict.APPROVE, "ckpt-5", "x")).outcome is outcome
    held = await store.approval("rft-abc234")
    assert held is not None
    assert held.version == 1
    assert await store.claim("outbox", lease=60, limit=10) == ()


async def test_of_three_who_click_at_once_two_are_counted_and_one_is_told(store: Store, approvals: Approvals) -> None:
    clicks = (approvals.decide("rft-abc234", user, Verdict.APPROVE, "ckpt-5", "good") for user in (BOB, CAROL, ERIN))
    outcomes = Counter(answer.outcome for answer in await asyncio.gather(*clicks))
    assert outcomes == Counter([Outcome.RECORDED, Outcome.SETTLED, Outcome.ALREADY_SETTLED])
    held = await store.approval("rft-abc234")
    assert held is not None
    assert len(held.value.decisions) == 2


async def test_a_job_without_an_approval_says_so(store: Store, approvals: Approvals) -> None:
    await store.commit(Change(job=Versioned(replace(a_job(), id="rft-other"), 0)))
    with pytest.raises(NotFound, match="rft-other has no checkpoint waiting"):
        await approvals.standing("rft-other", BOB)
