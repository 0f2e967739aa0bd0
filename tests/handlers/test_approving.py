"""Approving and rejecting, from the click to the answer, where the story does not go."""

from dataclasses import replace

import pytest

from handlers.approving import reply
from jobs.approvals.deciding import Answer, Outcome
from jobs.approvals.records import Approval, Decision, Ending, Settlement, Verdict
from jobs.rft import JobView
from jobs.series import Series
from tests.handlers.conftest import Scene
from tests.handlers.known_people import ALICE, BOB, CAROL
from tests.records import a_checkpoint, a_job, an_approval
from tests.story.colleagues import Json, buttons, eventually, said


def approve_step(message: Json, number: int = 0) -> Json:
    return buttons(message, "approve_checkpoint")[number]


async def test_a_reason_that_is_too_short_is_asked_for_again_in_the_form(scene: Scene) -> None:
    _, summary = await scene.finished()
    await scene.form_for("bob", summary, approve_step(summary))
    refused = await scene.workspace.submit("bob", " x ")
    assert refused["errors"] == {"reason": "Give a reason in a few words; it stays with the decision."}
    assert await scene.workspace.form_of("bob")
    assert (await scene.workspace.submit("bob", "best F1 we had"))["ok"]
    await scene.workspace.told("bob", "Recorded. Approved so far by <@U0BOB0001>; 1 more approval needed.")

    # The same again, by the same person, changes nothing and says so.
    await scene.form_for("bob", summary, approve_step(summary))
    await scene.workspace.submit("bob", "I mean it")
    await scene.workspace.told("bob", "You had already decided so")
    assert await scene.failures() == []


async def test_a_button_for_a_checkpoint_that_is_no_longer_kept_says_so(scene: Scene) -> None:
    job, summary = await scene.finished()
    await scene.change(replace(job, checkpoints=(a_checkpoint(15),)))
    await scene.workspace.click("bob", summary, approve_step(summary))
    await scene.workspace.told("bob", "That checkpoint of rft-done22 is no longer kept; use the buttons of the newest")
    await scene.change(replace(job, checkpoints=()))
    await scene.workspace.click("bob", summary, approve_step(summary))
    await scene.workspace.told("bob", "rft-done22 has no checkpoint any more.")
    assert await scene.workspace.form_of("bob") is None
    assert await scene.failures() == []


async def test_one_rejection_settles_it_also_for_who_has_the_form_open(scene: Scene) -> None:
    _, summary = await scene.finished()
    await scene.form_for("carol", summary, approve_step(summary))
    form = await scene.form_for("bob", summary, buttons(summary, "reject_checkpoints")[0])
    assert "One rejection settles it" in str(form)
    await scene.workspace.submit("bob", "recall is too low for us")
    await scene.workspace.told("bob", "Your decision settled it. *All checkpoints were rejected* by <@U0BOB0001>")

    await scene.workspace.submit("carol", "I liked it")
    await scene.workspace.told("carol", "This is settled already. *All checkpoints were rejected*")
    await scene.workspace.click("alice", summary, approve_step(summary))
    await scene.workspace.told("alice", "This is settled already.")

    async def settled() -> Json | None:
        messages = await scene.workspace.messages()
        return next((m for m in messages if m["ts"] == summary["ts"] and "were rejected" in said(m)), None)

    shown = await eventually(settled, "the settled summary")
    assert "recall is too low for us" in said(shown)
    assert buttons(shown, "approve_checkpoint") == buttons(shown, "reject_checkpoints") == []
    assert await scene.failures() == []


async def test_a_form_that_slack_does_not_open_any_more_is_answered_in_words(scene: Scene) -> None:
    _, summary = await scene.finished()
    await scene.workspace.fault(method="views.open", fault="error", error="expired_trigger_id")
    await scene.workspace.click("bob", summary, approve_step(summary))
    await scene.workspace.told("bob", "The form took more than 3 s, and Slack no longer opens it. Try again.")

    # One click that is delivered twice opens one form, and nobody hears of the second.
    await scene.workspace.fault(fault="repeat_envelopes", times=1)
    await scene.form_for("bob", summary, approve_step(summary))
    await scene.workspace.fault(method="views.open", fault="error", error="internal_error")
    await scene.workspace.click("carol", summary, approve_step(summary))
    await scene.workspace.told("carol", "Something broke on my side; reference ")
    assert len(await scene.workspace.whispers("bob")) == 1


def view_of(approval: Approval) -> JobView:
    return JobView(a_job(checkpoints=(a_checkpoint(5),)), Series(), approval)


VOTE = Decision(BOB, Verdict.APPROVE, "ckpt-5", "good", 3.0)
WAITING = an_approval(launched_by=ALICE, decisions=(VOTE,), quorum=3)
SETTLED = replace(WAITING, quorum=1, settled=Settlement(Ending.APPROVED, "ckpt-5", 3.0))


@pytest.mark.parametrize(
    ("outcome", "approval", "sentence"),
    [
        (Outcome.OWN_JOB, WAITING, "You launched this job"),
        (Outcome.NOT_APPROVER, WAITING, "Only approvers of this task can decide: @model-approvers."),
        (Outcome.ALREADY_SETTLED, SETTLED, "This is settled already. *Step 5 is approved* by <@U0BOB0001>"),
        (Outcome.SETTLED, SETTLED, "Your decision settled it. *Step 5 is approved*"),
        (Outcome.REPEATED, WAITING, "your decision stands as it was"),
        (Outcome.RECORDED, WAITING, "Approved so far by <@U0BOB0001>; 2 more approvals needed."),
        (Outcome.OPEN, WAITING, "You can decide on these checkpoints."),
    ],
)
def test_every_outcome_has_its_sentence(outcome: Outcome, approval: Approval, sentence: str) -> None:
    assert sentence in reply(Answer(outcome, approval), view_of(approval), BOB)
    assert CAROL not in reply(Answer(outcome, approval), view_of(approval), BOB)


def test_who_asked_to_watch_a_job_is_told_why_they_cannot_approve_it() -> None:
    answer = Answer(Outcome.OWN_JOB, an_approval(launched_by=ALICE))
    said_to_alice = reply(answer, JobView(a_job(attached=True), Series(), answer.approval), ALICE)
    assert "I cannot tell who launched it; so you count as its launcher" in said_to_alice
