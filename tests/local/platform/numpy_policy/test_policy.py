from collections.abc import Sequence
from statistics import fmean

import numpy as np
import pytest

from local.platform.numpy_policy import policy
from local.platform.numpy_policy.answer_schema import Choice
from local.platform.numpy_policy.policy import (
    DIMENSIONS,
    Weights,
    advantages,
    aligned,
    columns_of,
    draw,
    fit,
    learn,
    likeliest,
    probabilities,
    words,
)

MANY = Choice("labels", "many", ("a", "b", "c"))
ONE = Choice("verdict", "one", ("x", "y"))
BOTH = (MANY, ONE)


def log_chance(choices: Sequence[Choice], logits: np.ndarray, chosen: np.ndarray) -> float:
    """The log-probability of one answer, written out choice by choice."""
    total = 0.0
    for choice, columns in columns_of(choices):
        chance = probabilities(choices, logits[None])[0][columns]
        picked = chosen[columns]
        if choice.kind == "many":
            total += float(np.log(np.where(picked, chance, 1 - chance)).sum())
        else:
            total += float(np.log(chance[picked]).sum())
    return total


def test_draws_come_as_often_as_their_probability() -> None:
    logits = np.array([[-1.0, 0.0, 2.0, 0.5, -0.5]])
    probs = probabilities(BOTH, logits)

    chosen = draw(BOTH, probs, 20_000, np.random.default_rng(0))

    assert chosen.mean(axis=1) == pytest.approx(probs, abs=0.015)
    assert (chosen[0, :, 3:].sum(axis=1) == 1).all()
    assert likeliest(BOTH, probs).tolist() == [[[False, False, True, True, False]]]


def test_a_step_follows_the_gradient_of_the_expected_reward() -> None:
    rng = np.random.default_rng(0)
    features, logits = rng.normal(size=(2, 3)), rng.normal(size=(2, 5))
    chosen = draw(BOTH, probabilities(BOTH, logits), 4, rng)
    advantage = rng.normal(size=(2, 4))

    def objective(linear: np.ndarray) -> float:
        moved = logits + features @ linear
        return fmean(
            float(advantage[item, k]) * log_chance(BOTH, moved[item], chosen[item, k])
            for item in range(2)
            for k in range(4)
        )

    step = learn(Weights.zero(3, 5), features, probabilities(BOTH, logits), chosen, advantage, 1.0)

    gradient = step.first_moment / (1 - 0.9)
    for place in np.ndindex(3, 5):
        nudge = np.zeros((3, 5))
        nudge[place] = 1e-6
        assert gradient[place] == pytest.approx((objective(nudge) - objective(-nudge)) / 2e-6, rel=1e-4, abs=1e-9)


def test_the_multiplier_scales_the_step_and_later_steps_are_smaller() -> None:
    features, chosen = np.ones((1, 1)), np.array([[[True], [False]]])
    choices = (Choice("labels", "many", ("a",)),)
    probs = probabilities(choices, np.zeros((1, 1)))
    advantage = np.array([[1.0, -1.0]])

    def moved(weights: Weights, multiplier: float) -> float:
        after = learn(weights, features, probs, chosen, advantage, multiplier)
        return float((after.linear - weights.linear)[0, 0])

    start = Weights.zero(1, 1)
    later = Weights(start.linear, start.first_moment, start.second_moment, step=15)
    assert moved(start, 1.0) == pytest.approx(0.3)
    assert moved(start, 0.5) == pytest.approx(0.15)
    assert 0 < moved(later, 1.0) < 0.3


def test_advantages_compare_within_a_group_and_a_group_without_difference_teaches_nothing() -> None:
    advantage = advantages(np.array([[0.0, 1.0, 0.0, 1.0], [0.5, 0.5, 0.5, 0.5], [10.0, 11.0, 10.0, 11.0]]))

    assert advantage[0] == pytest.approx([-1, 1, -1, 1], abs=1e-4)
    assert advantage[1].tolist() == [0.0] * 4
    assert advantage[2] == pytest.approx(advantage[0], abs=1e-4)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (1, 2), (2, 2), (3, None), (0, 0)])
def test_draws_keep_to_a_schemas_limits_by_the_likeliest_options(low: int, high: int | None) -> None:
    choices = (Choice("labels", "many", ("a", "b", "c"), at_least=low, at_most=high),)
    probs = np.array([[0.9, 0.5, 0.1]])

    counts = draw(choices, probs, 500, np.random.default_rng(0)).sum(axis=2)
    [[best]] = likeliest(choices, probs).tolist()

    assert counts.min() >= low
    assert counts.max() <= (3 if high is None else high)
    assert best == sorted(best, reverse=True)


def test_weights_follow_an_option_by_its_name() -> None:
    linear = np.arange(10.0).reshape(2, 5)

    moved = aligned(BOTH, linear, (ONE, Choice("labels", "many", ("c", "new", "a"))))

    assert moved.tolist() == [[3, 4, 2, 0, 0], [8, 9, 7, 0, 5]]


def test_features_are_unit_length_with_a_constant_and_like_texts_are_near() -> None:
    texts = [f"fish {word} landed by ship {word} today" for word in ("cod", "hake", "ling", "sole", "bass")] + [
        f"the minister of {word} resigned over {word}" for word in ("trade", "labour", "justice", "health")
    ]
    features = fit(texts, dimensions=4)

    rows = features.of([*texts, ""])

    assert rows.shape == (10, features.width) == (10, 5)
    assert np.linalg.norm(rows[:9, :4], axis=1) == pytest.approx(np.ones(9))
    assert (rows[:, 4] == 1).all()
    assert not rows[9, :4].any()
    assert features.of(["fish landed by ship"])[0] @ rows[0] > features.of(["fish landed by ship"])[0] @ rows[7]


def test_features_are_no_wider_than_the_corpus_allows_and_never_wider_than_the_limit() -> None:
    texts = [f"word{chr(97 + n % 26)}{chr(97 + n // 26)} and others" for n in range(100)]

    assert fit(["one text", "one text"]).width == 2
    assert fit([""]).width == 1
    assert fit(texts).width == DIMENSIONS + 1


def test_of_very_many_texts_evenly_spread_ones_are_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "MOST_FITTED", 2)
    texts = ["cod and herring", "oak", "wheat", "cod and herring", "pine", "rye"]

    assert (fit(texts).idf == fit([texts[0], texts[3]]).idf).all()


def test_words_are_letters_in_lower_case() -> None:
    assert words("Regulation (EU) 2025/2150, d'État") == ["regulation", "eu", "état"]
