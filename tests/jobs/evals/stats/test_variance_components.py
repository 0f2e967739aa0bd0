"""The luck of being chosen: against published figures and against simulation."""

import numpy as np
import pytest
from numpy.typing import NDArray

from jobs.evals.stats.variance_components import Runs, expected_maximum, selection_bias

RUN_NOISE = 0.19
"""Of one answer's score, in the simulation that the figures below come from."""


def checkpoints(scores: NDArray[np.float64]) -> list[dict[str, Runs]]:
    """Checkpoints by items by runs."""
    return [
        {f"i{item}": {run: float(score) for run, score in enumerate(runs)} for item, runs in enumerate(one)}
        for one in scores
    ]


@pytest.mark.parametrize(("count", "expected"), [(1, 0.0), (2, 0.5642), (3, 0.8463), (5, 1.1630), (10, 1.5388)])
def test_the_expected_maximum_is_the_tables(count: int, expected: float) -> None:
    """Expected values of normal order statistics, Harter 1961."""
    assert expected_maximum(count) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("items", "runs", "expected"), [(50, 3, 0.028), (100, 3, 0.020)])
def test_eighteen_equal_checkpoints_are_off_by_what_others_have_simulated(
    items: int, runs: int, expected: float
) -> None:
    random = np.random.default_rng(5)
    hard = random.uniform(0.2, 0.8, size=(1, items, 1))
    found = selection_bias(checkpoints(hard + random.normal(0, RUN_NOISE, size=(18, items, runs))))
    assert found is not None
    assert found == pytest.approx((expected, expected), abs=0.002)


@pytest.mark.parametrize(("items", "expected"), [(50, 0.050), (25, 0.070)])
def test_at_single_runs_both_kinds_of_luck_are_one(items: int, expected: float) -> None:
    random = np.random.default_rng(6)
    found = selection_bias(checkpoints(0.5 + random.normal(0, RUN_NOISE, size=(18, items, 1))))
    assert found is not None
    assert found[0] == found[1] == pytest.approx(expected, abs=0.004)


def test_the_range_holds_what_happens_to_the_best_of_three_and_of_twenty() -> None:
    """Equal checkpoints, each better on some items and worse on others: how far the best is above itself."""
    random = np.random.default_rng(7)
    items, runs, of_three, of_all, told = 50, 3, [], [], []
    for _ in range(400):
        skill = random.normal(0, 0.10, size=(20, items, 1))
        scores = 0.5 + skill + random.normal(0, 0.2, size=(20, items, runs))
        means = scores.mean(axis=(1, 2)) - 0.5
        kept = np.argsort(means)[-3:]
        of_three.append(float(means[:3].max()))
        of_all.append(float(means.max()))
        found = selection_bias(checkpoints(scores[kept]), looked_at=20)
        assert found is not None
        told.append(found)
    least, most = (float(np.mean(each)) for each in zip(*told, strict=True))
    assert most == pytest.approx(float(np.mean(of_all)), rel=0.1)
    assert least < float(np.mean(of_three)) < most


def test_what_all_checkpoints_share_does_not_count() -> None:
    random = np.random.default_rng(8)
    luck = random.normal(0, 0.1, size=(3, 60, 3))
    flat = selection_bias(checkpoints(0.5 + luck))
    uneven = selection_bias(checkpoints(random.uniform(0.1, 0.9, size=(1, 60, 1)) + luck))
    assert flat is not None
    assert uneven == pytest.approx(flat)


def test_nothing_is_said_where_nothing_was_chosen_or_luck_is_not_known() -> None:
    one = checkpoints(np.full((1, 10, 3), 0.5))
    assert selection_bias(one) is None
    assert selection_bias([]) is None
    assert selection_bias(checkpoints(np.full((1, 10, 1), 0.5)), looked_at=9) is None
    assert selection_bias([{"a": {1: 0.5}}, {"b": {1: 0.5}}]) is None


def test_the_only_one_kept_of_many_was_chosen_too() -> None:
    random = np.random.default_rng(9)
    found = selection_bias(checkpoints(random.normal(0.5, 0.19, size=(1, 50, 3))), looked_at=18)
    assert found is not None
    assert found[0] == 0.0
    assert found[1] == pytest.approx(0.028, abs=0.003)
