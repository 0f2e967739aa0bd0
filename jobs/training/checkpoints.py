"""The scores of a job's checkpoints, as their steps reported them."""

from dataclasses import replace

from jobs.core.records import Checkpoint
from jobs.core.series import Series, Step


def with_scores(checkpoints: tuple[Checkpoint, ...], series: Series) -> tuple[Checkpoint, ...]:
    """Return the checkpoints in order of step, with the scores their step reported; what was not reported stays out."""
    by_step = {step.step: step for step in series.steps}
    scored = (_with_step(each, by_step[each.step]) if each.step in by_step else each for each in checkpoints)
    return tuple(sorted(scored, key=lambda checkpoint: checkpoint.step))


def _with_step(checkpoint: Checkpoint, step: Step) -> Checkpoint:
    reported = {grader.name: grader.valid_score for grader in step.graders if grader.valid_score is not None}
    valid, train = checkpoint.valid_reward, checkpoint.train_reward
    return replace(
        checkpoint,
        scores={**reported, **checkpoint.scores},
        valid_reward=step.valid_reward if valid is None else valid,
        train_reward=step.train_reward if train is None else train,
    )
