"""What rules look at on one job, each curve computed once however many rules ask for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Literal, TypeVar, cast

from jobs.core.series import Series
from jobs.rules.curves import Evaluation, Point, Points, epoch_means, read_evaluations, usable
from jobs.rules.job_facts import JobFacts, counted_epoch

T = TypeVar("T")

Figure = Literal["train_reward", "valid_reward", "tokens", "entropy", "zero_std_share", "clipped_share"]
"""A figure of a step; "tokens" are those of a training answer."""


class RuleInputs:
    """A job's series and facts, and the curves that rules read from them.

    Args:
        series: the job's steps.
        facts: what else is known of the job.
    """

    def __init__(self, series: Series, facts: JobFacts) -> None:
        self.steps = series.steps
        self.facts = facts if facts.epoch_steps else replace(facts, counted_epoch=counted_epoch(series.steps))
        self._once: dict[object, object] = {}

    def once(self, read: Callable[..., T], *args: object) -> T:
        """Return `read(inputs, *args)`, computed once however many rules ask for it."""
        if (read, args) not in self._once:
            self._once[read, args] = read(self, *args)
        return cast("T", self._once[read, args])

    def points(self, figure: Figure) -> Points:
        """Return (step, value) wherever the platform sent a figure."""
        return self.once(_points, figure)

    def means(self, figure: Figure, steps: int | None = None) -> Points:
        """Return (step, mean of the last `steps` steps) of a figure; without a number, of the facts' window."""
        return self.once(_means, figure, steps or self.facts.window)

    def evaluations(self, grader: str | None = None) -> tuple[Evaluation, ...]:
        """Return the evaluations of a grader, or of the reward, from the second one on."""
        return self.once(_evaluations, grader)

    @cached_property
    def graders(self) -> Mapping[str, Points]:
        """(step, mean validation score) by grader, in the order in which they were first reported."""
        found: dict[str, list[Point]] = {}
        for step in self.steps:
            for figures in step.graders:
                if figures.valid_score is not None:
                    found.setdefault(figures.name, []).append((step.step, figures.valid_score))
        return {name: usable(points) for name, points in found.items()}


def _points(inputs: RuleInputs, figure: Figure) -> Points:
    field = _tokens_field(inputs) if figure == "tokens" else figure
    sent = ((step.step, getattr(step, field)) for step in inputs.steps)
    return usable((step, value) for step, value in sent if value is not None)


def _tokens_field(inputs: RuleInputs) -> str:
    """Return the field with the tokens of an answer: reasoning tokens if the first figure that came is one."""
    both = ((step.train_completion_tokens, step.train_reasoning_tokens) for step in inputs.steps)
    completion, _ = next((sent for sent in both if sent != (None, None)), (None, None))
    return "train_reasoning_tokens" if completion is None else "train_completion_tokens"


def _means(inputs: RuleInputs, figure: Figure, steps: int) -> Points:
    return epoch_means(inputs.points(figure), steps)


def _evaluations(inputs: RuleInputs, grader: str | None) -> tuple[Evaluation, ...]:
    if grader is None:
        return read_evaluations(inputs.points("valid_reward"), scale=inputs.facts.scale)
    return read_evaluations(inputs.graders[grader])


@dataclass(frozen=True, slots=True)
class Need:
    """Something that a rule looks at.

    Args:
        missing: how people are told that a platform does not send it.
        given: reads it; empty if it is missing.
    """

    missing: str
    given: Callable[[RuleInputs], object]


TRAIN: Final = Need("The platform sends no train reward.", lambda inputs: inputs.points("train_reward"))
VALID: Final = Need("The platform has sent no validation reward.", lambda inputs: inputs.points("valid_reward"))
ENTROPY: Final = Need("The platform sends no entropy.", lambda inputs: inputs.points("entropy"))
CLIPPED: Final = Need(
    "The platform sends no share of answers that were cut off.", lambda inputs: inputs.points("clipped_share")
)
ZERO_STD: Final = Need(
    "The platform sends no share of items without a signal; only rewards that never change are seen.",
    lambda inputs: inputs.points("zero_std_share"),
)
TOKENS: Final = Need("The platform sends no token counts.", lambda inputs: inputs.points("tokens"))
