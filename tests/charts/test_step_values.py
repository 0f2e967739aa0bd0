"""What is computed from values over steps: means of an epoch, and where the time of a step goes."""

import math

from charts.step_values import StepTime, split_times, time_shares, trailing_means


def test_the_mean_of_an_epoch_begins_with_the_first_whole_epoch() -> None:
    points = ((3, 4.0), (1, 2.0), (2, 3.0), (4, 5.0))
    assert trailing_means(points, 3) == ((3, 3.0), (4, 4.0))


def test_an_epoch_of_which_less_than_half_reported_has_no_mean() -> None:
    points = ((1, 1.0), (2, 2.0), (3, math.nan), (4, math.inf), (8, 8.0), (9, 9.0), (10, 10.0))
    assert trailing_means(points, 4) == ((9, 8.5), (10, 9.0))
    assert trailing_means((), 4) == ()


def test_what_the_parts_leave_of_a_step_is_the_rest() -> None:
    found = split_times(
        (
            StepTime(1, sampling=2.0, training=3.0, full=10.0),
            StepTime(2, sampling=2.0, training=3.0, full=5.01),
            StepTime(3, sampling=math.nan),
        )
    )
    assert found == ((1, (2.0, 3.0, 0.0, 5.0)), (2, (2.0, 3.0, 0.0, 0.0)))


def test_shares_are_of_all_the_time_that_was_reported() -> None:
    times = (StepTime(2, 3.0, 1.0), StepTime(1, 3.0, 1.0, 2.0), StepTime(3))
    assert [step for step, _ in split_times(times)] == [1, 2]
    assert time_shares(times) == (("sampling", 0.6), ("training", 0.2), ("eval", 0.2))
    assert time_shares((StepTime(1, full=0.0),)) == ()
