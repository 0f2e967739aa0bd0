"""The same models on two validation splits, one balanced and one as production has it, and whether the two agree.

Their items are different ones, so nothing is paired: the test is Welch's.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean
from typing import Final

from charts.wording import changed, columns, estimate, grader_name, joined, number
from jobs.core.errors import InvalidRequest
from jobs.evals.records import ArmSummary, Eval, Interval
from jobs.evals.stats.comparison import MUST_AGREE, ArmAnswers
from jobs.evals.stats.intervals import t_cdf, t_quantile, variance
from jobs.evals.stats.paired_tests import holm
from jobs.evals.stats.variance_components import item_means
from jobs.evals.verdict import Verdict, by_test

LEAST_VALUES: Final = 5
"""Items of a split from which anything is concluded: two that happen to be alike have no spread."""
MUST_BE_ALIKE: Final[Mapping[str, Callable[[ArmAnswers], str]]] = {
    **{words: of for words, of in MUST_AGREE.items() if words != "other splits"},
    "other prompts": lambda arm: arm.prompt_hash,
    "other platforms": lambda arm: arm.evaluation.platform,
}


@dataclass(frozen=True, slots=True)
class Gap:
    """A mean on the second split less that on the first."""

    change: float
    interval: Interval | None
    """95%; None where a split has fewer than `LEAST_VALUES` items."""
    p: float
    """Adjusted over all that was looked at (Holm)."""

    @property
    def verdict(self) -> Verdict:
        """Whether it is better or worse on the second split."""
        return by_test(self.change, self.p)

    @property
    def words(self) -> str:
        """The change with its interval: `-0.12 (-0.20 to -0.04)`."""
        low, high = (self.interval.low, self.interval.high) if self.interval else (None, None)
        change, bounds = changed(self.change, low, high)
        return f"{change} ({bounds})" if bounds else change


@dataclass(frozen=True, slots=True)
class OnTwoSplits:
    """Models on two splits of one task."""

    evals: tuple[Eval, Eval]
    gaps: Mapping[str, Gap]
    """Of the reward, by arm, of those that both evals scored."""
    leads: Mapping[tuple[str, str], Gap]
    """Of how much the second of two arms is above the first."""

    @property
    def splits(self) -> tuple[str, str]:
        """The names of the two."""
        one, other = self.evals
        return one.split, other.split

    @property
    def reward(self) -> str:
        """The reward's name as people write it."""
        return grader_name(self.evals[0].reward)

    @property
    def headline(self) -> str:
        """Where the splits disagree, else that they do not, in one line."""
        return "; ".join(self.disagreements) or f"{joined(self.splits)} do not disagree beyond chance"

    @property
    def disagreements(self) -> tuple[str, ...]:
        """What is otherwise on the second split by more than chance: the lead of an arm, or how high one scores."""
        _, other = self.splits
        leads = [
            f"{after} gains {'more' if gap.change > 0 else 'less'} over {before} on {other}: {self.reward} {gap.words}"
            for (before, after), gap in self.leads.items()
            if gap.verdict is not Verdict.CANT_TELL
        ]
        levels = [
            f"{arm} scores {'more' if gap.change > 0 else 'less'} on {other}: {self.reward} {gap.words}"
            for arm, gap in self.gaps.items()
            if gap.verdict is not Verdict.CANT_TELL
        ]
        return (*leads, *levels)

    @property
    def conclusions(self) -> tuple[str, ...]:
        """What each split concludes by itself, where several arms were compared."""
        told = ((each.split, each.conclusion) for each in self.evals)
        return tuple(f"{split}: {found.headline}" for split, found in told if found and found.verdict)

    @property
    def figures(self) -> tuple[tuple[str, str, ArmSummary], ...]:
        """Arm, split and summary of each model on each split, the two of a model next to each other."""
        found = ((arm, each.split, each.summary(arm)) for arm in self.gaps for each in self.evals)
        return tuple((arm, split, summary) for arm, split, summary in found if summary)

    @property
    def table(self) -> str:
        """Reward with its interval, micro and macro F1 of each model on each split, in columns."""
        head = ["", *self.splits]
        lines = []
        for arm in self.gaps:
            first, second = (each.summary(arm) for each in self.evals)
            lines += [[arm, "", ""]] if len(self.gaps) > 1 else []
            names = (self.reward, "micro F1", "macro F1")
            figures = zip(
                names, _figures(first, self.evals[0].reward), _figures(second, self.evals[1].reward), strict=True
            )
            lines += [[name, before, after] for name, before, after in figures if before or after]
        return columns([head, *lines])


def on_two_splits(one: Sequence[ArmAnswers], other: Sequence[ArmAnswers]) -> OnTwoSplits:
    """Return how the arms of two evals on different splits score on each, for the arms that both have.

    Raises:
        InvalidRequest: something besides the split differs, or no arm was scored on both.
    """
    evals = (one[0].evaluation, other[0].evaluation)
    reward = evals[0].reward
    differing = [words for words, of in MUST_BE_ALIKE.items() if {of(arm) for arm in one} != {of(arm) for arm in other}]
    if differing:
        raise InvalidRequest(f"{evals[0].id} and {evals[1].id} differ in more than the split: {', '.join(differing)}.")
    first, second = ({each.arm: item_means(each.scores.get(reward, {})) for each in arms} for arms in (one, other))
    shared = [arm for arm, means in first.items() if means and second.get(arm)]
    if not shared:
        raise InvalidRequest(f"{evals[0].id} and {evals[1].id} have no model in common that both scored.")
    gaps = {arm: welch([*first[arm].values()], [*second[arm].values()]) for arm in shared}
    pairs = {pair: [_lead(*pair, means) for means in (first, second)] for pair in combinations(shared, 2)}
    leads = {pair: welch(*both) for pair, both in pairs.items() if all(both)}
    every = (*gaps.values(), *leads.values())
    adjusted = iter(replace(gap, p=p) for gap, p in zip(every, holm([gap.p for gap in every]), strict=True))
    return OnTwoSplits(evals, dict(zip(gaps, adjusted, strict=False)), dict(zip(leads, adjusted, strict=False)))


def _lead(before: str, after: str, means: Mapping[str, Mapping[str, float]]) -> list[float]:
    """Return how much `after` is above `before`, item by item."""
    common = sorted(means[before].keys() & means[after].keys())
    return [round(means[after][item] - means[before][item], 12) for item in common]


def welch(before: Sequence[float], after: Sequence[float]) -> Gap:
    """Return the difference of the means of independent values, by Welch's t test (Welch 1947; Satterthwaite 1946)."""
    means = fmean(before), fmean(after)
    change = round(means[1] - means[0], 12)
    if min(len(before), len(after)) < LEAST_VALUES:
        return Gap(change, None, 1.0)
    parts = [variance(values, mean) / len(values) for values, mean in zip((before, after), means, strict=True)]
    error = math.sqrt(sum(parts))
    if error == 0:
        return Gap(change, Interval(change, change), float(change == 0))
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(values) - 1) for part, values in zip(parts, (before, after), strict=True)
    )
    half = t_quantile(0.975, freedom) * error
    return Gap(change, Interval(change - half, change + half), 2 * t_cdf(-abs(change) / error, freedom))


def _figures(summary: ArmSummary | None, reward: str) -> tuple[str, str, str]:
    """Return the reward with its interval, and F1 over labels both ways; "" for what was not measured."""
    found = summary.grader(reward) if summary else None
    if summary is None or found is None or found.mean is None:
        return "", "", ""
    low, high = (found.interval.low, found.interval.high) if found.interval else (None, None)
    micro, macro = (number(each.f1) if each else "" for each in (summary.micro, summary.macro))
    return estimate(found.mean, low, high), micro, macro
