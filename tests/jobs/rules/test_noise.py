"""The noise estimates against their formulas written down plainly, over everything that came before each evaluation."""

import math
import random
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, median, variance

import pytest

from jobs.rules.noise import (
    LEAST_VALID_NOISE,
    UNKNOWN_VALID_NOISE,
    Windows,
    deviation,
    luck_of_best,
    running_noise,
    train_noise,
)


def plain_valid_noise(valid: Sequence[float]) -> float:
    if len(valid) < 4:
        return UNKNOWN_VALID_NOISE
    jumps = [after - before for before, after in pairwise(valid)]
    return max(LEAST_VALID_NOISE, 1.4826 * plain_deviation(jumps) / math.sqrt(2))


def plain_deviation(values: Sequence[float]) -> float:
    centre = median(values)
    return median(abs(value - centre) for value in values)


def curve(kind: str, evaluations: int = 100) -> list[float]:
    noise = random.Random(kind)
    match kind:
        case "noisy":
            return [0.4 + noise.gauss(0, 0.05) for _ in range(evaluations)]
        case "rising":
            return [0.2 + 0.5 * (1 - math.exp(-i / 60)) + noise.gauss(0, 0.02) for i in range(evaluations)]
        case "few values":
            return [noise.choice([0.0, 0.25, 0.5, 1.0]) for _ in range(evaluations)]
        case "constant":
            return [0.5] * evaluations
        case "wild":
            return [noise.gauss(0, 1) * 10 ** noise.uniform(-12, 6) for _ in range(evaluations)]
        case _:
            return [math.sin(i) * i for i in range(evaluations)]


KINDS = ["noisy", "rising", "few values", "constant", "wild", "swinging"]


@pytest.mark.parametrize("kind", KINDS)
def test_validation_noise_one_evaluation_at_a_time_is_exactly_the_formula(kind: str) -> None:
    valid = curve(kind)
    assert list(running_noise(valid)) == [plain_valid_noise(valid[:count]) for count in range(1, len(valid) + 1)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 50, 51])
def test_the_deviation_of_ordered_values_is_exactly_the_formula(kind: str, count: int) -> None:
    values = curve(kind, count)
    assert deviation(sorted(values)) == plain_deviation(values)


@pytest.mark.parametrize("kind", KINDS)
def test_every_stretch_has_its_own_mean_and_variance(kind: str) -> None:
    values = curve(kind, 60)
    windows = Windows(values)
    for start in range(0, 58, 3):
        for end in range(start + 2, 61, 5):
            stretch = values[start:end]
            size = max(abs(value) for value in stretch)
            assert windows.mean(start, end) == pytest.approx(fmean(stretch), rel=1e-12, abs=1e-15 * size)
            assert windows.variance(start, end) == pytest.approx(variance(stretch), rel=1e-12, abs=1e-15 * size**2)


def test_a_stretch_does_not_feel_an_outlier_before_it() -> None:
    windows = Windows([1e90, 0.25, 0.75, 0.5])
    assert windows.mean(1, 4) == 0.5
    assert windows.variance(1, 4) == 0.0625


def test_validation_noise_is_not_fooled_by_a_trend_or_by_luck() -> None:
    assert running_noise([0.1, 0.2, 0.3]) == (UNKNOWN_VALID_NOISE,) * 3
    assert running_noise([0.1 * i for i in range(10)])[-1] == LEAST_VALID_NOISE
    assert running_noise([0.5] * 10)[-1] == LEAST_VALID_NOISE
    assert running_noise([5.0] * 4, scale=10) == (*[10 * UNKNOWN_VALID_NOISE] * 3, 10 * LEAST_VALID_NOISE)


def test_what_is_known_of_an_evaluation_counts_as_much_as_eight_jumps() -> None:
    quiet = [0.5] * 9
    assert running_noise(quiet, 0.04)[0] == 0.04
    assert running_noise(quiet, 0.04)[-1] == pytest.approx(
        math.sqrt((8 * LEAST_VALID_NOISE**2 + 8 * 0.04**2) / 16), rel=0.02
    )
    assert running_noise([0.5] * 500, 0.04)[-1] < 0.008


def test_the_luck_of_the_best_grows_with_the_evaluations() -> None:
    draws = random.Random(3)
    best = [fmean(max(draws.gauss(0, 1) for _ in range(count)) for _ in range(2000)) for count in (18, 60, 200)]
    assert luck_of_best(18) == luck_of_best(2) == 0
    assert luck_of_best(60) == pytest.approx(best[1] - best[0], abs=0.05)
    assert luck_of_best(200) == pytest.approx(best[2] - best[0], abs=0.05)


def test_one_step_alone_has_no_spread_to_go_by() -> None:
    assert train_noise(None, 1, 0.5) == UNKNOWN_VALID_NOISE
    assert train_noise(None, 1, 0.5, 10) == 10 * UNKNOWN_VALID_NOISE
    assert train_noise(0.02, 4, 0.5) == pytest.approx(0.5 * math.sqrt(0.02) / 2)
