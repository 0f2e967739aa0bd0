"""Is there headroom to learn? Readings of variance studies, and how often the verdict is right."""

import math
import random
from collections.abc import Sequence

import pytest

from jobs.evals.records import Arm, Interval
from jobs.evals.stats.intervals import mean_interval
from jobs.evals.stats.power import about, items_to_settle
from jobs.evals.stats.variance_study import Condition, Readiness, VarianceReading, _estimate, read_variance
from tests.jobs.evals.answers import an_answer, an_eval, graded


def _read(scores: Sequence[Sequence[float]]) -> VarianceReading:
    evaluation = an_eval(items=len(scores), runs=max(map(len, scores)))
    return read_variance(evaluation, graded(scores))


def _mixed(items: int, rate: float, runs: int = 9, seed: int = 1) -> list[list[float]]:
    """Scores in quarters around `rate`, different for each item."""
    chance = random.Random(seed)
    return [[sum(chance.random() < rate for _ in range(4)) / 4 for _ in range(runs)] for _ in range(items)]


def test_each_item_has_mean_best_worst_and_spread_from_the_hardest_on() -> None:
    reading = _read([[1.0, 1.0, 1.0], [0.0, 0.6, 0.3], [0.0, 0.0, 0.0]])

    assert [item.item for item in reading.items] == ["i2", "i1", "i0"]
    hard = reading.items[1]
    assert (hard.mean, hard.best, hard.worst) == pytest.approx((0.3, 0.6, 0.0))
    assert hard.std == pytest.approx(math.sqrt(0.06))


def test_the_corner_s_figures_are_means_over_items() -> None:
    reading = _read([[1.0, 1.0, 1.0], [0.0, 0.6, 0.3], [0.0, 0.0, 0.0]])

    assert reading.mean == pytest.approx(1.3 / 3)
    assert reading.mean_of_best == pytest.approx(1.6 / 3)
    assert reading.conditions[1].value == pytest.approx(0.1)
    assert reading.mean_variance == pytest.approx(0.02)
    assert reading.conditions[2].value == pytest.approx(2 / 3)
    assert reading.always_zero == ("i2",)


def test_a_model_that_is_sometimes_right_is_ready() -> None:
    reading = _read(_mixed(100, 0.45))

    assert reading.verdict is Readiness.READY
    assert [condition.holds for condition in reading.conditions] == [True, True, True]
    assert reading.text.splitlines() == [
        "READY: there is headroom to learn (base, 100 items x 9 runs).",
        "Mean reward 0.45 (0.44 to 0.47), inside 0.10 to 0.85.",
        "Best of 9 runs 0.81: headroom 0.35 (0.33 to 0.38), enough (at least 0.05).",
        "Without variance: 0% of items (0% to 4%), few enough (at most 50%).",
        "Next: launch an RFT job.",
    ]


@pytest.mark.parametrize(
    ("scores", "reason", "step"),
    [
        ([[0.0] * 8 + [0.3]] * 60, "below 0.10: too rarely right", "make it easier"),
        ([[1.0] * 8 + [0.2]] * 60, "above 0.85: little is left", "use the model as it is"),
        ([[0.5, 0.5, 0.5, 0.51, 0.52, 0.5, 0.5, 0.5, 0.5]] * 60, "headroom 0.02", "runs hardly differ"),
        ([[0.5] * 9] * 55 + [[0.0, 1.0] * 4 + [1.0]] * 15, "too many (at most 50%)", "replace items"),
    ],
)
def test_a_broken_condition_is_named_with_what_to_do(scores: list[list[float]], reason: str, step: str) -> None:
    reading = _read(scores)

    assert reading.verdict is Readiness.NOT_READY
    assert any(reason in one.reason for one in reading.conditions)
    assert reading.next_step.startswith(step)


def test_a_figure_is_written_on_its_side_of_the_limit() -> None:
    found = Condition(0.08, Interval(0.0604, 0.0996), holds=False)
    assert _estimate(found, 0.10, 0.85) == "0.0800 (0.0604 to 0.0996)"
    assert _estimate(Condition(0.0996, None, holds=False), 0.10) == "0.0996"


def test_a_figure_too_near_its_limit_is_not_settled_and_says_how_many_items_it_would_take() -> None:
    scores = _mixed(12, 0.12)
    reading = _read(scores)
    finding = reading.conditions[0]

    assert reading.verdict is Readiness.CANT_TELL
    assert finding.holds is None
    assert finding.items_needed is not None
    assert finding.items_needed > 12
    assert f"{about(finding.items_needed)} items (12 now)" in reading.next_step
    assert "not settled (limit 0.10)" in reading.text


def test_a_figure_on_its_limit_is_left_to_judgement() -> None:
    reading = _read([[0.05, 0.10, 0.15], [0.0, 0.1, 0.2]] * 20 + [[0.1, 0.3, 0.2]] + [[0.0, 0.0, 0.0]])

    assert reading.verdict is Readiness.CANT_TELL
    assert reading.conditions[0].items_needed is None
    assert reading.next_step.startswith("decide by judgement")


def test_three_runs_cannot_rule_a_task_out_that_nine_could() -> None:
    flat = [[0.5, 0.5, 0.5]] * 60
    few, many = _read(flat), _read([[0.5] * 9] * 60)

    assert few.verdict is Readiness.CANT_TELL
    assert "runs=9" in few.next_step
    assert many.verdict is Readiness.NOT_READY


def test_items_with_too_few_graded_runs_are_left_out_and_counted() -> None:
    answers = [
        *graded(_mixed(50, 0.5)),
        an_answer("i50", run=1, scores={"f1": 0.0}),
        an_answer("i51", run=1, scores={"f1": math.nan}),
        *(an_answer("i52", run=run, text=None, failure="time-out") for run in range(1, 10)),
    ]
    reading = read_variance(an_eval(items=53, runs=9), answers)

    assert len(reading.items) == 50
    assert reading.left_out == 3
    assert "Left out: 3 items with fewer than 3 graded runs." in reading.text
    assert reading.always_zero == ()


def test_nothing_graded_is_cant_tell_with_no_figures() -> None:
    reading = read_variance(an_eval(items=4, runs=9), [an_answer(text=None, failure="time-out")])

    assert reading.verdict is Readiness.CANT_TELL
    assert (reading.mean, reading.mean_of_best, reading.conditions) == (None, None, ())
    assert "look at the failures" in reading.text


def test_a_model_that_never_varies_has_no_headroom_to_the_last_digit() -> None:
    reading = _read([[0.1 * (number % 10)] * 9 for number in range(200)])
    headroom = reading.conditions[1]

    assert (headroom.value, headroom.holds) == (0.0, False)
    assert headroom.interval is not None
    assert 0 < headroom.interval.high < 0.05


def test_one_item_says_nothing_about_the_others() -> None:
    reading = _read([[0.2, 0.5, 0.9] * 3])

    assert reading.verdict is Readiness.CANT_TELL
    assert reading.next_step.startswith("evaluate more items")
    assert reading.text.startswith("CAN'T TELL: these answers do not settle it (base, 1 item x 9 runs).")


def test_the_first_arm_is_read_alone() -> None:
    answers = [*graded(_mixed(30, 0.4)), *graded([[1.0] * 9] * 30, arm="tuned")]
    base, tuned = (
        read_variance(an_eval(arms=(Arm(first), Arm(second)), items=30, runs=9), answers)
        for first, second in (("base", "tuned"), ("tuned", "base"))
    )

    assert (base.arm, base.mean) == ("base", _read(_mixed(30, 0.4)).mean)
    assert (tuned.arm, tuned.mean, tuned.verdict) == ("tuned", 1.0, Readiness.NOT_READY)


@pytest.mark.parametrize("zeros", [0, 1, 40])
def test_the_text_is_six_lines_at_most(zeros: int) -> None:
    scores = _mixed(60, 0.5) + [[0.0] * 9] * zeros
    reading = read_variance(an_eval(items=len(scores) + 2, runs=9), graded(scores))
    lines = reading.text.splitlines()

    assert len(lines) <= 6
    assert max(map(len, lines)) < 140
    assert (f"Always 0: {zeros} item" in reading.text) == (zeros > 0)


def test_the_items_it_would_take_settle_it_when_they_come() -> None:
    """Of twenty studies of that size, at least half settle it (the promise is 4 in 5)."""
    chance = random.Random(5)

    def study(size: int) -> list[float]:
        return [min(1.0, max(0.0, chance.gauss(0.14, 0.1))) for _ in range(size)]

    needed = items_to_settle([0.04, 0.24] * 10, [0.10])
    assert needed is not None
    assert 30 < needed < 90
    settled = [mean_interval(study(needed)) for _ in range(20)]
    assert sum(interval is not None and interval.low > 0.10 for interval in settled) >= 10


@pytest.mark.parametrize(("count", "told"), [(7, "7"), (99, "99"), (101, "110"), (338, "340"), (9_901, "10,000")])
def test_numbers_of_items_are_told_in_two_digits_rounded_up(count: int, told: str) -> None:
    assert about(count) == f"about {told}"


def test_nothing_settles_what_is_on_the_limit_or_unknown() -> None:
    assert items_to_settle([0.1], [0.1]) is None
    assert items_to_settle([0.0, 0.2], [0.1]) is None


def test_the_verdict_on_a_task_exactly_at_its_limit_is_seldom_a_confident_one() -> None:
    """Mean reward exactly .10: the share of confident verdicts on it is the error rate of the interval, about 5%."""
    confident = 0
    for seed in range(60):
        reading = _read(_mixed(40, 0.10, seed=seed))
        confident += reading.conditions[0].holds is not None

    assert confident <= 8
