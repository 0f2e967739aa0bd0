"""Two arms on the items both have: better, worse, or can't tell and how many items it would take."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import fmean

from charts.wording import counted
from jobs.core.errors import InvalidRequest
from jobs.evals.stats.paired_tests import Difference, difference, mcnemar
from jobs.evals.stats.power import LEVEL, about, detectable, sample_size
from jobs.evals.stats.variance_components import ItemScores, Runs, run_variance


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a pair: what it is called and its rewards by item; only what was graded."""

    name: str
    rewards: ItemScores


class Verdict(StrEnum):
    """How the second of a pair stands against the first."""

    BETTER = "better"
    WORSE = "worse"
    CANT_TELL = "can't tell"


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
    """Whether `after` is better than `before`, by the reward, over the items both have."""

    before: str
    after: str
    items: int
    left_out: int
    """Items that only one of the two has."""
    before_mean: float
    after_mean: float
    difference: Difference
    p: float
    """Adjusted for the number of pairs (Holm)."""
    run_share: float | None
    """Share of the differences' variance that is noise between runs, 0..1; more runs lower it. None at single runs."""
    passes: Passes | None
    verdict: Verdict = Verdict.CANT_TELL
    items_needed: int | None = None
    """Where it can't be told: about how many items would show the difference seen, 4 times in 5."""
    detectable: float | None = None
    """The smallest difference that these items show 4 times in 5."""
    text: str = ""
    """The verdict with its numbers and what it would take: one line of a few sentences."""

    @property
    def headline(self) -> str:
        """The verdict alone, short enough for a title."""
        if self.verdict is Verdict.CANT_TELL:
            return f"Can't tell {self.after} from {self.before}"
        return f"{self.after} is {self.verdict} than {self.before} by {abs(self.difference.mean):.3f}"


def pair_up(before: Side, after: Side, threshold: float | None, flips: int) -> Pair:
    """Return the pair on its own: p not yet adjusted, nothing judged.

    Raises:
        InvalidRequest: no item in common.
    """
    common = sorted(before.rewards.keys() & after.rewards.keys())
    if not common:
        raise InvalidRequest(f"{before.name} and {after.name} cannot be compared: no item has a reward from both.")
    old, new = [before.rewards[item] for item in common], [after.rewards[item] for item in common]
    old_means, new_means = [fmean(runs.values()) for runs in old], [fmean(runs.values()) for runs in new]
    found = difference(_differences(old_means, new_means), flips)
    return Pair(
        before=before.name,
        after=after.name,
        items=len(common),
        left_out=len(before.rewards.keys() ^ after.rewards.keys()),
        before_mean=fmean(old_means),
        after_mean=fmean(new_means),
        difference=found,
        p=found.p,
        run_share=_run_share(old, new, found),
        passes=None if threshold is None else _passes(old, new, threshold, flips),
    )


def _differences(old: Sequence[float], new: Sequence[float]) -> list[float]:
    """Return new - old by item; what only rounding tells apart is equal."""
    return [round(b - a, 12) for a, b in zip(old, new, strict=True)]


def _run_share(old: Sequence[Runs], new: Sequence[Runs], found: Difference) -> float | None:
    """Return (s_A^2 / K_A + s_B^2 / K_B) / Var(differences)."""
    if not found.variance or any(len(runs) < 2 for runs in (*old, *new)):
        return None
    return min(1.0, sum(run_variance(side) or 0.0 for side in (old, new)) / found.variance)


def _passes(old: Sequence[Runs], new: Sequence[Runs], threshold: float, flips: int) -> Passes:
    before, after = [[fmean(s >= threshold for s in runs.values()) for runs in side] for side in (old, new)]
    changes = _differences(before, after)
    won, lost = sum(change > 0 for change in changes), sum(change < 0 for change in changes)
    if all(len(runs) == 1 for runs in (*old, *new)):
        return Passes(fmean(before), fmean(after), won, lost, mcnemar(won, lost), "McNemar mid-p")
    return Passes(fmean(before), fmean(after), won, lost, difference(changes, flips).p, "paired by item")


def judged(pair: Pair, p: float, pairs: int, reward: str) -> Pair:
    """Return the pair with its verdict, what it would take, and the sentence that says so.

    Args:
        pair: as `pair_up` returns it.
        p: adjusted for the number of pairs.
        pairs: pairs in the comparison.
        reward: name of the grader that was compared.
    """
    found, spread = pair.difference, pair.difference.variance
    verdict = Verdict.CANT_TELL
    if p <= LEVEL:
        verdict = Verdict.BETTER if found.mean > 0 else Verdict.WORSE
    needed = sample_size(found.mean, spread, pairs=pairs) if spread and verdict is Verdict.CANT_TELL else None
    decided = replace(
        pair,
        p=p,
        verdict=verdict,
        items_needed=max(needed, pair.items + 1) if needed else None,
        detectable=detectable(pair.items, spread, pairs=pairs) if spread else None,
    )
    return replace(decided, text=_text(decided, reward, pairs))


def _text(pair: Pair, reward: str, pairs: int) -> str:
    found, passes = pair.difference, pair.passes
    span = f" (95%: {found.interval.low:+.3f} to {found.interval.high:+.3f})" if found.interval else ""
    figures = (
        f"{reward} {pair.after_mean:.3f} against {pair.before_mean:.3f}, {found.mean:+.3f}{span}, "
        f"{_p(pair.p)}, {counted(pair.items, 'item')}."
    )
    passed = ""
    if passes:
        passed = (
            f" Passed: {passes.after:.0%} against {passes.before:.0%}, {passes.won} items won, {passes.lost} lost, "
            f"{_p(passes.p)} ({passes.test})."
        )
    if pair.verdict is not Verdict.CANT_TELL:
        return f"{pair.after} is {pair.verdict} than {pair.before}: {figures}{passed}"
    return f"Can't tell {pair.after} from {pair.before}: {figures} {_what_it_takes(pair, pairs)}{passed}"


def _what_it_takes(pair: Pair, pairs: int) -> str:
    found = pair.difference
    if pair.items < 2:
        return "One item says nothing about the others: evaluate more."
    if pair.detectable is None:
        same = "Both scored the same on every item."
        return "The difference is the same on every item; more items would confirm it." if found.mean else same
    if pair.items_needed is None:
        takes = "No practical number of items would show a difference this small"
    else:
        takes = f"If the difference is real, {about(pair.items_needed)} items would show it 4 times in 5"
    alone = f" By itself it would count; among {pairs} pairs it may be luck." if found.p <= LEVEL else ""
    runs = " Most of the noise is between runs: more runs help as well." if (pair.run_share or 0) > 0.5 else ""
    return f"{takes}; these {pair.items:,} show one from {pair.detectable:.3f} on.{alone}{runs}"


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p {p:.3f}" if p < 0.0995 else f"p {p:.2f}"
