"""How often a model that has not changed is called worse, and one that has is found: simulated, so that it is known."""

import numpy as np
import pytest

from jobs.evals.stats.variance_components import ItemScores, selection_bias
from jobs.schedules.baseline import standing
from jobs.schedules.records import Finding

ITEMS, RUNS, NOISE = 50, 3, 0.25


def asked(rng: np.random.Generator, items: np.ndarray) -> ItemScores:
    """Return the scores of a model that is as good as this on each item, asked as often as evidence asks."""
    scores = np.clip(items[:, None] + rng.normal(0, NOISE, (ITEMS, RUNS)), 0, 1)
    return {f"i{item}": dict(enumerate(map(float, runs))) for item, runs in enumerate(scores)}


def mean(scores: ItemScores) -> float:
    return float(np.mean([list(runs.values()) for runs in scores.values()]))


def share_called_worse(fall: float, *, chosen_from: int, trials: int, careful: bool = True) -> float:
    """Return how often a model, the best of several equal ones, is called worse; `careful` as schedules are."""
    rng, worse = np.random.default_rng(20_261), 0
    for _ in range(trials):
        items = rng.beta(2, 2, ITEMS)
        candidates = [asked(rng, items) for _ in range(chosen_from)]
        best = max(candidates, key=mean)
        bias = selection_bias(candidates)
        luck = bias[0] if bias and careful else 0.0
        found = standing(best, asked(rng, items - fall), "f1", luck=luck)[0]
        if careful and found is Finding.WORSE:
            found = standing(best, asked(rng, items - fall), "f1", luck=luck)[0]
        worse += found is Finding.WORSE
    return worse / trials


@pytest.mark.thorough
def test_a_model_that_was_chosen_as_the_best_of_five_is_not_called_worse_for_that() -> None:
    assert share_called_worse(0.0, chosen_from=5, trials=150, careful=False) >= 0.07
    assert share_called_worse(0.0, chosen_from=5, trials=150) <= 0.01


@pytest.mark.thorough
def test_a_fall_of_a_tenth_is_found_by_the_first_measurement() -> None:
    assert share_called_worse(0.10, chosen_from=5, trials=60) >= 0.8


def test_the_words_tell_the_fall_as_it_is_and_what_luck_explains() -> None:
    before: ItemScores = {f"i{n}": {1: 0.6 + 0.01 * (n % 3)} for n in range(12)}
    after: ItemScores = {f"i{n}": {1: 0.5 + 0.01 * (n % 2)} for n in range(12)}
    finding, text = standing(before, after, "f1", luck=0.02, bounds=(0, 1))
    assert finding is Finding.WORSE
    assert text.startswith("is worse than at its approval: f1 0.51 against 0.61, -0.10 (95% interval ")
    assert text.endswith("12 items. Having been chosen as the best explains 0.02 of that.")
    assert standing(before, after, "f1", luck=0.1)[0] is Finding.HOLDS
    assert standing(after, before, "f1")[1].startswith("is better than at its approval: f1 0.61 against 0.51")
    assert standing(before, {"other": {1: 0.5}}, "f1")[0] is Finding.NOT_COMPARED
