"""What pictures over steps are made of: means of an epoch, labels that move apart, axes, units, split times."""

import math

import pytest

from charts.means import trailing_means
from charts.over_steps import StepTime
from charts.plot import spread, value_range
from charts.splitting import split, splits, time_shares
from charts.wording import Unit


def test_the_mean_of_an_epoch_begins_with_the_first_whole_epoch() -> None:
    points = ((3, 4.0), (1, 2.0), (2, 3.0), (4, 5.0))
    assert trailing_means(points, 3) == ((3, 3.0), (4, 4.0))


def test_an_epoch_of_which_less_than_half_reported_has_no_mean() -> None:
    points = ((1, 1.0), (2, 2.0), (3, math.nan), (4, math.inf), (8, 8.0), (9, 9.0), (10, 10.0))
    assert trailing_means(points, 4) == ((9, 8.5), (10, 9.0))
    assert trailing_means((), 4) == ()


@pytest.mark.parametrize(
    ("heights", "placed"),
    [
        ([], []),
        ([50.0], [50.0]),
        ([10.0, 90.0], [15.0, 85.0]),
        ([50.0, 50.0], [35.0, 65.0]),
        ([60.0, 50.0], [70.0, 40.0]),
        ([96.0, 100.0, 98.0], [25.0, 85.0, 55.0]),
        ([20.0, 45.0, 80.0], [17.5, 47.5, 80.0]),
        ([99.0, 100.0, 60.0], [55.0, 85.0, 25.0]),
    ],
)
def test_labels_move_apart_in_their_order_and_stay_inside(heights: list[float], placed: list[float]) -> None:
    assert spread(heights, 30, 0, 100) == pytest.approx(placed)


@pytest.mark.parametrize(
    ("values", "unit", "ends"),
    [
        ([0.2, 0.7], "score", (0.17, 0.73)),
        ([0.0, 1.0], "score", (0.0, 1.0)),
        ([-0.5, 0.5], "score", (-0.56, 0.56)),
        ([300.0, 400.0], "tokens", (0.0, 432.0)),
        ([0.0, 0.0], "share", (0.0, 0.01)),
        ([], "seconds", (0.0, 0.001)),
    ],
)
def test_scores_are_shown_where_they_are_and_amounts_from_zero(
    values: list[float], unit: Unit, ends: tuple[float, float]
) -> None:
    assert value_range(values, unit) == pytest.approx(ends)


def test_what_the_parts_leave_of_a_step_is_the_rest() -> None:
    found = split(StepTime(1, sampling=2.0, training=3.0, full=10.0))
    assert found is not None
    assert found.parts == (2.0, 3.0, 0.0, 5.0)
    rounded = split(StepTime(1, sampling=2.0, training=3.0, full=5.01))
    assert rounded is not None
    assert rounded.parts == (2.0, 3.0, 0.0, 0.0)
    assert split(StepTime(1, sampling=math.nan)) is None


def test_shares_are_of_all_the_time_that_was_reported() -> None:
    times = (StepTime(2, 3.0, 1.0), StepTime(1, 3.0, 1.0, 2.0), StepTime(3))
    assert [one.step for one in splits(times)] == [1, 2]
    assert time_shares(times) == (("sampling", 0.6), ("training", 0.2), ("eval", 0.2))
    assert time_shares((StepTime(1, full=0.0),)) == ()
