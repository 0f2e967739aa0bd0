"""Who may decide what in which state, and what it settles."""

from dataclasses import replace

import pytest

from jobs.approvals.open import invalidated
from jobs.approvals.records import Approval, ApprovalKind, Decision, Ending, Settlement, Verdict
from jobs.approvals.rules import Outcome, decide, lapsed, objection, would_settle
from jobs.core.records import ApprovalPolicy
from tests.jobs.approvals.team import ERIN, FIRST, OPENED, SECOND, decision, rejection, waiting
from tests.records import ALICE, BOB, CAROL, DAVE

TEAM = frozenset({ALICE, BOB, CAROL, ERIN})
FRANK = "U0FRANK"
"""Decided as an approver, and is none any more."""
BOTH_MUST = ApprovalPolicy(one_rejection_settles=False)
ANYBODY = ApprovalPolicy(self_approval=True)


def states(approval: Approval) -> dict[str, tuple[Approval, str | None]]:
    """Return each state by name, with the evidence a click there carries; None for what stands then."""
    said = replace(approval, decisions=(decision(BOB, SECOND), decision(FRANK)))
    return {
        "open": (said, None),
        "broken": (replace(said, broken={FIRST: ("recall",)}), None),
        "renewed": (replace(said, evidence={FIRST: "new", SECOND: "new"}, decisions=(decision(FRANK),)), "e5"),
        "gathering": (replace(invalidated(said, "x", 1.0), decisions=(decision(FRANK),)), "e5"),
        "overdue": (replace(said, expires_at=OPENED), None),
        "expired": (lapsed(said, OPENED), None),
        "approved": (replace(said, settled=Settlement(Ending.APPROVED, SECOND, OPENED)), None),
        "rejected": (replace(said, settled=Settlement(Ending.REJECTED, "", OPENED)), None),
    }


PEOPLE = {"launcher": ALICE, "requester": ERIN, "approver": CAROL, "voter": BOB, "former": FRANK, "outsider": DAVE}
MATRIX = """
verdict  state      launcher         requester        approver         voter            former           outsider
approve  open       own_job          own_job          recorded         recorded         lost_role        not_approver
approve  broken     own_job          own_job          needs_override   needs_override   lost_role        not_approver
approve  renewed    own_job          own_job          stale            stale            lost_role        not_approver
approve  gathering  own_job          own_job          no_evidence      no_evidence      lost_role        not_approver
approve  overdue    expired          expired          expired          expired          expired          expired
approve  expired    expired          expired          expired          expired          expired          expired
approve  approved   already_settled  already_settled  already_settled  already_settled  already_settled  already_settled
approve  rejected   already_settled  already_settled  already_settled  already_settled  already_settled  already_settled
reject   open       own_job          own_job          settled          settled          lost_role        not_approver
reject   broken     own_job          own_job          settled          settled          lost_role        not_approver
reject   renewed    own_job          own_job          stale            stale            lost_role        not_approver
reject   gathering  own_job          own_job          no_evidence      no_evidence      lost_role        not_approver
reject   overdue    expired          expired          expired          expired          expired          expired
reject   expired    expired          expired          expired          expired          expired          expired
reject   approved   already_settled  already_settled  already_settled  already_settled  already_settled  already_settled
reject   rejected   already_settled  already_settled  already_settled  already_settled  already_settled  already_settled
"""
OWN_ALLOWED = {"launcher": "approver", "requester": "approver"}
"""As whom they count where the task allows self-approval."""


def cells() -> list[tuple[str, str, str, str]]:
    head, *rows = [line.split() for line in MATRIX.strip().splitlines()]
    return [(row[0], row[1], who, expected) for row in rows for who, expected in zip(head[2:], row[2:], strict=True)]


def click(approval: Approval, shown: str | None, user: str, verdict: str) -> Decision:
    choice = FIRST if verdict == "approve" else ""
    basis = approval.basis(choice) or ""
    return Decision(user, Verdict(verdict), choice, "why", OPENED + 5.0, basis if shown is None else shown)


@pytest.mark.parametrize(("verdict", "state", "who", "expected"), cells())
def test_who_may_decide_what_in_which_state(verdict: str, state: str, who: str, expected: str) -> None:
    approval, shown = states(waiting())[state]
    wanted = click(approval, shown, PEOPLE[who], verdict)
    answer = decide(approval, wanted, TEAM)
    assert answer.outcome == expected
    counted = answer.outcome in {Outcome.RECORDED, Outcome.SETTLED}
    assert counted is (answer.approval != approval)
    # Before a reason is asked for it is said already, but for the guardrails: they are set aside in the form.
    asked = objection(approval, wanted, TEAM)
    assert asked == (None if counted or expected == "needs_override" else expected)


@pytest.mark.parametrize(("verdict", "state", "who", "expected"), cells())
def test_own_jobs_are_like_others_where_the_task_allows_it(verdict: str, state: str, who: str, expected: str) -> None:
    if who in OWN_ALLOWED:
        expected = next(cell[3] for cell in cells() if cell[:3] == (verdict, state, OWN_ALLOWED[who]))
    approval, shown = states(waiting(policy=ANYBODY, excluded=()))[state]
    assert decide(approval, click(approval, shown, PEOPLE[who], verdict), TEAM).outcome == expected


def test_what_one_person_did_in_an_emergency_is_never_reviewed_by_them() -> None:
    review = waiting(kind=ApprovalKind.REVIEW, policy=ANYBODY)
    assert decide(review, decision(ALICE), TEAM).outcome is Outcome.OWN_JOB


def test_one_approval_is_recorded_and_a_second_settles() -> None:
    first = decide(waiting(), decision(BOB), TEAM)
    assert first.outcome is Outcome.RECORDED
    second = decide(first.approval, decision(CAROL, at=3_000.0), TEAM)
    assert second.outcome is Outcome.SETTLED
    assert second.approval.settled == Settlement(Ending.APPROVED, FIRST, 3_000.0)
    assert [d.user for d in second.approval.settling] == [BOB, CAROL]


def test_approvals_of_different_checkpoints_do_not_add_up() -> None:
    first = decide(waiting(), decision(BOB), TEAM)
    second = decide(first.approval, decision(CAROL, SECOND), TEAM)
    assert second.outcome is Outcome.RECORDED
    assert second.approval.settled is None
    assert second.approval.settling == ()


def test_a_person_has_one_decision_and_may_change_it() -> None:
    first = decide(waiting(), decision(BOB), TEAM)
    again = decide(first.approval, decision(BOB, reason="said otherwise", at=9.0), TEAM)
    assert again.outcome is Outcome.REPEATED
    moved = decide(first.approval, decision(BOB, SECOND), TEAM)
    assert moved.outcome is Outcome.RECORDED
    assert [d.choice for d in moved.approval.decisions] == [SECOND]


def test_one_rejection_settles_all_or_a_quorum_of_them_where_the_task_says_so() -> None:
    approved = decide(waiting(), decision(BOB), TEAM).approval
    settled = decide(approved, rejection(CAROL, approved, at=5.0), TEAM).approval
    assert settled.settled == Settlement(Ending.REJECTED, "", 5.0)
    assert [d.user for d in settled.settling] == [CAROL]

    several = replace(approved, policy=BOTH_MUST)
    once = decide(several, rejection(CAROL, several), TEAM)
    assert once.outcome is Outcome.RECORDED
    assert decide(once.approval, rejection(CAROL, several), TEAM).outcome is Outcome.REPEATED
    twice = decide(once.approval, rejection(BOB, several), TEAM)
    assert twice.outcome is Outcome.SETTLED
    assert {d.user for d in twice.approval.settling} == {BOB, CAROL}


def test_every_broken_guardrail_has_to_be_set_aside_by_each_who_approves() -> None:
    broken = waiting(broken={FIRST: ("precision", "recall")})
    for given in ((), ("recall",), ("precision", "f1")):
        assert decide(broken, decision(BOB, overrides=given), TEAM).outcome is Outcome.NEEDS_OVERRIDE
    first = decide(broken, decision(BOB, overrides=("recall", "precision", "f1")), TEAM)
    assert first.approval.decisions[0].overrides == ("precision", "recall")
    # Another checkpoint that breaks none needs nothing, and keeps no override that nobody needed.
    other = decide(broken, decision(CAROL, SECOND, overrides=("recall",)), TEAM)
    assert other.approval.decisions[0].overrides == ()
    assert decide(first.approval, decision(CAROL), TEAM).outcome is Outcome.NEEDS_OVERRIDE
    assert decide(first.approval, rejection(CAROL, broken), TEAM).outcome is Outcome.SETTLED


def test_who_lost_the_role_after_voting_does_not_count() -> None:
    voted = decide(waiting(), decision(BOB), TEAM).approval
    answer = decide(voted, decision(CAROL), TEAM - {BOB})
    assert (answer.outcome, answer.discounted) == (Outcome.RECORDED, (BOB,))
    assert [d.user for d in answer.approval.decisions] == [CAROL]
    # A vote that is given again is news where somebody else's goes with it.
    both = replace(voted, decisions=(decision(BOB), decision(CAROL, SECOND)))
    again = decide(both, decision(CAROL, SECOND), TEAM - {BOB})
    assert (again.outcome, again.discounted) == (Outcome.RECORDED, (BOB,))


def test_a_vote_on_other_evidence_or_without_its_override_does_not_help_to_settle() -> None:
    for earlier in (decision(BOB, evidence="old"), decision(ALICE)):
        held = waiting(decisions=(earlier,))
        assert not would_settle(held, decision(CAROL))
        assert decide(held, decision(CAROL), TEAM).outcome is Outcome.RECORDED
    unaware = waiting(decisions=(decision(BOB),), broken={FIRST: ("recall",)})
    assert not would_settle(unaware, decision(CAROL, overrides=("recall",)))


def test_a_choice_without_evidence_cannot_be_approved() -> None:
    assert decide(waiting(), decision(BOB, "ckpt-15"), TEAM).outcome is Outcome.STALE
    assert decide(waiting(), decision(BOB, "ckpt-15", evidence="e15"), TEAM).outcome is Outcome.STALE
    assert decide(waiting(evidence={}), decision(BOB, evidence=""), TEAM).outcome is Outcome.NO_EVIDENCE
