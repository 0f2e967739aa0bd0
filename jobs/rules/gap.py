"""The aligned gap: how far train reward runs ahead of validation reward, like compared with like.

The mean train reward of the last epoch lags behind the policy while a job learns fast, so "epoch mean minus newest
validation" starts far below zero and drifts up to zero, which looks like overfitting and is not. Here each step's
train reward is compared with the validation reward of the policy that gave it, interpolated between evaluations. The
answers of step s come from the policy that step s - 1 left, and an evaluation at step s follows the update of s, so:

    G_k = mean over the last n steps s <= k of (r_s - V(s - 1)),   n = W, or the multiple of it in an eighth of k
    D_k = G_k - G_0,    G_0 = the same over the first m steps: how much harder validation is anyway
    SE^2 = s_T^2 (1/n + 1/m) + s_V^2 (1/e_n + 1/e_m)            e: evaluations in n and m steps, one at least
    s_V = the noise of one evaluation, see `running_noise`
    s_T = c sd(r_s - V(s - 1)),   c^2 = 1 - n / (2 x epoch), at least 1/2: the luck of the batches cancels in part

W is one epoch, in which each item counts once, or 10 steps where that is longer or not known. m spans the first three
such gaps, on a long job its first quarter: the more steps there are, the smaller a drift can be seen.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from jobs.rules.curves import Point, Points, last_part, read_evaluations
from jobs.rules.noise import Windows, luck_of_best, train_noise

BASELINE_GAPS = 3
"""G_0 is known once there are so many gaps, and spans their steps."""
FIRST_PART = 4
"""On a long job G_0 spans its first quarter."""
UNKNOWN_PART = 4
"""The steps that stand in for an epoch are taken to be one part in so many of it."""
LEAST_SPREAD = 30
"""A spread is taken over at least this many steps, or a short window would look exact by luck."""


class GapReading(NamedTuple):
    """The gap as it could be known at one evaluation; all figures in units of reward.

    Args:
        step: the evaluated step.
        valid: V.
        gap: G.
        gap_start: G_0.
        drift: D.
        error: SE, the standard error of D.
        luck: how much further than on a usual job the highest of so many drifts lies by luck, in standard errors.
        noise: s_V.
        recent: mean validation reward of the last `pooled` evaluations.
        pooled: the evaluations of the last W steps, two at least.
        fall_error: the standard error of the difference of two such means.
        fall_luck: how much further than on a usual job the best of so many such means lies by luck.
        best: the highest such mean so far.
        best_step: the step of the evaluation in its middle.
        rise: the newest of them that lies above all before by more than noise and luck explain: a "new best".
        rise_step: the step of its last evaluation.
        stale: evaluations since then.
        gain: the mean of the last third of the evaluations less that of the third before, in standard errors.
        evals: evaluations so far; s_V is measured from the fourth on.
        gap_steps: steps that G is the mean of.
        start_steps: steps that G_0 is the mean of.
    """

    step: int
    valid: float
    gap: float
    gap_start: float
    drift: float
    error: float
    luck: float
    noise: float
    recent: float
    pooled: int
    fall_error: float
    fall_luck: float
    best: float
    best_step: int
    rise: float
    rise_step: int
    stale: int
    gain: float
    evals: int
    gap_steps: int
    start_steps: int


def read_gap(
    train: Points,
    valid: Points,
    steps: int,
    *,
    epoch: int | None = None,
    expected: float | None = None,
    scale: float = 1.0,
) -> tuple[GapReading, ...]:
    """Return a reading for every evaluation from the one on at which the baseline G_0 is known.

    Args:
        train: (step, train reward), usable.
        valid: (step, validation reward), usable.
        steps: W, the number of steps in which every training item comes once, or one that stands in for it.
        epoch: the steps in which every training item comes once, if known.
        expected: the noise of one evaluation by what is known of it.
        scale: the width of the reward's range.
    """
    differences = _differences(train, valid)
    numbers = [step for step, _ in differences]
    windows = Windows(difference for _, difference in differences)
    readings: list[GapReading] = []
    seen, baseline = 0, 0
    for one in read_evaluations(valid, steps, expected, scale=scale):
        end, now = bisect_right(numbers, one.step), last_part(steps, one.step)
        begin = bisect_right(numbers, one.step - now)
        if not numbers or numbers[0] > one.step - now + 1 or 2 * (end - begin) < now:
            continue  # the first evaluated epoch is not over, or half of this one's steps did not report
        seen += 1
        if seen == BASELINE_GAPS:
            baseline = end
        if seen < BASELINE_GAPS:
            continue
        first = max(baseline, end // FIRST_PART)
        widest = max(0, end - max(now, LEAST_SPREAD))
        variance = windows.variance(widest, end) if end - widest > 1 else None
        gap, start = windows.mean(begin, end), windows.mean(0, first)
        evals = one.evals / max(1, one.step - valid[0][0])
        errors = [
            math.hypot(
                train_noise(variance, count, _cancelled(count, epoch or UNKNOWN_PART * steps), scale),
                one.noise / math.sqrt(max(1.0, count * evals)),
            )
            for count in (end - begin, first)
        ]
        readings.append(
            GapReading(
                step=one.step,
                valid=one.value,
                gap=gap,
                gap_start=start,
                drift=gap - start,
                error=math.hypot(*errors),
                luck=luck_of_best(one.evals),
                noise=one.noise,
                recent=one.now,
                pooled=one.pooled,
                fall_error=one.noise * math.sqrt(2 / one.pooled),
                fall_luck=one.luck,
                best=one.best,
                best_step=one.best_step,
                rise=one.rise,
                rise_step=one.rise_step,
                stale=one.stale,
                gain=one.gain,
                evals=one.evals,
                gap_steps=end - begin,
                start_steps=first,
            )
        )
    return tuple(readings)


def _cancelled(count: int, epoch: int) -> float:
    """Return c, what is left of the luck of the batches over `count` steps.

    The more of an epoch they span, the more of it cancels: half of its variance over a whole one.
    """
    return math.sqrt(1 - min(1.0, count / epoch) / 2)


def _differences(train: Sequence[Point], valid: Sequence[Point]) -> list[Point]:
    """Return (s, r_s - V(s - 1)) for every step whose policy lies between the first and the last evaluation."""
    found: list[Point] = []
    pieces = pairwise(valid)
    piece = next(pieces, None)
    for step, reward in train:
        policy = step - 1
        while piece and policy > piece[1][0]:
            piece = next(pieces, None)
        if piece and policy >= piece[0][0]:
            (left, low), (right, high) = piece
            found.append((step, reward - (low + (high - low) * (policy - left) / (right - left))))
    return found
