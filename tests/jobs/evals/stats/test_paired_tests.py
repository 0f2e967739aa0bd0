"""Paired tests against worked examples, and how often they are wrong."""

import math
import random
from itertools import product

import pytest

from jobs.evals.stats.intervals import t_cdf
from jobs.evals.stats.paired_tests import difference, holm, mcnemar, sign_flip
from jobs.evals.stats.power import detectable, sample_size


def test_paired_t_is_student_s_own_example() -> None:
    """Additional sleep under two drugs, Student 1908: t = 4.0621 on 9 degrees, p .00283, interval .70 to 2.46."""
    extra = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
    found = difference(extra)

    assert found.interval is not None
    assert found.mean == pytest.approx(1.58)
    assert (found.interval.low, found.interval.high) == pytest.approx((0.7001, 2.4599), abs=1e-4)
    assert 2 * t_cdf(-4.0621, 9) == pytest.approx(0.002833, abs=1e-6)
    assert found.p == pytest.approx(max(sign_flip(extra), 0.002833), abs=1e-6)


def test_sign_flip_is_fisher_s_own_example() -> None:
    """Darwin's maize, Fisher 1935: of 2^15 signs, 863 give a sum of at least 314 on its side, so p = 1726 / 32768."""
    darwin = [49.0, -67.0, 8.0, 16.0, 6.0, 23.0, 28.0, 41.0, 14.0, 29.0, 56.0, 24.0, 75.0, 60.0, -48.0]

    assert sign_flip(darwin) == 1726 / 32768


def test_sign_flip_with_few_items_counts_every_sign() -> None:
    values = [0.3, -0.1, 0.25, 0.05]
    sums = [
        abs(sum(sign * value for sign, value in zip(signs, values, strict=True)))
        for signs in product([1, -1], repeat=4)
    ]

    assert sign_flip(values) == sum(each >= abs(sum(values)) - 1e-12 for each in sums) / 16


def test_sign_flip_with_many_items_samples_close_to_the_t_test_and_always_alike() -> None:
    chance = random.Random(2)
    values = [chance.gauss(0.04, 0.2) for _ in range(150)]
    found = difference(values)
    error = math.sqrt(found.variance or 0) / math.sqrt(150)

    assert sign_flip(values) == sign_flip(values)
    assert sign_flip(values) == pytest.approx(2 * t_cdf(-found.mean / error, 149), abs=0.01)
    assert sign_flip([value + 1 for value in values], flips=999) == 1 / 1000


@pytest.mark.parametrize("items", [3, 40])
def test_no_difference_at_all_is_p_one(items: int) -> None:
    assert difference([0.0] * items).p == 1.0


def test_the_same_difference_everywhere_takes_six_items_to_count() -> None:
    assert difference([0.1] * 5).p == pytest.approx(2 / 32)
    assert difference([0.1] * 6).p == pytest.approx(2 / 64)


def test_one_item_tells_nothing() -> None:
    found = difference([0.4])

    assert (found.mean, found.interval, found.variance, found.p) == (0.4, None, None, 1.0)


@pytest.mark.parametrize(
    ("won", "lost", "published"),
    [
        (1, 7, 0.0391),  # airway hyper-responsiveness before and after transplantation: Bentur 2009, in Fagerland 2013
        (7, 1, 0.0391),
        (0, 0, 1.0),
        (1, 1, 0.75),
        (0, 5, 1 / 32),
        (5, 5, 1 - 252 / 2048),
    ],
)
def test_mcnemar_mid_p(won: int, lost: int, published: float) -> None:
    assert mcnemar(won, lost) == pytest.approx(published, abs=5e-5)


def test_mcnemar_with_thousands_of_items_nears_the_normal_distribution() -> None:
    z = 200 / math.sqrt(10_000)

    assert mcnemar(4_900, 5_100) == pytest.approx(math.erfc(z / math.sqrt(2)), abs=1e-3)
    assert mcnemar(4_000, 6_000) < 1e-80


def test_holm_is_the_worked_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.9, 0.6]) == (1.0, 1.0)
    assert holm([]) == ()


def test_sample_size_is_miller_s_example() -> None:
    """Three points at 80% power with w^2 = 1/9 and no noise between runs: 969 items."""
    assert sample_size(0.03, 1 / 9) == 969
    assert sample_size(-0.03, 1 / 9) == 969
    assert sample_size(0.03, 2 / 9) == pytest.approx(2 * 969, abs=1), "with as much noise between runs"


def test_more_pairs_take_more_items_and_tiny_differences_no_practical_number() -> None:
    assert (sample_size(0.03, 1 / 9, pairs=3) or 0) > 969
    assert sample_size(0.001, 1 / 9) is None
    assert sample_size(0.0, 1 / 9) is None
    assert sample_size(0.01, 1 / 9) == pytest.approx(8_721, abs=2)


def test_what_a_set_can_show_is_the_sample_size_turned_round() -> None:
    assert detectable(969, 1 / 9) == pytest.approx(0.03, abs=1e-5)


@pytest.mark.parametrize(
    ("items", "true", "least", "most"),
    [
        # monitoring: 5%, 39%, 86% at 50 items and 88% at 200, from a spread of .23 between items; 400 trials each here
        (50, 0.0, 0.01, 0.08),
        (25, 0.0, 0.01, 0.08),
        (50, 0.05, 0.28, 0.45),
        (50, 0.10, 0.80, 0.92),
        (200, 0.05, 0.80, 0.92),
    ],
)
def test_differences_are_found_as_often_as_they_should_be(items: int, true: float, least: float, most: float) -> None:
    chance = random.Random(items)
    found = [difference([chance.gauss(true, 0.23) for _ in range(items)], flips=499).p <= 0.05 for _ in range(400)]

    assert least <= sum(found) / len(found) <= most
