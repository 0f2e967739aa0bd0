"""Decisions over a real store: kept, told, noted in the trail, and settled once."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from jobs.approvals.change import with_approval
from jobs.approvals.decide import Approvals
from jobs.approvals.open import invalidated
from jobs.approvals.records import DAY, Approval, ApprovalKind, Ending, Verdict
from jobs.approvals.rules import Outcome
from jobs.core.errors import Conflict, NotFound
from jobs.core.ids import DELIVERIES, LOOKS, approval_item, subject_of_item
from jobs.core.records import ApprovalPolicy, JobState
from jobs.state.change import Change, Versioned
from jobs.state.store import Store
from jobs.trail.entry import Act, AuditEntry
from tests.jobs.approvals.team import ERIN, FIRST, JOB, OPENED, SECOND, Clock, Group, decision, vote, waiting
from tests.records import ALICE, BOB, CAROL, CHANNEL, DAVE, a_checkpoint, a_job
from tests.working import taken

FRANK, GRACE = "U0FRANK", "U0GRACE"
SHOWN = {f"summary:{JOB}", f"card:{JOB}"}
THREAD = f"thread:{JOB}"


@pytest.fixture
def group() -> Group:
    return Group(ALICE, BOB, CAROL, ERIN, FRANK, GRACE)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def approvals(store: Store, group: Group, clock: Clock) -> Approvals:
    return Approvals(store, group, clock)


async def opened(store: Store, approval: Approval) -> None:
    job = a_job(state=JobState.SUCCEEDED, checkpoints=(a_checkpoint(5), a_checkpoint(10)))
    change = Change(records=(Versioned(job, 0),), due_in=-1)
    await store.commit(with_approval(change, None, approval, OPENED))


async def kept(store: Store) -> Approval:
    held = await store.record(Approval, JOB)
    assert held is not None
    return held.value


async def lanes(store: Store) -> set[str]:
    return {subject_of_item(lane.item) for lane in await taken(store, DELIVERIES)}


async def trail(store: Store) -> list[AuditEntry]:
    return [sealed.entry for sealed in await store.trail()]


async def test_a_decision_is_kept_and_what_shows_it_is_renewed(store: Store, approvals: Approvals) -> None:
    await opened(store, waiting())
    assert (await approvals.standing(vote(BOB))).outcome is Outcome.OPEN
    answer = await approvals.decide(vote(BOB))
    assert answer.outcome is Outcome.RECORDED
    assert (await kept(store)).decisions == (decision(BOB, at=3_000.0),)
    assert await lanes(store) == SHOWN
    assert (await approvals.decide(vote(BOB, reason="once more"))).outcome is Outcome.REPEATED
    settled = await approvals.decide(vote(CAROL))
    assert settled.outcome is Outcome.SETTLED
    assert await kept(store) == settled.approval
    assert THREAD in await lanes(store)
    assert await approvals.pending() == ()


async def test_what_is_not_counted_changes_nothing(store: Store, approvals: Approvals) -> None:
    await opened(store, waiting(broken={SECOND: ("recall",)}))
    refused = {
        Outcome.OWN_JOB: vote(ALICE),
        Outcome.NOT_APPROVER: vote(DAVE),
        Outcome.STALE: vote(BOB, evidence="older"),
        Outcome.NEEDS_OVERRIDE: vote(BOB, SECOND),
    }
    for outcome, wanted in refused.items():
        assert (await approvals.decide(wanted)).outcome is outcome
    held = await store.record(Approval, JOB)
    assert held is not None
    assert held.version == 1
    assert await lanes(store) == set()


async def test_the_trail_says_who_decided_what_on_which_evidence(store: Store, approvals: Approvals) -> None:
    await opened(store, waiting(broken={FIRST: ("recall",)}))
    await approvals.decide(vote(BOB, overrides=("recall",), reason="recall is fine"))
    await approvals.decide(vote(CAROL, overrides=("recall",)))
    requested, approved, overridden, *_, settled = await trail(store)
    assert (requested.act, requested.who, requested.details["evidence of step 5"]) == (Act.REQUESTED, "proctor", "e5")
    assert approved == AuditEntry(
        3_000.0,
        BOB,
        Act.APPROVE,
        "acts",
        JOB,
        why="recall is fine",
        where=CHANNEL,
        details={"round": "1", "choice": FIRST, "name": "step 5", "model": "ft:5", "evidence": "e5"},
    )
    assert (overridden.act, overridden.who, overridden.details["overrides"]) == (Act.OVERRIDE, BOB, "recall")
    assert (settled.act, settled.who) == (Act.SETTLED, CAROL)
    assert (settled.details["ending"], settled.details["votes"]) == ("approved", f"{BOB}, {CAROL}")


async def test_a_rejection_and_a_vote_on_ones_own_are_noted(store: Store, approvals: Approvals) -> None:
    await opened(store, waiting(policy=ApprovalPolicy(self_approval=True)))
    await approvals.decide(vote(ALICE))
    basis = (await kept(store)).basis("")
    assert basis is not None
    await approvals.decide(vote(BOB, "", verdict=Verdict.REJECT, evidence=basis, reason="no"))
    acts = {entry.act: entry for entry in await trail(store)}
    assert acts[Act.APPROVE].details["own"] == "yes"
    assert (acts[Act.REJECT].why, acts[Act.REJECT].details["choice"]) == ("no", "all")
    assert acts[Act.SETTLED].details["ending"] == "rejected"


async def test_roles_are_asked_anew_where_a_vote_would_settle(store: Store, approvals: Approvals, group: Group) -> None:
    await opened(store, waiting())
    await approvals.decide(vote(BOB))
    group.members.remove(BOB)
    answer = await approvals.decide(vote(CAROL))
    assert (answer.outcome, answer.discounted) == (Outcome.RECORDED, (BOB,))
    assert [d.user for d in (await kept(store)).decisions] == [CAROL]
    dropped = [entry for entry in await trail(store) if entry.act is Act.INVALIDATED]
    assert [entry.why for entry in dropped] == [f"{BOB} is not an approver any more."]

    # From memory frank is still an approver; where it matters Slack is asked, and he is none.
    group.members.remove(FRANK)
    group.remembered.add(FRANK)
    assert (await approvals.decide(vote(FRANK))).outcome is Outcome.NOT_APPROVER
    assert (await approvals.decide(vote(BOB))).outcome is Outcome.NOT_APPROVER
    assert (await approvals.decide(vote(GRACE))).outcome is Outcome.SETTLED


async def test_changed_evidence_drops_the_votes_and_says_so(store: Store, approvals: Approvals) -> None:
    await opened(store, waiting())
    await approvals.decide(vote(BOB))
    held = await store.record(Approval, JOB)
    assert held is not None
    gap = invalidated(held.value, "The task's test split changed.", 3_500.0)
    await store.commit(with_approval(Change(), held, gap, 3_500.0))
    assert THREAD in await lanes(store)
    assert (await approvals.decide(vote(CAROL))).outcome is Outcome.NO_EVIDENCE
    held = await store.record(Approval, JOB)
    assert held is not None
    again = replace(gap, evidence={FIRST: "new"}, expires_at=4_000.0 + DAY)
    await store.commit(with_approval(Change(), held, again, 4_000.0))
    assert (await approvals.decide(vote(CAROL))).outcome is Outcome.STALE
    assert (await approvals.decide(vote(CAROL, evidence="new"))).outcome is Outcome.RECORDED
    why, good = "The task's test split changed.", "it is good"
    acts = [(entry.act, entry.why) for entry in await trail(store)]
    assert acts[:2] == [(Act.REQUESTED, ""), (Act.APPROVE, good)]
    assert acts[2:] == [(Act.INVALIDATED, why), (Act.REQUESTED, why), (Act.APPROVE, good)]
    assert (await trail(store))[2].details["votes"] == BOB


async def test_a_click_after_the_end_ends_it_and_is_not_counted(
    store: Store, approvals: Approvals, clock: Clock
) -> None:
    await opened(store, waiting())
    await approvals.decide(vote(BOB))
    clock.now = OPENED + 7 * DAY
    assert (await approvals.standing(vote(CAROL))).outcome is Outcome.EXPIRED
    ended = (await kept(store)).settled
    assert ended is not None
    assert ended.ending is Ending.EXPIRED
    assert (await approvals.decide(vote(CAROL))).outcome is Outcome.EXPIRED
    assert [entry.act for entry in await trail(store)][-1] is Act.EXPIRED


async def test_of_three_who_click_at_once_two_are_counted_and_one_is_told(store: Store, approvals: Approvals) -> None:
    await opened(store, waiting())
    clicks = (approvals.decide(vote(user)) for user in (BOB, CAROL, GRACE))
    outcomes = Counter(answer.outcome for answer in await asyncio.gather(*clicks))
    assert outcomes == Counter([Outcome.RECORDED, Outcome.SETTLED, Outcome.ALREADY_SETTLED])
    assert len((await kept(store)).decisions) == 2


async def test_what_changed_since_the_last_look_is_not_approved(store: Store, group: Group, clock: Clock) -> None:
    async def has_changed(subject: str) -> None:
        held = await store.record(Approval, subject)
        assert held is not None
        gap = invalidated(held.value, "The prompt changed.", clock.now)
        await store.commit(with_approval(Change(), held, gap, clock.now))

    approvals = Approvals(store, group, clock, has_changed)
    await opened(store, waiting())
    assert (await approvals.decide(vote(BOB))).outcome is Outcome.RECORDED
    answer = await approvals.decide(vote(CAROL))
    assert answer.outcome is Outcome.NO_EVIDENCE
    assert (await kept(store)).settled is None
    assert [entry.act for entry in await trail(store)].count(Act.SETTLED) == 0


async def test_a_settled_proposal_takes_its_turn_at_once(store: Store, approvals: Approvals) -> None:
    move = waiting(subject="move-abc", kind=ApprovalKind.ALIAS_MOVE, evidence={"ft:5": "e"}, names={"ft:5": "step 5"})
    await store.commit(with_approval(Change(), None, move, OPENED))
    for user in (BOB, CAROL):
        await approvals.decide(replace(vote(user, "ft:5", evidence="e"), subject="move-abc"))
    assert await lanes(store) == {"approval:move-abc", "thread:move-abc"}
    assert "move:move-abc" in {each.item for each in await taken(store, LOOKS)}
    assert (await trail(store))[-1].details["kind"] == "alias_move"


async def test_what_is_not_up_for_approval_says_so(store: Store, approvals: Approvals) -> None:
    await store.commit(Change(records=(Versioned(replace(a_job(), id="rft-other"), 0),)))
    with pytest.raises(NotFound, match="rft-other has no checkpoint waiting"):
        await approvals.standing(replace(vote(BOB), subject="rft-other"))


async def test_nothing_is_counted_while_nobody_can_say_who_is_an_approver(
    store: Store, approvals: Approvals, group: Group
) -> None:
    await opened(store, waiting())
    await approvals.decide(vote(BOB))
    group.is_silent = True
    with pytest.raises(Conflict):
        await approvals.decide(vote(CAROL))
    assert [d.user for d in (await kept(store)).decisions] == [BOB]


async def test_what_waits_longest_is_listed_first(store: Store, approvals: Approvals) -> None:
    late = waiting(subject="move-late", kind=ApprovalKind.ALIAS_MOVE, requested_at=OPENED + 500.0)
    over = waiting(subject="move-over", kind=ApprovalKind.ALIAS_MOVE, expires_at=OPENED + 1.0)
    for approval in (late, over, waiting()):
        await store.commit(with_approval(Change(), None, approval, OPENED))
    assert [each.subject for each in await approvals.pending()] == [JOB, "move-late"]
    assert approval_item(JOB) == f"approval:{JOB}"
