"""A job's series: steps in order, each once, absent values absent."""

import dataclasses
import random

import pytest

from jobs.core.series import GraderFigures, Series, Step, StepTiming


def test_steps_come_in_order_whatever_order_they_arrived_in() -> None:
    steps = [Step(step=n) for n in range(1, 21)]
    shuffled = random.Random(3).sample(steps, k=len(steps))

    assert Series.of(shuffled).steps == tuple(steps)


def test_of_a_step_that_comes_twice_the_later_event_counts() -> None:
    before = Step(step=4, at=100.0, train_reward=0.3)
    after_resume = Step(step=4, at=200.0, train_reward=0.5)

    assert Series.of([after_resume, before]).steps == (after_resume,)
    assert Series.of([before, after_resume]).steps == (after_resume,)


def test_an_event_with_a_time_counts_before_one_without() -> None:
    timed, timeless = Step(step=1, at=5.0), Step(step=1)

    assert Series.of([timed, timeless]).steps == (timed,)


def test_of_two_events_at_the_same_moment_the_one_told_last_counts() -> None:
    first, second = Step(step=1, at=5.0, train_reward=0.1), Step(step=1, at=5.0, train_reward=0.2)

    assert Series.of([first, second]).steps == (second,)


def test_joining_a_series_with_itself_changes_nothing() -> None:
    series = Series.of(Step(step=n, at=float(n), train_reward=n / 10) for n in (3, 1, 2))

    assert Series.of((*series.steps, *series.steps)) == series


def test_steps_may_be_missing_in_between() -> None:
    assert [step.step for step in Series.of([Step(step=9), Step(step=2)]).steps] == [2, 9]


def test_an_empty_series_has_no_last_step_and_no_points() -> None:
    series = Series.of([])

    assert series == Series()
    assert series.last is None
    assert series.train == ()
    assert series.valid == ()


def test_the_last_step_is_the_highest_not_the_latest_told() -> None:
    last = Series.of([Step(step=12, at=1.0), Step(step=3, at=9.0)]).last

    assert last is not None
    assert last.step == 12


def test_a_reward_of_zero_is_a_point_and_an_absent_one_is_none() -> None:
    series = Series.of(
        [
            Step(step=1, train_reward=0.0),
            Step(step=2, train_reward=-0.1, valid_reward=0.0),
            Step(step=3, valid_reward=0.4),
            Step(step=4),
        ]
    )

    assert series.train == ((1, 0.0), (2, -0.1))
    assert series.valid == ((2, 0.0), (3, 0.4))


def test_a_grader_is_found_by_its_name() -> None:
    recall = GraderFigures(name="recall", train_score=0.2)
    step = Step(step=1, graders=(GraderFigures(name="precision"), recall))

    assert step.grader("recall") is recall
    assert step.grader("f1") is None


def test_what_was_not_sent_is_absent_never_zero() -> None:
    step, grader = Step(step=1), GraderFigures(name="g")

    figures = [getattr(step, field.name) for field in dataclasses.fields(step)]
    assert [figure for figure in figures if figure == 0] == []
    assert step.timing == StepTiming(sampling=None, training=None, eval=None, full=None)
    assert (grader.train_score, grader.train_latency) == (None, None)
    assert grader.train_errors == {}


def test_records_do_not_change() -> None:
    step = Step(step=1)

    with pytest.raises(dataclasses.FrozenInstanceError):
        step.train_reward = 1.0  # type: ignore[misc]  # the assignment is what must fail
