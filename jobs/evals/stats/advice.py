"""Which effort or prompt to use, and what is lost without the response format, read from the arms of one eval.

The advice is the cheapest arm that is shown to be as good as the best.
"No difference found" is no proof that there is none, so "as good" means non-inferior: the loss of reward is below a
stated margin, with 97.5% confidence.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist, fmean
from typing import Final, Literal, TypeAlias

from charts.wording import compared, counted, grader_name, joined, number, percentage
from jobs.evals.records import Arm, Eval
from jobs.evals.stats.comparison import ArmAnswers, Comparison
from jobs.evals.stats.intervals import t_quantile, variance
from jobs.evals.stats.pair import Pair
from jobs.evals.stats.power import MOST_ITEMS, POWER, about
from jobs.evals.stats.summary import cost_of
from jobs.evals.stats.variance_components import item_means
from jobs.evals.verdict import Verdict
from jobs.platforms.profiles import Price

Axis: TypeAlias = Literal["effort", "prompt", "format"]
AXES: Final[tuple[Axis, ...]] = ("effort", "prompt", "format")
ERROR: Final = 0.025
"""Chance of calling something as good that loses the margin, over all candidates of one question."""
LEAST_SAVING: Final = 0.02
"""A smaller saving is not worth a choice, and may be chance."""
LOST: Final = 1.25
"""Items that are added as lost in full before the bound is drawn: what was seen rules out no rare loss.

Where a loss is rare and total, the interval of the t test alone called a loss of exactly the margin "as good" in 54% of
simulations with 30 items and in 6% with 500; so it is at most 2.5%, at 30 to 1,000 items and for five shapes of loss.
"""


@dataclass(frozen=True, slots=True)
class NonInferiority:
    """Whether an arm loses less than a margin against another."""

    mean: float
    """Mean over items of (candidate - reference)."""
    low: float
    """What the mean is above with 97.5% confidence, or more among several candidates."""
    margin: float
    items: int
    spread: float
    """Variance of the item differences."""
    width: float
    """The largest loss of one item."""
    level: float
    """Confidence of `low`."""

    @property
    def items_needed(self) -> int | None:
        """About how many items would show it, 4 times in 5, were the two equal but for noise; None above the most."""
        quantile, count = NormalDist().inv_cdf(self.level) + POWER, 2
        while count <= MOST_ITEMS:
            if _low(0.0, self.spread * count, count, self.width, quantile) > -self.margin:
                return count
            count = math.ceil(count * 1.05)
        return None

    @property
    def is_shown(self) -> bool:
        """Whether the loss is below the margin."""
        return self.low > -self.margin


@dataclass(frozen=True, slots=True)
class Advice:
    """What to use, of the efforts or prompts that an eval compares with one model."""

    axis: Axis
    model: str
    value: str
    """The effort or the prompt version to use; of formats `none` or `task`."""
    text: str
    """The advice and its reason, as sentences."""
    is_offered: bool
    """Whether it is worth a button: not where nothing tells, and the dearer stays."""


def non_inferiority(
    differences: Sequence[float], margin: float, *, width: float = 1.0, candidates: int = 1
) -> NonInferiority:
    """Return whether the mean of item differences (candidate - reference) is shown to lie above -`margin`.

    The lower bound is m - t(1 - ERROR / candidates, n - 1) SE over the items and `LOST` more that lose everything.
    `width` is the largest loss of one item: the width of the score's scale.
    """
    count, total, level = len(differences), math.fsum(differences), 1 - ERROR / candidates
    if count < 2:
        return NonInferiority(total / max(count, 1), -math.inf, margin, count, width**2, width, level)
    low = _low(total, math.fsum(each**2 for each in differences), count, width, t_quantile(level, count - 1))
    return NonInferiority(total / count, low, margin, count, variance(differences, total / count), width, level)


def _low(total: float, squares: float, count: float, width: float, quantile: float) -> float:
    number_of, total, squares = count + LOST, total - LOST * width, squares + LOST * width**2
    mean = total / number_of
    low = mean - quantile * math.sqrt(max(squares - number_of * mean**2, 0.0) / (number_of - 1) / number_of)
    return max(low, -width)


# -- what to use ------------------------------------------------------------------------------------------------------


def advise(
    evaluation: Eval, arms: Sequence[ArmAnswers], comparison: Comparison, prices: Mapping[str, Price]
) -> tuple[Advice, ...]:
    """Return what to use of the efforts and of the prompts that an eval compares, each for every model.

    Args:
        evaluation: that has ended.
        arms: their scores.
        comparison: of all of them.
        prices: of models, where they are known; without one, tokens are compared.
    """
    found = []
    for axis in AXES:
        groups: dict[Arm, list[ArmAnswers]] = {}
        for arm in arms:
            groups.setdefault(_without(arm.asked, axis), []).append(arm)
        for group in groups.values():
            scored = [arm for arm in group if arm.scores.get(evaluation.reward)]
            if len(scored) > 1:
                found.append(_Question(evaluation, axis, tuple(scored), comparison, prices).answer())
    return tuple(found)


def _without(arm: Arm, axis: Axis) -> Arm:
    alike = replace(arm, prompt_hash=None)
    match axis:
        case "effort":
            return replace(alike, effort=None)
        case "prompt":
            return replace(alike, prompt=None)
        case "format":
            return replace(alike, format=None)


@dataclass(frozen=True, slots=True)
class _Question:
    """Which of these arms, which differ in one thing, to use."""

    evaluation: Eval
    axis: Axis
    arms: tuple[ArmAnswers, ...]
    comparison: Comparison
    prices: Mapping[str, Price]

    def answer(self) -> Advice:
        """Return what to use."""
        return self._format() if self.axis == "format" else self._cheapest()

    def _format(self) -> Advice:
        """Return what is lost where the response format is left out."""
        held, free = sorted(self.arms, key=lambda arm: arm.asked.format is not None)
        test, verdict = self._non_inferiority(free, held, 1), self._pair(held, free).verdict
        if self._pair(held, free).before != held.arm and verdict is not Verdict.CANT_TELL:
            verdict = Verdict.WORSE if verdict is Verdict.BETTER else Verdict.BETTER
        means = self._means(free, held)
        if free.coverage.ungradable:
            means += f"; without it, {free.coverage.remark}"
        if verdict is Verdict.WORSE:
            text = f"Asked without the response format, answers are worse: {means}. Production has to ask with it."
        elif test.is_shown:
            but_for = f"but for the margin of {test.margin:g}"
            text = f"Asked without the response format, answers are as good, {but_for}: {means}."
        else:
            text = f"Not settled what is lost without the response format: {means}. {self._at_worst(test)}"
        return self._advice(held, text, is_offered=False)

    def _cheapest(self) -> Advice:
        # Of equal means the dearer one, so that the cheaper one is put to the test.
        best = max(self.arms, key=lambda arm: (round(self._mean(arm), 12), self._cost(arm)))
        cheaper = sorted((arm for arm in self.arms if self._is_cheaper(arm, best)), key=self._cost)
        shown = [(arm, self._non_inferiority(arm, best, len(cheaper))) for arm in cheaper]
        as_good = next((pair for pair in shown if pair[1].is_shown), None)
        if as_good:
            return self._advice(as_good[0], self._as_good(*as_good, best), is_offered=True)
        dearer = [arm for arm in self.arms if self._is_cheaper(best, arm)]
        if not cheaper and dearer:
            return self._cheapest_and_best(best, max(dearer, key=self._mean))
        tied = [(arm, test) for arm, test in shown if self._pair(arm, best).verdict is Verdict.CANT_TELL]
        if not tied:
            return self._advice(best, self._best_only(best, cheaper), is_offered=self._is_told(best))
        if self.axis == "prompt":
            return self._advice(tied[0][0], self._tie(*tied[0], best), is_offered=True)
        return self._advice(best, self._unsettled(*tied[0], best), is_offered=False)

    def _advice(self, arm: ArmAnswers, text: str, *, is_offered: bool) -> Advice:
        return Advice(self.axis, arm.asked.label or arm.asked.model, self._value(arm), text, is_offered)

    def _cheapest_and_best(self, best: ArmAnswers, runner_up: ArmAnswers) -> Advice:
        test = self._non_inferiority(best, runner_up, 1)
        if test.is_shown:
            return self._advice(best, self._as_good(best, test, runner_up), is_offered=True)
        text = (
            f"There is no case for {self._value(runner_up)}: {self._value(best)} {self._saving(best, runner_up)}, "
            f"{self._means(best, runner_up)}."
        )
        return self._advice(best, text, is_offered=True)

    # -- words --------------------------------------------------------------------------------------------------------

    def _as_good(self, arm: ArmAnswers, test: NonInferiority, best: ArmAnswers) -> str:
        return (
            f"{self._named(arm)} is as good as {self._value(best)} and {self._saving(arm, best)}: "
            f"{self._means(arm, best)}, with 97.5% confidence less than {test.margin:g} worse, the margin."
        )

    def _tie(self, arm: ArmAnswers, test: NonInferiority, best: ArmAnswers) -> str:
        return (
            f"{self._named(arm)} is not told from {self._value(best)} ({self._means(arm, best)}), and a tie goes to "
            f"the shorter one, which {self._saving(arm, best)}. {self._at_worst(test)}"
        )

    def _unsettled(self, arm: ArmAnswers, test: NonInferiority, best: ArmAnswers) -> str:
        return (
            f"Not settled whether {self._value(arm)}, which {self._saving(arm, best)}, is as good as "
            f"{self._value(best)}: {self._means(arm, best)}. {self._at_worst(test)}"
        )

    def _at_worst(self, test: NonInferiority) -> str:
        takes = f"{about(test.items_needed)} items" if test.items_needed else f"more than {MOST_ITEMS:,} items"
        worst = f"up to {number(-test.low, 3)}" if math.isfinite(test.low) else "any amount"
        return (
            f"It may be {worst} worse, and the margin is {test.margin:g}: {takes} would show that it is as good if it "
            f"is ({test.items:,} here), or accept a wider `margin=`."
        )

    def _best_only(self, best: ArmAnswers, cheaper: Sequence[ArmAnswers]) -> str:
        if cheaper:
            worse = cheaper[-1]
            return f"{self._named(best)} is worth its price: {self._value(worse)} is worse, {self._means(worse, best)}."
        same = f"{joined([self._value(arm) for arm in self.arms])} cost the same, within {percentage(LEAST_SAVING)}"
        if self._is_told(best):
            return f"{self._named(best)} is better and costs nothing more: {same}."
        return f"{same[0].upper()}{same[1:]}, and are not told apart: nothing is saved by choosing."

    def _means(self, arm: ArmAnswers, best: ArmAnswers) -> str:
        was, now, change = compared(self._mean(best), self._mean(arm))
        items = counted(self._pair(arm, best).items, "item")
        return f"{grader_name(self.evaluation.reward)} {now} against {was} ({change}) on {items}"

    def _saving(self, arm: ArmAnswers, best: ArmAnswers) -> str:
        saved = percentage(1 - self._cost(arm) / self._cost(best))
        return f"costs {saved} less" if self._is_priced else f"takes {saved} fewer tokens"

    def _named(self, arm: ArmAnswers) -> str:
        value = f"prompt {self._value(arm)}" if self.axis == "prompt" else f"effort {self._value(arm)}"
        return value[0].upper() + value[1:]

    def _value(self, arm: ArmAnswers) -> str:
        return str(getattr(arm.asked, self.axis) or ("task" if self.axis == "format" else "default"))

    # -- figures ------------------------------------------------------------------------------------------------------

    def _mean(self, arm: ArmAnswers) -> float:
        return fmean(item_means(arm.scores[self.evaluation.reward]).values())

    def _is_told(self, best: ArmAnswers) -> bool:
        return any(self._pair(arm, best).verdict is not Verdict.CANT_TELL for arm in self.arms if arm is not best)

    def _pair(self, arm: ArmAnswers, best: ArmAnswers) -> Pair:
        names = {arm.arm, best.arm}
        return next(pair for pair in self.comparison.pairs if {pair.before, pair.after} == names)

    def _is_cheaper(self, arm: ArmAnswers, other: ArmAnswers) -> bool:
        return self._cost(arm) < (1 - LEAST_SAVING) * self._cost(other)

    def _non_inferiority(self, arm: ArmAnswers, best: ArmAnswers, candidates: int) -> NonInferiority:
        old, new = (item_means(each.scores[self.evaluation.reward]) for each in (best, arm))
        seen = (0.0, 1.0, *old.values(), *new.values())
        low, high = self.evaluation.ranges.get(self.evaluation.reward, (min(seen), max(seen)))
        differences = [round(new[item] - old[item], 12) for item in sorted(old.keys() & new.keys())]
        margin = self.evaluation.margin * (high - low)
        return non_inferiority(differences, margin, width=high - low, candidates=candidates)

    @property
    def _is_priced(self) -> bool:
        return all(self._price(arm) for arm in self.arms)

    def _price(self, arm: ArmAnswers) -> Price | None:
        price = self.prices.get(arm.asked.model)
        return price if price and (price.input or price.output) else None

    def _cost(self, arm: ArmAnswers) -> float:
        """Return dollars for 1,000 calls or, where a price is not known, tokens of an answer and its question."""
        summary, price = self.evaluation.summary(arm.arm), self._price(arm)
        return cost_of(summary, price if self._is_priced else Price(1000.0, 1000.0)) or 0.0 if summary else 0.0
