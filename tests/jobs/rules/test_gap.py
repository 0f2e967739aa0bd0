import math
from collections.abc import Mapping
from itertools import pairwise
from statistics import variance

import pytest

from jobs.rules.curves import usable
from jobs.rules.gap import GapReading, read_gap
from jobs.rules.noise import running_noise


def read(train: Mapping[int, float], valid: Mapping[int, float], epoch_steps: int) -> tuple[GapReading, ...]:
    return read_gap(usable(sorted(train.items())), usable(sorted(valid.items())), epoch_steps)


def test_the_gap_compares_each_step_with_validation_of_the_policy_that_it_was_sampled_from() -> None:
    # A policy does .1 better on train than on validation and gains .02 a step; the answers of a step are those of the
    # policy before it. The epoch mean of train would lag by .02 x (W + 1) / 2.
    train = {step: 0.2 + 0.02 * (step - 1) for step in range(1, 31)}
    valid = {step: 0.1 + 0.02 * step for step in range(0, 31, 5)}
    readings = read(train, valid, epoch_steps=5)
    assert [reading.step for reading in readings] == [15, 20, 25, 30]
    assert [reading.gap for reading in readings] == pytest.approx([0.1] * 4)
    assert [reading.drift for reading in readings] == pytest.approx([0.0] * 4)


def test_drift_is_counted_from_the_steps_of_the_first_three_gaps() -> None:
    ahead = {5: 0.05, 10: 0.30, 15: 0.06, 20: 0.20}
    train = {step: 0.5 + ahead[-(-step // 5) * 5] for step in range(1, 21)}
    valid = dict.fromkeys(range(0, 21, 5), 0.5)
    first, second = read(train, valid, epoch_steps=5)
    assert first.gap_start == second.gap_start == pytest.approx((0.05 + 0.30 + 0.06) / 3)
    assert (second.gap_steps, second.start_steps) == (5, 15)
    assert second.gap == pytest.approx(0.20)
    assert second.drift == pytest.approx(0.20 - (0.05 + 0.30 + 0.06) / 3)


def test_a_long_job_compares_its_last_eighth_with_its_first_quarter() -> None:
    train = {step: 0.5 + (0.1 if step > 40 else 0.0) for step in range(1, 121)}
    last = read(train, dict.fromkeys(range(0, 121, 5), 0.5), epoch_steps=5)[-1]
    assert (last.gap_steps, last.start_steps, last.pooled) == (15, 30, 3)
    assert (last.gap, last.gap_start) == pytest.approx((0.1, 0.0))


def test_the_standard_error_is_the_formula() -> None:
    train = {step: 0.5 + (0.1 if step % 2 else -0.1) for step in range(1, 21)}
    valid = {0: 0.5, 5: 0.52, 10: 0.50, 15: 0.53, 20: 0.49}
    reading = read_gap(usable(sorted(train.items())), usable(sorted(valid.items())), 5, epoch=10)[-1]
    noise = running_noise(valid.values())[-1]
    points = sorted(valid.items())
    gaps = [
        train[policy + 1] - (v + (w - v) * (policy - a) / (b - a))
        for (a, v), (b, w) in pairwise(points)
        for policy in range(a, b)
    ]
    spread, evals = variance(gaps), len(valid) / 20
    now = spread * (1 - 5 / (2 * 10)) / 5 + noise**2 / (5 * evals)
    start = spread * (1 - 1 / 2) / 15 + noise**2 / (15 * evals)
    assert reading.gap == pytest.approx(sum(gaps[15:]) / 5)
    assert reading.error == pytest.approx(math.sqrt(now + start))


def test_a_best_is_a_best_beyond_noise() -> None:
    """A noisy peak sets no bar: what counts is the mean of several evaluations, less the luck of the highest."""
    quiet = {step: 0.48 + 0.01 * math.sin(step * step) for step in range(0, 201, 2)}
    peak = quiet | {94: 0.52}
    before, after = (read(dict.fromkeys(range(1, 201), 0.5), valid, epoch_steps=10)[-1] for valid in (quiet, peak))
    assert after.best - before.best < 0.01
    assert after.luck == pytest.approx(0.68, abs=0.01)
    rising = {step: value + 0.0005 * step for step, value in quiet.items()}
    assert read(dict.fromkeys(range(1, 201), 0.5), rising, epoch_steps=10)[-1].rise_step > 180


def test_there_is_no_reading_before_three_gaps() -> None:
    valid = {0: 0.5, 5: 0.5, 10: 0.5}
    assert read(dict.fromkeys(range(1, 11), 0.5), valid, epoch_steps=5) == ()
    assert read({}, {}, epoch_steps=5) == ()
    assert read({}, valid, epoch_steps=5) == ()


def test_gaps_begin_once_a_whole_epoch_lies_after_the_first_evaluation() -> None:
    train = dict.fromkeys(range(1, 41), 0.5)
    valid = dict.fromkeys(range(5, 41, 5), 0.5)
    assert [reading.step for reading in read(train, valid, epoch_steps=12)] == [30, 35, 40]


def test_steps_without_train_reward_are_left_out_and_too_few_give_no_reading() -> None:
    train = {step: 0.6 for step in range(1, 41) if not 20 < step <= 25 and step != 3}
    valid = dict.fromkeys(range(0, 41, 5), 0.5)
    readings = read(train, valid, epoch_steps=5)
    assert [reading.step for reading in readings] == [15, 20, 30, 35, 40]
    assert all(reading.gap == pytest.approx(0.1) for reading in readings)


def test_rewards_that_are_not_finite_count_as_missing() -> None:
    train = {**dict.fromkeys(range(1, 41), 0.5), 7: math.nan, 8: math.inf}
    valid = {**dict.fromkeys(range(0, 41, 5), 0.4), 10: math.nan}
    assert all(r.gap == pytest.approx(0.1) for r in read(train, valid, epoch_steps=5))


def test_negative_rewards_are_rewards() -> None:
    train = {step: -0.9 + 0.02 * (step - 1) for step in range(1, 21)}
    valid = {step: -1.0 + 0.02 * step for step in range(0, 21, 5)}
    assert read(train, valid, epoch_steps=5)[-1].gap == pytest.approx(0.1)


def test_rewards_no_grader_can_give_count_as_missing() -> None:
    train = {**dict.fromkeys(range(1, 41), 0.5), 7: 1e300, 8: -1e300}
    assert all(r.gap == pytest.approx(0.1) for r in read(train, dict.fromkeys(range(0, 41, 5), 0.4), 5))
