"""What rules know of a job besides its series."""

from dataclasses import dataclass
from typing import Final

from jobs.core.records import Job, JobState

UNKNOWN_EPOCH: Final = 10
LEAST_WINDOW: Final = 5


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What a rule knows of a job besides its series; None if the platform has not said.

    Args:
        train_items: items in the training split.
        batch_size: items a step.
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

    @property
    def epoch_steps(self) -> int | None:
        """Steps in which every training item comes once (W = ceil(items / batch))."""
        if not self.train_items or not self.batch_size:
            return None
        return -(-self.train_items // self.batch_size)

    @property
    def window(self) -> int:
        """Steps that a mean is taken over: an epoch, or `UNKNOWN_EPOCH` if its length is not known."""
        return max(LEAST_WINDOW, self.epoch_steps or UNKNOWN_EPOCH)


def facts_of(job: Job, now: float | None = None) -> JobFacts:
    """Return what rules need to know of `job` besides its series; `now` in unix seconds."""
    wanted = job.request.hyperparameters
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
    )
