"""What rules know of a job besides its series."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from jobs.core.records import Job, JobState
from jobs.core.series import Step

UNKNOWN_EPOCH: Final = 10
"""Steps that stand in for an epoch where nothing tells how long one is."""
USUAL_SPREAD: Final = 0.25
"""The usual standard deviation of the reward over answers to one item, as a share of its range."""
GAP_STEPS: Final = 10
"""Who waits for a longer epoch to end sees what happens in it too late, if the job has more than one at all."""
LEAST_WINDOW: Final = 5
LEAST_COUNTED: Final = 0.05
"""A smaller part of an epoch, rounded by the platform, does not tell how long the whole is."""


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What a rule knows of a job besides its series; None if the platform has not said.

    Args:
        train_items: items in the training split.
        batch_size: items a step.
        total_steps: steps of the whole job.
        epochs: how often every training item comes in them.
        scale: the width of the reward's range.
        counted_epoch: steps of one epoch by the platform's own count, see `counted_epoch`.
        valid_items: items in the validation split.
        eval_samples: samples an item in one evaluation.
        reward: name of the grader that training optimizes.
        held_out_graders: names of graders that are reported and are no part of that reward.
        training: whether the platform says that the job trains; a job that waits or is paused cannot stall.
        heard_at: unix seconds of the newest event of any kind; the newest step counts if that is unknown.
        now: unix seconds; None if nobody looked at a clock.
    """

    train_items: int | None
    batch_size: int | None
    valid_items: int | None = None
    eval_samples: int | None = None
    reward: str | None = None
    held_out_graders: tuple[str, ...] = ()
    training: bool = True
    heard_at: float | None = None
    now: float | None = None
    total_steps: int | None = None
    epochs: int | None = None
    counted_epoch: int | None = None
    scale: float = 1.0

    @property
    def epoch_steps(self) -> int | None:
        """Steps in which every training item comes once (W), or None if nothing tells.

        That is ceil(items / batch), or else ceil(all steps / epochs), or else what the platform's count of epochs says.
        """
        if self.train_items and self.batch_size:
            return -(-self.train_items // self.batch_size)
        if self.total_steps and self.epochs:
            return -(-self.total_steps // self.epochs)
        return self.counted_epoch

    @property
    def epoch_or_stated(self) -> int:
        """Steps of an epoch, or `UNKNOWN_EPOCH` if its length is not known."""
        return self.epoch_steps or UNKNOWN_EPOCH

    @property
    def expected_noise(self) -> float | None:
        """The usual standard error of an evaluation of so many answers; None if the platform does not say how many."""
        answers = (self.valid_items or 0) * (self.eval_samples or 0)
        return USUAL_SPREAD * self.scale / math.sqrt(answers) if answers else None

    @property
    def gap_steps(self) -> int:
        """Steps that the gap between train and validation reward is taken over at first: an epoch, or part of it."""
        return min(self.epoch_steps or GAP_STEPS, GAP_STEPS)

    @property
    def window(self) -> int:
        """Steps that a mean is taken over: an epoch, or `UNKNOWN_EPOCH` if its length is not known."""
        return max(LEAST_WINDOW, self.epoch_or_stated)


def counted_epoch(steps: Iterable[Step]) -> int | None:
    """Return how many steps an epoch has by the platform's own count of epochs; None until that tells.

    A count with fractions tells early, a whole one with its first change. What is said once holds on a longer series.
    """
    first: tuple[int, float] | None = None
    for step in steps:
        if step.epoch is None:
            continue
        if not step.epoch.is_integer() and step.epoch >= LEAST_COUNTED and step.step:
            return max(1, round(step.step / step.epoch))
        if first is None:
            first = step.step, step.epoch
        elif step.epoch.is_integer() and step.epoch > first[1] and first[1].is_integer():
            return max(1, round((step.step - first[0]) / (step.epoch - first[1])))
    return None


def facts_of(job: Job, now: float | None = None) -> JobFacts:
    """Return what rules need to know of `job` besides its series; `now` in unix seconds."""
    wanted, (low, high) = job.request.hyperparameters, job.reward_range or (0.0, 1.0)
    return JobFacts(
        train_items=job.train_items,
        batch_size=job.batch_size or wanted.batch_size,
        valid_items=job.valid_items,
        eval_samples=wanted.eval_samples,
        reward=job.training_reward,
        held_out_graders=job.held_out_graders,
        training=job.state is JobState.WATCHING and job.platform_status == "running",
        heard_at=max((at for at in (job.heard_at, job.started_at) if at is not None), default=None),
        now=now,
        total_steps=job.total_steps,
        epochs=job.n_epochs or wanted.n_epochs,
        scale=high - low,
    )
