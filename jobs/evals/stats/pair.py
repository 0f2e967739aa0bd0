"""Two arms on the items both have: better, worse, or can't tell and how many items it would take."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from charts.wording import compared, counted, decimals_of, grader_name, interval
from jobs.core.errors import InvalidRequest
from jobs.evals.stats.paired_tests import FLIPS, Difference, difference, mcnemar
from jobs.evals.stats.power import about, detectable, sample_size
from jobs.evals.stats.variance_components import ItemScores, Runs, run_variance
from jobs.evals.verdict import LEVEL, Contrast, Verdict, by_test


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a pair: what it is called and its rewards by item; only what was graded."""

    name: str
    rewards: ItemScores


@dataclass(frozen=True, slots=True)
class Passes:
    """Pass or fail at the threshold, over the items of a pair."""

    before: float
    """Share of runs that passed, 0..1."""
    after: float
    won: int
    """Items that `after` passes more often."""
    lost: int
    p: float
    """McNemar's mid-p where each item has one run in both; the paired test on pass rates otherwise. Not adjusted."""
    test: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Whether `after` is better than `before`, by the reward, over the items both have.

    `pair_up` returns it as the only comparison; as one of several, replace `p` and `pairs`.
    """

    before: str
    after: str
    reward: str
    """Name of the grader that is compared."""
    items: int
    left_out: int
    """Items that only one of them has."""
    before_mean: float
    after_mean: float
    difference: Difference
    run_share: float | None
    """Share of the differences' variance that is noise between runs, 0..1; more runs lower it. None at single runs."""
    passes: Passes | None
    p: float
    """Adjusted for the number of pairs (Holm)."""
    pairs: int = 1
    """Pairs in the comparison."""

    @property
    def verdict(self) -> Verdict:
        """Better or worse if p is at most LEVEL."""
        return by_test(self.difference.mean, self.p)

    @property
    def contrast(self) -> Contrast:
        """The pair as conclusions are drawn from it."""
        return Contrast(self.before, self.after, self.verdict, self.headline)

    @property
    def items_needed(self) -> int | None:
        """About how many items would show the difference seen, 4 times in 5; None unless it can't be told."""
        if self.verdict is not Verdict.CANT_TELL or not self.difference.variance:
            return None
        needed = sample_size(self.difference.mean, self.difference.variance, pairs=self.pairs)
        return max(needed, self.items + 1) if needed else None

    @property
    def detectable(self) -> float | None:
        """The smallest difference that these items show 4 times in 5."""
        spread = self.difference.variance
        return detectable(self.items, spread, pairs=self.pairs) if spread else None

    @property
    def headline(self) -> str:
        """The verdict alone, short enough for a title."""
        if self.verdict is Verdict.CANT_TELL:
            return f"Can't tell {self.after} from {self.before}"
        return f"{self.after} is {self.verdict} than {self.before} by {self._compared[-1].lstrip('+-')}"

    @property
    def _compared(self) -> tuple[str, str, str]:
        """Both means and the change, as precise as it takes for them to agree; a change that counts is never 0."""
        return compared(self.before_mean, self.after_mean)

    @property
    def text(self) -> str:
        """The verdict with its numbers and what it would take: one line of a few sentences."""
        before, after, change = self._compared
        if span := self.difference.interval:
            change += f" (95% interval {interval(span.low, span.high, decimals_of(change))})"
        scored = f"{grader_name(self.reward)} {after} against {before}, {change}"
        told = [f"{scored}, {_p(self.p)}, {counted(self.items, 'item')}."]
        if self.verdict is Verdict.CANT_TELL:
            told.append(self._what_it_takes())
        if passes := self.passes:
            told.append(
                f"Passed: {passes.after:.0%} against {passes.before:.0%}, {counted(passes.won, 'item')} won, "
                f"{passes.lost:,} lost, {_p(passes.p)} ({passes.test})."
            )
        opening = self.headline
        if self.verdict is not Verdict.CANT_TELL:
            opening = f"{self.after} is {self.verdict} than {self.before}"
        return f"{opening}: {' '.join(told)}"

    def _what_it_takes(self) -> str:
        if self.items < 2:
            return "One item says nothing about the others: evaluate more."
        if self.detectable is None and self.difference.mean:
            return "The difference is the same on every item; more items would confirm it."
        if self.detectable is None:
            return "Both scored the same on every item."
        takes = "No practical number of items would show a difference this small"
        if self.items_needed:
            takes = f"If the difference is real, {about(self.items_needed)} items would show it 4 times in 5"
        told = [f"{takes}; these {self.items:,} show one from {self.detectable:.3f} on."]
        if self.difference.p <= LEVEL:
            told.append(f"By itself it would count; among {self.pairs} pairs it may be luck.")
        if (self.run_share or 0) > 0.5:
            told.append("Most of the noise is between runs: more runs help as well.")
        return " ".join(told)


def pair_up(
    before: Side,
    after: Side,
    reward: str,
    threshold: float | None = None,
    flips: int = FLIPS,
    bounds: tuple[float, float] | None = None,
) -> Pair:
    """Compare two sides item by item on `reward`, and on passing its `threshold` if there is one.

    `bounds` are the lowest and the highest reward there can be: no interval promises a larger change than these allow.

    Raises:
        InvalidRequest: no item in common.
    """
    common = sorted(before.rewards.keys() & after.rewards.keys())
    if not common:
        raise InvalidRequest(f"{before.name} and {after.name} cannot be compared: no item has a reward from both.")
    old, new = [before.rewards[item] for item in common], [after.rewards[item] for item in common]
    old_means, new_means = [fmean(runs.values()) for runs in old], [fmean(runs.values()) for runs in new]
    found = difference(_differences(old_means, new_means), flips, bounds[1] - bounds[0] if bounds else None)
    run_share = None
    if found.variance and all(len(runs) > 1 for runs in (*old, *new)):
        run_share = min(1.0, sum(run_variance(side) or 0.0 for side in (old, new)) / found.variance)
    return Pair(
        before=before.name,
        after=after.name,
        reward=reward,
        items=len(common),
        left_out=len(before.rewards.keys() ^ after.rewards.keys()),
        before_mean=fmean(old_means),
        after_mean=fmean(new_means),
        difference=found,
        run_share=run_share,
        passes=None if threshold is None else _passes(old, new, threshold, flips),
        p=found.p,
    )


def _differences(old: Sequence[float], new: Sequence[float]) -> list[float]:
    """Return new - old by item; what only rounding tells apart is equal."""
    return [round(b - a, 12) for a, b in zip(old, new, strict=True)]


def _passes(old: Sequence[Runs], new: Sequence[Runs], threshold: float, flips: int) -> Passes:
    before, after = [[fmean(s >= threshold for s in runs.values()) for runs in side] for side in (old, new)]
    changes = _differences(before, after)
    won, lost = sum(each > 0 for each in changes), sum(each < 0 for each in changes)
    single = all(len(runs) == 1 for runs in (*old, *new))
    p, test = (mcnemar(won, lost), "McNemar mid-p") if single else (difference(changes, flips).p, "paired by item")
    return Passes(fmean(before), fmean(after), won, lost, p, test)


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p {p:.3f}" if p < 0.0995 else f"p {p:.2f}"
