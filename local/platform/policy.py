"""The policy: independent yes or no for each option of a choice of many, one option of a choice of one.

Its logits are the base model's plus a linear reading of the text's features; training moves only the linear part.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from local.platform.choices import Choice
from local.platform.features import Floats

Taken = NDArray[np.bool_]

LEARNING_RATE = 0.3
SLOWING = 15.0
"""Steps after which the learning rate has halved: fast at first, then settling, as the classic 1/t schedules do.

At a constant rate the gap between training and validation goes on growing slowly at any size of data; this way it grows
where the data are few and stays small where they are enough."""
MOMENTUM, SPREAD, TINY = 0.9, 0.99, 1e-8


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each choice's options stand in a row of logits."""

    choices: tuple[Choice, ...]

    @property
    def width(self) -> int:
        """How many options all choices have together."""
        return sum(len(choice.options) for choice in self.choices)

    def slices(self) -> list[tuple[Choice, slice]]:
        """Return each choice with the columns of its options."""
        found, start = [], 0
        for choice in self.choices:
            found.append((choice, slice(start, start + len(choice.options))))
            start += len(choice.options)
        return found


def probabilities(layout: Layout, logits: Floats) -> Floats:
    """Return the probability that each option is taken; same shape as `logits` (n, options)."""
    result = np.empty_like(logits)
    for choice, columns in layout.slices():
        part = logits[:, columns]
        if choice.kind == "many":
            result[:, columns] = 0.5 * (1 + np.tanh(0.5 * part))
        else:
            raised = np.exp(part - part.max(axis=1, keepdims=True))
            result[:, columns] = raised / raised.sum(axis=1, keepdims=True)
    return result


def draw(layout: Layout, chances: Floats, draws: int, rng: np.random.Generator) -> Taken:
    """Return `draws` answers for each row of `chances`; shape (n, draws, options), True where an option is taken."""
    uniform = rng.random((len(chances), draws, layout.width))
    taken = uniform < chances[:, None, :]
    for choice, columns in layout.slices():
        if choice.kind == "one":
            reached = np.cumsum(chances[:, None, columns], axis=2) > uniform[:, :, columns.start, None]
            picked = np.where(reached.any(axis=2), reached.argmax(axis=2), len(choice.options) - 1)
            taken[:, :, columns] = np.arange(len(choice.options)) == picked[:, :, None]
    return _within_limits(layout, chances, taken)


def likeliest(layout: Layout, chances: Floats) -> Taken:
    """Return the likeliest answer for each row of `chances`; shape (n, 1, options)."""
    taken = chances > 0.5
    for choice, columns in layout.slices():
        if choice.kind == "one":
            taken[:, columns] = np.arange(len(choice.options)) == chances[:, columns].argmax(axis=1)[:, None]
    return _within_limits(layout, chances, taken[:, None, :])


def chosen(layout: Layout, taken: Taken) -> list[list[int]]:
    """Return, for one answer of shape (options,), the indices of the options taken at each choice."""
    return [np.flatnonzero(taken[columns]).tolist() for _, columns in layout.slices()]


def _within_limits(layout: Layout, chances: Floats, taken: Taken) -> Taken:
    """Answers brought within a schema's minItems and maxItems by the likeliest options; few schemas have either."""
    for choice, columns in layout.slices():
        most = choice.at_most if choice.at_most is not None else len(choice.options)
        if choice.kind == "one" or (choice.at_least == 0 and most >= len(choice.options)):
            continue
        part = taken[:, :, columns]
        # Options taken come before those not taken, the likelier before the less likely.
        rank = np.argsort(np.argsort(-(part + chances[:, None, columns]), axis=2, kind="stable"), axis=2, kind="stable")
        count = np.clip(part.sum(axis=2), choice.at_least, max(most, choice.at_least))
        taken[:, :, columns] = rank < count[:, :, None]
    return taken


@dataclass(frozen=True, slots=True)
class Weights:
    """What training moves, and Adam's two running means of its gradient; each of shape (features, options)."""

    linear: Floats
    mean: Floats
    spread: Floats
    step: int = 0

    @classmethod
    def zero(cls, features: int, options: int) -> "Weights":
        """Return the base model's weights: none."""
        linear, mean, spread = np.zeros((3, features, options))
        return cls(linear, mean, spread)


def advantages(rewards: Floats) -> Floats:
    """Return how much better each rollout did than its group; (groups, rollouts), mean 0 and deviation 1 in a group.

    A group whose rollouts all earned the same teaches nothing: its advantages are 0.
    """
    centred = rewards - rewards.mean(axis=1, keepdims=True)
    normalised: Floats = centred / (rewards.std(axis=1, keepdims=True) + 1e-6)
    return normalised


def learn(weights: Weights, seen: Floats, chances: Floats, taken: Taken, gains: Floats, multiplier: float) -> Weights:
    """Return the weights after one policy-gradient step (REINFORCE with group-normalised advantages, Adam).

    Args:
        weights: before the step.
        seen: features of the batch (items, features).
        chances: probabilities the rollouts were drawn with (items, options).
        taken: the rollouts (items, rollouts, options).
        gains: their advantages (items, rollouts).
        multiplier: scales the learning rate.
    """
    score = np.einsum("ig,igo->io", gains, taken - chances[:, None, :]) / gains.size
    gradient = seen.T @ score
    step = weights.step + 1
    mean = MOMENTUM * weights.mean + (1 - MOMENTUM) * gradient
    spread = SPREAD * weights.spread + (1 - SPREAD) * gradient**2
    direction = (mean / (1 - MOMENTUM**step)) / (np.sqrt(spread / (1 - SPREAD**step)) + TINY)
    rate = multiplier * LEARNING_RATE / (1 + (step - 1) / SLOWING)
    return Weights(weights.linear + rate * direction, mean, spread, step)


def aligned(own: Sequence[Choice], linear: Floats, wanted: Sequence[Choice]) -> Floats:
    """Return `linear` with its columns moved to the options of `wanted`; those of an option never trained are 0."""
    columns = {(c.path, option): i for i, (c, option) in enumerate((c, o) for c in own for o in c.options)}
    result = np.zeros((len(linear), sum(len(choice.options) for choice in wanted)))
    for index, key in enumerate((choice.path, option) for choice in wanted for option in choice.options):
        if key in columns:
            result[:, index] = linear[:, columns[key]]
    return result
