"""What more training items would bring, from the scores of jobs that trained on fewer and more of them. Pure.

The mean score is taken to be a - b / n^c in the number n of training items, as learning curves are found to be. Three
sizes do not tell how fast a curve bends: the gain is that of c = 1/2, where what is left to gain halves with four times
as many items, and its interval reaches over all of c = 1/4 to 1.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from charts.wording import changed, counted
from jobs.evals.stats.intervals import t_quantile, variance

FEWEST_SIZES: Final = 3
EXPONENTS: Final = (0.5, 0.25, 1.0)
"""Of the curve; the gain is told for the first, its interval covers all."""
POINTS: Final = 40
"""Between which the curve is drawn."""
LITTLE: Final = 0.01
"""A gain that is certainly less than this, on a scale of 0 to 1, is hardly worth the items."""


@dataclass(frozen=True, slots=True)
class Trained:
    """One job: how many items it trained on, and its score on each validation item."""

    items: int
    scores: Mapping[str, float]
    """Mean over runs, by validation item."""

    @property
    def mean(self) -> float:
        """Mean score over the validation items."""
        return fmean(self.scores.values())


@dataclass(frozen=True, slots=True)
class Gain:
    """What more items would bring."""

    more: int
    """So many beyond the most that was trained on."""
    largest: int
    mean: float
    low: float
    """Of the 95% interval."""
    high: float
    curve: tuple[tuple[float, float], ...]
    """Items and score, along the fitted curve from the fewest items to the most that are asked about."""

    def verdict(self, width: float = 1.0) -> str:
        """Return whether more data pays, with the figures, as a sentence; `width` is that of the score's scale."""
        near_nothing = any(0 < abs(end) < LITTLE / 2 for end in (self.low, self.high))
        change, span = changed(self.mean, self.low, self.high, least=3 if near_nothing else 2)
        told = f"another {counted(self.more, 'item')} would bring about {change} ({span})."
        if self.low > 0:
            return f"More data pays: {told}"
        if self.high < LITTLE * width:
            return f"More data hardly pays: {told}"
        return f"Can't tell whether more data pays: {told}"


def gain(jobs: Sequence[Trained], more: int) -> Gain | None:
    """Return what `more` items would bring; None where there are fewer than three sizes or two common items.

    The slope is that of least squares over the jobs' means. Two things make it uncertain: another seed would have
    trained other models (the scatter of the jobs around the line, jobs - 2 degrees), and other validation items would
    have other slopes (the variance of the items' own slopes, items - 1 degrees). The noise of single answers is in
    both, and counted once. Degrees of freedom are Satterthwaite's.
    """
    items = sorted(set.intersection(*(set(job.scores) for job in jobs))) if jobs else []
    sizes = sorted({job.items for job in jobs})
    if len(sizes) < FEWEST_SIZES or len(items) < 2:
        return None
    usual, *others = (_fitted(jobs, items, sizes[-1] + more, exponent) for exponent in EXPONENTS)
    every, ends = (usual, *others), (sizes[0], sizes[-1] + more)
    steps = [ends[0] * (ends[1] / ends[0]) ** (number / POINTS) for number in range(POINTS + 1)]
    return Gain(
        more,
        sizes[-1],
        usual.gain,
        min(each.gain - each.half for each in every),
        max(each.gain + each.half for each in every),
        tuple((step, usual.level + usual.slope * (step ** -EXPONENTS[0] - usual.middle)) for step in steps),
    )


@dataclass(frozen=True, slots=True)
class _Fit:
    """The line of scores over n^-c: level + slope * (n^-c - middle), and the gain that it promises, +- half."""

    slope: float
    level: float
    middle: float
    gain: float
    half: float


def _fitted(jobs: Sequence[Trained], items: Sequence[str], target: int, exponent: float) -> _Fit:
    places = [job.items**-exponent for job in jobs]
    middle, largest = fmean(places), max(job.items for job in jobs)
    squares = math.fsum((place - middle) ** 2 for place in places)
    weights = [(place - middle) / squares for place in places]
    fits = [_line([job.scores[item] for job in jobs], places, weights) for item in items]
    slope, level, residual = _line([fmean(job.scores[item] for item in items) for job in jobs], places, weights)
    by_seed = residual / squares
    by_item = variance([each[0] for each in fits], slope) / len(items)
    shared = fmean(each[2] for each in fits) / len(items) / squares
    error = math.sqrt(max(by_seed + by_item - shared, by_seed, by_item))
    freedom = _degrees((by_seed, len(jobs) - 2), (by_item, len(items) - 1))
    reach = target**-exponent - largest**-exponent
    return _Fit(slope, level, middle, slope * reach, t_quantile(0.975, freedom) * error * abs(reach))


def _line(scores: Sequence[float], places: Sequence[float], weights: Sequence[float]) -> tuple[float, float, float]:
    """Return the slope of the line through scores at their places, its level in the middle, the residual variance."""
    slope, level = math.fsum(w * score for w, score in zip(weights, scores, strict=True)), fmean(scores)
    middle = fmean(places)
    rest = math.fsum((y - level - slope * (x - middle)) ** 2 for x, y in zip(places, scores, strict=True))
    return slope, level, rest / (len(scores) - 2)


def _degrees(*parts: tuple[float, int]) -> float:
    total = math.fsum(value for value, _ in parts)
    below = math.fsum(value**2 / count for value, count in parts)
    return total**2 / below if below else float(max(count for _, count in parts))
