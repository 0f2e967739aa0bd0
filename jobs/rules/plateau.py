"""Rules P and E: validation does not rise any more, and the policy has stopped trying other answers.

    slopes = (V_j - V_i) / (s_j - s_i) for every pair i < j of the last n evaluations          (Theil and Sen)
    upper  = the slope at rank (N + C) / 2 of the N sorted ones,  C = 1.645 sqrt(n (n - 1) (2 n + 5) / 18)

`upper` is the upper end of Sen's 90% interval. Times the steps between the first and the last of the n evaluations it
is the most that validation may still have gained over them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

from charts import Threshold, TracedLine, TracePanel
from jobs.core.series import Series
from jobs.rules.alert import Alert, JobFacts, Level, Sign, Voice, raised
from jobs.rules.epochs import at, epoch_means
from jobs.rules.gap import Point, usable
from jobs.rules.inputs import ENTROPY_KEYS, first_reason, no_valid, raw_points
from jobs.rules.reasons import Formula, Values
from jobs.rules.tracing import line

NORMAL_95 = 1.645
FLAT = Formula(
    "u x S < least_gain, over the last evals evaluations",
    "{slope:.5f} x {span:.0f} = {most:.3f} < {least_gain:g}, over the last {evals:.0f}",
    (
        "u: the upper end of Sen's 90% interval of the slope of validation reward, per step. S: steps they span.",
        "Together the most that validation can have gained.",
    ),
)
USED_UP = Formula(
    "H < least_share x H0 and u x S < {plateau_least_gain:g}, at in_row evaluations in a row",
    "{entropy:.3f} < {least_share:g} x {entropy_start:.3f} = {floor:.3f} and {most:.3f} < {plateau_least_gain:g}, "
    "at {in_row:.0f} in a row",
    (
        "H and H0: entropy now and at the start, means of one epoch.",
        "u x S: the most that validation reward can have gained over the last {plateau_evals:.0f} evaluations.",
    ),
)


@dataclass(frozen=True, slots=True)
class Rise:
    """What the last evaluations say about the slope."""

    step: int
    valid: float
    most: float
    """Upper end of the 90% interval of the slope, times the span: reward gained at most."""
    span: int
    """Steps from the first to the last of the evaluations."""


def read_rises(points: Sequence[Point], evals: int) -> tuple[Rise, ...]:
    """Return the slope's reading at every evaluation from number `evals` on; a slope takes two at least."""
    valid, evals = usable(points), max(evals, 2)
    return tuple(_rise(valid[end - evals : end]) for end in range(evals, len(valid) + 1))


def _rise(last: Sequence[Point]) -> Rise:
    count = len(last)
    slopes = sorted((b - a) / (t - s) for (s, a), (t, b) in combinations(last, 2))
    interval = NORMAL_95 * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    upper = slopes[min(round((len(slopes) + interval) / 2), len(slopes) - 1)]
    span = last[-1][0] - last[0][0]
    return Rise(last[-1][0], last[-1][1], upper * span, span)


@dataclass(frozen=True, slots=True)
class Plateau:
    """Notes that over the last `evals` evaluations validation gained less than `least_gain`, at the most."""

    rule: ClassVar[str] = "P"
    title: ClassVar[str] = "plateau"
    level: ClassVar[Level] = "info"
    evals: int = 8
    least_gain: float = 0.04
    in_row: int = 1

    def blind(self, series: Series, facts: JobFacts) -> str | None:  # noqa: ARG002 - every rule is asked alike
        """Return that validation is missing, or None."""
        return no_valid(series)

    def alerts(self, series: Series, facts: JobFacts) -> tuple[Alert, ...]:  # noqa: ARG002 - every rule is asked alike
        """Return every time validation stopped rising."""
        voice = Voice(self, self.level, self.in_row)
        return raised(voice, read_rises(series.valid, self.evals), self.sign, self._say)

    def sign(self, rise: Rise) -> Sign:
        """Return what a reading says: HOLDS on a plateau."""
        return Sign.HOLDS if rise.most < self.least_gain else Sign.CLEAN

    def _say(self, rise: Rise) -> tuple[str, Values]:
        gained = f"gained at most {rise.most:.2f}" if rise.most > 0 else "gained nothing"
        text = (
            f"Plateau: over the last {rise.span} steps validation reward {gained}; it is {rise.valid:.2f}.\n"
            "More steps of the same kind will probably add little.\n"
            "Next: compare the checkpoints there are. Let the job end, or cancel it to save the rest of the cost."
        )
        return text, {
            "valid": rise.valid,
            "most": rise.most,
            "span": float(rise.span),
            "slope": rise.most / rise.span,
        }

    def why(self, values: Values) -> str:
        """Return the formula with the numbers of a note."""
        return FLAT.put_in(self, values)

    def panels(self, series: Series, facts: JobFacts) -> tuple[TracePanel, ...]:  # noqa: ARG002 - asked alike
        """Return what validation can have gained at most, and validation itself."""
        valid = TracePanel("validation reward", "score", (TracedLine("validation reward", series.valid),))
        return (self.gained(series), valid)

    def gained(self, series: Series) -> TracePanel:
        """Return what validation can have gained at most, beside what a plateau stays under."""
        most = line(f"gained over {self.evals} evaluations, at most", read_rises(series.valid, self.evals), _most)
        return TracePanel("gain that noise leaves room for", "score", (most,), (Threshold("plateau", self.least_gain),))


def _most(rise: Rise) -> float:
    return rise.most


@dataclass(frozen=True, slots=True)
class Spread:
    """Entropy at one evaluation, beside the slope of validation."""

    step: int
    rise: Rise
    entropy: float
    entropy_start: float


@dataclass(frozen=True, slots=True)
class EntropyLoss:
    """Fires when entropy is under `least_share` of its start and validation stands on a plateau; never on one alone.

    Entropy falls on every job that learns (Cui et al., arXiv 2505.22617), so by itself it says nothing.
    Both figures of entropy are means over one epoch.
    """

    rule: ClassVar[str] = "E"
    title: ClassVar[str] = "entropy used up"
    level: ClassVar[Level] = "warn"
    least_share: float = 0.2
    plateau: Plateau = Plateau()
    in_row: int = 2

    def blind(self, series: Series, facts: JobFacts) -> str | None:  # noqa: ARG002 - every rule is asked alike
        """Return what is missing, or None."""
        silent = None if raw_points(series, ENTROPY_KEYS) else "The platform sends no entropy."
        return first_reason(silent, no_valid(series))

    def alerts(self, series: Series, facts: JobFacts) -> tuple[Alert, ...]:
        """Return every time the policy ran out of other answers on a plateau."""
        return raised(Voice(self, self.level, self.in_row), self._spreads(series, facts), self._sign, self._say)

    def _spreads(self, series: Series, facts: JobFacts) -> tuple[Spread, ...]:
        means = epoch_means(raw_points(series, ENTROPY_KEYS), facts.window)
        found = ((rise, at(means, rise.step)) for rise in read_rises(series.valid, self.plateau.evals))
        return tuple(Spread(rise.step, rise, h, means[0][1]) for rise, h in found if h is not None)

    def _sign(self, spread: Spread) -> Sign:
        low = spread.entropy < self._floor(spread)
        return Sign.HOLDS if low and self.plateau.sign(spread.rise) is Sign.HOLDS else Sign.CLEAN

    def _say(self, spread: Spread) -> tuple[str, Values]:
        text = (
            f"Entropy used up: it fell from {spread.entropy_start:.2f} to {spread.entropy:.2f}, and validation reward "
            f"gained at most {max(spread.rise.most, 0):.2f} over the last {spread.rise.span} steps.\n"
            "The policy gives nearly the same answers every time, so there is little left to learn from.\n"
            "Next: cancel the job, or start another from more varied prompts or with a lower learning rate."
        )
        values = {"entropy": spread.entropy, "entropy_start": spread.entropy_start, "most": spread.rise.most}
        return text, {**values, "floor": self._floor(spread)}

    def _floor(self, spread: Spread) -> float:
        return self.least_share * spread.entropy_start

    def why(self, values: Values) -> str:
        """Return the formula with the numbers of an alert."""
        return USED_UP.put_in(self, values)

    def panels(self, series: Series, facts: JobFacts) -> tuple[TracePanel, ...]:
        """Return entropy beside its floor, and what validation can have gained at most."""
        means = epoch_means(raw_points(series, ENTROPY_KEYS), facts.window)
        held = tuple(Threshold(f"{self.least_share:.0%} of its start", self.least_share * h) for _, h in means[:1])
        entropy = TracePanel("entropy", "score", (TracedLine("mean of one epoch", means),), held)
        return (entropy, self.plateau.gained(series))
