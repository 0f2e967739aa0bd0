"""One step of training: a batch of examples, a group of graded rollouts for each, one update; validation and metrics.

Every draw comes from a generator seeded with (job's seed, purpose, step): a job that is killed and resumed draws what
it would have drawn, and its curve is the same bit by bit.
"""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from jobs.graders import Grade, Grader, GraderErrorKind, Sample
from local.platform.job_request import Hyperparameters
from local.platform.numpy_policy.answer_schema import AnswerPlan
from local.platform.numpy_policy.policy import (
    Chosen,
    Floats,
    Weights,
    advantages,
    count_tokens,
    draw,
    indices,
    learn,
    probabilities,
    width_of,
)

SHUFFLE, ROLLOUT, VALIDATION = 1, 2, 3
"""Purposes of random draws."""

PART_ERRORS = (
    GraderErrorKind.SAMPLE_PARSE_ERROR,
    GraderErrorKind.INVALID_VARIABLE_ERROR,
    GraderErrorKind.OTHER_ERROR,
    GraderErrorKind.PYTHON_GRADER_SERVER_ERROR,
    GraderErrorKind.PYTHON_GRADER_RUNTIME_ERROR,
)
FORMULA_ERRORS = (GraderErrorKind.FORMULA_PARSE_ERROR, GraderErrorKind.OTHER_ERROR)

Figures = dict[str, object]
FiguresOf = Callable[[str, Sequence[Grade], str], Figures]
"""From a grader's name, the grades of a split and the split's name."""

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
        texts: what the user says in them.
    """

    items: tuple[Item, ...]
    features: Floats
    base: Floats
    texts: tuple[str, ...]

    def rows(self, indices: NDArray[np.intp]) -> "Examples":
        """Return the examples at `indices`, in that order."""
        items, texts = tuple(self.items[index] for index in indices), tuple(self.texts[index] for index in indices)
        return Examples(items, self.features[indices], self.base[indices], texts)


@dataclass(frozen=True, slots=True)
class Rollouts:
    """The graded answers to some examples; `rewards` is (examples, draws), `grades` in the same order, flat."""

    probs: Floats
    chosen: Chosen
    rewards: Floats
    grades: tuple[Grade, ...]
    tokens: float
    """Mean length of an answer, in tokens."""
    texts: tuple[str, ...]
    """The answers, in the order of the grades."""

    @property
    def reward(self) -> float:
        """The mean reward."""
        return float(self.rewards.mean())

    def answers(self) -> list[list[dict[str, object]]]:
        """Return each example's answers, with their rewards."""
        given = iter(self.texts)
        return [[{"text": next(given), "reward": float(reward)} for reward in rewards] for rewards in self.rewards]


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
        texts = self._rendered(chosen, [text for text in examples.texts for _ in range(draws)])
        items = [item for item in examples.items for _ in range(draws)]
        grades = await graders.grade(self.grader, [(Sample(t), item) for t, item in zip(texts, items, strict=True)])
        rewards = np.array([grade.reward for grade in grades]).reshape(len(examples.items), draws)
        return Rollouts(probs, chosen, rewards, tuple(grades), sum(map(count_tokens, texts)) / len(texts), tuple(texts))

    def _rendered(self, chosen: Chosen, said: Sequence[str]) -> list[str]:
        """Return the answers to what was `said`; those that do not depend on it are rendered once for all."""
        distinct, places = np.unique(chosen.reshape(-1, chosen.shape[-1]), axis=0, return_inverse=True)
        picked = [indices(self.plan.choices, answer) for answer in distinct]
        if self.plan.is_calculated:
            return [self.plan.render(picked[place], text) for place, text in zip(places.ravel(), said, strict=True)]
        rendered = [self.plan.render(answer, "") for answer in picked]
        return [rendered[place] for place in places.ravel()]


@dataclass(frozen=True, slots=True)
class StepMetrics:
    """What was measured in one step; `valid` is None in a step without validation."""

    step: int
    total_steps: int
    grader: Grader
    train: Rollouts
    valid: Rollouts | None
    seconds: Mapping[str, float]
    """`sampling` (drawing and grading), `training` (the update), `eval`, `full_iteration` (with the pacing wait)."""

    def message(self) -> str:
        """Return the event's sentence."""
        said = f"Step {self.step}/{self.total_steps} , train mean reward={self.train.reward:.2f}"
        if self.valid is None:
            return said
        said += f", full validation mean reward={self.valid.reward:.2f}"
        return f"{said}, full validation mean parse error={_parse_error_share(self.valid.grades):.2f}"

    def data(self) -> Figures:
        """Return the event's `data`; it has the validation's keys only in a step with validation."""
        scores: Figures = {"train_reward_mean": self.train.reward, "graders": self._parts(_scores)}
        data: Figures = {
            "step": self.step,
            "total_steps": self.total_steps,
            "train_mean_reward": self.train.reward,
            "completion_tokens_mean": self.train.tokens,
            "scores": scores,
            "errors": {"graders": self._parts(_errors(PART_ERRORS))},
            "timing": {"step": dict(self.seconds), "graders": self._parts(_latency)},
        }
        if self.grader.type == "multi":
            formula = self._entry(self.grader.name, self.grader.type, _errors(FORMULA_ERRORS))
            data["errors"] = {"graders": [*self._parts(_errors(PART_ERRORS)), formula]}
        if self.valid is not None:
            scores["valid_reward_mean"] = self.valid.reward
            data["full_valid_mean_reward"] = self.valid.reward
            data["full_valid_mean_parse_error"] = _parse_error_share(self.valid.grades)
            data["valid_completion_tokens_mean"] = self.valid.tokens
        return data

    def _parts(self, figures: FiguresOf) -> list[Figures]:
        """Return the figures of each grader that was run: the children of a multi grader, or the grader itself."""
        return [self._entry(part.name, part.type, figures) for part in self.grader.parts]

    def _entry(self, name: str, kind: str, figures: FiguresOf) -> Figures:
        entry: Figures = {"name": name, "type": kind, **figures(name, self.train.grades, "train")}
        return entry if self.valid is None else {**entry, **figures(name, self.valid.grades, "valid")}


def failing_share(grades: Sequence[Grade]) -> float:
    """Return the share of answers that a grader broke on; one that could not be parsed is not the grader's fault."""
    return fmean(is_broken(grade) for grade in grades)


def first_detail(grades: Sequence[Grade]) -> str:
    """Return what the first broken grader said, for the job's error."""
    return next((grade.detail for grade in grades if is_broken(grade) and grade.detail), "no further detail")


def result_table(steps: Iterable[Mapping[str, Any]]) -> bytes:
    """Return the result file of a job: a CSV row for each step's `data`, with blank cells for what was not measured."""
    rows = [_row(data) for data in steps]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    table = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue().encode()


def _scores(name: str, grades: Sequence[Grade], split: str) -> Figures:
    scores = [grade.scores[name] for grade in grades if name in grade.scores]
    return {f"{split}_reward_mean": fmean(scores)} if scores else {}


def _latency(name: str, grades: Sequence[Grade], split: str) -> Figures:
    seconds = [grade.seconds[name] for grade in grades if name in grade.seconds]
    return {f"{split}_execution_latency_mean": fmean(seconds)} if seconds else {}


def _errors(kinds: Sequence[GraderErrorKind]) -> FiguresOf:
    def figures(name: str, grades: Sequence[Grade], split: str) -> Figures:
        found = [kind for grade in grades for kind in grade.errors.get(name, ())]
        counts = {kind: found.count(kind) for kind in kinds}
        means: Figures = {f"{split}_{kind}_mean": count / len(grades) for kind, count in counts.items()}
        return means | {f"{split}_{kind}_count": float(count) for kind, count in counts.items()}

    return figures


def is_broken(grade: Grade) -> bool:
    """Return whether the grader broke; an answer that it could not parse is no fault of its own."""
    return any(kind is not GraderErrorKind.SAMPLE_PARSE_ERROR for kinds in grade.errors.values() for kind in kinds)


def _parse_error_share(grades: Sequence[Grade]) -> float:
    return fmean(
        any(GraderErrorKind.SAMPLE_PARSE_ERROR in kinds for kinds in grade.errors.values()) for grade in grades
    )


def _row(data: Mapping[str, Any]) -> Figures:
    seconds = data["timing"]["step"]
    return {
        "step": data["step"],
        "train_mean_reward": data["train_mean_reward"],
        "full_valid_mean_reward": data.get("full_valid_mean_reward", ""),
        "completion_tokens_mean": data["completion_tokens_mean"],
        "sampling_duration": seconds["sampling"],
        "training_duration": seconds["training"],
        "eval_duration": seconds.get("eval", ""),
        "total_duration": seconds["full_iteration"],
        **_columns("scores", "", data["scores"]["graders"]),
        **_columns("errors", "errors/", data["errors"]["graders"]),
    }


def _columns(section: str, inside: str, graders: Sequence[Mapping[str, Any]]) -> Figures:
    """Return figures by grader under the table's names, such as scores/graders/python/precision/train_reward_mean."""
    return {
        f"{section}/graders/{entry['type']}/{entry['name']}/{inside}{key}": value
        for entry in graders
        for key, value in entry.items()
        if key not in ("type", "name") and not key.endswith("_count")
    }
