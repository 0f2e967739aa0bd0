"""Curves of (step, value): means over one epoch, and what was known at each evaluation of a validation curve."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from jobs.rules.noise import LARGEST, Windows, luck_of_best, running_noise

LAST_PART = 8
LEAST_RISE, RISE_ERRORS = 0.01, 1.5
"""A new best lies above the one before by at least so much, on a scale from 0 to 1, and by so many standard errors of
their difference."""

Point = tuple[int, float]
Points = tuple[Point, ...]


def usable(points: Iterable[Point]) -> Points:
    """Return the points whose value is a number that a grader can give."""
    return tuple(point for point in points if abs(point[1]) < LARGEST)


def epoch_means(points: Sequence[Point], steps: int) -> Points:
    """Return (s, mean of the values in the last `steps` steps up to s), from the end of the first such window on.

    In an epoch every training item comes once, so that the luck of the batches cancels.

    Args:
        points: (step, value) in order, usable.
        steps: length of the window; there is no mean if fewer than half of its steps have a value.
    """
    numbers = [step for step, _ in points]
    windows = Windows(value for _, value in points)
    means: list[Point] = []
    begin = 0
    for end, step in enumerate(numbers, start=1):
        while numbers[begin] <= step - steps:
            begin += 1
        if numbers[0] <= step - steps + 1 and 2 * (end - begin) >= steps:
            means.append((step, windows.mean(begin, end)))
    return tuple(means)


def at(points: Sequence[Point], step: int) -> float | None:
    """Return the value of the last point up to `step`, or None before the first."""
    end = bisect_right(points, (step, math.inf))
    return points[end - 1][1] if end else None


class Evaluation(NamedTuple):
    """A validation curve at one evaluation, as means of `pooled` evaluations in a row: single ones are noisy.

    Args:
        step: the evaluated step.
        value: V.
        noise: s_V.
        first: the first two evaluations.
        now: the mean of the last `pooled` evaluations, this one included.
        before: the same of those before them, as far as there are any; the first evaluation alone, or `now`, if not.
        pooled: evaluations that `now` is the mean of.
        best: the highest such mean so far.
        best_step: the step of the evaluation in its middle.
        rise: the newest "new best": a mean above the one before by more than noise and luck explain.
        rise_step: the step of its last evaluation.
        stale: evaluations since then.
        gain: the mean of the last third of the evaluations less that of the third before, in standard errors.
        luck: what the luck of the best of so many evaluations adds to what noise explains, see `luck_of_best`.
        evals: evaluations so far.
    """

    step: int
    value: float
    noise: float
    first: float
    now: float
    before: float
    pooled: int
    best: float
    best_step: int
    rise: float
    rise_step: int
    stale: int
    gain: float
    luck: float
    evals: int


def last_part(steps: int, step: int) -> int:
    """Return how many steps up to `step` are taken together: as many times `steps` as go into an eighth of the job."""
    return steps * max(1, step // (LAST_PART * steps)) if steps else 0


def read_evaluations(
    points: Sequence[Point], steps: int = 0, expected: float | None = None, *, scale: float = 1.0
) -> tuple[Evaluation, ...]:
    """Return a reading for every evaluation of a validation curve from the second one on.

    Args:
        points: (step, V) in order, usable.
        steps: the evaluations of so many steps are taken together, two at least, and on a long job those of more.
        expected: the noise of one evaluation by what is known of it.
        scale: the width of the range of V.
    """
    noises = running_noise((value for _, value in points), expected, scale)
    numbers, means = [step for step, _ in points], Windows(value for _, value in points)
    found: list[Evaluation] = []
    best, best_step = -math.inf, 0
    rise, rise_step, stale = -math.inf, 0, 0
    for end, (step, value) in enumerate(points[1:], start=2):
        noise, begin = noises[end - 1], min(bisect_right(numbers, step - last_part(steps, step)), end - 2)
        pooled, now = end - begin, means.mean(begin, end)
        error, luck = noise / math.sqrt(pooled), luck_of_best(end)
        if now > rise + max(scale * LEAST_RISE, (RISE_ERRORS * math.sqrt(2) + luck) * error):
            rise, rise_step, stale = now, step, 0
        else:
            stale += 1
        if now > best:
            best, best_step = now, numbers[(begin + end) // 2]
        third = max(1, end // 3)
        gain = means.mean(end - third, end) - means.mean(end - 2 * third, end - third)
        before = means.mean(max(0, begin - pooled), begin) if begin else now
        found.append(
            Evaluation(
                step=step,
                value=value,
                noise=noise,
                first=means.mean(0, 2),
                now=now,
                before=before,
                pooled=pooled,
                best=best,
                best_step=best_step,
                rise=rise,
                rise_step=rise_step,
                stale=stale,
                gain=gain / (noise * math.sqrt(2 / third)),
                luck=luck * error,
                evals=end,
            )
        )
    return tuple(found)
