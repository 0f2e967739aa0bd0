"""Rule Z: the platform has fallen silent."""

from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import ClassVar

from charts import Threshold, TracedLine, TracePanel
from jobs.core.series import Series
from jobs.rules.alert import Alert, JobFacts, Level
from jobs.rules.reasons import Formula, Values, thresholds

SLOW = Formula(
    "silence > max(steps x m, least_seconds)",
    "silence > max({steps:g} x {step_seconds:.0f} s, {least_seconds:.0f} s) = {limit:.0f} s",
    ("silence: time since the newest event of any kind. m = {step_seconds:.0f} s: the median time of a step.",),
)
NO_STEP = Formula(
    "silence > least_seconds",
    "silence > {limit:.0f} s",
    ("silence: time since the newest event of any kind. No two steps have come that would tell how long one takes.",),
)


@dataclass(frozen=True, slots=True)
class Stall:
    """Fires when a job that trains sent no event for max(`steps` x its median step, `least_seconds`).

    It is the one rule with a clock, so its alert is there only as long as the silence lasts: a step that comes ends it,
    and a longer series does not bring it back.
    """

    rule: ClassVar[str] = "Z"
    title: ClassVar[str] = "stall"
    level: ClassVar[Level] = "warn"
    steps: float = 3.0
    least_seconds: float = 1800.0

    def blind(self, series: Series, facts: JobFacts) -> str | None:
        """Return that times are missing, or None."""
        if facts.now is None:
            return "The time is not known here."
        return None if _heard(series, facts) is not None else "The platform's events carry no time."

    def alerts(self, series: Series, facts: JobFacts) -> tuple[Alert, ...]:
        """Return the alert of the present silence."""
        heard = _heard(series, facts)
        if facts.now is None or heard is None or not facts.training:
            return ()
        usual = step_seconds(series)
        limit = self._limit(usual)
        if facts.now - heard <= limit:
            return ()
        step = series.last.step if series.last else 0
        pace = f"a step took {_span(usual)} so far" if usual else "no step has come yet"
        text = (
            f"Stall: no event for more than {_span(limit)} after step {step}; {pace}.\n"
            "The job may hang or wait for capacity; where time is charged, it may still cost.\n"
            "Next: look at the platform's own page and status; cancel and launch again if it does not go on."
        )
        values = {"limit": limit, "heard_at": heard} | ({"step_seconds": usual} if usual else {})
        return (Alert(self.rule, self.level, step, text, {**thresholds(self), **values}),)

    def _limit(self, usual: float | None) -> float:
        return max(self.steps * (usual or 0.0), self.least_seconds)

    def why(self, values: Values) -> str:
        """Return the formula with the numbers of an alert."""
        return (SLOW if "step_seconds" in values else NO_STEP).put_in(self, values)

    def panels(self, series: Series, facts: JobFacts) -> tuple[TracePanel, ...]:
        """Return how long after the one before each step came, and the silence since the newest event."""
        lines = [TracedLine("time since the step before", _waits(series))]
        heard, step = _heard(series, facts), series.last.step if series.last else 0
        if facts.now is not None and heard is not None and facts.training:
            lines.append(TracedLine("silence now", ((step + 1, facts.now - heard),)))
        held = Threshold("stalled above", self._limit(step_seconds(series)))
        return (TracePanel("time without an event", "seconds", tuple(lines), (held,)),)


def _waits(series: Series) -> tuple[tuple[int, float], ...]:
    times = [(step.step, step.at) for step in series.steps if step.at is not None]
    return tuple((number, later - at) for (_, at), (number, later) in pairwise(times))


def step_seconds(series: Series) -> float | None:
    """Return the median time between two steps in seconds, by the events' times or else by the steps' own timing."""
    times = [(step.step, step.at) for step in series.steps if step.at is not None]
    between = [(later - at) / (number - before) for (before, at), (number, later) in pairwise(times)]
    spans = [span for span in between if span > 0] or [s.timing.full for s in series.steps if s.timing.full]
    return median(spans) if spans else None


def _heard(series: Series, facts: JobFacts) -> float | None:
    times = [step.at for step in series.steps if step.at is not None]
    known = times if facts.heard_at is None else [*times, facts.heard_at]
    return max(known, default=None)


def _span(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
