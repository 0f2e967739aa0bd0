"""One step of training: a batch of examples, a group of graded rollouts for each, one update; and its validation.

Every draw comes from a generator seeded with (job's seed, purpose, step): a job that is killed and resumed draws what
it would have drawn, and its curve is the same bit by bit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from jobs.graders import Grade, Grader, Sample
from local.platform.job_request import Hyperparameters
from local.platform.numpy_policy.answer_schema import AnswerPlan
from local.platform.numpy_policy.features import Floats, count_tokens
from local.platform.numpy_policy.policy import (
    Chosen,
    Weights,
    advantages,
    draw,
    indices,
    learn,
    probabilities,
    width_of,
)

SHUFFLE, ROLLOUT, VALIDATION = 1, 2, 3
"""Purposes of random draws."""

Item = Mapping[str, object]


class AnswerGrader(Protocol):
    """Grades answers; `jobs.graders.GraderRuntime` does."""

    async def grade(self, grader: Grader, batch: Sequence[tuple[Sample, Item]]) -> list[Grade]:
        """Return one grade for each answer, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Examples:
    """A split as the policy sees it.

    Args:
        items: the rows, as graders see them.
        features: of their texts (rows, features).
        base: the base model's logits for them (rows, options).
    """

    items: tuple[Item, ...]
    features: Floats
    base: Floats

    def rows(self, indices: NDArray[np.intp]) -> "Examples":
        """Return the examples at `indices`, in that order."""
        return Examples(tuple(self.items[index] for index in indices), self.features[indices], self.base[indices])


@dataclass(frozen=True, slots=True)
class Rollouts:
    """The graded answers to some examples; `rewards` is (examples, draws), `grades` in the same order, flat."""

    probs: Floats
    chosen: Chosen
    rewards: Floats
    grades: tuple[Grade, ...]
    tokens: float
    """Mean length of an answer, in tokens."""

    @property
    def reward(self) -> float:
        """The mean reward."""
        return float(self.rewards.mean())


@dataclass(frozen=True, slots=True)
class TrainingSetup:
    """Everything that stays the same while a job trains."""

    plan: AnswerPlan
    grader: Grader
    training: Examples
    validation: Examples
    hyperparameters: Hyperparameters
    seed: int

    def initial_weights(self) -> Weights:
        """Return the weights before the first step."""
        return Weights.zero(self.training.features.shape[1], width_of(self.plan.choices))

    def batch(self, step: int) -> Examples:
        """Return the examples of a step: each epoch goes through all of them once, in an order of its own."""
        count, size = len(self.training.items), self.hyperparameters.batch_size
        epoch, batch = divmod(step - 1, -(-count // size))
        order = self._rng(SHUFFLE, epoch).permutation(count)
        return self.training.rows(order[batch * size : (batch + 1) * size])

    async def roll_out(self, graders: AnswerGrader, batch: Examples, weights: Weights, step: int) -> Rollouts:
        """Return the graded rollouts of a batch at `step`."""
        return await self._answers(graders, batch, weights, self.hyperparameters.rollouts, self._rng(ROLLOUT, step))

    async def validate(self, graders: AnswerGrader, weights: Weights, step: int) -> Rollouts:
        """Return the graded answers to all validation examples after `step`, `eval_samples` for each."""
        draws, rng = self.hyperparameters.eval_samples, self._rng(VALIDATION, step)
        return await self._answers(graders, self.validation, weights, draws, rng)

    def update(self, weights: Weights, batch: Examples, rollouts: Rollouts) -> Weights:
        """Return the weights after learning from a batch's rollouts."""
        advantage = advantages(rollouts.rewards)
        multiplier = self.hyperparameters.learning_rate_multiplier
        return learn(weights, batch.features, rollouts.probs, rollouts.chosen, advantage, multiplier)

    def _rng(self, purpose: int, number: int) -> np.random.Generator:
        """Return the generator for `purpose` in step (or epoch) `number`."""
        return np.random.default_rng([self.seed, purpose, number])

    async def _answers(
        self, graders: AnswerGrader, examples: Examples, weights: Weights, draws: int, rng: np.random.Generator
    ) -> Rollouts:
        choices = self.plan.choices
        probs = probabilities(choices, examples.base + examples.features @ weights.linear)
        chosen = draw(choices, probs, draws, rng)
        texts = [self.plan.render(indices(choices, answer)) for answers in chosen for answer in answers]
        items = [item for item in examples.items for _ in range(draws)]
        grades = await graders.grade(self.grader, [(Sample(t), item) for t, item in zip(texts, items, strict=True)])
        rewards = np.array([grade.reward for grade in grades]).reshape(len(examples.items), draws)
        return Rollouts(probs, chosen, rewards, tuple(grades), sum(map(count_tokens, texts)) / len(texts))
