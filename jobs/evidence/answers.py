"""What one eval's answers say of each of its models: scores by item and run, and what the answers took."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Protocol, Self

from jobs.evals.answer_store import Item
from jobs.evals.records import Answer, Eval
from jobs.evals.stats.comparison import gather
from jobs.evals.stats.intervals import mean_interval
from jobs.evals.stats.verdict import Runs
from jobs.evidence.records import Figure

ItemScores = Mapping[str, Runs]
"""Item to run to score; only what was graded."""


class EvalFile(Protocol):
    """Has the answers of evals and the items they were given to; calls block."""

    def answers(self, eval_id: str, /) -> Iterable[Answer]:
        """Return every answer on file; each call begins anew."""
        ...

    def items(self, eval_id: str, /) -> Iterable[Item]:
        """Return the items; raises NotFound where they are not to be had."""
        ...


@dataclass(slots=True)
class Use:
    """What the answers of one model took."""

    answers: int = 0
    """Those that were given; failures do not count."""
    input: list[int] = field(default_factory=list)
    output: list[int] = field(default_factory=list)
    reasoning: list[int] = field(default_factory=list)

    def add(self, answer: Answer) -> None:
        """Count one answer."""
        if answer.failure is not None:
            return
        self.answers += 1
        for tokens, taken in (
            (self.input, answer.input_tokens),
            (self.output, answer.output_tokens),
            (self.reasoning, answer.reasoning_tokens),
        ):
            if taken is not None:
                tokens.append(taken)


@dataclass(frozen=True, slots=True)
class SplitAnswers:
    """One eval's answers on a split, by model."""

    evaluation: Eval
    scores: Mapping[str, Mapping[str, ItemScores]]
    """Model to grader to its scores."""
    use: Mapping[str, Use]
    """Model to what its answers took."""

    @classmethod
    def read(cls, evaluation: Eval, file: EvalFile) -> Self:
        """Read an eval's answers: twice, so that no text is held."""
        models = {arm.name: arm.model for arm in evaluation.arms}
        use = {model: Use() for model in models.values()}
        for answer in file.answers(evaluation.id):
            use[models[answer.arm]].add(answer)
        gathered = gather(evaluation, file.answers(evaluation.id))
        return cls(evaluation, {models[arm.arm]: arm.scores for arm in gathered}, use)

    def of(self, model: str, grader: str) -> ItemScores:
        """Return the scores that a grader gave a model; {} where there are none."""
        return self.scores.get(model, {}).get(grader, {})

    def rewards(self, model: str) -> ItemScores:
        """Return the scores that the reward grader gave a model."""
        return self.of(model, self.evaluation.reward)

    def figures(self, model: str) -> dict[str, Figure]:
        """Return the mean of every grader that graded anything, with its interval clustered by item."""
        graders = dict.fromkeys((*self.evaluation.graders, self.evaluation.reward))
        scored = {grader: item_means(self.of(model, grader)) for grader in graders}
        return {grader: _figure(list(means.values())) for grader, means in scored.items() if means}

    def missing(self, model: str) -> int:
        """Return how many of a model's answers failed or were never asked for."""
        asked = self.evaluation.items * self.evaluation.runs
        return asked - self.use[model].answers if model in self.use else 0


def item_means(scores: ItemScores) -> dict[str, float]:
    """Return each item's mean over its runs."""
    return {item: fmean(runs.values()) for item, runs in scores.items()}


def _figure(means: list[float]) -> Figure:
    interval = mean_interval(means)
    if interval is None:
        return Figure(fmean(means))
    return Figure(fmean(means), interval.low, interval.high)
