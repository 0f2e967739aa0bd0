"""Rule K1: a validation set that is too small to see overfitting."""

import math
from dataclasses import dataclass
from typing import ClassVar

from charts import Threshold, TracePanel
from jobs.core.series import Series
from jobs.rules.alert import Alert, JobFacts, Level, Sign, Voice, raised
from jobs.rules.gap import GapReading
from jobs.rules.noise import LEAST_EVALS
from jobs.rules.overfitting import gap_readings, no_gap
from jobs.rules.reasons import Formula, Values
from jobs.rules.tracing import line

UNSEEN = Formula(
    "errors x SE > least_drift, at in_row evaluations in a row",
    "{errors:g} x {error:.3f} = {visible:.3f} > {least_drift:g}, at {in_row:.0f} in a row",
    ("SE = {error:.3f}: the standard error of the gap's drift, with {noise:.3f} of noise in one evaluation.",),
)


@dataclass(frozen=True, slots=True)
class Underpowered:
    """Notes that `errors` x SE > `least_drift`: a gap of the size that matters is hidden by noise.

    Read from `least_evals` evaluations on, when the noise is measured and not supposed.
    """

    rule: ClassVar[str] = "K1"
    title: ClassVar[str] = "validation set too small"
    level: ClassVar[Level] = "info"
    least_drift: float = 0.05
    errors: float = 2.5
    least_evals: int = LEAST_EVALS + 2
    in_row: int = 2

    def blind(self, series: Series, facts: JobFacts) -> str | None:
        """Return what is missing for a gap, or None."""
        return no_gap(series, facts)

    def alerts(self, series: Series, facts: JobFacts) -> tuple[Alert, ...]:
        """Return every time the noise grew beyond what overfitting can be seen through."""
        readings = self._readings(series, facts)
        voice = Voice(self, self.level, self.in_row)
        return raised(voice, readings, self._sign, lambda reading: self._say(reading, facts))

    def _readings(self, series: Series, facts: JobFacts) -> tuple[GapReading, ...]:
        return tuple(reading for reading in gap_readings(series, facts) if reading.evals >= self.least_evals)

    def _sign(self, reading: GapReading) -> Sign:
        return Sign.HOLDS if self._visible(reading) > self.least_drift else Sign.CLEAN

    def _say(self, reading: GapReading, facts: JobFacts) -> tuple[str, Values]:
        seen = self._visible(reading)
        factor = (seen / self.least_drift) ** 2
        text = (
            f"This validation set cannot see gaps under {seen:.3f}; {self.least_drift:.3f} is the size that matters.\n"
            f"One evaluation is uncertain by {reading.noise:.3f}, so overfitting may go unnoticed on this job.\n"
            f"Next: for the next job, {_advice(facts, factor)}."
        )
        return text, {"error": reading.error, "visible": seen, "noise": reading.noise, "factor": factor}

    def why(self, values: Values) -> str:
        """Return the formula with the numbers of a note."""
        return UNSEEN.put_in(self, values)

    def panels(self, series: Series, facts: JobFacts) -> tuple[TracePanel, ...]:
        """Return the smallest gap that can be seen, beside the one that matters."""
        seen = line("smallest gap that noise lets through", self._readings(series, facts), self._visible)
        held = Threshold("the gap that matters", self.least_drift)
        return (TracePanel("gap that can be seen", "score", (seen,), (held,)),)

    def _visible(self, reading: GapReading) -> float:
        return self.errors * reading.error


def _advice(facts: JobFacts, factor: float) -> str:
    """Return what would make the standard error small enough; it shrinks with the root of the items."""
    if facts.valid_items is None:
        return f"use about {factor:.1f} times as many validation items, or more eval_samples"
    items = f"use about {math.ceil(facts.valid_items * factor)} validation items instead of {facts.valid_items}"
    if facts.eval_samples is None:
        return f"{items}, or raise eval_samples"
    return f"{items}, or raise eval_samples above {facts.eval_samples}"
