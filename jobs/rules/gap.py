"""The aligned gap: how far train reward runs ahead of validation reward, like compared with like.

The mean train reward of the last epoch lags behind the policy while a job learns fast, so "epoch mean minus newest
validation" starts far below zero and drifts up to zero, which looks like overfitting and is not. Here each step's
train reward is compared with the validation reward at the same step, interpolated between evaluations:

    G_k = mean over the last W steps s <= k of (r_s - V(s)),   W = one epoch, so that each item counts once
    D_k = G_k - G_0,    G_0 = median of the first three G after epoch 1: how much harder validation is anyway
    SE  = sqrt(1.5 (s_V^2 + s_T^2))                            1.5: G_0 is noisy too
    s_V = max(.005, 1.4826 MAD(V_k - V_(k-1)) / sqrt 2)        .02 before there are four evaluations
    s_T = .5 sd(r_s - V(s)) / sqrt W                           .5: over an epoch the luck of the batches cancels

Where nothing tells how long an epoch is, or it is long, W is 10 to 20 steps (`JobFacts.gap_steps`). The luck of the
batches cancels only in part over them, so s_T has a factor of .75.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from jobs.rules.curves import Point, Points
from jobs.rules.noise import Windows, running_noise, train_noise

BASELINE_GAPS = 3
CANCELLED, PARTLY_CANCELLED = 0.5, 0.75
LEAST_SPREAD = 4
"""A spread is taken over at least this many steps, or a window of one or two would look exact by luck."""


class GapReading(NamedTuple):
    """The gap as it could be known at one evaluation; all figures in units of reward.

    Args:
        step: the evaluated step.
        valid: V.
        gap: G.
        gap_start: G_0.
        drift: D.
        error: SE, the standard error of D.
        best: the newest "new best": V > best + max(.01, s_V).
        best_step: its step.
        stale: evaluations since then.
        noise: s_V.
        recent: mean validation reward of the last two evaluations.
        evals: evaluations so far; s_V is measured from the fourth on.
        highest: the highest validation reward so far; it may lie above `best` by less than counts.
        highest_step: its step.
    """

    step: int
    valid: float
    gap: float
    gap_start: float
    drift: float
    error: float
    best: float
    best_step: int
    stale: int
    noise: float
    recent: float
    evals: int
    highest: float
    highest_step: int


def read_gap(train: Points, valid: Points, epoch_steps: int, *, whole_epochs: bool = True) -> tuple[GapReading, ...]:
    """Return a reading for every evaluation from the one on at which the baseline G_0 is known.

    Args:
        train: (step, train reward), usable.
        valid: (step, validation reward), usable.
        epoch_steps: W, the number of steps in which every training item comes once.
        whole_epochs: whether W is that, or a number that stands in for it.
    """
    differences = _differences(train, valid)
    steps = [step for step, _ in differences]
    windows = Windows(difference for _, difference in differences)
    noises = running_noise(value for _, value in valid)
    readings: list[GapReading] = []
    first_gaps: list[float] = []
    best, best_step, stale = -math.inf, 0, 0
    highest, highest_step = -math.inf, 0
    cancelled = CANCELLED if whole_epochs else PARTLY_CANCELLED
    for index, (step, value) in enumerate(valid):
        noise = noises[index]
        if value > best + max(0.01, noise):
            best, best_step, stale = value, step, 0
        else:
            stale += 1
        if value > highest:
            highest, highest_step = value, step
        end = bisect_right(steps, step)
        begin = bisect_right(steps, step - epoch_steps)
        if not steps or steps[0] > step - epoch_steps + 1 or 2 * (end - begin) < epoch_steps:
            continue  # the first evaluated epoch is not over, or half of this one's steps did not report
        gap = windows.mean(begin, end)
        if len(first_gaps) < BASELINE_GAPS:
            first_gaps.append(gap)
        if len(first_gaps) < BASELINE_GAPS:
            continue
        widest = max(0, end - max(epoch_steps, LEAST_SPREAD))
        variance = windows.variance(widest, end) if end - widest > 1 else None
        start = median(first_gaps)
        error = math.sqrt(1.5 * (noise**2 + train_noise(variance, end - begin, cancelled) ** 2))
        recent = (valid[index - 1][1] + value) / 2
        readings.append(
            GapReading(
                step=step,
                valid=value,
                gap=gap,
                gap_start=start,
                drift=gap - start,
                error=error,
                best=best,
                best_step=best_step,
                stale=stale,
                noise=noise,
                recent=recent,
                evals=index + 1,
                highest=highest,
                highest_step=highest_step,
            )
        )
    return tuple(readings)


def _differences(train: Sequence[Point], valid: Sequence[Point]) -> list[Point]:
    """Return (s, r_s - V(s)) for every step between the first and the last evaluation."""
    found: list[Point] = []
    pieces = pairwise(valid)
    piece = next(pieces, None)
    for step, reward in train:
        while piece and step > piece[1][0]:
            piece = next(pieces, None)
        if piece and step >= piece[0][0]:
            (left, low), (right, high) = piece
            found.append((step, reward - (low + (high - low) * (step - left) / (right - left))))
    return found
