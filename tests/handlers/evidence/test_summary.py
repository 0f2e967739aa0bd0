"""The summary of a job's checkpoints: what it says in every state of evidence and approval, and that Slack takes it."""

import re
from dataclasses import replace

import pytest

from charts import PrecisionRecall, ScoreIntervals
from charts.wording import money
from handlers.evals.cards import CONTROLS
from handlers.evidence.platform_figures import platform_chart
from handlers.evidence.summary import NEEDS, TRAIN, chart_of, summary
from handlers.jobs.cards import card
from handlers.slack.blocks import Message
from jobs.approvals.open import open_approval
from jobs.approvals.records import Decision, Verdict
from jobs.core.records import ApprovalPolicy
from jobs.evals.records import Coverage, Slice, SliceFall
from jobs.evals.reviews import NO_REVIEWS
from jobs.evidence.choose import Need
from jobs.evidence.records import Figure, Versus
from jobs.views.checkpoint import evidence_view
from local.slack.blocks import characters, too_much_text, validate
from tests.handlers import evidence_shown as shown
from tests.handlers.evidence_shown import JOB, action_ids, text_of, view
from tests.records import ALICE, BOB, CAROL, a_candidate, a_change, a_checkpoint, a_figure, a_series, an_evidence

FILE = "F0123456789"
MANY_JOB, MANY = shown.many(24)
CROWD_JOB, CROWD = shown.many(40)
MESSAGES = {
    "whole": summary(view(), FILE, lambda eval_id: f"https://example.com/{eval_id}"),
    "without a picture": summary(view(), None),
    "plain": summary(view(shown.PLAIN), FILE),
    "undecided": summary(view(shown.UNDECIDED), FILE),
    "reward only": summary(view(shown.REWARD_ONLY), FILE),
    "one vote": summary(view(approval=shown.ONE_VOTE), FILE),
    "approved": summary(view(approval=shown.APPROVED), FILE),
    "rejected": summary(view(approval=shown.REJECTED), None),
    "expired": summary(view(approval=shown.EXPIRED), None),
    "again": summary(view(approval=shown.AGAIN), FILE),
    "gathering": summary(view(shown.GATHERING, None), None),
    "gathering again": summary(view(replace(shown.GATHERING, round=2, total=0), shown.BETWEEN), None),
    "failed": summary(view(shown.FAILED, open_approval(JOB, shown.FAILED, None, 2_000.0)), FILE),
    "no evidence": summary(view(None, None), FILE),
    "24 checkpoints": summary(view(MANY, open_approval(MANY_JOB, MANY, None, 2_000.0), MANY_JOB), FILE),
    "40 checkpoints": summary(view(CROWD, open_approval(CROWD_JOB, CROWD, None, 2_000.0), CROWD_JOB), FILE),
}


def said(name: str) -> str:
    return text_of(MESSAGES[name])


def table_of(message: Message) -> list[list[str]]:
    (table,) = [block for block in message.blocks if block["type"] == "table"]
    rows = table["rows"]
    assert isinstance(rows, list)
    return [[cell["text"] for cell in row] for row in rows]


@pytest.mark.parametrize("name", MESSAGES)
def test_slack_would_take_it(name: str) -> None:
    blocks = list(MESSAGES[name].blocks)
    assert validate(blocks, "message") == []
    assert not too_much_text(blocks)
    assert sum(characters(block) for block in blocks) < 10_000
    assert 0 < len(MESSAGES[name].text) <= 4000


# -- the verdict ------------------------------------------------------------------------------------------------------


def test_it_opens_with_the_verdict_and_its_numbers() -> None:
    alias = "Can't tell step 85 from acts@production: F1 +0.05 (95% interval -0.01 to 0.11); about 400 items would be"
    assert f"*{alias} enough, the validation split has 50.*" in said("whole")
    base = "+0.23 (0.19 to 0.27) on the validation split, +0.20 (0.14 to 0.26) on the test split"
    assert f"Against the base model: *better*, {base}." in said("whole")
    assert "*Step 85 is better than the base model: F1 up 0.23 (95% interval 0.19 to 0.27).*" in said("plain")
    sample = "Measured on 50 validation items x 3 runs, compared item by item; adjusted for 3 comparisons (Holm)."
    assert sample in said("whole")
    assert "Can't tell step 85 from acts@production: F1 +0.05" in MESSAGES["whole"].text


def test_what_cannot_be_told_says_how_many_items_it_would_take() -> None:
    assert (
        "Can't tell step 85 from the base model: F1 +0.01 (95% interval -0.03 to 0.05); about 400 items would be enough"
        in said("undecided")
    )
    assert "acts@production points at nothing yet." in said("undecided")
    approved = summary(view(shown.UNDECIDED, shown.APPROVED), None)
    assert "points at nothing yet" not in text_of(approved)


def test_how_many_items_it_would_take_is_an_estimate() -> None:
    evidence = replace(shown.PLAIN, candidates=(a_candidate(85, versus_base=a_change(0.01, items_needed=3_897)),))
    assert "about 3,900 items would be enough, the validation split has 50." in text_of(summary(view(evidence), None))
    unknown = replace(shown.PLAIN, candidates=(a_candidate(85, versus_base=a_change(0.01, items_needed=None)),))
    assert "(95% interval -0.03 to 0.05) on 50 items." in text_of(summary(view(unknown), None))


def test_the_table_has_the_figures_and_the_verdicts_first() -> None:
    header, base, _, best, _, alias = table_of(MESSAGES["whole"])
    assert header == [
        "Model",
        "F1",
        "Against the base",
        "Against acts@production",
        "F1 on the test split",
        "Precision",
        "Recall",
        "Reasoning tokens",
        "1,000 calls",
    ]
    assert best == [
        "step 85",
        "0.63 (0.55 to 0.71)",
        "+0.23 better",
        "+0.05 can't tell",
        "0.59 (0.50 to 0.68)",
        "0.70 (0.62 to 0.78)",
        "0.60 (0.52 to 0.68)",
        "310",
        "$1.24",
    ]
    assert base[:4] == ["base", "0.40 (0.32 to 0.48)", "\u2013", "\u2013"]
    assert alias[0] == "acts@production"


@pytest.mark.parametrize(("on_test", "word"), [(a_change(0.02), "can't tell on test"), (a_change(0.2), "better")])
def test_how_base_and_alias_stand_to_each_other_is_said_once(on_test: Versus, word: str) -> None:
    base, *checkpoints, alias = shown.WHOLE.candidates
    base = replace(base, versus_alias=a_change(-0.12, 0.04))
    alias = replace(alias, versus_base=a_change(0.12, 0.04), test_versus_base=on_test)
    _, of_base, *_, of_alias = table_of(
        summary(view(replace(shown.WHOLE, candidates=(base, *checkpoints, alias))), None)
    )
    assert of_base[2:4] == ["\u2013", "\u2013"]
    assert of_alias[3] == "\u2013"
    assert of_alias[2] == f"+0.12 {word}"


def test_a_verdict_that_is_the_test_splits_is_called_that() -> None:
    best = replace(shown.WHOLE.candidates[2], versus_alias=None, test_versus_base=a_change(0.02))
    told = summary(view(replace(shown.WHOLE, alias=None, alias_model=None, candidates=(best,))), None)
    assert table_of(told)[1][2] == "+0.23 can't tell on test"
    assert "on the test split; about 400 items would be enough, the test split has 50." in text_of(told)
    worse = replace(best, test_versus_base=a_change(-0.2))
    told = summary(view(replace(shown.WHOLE, alias=None, alias_model=None, candidates=(worse,))), None)
    assert table_of(told)[1][2] == "+0.23 worse on test"


def test_what_the_alias_points_at_is_marked_where_it_is_one_of_the_models() -> None:
    model = JOB.checkpoints[0].model_id
    evidence = replace(shown.PLAIN, alias="acts@production", alias_model=model)
    assert table_of(summary(view(evidence), None))[2][0] == "step 60 (in use)"
    chart = chart_of(view(evidence))
    assert isinstance(chart, PrecisionRecall)
    assert [one.kind for one in chart.models] == ["base", "alias", "checkpoint", "checkpoint"]


def test_what_is_unknown_is_said_and_never_a_nought() -> None:
    assert "Cost of 1,000 calls: unknown, because the platform's profile names no price." in said("plain")
    assert "Reasoning tokens: not reported by the platform. Tokens of an answer: base 120, step 60 120" in said("plain")
    assert "1,000 calls" not in str(table_of(MESSAGES["plain"]))
    rows = (replace(shown.WHOLE.candidates[0], cost=None, reasoning_tokens=None), *shown.WHOLE.candidates[1:])
    partly = summary(view(replace(shown.WHOLE, candidates=rows)), None)
    assert table_of(partly)[1][-2:] == ["unknown", "unknown"]
    assert "1,000 calls cost $1.24 (base unknown); 310 reasoning tokens an answer (base unknown)." in text_of(partly)


def test_each_checkpoint_says_what_it_costs_how_it_leans_and_what_it_breaks() -> None:
    assert "1,000 calls cost $1.24 (base $0.96, +29%); 310 reasoning tokens an answer (base 240, +29%)." in said(
        "whole"
    )
    assert "It predicts few labels, nearly always right." in said("whole")
    assert "It finds most labels, with more wrong ones among them." in said("whole")
    assert (
        "*Breaks a guardrail:* recall -0.02 against the base model, with 95% confidence no worse than -0.09; the task "
        "allows -0.02. Approving it needs an override, which is recorded."
    ) in said("whole")
    assert "The platform switches this model off on 2027-01-06." in said("whole")
    assert "2 of 152 answers are missing; they count in no score." in said("whole")


def test_the_choice_is_worth_less_than_it_looks_and_the_test_split_says_how_much() -> None:
    assert (
        "Step 85 was chosen from 3 by the split that it is scored on: expect 0.02 to 0.05 less on new items."
        in said("whole")
    )
    assert "On the test split, which chose nothing, it scored F1 0.59 (0.50 to 0.68)." in said("whole")
    assert "Step 85 was not evaluated on a held-out test split." in said("plain")
    assert "best of" not in said("undecided")
    unread = text_of(summary(view(replace(shown.PLAIN, test_eval="ev-test22")), None))
    assert "test split, which" not in unread
    assert "not evaluated on a held-out" not in unread


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            a_change(0.05, 0.06),
            "+0.23 (0.19 to 0.27) on the validation split, +0.05 (-0.01 to 0.11) on the test split; about 400 items",
        ),
        (
            a_change(-0.1),
            "*Step 85 is worse than the base model: F1 +0.23 (0.19 to 0.27) on the validation split, -0.10 ",
        ),
    ],
)
def test_what_the_test_split_does_not_confirm_stands_at_the_top(change: Versus, words: str) -> None:
    rows = tuple(
        replace(each, test_versus_base=change) if each.versus_base else each for each in shown.PLAIN.candidates
    )
    opening = summary(view(replace(shown.PLAIN, candidates=tuple(rows))), None).blocks[1]
    assert words in str(opening["text"]).replace("\\'", "'")


def test_what_is_nothing_for_all_is_said_once() -> None:
    rows = tuple(replace(each, cost=0.0, reasoning_tokens=0.0) for each in shown.WHOLE.candidates)
    free = summary(view(replace(shown.WHOLE, candidates=rows)), None)
    assert "Calls cost nothing with any of them.\\nReasoning tokens: 0 with each of them." in text_of(free)
    assert "$0.00" not in text_of(free)
    assert table_of(free)[0][-1] == "Recall"


def test_the_items_that_changed_most_are_shown_at_most_three_each_escaped_and_cut() -> None:
    assert "*What tuning changed most* (step 85 against the base model)" in said("whole")
    assert "Fixed: `act-17` 0.00 \u2192 1.00 \u00b7 Regulation on the &lt;common&gt; fisheries" in said("whole")
    assert "Broken: `act-40` 0.90 \u2192 0.20" in said("whole")
    assert "act-9" not in said("whole")
    assert len(re.findall("Fixed: ", said("whole"))) == 3


def test_every_answer_can_be_read_behind_a_link_or_in_the_thread() -> None:
    links = (
        "<https://example.com/ev-valid2|validation split>, <https://example.com/ev-test22|test split>; also as files"
    )
    assert links in said("whole")
    files = "in the report files in the job's thread (validation split `ev-valid2`, test split `ev-test22`)."
    assert files in said("one vote")
    assert "Every answer" not in text_of(summary(view(replace(shown.PLAIN, valid_eval=None)), None))


def test_how_far_people_agree_with_the_judge_that_graded_it_is_said_with_the_verdict() -> None:
    unchecked = NO_REVIEWS.agreement("helpful", "v1")
    shown = text_of(summary(replace(view(), agreements=(unchecked,)), None))
    assert "No grades of this judge (helpful) have been checked by a person." in shown


def test_a_note_on_what_is_missing_is_passed_on() -> None:
    noted = summary(view(replace(shown.PLAIN, note="The task has no <test> split.")), None)
    assert "The task has no &lt;test&gt; split." in text_of(noted)


@pytest.mark.parametrize(
    ("here", "training", "words"),
    [
        (True, True, "Answers were held to a schema, in training and here alike."),
        (False, False, "Answers were not held to a schema, in training and here alike."),
        (False, True, "Answers were held to a schema in training, and not here: format errors count differently."),
        (None, True, ""),
    ],
)
def test_whether_answers_were_held_to_a_schema_is_said_where_it_is_known(
    here: bool | None, training: bool, words: str
) -> None:
    evidence = replace(shown.PLAIN, constrained=here, constrained_in_training=training)
    told = text_of(summary(view(evidence), None))
    assert words in told
    assert ("held to a schema" in told) is bool(words)


def test_a_checkpoint_and_its_scale_say_what_the_mean_is_over() -> None:
    covered = [replace(each, coverage=Coverage(30, 30, 14)) for each in shown.PLAIN.candidates]
    told = text_of(summary(view(replace(shown.PLAIN, candidates=tuple(covered), scale=(0.0, 5.0))), None))
    assert "On 14 of 30 answers the grader found nothing to grade." in told
    assert "compared item by item" in told
    assert ", on a scale of 0 to 5." in told


def test_without_a_reward_of_any_checkpoint_the_verdict_says_so() -> None:
    evidence = replace(shown.PLAIN, candidates=(a_candidate(85, valid={"precision": Figure(0.5)}),))
    assert "*No checkpoint was measured for F1 on the validation split.*" in text_of(summary(view(evidence), None))
    priced = replace(evidence.candidates[0], cost=1.0, reasoning_tokens=10.0)
    assert "new items" not in text_of(summary(view(replace(evidence, candidates=(priced,))), None))
    alone = replace(shown.PLAIN, candidates=(a_candidate(85, versus_base=None),))
    assert "*Step 85: F1 0.55 (0.47 to 0.63); it was compared with no other model.*" in text_of(
        summary(view(alone), None)
    )


# -- the picture ------------------------------------------------------------------------------------------------------


def test_the_picture_is_of_precision_and_recall_where_there_are_such_and_else_of_the_reward() -> None:
    chart = chart_of(view())
    assert isinstance(chart, PrecisionRecall)
    assert [model.kind for model in chart.models] == ["base", "checkpoint", "checkpoint", "checkpoint", "alias"]
    assert [model.label for model in chart.models if model.chosen] == ["step 85"]
    assert chart.subtitle == "acts \u00b7 rft-abc234 \u00b7 50 validation items x 3 runs"
    rewards = chart_of(view(shown.REWARD_ONLY))
    assert isinstance(rewards, ScoreIntervals)
    assert rewards.score == "F1"


def test_without_evidence_the_picture_is_the_platforms_and_while_it_is_gathered_there_is_none() -> None:
    chart = platform_chart(evidence_view(JOB, None))
    assert [row.f1 for row in chart.rows] == [0.5, 0.63, 0.6]
    assert chart_of(view(None)) == chart_of(view(shown.FAILED)) == chart
    assert chart_of(view(shown.GATHERING)) is None


def test_the_title_of_the_picture_is_short() -> None:
    chart = chart_of(view(shown.UNDECIDED))
    assert isinstance(chart, PrecisionRecall)
    assert chart.title == "Can't tell step 85 from the base model: F1 +0.01 (95% interval -0.03 to 0.05)"


# -- the approval -----------------------------------------------------------------------------------------------------


def test_an_open_approval_has_a_button_for_each_checkpoint_bound_to_what_is_shown() -> None:
    assert action_ids(MESSAGES["whole"]) == ["approve_checkpoint"] * 3 + ["prefer_checkpoint", "reject_checkpoints"]
    assert "'rft-abc234|ckpt-85|digest-85'" in said("whole")
    assert "Approve step 85 (1 of 2)" in said("one vote")
    assert action_ids(MESSAGES["24 checkpoints"]).count("approve_checkpoint") == 24
    assert "16 more checkpoints are not shown here." in said("40 checkpoints")


def test_who_may_approve_until_when_and_what_is_missing() -> None:
    assert "Needs 2 approvals of one checkpoint by @model-approvers, until <!date^606800" in said("whole")
    assert "One rejection settles it too." in said("whole")
    assert f"<@{ALICE}> launched the job and cannot decide." in said("whole")
    assert f"So far step 85 has 1 of 2 approvals (by <@{BOB}>)." in said("one vote")
    assert "So far 0 of 2 approvals." in said("whole")


def test_that_the_launcher_may_approve_is_said() -> None:
    own = text_of(summary(view(approval=shown.OWN_ALLOWED), None))
    assert f"<@{ALICE}> launched the job and may decide as well: the task allows that." in own
    assert "2 rejections settle it too." in own
    watched = replace(JOB, imported=True)
    assert "asked me to watch the job and cannot decide." in text_of(summary(view(job=watched), None))


def test_votes_given_again_say_why() -> None:
    assert "The evidence changed <!date^3000" in said("again")
    assert "everybody votes again. The validation split changed." in said("again")
    assert "Nobody can approve for now: the evidence is not there yet. The validation split changed." in said(
        "gathering again"
    )
    assert action_ids(MESSAGES["gathering again"]) == []


@pytest.mark.parametrize("name", ["rejected", "expired"])
def test_a_settled_approval_has_no_controls_but_the_menu(name: str) -> None:
    assert action_ids(MESSAGES[name]) == ["prefer_checkpoint"]


def test_the_approved_summary_says_who_what_when_why_and_what_next() -> None:
    for expected in ("Step 85 is approved", BOB, CAROL, "agreed", "<!date^2200", JOB.checkpoints[1].model_id):
        assert expected in said("approved")
    assert action_ids(MESSAGES["approved"]) == ["prefer_checkpoint", "move_alias"]
    assert "Next: point an alias such as `acts@production` at it." in said("approved")
    assert "*All checkpoints were rejected* by" in said("rejected")
    assert "*Nobody settled it in time*" in said("expired")


def test_once_an_alias_points_at_what_was_approved_that_is_said_instead() -> None:
    moved = replace(view(approval=shown.APPROVED), aliases=("acts@production",))
    assert "`acts@production` points at it" in text_of(summary(moved, None))
    both = replace(moved, aliases=("acts@production", "acts@canary"))
    assert "`acts@production` and `acts@canary` point at it" in text_of(summary(both, None))


def test_each_reason_stands_once_and_votes_for_another_checkpoint_stay() -> None:
    other = Decision(ALICE, Verdict.APPROVE, "ckpt-60", "fewer mistakes", 2_050.0, overrides=("recall",))
    approval = replace(shown.APPROVED, policy=ApprovalPolicy(self_approval=True), decisions=(other, *shown.VOTES))
    told = text_of(summary(view(approval=approval), None))
    for reason in ("best &lt;balance&gt; &amp; recall", "agreed", "(set aside: recall): fewer mistakes"):
        assert told.count(reason) == 1


def test_an_edited_summary_has_new_block_ids() -> None:
    def ids(name: str) -> set[object]:
        return {block["block_id"] for block in MESSAGES[name].blocks if "block_id" in block}

    assert not ids("whole") & ids("one vote")
    assert not ids("whole") & ids("again")


# -- before and without evidence --------------------------------------------------------------------------------------


def test_while_evidence_is_gathered_it_says_how_far_that_is_and_asks_for_nothing() -> None:
    assert "*Evaluating 3 checkpoints and the base model:* 300 of 1,350 answers." in said("gathering")
    assert "base model again:* about to begin." in said("gathering again")
    assert action_ids(MESSAGES["gathering"]) == []
    assert "Nobody is asked yet: the approval request comes with the evidence." in said("gathering")
    assert "Nothing is asked of you" not in said("gathering")


def test_evidence_that_cannot_be_had_says_why_and_how_to_try_again() -> None:
    assert "*I could not evaluate them.* local refuses to answer for these models (401)." in said("failed")
    assert "`/rft checkpoints rft-abc234 again=yes` tries once more." in said("failed")
    assert "What follows are the platform's own figures." in said("failed")
    assert said("failed").count("*Not evaluated by me:*") == 3
    assert action_ids(MESSAGES["failed"]) == ["approve_checkpoint"] * 3 + ["reject_checkpoints"]
    unknown = summary(view(replace(shown.FAILED, note=None)), None)
    assert "The reason is not known." in text_of(unknown)


def test_the_platforms_figures_say_which_checkpoint_is_best_for_whom() -> None:
    assert "Can't tell steps 60, 85 and 95 apart: F1 0.50 to 0.63." in said("no evidence")
    assert "A wrong label costs more (precision): *step 60*, 0.90" in said("no evidence")
    assert "A missing label costs more (recall): *step 95*, 0.80" in said("no evidence")
    assert "It predicts few labels, nearly always right." in said("no evidence")
    assert "On 50 items a difference below 0.14 may well be chance." in said("no evidence")
    assert "Nothing is asked of you" in said("no evidence")


def test_several_that_tie_are_listed_as_one_says_it() -> None:
    tied = replace(JOB, checkpoints=tuple(a_checkpoint(step, 0.6, 0.5, 0.55) for step in (60, 85, 95)))
    told = text_of(summary(view(None, None, tied), None))
    assert "Can't tell steps 60, 85 and 95 apart: F1 0.55 each." in told
    assert "(recall): can't tell steps 60, 85 and 95 apart" in told


def test_a_platform_that_reports_nothing_is_said_to() -> None:
    bare = replace(
        JOB, valid_items=None, reward="judge", checkpoints=(replace(a_checkpoint(5), valid_reward=None, scores={}),)
    )
    told = text_of(summary(view(None, None, bare), None))
    assert "The platform reported no validation scores for these checkpoints." in told
    assert "validation reward *not reported*" in told


def test_without_the_number_of_items_nothing_is_said_of_chance() -> None:
    unknown = replace(view(None), job=replace(JOB, valid_items=None), series=a_series(0.2))
    assert "The number of items is not known" in text_of(summary(unknown, None))
    assert "None" not in platform_chart(evidence_view(unknown.job, None)).subtitle


# -- the words --------------------------------------------------------------------------------------------------------


def test_amounts_of_money() -> None:
    assert [money(each) for each in (None, 0.0, 0.0034, 1.2, 1234.5)] == [
        "unknown",
        "$0.00",
        "$0.0034",
        "$1.20",
        "$1,234.50",
    ]


@pytest.mark.parametrize(
    ("bias", "words"),
    [
        ((0.0, 0.001), "hardly less"),
        ((0.021, 0.022), "about 0.02 less"),
        ((0.02, 0.05), "0.02 to 0.05 less"),
    ],
)
def test_the_loss_to_expect_is_said_with_as_few_numbers_as_it_takes(bias: tuple[float, float], words: str) -> None:
    note = evidence_view(JOB, replace(shown.PLAIN, bias=bias)).selection_note
    assert f"expect {words} on new items." in note


def test_the_menu_offers_every_need() -> None:
    assert set(NEEDS) == set(Need)


def test_the_menu_offers_only_what_was_measured() -> None:
    assert "A missing label costs more (recall)" in said("whole")
    assert "A missing label costs more (recall)" not in said("reward only")
    assert "Cheapest that is as good" in said("reward only")


# -- a task without labels --------------------------------------------------------------------------------------------


def own_graders(p: float) -> dict[str, Figure]:
    return {"judge": a_figure(p), "polite": a_figure(p / 2)}


def test_without_labels_the_tasks_own_graders_are_shown() -> None:
    job = replace(JOB, reward="judge")
    free = an_evidence(
        candidates=tuple(replace(each, valid=own_graders(each.valid["f1"].mean)) for each in shown.PLAIN.candidates)
    )
    message = summary(view(free, None, job), FILE)
    assert table_of(message)[0][:4] == ["Model", "Judge", "Against the base", "Polite"]
    assert not any(word in text_of(message).lower() for word in ("precision", "recall", "f1"))


def test_both_validation_splits_stand_next_to_each_other_with_a_line_where_they_disagree() -> None:
    line = "valid_natural says otherwise: it scores less, -0.20 (-0.30 to -0.10)."
    rows = tuple(
        replace(
            each,
            natural={"f1": a_figure(0.35)},
            over_labels={"valid": (0.61, 0.52), "valid_natural": (0.58, 0.31)},
            splits_disagree=line if each.checkpoint else "",
            natural_versus_base=a_change(-0.1) if each.checkpoint else None,
        )
        for each in shown.PLAIN.candidates
    )
    message = summary(view(replace(shown.PLAIN, candidates=rows, natural_eval="ev-natural")), FILE)
    told = text_of(message)
    assert table_of(message)[0][:4] == ["Model", "F1", "Against the base", "F1 on valid_natural"]
    natural = "valid_natural: F1 0.35 (0.27 to 0.43), micro F1 0.58, macro F1 0.31"
    assert f"valid: F1 0.63 (0.55 to 0.71), micro F1 0.61, macro F1 0.52 \xb7 {natural}" in told.replace("·", "\xb7")
    assert f"*{line}*" in told
    assert "Step 85 is worse on valid_natural, distributed as production is, so it is not recommended." in told
    assert "'primary'" not in told
    assert "natural validation split `ev-natural`" in told


def test_a_slice_that_got_worse_stands_next_to_the_verdict_on_every_surface() -> None:
    fall = SliceFall("base", "step 85", "language", "de", 14, -0.15, -0.24, -0.06, 0.001)
    rows = tuple(
        replace(each, slice_falls=(fall,)) if each.name == "step 85" else each for each in shown.PLAIN.candidates
    )
    slices = (Slice("language", "de", 14, {"local-policy-1": 0.55, rows[2].model: 0.40}),)
    job = view(replace(shown.PLAIN, candidates=rows, slices=slices))
    words = "Worse than base on language=de: -0.15 (-0.24 to -0.06), 14 items."
    message = summary(job, FILE)
    assert f"is better than the base model: F1 up 0.23 (95% interval 0.19 to 0.27).*\n*{words}*" in str(
        message.blocks[1]["text"]
    ).replace("\\n", "\n")
    assert words in text_of(card(job, 0.0))
    assert "language=de  14     0.55  0.40" in text_of(message)


def test_graders_without_a_column_are_told_in_words() -> None:
    graders = ("f1", "precision", "recall", "judge", "exact")
    rows = tuple(
        replace(each, valid={name: a_figure(0.5) for name in graders}, test={}) for each in shown.PLAIN.candidates
    )
    usual = summary(view(replace(shown.PLAIN, candidates=rows)), None)
    assert table_of(usual)[0][1:] == ["F1", "Against the base", "Precision", "Recall", "Judge"]
    assert "Exact: base 0.50 (0.42 to 0.58), step 60 0.50" in text_of(usual)
    chosen = summary(view(replace(shown.PLAIN, candidates=rows, headline=("f1", "judge"))), None)
    assert table_of(chosen)[0][1:] == ["F1", "Against the base", "Judge"]
    assert all(f"{name}: base 0.50" in text_of(chosen) for name in ("Precision", "Recall", "Exact"))


def test_a_platforms_own_figures_are_those_of_the_tasks_graders() -> None:
    bare = replace(a_checkpoint(5), valid_reward=0.61, scores={"judge": 0.61, "polite": 0.4})
    told = text_of(summary(view(None, None, replace(JOB, reward="judge", checkpoints=(bare,))), None))
    assert "validation reward *0.61*" in told
    assert "polite *0.40*" in told
    assert "precision" not in told
    assert "not reported" not in told


def test_the_best_checkpoint_is_set_next_to_the_base_and_the_train_split_is_a_click_away() -> None:
    told = "Before and after on validation, 60 items x 3 answers: items always at 0: 10 to 2, mean 0.41 to 0.53."
    measured = shown.WHOLE
    best = evidence_view(JOB, measured).best
    assert best is not None
    candidates = tuple(
        replace(each, before_after=told) if each.model == best.measured.model else each for each in measured.candidates
    )
    message = summary(view(replace(measured, candidates=candidates)), FILE)
    assert told in text_of(message)
    assert f"'run|task={JOB.task} platform={JOB.platform} model=" in repr(message.blocks)
    assert f",{best.measured.model} split=train runs={measured.runs}'" in repr(message.blocks)
    assert TRAIN in action_ids(message)
    assert CONTROLS.match(TRAIN)
    assert TRAIN not in action_ids(MESSAGES["whole"])
