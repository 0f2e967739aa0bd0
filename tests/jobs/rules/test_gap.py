import math
from collections.abc import Mapping

import pytest

from jobs.rules.curves import usable
from jobs.rules.gap import GapReading, read_gap


def read(train: Mapping[int, float], valid: Mapping[int, float], epoch_steps: int) -> tuple[GapReading, ...]:
    return read_gap(usable(sorted(train.items())), usable(sorted(valid.items())), epoch_steps)


def test_the_gap_compares_each_step_with_validation_at_the_same_step() -> None:
    # Both climb .02 a step; train is .1 ahead throughout. The epoch mean of train would lag by .02 x (W - 1) / 2.
    train = {step: 0.2 + 0.02 * step for step in range(1, 31)}
    valid = {step: 0.1 + 0.02 * step for step in range(0, 31, 5)}
    readings = read(train, valid, epoch_steps=5)
    assert [reading.step for reading in readings] == [15, 20, 25, 30]
    assert [reading.gap for reading in readings] == pytest.approx([0.1] * 4)
    assert [reading.drift for reading in readings] == pytest.approx([0.0] * 4)


def test_drift_is_counted_from_the_median_of_the_first_three_gaps() -> None:
    ahead = {5: 0.05, 10: 0.30, 15: 0.06, 20: 0.20}
    train = {step: 0.5 + ahead[-(-step // 5) * 5] for step in range(1, 21)}
    valid = dict.fromkeys(range(0, 21, 5), 0.5)
    first, second = read(train, valid, epoch_steps=5)
    assert first.gap_start == second.gap_start == pytest.approx(0.06)
    assert second.gap == pytest.approx(0.20)
    assert second.drift == pytest.approx(0.14)


def test_the_standard_error_is_the_formula() -> None:
    train = {step: 0.5 + (0.1 if step % 2 else -0.1) for step in range(1, 21)}
    valid = {0: 0.5, 5: 0.52, 10: 0.50, 15: 0.53, 20: 0.49}
    reading = read(train, valid, epoch_steps=5)[-1]
    jumps = sorted((0.02, -0.02, 0.03, -0.04))
    centre = (jumps[1] + jumps[2]) / 2
    deviations = sorted(abs(jump - centre) for jump in jumps)
    noise = 1.4826 * (deviations[1] + deviations[2]) / 2 / math.sqrt(2)
    window = [train[s] - (0.53 - 0.04 * (s - 15) / 5) for s in range(16, 21)]
    mean = sum(window) / 5
    spread = math.sqrt(sum((d - mean) ** 2 for d in window) / 4)
    assert reading.gap == pytest.approx(mean)
    assert reading.error == pytest.approx(math.sqrt(1.5 * (noise**2 + (0.5 * spread / math.sqrt(5)) ** 2)))


def test_best_and_stale_follow_new_bests_that_noise_does_not_explain() -> None:
    valid = {0: 0.30, 5: 0.50, 10: 0.505, 15: 0.502, 20: 0.509, 25: 0.60, 30: 0.58}
    readings = read(dict.fromkeys(range(1, 31), 0.5), valid, epoch_steps=1)
    assert [(r.step, r.best_step, r.stale) for r in readings] == [(15, 5, 2), (20, 5, 3), (25, 25, 0), (30, 25, 1)]


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
    train = {step: -0.9 + 0.02 * step for step in range(1, 21)}
    valid = {step: -1.0 + 0.02 * step for step in range(0, 21, 5)}
    assert read(train, valid, epoch_steps=5)[-1].gap == pytest.approx(0.1)


def test_rewards_no_grader_can_give_count_as_missing() -> None:
    train = {**dict.fromkeys(range(1, 41), 0.5), 7: 1e300, 8: -1e300}
    assert all(r.gap == pytest.approx(0.1) for r in read(train, dict.fromkeys(range(0, 41, 5), 0.4), 5))
