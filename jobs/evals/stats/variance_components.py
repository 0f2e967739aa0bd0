"""Where the variance of scores comes from: an item's runs, or the items; and the luck in the best of several models."""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import combinations
from statistics import NormalDist, fmean
from typing import Final

from jobs.evals.stats.intervals import variance

Runs = Mapping[int, float]
"""Run to score."""
ItemScores = Mapping[str, Runs]
"""Item to run to score; only what was graded."""
_POINTS: Final = 4_000
_FAR: Final = 9.0
_NORMAL: Final = NormalDist()


def item_means(scores: ItemScores) -> dict[str, float]:
    """Return each item's mean over its runs."""
    return {item: fmean(runs.values()) for item, runs in scores.items()}


def run_variance(items: Iterable[Runs]) -> float | None:
    """Return the variance of an item's mean that comes from its runs, s^2 / K; None at single runs.

    s^2 is the sample variance between an item's runs; averaged over the items with several.
    """
    repeated = [list(runs.values()) for runs in items if len(runs) > 1]
    return fmean(variance(runs, fmean(runs)) / len(runs) for runs in repeated) if repeated else None


def selection_bias(checkpoints: Sequence[ItemScores], looked_at: int | None = None) -> tuple[float, float] | None:
    """Return how far the best of equal checkpoints is expected to score above itself: (least, most).

    Were k checkpoints equally good, their means over the same n items would differ by luck alone, and the best would
    stand above itself by s m_k / sqrt(n): m_k is the expected maximum of k standard normals, s^2 the variance of an
    item's mean that checkpoints do not share (hard items move all alike and drop out).

    `least` counts the luck of the answers alone, among these checkpoints: s^2 = s_run^2 / K, s_run^2 the variance
    between the K runs of an item. `most` counts as well which items these happen to be, and that the platform kept
    these from `looked_at` evaluations by the same items: s^2 is half the variance over items of the difference of two
    checkpoints, averaged over pairs. Where each item was answered once, the two cannot be told apart; both then have
    the s of `most`. The better one checkpoint really is, the less of this applies.

    Args:
        checkpoints: item to run to score for each; only what was graded.
        looked_at: evaluations during training from which the platform kept the best; None where that is not known.

    Returns:
        In units of the score; None where nothing was chosen, or nothing says how large luck is.
    """
    kept, chosen_from = len(checkpoints), max(len(checkpoints), looked_at or 0)
    common = set.intersection(*map(set, checkpoints)) if checkpoints else set()
    if chosen_from < 2 or len(common) < 2:
        return None
    shared = [{item: scores[item] for item in sorted(common)} for scores in checkpoints]
    noise, spread = run_variance(runs for scores in shared for runs in scores.values()), _between_checkpoints(shared)
    most = max((each for each in (noise, spread) if each is not None), default=None)
    if most is None:
        return None
    least = noise if noise is not None else most
    error = 1 / math.sqrt(len(common))
    return math.sqrt(least) * error * expected_maximum(kept), math.sqrt(most) * error * expected_maximum(chosen_from)


@lru_cache(maxsize=64)
def expected_maximum(count: int) -> float:
    """Return the expected maximum of `count` independent standard normals: 0 for one, .846 for three, 1.82 for 18.

    The integral of 1 - F^k over x > 0 less that of F^k over x < 0, F the normal distribution, by the trapezoid rule.
    """
    if count == 1:
        return 0.0
    step = _FAR / _POINTS
    places = [step * number for number in range(1, _POINTS + 1)]
    above = 0.5 * (1 - 0.5**count) + sum(1 - _NORMAL.cdf(x) ** count for x in places)
    below = 0.5 * 0.5**count + sum(_NORMAL.cdf(-x) ** count for x in places)
    return step * (above - below)


def _between_checkpoints(checkpoints: Sequence[Mapping[str, Runs]]) -> float | None:
    """Return half the variance over items of the difference of two checkpoints; None for a single one."""
    means = [list(item_means(scores).values()) for scores in checkpoints]
    halves = []
    for one, other in combinations(means, 2):
        differences = [b - a for a, b in zip(one, other, strict=True)]
        halves.append(variance(differences, fmean(differences)) / 2)
    return fmean(halves) if halves else None
