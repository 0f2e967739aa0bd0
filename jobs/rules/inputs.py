"""What rules need beyond the rewards, under the names platforms give it, and the sentences for what is not sent.

Shares of rollouts without a reward signal, of truncated answers, and entropy have no field of their own in a step:
few platforms send them. They are read from the event as it came.
"""

import math
from collections.abc import Sequence
from typing import Final

from jobs.core.series import GraderFigures, Series, Step
from jobs.platforms.metrics import TRAIN_REWARD_KEYS, child, first_number
from jobs.rules.alert import JobFacts
from jobs.rules.gap import Point

IDLE_KEYS: Final = ("frac_reward_zero_std", "scores.frac_reward_zero_std", "critic_frac_reward_zero_std")
CLIPPED_KEYS: Final = ("completions/clipped_ratio", "clipped_ratio", "response_length_clip_ratio")
ENTROPY_KEYS: Final = ("actor_entropy", "entropy", "policy_entropy")
LOSS_KEYS: Final = (*TRAIN_REWARD_KEYS, "actor_pg_loss", "loss", "actor_grad_norm", "grad_norm")


def raw_points(series: Series, keys: tuple[str, ...]) -> tuple[Point, ...]:
    """Return (step, figure) of every step whose event has a finite number under one of `keys`."""
    found = ((step.step, first_number(step.raw, keys)) for step in series.steps)
    return tuple((step, value) for step, value in found if value is not None)


def tokens(series: Series) -> tuple[Point, ...]:
    """Return (step, mean tokens of a training answer): completion tokens, or the reasoning tokens where those come."""
    first = next((s for s in series.steps if _tokens(s) is not None), None)
    if first is None:
        return ()
    if first.train_completion_tokens is not None:
        return tuple((s.step, t) for s in series.steps if (t := s.train_completion_tokens) is not None)
    return tuple((s.step, t) for s in series.steps if (t := s.train_reasoning_tokens) is not None)


def _tokens(step: Step) -> float | None:
    return step.train_reasoning_tokens if step.train_completion_tokens is None else step.train_completion_tokens


def grader_points(series: Series, name: str) -> tuple[Point, ...]:
    """Return (step, mean validation score) of the grader called `name`."""
    found = ((step.step, step.grader(name)) for step in series.steps)
    return tuple((step, f.valid_score) for step, f in found if f is not None and f.valid_score is not None)


def grader_names(series: Series) -> tuple[str, ...]:
    """Return the graders with validation scores, in the order they were first reported."""
    graders = (figures for step in series.steps for figures in step.graders)
    return tuple(dict.fromkeys(figures.name for figures in graders if figures.valid_score is not None))


def error_share(figures: GraderFigures, kinds: Sequence[str]) -> float:
    """Return the larger share, of train or validation samples, with an error whose kind ends in one of `kinds`."""
    parts = (figures.train_errors, figures.valid_errors)
    sums = (sum(share for kind, share in part.items() if kind.endswith(tuple(kinds))) for part in parts)
    return max(sums)


def is_broken(step: Step) -> bool:
    """Tell whether a reward or a loss of this step came as NaN or infinity."""
    rewards = (step.train_reward, step.valid_reward)
    return any(value is not None and not math.isfinite(value) for value in rewards) or any(
        _is_not_finite(step, key) for key in LOSS_KEYS
    )


def _is_not_finite(step: Step, key: str) -> bool:
    *path, last = key.split(".")
    value = child(step.raw, *path).get(last)
    return isinstance(value, float) and not math.isfinite(value)


def no_epoch(facts: JobFacts) -> str | None:
    """Return why the length of an epoch is unknown, or None."""
    if facts.epoch_steps is not None:
        return None
    return "The number of training items or the batch size is not known, so neither is the length of an epoch."


def no_train(series: Series) -> str | None:
    """Return that train rewards are missing, or None."""
    return None if series.train else "The platform sends no train reward."


def no_valid(series: Series) -> str | None:
    """Return that validation rewards are missing, or None."""
    return None if series.valid else "The platform has sent no validation reward."


def first_reason(*reasons: str | None) -> str | None:
    """Return the first reason there is."""
    return next((reason for reason in reasons if reason), None)
