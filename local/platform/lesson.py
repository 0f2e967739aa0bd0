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
from local.platform.choices import Plan
from local.platform.features import Floats
from local.platform.policy import Layout, Taken, Weights, advantages, chosen, draw, learn, probabilities
from local.platform.tokens import count_tokens

SHUFFLING, ROLLING, VALIDATING = 1, 2, 3

Item = Mapping[str, object]


class Grading(Protocol):
    """Whoever grades answers; `jobs.graders.GraderRuntime` does."""

    async def grade(self, grader: Grader, batch: Sequence[tuple[Sample, Item]]) -> list[Grade]:
        """Return one grade for each answer, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Examples:
    """A split as the policy meets it.

    Args:
        items: the rows, as graders see them.
        seen: features of their texts (rows, features).
        base: the base model's logits for them (rows, options).
    """

    items: tuple[Item, ...]
    seen: Floats
    base: Floats

    def rows(self, places: NDArray[np.intp]) -> "Examples":
        """Return the examples at `places`, in that order."""
        return Examples(tuple(self.items[place] for place in places), self.seen[places], self.base[places])


@dataclass(frozen=True, slots=True)
class Graded:
    """The graded answers to some examples; `rewards` is (examples, draws), `grades` in the same order, flat."""

    chances: Floats
    taken: Taken
    rewards: Floats
    grades: tuple[Grade, ...]
    tokens: float
    """Mean length of an answer, in tokens."""


@dataclass(frozen=True, slots=True)
class Course:
    """All that stays the same while a job trains."""

    plan: Plan
    grader: Grader
    training: Examples
    validation: Examples
    batch_size: int
    rollouts: int
    eval_samples: int
    learning_rate_multiplier: float
    seed: int

    @property
    def layout(self) -> Layout:
        """Where the options of the plan's choices stand."""
        return Layout(self.plan.choices)

    def untrained(self) -> Weights:
        """Return the weights before the first step."""
        return Weights.zero(self.training.seen.shape[1], self.layout.width)

    def batch(self, step: int) -> Examples:
        """Return the examples of a step: each epoch goes through all of them once, in an order of its own."""
        count = len(self.training.items)
        epoch, place = divmod(step - 1, -(-count // self.batch_size))
        order = self.rng(SHUFFLING, epoch).permutation(count)
        return self.training.rows(order[place * self.batch_size : (place + 1) * self.batch_size])

    def rng(self, purpose: int, number: int) -> np.random.Generator:
        """Return the generator for `purpose` in step (or epoch) `number`."""
        return np.random.default_rng([self.seed, purpose, number])


async def roll_out(course: Course, grading: Grading, examples: Examples, weights: Weights, step: int) -> Graded:
    """Return the graded rollouts of a batch at `step`."""
    return await _answers(course, grading, examples, weights, course.rollouts, course.rng(ROLLING, step))


async def validate(course: Course, grading: Grading, weights: Weights, step: int) -> Graded:
    """Return the graded answers to all validation examples after `step`, `eval_samples` for each."""
    rng = course.rng(VALIDATING, step)
    return await _answers(course, grading, course.validation, weights, course.eval_samples, rng)


def update(course: Course, weights: Weights, examples: Examples, graded: Graded) -> Weights:
    """Return the weights after learning from a batch's rollouts."""
    gains = advantages(graded.rewards)
    return learn(weights, examples.seen, graded.chances, graded.taken, gains, course.learning_rate_multiplier)


async def _answers(
    course: Course, grading: Grading, examples: Examples, weights: Weights, draws: int, rng: np.random.Generator
) -> Graded:
    layout = course.layout
    chances = probabilities(layout, examples.base + examples.seen @ weights.linear)
    taken = draw(layout, chances, draws, rng)
    texts = [course.plan.render(chosen(layout, answer)) for answers in taken for answer in answers]
    asked = [item for item in examples.items for _ in range(draws)]
    grades = await grading.grade(course.grader, [(Sample(t), item) for t, item in zip(texts, asked, strict=True)])
    rewards = np.array([grade.reward for grade in grades]).reshape(len(examples.items), draws)
    tokens = sum(map(count_tokens, texts)) / len(texts)
    return Graded(chances, taken, rewards, tuple(grades), tokens)
