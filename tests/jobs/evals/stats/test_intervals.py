"""Quantiles against published tables, and intervals that cover what they promise."""

import random
from statistics import fmean

import pytest

from jobs.evals.stats.intervals import mean_interval, t_cdf, t_quantile, wilson_interval


@pytest.mark.parametrize(
    ("probability", "freedom", "published"),
    [
        (0.975, 1, 12.706),
        (0.975, 2, 4.303),
        (0.975, 9, 2.262),
        (0.975, 30, 2.042),
        (0.975, 120, 1.980),
        (0.975, 100_000, 1.960),
        (0.95, 5, 2.015),
        (0.995, 10, 3.169),
        (0.025, 9, -2.262),
        (0.5, 7, 0.0),
    ],
)
def test_quantiles_of_student_are_those_of_the_printed_tables(
    probability: float, freedom: float, published: float
) -> None:
    assert t_quantile(probability, freedom) == pytest.approx(published, abs=6e-4)


@pytest.mark.parametrize("freedom", [1, 3, 49, 5_000])
@pytest.mark.parametrize("value", [-40.0, -2.0, -0.001, 0.0, 0.7, 3.0])
def test_quantile_undoes_the_distribution(value: float, freedom: float) -> None:
    probability = t_cdf(value, freedom)

    if 1e-9 < probability < 1 - 1e-9:
        assert t_quantile(probability, freedom) == pytest.approx(value, abs=1e-6, rel=1e-6)
    assert t_cdf(-value, freedom) == pytest.approx(1 - probability, abs=1e-12)


def test_student_with_one_degree_is_cauchy_and_far_out_nothing_is_left() -> None:
    assert t_cdf(1.0, 1) == pytest.approx(0.75)
    assert t_cdf(float("inf"), 4) == 1.0
    assert t_cdf(float("-inf"), 4) == 0.0
    assert t_cdf(1e200, 4) == 1.0


def test_wilson_is_the_published_interval() -> None:
    """81 of 263: .2553 to .3662, Newcombe 1998, table I."""
    interval = wilson_interval(81 / 263, 263, 1.959964)

    assert (interval.low, interval.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_one_item_has_no_interval() -> None:
    assert mean_interval([]) is None
    assert mean_interval([0.4]) is None


def test_in_the_middle_it_is_the_t_interval() -> None:
    values = [0.3, 0.5, 0.4, 0.6, 0.5, 0.4, 0.7, 0.5, 0.6, 0.5] * 10
    interval = mean_interval(values)

    assert interval is not None
    assert interval.low == pytest.approx(0.5 - 1.9842 * 0.01101, abs=1e-3)
    assert interval.high == pytest.approx(0.5 + 1.9842 * 0.01101, abs=1e-3)


def test_all_right_is_not_certainty() -> None:
    interval = mean_interval([1.0] * 20)

    assert interval is not None
    assert 0.75 < interval.low < 0.9
    assert interval.high == 1.0


def test_scores_beyond_one_get_a_plain_interval() -> None:
    interval = mean_interval([1.0, 5.0, 3.0])

    assert interval is not None
    assert (interval.low + interval.high) / 2 == pytest.approx(3.0)
    assert interval.high - 3.0 == pytest.approx(4.3027 * 2 / 3**0.5, abs=1e-3)


def test_an_interval_stays_within_the_graders_range() -> None:
    """Cases 3 and 30: three scores of a judge from 0 to 5 had the interval -2.07 to 9.40."""
    interval = mean_interval([5.0, 1.0, 5.0], (0.0, 5.0))
    same = mean_interval([1.0, 0.2, 1.0], (0.0, 1.0))

    assert interval is not None
    assert same is not None
    assert 0 <= interval.low < 11 / 3 < interval.high <= 5
    assert (interval.low, interval.high) == pytest.approx((5 * same.low, 5 * same.high))
    below = mean_interval([-1.0, -0.5, -1.0], (-1.0, 1.0))
    assert below is not None
    assert -1.0 <= below.low < below.high < 1.0
    assert mean_interval([7.0, 1.0, 5.0], (0.0, 5.0)) == mean_interval([7.0, 1.0, 5.0])  # the range is not kept


@pytest.mark.parametrize("rate", [0.5, 0.9, 0.98])
def test_intervals_cover_the_truth_about_as_often_as_they_say(rate: float) -> None:
    chance = random.Random(7)
    covered = 0
    for _ in range(400):
        interval = mean_interval([fmean(chance.random() < rate for _ in range(2)) for _ in range(30)])
        covered += interval is not None and interval.low <= rate <= interval.high

    assert 0.91 <= covered / 400 <= 0.995
