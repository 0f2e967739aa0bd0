"""What is said about approvals: to who clicks, in the thread, in the form, in the list of those that wait."""

from dataclasses import replace

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from handlers.approvals.decide import form, overridden
from handlers.approvals.messages import answer, notice
from handlers.approvals.pending import pending_line, pending_list
from handlers.slack.people import People
from jobs.approvals.decide import Approvals, Vote
from jobs.approvals.open import invalidated
from jobs.approvals.records import DAY, Approval, ApprovalKind, Decision, Ending, Settlement, Verdict
from jobs.approvals.rules import Answer, Outcome, lapsed
from jobs.core.ids import DELIVERIES
from jobs.core.records import ApprovalPolicy
from jobs.core.series import Series
from jobs.evidence.records import Figure, Guard, Role
from jobs.outbox.postings import Outbox
from jobs.state.change import Change, Versioned
from jobs.state.store import LedgerEntry, Store
from jobs.training.postings import card_posting
from jobs.views.job import JobView
from local.slack.server import serve
from tests.handlers.known_people import ALICE, BOB, CAROL, DAVE, RFT
from tests.records import a_candidate, a_change, a_checkpoint, a_job, an_approval, an_evidence
from tests.story.colleagues import Json
from tests.working import taken

CHOSEN = {"names": {"ckpt-5": "step 5"}, "models": {"ckpt-5": "ft:5"}, "evidence": {"ckpt-5": "e5"}, "task": "acts"}
VOTE = Decision(BOB, Verdict.APPROVE, "ckpt-5", "good", 3.0, "e5")
REJECTION = Decision(BOB, Verdict.REJECT, "", "bad", 3.0)
WAITING = an_approval(launched_by=ALICE, decisions=(VOTE,), quorum=3, expires_at=5.0, **CHOSEN)
SETTLED = replace(WAITING, quorum=1, settled=Settlement(Ending.APPROVED, "ckpt-5", 3.0))
ASIDE = replace(SETTLED, decisions=(replace(VOTE, overrides=("recall", "f1")),))
REJECTED = replace(WAITING, decisions=(REJECTION,), settled=Settlement(Ending.REJECTED, "", 3.0))
GATHERING = invalidated(WAITING, "The prompt changed.", 4.0)
MOVE = replace(WAITING, subject="move-abc", kind=ApprovalKind.ALIAS_MOVE)
REVIEW = replace(MOVE, kind=ApprovalKind.REVIEW)
BOTH_MUST = ApprovalPolicy(one_rejection_settles=False)


@pytest.mark.parametrize(
    ("outcome", "approval", "sentence"),
    [
        (Outcome.OWN_JOB, WAITING, "You launched this job"),
        (Outcome.OWN_JOB, MOVE, "You proposed this, so you cannot approve or reject it; somebody else has to."),
        (Outcome.OWN_JOB, REVIEW, "You did this rollback, so you cannot review it; somebody else has to."),
        (Outcome.NOT_APPROVER, WAITING, "Only approvers of this task can decide: @model-approvers."),
        (Outcome.LOST_ROLE, WAITING, "You are not among the approvers of this task any more (@model-approvers)"),
        (Outcome.ALREADY_SETTLED, SETTLED, "This is settled already. *Step 5 is approved* by <@U0BOB0001>"),
        (Outcome.ALREADY_SETTLED, REJECTED, "*All checkpoints were rejected* by <@U0BOB0001>"),
        (Outcome.ALREADY_SETTLED, replace(REJECTED, kind=ApprovalKind.ALIAS_MOVE), "*The move was rejected*"),
        (Outcome.ALREADY_SETTLED, replace(REJECTED, kind=ApprovalKind.REVIEW), "*The emergency rollback was rejected*"),
        (Outcome.ALREADY_SETTLED, replace(SETTLED, kind=ApprovalKind.ALIAS_MOVE), "*Going back to step 5 is approved*"),
        (Outcome.ALREADY_SETTLED, replace(SETTLED, kind=ApprovalKind.REVIEW), "*The rollback to step 5 is approved*"),
        (Outcome.SETTLED, SETTLED, "Your decision settled it. *Step 5 is approved*"),
        (Outcome.SETTLED, ASIDE, "It breaks guardrails that were set aside: recall and F1."),
        (Outcome.REPEATED, WAITING, "your decision stands as it was"),
        (Outcome.RECORDED, WAITING, "Approved so far by <@U0BOB0001>; 2 more approvals needed."),
        (Outcome.RECORDED, replace(WAITING, decisions=(REJECTION,), policy=BOTH_MUST), "2 more rejections needed."),
        (Outcome.OPEN, WAITING, "You can decide on these checkpoints."),
        (Outcome.OPEN, MOVE, "You can decide on this."),
        (Outcome.EXPIRED, WAITING, "this lapsed <!date^5^"),
        (Outcome.EXPIRED, lapsed(MOVE, 6.0), "this lapsed <!date^6^"),
        (Outcome.EXPIRED, replace(MOVE, expires_at=None), "`/proctor alias rollback` proposes it again."),
        (Outcome.EXPIRED, REVIEW, "The alias stays where the emergency rollback put it"),
        (Outcome.NO_EVIDENCE, GATHERING, "being gathered anew. The prompt changed. The buttons come back with it"),
        (Outcome.NO_EVIDENCE, replace(WAITING, evidence={}), "have not been evaluated yet"),
        (Outcome.STALE, WAITING, "the evidence has changed since this was shown. Look at it as it is now"),
        (Outcome.NEEDS_OVERRIDE, WAITING, "approving it needs each broken one to be set aside in the form"),
    ],
)
def test_every_outcome_has_its_sentence(outcome: Outcome, approval: Approval, sentence: str) -> None:
    assert sentence in answer(Answer(outcome, approval), BOB)
    assert CAROL not in answer(Answer(outcome, approval), BOB)


def test_who_no_longer_counts_is_named() -> None:
    one = answer(Answer(Outcome.RECORDED, WAITING, (CAROL,)), BOB)
    assert "<@U0CAROL01> is not among the approvers any more, so their decision no longer counts." in one
    two = answer(Answer(Outcome.RECORDED, WAITING, (CAROL, DAVE)), BOB)
    assert "are not among the approvers any more, so their decisions no longer count." in two


def test_who_asked_to_watch_a_job_is_told_why_they_cannot_approve_it() -> None:
    told = answer(Answer(Outcome.OWN_JOB, an_approval(launched_by=ALICE)), ALICE, imported=True)
    assert "I cannot tell who launched it; so you count as its launcher" in told


@pytest.mark.parametrize(
    ("approval", "told", "sentence"),
    [
        (WAITING, "reminder", "@team: these checkpoints of *acts* wait for your decision until <!date^5^"),
        (MOVE, "reminder", "@team: this of *acts* waits for your decision"),
        (SETTLED, "reminder", "This approval has moved on since"),
        (GATHERING, "invalidated", "do not count; the buttons come back with the new evidence."),
        (replace(GATHERING, evidence={"ckpt-5": "new"}), "invalidated", "Decisions made until now do not count."),
        (SETTLED, "invalidated", "This approval has moved on since"),
        (SETTLED, "approved", "*Step 5 is approved* by <@U0BOB0001>"),
        (REJECTED, "rejected", "*All checkpoints were rejected*"),
        (lapsed(WAITING, 6.0), "expired", "<@U0ALICE01>: *Nobody settled it in time*; it lapsed <!date^6^"),
        (REJECTED, "approved", "This approval has moved on since"),
    ],
)
def test_what_a_thread_is_told(approval: Approval, told: str, sentence: str) -> None:
    assert sentence in notice(approval, told, "@team")


def test_a_line_of_what_waits_has_its_age_missing_votes_and_what_comes_next() -> None:
    now, voted = 2 * DAY + 3 * 3600, replace(WAITING, requested_at=0.0, expires_at=8 * DAY, channel=RFT)
    line = pending_line(voted, now, "https://slack/1", is_yours=True)
    assert "asked 2 d 3 h ago; step 5 has 1 of 3 approvals (by <@U0BOB0001>), 2 missing; lapses in 5 d 21 h" in line
    assert line.endswith("*It waits for you.* <https://slack/1|Open>")
    between = pending_line(replace(GATHERING, task=""), now, None, is_yours=False)
    assert "`rft-abc234`, checkpoints" in between
    assert "evidence is being gathered (The prompt changed)" in between
    review = pending_line(replace(REVIEW, decisions=(), expires_at=None), now, None, is_yours=False)
    assert "review of an emergency rollback" in review
    assert review.endswith("0 of 3 approvals, 3 missing. By @model-approvers.")
    rejected = pending_line(replace(WAITING, decisions=(REJECTION,), policy=BOTH_MUST), now, None, is_yours=False)
    assert "1 of 3 rejections (by <@U0BOB0001>)" in rejected


def test_only_ticked_boxes_set_a_guardrail_aside() -> None:
    ticked = {"override:": {"selected_options": [{"value": "recall"}]}}
    values = {"reason": {"reason": {"value": "x"}}, "override:recall": ticked, "override:f1": {"override:": {}}}
    assert overridden(values) == ("recall",)


def vote(verdict: Verdict, choice: str) -> Vote:
    return Vote("rft-abc234", BOB, verdict, choice, "e5")


def title_of(shown: Json) -> str:
    return str(shown["title"]["text"])


def test_the_form_says_what_is_decided_and_with_what_consequence() -> None:
    move = replace(MOVE, names={"ft:5": "step 5"}, models={"ft:5": "ft:5"}, evidence={"ft:5": "e"}, quorum=2)
    approving = form(move, vote(Verdict.APPROVE, "ft:5"), None)
    assert title_of(approving) == "Approve"
    assert "step 5: `ft:5`" in str(approving)
    assert "With 2 approvals it is approved." in str(approving)
    rejecting = form(move, vote(Verdict.REJECT, ""), None)
    assert title_of(rejecting) == "Reject"
    assert "Your rejection settles it." in str(rejecting)
    several = replace(move, policy=BOTH_MUST)
    assert "Your rejection settles it together with 1 more." in str(form(several, vote(Verdict.REJECT, ""), None))
    rejecting_all = form(replace(WAITING, policy=BOTH_MUST), vote(Verdict.REJECT, ""), None)
    assert title_of(rejecting_all) == "Reject all"
    assert "3 rejections settle it: no checkpoint of this job" in str(rejecting_all)


def test_a_checkpoint_that_was_not_evaluated_needs_that_to_be_ticked() -> None:
    unseen = replace(WAITING, broken={"ckpt-5": ("evidence",)}, quorum=1)
    shown = form(unseen, vote(Verdict.APPROVE, "ckpt-5"), None)
    assert "Guardrail: evidence" in str(shown)
    assert "Approve although it was not evaluated by me" in str(shown)
    assert "With 1 approval this checkpoint is approved." in str(shown)


def test_the_form_shows_what_was_measured_against_base_and_alias() -> None:
    measured = a_candidate(5, versus_alias=a_change(-0.1), valid={"f1": Figure(0.5), "recall": Figure(0.4, 0.3, 0.5)})
    evidence = an_evidence(checkpoints=("ckpt-5",), candidates=(measured,))
    view = JobView(a_job(checkpoints=(a_checkpoint(5),)), Series(), WAITING, evidence)
    shown: Json = form(WAITING, vote(Verdict.APPROVE, "ckpt-5"), view)
    text = shown["blocks"][0]["text"]["text"]
    lines = text.splitlines()[2:]
    assert lines[0].startswith("*Step 5 is worse than what is in use: F1 down 0.10 (")
    assert lines[1].startswith("Against the base model: *better*, +0.15 (")
    assert lines[2:] == ["F1 0.50", "recall 0.40 (0.30 to 0.50)"]
    bare = replace(evidence, candidates=(replace(measured, valid={}, versus_base=None, versus_alias=None),))
    empty = form(WAITING, vote(Verdict.APPROVE, "ckpt-5"), replace(view, evidence=bare))
    assert "No scores were measured." in str(empty)


def test_the_form_says_what_became_of_an_earlier_decision() -> None:
    again = str(form(WAITING, vote(Verdict.APPROVE, "ckpt-5"), None, VOTE))
    assert "You approved step 5 <!date^3^" in again
    assert "what you send now takes its place. With 3 approvals" in again
    rejected = str(form(WAITING, vote(Verdict.APPROVE, "ckpt-5"), None, REJECTION))
    assert "You rejected <!date^3^" in rejected
    assert "takes its place" not in str(form(WAITING, vote(Verdict.APPROVE, "ckpt-5"), None))


def test_a_change_of_nothing_has_no_sign_in_the_form() -> None:
    guard = Guard("recall", change=-0.0004, low=-0.05, allowed=0.0, against=Role.BASE, is_broken=True)
    broken = replace(WAITING, broken={"ckpt-5": ("recall",)})
    evidence = an_evidence(checkpoints=("ckpt-5",), candidates=(a_candidate(5, guards=(guard,)),))
    shown = str(form(broken, vote(Verdict.APPROVE, "ckpt-5"), JobView(a_job(), Series(), broken, evidence)))
    assert "with 95% confidence no worse than -0.05; the task allows 0.00." in shown
    assert "recall 0.00 against the base model" in shown


def test_what_follows_a_model_is_a_sentence_of_its_own() -> None:
    own = replace(SETTLED, launched_by=BOB, policy=ApprovalPolicy(self_approval=True))
    assert "`ft:5`. <@U0BOB0001> launched this job" in answer(Answer(Outcome.SETTLED, own), BOB)


async def test_what_waits_is_listed_without_a_link_if_its_message_is_gone(store: Store) -> None:
    async with serve() as workspace:
        client = AsyncWebClient("xoxb-local-proctor", base_url=workspace.api_url, retry_handlers=[])
        people = People(client)
        approvals = Approvals(store, people, lambda: 10.0)
        assert await pending_list(DAVE, approvals, people, store, client, 10.0) == "Nothing waits for approval."
        for subject in ("rft-lost", "rft-deleted", *(f"rft-{n:03}" for n in range(20))):
            voted = replace(WAITING, subject=subject, expires_at=None, decisions=(replace(VOTE, user=DAVE),))
            await store.commit(Change(records=(Versioned(voted, 0),)))
        gone = replace(card_posting(a_job()), id="job:rft-deleted:summary", subject="rft-deleted")
        await store.commit(Change(postings=(gone,)))
        outbox, (lane,) = Outbox(store), await taken(store, DELIVERIES)
        delivery = await outbox.begin(lane)
        assert delivery is not None
        await outbox.settle(delivery, LedgerEntry(RFT, "1.000001"))
        listed = await pending_list(DAVE, approvals, people, store, client, 10.0)
        assert listed.startswith("22 approvals wait, the longest waiting first:")
        assert listed.endswith("and 2 more.")
        assert "|Open>" not in listed
        assert "It waits for you" not in listed
