"""Two models' variance studies side by side: does the second give good answers more often, or better ones?"""

from collections.abc import Mapping
from statistics import fmean

from charts.wording import apart, counted
from jobs.evals.stats.paired_tests import Difference, difference
from jobs.evals.stats.variance_components import ItemScores
from jobs.evals.stats.variance_study import LEAST_RUNS
from jobs.evals.verdict import Verdict, by_test

MEANINGS: Mapping[tuple[Verdict, Verdict], str] = {
    (Verdict.BETTER, Verdict.CANT_TELL): "it pulls the mean to the best: good answers come more often, no better ones",
    (Verdict.BETTER, Verdict.BETTER): "it also gives new answers, not just more of the base's best ones",
    (Verdict.BETTER, Verdict.WORSE): "it pulls the mean up and gives up its best answers",
    (Verdict.WORSE, Verdict.CANT_TELL): "good answers come less often",
    (Verdict.WORSE, Verdict.WORSE): "it got worse, its best answers too",
    (Verdict.WORSE, Verdict.BETTER): "its best answers got better, and the others so much worse that the mean fell",
    (Verdict.CANT_TELL, Verdict.WORSE): "it gives up its best answers, and the mean does not gain",
    (Verdict.CANT_TELL, Verdict.BETTER): "its best answers got better, the mean not yet",
    (Verdict.CANT_TELL, Verdict.CANT_TELL): "no change that these answers could show",
}
"""What a change of the mean, and of the best of an item's answers, says together."""


def before_after(before: ItemScores, after: ItemScores, split: str, bounds: tuple[float, float] | None = None) -> str:
    """Return how the answers to the same items changed, as a sentence: zeros, mean, best; "" with too few runs.

    An item counts with at least `LEAST_RUNS` scored answers on both sides. The best is of as many answers on each side.
    """
    items = [
        (list(before[item].values()), list(after[item].values()))
        for item in sorted(before.keys() & after.keys())
        if min(len(before[item]), len(after[item])) >= LEAST_RUNS
    ]
    if len(items) < 2:
        return ""
    runs = min(len(side) for pair in items for side in pair)
    lowest = bounds[0] if bounds else 0.0
    bests = [(max(old[:runs]), max(new[:runs])) for old, new in items]
    means = [(fmean(old), fmean(new)) for old, new in items]
    zeros = [sum(best[side] <= lowest for best in bests) for side in (0, 1)]
    meaning = MEANINGS[_verdict(means), _verdict(bests)]
    return (
        f"Before and after on {split}, {counted(len(items), 'item')} x {runs} answers: items always at {lowest:g}: "
        f"{zeros[0]} to {zeros[1]}, mean {_moved(means)}, best of {runs} {_moved(bests)}. In short, {meaning}."
    )


def _verdict(pairs: list[tuple[float, float]]) -> Verdict:
    found: Difference = difference([round(new - old, 12) for old, new in pairs])
    return by_test(found.mean, found.p)


def _moved(pairs: list[tuple[float, float]]) -> str:
    old, new = apart(fmean(old for old, _ in pairs), fmean(new for _, new in pairs))
    return f"{old} to {new}"
