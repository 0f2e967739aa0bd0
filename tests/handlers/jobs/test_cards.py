"""The live card in every state, with and without its picture, and the messages of its thread."""

from dataclasses import replace

import pytest

from charts import describe
from handlers.jobs.cards import card, job_status, training_cost
from handlers.jobs.curves import curve, reward_curve
from handlers.jobs.thread import alert, rule_trace, status
from handlers.slack.blocks import Message
from jobs.core.records import Action, Job, JobState, PendingAction, RaisedAlert
from jobs.core.series import Series, StepTiming
from jobs.evidence.records import Evidence, EvidenceState
from jobs.platforms.profiles import PROFILES
from jobs.views.job import JobView
from local.slack.blocks import too_much_text, validate
from tests.handlers.evidence_shown import action_ids, text_of
from tests.jobs.training.test_poll import FALLS, SMALL
from tests.records import ALICE, BOB, PROFILE, a_checkpoint, a_job, a_series, a_step, an_approval, an_evidence

NOW = 1_500.0
FILE = "F0123456789"
WARNING = RaisedAlert("O1", "warn", 60, "Possible overfitting: it <grew>.\nIt means this.\nDo that.", {"drift": 0.1})
WORSE = RaisedAlert("O2", "critical", 70, "Severe overfitting: it grew more.\nIt means this.\nDo that.", {"drift": 0.2})
RISING = a_series(0.20, 0.28, 0.41, 0.52, 0.60)
TRAINING = a_job(
    last_step=25,
    total_steps=100,
    pictured_step=25,
    valid_reward=0.60,
    first_valid_reward=0.20,
    started_at=1_100.0,
)


def view_of(job: Job = TRAINING, series: Series = RISING, **more: object) -> JobView:
    return replace(JobView(job, series, None, None, PROFILE), **more)  # type: ignore[arg-type] # a test's shorthand


def kinds(message: Message) -> list[str]:
    return [str(block["type"]) for block in message.blocks]


def verdict(view: JobView) -> str:
    """Return the sentence under the title."""
    return str(card(view, NOW).blocks[1]["text"]["text"]).splitlines()[0]  # type: ignore[index] # a section has text


def standing(view: JobView) -> str:
    return str(card(view, NOW).blocks[1]["text"]["text"]).splitlines()[1]  # type: ignore[index] # a section has text


def four_numbers(view: JobView) -> list[str]:
    block = next(block for block in card(view, NOW).blocks if "fields" in block)
    found = block["fields"]
    assert isinstance(found, list)
    return [str(field["text"]) for field in found]


@pytest.mark.parametrize("state", list(JobState))
def test_slack_takes_the_card_in_every_state(state: JobState) -> None:
    for alerts in ((), (WARNING,), (WARNING, WORSE), (replace(WARNING, cleared=80),)):
        for file, imported in ((FILE, True), (FILE, False), (None, False)):
            items = None if imported else 100
            job = replace(TRAINING, state=state, imported=imported, alerts=alerts, train_items=items)
            message = card(view_of(job), NOW, file)
            assert validate(list(message.blocks), "message") == []
            assert not too_much_text(list(message.blocks))
            shown = ["header", "section", *(["image"] if file else []), "section", "context"]
            assert kinds(message)[: len(shown)] == shown
            open_ones = any(one.cleared is None for one in alerts)
            over = ["act_on_job:curve", *([] if imported else ["open_launch_form"])]
            controls = over if state.is_final else ["act_on_job:pause", "act_on_job:cancel"]
            controls += ["act_on_job:details", *(["act_on_job:bundle"] if state is JobState.FAILED else [])]
            assert action_ids(message) == (["explain_alert"] if open_ones else []) + controls


def test_the_sentence_comes_first_and_then_what_the_job_does() -> None:
    view = view_of()
    assert verdict(view) == (
        "Better: validation reward 0.60, up 0.40 since the first evaluation, more than noise explains (0.04)."
    )
    assert standing(view) == "*Training* · 6 min 40 s so far"
    assert four_numbers(view) == [
        "*Step*\n25 of 100",
        "*Validation reward*\n0.60, up 0.40 from the start",
        "*Reasoning tokens*\nnot reported",
        "*Cost*\nunknown: no price is known here",
    ]


@pytest.mark.parametrize(
    ("rewards", "said"),
    [
        ((0.40,), "Validation reward 0.40 at the first evaluation; later ones are compared with it."),
        ((0.40, 0.40), "Validation reward 0.40, unchanged since the first evaluation; too few evaluations to tell"),
        ((0.60, 0.52, 0.41, 0.28, 0.20), "Worse: validation reward 0.20, down 0.40 since the first evaluation, more"),
        ((0.40, 0.48, 0.38, 0.47, 0.43), "Can't tell yet: validation reward 0.43, up 0.03 since the first evaluation,"),
        ((0.40, 0.48, 0.38, 0.47, 0.40), "Can't tell yet: validation reward 0.40, unchanged since the first evaluat"),
    ],
)
def test_whether_it_is_better_is_said_as_far_as_noise_allows(rewards: tuple[float, ...], said: str) -> None:
    job = replace(TRAINING, valid_reward=rewards[-1], first_valid_reward=rewards[0])
    sentence = verdict(view_of(job, a_series(*rewards)))
    assert sentence.startswith(said)
    assert ("validation items would be enough" in sentence) is ("up 0.03" in sentence)


def test_the_worst_open_alert_is_the_verdict_and_can_be_explained() -> None:
    job = replace(TRAINING, alerts=(WARNING, WORSE, replace(WARNING, rule="H1", cleared=65)))
    assert verdict(view_of(job)) == "Severe overfitting: it grew more."
    assert standing(view_of(job)).endswith("· alerts: 2 open, 1 over")
    buttons = [block for block in card(view_of(job), NOW).blocks if block["type"] == "actions"]
    assert "rft-abc234|O2|70" in repr(buttons)
    calm = replace(job, alerts=(replace(WARNING, cleared=80),))
    assert verdict(view_of(calm)).startswith("Better: ")
    assert standing(view_of(calm)).endswith("· alert: 1 over")


def test_what_a_person_asked_for_shows_before_it_is_done() -> None:
    asked = replace(TRAINING, pending=PendingAction(Action.PAUSE, BOB, "C0RFT", "trigger"))
    assert standing(view_of(asked)).endswith(f"pause asked for by <@{BOB}>")
    before = card(view_of(), NOW).blocks[-1]["block_id"]
    assert card(view_of(asked), NOW).blocks[-1]["block_id"] != before


def test_a_launch_that_waits_says_for_what_and_until_when() -> None:
    note = "Local platform is away. I keep trying until 10:00 UTC."
    view = view_of(replace(TRAINING, state=JobState.LAUNCHING, waiting_since=1.0, note=note, started_at=None))
    assert (verdict(view), standing(view)) == (note, "*Waiting for the platform*")


def test_while_checkpoints_are_evaluated_the_card_says_how_far_that_is() -> None:
    job = replace(TRAINING, state=JobState.SUCCEEDED, checkpoints=(a_checkpoint(10), a_checkpoint(20)))
    evidence = Evidence(job.id, EvidenceState.GATHERING, ("a", "b"), 1_400.0, 3, answered=1_200, total=2_400)
    assert verdict(view_of(job, evidence=evidence)) == (
        "Evaluating 2 checkpoints against the base model: 1,200 of 2,400 answers."
    )
    waiting = replace(evidence, waits="<Local> is away. I keep trying until 10:00.")
    assert verdict(view_of(job, evidence=waiting)).endswith(
        "answers. &lt;Local&gt; is away. I keep trying until 10:00."
    )
    withdrawn = replace(evidence, state=EvidenceState.WITHDRAWN)
    going_on = replace(job, state=JobState.WATCHING)
    assert "Evaluating" not in verdict(view_of(going_on, evidence=withdrawn))


def test_while_approval_is_asked_for_the_card_says_what_the_evidence_does() -> None:
    job = replace(TRAINING, state=JobState.SUCCEEDED, checkpoints=(a_checkpoint(45), a_checkpoint(60)))
    waiting = verdict(view_of(job, approval=an_approval(), evidence=an_evidence()))
    assert waiting.startswith("Step ")
    assert waiting.endswith("2 checkpoints wait for approval in the thread.")
    assert verdict(view_of(job, approval=an_approval())) == "2 checkpoints wait for approval in the thread."
    paused = replace(job, state=JobState.PAUSED)
    assert verdict(view_of(paused, approval=an_approval(), evidence=an_evidence())) == waiting


def test_a_job_that_was_resumed_is_judged_by_its_training_again() -> None:
    job = replace(TRAINING, checkpoints=(a_checkpoint(45), a_checkpoint(60)))
    resumed = view_of(job, approval=an_approval(), evidence=an_evidence())
    assert verdict(resumed).startswith("Better: validation reward 0.60, ")
    alarmed = replace(resumed, job=replace(job, alerts=(WARNING,)))
    assert verdict(alarmed) == "Possible overfitting: it &lt;grew&gt;."


def test_tokens_are_those_of_reasoning_where_the_platform_tells_them() -> None:
    steps = tuple(replace(step, train_completion_tokens=24.0) for step in RISING.steps)
    assert "*Answer tokens*\n24 an answer" in four_numbers(view_of(series=Series(steps)))
    reasoning = tuple(replace(step, train_reasoning_tokens=1_380.4) for step in steps)
    assert "*Reasoning tokens*\n1,380 an answer" in four_numbers(view_of(series=Series(reasoning)))


def test_cost_is_said_as_far_as_it_is_known() -> None:
    local, openai = (next(p for p in PROFILES if p.name == name) for name in ("local", "openai"))
    timed = Series.of(
        replace(step, timing=StepTiming(sampling=300.0, training=60.0, eval=900.0)) for step in RISING.steps
    )
    assert training_cost(view_of(profile=local)) == "nothing is charged"
    assert training_cost(view_of(profile=openai)) == "unknown so far, at $100 an hour of training"
    assert training_cost(view_of(series=timed, profile=openai)) == "about $250.00 for training"
    assert training_cost(view_of(profile=None)).startswith("unknown")
    assert "its page on OpenAI" in text_of(card(view_of(profile=openai), NOW))


def test_the_card_and_the_thread_show_one_picture_of_one_moment() -> None:
    earlier = view_of(replace(TRAINING, pictured_step=15, last_step=15, valid_reward=0.41), a_series(0.20, 0.28, 0.41))
    chart = reward_curve(view_of(replace(TRAINING, pictured_step=15)).as_pictured())
    assert chart == reward_curve(earlier)
    assert chart.valid[-1] == (15, 0.41)
    message = card(view_of(replace(TRAINING, pictured_step=15)), NOW, FILE)
    (picture,) = [block for block in message.blocks if block["type"] == "image"]
    assert picture["alt_text"] == describe(chart)
    assert "0.41" in text_of(curve(earlier, None))


def test_an_alert_carries_the_picture_of_its_rule_and_can_be_explained() -> None:
    job = replace(SMALL, alerts=(WARNING,), last_step=85)
    chart = rule_trace(JobView(job, FALLS, None), WARNING, NOW)
    assert chart is not None
    assert chart.fired == (60,)
    message = alert(job, WARNING, FILE, chart, (ALICE,))
    assert validate(list(message.blocks), "message") == []
    assert kinds(message) == ["section", "image", "context", "actions", "context"]
    assert action_ids(message) == ["explain_alert"]
    assert "*Warning: Possible overfitting: it &lt;grew&gt;.*" in text_of(message)
    assert f"For <@{ALICE}>" in text_of(message)
    assert kinds(alert(job, WARNING)) == ["section", "context", "actions"]


def test_an_alert_that_is_over_says_so_and_whether_it_grew_worse() -> None:
    over = replace(WARNING, cleared=70)
    assert "*Warning, over since step 70: Possible" in text_of(alert(replace(SMALL, alerts=(over,)), over))
    first = replace(WARNING, rule="L3", cleared=70)
    second = replace(WORSE, rule="L3")
    assert "*Warning, worse since step 70: Possible" in text_of(alert(replace(SMALL, alerts=(first, second)), first))
    asked = text_of(job_status(view_of(replace(TRAINING, alerts=(over,))), NOW, None))
    assert "*Warning, over since step 70* at step 60" in asked


def test_the_line_at_the_end_can_mention_people() -> None:
    assert text_of(status(TRAINING, "Finished.", None)).count("<@") == 0
    assert f"For <@{ALICE}> and <@{BOB}>" in text_of(status(TRAINING, "Finished.", None, (ALICE, BOB)))


def test_a_rule_that_sees_nothing_has_no_picture() -> None:
    assert rule_trace(JobView(SMALL, Series.of([a_step(1)]), None), replace(WARNING, rule="L3"), NOW) is None
