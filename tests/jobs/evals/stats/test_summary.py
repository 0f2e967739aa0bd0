"""What an eval's answers come to."""

import json
import math
import random
from collections.abc import Iterator

import pytest

from jobs.evals.records import Answer, Arm, ArmSummary
from jobs.evals.stats.summary import UNUSABLE, summarise
from tests.jobs.evals.answers import an_answer, an_eval, graded


def _one(summaries: tuple[ArmSummary, ...]) -> ArmSummary:
    assert len(summaries) == 1
    return summaries[0]


def test_mean_is_over_items_of_the_mean_over_runs() -> None:
    """An item with a missing run weighs as much as any other."""
    answers = [*graded([[1.0, 1.0, 1.0]]), an_answer("lonely", scores={"f1": 0.0})]
    grader = _one(summarise(an_eval(), answers, {})).grader("f1")

    assert grader is not None
    assert grader.mean == 0.5
    assert grader.graded == 4


def test_spread_is_that_of_the_run_means() -> None:
    grader = _one(summarise(an_eval(), graded([[0.2, 0.4], [0.4, 0.8]]), {})).grader("f1")

    assert grader is not None
    assert grader.run_std == pytest.approx(0.3 / math.sqrt(2))


def test_more_runs_of_the_same_items_do_not_make_the_interval_narrower_than_the_items_allow() -> None:
    chance = random.Random(3)
    items = [chance.random() for _ in range(40)]
    few = _one(summarise(an_eval(), graded([[score] for score in items]), {})).grader("f1")
    many = _one(summarise(an_eval(runs=9), graded([[score] * 9 for score in items]), {})).grader("f1")

    assert few is not None
    assert many is not None
    assert few.interval is not None
    assert many.interval is not None
    assert many.interval.low == pytest.approx(few.interval.low)
    assert many.interval.high == pytest.approx(few.interval.high)


def test_one_run_has_no_spread_and_one_item_no_interval() -> None:
    grader = _one(summarise(an_eval(), graded([[0.5]]), {})).grader("f1")

    assert grader is not None
    assert (grader.run_std, grader.interval) == (None, None)


def test_failures_and_grading_errors_are_counted_and_never_scored() -> None:
    answers = [
        an_answer("i1", scores={"f1": 0.8}),
        an_answer("i2", scores={"f1": math.nan}),
        an_answer("i7", scores={"f1": 1e300}),
        an_answer("i3", grader_errors={"f1": "python_runtime_error"}),
        an_answer("i4", text=None, failure="time-out"),
        an_answer("i5", text=None, failure="429 rate limited"),
        an_answer("i6", text=None, failure="429 rate limited"),
    ]
    summary = _one(summarise(an_eval(), answers, {}))
    grader = summary.grader("f1")

    assert grader is not None
    assert (grader.mean, grader.graded) == (0.8, 1)
    assert summary.answers == 4
    assert summary.failures == {"429 rate limited": 2, "time-out": 1}
    assert summary.grader_errors == {UNUSABLE: 2, "python_runtime_error": 1}


def test_nothing_graded_is_none_not_zero() -> None:
    summary = _one(summarise(an_eval(threshold=0.5), [], {"i1": ["law"]}))
    grader = summary.grader("f1")

    assert grader is not None
    assert (grader.mean, grader.run_std, grader.interval, grader.graded) == (None, None, None, 0)
    assert (summary.pass_rate, summary.mean_latency, summary.micro, summary.macro) == (None, None, None, None)


def test_pass_rate_is_over_graded_answers_and_only_with_a_threshold() -> None:
    answers = [*graded([[0.5], [0.49], [1.0]]), an_answer("i9", text=None, failure="time-out")]

    assert _one(summarise(an_eval(threshold=0.5), answers, {})).pass_rate == pytest.approx(2 / 3)
    assert _one(summarise(an_eval(), answers, {})).pass_rate is None


def test_arms_stay_apart_and_in_order() -> None:
    evaluation = an_eval(arms=(Arm("tuned"), Arm("base", "low")))
    answers = [*graded([[0.1]], arm="base (low)"), *graded([[0.9]], arm="tuned")]
    summaries = summarise(evaluation, answers, {})

    assert [summary.arm for summary in summaries] == ["tuned", "base (low)"]
    assert [summary.graders[0].mean for summary in summaries] == [0.9, 0.1]


def test_graders_stand_in_the_eval_s_order_with_the_reward_among_them() -> None:
    evaluation = an_eval(graders=("recall", "precision"), reward="f1")
    answer = an_answer(scores={"f1": 0.5, "precision": 1.0, "recall": 0.3})

    summary = _one(summarise(evaluation, [answer], {}))
    assert [(grader.grader, grader.mean) for grader in summary.graders] == [
        ("recall", 0.3),
        ("precision", 1.0),
        ("f1", 0.5),
    ]


def test_tokens_are_summed_and_latency_is_a_mean_of_what_was_answered() -> None:
    answers = [
        an_answer("i1", input_tokens=10, output_tokens=5, reasoning_tokens=3, latency=1.0),
        an_answer("i2", input_tokens=20, latency=3.0),
        an_answer("i3", text=None, failure="time-out", input_tokens=1, latency=600.0),
    ]
    summary = _one(summarise(an_eval(), answers, {}))

    assert (summary.input_tokens, summary.output_tokens, summary.reasoning_tokens) == (31, 5, 3)
    assert summary.mean_latency == 2.0


def test_reasoning_tokens_that_no_answer_told_are_unknown_and_not_0() -> None:
    untold, nothing = an_answer("i1", output_tokens=5), an_answer("i2", output_tokens=5, reasoning_tokens=0)
    assert _one(summarise(an_eval(), [untold], {})).reasoning_tokens is None
    assert _one(summarise(an_eval(), [untold, nothing], {})).reasoning_tokens == 0


def test_label_scores_come_with_references_that_are_sets() -> None:
    answers = [an_answer("i1", text='{"domains": ["law", "trade"]}'), an_answer("i2", text="no idea")]
    micro = _one(summarise(an_eval(), answers, {"i1": ["law"], "i2": ["trade"]})).micro

    assert micro is not None
    assert (micro.precision, micro.recall, micro.f1) == (0.5, 0.5, 0.5)


def test_any_number_of_answers_is_read_once() -> None:
    def stream() -> Iterator[Answer]:
        chance = random.Random(1)
        for item in range(2_000):
            for run in (1, 2, 3):
                text = json.dumps({"domains": ["law"] if chance.random() < 0.7 else ["trade", "law"]})
                yield Answer(f"i{item}", "base", run, text, {"f1": chance.random()})

    evaluation = an_eval(items=2_000)
    summary = _one(summarise(evaluation, stream(), {f"i{item}": ["law"] for item in range(2_000)}))

    assert summary.answers == evaluation.total
    assert summary.graders[0].mean == pytest.approx(0.5, abs=0.02)
    assert summary.micro is not None
    assert summary.micro.recall == 1.0
