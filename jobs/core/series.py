"""A job's series in our own words: one record per step, whatever the platform calls the figures.

A value the platform did not send is None, never 0. Rewards are means over the graded samples of a step.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace

JsonObject = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class GraderFigures:
    """What one grader reported for one step.

    Shares are 0..1 of the graded samples; latency in seconds.
    """

    name: str
    train_score: float | None = None
    valid_score: float | None = None
    train_latency: float | None = None
    valid_latency: float | None = None
    train_errors: Mapping[str, float] = field(default_factory=dict)
    """Error kind (`sample_parse_error`, `python_grader_runtime_error`, ...) to the share of train samples."""
    valid_errors: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepTiming:
    """Seconds one step took, by part."""

    sampling: float | None = None
    training: float | None = None
    eval: float | None = None
    full: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One weight update and everything measured around it."""

    step: int
    total_steps: int | None = None
    at: float | None = None
    """Unix seconds of the platform's event."""
    train_reward: float | None = None
    valid_reward: float | None = None
    graders: tuple[GraderFigures, ...] = ()
    train_reasoning_tokens: float | None = None
    valid_reasoning_tokens: float | None = None
    train_completion_tokens: float | None = None
    valid_completion_tokens: float | None = None
    timing: StepTiming = StepTiming()
    entropy: float | None = None
    """Of the policy's distribution over the next token, mean."""
    zero_std_share: float | None = None
    """Share of items whose answers all got the same reward, so that they teach nothing."""
    clipped_share: float | None = None
    """Share of training answers that were cut off at the token limit."""
    epoch: float | None = None
    """How many times training has gone through its items, by the platform's own count."""
    not_finite: tuple[str, ...] = ()
    """The platform's names of rewards and losses that were NaN or infinite."""
    unread: Mapping[str, float] = field(default_factory=dict)
    """Figures under names that nobody reads, by their path in the platform's event; a few of them."""

    def grader(self, name: str) -> GraderFigures | None:
        """Return the figures of the grader called `name`, or None where the platform did not send them."""
        return next((figures for figures in self.graders if figures.name == name), None)


@dataclass(frozen=True, slots=True)
class Series:
    """A job's steps in order, each step once."""

    steps: tuple[Step, ...] = ()

    @classmethod
    def of(cls, steps: Iterable[Step]) -> "Series":
        """Return the series of `steps` in order; where a step comes twice (after a resume) the later event counts.

        Where one of the two has the train reward alone and the other the validation reward, they are one step.
        """
        latest: dict[int, Step] = {}
        for step in sorted(steps, key=lambda step: (step.step, step.at or 0.0)):
            before = latest.get(step.step)
            latest[step.step] = step if before is None else _joined(before, step)
        return cls(tuple(latest[number] for number in sorted(latest)))

    @property
    def last(self) -> Step | None:
        """The newest step, or None before the first."""
        return self.steps[-1] if self.steps else None

    @property
    def train(self) -> tuple[tuple[int, float], ...]:
        """(step, mean train reward) of every step that reported one."""
        return tuple((s.step, s.train_reward) for s in self.steps if s.train_reward is not None)

    @property
    def valid(self) -> tuple[tuple[int, float], ...]:
        """(step, mean validation reward) of every step that was evaluated."""
        return tuple((s.step, s.valid_reward) for s in self.steps if s.valid_reward is not None)


def _joined(before: Step, step: Step) -> Step:
    """Return a step whose train and validation reward came in two events; else the later event."""
    lacks = {(each.train_reward is None, each.valid_reward is None) for each in (before, step)}
    if lacks != {(True, False), (False, True)}:
        return step
    empty = Step(step.step)
    kept = {each.name: getattr(before, each.name) for each in fields(step)}
    return replace(step, **{name: old for name, old in kept.items() if getattr(step, name) == getattr(empty, name)})
