"""The policy: independent yes or no for each option of a choice of many, one option of a choice of one.

Its logits are the base model's plus a linear reading of the text's features; training moves only the linear part. The
last axis of logits, probabilities and answers holds the options of all choices, one choice after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from local.platform.numpy_policy.answer_schema import Choice
from local.platform.numpy_policy.features import Floats

Chosen = NDArray[np.bool_]
"""True where an option is chosen."""

LEARNING_RATE = 0.3
DECAY_STEPS = 15.0
"""Steps after which the learning rate has halved: fast at first, then settling, as the classic 1/t schedules do.

At a constant rate the gap between training and validation goes on growing slowly at any size of data; this way it grows
where there is little data and stays small where there is enough."""
BETA1, BETA2, EPSILON = 0.9, 0.99, 1e-8


def columns_of(choices: Sequence[Choice]) -> list[tuple[Choice, slice]]:
    """Return each choice with the columns of its options."""
    found, start = [], 0
    for choice in choices:
        found.append((choice, slice(start, start + len(choice.options))))
        start += len(choice.options)
    return found


def width_of(choices: Sequence[Choice]) -> int:
    """Return how many options all choices have together."""
    return sum(len(choice.options) for choice in choices)


def probabilities(choices: Sequence[Choice], logits: Floats) -> Floats:
    """Return the probability that each option is chosen; same shape as `logits` (n, options)."""
    result = np.empty_like(logits)
    for choice, columns in columns_of(choices):
        part = logits[:, columns]
        if choice.kind == "many":
            result[:, columns] = 0.5 * (1 + np.tanh(0.5 * part))
        else:
            raised = np.exp(part - part.max(axis=1, keepdims=True))
            result[:, columns] = raised / raised.sum(axis=1, keepdims=True)
    return result


def draw(choices: Sequence[Choice], probs: Floats, draws: int, rng: np.random.Generator) -> Chosen:
    """Return `draws` answers for each row of `probs` (n, options); shape (n, draws, options)."""
    uniform = rng.random((len(probs), draws, probs.shape[1]))
    chosen = uniform < probs[:, None, :]
    for choice, columns in columns_of(choices):
        if choice.kind == "one":
            reached = np.cumsum(probs[:, None, columns], axis=2) > uniform[:, :, columns.start, None]
            picked = np.where(reached.any(axis=2), reached.argmax(axis=2), len(choice.options) - 1)
            chosen[:, :, columns] = np.arange(len(choice.options)) == picked[:, :, None]
    return _within_limits(choices, probs, chosen)


def likeliest(choices: Sequence[Choice], probs: Floats) -> Chosen:
    """Return the likeliest answer for each row of `probs`; shape (n, 1, options)."""
    chosen = probs > 0.5
    for choice, columns in columns_of(choices):
        if choice.kind == "one":
            chosen[:, columns] = np.arange(len(choice.options)) == probs[:, columns].argmax(axis=1)[:, None]
    return _within_limits(choices, probs, chosen[:, None, :])


def indices(choices: Sequence[Choice], chosen: Chosen) -> list[list[int]]:
    """Return, for one answer of shape (options,), the indices of the options chosen at each choice."""
    return [np.flatnonzero(chosen[columns]).tolist() for _, columns in columns_of(choices)]


def _within_limits(choices: Sequence[Choice], probs: Floats, chosen: Chosen) -> Chosen:
    """Bring answers within a schema's minItems and maxItems by the likeliest options; few schemas have either."""
    for choice, columns in columns_of(choices):
        most = choice.at_most if choice.at_most is not None else len(choice.options)
        if choice.kind == "one" or (choice.at_least == 0 and most >= len(choice.options)):
            continue
        part = chosen[:, :, columns]
        # Chosen options come before the others, the likelier before the less likely.
        rank = np.argsort(np.argsort(-(part + probs[:, None, columns]), axis=2, kind="stable"), axis=2, kind="stable")
        count = np.clip(part.sum(axis=2), choice.at_least, max(most, choice.at_least))
        chosen[:, :, columns] = rank < count[:, :, None]
    return chosen


@dataclass(frozen=True, slots=True)
class Weights:
    """What training moves, and Adam's running means of its gradient; each of shape (features, options)."""

    linear: Floats
    first_moment: Floats
    second_moment: Floats
    step: int = 0

    @classmethod
    def zero(cls, features: int, options: int) -> "Weights":
        """Return the weights before the first step: the base model's answers stay as they are."""
        return cls(*np.zeros((3, features, options)))


def advantages(rewards: Floats) -> Floats:
    """Return how much better each rollout did than its group; (groups, rollouts), mean 0 and deviation 1 in a group.

    A group whose rollouts all earned the same teaches nothing: its advantages are 0.
    """
    centred = rewards - rewards.mean(axis=1, keepdims=True)
    normalised: Floats = centred / (rewards.std(axis=1, keepdims=True) + 1e-6)
    return normalised


def learn(
    weights: Weights, features: Floats, probs: Floats, chosen: Chosen, advantage: Floats, multiplier: float
) -> Weights:
    """Return the weights after one policy-gradient step (REINFORCE with group-normalised advantages, Adam).

    Args:
        weights: before the step.
        features: of the batch (items, features).
        probs: what the rollouts were drawn with (items, options).
        chosen: the rollouts (items, rollouts, options).
        advantage: of each rollout (items, rollouts).
        multiplier: scales the learning rate.
    """
    score = np.einsum("ig,igo->io", advantage, chosen - probs[:, None, :]) / advantage.size
    gradient = features.T @ score
    step = weights.step + 1
    first = BETA1 * weights.first_moment + (1 - BETA1) * gradient
    second = BETA2 * weights.second_moment + (1 - BETA2) * gradient**2
    direction = (first / (1 - BETA1**step)) / (np.sqrt(second / (1 - BETA2**step)) + EPSILON)
    rate = multiplier * LEARNING_RATE / (1 + (step - 1) / DECAY_STEPS)
    return Weights(weights.linear + rate * direction, first, second, step)


def aligned(own: Sequence[Choice], linear: Floats, wanted: Sequence[Choice]) -> Floats:
    """Return `linear` with its columns moved to the options of `wanted`; those of an option never trained are 0."""
    columns = {key: index for index, key in enumerate((c.path, option) for c in own for option in c.options)}
    result = np.zeros((len(linear), width_of(wanted)))
    for index, key in enumerate((c.path, option) for c in wanted for option in c.options):
        if key in columns:
            result[:, index] = linear[:, columns[key]]
    return result
