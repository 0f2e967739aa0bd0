"""How evals look: their card in every state, and what a result says."""

import random
from collections.abc import Iterable
from dataclasses import replace

import pytest

from charts import Chart, ScoreComparison, VarianceStudy, describe
from handlers.evals.cards import eval_card, eval_list
from handlers.evals.results import (
    comparison_chart,
    result_chart,
    result_message,
    show_comparison,
    two_splits_chart,
)
from handlers.slack.images import Pictures
from jobs.core.ids import names_apart
from jobs.evals.answer_store import Item
from jobs.evals.readiness import Alternative
from jobs.evals.records import Answer, Arm, Coverage, Eval, EvalState, LabelScores, Progress, Slice, SliceFall
from jobs.evals.results import EvalResults, WorstItem
from jobs.evals.reviews import NO_REVIEWS, Review, grade_of
from jobs.evals.stats.comparison import compare, gather
from jobs.evals.stats.splits import on_two_splits
from jobs.evals.stats.summary import summarise
from jobs.evals.stats.variance_study import read_variance
from jobs.views.eval import EvalView
from local.slack.blocks import too_much_text, validate
from tests.handlers.evidence_shown import action_ids, text_of
from tests.jobs.evals.answers import an_answer, an_eval, graded, graded_by_all

TUNED = Arm("ft:local-policy-1:org:acts:AbCdEfGh:ckpt-step-60", label="step 60 of rft-zuwoq5")
LINK = "https://example.com/report"


def spread(arm: str, mean: float) -> tuple[Answer, ...]:
    """Return answers to 100 items, 3 runs each, whose scores scatter around a mean."""
    rng = random.Random(arm)
    return tuple(graded([[mean + rng.uniform(-0.2, 0.2) for _ in range(3)] for _ in range(100)], arm=arm))


BASE, BETTER = spread("base", 0.4), spread(TUNED.name, 0.6)


def view_of(answers: Iterable[Answer], **changes: object) -> EvalView:
    """Return a finished eval of these answers."""
    known = tuple(answers)
    evaluation = an_eval(**changes)
    evaluation = replace(evaluation, summaries=summarise(evaluation, known, {}))
    comparison = compare(gather(evaluation, known)) if len(evaluation.arms) > 1 else None
    study = read_variance(evaluation, known) if evaluation.request.purpose == "variance" else None
    worst = WorstItem("i<7>", replace(known[0], text="a\n<b>"), total=0.3, scored=3, expected="c")
    return EvalView(evaluation, EvalResults(study, comparison, (worst,)))


def said(view: EvalView) -> str:
    """Return a result's message, as Slack would take it."""
    message = result_message(view, result_chart(view), "F0123456789", LINK)
    assert validate(list(message.blocks), "message") == []
    assert not too_much_text(list(message.blocks))
    return text_of(message)


@pytest.mark.parametrize("state", list(EvalState))
def test_the_card_can_be_cancelled_until_the_eval_ends(state: EvalState) -> None:
    progress = Progress(60, {"time-out": 2, "429 <slow>": 1}, 12_345, {"base": 0.523})
    message = eval_card(an_eval(state=state, progress=progress, started_at=1_000.0), 1_100.0)
    assert validate(list(message.blocks), "message") == []
    assert action_ids(message) == ([] if state.is_final else ["act_on_eval:cancel"])
    shown = text_of(message)
    assert "60 of 300 answers" in shown
    assert "valid, 100 items x 3 runs" in shown
    assert "2 x time-out\\n1 x 429 &lt;slow&gt;" in shown
    assert "\\n0.52" in shown
    assert "1 min 40 s" in shown


def test_the_card_of_several_arms_names_them_and_each_mean() -> None:
    several = an_eval(state=EvalState.RUNNING, arms=(Arm("base", "low"), TUNED))
    assert "Asking base (low), step 60 of rft-zuwoq5." in text_of(eval_card(several, 0.0))
    assert "nothing graded yet" in text_of(eval_card(several, 0.0))
    means = replace(several, progress=Progress(9, rewards={"base (low)": 0.4, TUNED.name: 0.6}))
    assert "base (low): 0.40\\nstep 60 of rft-zuwoq5: 0.60" in text_of(eval_card(means, 0.0))
    stopped = text_of(eval_card(an_eval(note="The budget is spent."), 0.0))
    assert "*Stopped early*" in stopped
    assert "The budget is spent." in stopped


def test_the_list_says_how_far_each_is() -> None:
    arms = tuple(Arm(f"m{number}") for number in range(5))
    message = eval_list((an_eval(), an_eval(arms=arms)))
    assert message.text == "2 newest evals"
    assert "m0, m1, m2 and 2 more" in text_of(message)
    assert eval_list(()).text.startswith("No eval yet.")


def test_two_arms_are_told_with_their_verdict_intervals_and_what_is_missing() -> None:
    failed = [an_answer("i1", arm="base", text=None, failure="time-out")]
    view = view_of([*BASE, *BETTER, *failed], arms=(Arm("base"), TUNED))
    shown = said(view)
    assert f"*{view.headline}*" in shown.replace("&lt;", "<")
    assert "step 60 of rft-zuwoq5" in view.headline
    assert f"`{TUNED.model}`" in shown
    assert "F1 *0.6" in shown
    assert " to 0." in shown
    assert "In brackets: the 95% interval of a mean over items" in shown
    assert "standard deviation over runs 0.0" in shown
    assert "base: the mean is over 300 of 301 answers: 1 is missing." in shown
    assert "Missing: 1 x time-out" in shown
    assert "`i&lt;7&gt;` 0.10 · a &lt;b&gt; · expected c" in shown
    assert LINK in shown
    chart = result_chart(view)
    assert isinstance(chart, ScoreComparison)
    assert chart.title == view.headline
    assert [arm.arm for arm in chart.arms] == ["base", "step 60"]
    assert chart.best == "step 60"
    assert view.results.comparison is not None
    assert comparison_chart(view.results.comparison).title == view.headline


def test_checkpoints_of_several_jobs_keep_the_name_of_theirs() -> None:
    arms = ("base", "step 5 of rft-aaaaaa (low)", "step 5 of rft-bbbbbb")
    assert list(names_apart(arms).values()) == list(arms)
    assert list(names_apart(arms[:2]).values()) == ["base", "step 5 (low)"]


def test_slices_are_told_and_one_that_got_worse_stands_next_to_the_verdict() -> None:
    view = view_of([*BASE, *BETTER], arms=(Arm("base"), TUNED))
    fall = SliceFall("base", TUNED.name, "language", "de", 14, -0.15, -0.24, -0.06, 0.001)
    sliced = replace(
        view.evaluation,
        slices=(Slice("language", "de", 14, {"base": 0.55, TUNED.name: 0.4}),),
        slice_falls=(fall,),
        conclusion=view.conclusion,
    )
    told = said(replace(view, evaluation=sliced))
    worse = "Worse on language=de: -0.15 (-0.24 to -0.06), 14 items."
    assert f"*{view.headline}*\\n*{worse}*" in told
    assert "language=de  14     0.55  0.40" in told
    assert f"{view.headline}*\\n{worse}" in text_of(eval_card(sliced, 0.0))
    several = replace(sliced, arms=(*sliced.arms, Arm("other")))
    assert several.caveats == (f"{worse[:-1]} ({TUNED.name} against base).",)


def test_one_model_on_two_splits_is_shown_side_by_side() -> None:
    def on(split: str, mean: float) -> EvalView:
        changes = {"split": split, "id": f"eval-{split}", "arms": (Arm("base"),)}
        return view_of([replace(each, text="{}") for each in spread("base", mean)], **changes)

    valid, natural = on("valid", 0.6), on("valid_natural", 0.4)
    labels = LabelScores(0.5, 0.5, 0.55)
    evals = [
        replace(
            each.evaluation, summaries=tuple(replace(s, micro=labels, macro=labels) for s in each.evaluation.summaries)
        )
        for each in (valid, natural)
    ]
    found = on_two_splits(gather(evals[0], spread("base", 0.6)), gather(evals[1], spread("base", 0.4)))
    chart = two_splits_chart(found)
    assert chart.title == found.headline
    assert chart.title.startswith("base scores less on valid_natural: F1 -0.2")
    assert (chart.graders, [arm.arm for arm in chart.arms]) == (
        ("F1", "micro F1", "macro F1"),
        ["valid", "valid_natural"],
    )
    told = said(replace(valid, other_split=found))
    assert f"*Next to `eval-valid_natural`:* {found.headline}." in told
    assert "macro F1  0.55" in told


def test_a_variance_study_is_drawn_by_item_and_says_what_to_do() -> None:
    request = replace(an_eval().request, purpose="variance")
    view = view_of(BASE, request=request)
    chart = result_chart(view)
    assert isinstance(chart, VarianceStudy)
    assert len(chart.items) == 100
    assert chart.title in said(view)


def test_without_a_grade_there_is_no_figure() -> None:
    view = view_of([an_answer(text=None, failure="time-out")])
    assert view.headline == "No answer could be graded"
    assert "F1: nothing graded" in said(view)
    nothing: Eval = replace(view.evaluation, summaries=())
    assert result_chart(replace(view, evaluation=nothing)) is None


@pytest.mark.parametrize(
    ("reason", "counts", "advice"),
    [
        ("400 invalid_request_error", "88 requests refused (HTTP 400 invalid_request_error).", "is refused again."),
        ("HTTP 503", "88 requests failed (HTTP 503).", "Next: evaluate again."),
    ],
)
def test_an_eval_without_one_answer_says_why_and_advises_to_ask_again_only_where_that_may_help(
    reason: str, counts: str, advice: str
) -> None:
    why, request = "Local platform refused it: <too> long.", replace(an_eval().request, purpose="variance")
    failed = [an_answer(f"i{place}", text=None, failure=reason) for place in range(88)]
    progress = Progress(88, {reason: 88})
    more = {"state": EvalState.FAILED, "failure": why, "note": f"{why} {counts}", "progress": progress}
    view = view_of(failed, request=request, **more)
    view = replace(view, evaluation=replace(view.evaluation, conclusion=view.conclusion))
    view = replace(view, alternatives=(Alternative("Another prompt.", "Try it", "run acts"),))
    card = text_of(eval_card(view.evaluation, 0.0))
    assert "0 of 300 answers" in card
    assert f"88 x {reason}" in card
    assert result_chart(view) is None
    for shown in (card, said(view)):
        assert "*Failed: Local platform refused it: &lt;too&gt; long*" in shown
        assert counts in shown
        assert advice in shown
        assert "CAN'T TELL" not in shown
        assert "Another prompt." not in shown
        assert ("evaluate again" in shown) is (reason == "HTTP 503")


def test_scores_are_drawn_on_the_scale_of_their_grader() -> None:
    view = view_of(BASE)
    judged = replace(view, evaluation=replace(view.evaluation, ranges={"f1": (0.0, 5.0)}))
    chart = result_chart(judged)
    assert isinstance(chart, ScoreComparison)
    assert chart.scales == (("F1", (0.0, 5.0)),)


@pytest.mark.parametrize(
    ("graders", "reward", "chosen", "shown"),
    [
        (("f1", "recall", "precision"), "f1", (), ("f1", "precision", "recall")),
        (("exact", "f1"), "exact", (), ("exact", "f1")),
        (("a", "b", "c", "d", "e"), "e", (), ("e", "a", "b", "c")),
        (("judge", "recall", "exact", "precision", "f1"), "f1", (), ("f1", "precision", "recall", "judge")),
        (("judge", "recall", "exact", "precision", "f1"), "f1", ("f1", "judge"), ("f1", "judge")),
        (("judge", "exact", "f1"), "f1", ("judge", "broken"), ("f1", "judge")),
    ],
)
def test_the_headline_is_the_reward_and_what_the_task_chose(
    graders: tuple[str, ...], reward: str, chosen: tuple[str, ...], shown: tuple[str, ...]
) -> None:
    evaluation = an_eval(graders=graders, reward=reward, headline=chosen)
    assert evaluation.headline_graders == shown
    assert evaluation.shown_graders[: len(shown)] == shown
    assert set(evaluation.shown_graders) == set(graders)


def test_every_grader_is_told_and_the_picture_shows_those_of_the_headline() -> None:
    tables = {"f1": [[0.5], [0.4]], "judge": [[4.0], [3.0]], "exact": [[1.0], [0.0]], "close": [[0.9], [0.8]]}
    answers = [each for arm in ("low", "high") for each in graded_by_all(tables, arm)]
    graders = ("judge", "exact", "close", "f1")
    view = view_of(answers, arms=(Arm("low"), Arm("high")), graders=graders, reward="f1", headline=("f1", "judge"))
    chart = result_chart(view)
    assert isinstance(chart, ScoreComparison)
    assert chart.graders == ("F1", "judge")
    told = said(view)
    assert all(f"{name} *" in told for name in ("F1", "judge", "exact", "close"))
    assert view.results.comparison is not None
    assert comparison_chart(view.results.comparison).graders == ("F1", "judge")
    assert view.results.comparison.graders == ("f1", "judge", "exact", "close")


def test_a_mean_says_its_scale_and_what_it_is_over() -> None:
    ungraded = [
        an_answer(f"p{number}", arm="base", scores={"f1": 0.0}, ungradable={"f1": "sample_parse_error"})
        for number in range(14)
    ]
    shown = said(view_of([*graded([[4.0]] * 16), *ungraded], ranges={"f1": (0.0, 5.0)}))
    remark = "on 14 of 30 answers the grader found nothing to grade"
    assert f"base: {remark}." in shown
    assert f", on a scale of 0 to 5 ({remark})" in shown
    covered = Progress(30, rewards={"base": 2.13}, coverage={"base": Coverage(30, 30, 14)})
    card = text_of(eval_card(an_eval(progress=covered, ranges={"f1": (0.0, 5.0)}), now=2_000.0))
    assert f"2.13, on a scale of 0 to 5 ({remark})" in card


def test_a_result_that_a_judge_graded_says_how_far_people_agree_and_offers_each_grade_to_be_checked() -> None:
    judged = an_eval(judges=("f1",), fingerprints={"f1": "v1"})
    answer = an_answer("i1", text="{}", scores={"f1": 0.2})
    grade = grade_of(judged, Item("i1", "text", "x"), answer, "f1", NO_REVIEWS)
    assert grade is not None
    said_before = grade.reviewed.with_review(Review("U0ALICE", "alice", 1.0, 0.2, is_right=False, note="a <b>"))
    reviews = NO_REVIEWS.with_grade(said_before)
    view = EvalView(
        judged,
        EvalResults(None, None, (WorstItem("i1", answer, total=0.2, scored=1),)),
        agreements=reviews.agreements(judged),
        grades={"i1": replace(grade, reviewed=said_before)},
    )
    shown = said(view)
    assert "Grades of the judge f1 that 1 person checked are right: 0 of 1 (0%) that people picked." in shown
    assert "<@U0ALICE>: 0.20 is wrong, <!date^1^" in shown
    assert "(a &lt;b&gt;)" in shown
    assert "check_grade" in shown
    unchecked = said(replace(view, agreements=NO_REVIEWS.agreements(judged), grades={}))
    assert "No grades of this judge (f1) have been checked by a person." in unchecked


class NoPictures(Pictures):
    """Draws nothing, as where Slack takes no file."""

    def __init__(self) -> None:
        pass

    async def file_of(self, chart: Chart, name: str) -> None:
        assert name
        assert describe(chart)


async def test_a_comparison_says_it_too() -> None:
    comparison = compare([*gather(an_eval(), BASE), *gather(an_eval(id="eval-other2", arms=(TUNED,)), BETTER)])
    judged = an_eval(judges=("f1",), fingerprints={"f1": "v1"})
    message = await show_comparison(comparison, NoPictures(), NO_REVIEWS.agreements(judged))
    assert "No grades of this judge (f1) have been checked by a person." in text_of(message)
