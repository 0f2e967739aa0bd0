"""An approval on evidence, on the evidence after it, and in between."""

from dataclasses import replace

from jobs.approvals.open import EVALUATED_AGAIN, invalidated, open_approval
from jobs.approvals.records import DAY, Ending, Settlement
from jobs.core.records import ApprovalPolicy
from jobs.evidence.records import Guard, Role
from tests.jobs.approvals.team import OPENED, decision, waiting
from tests.records import ALICE, BOB, a_candidate, a_job, an_evidence

JOB = a_job()
EVIDENCE = an_evidence()
GUARD = Guard("recall", -0.02, -0.06, -0.1, Role.BASE, is_broken=True)


def test_an_approval_offers_each_checkpoint_that_has_evidence() -> None:
    weak = a_candidate(95, guards=(GUARD, replace(GUARD, grader="f1", is_broken=False)))
    base, first, second, _ = EVIDENCE.candidates
    elsewhere = replace(first, role=Role.ALIAS, checkpoint="ckpt-of-another-job")
    evidence = replace(EVIDENCE, candidates=(base, first, replace(second, digest=""), weak, elsewhere))
    opened = open_approval(JOB, evidence, None, OPENED)
    assert opened.evidence == {"ckpt-60": "digest-60", "ckpt-95": "digest-95"}
    assert opened.broken == {"ckpt-95": ("recall",)}
    assert opened.names == {"ckpt-60": "step 60", "ckpt-95": "step 95"}
    assert opened.models["ckpt-60"] == first.model
    assert (opened.launched_by, opened.excluded, opened.channel) == (ALICE, (ALICE,), JOB.request.channel)
    assert (opened.round, opened.expires_at) == (1, OPENED + 7 * DAY)
    assert opened.barred == {ALICE}


def test_the_task_says_how_long_it_waits_and_whether_one_may_approve_ones_own() -> None:
    policy = ApprovalPolicy(expires_days=1.0, remind_days=2.0, self_approval=True)
    opened = open_approval(replace(JOB, policy=policy), EVIDENCE, None, OPENED)
    assert opened.expires_at == OPENED + DAY
    assert opened.reminder_at == OPENED + DAY / 2
    assert opened.barred == frozenset()
    assert opened.own == {ALICE}
    assert replace(opened, policy=replace(policy, remind_days=0.0)).reminder_at is None


def test_the_same_evidence_asks_nobody_anew() -> None:
    opened = open_approval(JOB, EVIDENCE, None, OPENED)
    voted = replace(opened, decisions=(decision(BOB),))
    assert open_approval(JOB, EVIDENCE, voted, OPENED + 5.0) is voted
    settled = replace(voted, settled=Settlement(Ending.APPROVED, "ckpt-60", OPENED + 1.0))
    assert open_approval(JOB, EVIDENCE, settled, OPENED + 5.0) is settled


def test_other_evidence_begins_a_round_without_votes() -> None:
    voted = replace(open_approval(JOB, EVIDENCE, None, OPENED), decisions=(decision(BOB),))
    other = replace(EVIDENCE, candidates=(*EVIDENCE.candidates[:-1], a_candidate(95, digest="other")))
    renewed = open_approval(JOB, other, voted, OPENED + DAY)
    assert (renewed.round, renewed.decisions, renewed.settled) == (2, (), None)
    assert (renewed.renewed_at, renewed.renewed_why) == (OPENED + DAY, EVALUATED_AGAIN)
    assert (renewed.requested_at, renewed.expires_at) == (OPENED, OPENED + 8 * DAY)


def test_what_was_settled_is_asked_anew_with_the_reason() -> None:
    opened = replace(open_approval(JOB, EVIDENCE, None, OPENED), evidence={"ckpt-60": "old"})
    endings = {
        Ending.APPROVED: "Step 60 was approved on the evidence before.",
        Ending.REJECTED: "All checkpoints were rejected on the evidence before.",
        Ending.EXPIRED: "Nobody settled it in time on the evidence before.",
    }
    for ending, why in endings.items():
        settled = replace(opened, settled=Settlement(ending, "ckpt-60", OPENED))
        renewed = open_approval(JOB, EVIDENCE, settled, OPENED + DAY)
        assert (renewed.round, renewed.settled, renewed.renewed_why) == (2, None, why)
        assert renewed.requested_at == OPENED + DAY


def test_between_old_evidence_and_new_there_is_nothing_to_decide_on() -> None:
    voted = waiting(decisions=(decision(BOB),), broken={"ckpt-5": ("recall",)}, reminded_at=OPENED)
    gap = invalidated(voted, "The task's test split changed.", OPENED + 9.0)
    assert (gap.round, gap.decisions, gap.evidence, gap.broken) == (2, (), {}, {})
    assert (gap.expires_at, gap.reminded_at) == (None, None)
    assert gap.basis("") is None
    assert invalidated(gap, "Again.", OPENED + 10.0) is gap
    renewed = open_approval(JOB, EVIDENCE, gap, OPENED + 20.0)
    assert (renewed.round, renewed.renewed_why) == (2, "The task's test split changed.")
    assert renewed.expires_at == OPENED + 20.0 + 7 * DAY


def test_an_approval_from_before_there_was_evidence_gets_it_without_a_new_round() -> None:
    bare = waiting(evidence={}, names={}, expires_at=None)
    assert open_approval(JOB, EVIDENCE, bare, OPENED + 20.0).round == 1


def test_what_is_settled_is_not_invalidated() -> None:
    settled = waiting(settled=Settlement(Ending.APPROVED, "ckpt-5", OPENED))
    assert invalidated(settled, "It changed.", OPENED + 1.0) is settled
