"""What is said of two models' runs on the same items, on runs of known truth."""

from itertools import product

import numpy as np
import pytest

from jobs.evals.stats.before_after import MEANINGS, before_after
from jobs.evals.stats.variance_components import ItemScores
from jobs.evals.verdict import Verdict


def runs(chances: list[float], good: float, seed: int, count: int = 3) -> ItemScores:
    """Each answer is `good` with its item's chance, else 0."""
    noise = np.random.default_rng(seed)
    return {
        f"i{n}": {run: good if noise.random() < chance else 0.0 for run in range(count)}
        for n, chance in enumerate(chances)
    }


MIXED = [0.05 if n % 6 == 0 else 0.5 for n in range(60)]


@pytest.mark.parametrize(
    ("chances", "good", "meaning"),
    [
        ([0.9] * 60, 1.0, "it also gives new answers, not just more of the base's best ones"),
        ([0.0] * 60, 1.0, "it got worse, its best answers too"),
        (MIXED, 1.0, "no change that these answers could show"),
    ],
)
def test_what_changed_is_said_with_what_it_means(chances: list[float], good: float, meaning: str) -> None:
    said = before_after(runs(MIXED, 1.0, 1), runs(chances, good, 2), "validation")
    assert said.endswith(f" In short, {meaning}.")
    assert said.startswith("Before and after on validation, 60 items x 3 answers: items always at 0: ")


def test_a_mean_that_is_pulled_to_the_best_is_told_from_better_answers() -> None:
    before = {f"i{n}": {0: 0.7, 1: 0.2 + 0.01 * (n % 9), 2: 0.3} for n in range(60)}
    after = {f"i{n}": {0: 0.7, 1: 0.6, 2: 0.7 - 0.01 * (n % 3)} for n in range(60)}
    assert before_after(before, after, "validation") == (
        "Before and after on validation, 60 items x 3 answers: items always at 0: 0 to 0, mean 0.41 to 0.66, "
        "best of 3 0.70 to 0.70. In short, it pulls the mean to the best: good answers come more often, no better ones."
    )


def test_a_mean_that_falls_while_the_best_answers_gain_is_said_too() -> None:
    before = {f"i{n}": {0: 0.6, 1: 0.6, 2: 0.6} for n in range(60)}
    after = {f"i{n}": {0: 0.9, 1: 0.1, 2: 0.0} for n in range(60)}
    said = before_after(before, after, "validation")
    assert "mean 0.60 to 0.33, best of 3 0.60 to 0.90. In short, its best answers got better, and" in said


def test_every_pair_of_verdicts_has_a_meaning() -> None:
    assert MEANINGS.keys() == set(product(Verdict, Verdict))


def test_zeros_are_those_at_the_graders_lowest_score_and_too_few_runs_say_nothing() -> None:
    before = {f"i{n}": dict.fromkeys(range(3), 1.0) for n in range(10)} | {"x": {0: 1.0, 1: 4.0, 2: 2.0}}
    after = {item: dict.fromkeys(range(4), 3.0) for item in before}
    assert "items always at 1: 10 to 0" in before_after(before, after, "train", (1.0, 5.0))
    assert before_after(before, {item: {0: 3.0} for item in before}, "train") == ""
