"""Every message we build, against the rules Slack applies to blocks."""

from dataclasses import replace

import pytest

from handlers.approvals.decide import form
from handlers.jobs.cards import card, job_list, job_status
from handlers.jobs.curves import curve, reward_curve
from handlers.jobs.thread import alert, status
from handlers.slack.blocks import escape
from jobs.approvals.decide import Vote
from jobs.approvals.records import Decision, Ending, Settlement, Verdict
from jobs.core.records import Checkpoint, JobState, RaisedAlert
from jobs.core.series import Series, Step
from jobs.rules.alert_state import alerts_of
from jobs.views.job import JobView
from local.slack.blocks import too_much_text, validate, validate_view
from tests.handlers.evidence_shown import action_ids, text_of
from tests.records import ALICE, BOB, CAROL, a_checkpoint, a_job, a_request, a_series, an_approval

NOW = 1_500.0
CHECKPOINTS = (a_checkpoint(60, 0.9, 0.4, 0.5), a_checkpoint(85, 0.7, 0.6, 0.63), a_checkpoint(95, 0.5, 0.8, 0.6))
WARNING = RaisedAlert("O1", "warn", 65, "Likely overfitting: the gap grew.\nIt means this.\nDo that.", {"gap": 0.1})
FINISHED = a_job(
    state=JobState.SUCCEEDED,
    checkpoints=CHECKPOINTS,
    last_step=100,
    total_steps=100,
    valid_reward=0.6,
    first_valid_reward=0.2,
    started_at=1_100.0,
    finished_at=1_400.0,
    alerts=(WARNING,),
)
VOTES = (
    Decision(BOB, Verdict.APPROVE, "ckpt-85", "best <balance> & recall", 2_100.0),
    Decision(CAROL, Verdict.APPROVE, "ckpt-85", "agreed", 2_200.0),
)
APPROVED = an_approval(decisions=VOTES, settled=Settlement(Ending.APPROVED, "ckpt-85", 2_200.0))


MESSAGES = {
    "card before the first step": card(JobView(a_job(platform_status="queued"), Series(), None), NOW),
    "card in training": card(JobView(a_job(last_step=45, total_steps=100), a_series(0.2, 0.4), None), NOW),
    "card of a paused job": card(JobView(a_job(state=JobState.PAUSED), a_series(0.2), None), NOW),
    "card with an alert": card(JobView(replace(FINISHED, state=JobState.WATCHING), a_series(0.2), None), NOW),
    "card of a failed job": card(JobView(a_job(state=JobState.FAILED, note="It <broke>."), Series(), None), NOW),
    "card waiting for approval": card(JobView(FINISHED, a_series(0.2), an_approval()), NOW),
    "card of an approved job": card(JobView(FINISHED, a_series(0.2), APPROVED), NOW),
    "curve": curve(JobView(FINISHED, a_series(0.2, 0.5), None), "F0123456789"),
    "curve without a picture": curve(JobView(FINISHED, a_series(0.2, 0.5), None), None),
    "alert": alert(FINISHED, WARNING),
    "status": status(FINISHED, "paused it", ALICE),
    "list": job_list((FINISHED, a_job())),
    "empty list": job_list(()),
    "status answer": job_status(JobView(FINISHED, a_series(0.2), None), NOW, "https://example.com/x"),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_slack_would_take_it(name: str) -> None:
    message = MESSAGES[name]
    assert validate(list(message.blocks), "message") == []
    assert not too_much_text(list(message.blocks))
    assert 0 < len(message.text) <= 4000


@pytest.mark.parametrize(("verdict", "choice"), [(Verdict.APPROVE, "ckpt-85"), (Verdict.REJECT, "")])
def test_slack_would_take_the_form(verdict: Verdict, choice: str) -> None:
    view = JobView(FINISHED, a_series(0.2), an_approval())
    assert validate_view(form(an_approval(), Vote("rft-abc234", BOB, verdict, choice, ""), view)) == []


def test_a_running_job_can_be_paused_and_cancelled_and_a_final_one_launched_again() -> None:
    assert action_ids(MESSAGES["card in training"]) == ["act_on_job:pause", "act_on_job:cancel", "act_on_job:details"]
    assert "Resume" in text_of(MESSAGES["card of a paused job"])
    failed = ["open_launch_form", "act_on_job:details", "act_on_job:bundle"]
    assert action_ids(MESSAGES["card of a failed job"]) == failed


def test_what_people_wrote_cannot_become_markup() -> None:
    assert "It &lt;broke&gt;." in text_of(MESSAGES["card of a failed job"])
    assert escape("<!channel>") == "&lt;!channel&gt;"


def test_a_job_launched_elsewhere_says_so_and_what_is_not_known_of_it() -> None:
    elsewhere = a_job(imported=True, train_items=None, valid_items=None)
    shown = text_of(card(JobView(elsewhere, Series(), None), NOW))
    assert "`ftjob-1`, launched elsewhere, watched for <@U0ALICE> since" in shown
    assert "number of items not reported" in shown
    assert "100 train items" in text_of(card(JobView(a_job(valid_items=None), Series(), None), NOW))


def test_an_edited_card_has_new_block_ids_and_the_same_action_ids() -> None:
    first = MESSAGES["card in training"]
    later = card(JobView(a_job(last_step=50, total_steps=100), a_series(0.2), None), NOW)
    assert [b.get("block_id") for b in first.blocks] != [b.get("block_id") for b in later.blocks]
    assert action_ids(first) == action_ids(later)


def test_the_charts_say_what_the_job_says() -> None:
    view = JobView(FINISHED, a_series(0.2, 0.5), an_approval())
    assert reward_curve(view).checkpoints == (60, 85, 95)
    assert reward_curve(view).alerts == (65,)


def test_a_job_that_was_not_launched_says_why_when_asked() -> None:
    job = a_job(state=JobState.NOT_LAUNCHED, note="The grader returned text.", request=a_request())
    said = text_of(job_status(JobView(job, Series(), None), NOW, None))
    assert said.count("The grader returned text.") == 1
    assert "No evaluation yet" not in said


def test_a_job_that_ended_before_its_first_evaluation_promises_none() -> None:
    job = a_job(state=JobState.CANCELLED, valid_reward=None, first_valid_reward=None)
    said = text_of(job_status(JobView(job, Series(), None), NOW, None))
    assert "It ended before its first evaluation." in said


@pytest.mark.parametrize(
    ("steps", "checkpoints", "said", "shown"),
    [
        ((), (), "It finished; the platform sent no reward of any step.", "*Step*\nno step reported"),
        (
            (Step(1, train_reward=0.31), Step(20, train_reward=0.36)),
            (),
            "No evaluation; train reward 0.36, up 0.05 since step 1.",
            "*Train reward*\n0.36",
        ),
        (
            (Step(20, unread={"policy/quality": 0.4}),),
            (),
            "The platform sent figures I do not know: policy/quality.",
            "*Validation reward*\nnot reported",
        ),
        (
            (Step(20, train_reward=0.36),),
            (a_checkpoint(10, f1=0.45), a_checkpoint(20, f1=0.52)),
            "Validation reward 0.52 at step 20.",
            "*Train reward*\n0.36",
        ),
    ],
    ids=["nothing", "train alone", "unknown names", "checkpoints alone"],
)
def test_a_finished_job_leads_with_what_its_platform_did_send(
    steps: tuple[Step, ...], checkpoints: tuple[Checkpoint, ...], said: str, shown: str
) -> None:
    series = Series(steps)
    job = a_job(
        state=JobState.SUCCEEDED,
        last_step=steps[-1].step if steps else 0,
        train_reward=series.train[-1][1] if series.train else None,
        checkpoints=checkpoints,
    )
    told = text_of(job_status(JobView(job, series, None), NOW, None)).replace("\\n", "\n")
    assert said in told
    assert shown in told
    assert "before its first evaluation" not in told
    assert "no evaluation yet" not in told


def test_a_note_that_no_longer_holds_is_not_told() -> None:
    flat, rising = (0.30,) * 12, (0.36, 0.42, 0.48, 0.54, 0.60, 0.66, 0.72, 0.78)
    then = text_of(job_status(JobView(a_job(), a_series(*flat), None), NOW, None))
    now = text_of(job_status(JobView(a_job(), a_series(*flat, *rising), None), NOW, None))
    assert "Plateau: over the last" in then
    assert "Plateau: over the last" not in now


def test_the_milder_form_of_an_alert_that_was_given_is_told_when_asked() -> None:
    valid = (0.20, 0.40, 0.50, 0.42, 0.36, 0.31, 0.27, 0.24, 0.22, 0.20, 0.19, 0.18)
    series = Series.of(replace(s, train_reward=0.2 + s.step * 0.013) for s in a_series(*valid).steps)
    job = a_job(train_items=24, batch_size=16)
    raised = alerts_of(job, series, NOW).carried
    shown = text_of(job_status(JobView(replace(job, alerts=raised), series, None), NOW, None))
    assert [alert.rule for alert in raised] == ["O2"]
    assert "*Warning* at step" in shown
    assert "*Critical* at step" in shown
